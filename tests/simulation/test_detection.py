"""Detection of machines that errs: who is hung up on counts as abandoned, and the cap is kept with them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.centre import parse
from callfloor.rules.dialling.pacing import PacingSettings
from callfloor.simulation.run import simulate
from callfloor.simulation.scenario import Scenario, Truth, read
from callfloor.telephony.simulated.behaviour import Behaviour

SCENARIOS = Path(__file__).parents[2] / "docs" / "scenarios"
# many answers in little time
PEOPLE = Behaviour(live=0.4, machine=0.4)
AGENTS = 20
DAY = Scenario(Truth(AGENTS, PEOPLE), duration_s=4200.0, warm_up_s=600.0)


def erring(persons: float, machines: float = 0.0, *, told: float | None = None) -> Scenario:
    people = replace(PEOPLE, person_for_machine=persons, machine_for_person=machines)
    return replace(DAY, truth=Truth(AGENTS, people), persons_taken_for_machines=persons if told is None else told)


def test_the_cap_holds_with_the_persons_who_are_taken_for_machines() -> None:
    figures = simulate(erring(0.015), 1)
    assert figures.machine_detection is not None
    lost = figures.machine_detection.persons_taken_for_machines
    assert lost > 0
    # how many are lost is chance, what is left for the others is not
    heard = figures.live_answers - lost
    assert 0 < figures.abandoned - lost <= (0.03 - 0.015) / (1 - 0.015) * heard + 1
    # a campaign that is not told spends the whole cap on those whom it hears
    untold = simulate(erring(0.015, told=0.0), 1)
    assert untold.abandonment_rate > 0.03


def test_errors_beyond_the_cap_leave_one_line_an_agent() -> None:
    figures = simulate(erring(0.05), 1)
    assert figures.machine_detection is not None
    assert figures.abandoned == figures.machine_detection.persons_taken_for_machines > 0


def test_machines_that_pass_for_persons_take_time_and_are_no_live_answers() -> None:
    right, wrong = simulate(DAY, 1), simulate(erring(0.0, 0.5), 1)
    assert right.machine_detection is None
    assert wrong.machine_detection is not None
    assert wrong.machine_detection.machines_taken_for_persons > 20
    assert wrong.live_answers < right.live_answers
    assert wrong.abandonment_rate <= 0.03


@given(cap=st.floats(0, 0.5), wrong=st.floats(0, 0.5))
def test_what_may_be_lost_of_those_who_are_heard_makes_up_the_cap_with_the_others(cap: float, wrong: float) -> None:
    heard = PacingSettings(abandonment_cap=cap, persons_taken_for_machines=wrong).cap_of_heard
    assert 0 <= heard <= cap
    if heard > 0:
        assert wrong + heard * (1 - wrong) == pytest.approx(cap)
    else:
        assert cap <= wrong


def test_a_scenario_s_campaign_knows_its_detection_unless_it_says_otherwise() -> None:
    text = "agents.count = 2\nmachineDetection = { personsTakenForMachines = 0.02, machinesTakenForPersons = 0.1 }\n"
    known = read(parse(text, "s.toml"))
    assert known.persons_taken_for_machines == known.truth.behaviour.person_for_machine == 0.02
    assert known.truth.behaviour.machine_for_person == 0.1
    other = read(parse(f"{text}campaign = {{ personsTakenForMachines = 0.0 }}\n", "s.toml"))
    assert (other.persons_taken_for_machines, other.truth.behaviour.person_for_machine) == (0.0, 0.02)


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_scenario_that_is_shipped_can_be_read(file: Path) -> None:
    assert read(parse(file.read_text(), file.name)).truth.agents > 0
