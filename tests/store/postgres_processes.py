"""What the tests of the embedded PostgreSQL see from outside: processes, sockets, sessions."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg

USE = """
import sys
from pathlib import Path
from callfloor.postgres.server import EmbeddedServer
server = EmbeddedServer.start_or_join(Path(sys.argv[1]), fsync=False)
print(server.dsn, flush=True)
sys.stdin.read()
server.release()
"""


def living(data: Path) -> list[int]:
    """PostgreSQL's processes whose working folder lies in `data`."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            here = (process / "cwd").readlink().is_relative_to(data)
            if here and (process / "comm").read_text() == "postgres\n":
                found.append(int(process.name))
    return found


def postmaster(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text().split()[0])


def await_end(process: int) -> None:
    try:
        watch = os.pidfd_open(process)
    except ProcessLookupError:
        return
    try:
        assert select.select([watch], [], [], 20)[0], "the process goes on"
    finally:
        os.close(watch)


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    await_end(process)


@contextmanager
def using(data: Path, before: str = "", **environment: str) -> Generator[subprocess.Popen[str]]:
    """Another process that runs the server until its input closes."""
    command = [sys.executable, "-c", before + USE, str(data)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment
    ) as user:
        yield user


def started(user: subprocess.Popen[str]) -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


async def ask(dsn: str, sql: str, *arguments: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql, *arguments)
    finally:
        await connection.close()


@contextmanager
def new_folder() -> Generator[Path]:
    """A folder that does not exist yet; what runs there at the end is killed."""
    # Not tmp_path: a pytest that starts meanwhile takes o+x from its parents again, which PostgreSQL needs.
    folder = Path(tempfile.mkdtemp(prefix="callfloor-test-"))
    try:
        yield folder / "data"
    finally:
        for process in living(folder):
            with suppress(ProcessLookupError):
                kill(process)
        shutil.rmtree(folder)
