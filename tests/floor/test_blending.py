"""Agents who serve callers and a predictive campaign at once, over simulated hours."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from callfloor.clock import VirtualClock
from callfloor.contract.workflows import straight
from callfloor.floor.calls.reception import Reception
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.rules.dialling.pacing import PacingSettings
from callfloor.rules.routing.agents import AgentInput
from callfloor.rules.workflow.workflow_events import Facts
from callfloor.simulation.agents import SimulatedAgents
from callfloor.simulation.demo_callers import SimulatedCallers
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier

OUT, IN = CampaignKey(1, 1), CampaignKey(1, 2)
NUMBER = "+61255500200"
AGENTS = 20
HOURS = 3


@pytest.mark.parametrize("per_minute", [1.0, 4.0])
def test_callers_come_first_and_the_abandonment_budget_holds(per_minute: float) -> None:
    clock = VirtualClock()
    people = Behaviour(patience_s=Distribution("constant", 600.0), missed=0.001)
    carrier = SimulatedCarrier(clock, 7, people)
    desk = SimulatedAgents(clock, 8, Distribution("constant", 20.0))
    tally = Tally(0.0, HOURS * 3600.0)
    records = MemoryRecords(tally, Leads(), clock.now)
    floor = Floor(clock, carrier, records, desk)
    floor.desk_updates.silent = True
    desk.work(floor.previews, floor.presence.wrap_up)
    members = frozenset(range(1, AGENTS + 1))
    pacing = PacingSettings(abandonment_cap=0.03)
    floor.configure(CampaignPlan(OUT, "predictive", members, pacing=pacing, wrap_up_s=120.0, detect_machines=False))
    floor.configure(CampaignPlan(IN, None, members, wrap_up_s=120.0, name="Support"))
    facts = Facts(at=datetime.now(UTC), zone=ZoneInfo("UTC"), campaigns={"Support": IN.campaign})
    floor.callers.configure({NUMBER: Reception(1, straight("Support"), facts, {})}, {})
    for agent in members:
        floor.team.put(agent, 1, (OUT, IN))
        floor.agent(agent, AgentInput.READY)
    SimulatedCallers(clock, 9, carrier, floor.callers.numbers).become(per_minute, people)

    def tick() -> None:
        floor.tick()
        # whoever missed a call comes back
        for agent in floor.team.everyone():
            if agent.facts.state == "paused":
                floor.agent(agent.id, AgentInput.READY)
        clock.call_later(0.5, tick)

    tick()
    clock.run(HOURS * 3600.0)

    waits = sorted(leg.answered_at - leg.joined_at for leg in records.legs.values()
                   if leg.answered_at is not None and leg.joined_at is not None)  # fmt: skip
    assert len(waits) > 0.8 * per_minute * 60 * HOURS
    # somebody is free every few seconds, and no line is dialled while a caller waits for that agent
    assert waits[len(waits) // 2] < 10
    assert waits[-1] < 90
    assert len(tally.live) > 500
    assert len(tally.abandoned) <= 0.03 * len(tally.live)
