"""Root starts the server, and none of it is root's: no process, no file, and nothing stops working."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from callfloor.postgres.service_user import ServiceUser
from callfloor.privileges import chosen
from callfloor.settings import Settings
from tests.installed import Program, for_everybody
from tests.store.postgres_processes import living
from tests.waiting import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give root up")
USER = next(ServiceUser.usual(), ServiceUser.of(65534))
OTHER = ServiceUser.of(54321)


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with for_everybody() as found:
        yield found


@pytest.fixture
def folder() -> Iterator[Path]:
    # not pytest's own, which are closed to other users
    with tempfile.TemporaryDirectory(prefix="cf-root-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def low_port() -> int:
    """A free one that only root may take."""
    for port in range(1023, 600, -1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("every port below 1024 is taken")


class Server:
    """One that root starts, and what it says."""

    def __init__(self, program: Program, *arguments: str | Path, **more: str) -> None:
        self.out = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `started`
        environment = os.environ | program.environment | {"CALLFLOOR_WORKERS": "1"} | more
        self.process = subprocess.Popen(
            [*program.command, *map(str, arguments)], stdout=self.out, stderr=subprocess.STDOUT, env=environment
        )

    def said(self) -> str:
        self.out.seek(0)
        return self.out.read()

    async def says(self, what: str) -> re.Match[str]:
        async def looked() -> re.Match[str] | None:
            assert self.process.poll() is None, self.said()
            return re.search(what, self.said(), re.MULTILINE)

        return await until(looked, seconds=150)

    def processes(self) -> list[int]:
        """The server's own, and all that descend from it."""
        parents = {int(each.name): _parent(each) for each in Path("/proc").glob("[0-9]*")}
        found = {self.process.pid}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return sorted(found)


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


@contextmanager
def started(program: Program, *arguments: str | Path, **more: str) -> Generator[Server]:
    server = Server(program, *arguments, **more)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        code = server.process.wait(60)
        said = server.said()
        server.out.close()
    assert code == 0, said


def rights(process: int) -> set[tuple[str, str, int]]:
    """Every uid and gid of each thread of a process, and its capabilities."""
    found: set[tuple[str, str, int]] = set()
    for status in Path(f"/proc/{process}/task").glob("*/status"):
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        able = int(fields["CapEff"], 16) | int(fields["CapPrm"], 16)
        found |= {(uid, gid, able) for uid in fields["Uid"].split() for gid in fields["Gid"].split()}
    return found


def of_root(folder: Path) -> set[str]:
    """What root owns in a folder."""
    found: set[str] = set()
    for path in (folder, *folder.rglob("*")):
        # files come and go while a server works in it
        with suppress(FileNotFoundError):
            found |= {path.name} if path.lstat().st_uid == 0 else set()
    return found


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.count("\n") == 1, done.stderr
    assert all(each in done.stderr for each in said), done.stderr


async def test_nothing_of_it_is_roots_and_all_works_in_a_folder_that_root_left(program: Program, folder: Path) -> None:
    data = folder / "data"
    quick = {"CALLFLOOR_CARRIER_PACE": "40", "CALLFLOOR_SIMULATED_CALLERS": "60", "CALLFLOOR_LOG_LEVEL": "info"}
    # the master key is the folder's
    quick |= {"CALLFLOOR_MASTER_KEY": ""}
    # as it was before: all but PostgreSQL is root's
    with started(program, "demo", "--data", data, "--user", "root", "--port", "0", **quick) as before:
        await before.says("^reference: ")
        assert {"0"} == {uid for uid, _, _ in rights(before.process.pid)}
        recording = await before.says(r"call\.wav 'http://[^/]*(\S+)'")
    assert {"master.key", "media", "serve-api.lock"} <= of_root(data)
    port, smtp = low_port(), low_port() - 1
    with started(
        program, "demo", "--data", data, "--port", str(port), CALLFLOOR_SMTP_PORT=str(smtp), **quick
    ) as server:
        token = (await server.says("^token: (.*)$"))[1]
        await server.says("^reference: ")
        mine = {(str(USER.uid), str(USER.gid), 0)}
        processes = server.processes() + living(data)
        assert len(processes) > 6
        for process in processes:
            assert rights(process) == mine, process
        assert of_root(data) == set()
        with socket.create_connection(("127.0.0.1", smtp)) as post:
            assert post.recv(4) == b"220 "
        address = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
            heard = await client.get(recording[1])
            assert (heard.status_code, heard.content[:4]) == (200, b"RIFF")
            body = {"listId": 1, "phone1": "0491 570 156"}
            assert (await client.post("/platform-api/v3.0/leads", json=body)).status_code == 201
        # a call of this run has its recording
        await server.says(r'"event":"dialling"')
        (folder / "leads.csv").write_text("phone1\n0491 570 157\n0491 570 158\n")
        imported = await asyncio.to_thread(
            program.run, "import", folder / "leads.csv", "--list", "1", "--url", address, "--token", token
        )
        assert imported.returncode == 0, imported
        # root's own commands leave nothing behind that the server could not read
        made = await asyncio.to_thread(program.run, "token", "list", "--data", data, **quick)
        assert made.returncode == 0, made
        assert of_root(data) == set()
    assert of_root(data) == set()
    assert living(data) == []


