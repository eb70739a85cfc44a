"""`callfloor simulate` as a supervisor uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import assert_refused, callfloor

SHORT = 'hours = 1\nwarmUpMinutes = 10\n[agents]\ncount = 5\n[campaign]\nmode = "{mode}"\n'


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    file = tmp_path / "short.toml"
    file.write_text(SHORT.format(mode="predictive"))
    return file


def test_a_day_is_shown_as_a_table_and_as_json(scenario: Path) -> None:
    shown = callfloor("simulate", scenario, "--seed", "7")
    assert (shown.returncode, shown.stderr) == (0, "")
    for name in ("utilisation", "abandonment rate", "connect delay, p99"):
        assert name in shown.stdout
    first, again = (json.loads(callfloor("simulate", scenario, "--seed", "7", "--json").stdout) for _ in range(2))
    assert (first["seed"], first["agents"], first["hours"]) == (7, 5, 1.0)
    assert first | {"wallSeconds": 0} == again | {"wallSeconds": 0}


def test_several_seeds_are_an_array(scenario: Path) -> None:
    done = callfloor("simulate", scenario, "--seed", "3", "--runs", "2", "--json")
    assert [each["seed"] for each in json.loads(done.stdout)] == [3, 4]


@pytest.mark.parametrize("mode", ["preview", "progressive"])
def test_every_mode_works(scenario: Path, mode: str) -> None:
    scenario.write_text(SHORT.format(mode=mode))
    figures = json.loads(callfloor("simulate", scenario, "--json").stdout)
    assert figures["attempts"] > 0
    assert figures["abandoned"] == 0


def test_mistakes_are_told_by_line(scenario: Path) -> None:
    scenario.write_text("hours = 1\n[agents]\ncuont = 5\n[calls]\nliveProbability = 2\n")
    done = callfloor("simulate", scenario)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{scenario}:2: agents has no count: say how many agents work, [agents] count = 50",
        f"{scenario}:3: agents.cuont is not known; did you mean count?",
        f"{scenario}:5: calls.liveProbability must be from 0 to 1",
        "callfloor: 3 mistakes; nothing was done",
    ]
    assert_refused(callfloor("simulate", "/no/such/day.toml"), 2, "/no/such/day.toml")
