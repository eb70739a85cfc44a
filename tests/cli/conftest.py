"""`callfloor` as its user runs it: a process, an environment, a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callfloor.postgres.server import EmbeddedServer
from tests.cli import prepared

Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(**more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CALLFLOOR_")}
    # under which the tests' own process has wrapped the keys of the databases that commands are given
    plain["CALLFLOOR_MASTER_KEY"] = os.environ["CALLFLOOR_MASTER_KEY"]
    return plain | more


def callfloor(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; `more`: environment variables."""
    return prepared.run([str(each) for each in arguments], environment(**more))


def started(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The same, in a process that begins with Python."""
    return subprocess.run(
        [sys.executable, "-m", "callfloor", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(**more),
        timeout=120,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    """One line on standard error that has `said`, nothing on standard output."""
    assert (done.returncode, done.stdout) == (code, ""), done
    assert done.stderr.startswith("callfloor: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert said in done.stderr


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """A data folder whose embedded server runs, so that each command joins it."""
    with tempfile.TemporaryDirectory(prefix="cf-cli-") as folder:
        path = Path(folder) / "data"
        server = EmbeddedServer.start_or_join(path, fsync=False)
        yield path
        server.release()


@pytest.fixture
def run(data: Path) -> Run:
    """Run a command on the data folder."""

    def on_data(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        return callfloor(*arguments, "--data", data, **more)

    return on_data