async def test_another_user_takes_a_folder_over_and_not_while_it_is_in_use(program: Program, folder: Path) -> None:
    data = folder / "data"
    with started(program, "serve", "--data", data, "--port", "0") as server:
        await server.says("^address: ")
        assert data.stat().st_uid == USER.uid
        other = await asyncio.to_thread(
            program.run, "serve", "--role", "jobs", "--data", data, "--port", "0", "--user", str(OTHER.uid)
        )
        refused(other, "--user (CALLFLOOR_USER): ", f"in use as {USER.name}'s")
    with started(program, "serve", "--data", data, "--port", "0", CALLFLOOR_USER=str(OTHER.uid)) as server:
        await server.says("^address: ")
        assert {uid for process in server.processes() for uid, _, _ in rights(process)} == {str(OTHER.uid)}
        assert {path.lstat().st_uid for path in (data, *data.rglob("*"))} == {OTHER.uid}


def test_the_owner_of_an_installation_goes_on_owning_it_when_root_starts_it_once(folder: Path) -> None:
    data = folder / "data"
    given: dict[str, Any] = {"data": data}
    settings = Settings(**given)
    (data / "postgres").mkdir(parents=True)
    os.chown(data / "postgres", OTHER.uid, OTHER.gid)
    assert chosen(settings) == OTHER
    (data / "postgres").rmdir()
    assert chosen(settings) == USER


@pytest.mark.parametrize("where", ["media", "secrets/care", "master.key", "media/1/ab", ""])
def test_a_link_in_a_folder_is_refused_and_what_it_leads_to_stays_roots(
    program: Program, folder: Path, where: str
) -> None:
    data, aside = folder / "data", folder / "aside"
    aside.mkdir()
    (aside / "shadow").write_text("root's")
    if where:
        (data / where).parent.mkdir(parents=True)
        (data / "serve-api.lock").touch()
    (data / where).symlink_to(aside if where != "master.key" else aside / "shadow")
    done = program.run("serve", "--data", data, "--port", "0")
    refused(done, "--data (CALLFLOOR_DATA): ", f"{data / where} is a symbolic link")
    assert {path.stat().st_uid for path in (aside, aside / "shadow")} == {0}


def test_a_file_that_has_another_name_elsewhere_is_not_given_away(program: Program, folder: Path) -> None:
    data, aside = folder / "data", folder / "shadow"
    data.mkdir()
    aside.write_text("root's")
    os.link(aside, data / "master.key")
    refused(program.run("serve", "--data", data, "--port", "0"), f"{data / 'master.key'} has another name elsewhere")
    assert aside.stat().st_uid == 0


def test_a_link_of_somebody_else_on_the_way_to_the_folder_is_refused(program: Program, folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "way").symlink_to(folder / "real")
    os.lchown(folder / "way", OTHER.uid, OTHER.gid)
    refused(program.run("serve", "--data", folder / "way/data", "--port", "0"), f"{folder / 'way'} is a symbolic link")
    assert not (folder / "real/data").exists()


def test_a_folder_that_holds_other_things_is_not_given_away(program: Program, folder: Path) -> None:
    (folder / "letter").write_text("root's")
    (folder / "media").mkdir()
    refused(program.run("serve", "--data", folder, "--port", "0"), f"{folder} holds other things")
    assert {path.stat().st_uid for path in (folder, *folder.iterdir())} == {0}


def test_a_folder_that_the_user_cannot_reach_is_refused_and_not_opened(program: Program, folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    done = program.run("serve", "--data", closed / "data", "--port", "0")
    refused(done, "--data (CALLFLOOR_DATA): ", f"{USER.name}, ", f"cannot pass through {closed} ")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not (closed / "data").exists()
    media = program.run("serve", "--data", folder / "data", "--port", "0", CALLFLOOR_MEDIA_URL=str(closed / "media"))
    refused(media, "--media-url (CALLFLOOR_MEDIA_URL): ", f"cannot pass through {closed} ")


@pytest.mark.parametrize(("name", "said"), [("no such user", "there is no user no such user"), ("-1", "no user -1")])
def test_a_user_that_is_none_is_refused(program: Program, folder: Path, name: str, said: str) -> None:
    done = program.run("serve", "--data", folder / "data", "--port", "0", CALLFLOOR_USER=name)
    refused(done, "--user (CALLFLOOR_USER): ", said)
    assert not (folder / "data").exists()


def test_who_is_not_root_becomes_nobody_else(program: Program, folder: Path) -> None:
    other = pwd.getpwuid(65534).pw_name
    done = subprocess.run(
        [*program.command, "serve", "--data", folder / "data", "--user", "root", "--port", "0"],
        capture_output=True, text=True, env=os.environ | program.environment, user=65534, group=65534, extra_groups=(),
    )  # fmt: skip
    refused(done, "only root can become root", f"{other} started this")


async def test_a_program_that_others_cannot_read_stays_roots_says_so_and_refuses_a_named_user(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="cf-closed-") as made:
        # as in root's home: the program's own folder is closed
        (Path(made) / "sitecustomize.py").touch()
        with for_everybody() as open_to_all:
            path = f"{made}:{open_to_all.environment.get('PYTHONPATH', '')}".rstrip(":")
            program = Program(open_to_all.command, open_to_all.environment | {"PYTHONPATH": path})
            named = program.run("serve", "--data", folder / "data", "--port", "0", "--user", USER.name)
            refused(named, f"the server cannot run as {USER.name}: ", "cannot read the program", "/opt/callfloor")
            with started(program, "serve", "--data", folder / "data", "--port", "0") as server:
                await server.says("^address: ")
                assert "callfloor: warning: the server stays root: " in server.said()
                assert "docs/hardening.md" in server.said()
