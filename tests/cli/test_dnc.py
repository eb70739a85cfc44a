"""`callfloor dnc` as an operator uses it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from tests.cli.conftest import Run, assert_refused

CENTRE = """\
[organisation]
name = "{name}"
timezone = "Australia/Sydney"
country = "AU"

[[campaigns]]
name = "Sales"
direction = "outbound"
"""


@pytest.fixture
def dnc(run: Run, tmp_path: Path) -> Run:
    """`callfloor dnc` on an organisation of its own."""
    name = f"Centre {secrets.token_hex(4)}"
    file = tmp_path / "centre.toml"
    file.write_text(CENTRE.format(name=name))
    assert run("apply", file).returncode == 0

    def on(command: str, *arguments: str | Path, **more: str):
        return run("dnc", command, *arguments, "--organisation", name, **more)

    return on


def test_a_number_is_blocked_until_it_is_removed(dnc: Run) -> None:
    assert dnc("check", "0491 570 156").stdout == "not blocked\n"
    done = dnc("add", "0491 570 156", "+61 491 570 157", "--reason", "asked by letter")
    assert (done.returncode, done.stdout.split(" added")[0]) == (0, "2"), done.stderr
    done = dnc("check", "+61491570156")
    assert done.returncode == 3
    assert done.stdout.startswith("blocked for the whole organisation: asked by letter, since ")
    again = dnc("add", "0491570156")
    assert again.stdout.startswith("0 added to ")
    assert again.stdout.endswith(", 1 were on it\n")
    assert dnc("remove", "0491570156", "0491570158").stdout.endswith(", 1 were not on it\n")
    assert dnc("check", "0491570156").returncode == 0


def test_a_campaign_has_a_list_of_its_own_and_entries_end(dnc: Run) -> None:
    dnc("add", "0491570156", "--campaign", "Sales", "--expires", "2099-01-31")
    assert dnc("check", "0491570156", "--campaign", "Sales").returncode == 3
    shown = dnc("check", "0491570156")
    assert "blocked for campaign Sales" in shown.stdout
    assert "until 2099-02-01T00:00:00+11:00" in shown.stdout
    dnc("add", "0491570157", "--reason", "complaint")
    listed = [json.loads(line) for line in dnc("list", "--json").stdout.splitlines()]
    assert sorted((each["phoneNumber"], each["campaign"], each["reason"]) for each in listed) == [
        ("+61491570156", "Sales", None),
        ("+61491570157", None, "complaint"),
    ]
    assert dnc("list", "--campaign", "Sales").stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "12"), "number 1: phone has too few digits"),
        (("add", "0491570156", "--expires", "soon"), "expires must be a day such as 2027-01-31"),
        (("add", "0491570156", "--expires", "2020-01-31"), "expires lies in the past"),
        (("add", "0491570156", "--reason", "x" * 501), "reason has 501 characters"),
        (("add", "0491570156", "--campaign", "Sails"), "--campaign Sails: there is no campaign of that name"),
        (("remove", "0491570156", "no"), "number 2: phone "),
        (("import", "/no/such/file.csv"), "/no/such/file.csv cannot be read"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line_without_the_number(
    dnc: Run, arguments: tuple[str, ...], said: str
) -> None:
    done = dnc(*arguments)
    assert_refused(done, 2, said)
    assert "491570156" not in done.stderr


def test_a_file_is_taken_whole_or_not_at_all(dnc: Run, tmp_path: Path) -> None:
    file = tmp_path / "wishes.csv"
    file.write_bytes(
        '\ufeffphone,reason,expires\r\n0491 570 156,"asked, twice",\r\n0491570157,,2099-01-31\r\n'.encode()
        + b"12,,\r\n\r\n0491570158,caf\xe9,\r\n0491570159,,31.1.2099\r\n0491570159,,,x\r\n"
    )
    done = dnc("import", file)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"{file}:4: phone has too few digits for a number of AU; write it in full, with + and country code",
        f"{file}:6: is not UTF-8: save the file with that encoding",
        f"{file}:7: expires must be a day such as 2027-01-31, or a time such as 2027-01-31T17:00:00Z",
        f"{file}:8: has 4 cells; the first line names 3 columns",
        "callfloor: 4 mistakes; nothing was done",
    ]
    assert dnc("list").stdout == ""
    done = dnc("import", file, "--skip-bad")
    assert (done.returncode, done.stdout.startswith("2 added to ")) == (0, True), done.stderr
    assert done.stdout.endswith("0 were on it, 4 lines skipped\n")
    assert dnc("check", "0491570156").stdout.startswith("blocked for the whole organisation: asked, twice")
    file.write_text("phone\n0491570156\n0491570313\n")
    assert dnc("import", file).stdout.endswith("1 were on it\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("0491570156\n0491570157\n", "names no column phone"),
        ("phone,raeson\n", "column raeson is not known; did you mean reason?"),
        ("phone,phone\n", "names a column twice"),
        ('phone\n"0491570156\n', "is no CSV"),
    ],
)
def test_a_file_of_another_form_is_refused(dnc: Run, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "wishes.csv"
    file.write_text(content)
    done = dnc("import", file)
    assert done.returncode == 2
    assert said in done.stderr
    assert "491570156" not in done.stderr


def test_a_wrong_number_is_neither_blocked_nor_found_free(dnc: Run, tmp_path: Path) -> None:
    for written in ("447700900123", "0491570156.0", "0000000000", "+61123456789"):
        assert_refused(dnc("add", written), 2, "number 1: phone")
        assert_refused(dnc("check", written), 2, "number 1: phone")
    file = tmp_path / "wishes.csv"
    file.write_text("phone\n0061491570156\n6.1491E+10\n")
    assert "wishes.csv:3: phone is no longer a number to dial: a spreadsheet" in dnc("import", file).stderr
    assert dnc("import", file, "--skip-bad").returncode == 0
    assert dnc("check", "0491570156").returncode == 3


def test_a_number_outside_the_known_ranges_is_blocked_where_that_is_set_and_said(run: Run, tmp_path: Path) -> None:
    name = f"Centre {secrets.token_hex(4)}"
    file = tmp_path / "centre.toml"
    file.write_text(CENTRE.format(name=name).replace('"AU"', '"AU"\nnewNumberRanges = ["AU"]'))
    assert run("apply", file).returncode == 0
    assert 'newNumberRanges = ["AU"]' in run("export", "--organisation", name).stdout
    added = run("dnc", "add", "+61123456789", "0491570156", "--organisation", name)
    assert added.stdout.startswith("2 added")
    assert added.stderr == "warning: 1 number is outside the ranges that are known of their countries\n"
    # the list shows it, so it can be taken off after the setting is gone
    file.write_text(CENTRE.format(name=name).replace('"AU"', '"AU"\nnewNumberRanges = []'))
    assert run("apply", file).returncode == 0
    assert run("dnc", "remove", "+61123456789", "--organisation", name).stdout.startswith("1 removed")


def test_a_wash_against_a_register_is_dated_and_its_numbers_stay_apart_from_wishes(dnc: Run, tmp_path: Path) -> None:
    assert dnc("registers").stdout == "DNCR  never washed  (Sales)\n"
    file = tmp_path / "washed.csv"
    file.write_text("phone\n0491570156\n")
    done = dnc("import", file, "--register", "dncr", "--washed", "2020-01-01")
    assert done.returncode == 0, done.stderr
    shown = dnc("registers", "--json")
    assert shown.returncode == 3
    (register,) = [json.loads(line) for line in shown.stdout.splitlines()]
    assert register["lastWashed"] == "2020-01-01T00:00:00+11:00"
    assert (register["state"], register["refusesAfterDays"], register["campaigns"]) == ("overdue", 30, ["Sales"])
    assert dnc("import", file, "--register", "DNCR").returncode == 0
    assert dnc("registers").returncode == 0
    dnc("add", "0491570156", "--reason", "by letter")
    removed = dnc("remove", "0491570156", "--reason", "asked to be called again")
    assert removed.stdout.startswith("1 removed from ")
    assert "number 1: blocked for the whole organisation by register DNCR" in removed.stderr
    assert dnc("remove", "0491570156", "--register", "DNCR").stdout.startswith("1 removed from ")
    assert dnc("check", "0491570156").returncode == 0


def test_a_wash_of_no_register_or_of_tomorrow_is_refused(dnc: Run, tmp_path: Path) -> None:
    file = tmp_path / "washed.csv"
    file.write_text("phone\n0491570156\n")
    for options, said in (
        (["--washed", "2020-01-01"], "name it with --register"),
        (["--register", "DNCR", "--washed", "2199-01-01"], "lies in the future"),
        (["--register", "DNCR", "--washed", "lately"], "--washed must be a timestamp"),
        (["--register", " "], "such as DNCR"),
    ):
        assert_refused(dnc("import", file, *options), 2, said)
    assert dnc("list").stdout == ""
