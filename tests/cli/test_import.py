"""`callfloor import` against a running server: what it shows, and how it exits."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import assert_refused, callfloor
from tests.system.served import run, serving

Import = Callable[..., subprocess.CompletedProcess[str]]

CENTRE = """[organisation]
name = "Harbour"
timezone = "Australia/Sydney"
country = "AU"
newNumberRanges = ["AU"]

[[campaigns]]
name = "Sales"
direction = "outbound"
timezone = "Australia/Sydney"

[[campaigns.lists]]
name = "One"
"""
LEADS = "Ref;Cell;Work phone;Plan;Junk\nk1;0491570156;0491 570 156;gold;x\nk2;;n/a;silver;y\nk3;12;;none;z\n;;;;\n"
MAP = ("--map", "Cell=phone1,Ref=customerKey,Junk=-")


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """The environment of somebody who uses a server with one list, of id 1."""
    with tempfile.TemporaryDirectory(prefix="cf-import-") as folder:
        data, centre = Path(folder) / "data", Path(folder) / "centre.toml"
        centre.write_text(CENTRE)
        with serving(data, "--workers", "1") as (url, _):
            run(data, "apply", str(centre))
            token = run(data, "token", "create", "--name", "import", "--scopes", "leads:write,leads:read")
            yield {"CALLFLOOR_URL": url, "CALLFLOOR_TOKEN": token}


@pytest.fixture
def imported(server: dict[str, str], tmp_path: Path) -> Import:
    """Import a file with this text."""

    def run_import(text: str, *options: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "leads.csv"
        file.write_text(text)
        return callfloor("import", file, *options, **(server | more))

    return run_import


def test_a_dry_run_shows_what_columns_become_and_what_cannot_be_called(imported: Import) -> None:
    done = imported(LEADS, "--list", "1", *MAP, "--dry-run")
    assert (done.returncode, done.stdout) == (3, "")
    for line in (
        "  Ref         customerKey",
        "  Cell        phone1",
        "  Work phone  phone2",
        "  Plan        leadData.Plan",
        "  Junk        left out",
        "4 rows: 2 inserted, 0 updated, 1 skipped, 1 invalid (dry run: nothing was written)",
        "  1 phones stood in their lead twice and were left out",
        "warning: 1 of 2 leads have no phone, so they cannot be called",
    ):
        assert line in done.stderr.splitlines(), done.stderr
    assert "line 4: phone1: has too few digits" in done.stderr
    again = imported(LEADS, "--list", "1", *MAP, "--dry-run", "--on-duplicate", "skip")
    assert "4 rows: 2 inserted" in again.stderr, "the first wrote nothing"


def test_the_rows_that_were_wrong_are_saved_mended_and_sent_again(imported: Import, tmp_path: Path) -> None:
    errors = tmp_path / "errors.csv"
    done = imported(LEADS, "--list", "1", *MAP, "--errors", errors)
    assert done.returncode == 3
    assert f"are in {errors}: mend and import that file" in done.stderr
    again = imported(errors.read_text().replace(",12,", ",0491570157,"), "--list", "1")
    assert (again.returncode, "1 row: 1 inserted" in again.stderr) == (0, True), again.stderr


def test_numbers_in_no_known_range_are_warned_of(imported: Import) -> None:
    done = imported("phone\n0123456780\n", "--list", "1")
    assert done.returncode == 0
    assert "warning: 1 phones are outside the ranges that are known of their countries" in done.stderr


@pytest.mark.parametrize(
    ("text", "options", "code", "said"),
    [
        (LEADS, ("--list", "99"), 1, "there is no list 99"),
        (LEADS, (), 1, "name it as --list ID, or in a column listId"),
        (LEADS, ("--list", "1", "--map", "Cel=phone1"), 1, "did you mean Cell?"),
        (LEADS, ("--list", "1", "--map", "Cell=fone"), 1, "there is no field fone"),
        (LEADS, ("--list", "1", "--sheet", "One"), 1, "sheet: says something of an XLSX workbook"),
        (LEADS, ("--list", "1", "--lift-do-not-call"), 1, "do-not-call:write"),
        (LEADS, ("--list", "1", "--errors", "/nonexistent/errors.csv"), 2, "no file can be written there"),
        (LEADS, ("--list", "0"), 2, "--list"),
        (LEADS, ("--list", "1", "--url", "http://127.0.0.1:1"), 1, "cannot be reached"),
        (LEADS, ("--list", "1", "--token", "cf_1_none"), 1, "401"),
        ("{\\rtf1 phone", ("--list", "1"), 1, "a text in RTF"),
        ("name,plan\nJane,gold\n", ("--list", "1"), 1, "--map"),
        ("", ("--list", "1"), 1, "header"),
    ],
)
def test_what_cannot_be_imported_is_said_in_one_line(
    imported: Import, text: str, options: tuple[str, ...], code: int, said: str
) -> None:
    assert_refused(imported(text, *options), code, said)


def test_a_token_and_a_known_form_are_asked_for(imported: Import, tmp_path: Path) -> None:
    assert_refused(imported(LEADS, "--list", "1", CALLFLOOR_TOKEN=""), 2, "a token is needed")
    odd = tmp_path / "leads.dat"
    odd.write_text(LEADS)
    assert_refused(callfloor("import", odd, "--list", "1"), 2, "the format of leads.dat is not known")
