"""A simulated day: the floor that serves real calls, a simulated carrier and agents, on a virtual clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import msgspec

from callfloor.clock import VirtualClock
from callfloor.floor.calls.dialler import MakePacer
from callfloor.floor.calls.reception import Reception
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan, QueuePlan
from callfloor.rules.dialling.pacing import Pacer, PacingSettings
from callfloor.rules.routing.agents import AgentInput
from callfloor.rules.routing.queues import QueueRules
from callfloor.rules.workflow.workflow_events import Facts
from callfloor.simulation.agents import SimulatedAgents
from callfloor.simulation.caller_figures import CallerFigures, caller_figures
from callfloor.simulation.demo_callers import SimulatedCallers
from callfloor.simulation.figures import DetectionFigures, Figures, Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.simulation.scenario import Scenario, Truth
from callfloor.simulation.scenario_callers import CAMPAIGN, Inbound
from callfloor.telephony.carrier import AgentId
from callfloor.telephony.simulated.carrier import SimulatedCarrier

TICK_S = 0.5
KEY, CALLERS = CampaignKey(1, 1), CampaignKey(1, 2)
# ACMA: a number for use in creative works
NUMBER = "+61255500200"
# where a day that begins at 0 begins on a Thursday at 09:00
ZONE = ZoneInfo("Etc/GMT-9")
# Longer than any: in a scenario the carrier and the agents say how long ringing and wrap-up take.
RING_S = 40.0
WRAP_UP_S = 86_400.0
PIECE_S = 300.0


def simulate(
    scenario: Scenario,
    seed: int,
    progress: Callable[[float], None] = lambda _: None,
    make_pacer: MakePacer = Pacer,
) -> Figures:
    """Run the day. The same seed gives the same figures. `progress` hears of the simulated seconds that passed.

    `make_pacer`: another pacing than the product's, to compare with.
    """
    began = time.perf_counter()
    tally = Tally(scenario.warm_up_s, scenario.duration_s)
    clock = VirtualClock()
    day = _Day(scenario, seed, clock, tally, make_pacer)
    for at, truth in scenario.shocks:
        clock.call_later(at, partial(day.become, truth))
    at = 0.0
    while at < scenario.duration_s:
        at = min(at + PIECE_S, scenario.duration_s)
        clock.run(at)
        progress(at)
    day.close()
    figures = tally.figures(seed, scenario.truth.agents, time.perf_counter() - began)
    return msgspec.structs.replace(figures, machine_detection=day.detection(), inbound=day.callers())


class _Day:
    def __init__(self, scenario: Scenario, seed: int, clock: VirtualClock, tally: Tally, make_pacer: MakePacer) -> None:
        self._scenario, self._clock, self._tally = scenario, clock, tally
        self._carrier = SimulatedCarrier(clock, seed, scenario.truth.behaviour)
        self._desk = SimulatedAgents(clock, seed + 1, scenario.truth.wrap_s)
        self._records = MemoryRecords(tally, Leads(), clock.now)
        self._carrier.misheard = self._records.misheard
        self._floor = Floor(clock, self._carrier, self._records, self._desk, make_pacer)
        self._floor.desk_updates.silent = True
        self._desk.work(self._floor.previews, self._floor.presence.wrap_up)
        inbound = scenario.inbound
        scripts = () if inbound is None else inbound.scripts
        self._callers = SimulatedCallers(clock, seed + 2, self._carrier, self._floor.callers.numbers, scripts)
        most = max(scenario.truth.agents, *(truth.agents for _, truth in scenario.shocks), 0)
        if scenario.mode is not None:
            self._dial(most)
        if inbound is not None:
            self._take_callers(inbound, most)
        self._working = 0
        self._misses = False
        self.become(scenario.truth)
        self._tick()

    def _dial(self, agents: int) -> None:
        scenario = self._scenario
        pacing = PacingSettings(
            scenario.abandonment_cap, scenario.persons_taken_for_machines, scenario.grace_s, ring_s=RING_S
        )
        members = frozenset(range(1, agents + 1))
        self._floor.configure(CampaignPlan(KEY, scenario.mode, members, pacing=pacing, wrap_up_s=WRAP_UP_S))

    def _take_callers(self, inbound: Inbound, agents: int) -> None:
        members = frozenset(agent for agent in range(1, agents + 1) if CALLERS in self._campaigns(agent))
        self._floor.configure(
            CampaignPlan(
                CALLERS, None, members, wrap_up_s=WRAP_UP_S, name=CAMPAIGN, record=False, queue=QueuePlan(QueueRules())
            )
        )
        facts = Facts(at=datetime.fromtimestamp(0, UTC), zone=ZONE, campaigns={CAMPAIGN: CALLERS.campaign})
        prompts = {name: name for name in inbound.prompts}
        reception = Reception(CALLERS.organisation, inbound.workflow, facts, prompts)
        self._floor.callers.configure({NUMBER: reception}, {})

    def _campaigns(self, agent: AgentId) -> tuple[CampaignKey, ...]:
        """Those that the agent works for."""
        inbound = self._scenario.inbound
        takes = inbound is not None and (inbound.agents is None or agent <= inbound.agents)
        return (KEY,) * (self._scenario.mode is not None) + (CALLERS,) * takes

    def _tick(self) -> None:
        self._floor.tick()
        if self._misses:
            # whoever has not taken a call is back at once
            for agent in self._floor.team.everyone():
                if agent.facts.state == "paused":
                    self._floor.agent(agent.id, AgentInput.READY)
        self._clock.call_later(TICK_S, self._tick)

    def become(self, truth: Truth) -> None:
        """From now on this is the truth."""
        self._carrier.behaviour, self._desk.wrap_s = truth.behaviour, truth.wrap_s
        self._misses = truth.behaviour.missed > 0
        inbound = self._scenario.inbound
        if inbound is not None:
            self._callers.become(truth.calls_per_minute, inbound.behaviour(truth.behaviour))
        for agent in range(self._working + 1, truth.agents + 1):
            self._floor.team.put(agent, KEY.organisation, self._campaigns(agent))
            self._floor.agent(agent, AgentInput.READY)
        for agent in range(truth.agents + 1, self._working + 1):
            self._records.want(agent, "signed-out")
            self._floor.agent(agent, AgentInput.SIGN_OUT)
        self._working = truth.agents

    def close(self) -> None:
        self._records.close(self._clock.now())

    def detection(self) -> DetectionFigures | None:
        """None: the day's detection does not err."""
        truths = (self._scenario.truth, *(truth for _, truth in self._scenario.shocks))
        if not any(each.behaviour.person_for_machine or each.behaviour.machine_for_person for each in truths):
            return None
        return DetectionFigures(self._tally.persons_lost, self._tally.machines_heard)

    def callers(self) -> CallerFigures | None:
        """None: nobody calls on this day."""
        inbound, scenario = self._scenario.inbound, self._scenario
        if inbound is None:
            return None
        first = (leg for leg in self._records.legs.values() if leg.parent is None)
        return caller_figures(first, scenario.warm_up_s, scenario.duration_s, inbound.service_level_s)
