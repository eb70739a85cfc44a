"""The records of a simulated day: in memory, counted as they come."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import Refusal
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports.records import Claim, WrapUp
from callfloor.rules.routing.agents import AgentState
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_calls import MemoryCalls
from callfloor.telephony.carrier import AgentId, CallId


class MemoryRecords(MemoryCalls):
    def __init__(self, tally: Tally, leads: Leads, now: Callable[[], float]) -> None:
        super().__init__()
        self._tally, self._leads, self._now = tally, leads, now
        self._ids = count(1)
        self._answered: dict[CallId, float] = {}
        self._lead_of: dict[CallId, int] = {}
        # whether a person is there, of calls in which the detection of machines erred
        self._misheard: dict[CallId, bool] = {}
        # each agent's state and since when; who is absent is signed out
        self._states: dict[AgentId, tuple[AgentState, float]] = {}
        self._wanted: dict[AgentId, AgentState] = {}

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

    def skip(self, plan: CampaignPlan, lead: Preview, agent: AgentId, reason: str, *, keep_promise: bool) -> None:
        self._leads.skipped(lead.lead, self._now())

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

    def may_ring(self, plan: CampaignPlan, number: str, done: Callable[[Refusal | None], None]) -> None:
        done(None)

    def unseen(self, plan: CampaignPlan, lead: Preview) -> None:
        self._leads.unseen(lead.lead)

    def put_back(self, plan: CampaignPlan, claimed: Claimed, at: float) -> None:
        self.finished(plan, claimed.call, claimed.activity, DialStatus.CANCELLED, None, at)

    # Calls

    def answered(self, key: CampaignKey, call: CallId, at: float) -> None:
        self._answered[call] = at

    def connected(self, key: CampaignKey, call: CallId, agent: AgentId, at: float) -> None:
        if self._tally.counts(self._answered[call]):
            self._tally.delays.append(at - self._answered[call])

    def misheard(self, call: CallId, person: bool) -> None:
        """The detection of machines errs."""
        self._misheard[call] = person
        self._tally.misheard(self._now(), person=person)

    def finished(
        self, plan: CampaignPlan, call: CallId, activity: int, status: DialStatus, recorded_s: float | None, at: float
    ) -> None:
        answered = self._answered.pop(call, None)
        if answered is not None:
            heard = status in (DialStatus.ANSWERED, DialStatus.ABANDONED)
            person = self._misheard.pop(call, heard)
            lost = status in (DialStatus.ABANDONED, DialStatus.ANSWERING_MACHINE)
            self._tally.answered(answered, person=person, lost=lost)
        lead = self._lead_of.pop(call, None)
        if lead is not None:
            self._leads.ended(lead, status, at)

    def wish(
        self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float, done: Callable[[Refusal | None], None]
    ) -> None:
        done(None)

    def wrapped(self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float) -> None:
        pass

    # Agents

    def agent(
        self,
        organisation: int,
        agent: AgentId,
        state: AgentState,
        reason: str | None,
        at: float,
        campaign: int | None = None,
    ) -> None:
        self._enter(agent, state, at)

    def pause_agent(self, organisation: int, agent: AgentId, reason: str, at: float) -> None:
        self.want(agent, "paused")

    def agent_free(self, organisation: int, agent: AgentId, at: float, done: Callable[[AgentState], None]) -> None:
        state = self._wanted.pop(agent, "ready")
        self._enter(agent, state, at)
        done(state)

    def want(self, agent: AgentId, state: AgentState) -> None:
        """What an agent in a call is to be after it."""
        self._wanted[agent] = state

    def _enter(self, agent: AgentId, state: AgentState, at: float) -> None:
        before, since = self._states.get(agent, ("signed-out", at))
        if state == before and agent in self._states:
            return
        tally, spent = self._tally, self._tally.within(since, at)
        if before not in ("signed-out", "paused"):
            tally.signed_in_s += spent
        if before == "on-call":
            tally.talk_s += spent
        elif before == "on-wrap":
            tally.wrap_s += spent
        elif before in ("ready", "dialling"):
            tally.wait_s += spent
        if state == "on-call" and tally.counts(at):
            tally.waits += 1
        self._states[agent] = (state, at)

    def close(self, at: float) -> None:
        """The day is over: count what everybody is doing, and the calls that are up."""
        for agent in list(self._states):
            self._enter(agent, "signed-out", at)
        for call, answered in self._answered.items():
            self._tally.answered(answered, person=self._misheard.get(call, True), lost=False)
