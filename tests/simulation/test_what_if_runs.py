"""The process that simulates hours of campaigns: the product's floor and pacing, by what the campaign measured."""

from __future__ import annotations

import subprocess
import sys

import msgspec

from callfloor.contract.what_ifs import Outcome, Run, WhatIfGiven
from callfloor.jobs.what_ifs import RUNS
from callfloor.rules.figures.what_ifs import Point, assumed, run_of
from callfloor.simulation.what_if_runs import outcome_of


def run(point: Point, seed: int = 1, **told: float) -> Run:
    return run_of(point, assumed([], WhatIfGiven(**told)), seed, 2.0, 0.0)


def test_a_process_says_of_each_line_what_it_comes_to_and_ends_with_its_input() -> None:
    asked = [run(Point(3, "progressive", None), seed) for seed in (1, 2)]
    lines = b"".join(msgspec.json.encode(each) + b"\n" for each in asked)
    done = subprocess.run([sys.executable, "-m", RUNS], input=lines, capture_output=True, timeout=60, check=True)
    found = [msgspec.json.decode(line, type=Outcome) for line in done.stdout.splitlines()]
    assert found == [outcome_of(each) for each in asked]
    assert found[0] != found[1]


def test_predictive_dialling_uses_agents_better_and_a_cap_of_nothing_abandons_nobody() -> None:
    alone = outcome_of(run(Point(8, "progressive", None)))
    with_cap = outcome_of(run(Point(8, "predictive", 0.05)))
    without = outcome_of(run(Point(8, "predictive", 0.0)))
    assert alone.utilisation < with_cap.utilisation <= 1
    assert alone.abandoned == without.abandoned == 0


def test_longer_talks_leave_agents_less_idle() -> None:
    point = Point(5, "progressive", None)
    short, long = outcome_of(run(point, talk_seconds=30.0)), outcome_of(run(point, talk_seconds=600.0))
    assert short.utilisation < long.utilisation
    assert short.talks_per_hour > long.talks_per_hour
