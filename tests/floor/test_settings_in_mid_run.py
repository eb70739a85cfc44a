"""Settings are changed while a campaign dials: what was spent, what was learned and which lines ring stay known."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from callfloor.clock import VirtualClock
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports.records import Claim
from callfloor.rules.dialling.pacing import PacingSettings, Past
from callfloor.rules.dialling.pacing_facts import PacingInputs
from callfloor.rules.routing.agents import AgentInput
from callfloor.simulation.agents import SimulatedAgents
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.telephony.carrier import Answered
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier
from tests.floor.test_floor import PREDICTIVE, Story

KEY = CampaignKey(1, 1)
HOURS = 3
AGENTS = 20
# A past with something left to risk, whose people answer one time in eight.
PAST = Past(
    buckets=((3000.0, 1000, 20),),
    answer_s=(12.0,) * 100,
    other_s=(28.0,) * 100,
    talk_s=(120.0,) * 100,
    wrap_s=(20.0,) * 100,
)


class Watched(MemoryRecords):
    """Remembers why lines were dialled."""

    def __init__(self, tally: Tally, now: Callable[[], float]) -> None:
        super().__init__(tally, Leads(), now)
        self.why: list[PacingInputs] = []

    def claim(self, claim: Claim, done: Callable[[list[Claimed]], None]) -> None:
        if isinstance(claim.why, PacingInputs):
            self.why.append(claim.why)
        super().claim(claim, done)


def ringing() -> Story:
    """Twenty agents, for whom more lines ring than there are of them."""
    story = Story(replace(PREDICTIVE, agents=frozenset(range(1, AGENTS + 1))), AGENTS, PAST)
    story.passes(1.0)
    assert len(story.carrier.placed) > AGENTS + 5
    return story


@pytest.mark.parametrize(
    "changes",
    [
        {"pacing": PacingSettings(grace_s=3.0)},
        {"pacing": PacingSettings(abandonment_cap=0.025)},
        {"pacing": PacingSettings(ring_s=27.0)},
        {"pacing": PacingSettings(window_s=86_400.0)},
        {"pacing": PacingSettings(minimum_ring_s=15.0)},
        {"mode": "progressive"},
        {"mode": "preview"},
        {"wrap_up_s": 31.0},
    ],
)
def test_a_change_of_any_setting_dials_no_more_lines_at_once(changes: dict[str, Any]) -> None:
    story = ringing()
    before = len(story.carrier.placed)
    (dialler,) = story.floor.diallers
    story.floor.configure(replace(dialler.plan, **changes))
    story.passes(0.0)
    assert len(story.carrier.placed) <= before + 1, "an estimate that is made anew may find room for one"
    (after,) = story.floor.diallers
    assert sum(live for _, live, _ in after.pacer.past().buckets) == 1000


@pytest.mark.parametrize("mode", ["progressive", "preview"])
def test_lines_that_nobody_will_be_there_for_are_let_go_when_the_mode_gives_each_agent_one(mode: Any) -> None:
    story = ringing()
    (dialler,) = story.floor.diallers
    story.floor.configure(replace(dialler.plan, mode=mode))
    story.passes(0.0)
    assert len(dialler.lines) == AGENTS
    # and each that goes on is for somebody: all who answer now are talked to
    for call in list(dialler.lines):
        story.carrier.say(Answered(call))
    assert len(story.carrier.joining) == AGENTS
    assert not dialler.waiting


def test_what_was_spent_before_the_change_is_in_the_evidence_after_it() -> None:
    clock, carrier = VirtualClock(), Story(PREDICTIVE, 0).carrier
    records = Watched(Tally(0.0, 1e9), clock.now)
    floor = Floor(clock, carrier, records, SimulatedAgents(clock, 1, Distribution("constant", 20.0)))
    plan = replace(PREDICTIVE, agents=frozenset({1, 2}))
    floor.configure(plan, PAST)
    floor.configure(replace(plan, pacing=PacingSettings(abandonment_cap=0.01)))
    floor.configure(replace(plan, mode="progressive"))
    floor.configure(replace(plan, pacing=PacingSettings(grace_s=1.5)))
    floor.team.put(1, 1, (KEY,))
    floor.agent(1, AgentInput.READY)
    assert (records.why[-1].live, records.why[-1].abandoned) == (1000, 20)


def test_another_grace_time_holds_for_who_waits_already() -> None:
    story = Story(PREDICTIVE, 2)
    calls = list(story.carrier.placed)
    for agent, call in enumerate(calls[:2], 1):
        story.talks(call, agent)
    (dialler,) = story.floor.diallers
    story.records.claim(
        Claim(dialler.plan, 1, [], False, None), lambda found: calls.extend(each.call for each in found)
    )
    story.floor.place(KEY, Claimed(calls[-1], calls[-1], 1, "+61491570156"))
    story.carrier.say(Answered(calls[-1]))
    story.passes(1.0)
    assert calls[-1] in dialler.waiting
    story.floor.configure(replace(dialler.plan, pacing=PacingSettings(grace_s=1.0)))
    story.passes(0.1)
    assert calls[-1] not in dialler.waiting


def change(luck: random.Random, plan: CampaignPlan) -> CampaignPlan:
    """The plan with some of its settings changed."""
    pacing = replace(
        plan.pacing,
        abandonment_cap=luck.choice([0.02, 0.03]),
        grace_s=luck.choice([1.0, 2.0, 4.0]),
        ring_s=luck.choice([20.0, 28.0, 40.0]),
        minimum_ring_s=luck.choice([0.0, 0.0, 15.0]),
        window_s=luck.choice([86_400.0, 30 * 86_400.0]),
    )
    return replace(
        plan,
        mode=luck.choice(["predictive", "predictive", "predictive", "progressive", "preview"]),
        active=luck.random() < 0.9,
        max_lines=luck.choice([None, None, 30, 60]),
        pacing=luck.choice([pacing, plan.pacing]),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_cap_is_kept_for_the_whole_run_and_lines_stay_within_the_plan_however_settings_change(seed: int) -> None:
    luck = random.Random(seed)
    clock = VirtualClock()
    carrier = SimulatedCarrier(clock, seed, Behaviour(live=luck.choice([0.1, 0.25, 0.5])))
    desk = SimulatedAgents(clock, seed + 1, Distribution("constant", 20.0))
    tally = Tally(0.0, HOURS * 3600.0)
    floor = Floor(clock, carrier, Watched(tally, clock.now), desk)
    floor.desk_updates.silent = True
    desk.work(floor.previews, floor.presence.wrap_up)
    plan = CampaignPlan(KEY, "predictive", frozenset(range(1, AGENTS + 1)), wrap_up_s=120.0, detect_machines=False)
    floor.configure(plan)
    for agent in plan.agents:
        floor.team.put(agent, 1, (KEY,))
        floor.agent(agent, AgentInput.READY)
    (dialler,) = floor.diallers
    at = next_change = 0.0
    while at < HOURS * 3600.0:
        at += 0.5
        before = len(dialler.lines)
        clock.run(at)
        floor.tick()
        lines = len(dialler.lines)
        if plan.max_lines is not None:
            assert lines <= max(before, plan.max_lines), "more lines than the plan has"
        if not plan.active:
            assert lines <= before, "a campaign that is off dials"
        if plan.mode != "predictive" and plan.pacing.minimum_ring_s == 0.0:
            assert lines <= AGENTS, "more lines than agents, one call each"
        if at >= next_change:
            next_change = at + luck.uniform(20.0, 500.0)
            plan = change(luck, plan)
            floor.configure(plan)
            floor.tick()
    assert len(tally.live) > 300
    assert len(tally.abandoned) <= 0.03 * len(tally.live) + 1, "one call is lent to a campaign without a past"
