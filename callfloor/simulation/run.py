"""A simulated day: the floor that serves real calls, a simulated carrier and agents, on a virtual clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from callfloor.clock import VirtualClock
from callfloor.floor.calls.dialler import MakePacer
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.rules.dialling.pacing import Pacer, PacingSettings
from callfloor.rules.routing.agents import AgentInput
from callfloor.simulation.agents import SimulatedAgents
from callfloor.simulation.figures import Figures, Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.simulation.scenario import Scenario, Truth
from callfloor.telephony.simulated.carrier import SimulatedCarrier

TICK_S = 0.5
KEY = CampaignKey(1, 1)
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
    return tally.figures(seed, scenario.truth.agents, time.perf_counter() - began)


class _Day:
    def __init__(self, scenario: Scenario, seed: int, clock: VirtualClock, tally: Tally, make_pacer: MakePacer) -> None:
        self._clock = clock
        self._carrier = SimulatedCarrier(clock, seed, scenario.truth.behaviour)
        self._desk = SimulatedAgents(clock, seed + 1, scenario.truth.wrap_s)
        self._records = MemoryRecords(tally, Leads(), clock.now)
        self._floor = Floor(clock, self._carrier, self._records, self._desk, make_pacer)
        self._floor.showing.silent = True
        self._desk.work(self._floor.previews, self._floor.presence.wrap_up)
        pacing = PacingSettings(scenario.abandonment_cap, scenario.grace_s, RING_S)
        most = max(scenario.truth.agents, *(truth.agents for _, truth in scenario.shocks), 0)
        members = frozenset(range(1, most + 1))
        self._floor.configure(CampaignPlan(KEY, scenario.mode, members, pacing=pacing, wrap_up_s=WRAP_UP_S))
        self._working = 0
        self.become(scenario.truth)
        self._tick()

    def _tick(self) -> None:
        self._floor.tick()
        self._clock.call_later(TICK_S, self._tick)

    def become(self, truth: Truth) -> None:
        """From now on this is the truth."""
        self._carrier.behaviour, self._desk.wrap_s = truth.behaviour, truth.wrap_s
        for agent in range(self._working + 1, truth.agents + 1):
            self._floor.team.put(agent, KEY.organisation, (KEY,))
            self._floor.agent(agent, AgentInput.READY)
        for agent in range(truth.agents + 1, self._working + 1):
            self._records.want(agent, "signed-out")
            self._floor.agent(agent, AgentInput.SIGN_OUT)
        self._working = truth.agents

    def close(self) -> None:
        self._records.close(self._clock.now())
