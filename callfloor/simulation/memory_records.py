"""The records of a simulated day, in memory: what the floor asks; what it writes is in `memory_writes`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from callfloor.contract.workspace import CallerLead, Refusal
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports.records import Claim
from callfloor.floor.ports.writes import WrapUp
from callfloor.rules.routing.agents import AgentState
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_writes import MemoryWrites
from callfloor.telephony.carrier import AgentId

# Ids of legs, apart from those of dialled calls.
FIRST_LEG = 1_000_000_000


class MemoryRecords(MemoryWrites):
    def __init__(self, tally: Tally, leads: Leads, now: Callable[[], float]) -> None:
        super().__init__(tally, leads, now)
        self._ids, self._leg_ids = count(1), count(FIRST_LEG)
        self.callbacks: list[tuple[int, str]] = []

    # Leads

    def claim(self, claim: Claim, done: Callable[[list[Claimed]], None]) -> None:
        now, found = self._now(), list[Claimed]()
        free = list(claim.agents)
        for _ in range(claim.count):
            taken = self._leads.take(now, free, reserved=claim.reserved)
            if taken is None:
                break
            lead, agent = taken
            found.append(self._start(lead.lead, lead.number, agent))
        done(found)

    def _start(self, lead: int, number: str, agent: AgentId | None) -> Claimed:
        call = next(self._ids)
        self._lead_of[call] = lead
        self._tally.attempts += self._tally.counts(self._now())
        return Claimed(call, call, lead, number, None, agent)

    def preview(self, plan: CampaignPlan, agent: AgentId, done: Callable[[Preview | None], None]) -> None:
        taken = self._leads.take(self._now(), [agent], reserved=True)
        done(None if taken is None else taken[0])

    def start(
        self, plan: CampaignPlan, lead: Preview, agent: AgentId, done: Callable[[Claimed | Refusal], None]
    ) -> None:
        done(self._start(lead.lead, lead.number, agent))

    def dial(
        self,
        plan: CampaignPlan,
        agent: AgentId,
        number: str,
        lead: int | None,
        done: Callable[[Claimed | Refusal], None],
    ) -> None:
        call = next(self._ids)
        done(Claimed(call, call, lead, number, None, agent, manual=True))

    def may_ring(self, plan: CampaignPlan, agent: AgentId, number: str, done: Callable[[Refusal | None], None]) -> None:
        done(None)

    # Calls

    def new_activity(self) -> int | None:
        return next(self._leg_ids)

    def new_caller(self) -> int | None:
        return self.new_activity()

    def callback(
        self,
        key: CampaignKey,
        list_id: int,
        activity: int,
        number: str | None,
        at: float,
        done: Callable[[bool], None],
    ) -> None:
        if number is not None:
            self.callbacks.append((list_id, number))
        done(number is not None)

    def leads_of(self, organisation: int, number: str, done: Callable[[tuple[CallerLead, ...]], None]) -> None:
        pass

    def with_lead(self, organisation: int, activity: int, lead: int | None, done: Callable[[bool], None]) -> None:
        done(lead is None)

    def wish(
        self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float, done: Callable[[Refusal | None], None]
    ) -> None:
        done(None)

    # Agents

    def agent_free(self, organisation: int, agent: AgentId, at: float, done: Callable[[AgentState], None]) -> None:
        state = self._wanted.pop(agent, "ready")
        self._enter(agent, state, at)
        done(state)
