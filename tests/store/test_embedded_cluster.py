from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from callfloor.postgres.server import EmbeddedServer, EmbeddedServerError, binaries
from callfloor.postgres.server_settings import server_settings
from callfloor.postgres.service_user import ServiceUser
from tests.store.postgres_processes import USE, ask, living, new_folder, postmaster, started, using

ROOT = os.geteuid() == 0
NUMBER = "+61491570006"

AS_NOBODY = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from callfloor.postgres.server import EmbeddedServer, EmbeddedServerError, binaries
from callfloor.postgres.service_user import ServiceUser
ServiceUser.choose(None).let_in((binaries(),), binaries().parent, lambda _: None)
own, foreign, uid, gid = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
os.setgroups([]); os.setgid(gid); os.setuid(uid)
for data in (foreign / "new", foreign):
    try:
        EmbeddedServer.start_or_join(data, fsync=False)
    except EmbeddedServerError as error:
        print("refused", error)
server = EmbeddedServer.start_or_join(own, fsync=False)
async def ask():
    connection = await asyncpg.connect(server.dsn)
    print("answer", await connection.fetchval("SELECT 40 + 2"))
    await connection.close()
asyncio.run(ask())
server.release()
"""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def in_gigabytes(value: str) -> str:
    """Spelled as SHOW does: whole gigabytes as such."""
    found = re.fullmatch(r"(\d+)MB", value)
    return f"{int(found[1]) // 1024}GB" if found and int(found[1]) % 1024 == 0 else value


def sockets(process: int) -> set[str]:
    opened = [os.readlink(entry) for entry in Path(f"/proc/{process}/fd").iterdir() if entry.is_symlink()]
    return {name for name in opened if name.startswith("socket:")}


def tcp_listeners() -> set[str]:
    tables = [path.read_text() for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")) if path.exists()]
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}


def folder_of_service_user(path: Path) -> None:
    path.mkdir()
    user = ServiceUser.choose(None)
    assert user is not None
    os.chown(path, user.uid, user.gid)


@pytest.fixture
def data() -> Generator[Path]:
    with new_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def shared() -> Generator[tuple[Path, EmbeddedServer]]:
    """One server for the tests that only look at it."""
    with new_folder() as folder:
        server = EmbeddedServer.start_or_join(folder, fsync=False)
        yield folder, server
        server.release()


async def test_a_long_path_has_its_socket_elsewhere_and_in_private(data: Path) -> None:
    deep = data / ("x" * 60) / ("y" * 60)
    server = EmbeddedServer.start_or_join(deep, fsync=False)
    folder = Path(parse_qs(urlsplit(server.dsn).query)["host"][0])
    try:
        assert await ask(server.dsn, "SELECT 1") == 1
        assert not folder.is_relative_to(deep)
        assert mode(folder) == 0o700
        server.release()
        os.chmod(folder, 0o755)
        with pytest.raises(EmbeddedServerError, match="open to others: remove it"):
            EmbeddedServer.start_or_join(deep, fsync=False)
    finally:
        server.release()
        shutil.rmtree(folder)


async def test_a_path_with_spaces_quotes_and_commas_works(data: Path) -> None:
    server = EmbeddedServer.start_or_join(data / "José's, own", fsync=False)
    folder = Path(parse_qs(urlsplit(server.dsn).query)["host"][0])
    assert await ask(server.dsn, "SELECT 1") == 1
    server.release()
    shutil.rmtree(folder)
    with pytest.raises(EmbeddedServerError, match="choose a path without"):
        EmbeddedServer.start_or_join(data / "$(reboot)")


async def test_only_the_password_opens_the_socket_and_nothing_listens_on_tcp(
    shared: tuple[Path, EmbeddedServer],
) -> None:
    data, server = shared
    assert await ask(server.dsn, "SELECT current_user || '@' || current_database()") == "callfloor@callfloor"
    password = urlsplit(server.dsn).password
    assert password == (data / "postgres.password").read_text()
    assert mode(data / "postgres.password") == 0o600
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn, password="wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(server.dsn.replace(f":{password}@", "@"), passfile=str(data / "none"))
    held = {socket for process in living(data) for socket in sockets(process)}
    assert held
    assert not held & tcp_listeners()


async def test_the_log_never_holds_what_statements_and_rows_hold(shared: tuple[Path, EmbeddedServer]) -> None:
    data, server = shared
    await ask(server.dsn, "CREATE TABLE leads (phone text PRIMARY KEY)")
    await ask(server.dsn, "INSERT INTO leads VALUES ($1)", NUMBER)
    with pytest.raises(asyncpg.UniqueViolationError):
        await ask(server.dsn, "INSERT INTO leads VALUES ($1)", NUMBER)
    with pytest.raises(asyncpg.InvalidTextRepresentationError):
        await ask(server.dsn, "SELECT $1::text::uuid", NUMBER)
    with pytest.raises(asyncpg.PostgresSyntaxError):
        await ask(server.dsn, f"SELEKT '{NUMBER}'")
    log = (data / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert NUMBER not in log


def test_the_server_is_out_of_the_terminals_reach(shared: tuple[Path, EmbeddedServer]) -> None:
    assert os.getsid(postmaster(shared[0])) != os.getsid(0)


async def test_the_servers_settings_are_those_of_its_include_file(shared: tuple[Path, EmbeddedServer]) -> None:
    server = shared[1]
    text = server_settings(Path("/x"), 5432, lz4=False, fsync=False)
    for name, value in re.findall(r"^(\w+) = '?([^'\n]*)'?$", text, re.MULTILINE):
        if name not in ("unix_socket_directories", "log_min_messages"):
            assert await ask(server.dsn, f"SHOW {name}") == in_gigabytes(value), name
    # Background processes still warn; only sessions are silent.
    assert await ask(server.dsn, "SELECT reset_val FROM pg_settings WHERE name = 'log_min_messages'") == "log"
    source = "SELECT setting FROM pg_file_settings WHERE name = 'log_min_messages' AND error IS NULL"
    assert await ask(server.dsn, source) == "warning"


def test_a_file_in_the_place_of_the_data_folder_is_a_clear_error(data: Path) -> None:
    data.write_text("mine")
    for path in (data, data / "below"):
        with pytest.raises(EmbeddedServerError, match="is a file or lies under one"):
            EmbeddedServer.start_or_join(path)
    assert data.read_text() == "mine"


def test_a_folder_that_is_no_cluster_is_a_clear_error_and_stays(data: Path) -> None:
    data.mkdir()
    folder_of_service_user(data / "postgres")
    (data / "postgres" / "letter").write_text("mine")
    with pytest.raises(EmbeddedServerError, match="no PG_VERSION"):
        EmbeddedServer.start_or_join(data)
    assert (data / "postgres" / "letter").read_text() == "mine"


def test_a_cluster_without_its_password_or_control_file_is_a_clear_error(data: Path) -> None:
    EmbeddedServer.start_or_join(data, fsync=False).release()
    password = data / "postgres.password"
    password.rename(data / "aside")
    with pytest.raises(EmbeddedServerError, match="missing or empty"):
        EmbeddedServer.start_or_join(data)
    (data / "aside").rename(password)
    (data / "postgres" / "global" / "pg_control").unlink()
    with pytest.raises(EmbeddedServerError, match=r"did not start .*pg_control") as error:
        EmbeddedServer.start_or_join(data)
    assert "\n" not in str(error.value)


async def test_a_cluster_of_another_version_is_a_clear_error(data: Path) -> None:
    with using(data, PGSERVER_POSTGRES_VERSION="16") as user:
        assert str(await ask(started(user), "SHOW server_version")).startswith("16.")
    with pytest.raises(EmbeddedServerError, match="PGSERVER_POSTGRES_VERSION=16"):
        EmbeddedServer.start_or_join(data)
    assert (data / "postgres" / "PG_VERSION").read_text() == "16\n"


def test_an_unknown_version_is_a_clear_error(data: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", USE, str(data)],
        env=os.environ | {"PGSERVER_POSTGRES_VERSION": "9"},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as user:
        assert user.stderr is not None
        assert "EmbeddedServerError: The embedded PostgreSQL cannot be used here" in user.stderr.read()
    assert user.returncode == 1


def test_the_binaries_are_those_of_the_wheel() -> None:
    assert {"initdb", "pg_ctl", "postgres", "pg_dump"} <= {program.name for program in binaries().iterdir()}


@pytest.mark.skipif(not ROOT, reason="only root starts the server as another user")
async def test_root_runs_it_as_a_service_user_and_says_which_folders_it_opened(data: Path) -> None:
    private = data.parent
    private.chmod(0o700)
    inner = private / "inner"
    inner.mkdir(mode=0o750)
    notices: list[str] = []
    server = EmbeddedServer.start_or_join(inner / "data", fsync=False, notice=notices.append)
    assert os.stat(f"/proc/{postmaster(inner / 'data')}").st_uid != 0
    assert [notice for notice in notices if f"{private} " in notice]
    assert [notice for notice in notices if f"{inner} " in notice]
    assert mode(private) == 0o701
    assert mode(inner) == 0o751
    assert mode(inner / "data") == 0o711
    server.release()
    notices.clear()
    again = EmbeddedServer.start_or_join(inner / "data", fsync=False, notice=notices.append)
    assert notices == []
    again.release()


@pytest.mark.skipif(not ROOT, reason="runs as another user, which only root can do")
async def test_a_plain_user_runs_it_in_a_folder_of_its_own_and_root_can_join(data: Path) -> None:
    nobody = 65534
    data.parent.chmod(0o711)
    os.mkdir(data, 0o700)
    os.chown(data, nobody, nobody)
    foreign = data.parent / "foreign"
    foreign.mkdir(mode=0o755)
    command = [sys.executable, "-c", AS_NOBODY, str(data), str(foreign), str(nobody), str(nobody)]
    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    below, itself, answer = run.stdout.splitlines()
    assert re.match("refused .*Permission denied", below)
    assert re.match("refused .*not writable by this user", itself)
    assert answer == "answer 42"
    assert living(data) == []
    server = EmbeddedServer.start_or_join(data, fsync=False)
    assert os.stat(f"/proc/{postmaster(data)}").st_uid == nobody
    assert await ask(server.dsn, "SELECT 1") == 1
    server.release()
