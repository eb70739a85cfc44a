"""A simulated day: repeatable to the last digit, and what its figures are."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from callfloor.simulation.run import simulate
from callfloor.simulation.scenario import Scenario, Truth
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

SHORT = Scenario(Truth(8), duration_s=2 * 3600.0, warm_up_s=600.0)


@pytest.mark.parametrize("mode", ["preview", "progressive", "predictive"])
def test_the_same_seed_gives_the_same_figures_and_another_gives_others(mode: str) -> None:
    day = replace(SHORT, mode=mode)  # type: ignore[arg-type]
    first, again, other = (msgspec.structs.replace(simulate(day, seed), wall_seconds=0.0) for seed in (1, 1, 2))
    assert first == again
    assert first != msgspec.structs.replace(other, seed=1)


def test_the_figures_have_the_names_that_scripts_read() -> None:
    figures = msgspec.json.decode(msgspec.json.encode(simulate(SHORT, 3)))
    assert list(figures) == [
        "seed", "agents", "hours", "utilisation", "talkMinutesPerAgentHour", "attempts", "liveAnswers", "abandoned",
        "abandonmentRate", "worstHourAbandonmentRate", "meanAgentWaitSeconds", "connectDelayMs", "wallSeconds",
    ]  # fmt: skip
    assert list(figures["connectDelayMs"]) == ["p50", "p99", "max"]
    assert (figures["seed"], figures["agents"], figures["hours"]) == (3, 8, 2.0)
    assert figures["abandonmentRate"] == pytest.approx(figures["abandoned"] / figures["liveAnswers"])


def test_progressive_abandons_nobody_and_predictive_gets_more_out_of_its_agents() -> None:
    alone, ahead = simulate(replace(SHORT, mode="progressive"), 1), simulate(SHORT, 1)
    assert alone.abandoned == 0
    assert ahead.utilisation > alone.utilisation + 0.1
    assert ahead.abandonment_rate <= 0.03


def test_what_can_be_reckoned_comes_out() -> None:
    """Everybody answers after 10 s and talks 50 s, wrap-up takes 20: 70 of 80 seconds."""
    sure = Behaviour(live=1.0, answer_s=Distribution("constant", 10.0), talk_s=Distribution("constant", 50.0))
    day = simulate(replace(SHORT, truth=Truth(4, sure), mode="progressive"), 1)
    assert day.utilisation == pytest.approx(70 / 80, abs=0.005)
    assert day.live_answers == pytest.approx(4 * 6600 / 80, abs=8)
    assert day.talk_minutes_per_agent_hour == pytest.approx(60 * 50 / 80, abs=0.3)
    assert day.connect_delay_ms.max == 0.0
