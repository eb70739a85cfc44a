"""`-` in the place of a file is standard input or standard output, wherever a command takes one."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callfloor.contract.codes import SCOPES
from tests.cli.conftest import callfloor, environment
from tests.cli.test_frame import COMMANDS
from tests.system.served import serving

SCENARIO = callfloor("sample", "scenario.toml").stdout
# the folder of a server, and one for sounds
FOLDERS = {"data", "prompts"}


def fed(text: bytes, *arguments: str | Path, folder: Path | None = None, more: dict[str, str] | None = None) -> Any:
    """Run a command that reads standard input."""
    return subprocess.run(
        [sys.executable, "-m", "callfloor", *map(str, arguments)],
        input=text, capture_output=True, env=environment(**(more or {})), cwd=folder, timeout=120, check=False,
    )  # fmt: skip


def test_every_command_that_takes_a_file_takes_the_dash_and_says_so() -> None:
    taken: set[str] = set()
    for words, command in COMMANDS.items():
        for parameter in command.params:
            if hasattr(parameter.type, "allow_dash") and parameter.name not in FOLDERS:
                taken.add(" ".join((*words, parameter.name)))
                assert parameter.type.allow_dash, (words, parameter.name)
                assert "- is standard " in str(parameter.help), (words, parameter.name)
    assert {"apply file", "import errors", "evidence heads file", "db load file", "dnc import file"} <= taken


@pytest.fixture
def folder() -> Iterator[Path]:
    # not pytest's own, which are closed to the user that PostgreSQL runs as
    with tempfile.TemporaryDirectory(prefix="cf-streams-") as made:
        yield Path(made)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Path, str]]:
    """A folder with a centre that came by standard input, and the address of its server."""
    with tempfile.TemporaryDirectory(prefix="cf-streams-") as made:
        data = Path(made) / "data"
        yield from _served(data)


def _served(data: Path) -> Iterator[tuple[Path, str]]:
    done = fed(callfloor("sample", "centre.toml").stdout.encode(), "apply", "-", "--data", data)
    assert done.returncode == 0, done.stderr
    with serving(data, "--workers", "1") as (address, _):
        yield data, address


def test_evidence_goes_through_a_pipe_and_what_is_said_of_it_does_not(served: tuple[Path, str], folder: Path) -> None:
    data, _ = served
    heads = fed(b"", "evidence", "heads", "-", "--data", data, folder=folder)
    assert (heads.returncode, heads.stdout) == (0, b"")
    assert b"0 signed days written to standard output" in heads.stderr
    written = fed(b"", "evidence", "export", "-", "--data", data, folder=folder)
    assert written.returncode == 0, written.stderr
    assert all(line.startswith(b"{") for line in written.stdout.splitlines())
    key = fed(b"", "certificate", "key", "--data", data).stdout
    (folder / "key").write_bytes(key)
    (folder / "evidence").write_bytes(written.stdout)
    checked = fed(written.stdout, "evidence", "verify", "-", "--key", folder / "key")
    assert (checked.returncode, checked.stdout[:6]) == (0, b"valid:"), checked
    assert fed(key, "evidence", "verify", folder / "evidence", "--key", "-").stdout == checked.stdout
    # no command has made a file of that name
    assert {path.name for path in folder.iterdir()} == {"key", "evidence"}


def test_a_database_goes_from_one_folder_to_another_through_a_pipe(served: tuple[Path, str], folder: Path) -> None:
    data, _ = served
    dumped = fed(b"", "db", "dump", "-", "--data", data, folder=folder)
    assert (dumped.returncode, dumped.stdout[:5]) == (0, b"PGDMP"), dumped.stderr
    assert b"standard output; back up the media" in dumped.stderr
    loaded = fed(dumped.stdout, "db", "load", "-", "--data", folder / "new")
    assert loaded.returncode == 0, loaded.stderr
    assert fed(b"", "db", "load", "-", "--data", folder / "newer").returncode == 1
    names = [fed(b"", "export", "--data", each).stdout for each in (data, folder / "new")]
    assert names[0] == names[1] != b""


def test_leads_come_by_a_pipe_and_those_that_are_wrong_leave_by_one(served: tuple[Path, str], folder: Path) -> None:
    data, address = served
    made = fed(b"", "token", "create", "--name", secrets.token_hex(4), "--scopes", ",".join(SCOPES), "--data", data)
    more = {"CALLFLOOR_TOKEN": made.stdout.decode().split()[-1], "CALLFLOOR_URL": address}
    rows = b"phone1,name\n0491 570 156,Jane\nno number,Joe\n"
    asked = ("import", "-", "--list", "1", "--errors", "-")
    done = fed(rows, *asked, "--format", "csv", folder=folder, more=more)
    assert done.returncode == 3, done.stderr
    assert b"no number" in done.stdout
    assert b"inserted" in done.stderr
    assert b"Jane" not in done.stdout
    unnamed = fed(rows, *asked, more=more)
    assert (unnamed.returncode, unnamed.stdout) == (2, b"")
    assert b"--format csv" in unnamed.stderr
    assert list(folder.iterdir()) == []


def test_a_day_to_simulate_and_faults_of_a_centre_come_by_a_pipe() -> None:
    done = fed(SCENARIO.encode(), "simulate", "-", "--json")
    assert (done.returncode, done.stdout[:1]) == (0, b"{"), done.stderr
    wrong = fed(b"organisation = 1\n[[", "apply", "-", "--data", "no-such-folder")
    assert wrong.returncode == 2
    assert b"Traceback" not in wrong.stderr
    assert not Path("no-such-folder").exists()
    for words in (("certificate", "verify", "-"), ("evidence", "verify", "-")):
        assert fed(b"nothing of the kind\n", *words).returncode == 1
