"""Asked to stop, at whatever moment and in whatever way, a server leaves nothing behind: no process, no folder."""

from __future__ import annotations

import fcntl
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import tempfile
import termios
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.installed import Program, for_everybody
from tests.store.postgres_processes import kill, living
from tests.waiting import until

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Run:
    """A server with a folder, a folder for temporary files, and an output of its own."""

    def __init__(self, folder: Path, command: str, terminal: int | None = None, **options: Any) -> None:
        self.folder, self.data = folder, folder / "data"
        self.out, self.temporary = folder / "out", folder / "temporary"
        self.temporary.mkdir()
        # as /tmp: where root starts it, it goes on as another user
        self.temporary.chmod(0o1777)
        program: Program = PROGRAM[-1]
        own = {"CALLFLOOR_PORT": "0", "TMPDIR": str(self.temporary)}
        environment = os.environ | program.environment | own
        arguments = [*program.command, command, "--data", str(self.data)]
        with self.out.open("wb") as out:
            to = out if terminal is None else terminal
            self.process = subprocess.Popen(arguments, stdin=terminal, stdout=to, stderr=to, env=environment, **options)

    def said(self, text: str) -> bool:
        return text in self.out.read_text("utf-8", "replace")

    def ignored(self) -> int:
        """The signals that the server ignores, a bit each."""
        (mask,) = re.findall(r"SigIgn:\s(\w+)", Path(f"/proc/{self.process.pid}/status").read_text())
        return int(mask, 16)

    def descendants(self) -> list[int]:
        return descendants(self.folder)

    def nothing_is_left(self) -> None:
        assert self.descendants() == []
        assert list(self.temporary.iterdir()) == []


def descendants(folder: Path) -> list[int]:
    """Living processes of the server in the folder, PostgreSQL's too."""
    found = living(folder)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(f"TMPDIR={folder / 'temporary'}") in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return sorted(set(found))


PROGRAM: list[Program] = []


@pytest.fixture(scope="module", autouse=True)
def _program() -> Iterator[None]:
    with for_everybody() as program:
        PROGRAM[:] = [program]
        yield


@pytest.fixture
def folder() -> Iterator[Path]:
    # not pytest's own, which are closed to the user that PostgreSQL runs as
    made = Path(tempfile.mkdtemp(prefix="cf-stop-"))
    made.chmod(0o755)
    yield made
    for process in descendants(made):
        with suppress(ProcessLookupError):
            kill(process)
    shutil.rmtree(made)


MOMENTS: dict[str, tuple[str, Callable[[Run], bool]]] = {
    "the data folder is there": ("serve", lambda run: run.data.exists()),
    "the cluster is being made": ("demo", lambda run: (run.data / "postgres.new").exists()),
    "the cluster is made": ("serve", lambda run: (run.data / "postgres").exists()),
    "PostgreSQL starts": ("demo", lambda run: (run.data / "postgres" / "postmaster.pid").exists()),
    "PostgreSQL takes connections": ("serve", lambda run: (run.data / "postgres-socket" / ".s.PGSQL.5432").exists()),
    "the processes start": ("demo", lambda run: any(run.temporary.iterdir())),
    "it serves": ("serve", lambda run: run.said("address: ")),
    "the demo imports": ("demo", lambda run: run.said("importing 5,000")),
    "the demo waits for its first call": ("demo", lambda run: run.said("token: ")),
    "the demo has said all": ("demo", lambda run: run.said("reference: ")),
}
# each signal meets every kind of moment in the course of some runs, and each run meets every moment
CHOICE = random.Random(os.environ.get("CALLFLOOR_TEST_SEED", str(os.getpid())))


async def comes(run: Run, moment: Callable[[Run], bool]) -> None:
    async def come() -> bool:
        if run.process.poll() is not None:
            raise RuntimeError(run.out.read_text())
        return moment(run)

    await until(come, seconds=150)


# a moment just after another, in which nothing else is at work
BETWEEN = {
    "the data folder is there",
    "the cluster is made",
    "PostgreSQL takes connections",
    "the demo waits for its first call",
}


@pytest.mark.parametrize(
    "moment", [pytest.param(each, marks=pytest.mark.long if each in BETWEEN else ()) for each in MOMENTS]
)
async def test_signals_at_any_moment_stop_everything(folder: Path, moment: str) -> None:
    command, has_come = MOMENTS[moment]
    numbers, looks = CHOICE.sample(SIGNALS, CHOICE.choice((1, 1, 3))), CHOICE.randrange(8)
    print(f"{numbers}, {looks} looks later")
    run = Run(folder, command)
    await comes(run, has_come)
    for _ in range(looks):
        run.descendants()
    for number in numbers:
        run.process.send_signal(number)
    assert run.process.wait(60) == 0, run.out.read_text()
    run.nothing_is_left()
    assert not run.said("Traceback")


async def test_who_starts_it_under_nohup_keeps_it_beyond_the_terminal(folder: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        run = Run(folder, "serve")
    finally:
        signal.signal(signal.SIGHUP, before)
    await comes(run, lambda run: run.said("address: "))
    assert run.ignored() >> (signal.SIGHUP - 1) & 1
    run.process.terminate()
    assert run.process.wait(60) == 0
    run.nothing_is_left()


def test_a_terminal_that_is_closed_stops_the_demo(folder: Path) -> None:
    ours, its = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        # where the tests were begun by nohup it would be ignored
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    run = Run(folder, "demo", terminal=its, start_new_session=True, preexec_fn=take_terminal)
    os.close(its)
    said = b""
    while b"importing" not in said:
        said += os.read(ours, 1024)
    os.close(ours)
    assert run.process.wait(60) == 0
    run.nothing_is_left()


async def test_a_server_that_dials_and_is_stopped_warns_of_nothing_and_says_what_it_did(folder: Path) -> None:
    before = os.environ.get("CALLFLOOR_LOG_LEVEL")
    os.environ["CALLFLOOR_LOG_LEVEL"] = "info"
    try:
        run = Run(folder, "demo")
    finally:
        os.environ.pop("CALLFLOOR_LOG_LEVEL")
        if before is not None:
            os.environ["CALLFLOOR_LOG_LEVEL"] = before
    await comes(run, lambda run: run.said('"event":"dialling"'))
    asked = run.out.stat().st_size
    run.process.terminate()
    assert run.process.wait(60) == 0
    at_the_end = run.out.read_bytes()[asked:]
    assert b'"level":"warning"' not in at_the_end
    assert b'"level":"error"' not in at_the_end
