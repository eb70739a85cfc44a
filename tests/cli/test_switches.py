"""`callfloor campaign stop` and `start`, and what `callfloor closure on` says, as an operator uses them."""

from __future__ import annotations

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

[[campaigns]]
name = "Support"
direction = "inbound"
numbers = ["+6125550{number}"]
"""


@pytest.fixture
def name(run: Run, tmp_path: Path) -> str:
    """An organisation with a campaign that dials and a queue."""
    name = f"Centre {secrets.token_hex(4)}"
    (tmp_path / "centre.toml").write_text(CENTRE.format(name=name, number=f"{secrets.randbelow(10_000):04d}"))
    done = run("apply", tmp_path / "centre.toml")
    assert done.returncode == 0, done.stderr
    return name


def test_a_campaign_is_stopped_and_started(run: Run, name: str, tmp_path: Path) -> None:
    def campaign(*words: str) -> str:
        done = run("campaign", *words, "--organisation", name)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def exported() -> str:
        done = run("export", "--organisation", name)
        return done.stdout.partition('name = "Sales"')[2].partition("[[")[0]

    rings_on = "0 lines that ring ring on, and who answers gets an agent; 0 calls that are talked on go on\n"
    assert campaign("stop", "Sales", "--dry-run") == f"campaign Sales would be off: {rings_on}"
    assert "active = false" not in exported()
    assert campaign("stop", "Sales") == f"campaign Sales is off: {rings_on}"
    assert "active = false" in exported()
    assert campaign("stop", "Sales") == f"campaign Sales was off already: {rings_on}"
    assert campaign("stop", "Sales", "--now").startswith("campaign Sales is off: 0 lines that ring are let go;")
    assert campaign("start", "Sales", "--dry-run") == "campaign Sales would be on\n"
    assert campaign("start", "Sales") == "campaign Sales is on\n"
    assert campaign("start", "Sales") == "campaign Sales was on already\n"
    assert "active = false" not in exported()
    assert campaign("stop", "Support").startswith(
        "campaign Support is off: 0 callers who wait are answered still; new ones are not taken;"
    )
    refused = run("campaign", "stop", "Sails", "--organisation", name)
    assert_refused(refused, 2, "campaign Sails: is not known; did you mean Sales?")


def test_a_closure_says_what_becomes_of_the_callers_of_each_number(run: Run, name: str) -> None:
    done = run("closure", "on", "--organisation", name)
    first, second = done.stdout.splitlines()
    assert first == f"every workflow of {name} is closed"
    assert second.startswith("+6125550")
    assert second.endswith("(Support): calls are refused, since no schedule step says where they would go")
