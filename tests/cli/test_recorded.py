"""Whoever types a command that changes something stands in the audit, as whoever asks over HTTP does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from callfloor.cli.recorded import COMMANDS
from tests.cli.conftest import Run
from tests.cli.test_frame import COMMANDS as THERE

FILE = '[organisation]\nname = "Recorded"\ntimezone = "Australia/Sydney"\ncountry = "AU"\n' + (
    '[[users]]\nusername = "jane"\ntype = "agent"\nfirstName = "Jane"\nlastName = "Doe"\n'
    '[[campaigns]]\nname = "Sales"\ndirection = "outbound"\n'
    '[[workflows]]\nname = "Main"\n[[workflows.steps]]\nname = "bye"\ntype = "hangup"\n'
)


def test_every_command_says_what_it_records() -> None:
    there = {" ".join(words) for words, command in THERE.items() if not hasattr(command, "commands")}
    assert set(COMMANDS) == there


@pytest.mark.timeout(180)
def test_what_is_typed_stands_in_the_audit(tmp_path: Path, run: Run) -> None:
    (tmp_path / "centre.toml").write_text(FILE)
    typed: Sequence[tuple[str, ...]] = (
        ("apply", str(tmp_path / "centre.toml")),
        ("campaign", "stop", "Sales"),
        ("campaign", "start", "Sales"),
        ("closure", "on"),
        ("closure", "off", "--workflow", "Main"),
        ("function", "key", "--renew"),
        ("user", "disable", "jane"),
        ("user", "reset-factors", "jane"),
        ("user", "password", "jane"),
        ("dnc", "add", "+61491570156"),
        ("dnc", "remove", "+61491570156"),
    )
    of = "--organisation", "Recorded"
    for words in typed:
        done = run(*words, *(() if words[0] == "apply" else of))
        assert done.returncode == 0, done.stderr
    exported = run("audit", "export", *of)
    entries = [json.loads(line) for line in exported.stdout.splitlines()]
    actions = [each["action"] for each in reversed(entries)]
    assert actions == [
        "organisation.create", "user.create", "campaign.create", "workflow.create", "campaign.stop", "campaign.start",
        "closure.close", "key.rotate", "user.update", "factor.reset", "password.link", "do-not-call.add",
        "do-not-call.lift",
    ]  # fmt: skip
    assert {each["actor"]["type"] for each in entries} == {"shell"}
    assert "+61491570156" not in exported.stdout
    assert run("audit", "verify", *of).returncode == 0
