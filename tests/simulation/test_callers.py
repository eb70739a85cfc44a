"""Days with people who call: what they press leads where it says, and agents are shared with those who are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from callfloor.centre import CentreError, parse
from callfloor.simulation.caller_figures import CallerFigures, caller_figures
from callfloor.simulation.figures import Figures
from callfloor.simulation.legs import Leg
from callfloor.simulation.run import simulate
from callfloor.simulation.scenario import Scenario, read

SCENARIOS = Path(__file__).parents[2] / "docs" / "scenarios"
MENU = """
[[inbound.steps]]
name = "menu"
type = "menu"
prompt = "which"
options = { 1 = "queue", 2 = "message" }
retries = 0
[[inbound.steps]]
name = "queue"
type = "queue"
campaign = "inbound"
[[inbound.steps]]
name = "message"
type = "voicemail"
prompt = "speak"
campaign = "inbound"
"""
ONLY = """
hours = 2
warmUpMinutes = 10
campaign.mode = "inbound"
agents.count = 4
[calls]
talkSeconds = { distribution = "constant", value = 60 }
wrapSeconds = { distribution = "constant", value = 15 }
[inbound]
callsPerMinute = 2
"""


def day(text: str) -> Scenario:
    return read(parse(text, "s.toml"))


def of_callers(figures: Figures) -> CallerFigures:
    assert figures.inbound is not None
    return figures.inbound


def test_agents_of_an_inbound_day_talk_to_callers_and_nobody_is_called() -> None:
    figures = simulate(day(ONLY), 1)
    callers = of_callers(figures)
    assert (figures.attempts, figures.live_answers) == (0, 0)
    assert callers.received == pytest.approx(2 * 110, rel=0.25)
    assert callers.answered > 0.9 * callers.received
    # offered load: 2 calls a minute of 75 s over 4 agents
    assert figures.utilisation == pytest.approx(callers.answered * 75 / (4 * 6600), abs=0.02)


@pytest.mark.parametrize(
    ("keys", "answered", "voicemails"),
    [
        ('"1"', True, False),
        ('"0.5s,1"', True, False),
        ('"2"', False, True),
        ('"9"', False, False),
        ('""', False, False),
    ],
)
def test_what_callers_press_leads_where_the_menu_says(keys: str, answered: bool, voicemails: bool) -> None:
    callers = of_callers(simulate(day(f"{ONLY}keys = {keys}\n{MENU}"), 1))
    assert callers.received > 100
    assert (callers.answered > 0, callers.voicemails > 0) == (answered, voicemails)
    if not answered and not voicemails:
        # the menu ends the call of who presses nothing that it knows
        assert callers.missed + callers.abandoned_in_workflow == callers.received


def test_of_several_scripts_each_caller_has_one() -> None:
    callers = of_callers(simulate(day(f'{ONLY}keys = ["1", "2"]\n{MENU}'), 1))
    assert callers.answered == pytest.approx(callers.received / 2, rel=0.25)
    assert callers.voicemails == pytest.approx(callers.received / 2, rel=0.25)


def test_callers_who_hang_up_after_a_while_talk_no_longer_than_that() -> None:
    figures = simulate(day(f"{ONLY}hangUpAfterSeconds = 10"), 1)
    assert figures.utilisation == pytest.approx(of_callers(figures).answered * 25 / (4 * 6600), abs=0.02)


def test_callers_without_patience_give_up_and_lower_the_service_level() -> None:
    none = '\npatienceSeconds = { distribution = "constant", value = 30 }'
    busy = ONLY.replace("callsPerMinute = 2", "callsPerMinute = 20")
    callers = of_callers(simulate(day(busy + none), 1))
    assert callers.abandoned_in_queue > callers.received / 2
    assert callers.longest_wait_seconds == pytest.approx(30)
    assert callers.service_level is not None
    assert callers.service_level < 0.5


def test_a_blended_day_serves_both_and_fewer_agents_for_callers_answer_later() -> None:
    blended = read(parse((SCENARIOS / "blended.toml").read_text(), "blended.toml"))
    assert blended.inbound is not None
    blended = replace(blended, duration_s=5400.0)
    figures = simulate(blended, 1)
    assert figures.attempts > 200
    assert of_callers(figures).answered > 50
    few = simulate(replace(blended, inbound=replace(blended.inbound, agents=2)), 1)
    assert of_callers(few).mean_wait_seconds > of_callers(figures).mean_wait_seconds


def test_a_shock_changes_how_many_call() -> None:
    more = f"{ONLY}\n[[shocks]]\natMinutes = 60\ncallsPerMinute = 0\n"
    usual, half = of_callers(simulate(day(ONLY), 1)), of_callers(simulate(day(more), 1))
    assert half.received == pytest.approx(usual.received * 50 / 110, rel=0.25)


def test_the_same_seed_gives_the_same_callers() -> None:
    first, again = (msgspec.structs.replace(simulate(day(ONLY), 5), wall_seconds=0.0) for _ in range(2))
    assert first == again


def test_the_service_level_leaves_out_who_gave_up_in_time_and_counts_who_still_waits() -> None:
    legs = [
        Leg(1, 10.0, joined_at=10.0, answered_at=20.0, ended_at=90.0),
        Leg(1, 10.0, joined_at=10.0, answered_at=50.0, ended_at=90.0),
        Leg(1, 10.0, joined_at=10.0, ended_at=15.0),
        Leg(1, 10.0, joined_at=12.0, ended_at=15.0, left="missed"),
        Leg(1, 10.0, joined_at=10.0, ended_at=15.0, left="voicemail"),
        Leg(1, 60.0, joined_at=60.0),
        Leg(1, 10.0, ended_at=12.0),
        Leg(1, 5.0, ended_at=12.0),
    ]
    figures = caller_figures(legs, 10.0, 100.0, 20.0)
    assert (figures.received, figures.answered, figures.missed, figures.voicemails) == (7, 2, 1, 1)
    assert (figures.abandoned_in_workflow, figures.abandoned_in_queue) == (1, 1)
    assert figures.service_level == 1 / 4
    assert figures.longest_wait_seconds == 40.0


def test_a_day_of_nobody_has_no_service_level() -> None:
    assert caller_figures([], 0.0, 10.0, 20.0).service_level is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{ONLY}keys = "1"', "inbound.keys are heard by nobody: give a menu"),
        (f'{ONLY}keys = "1,x"\n{MENU}', "keys are 0-9, * and #"),
        (f"{ONLY}keys = 1\n{MENU}", "inbound.keys must be a string"),
        (f"{ONLY}callsPerMinut = 1", "did you mean callsPerMinute?"),
        (ONLY.replace("callsPerMinute = 2", "callsPerMinute = -1"), "must be from 0 to 6000"),
        (ONLY.partition("[inbound]")[0], "campaign.mode is inbound, and nobody calls"),
        (f"{ONLY}{MENU.replace('campaign = ', 'campaign = 1 #')}", "must be a string"),
        (f"{ONLY}{MENU}".replace('"inbound"\n', '"sales"\n').replace('mode = "sales"', 'mode = "inbound"'), "sales"),
        ("agents.count = 2\n[[shocks]]\natMinutes = 1\ncallsPerMinute = 2", "is for a day with callers"),
    ],
)
def test_mistakes_are_told(text: str, said: str) -> None:
    with pytest.raises(CentreError) as found:
        day(text)
    assert any(said in each for each in found.value.mistakes), found.value.mistakes
