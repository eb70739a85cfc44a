"""The one way out: every line that is seized, for a lead, by hand, or to a number outside, has a permit of its
organisation's destination policy. Nobody else speaks to the carrier of a number (a test holds that)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.plan import CampaignPlan
from callfloor.rules.dialling.destinations import (
    NOTHING,
    Allowance,
    Denied,
    Spent,
    allowances,
    has_limits,
    room,
    used_up,
)
from callfloor.telephony.carrier import AgentId, CallId, Carrier, Line, PartyId


@dataclass(frozen=True, slots=True)
class Permit:
    """A number (E.164) that was judged, for an agent who asks for it or, None, for the dialler."""

    organisation: int
    number: str
    agent: AgentId | None
    longest_s: float
    counted: bool


@dataclass(slots=True)
class Spending:
    """An organisation's day as the records had it when they were read; `since` then, what was placed here."""

    whole: Spent = NOTHING
    agents: Mapping[AgentId, Spent] = field(default_factory=dict[AgentId, Spent])
    # when (seconds of the floor's clock), and by whom
    since: deque[tuple[float, AgentId | None]] = field(default_factory=deque[tuple[float, AgentId | None]])

    def spent(self) -> Spent:
        return Spent(self.whole.calls + len(self.since), self.whole.minutes)

    def of(self, agent: AgentId) -> Spent:
        before = self.agents.get(agent, NOTHING)
        return Spent(before.calls + sum(each == agent for _, each in self.since), before.minutes)


class DestinationListener(Protocol):
    """Hears of an organisation's numbers and limits, each time. `agent`: who asked; None: the dialler did."""

    def refused(self, organisation: int, agent: AgentId | None, why: Denied) -> None:
        """A number is not called."""
        ...

    def alarmed(self, organisation: int, agent: AgentId | None, limit: Allowance) -> None:
        """A limit is nearly or wholly used up."""
        ...


class Outgoing:
    """`too_long` hears of a call, or one of its parties, that has lasted as long as any may; `told`, if anybody, of
    what is refused."""

    def __init__(
        self,
        clock: Clock,
        carrier: Carrier,
        too_long: Callable[[CallId, PartyId | None], None],
        told: DestinationListener | None,
    ) -> None:
        self._clock, self._carrier, self._too_long, self._told = clock, carrier, too_long, told
        self._spending: dict[int, Spending] = {}
        # when each must end, in seconds of the floor's clock
        self._ends: dict[tuple[CallId, PartyId | None], float] = {}
        self._first_end = float("inf")

    # What is used up

    def learn(self, organisation: int, read_at: float, whole: Spent, agents: Mapping[AgentId, Spent]) -> None:
        """What the organisation has called today by its records. `read_at`: seconds of the floor's clock, before which
        they were complete."""
        known = self._spending.setdefault(organisation, Spending())
        known.whole, known.agents = whole, agents
        while known.since and known.since[0][0] < read_at:
            known.since.popleft()

    def room(self, plan: CampaignPlan, count: int) -> int:
        """How many of so many calls the dialler may place today, as far as is known here: what is written down is held
        to the limits by the records."""
        limits = plan.destinations.limits
        if not has_limits(limits):
            return count
        organisation = plan.key.organisation
        spent = self._spending.setdefault(organisation, Spending()).spent()
        if self._used_up(plan, None) is not None:
            return 0
        return room(limits, spent, None, count)

    def _used_up(self, plan: CampaignPlan, agent: AgentId | None) -> Denied | None:
        limits, organisation = plan.destinations.limits, plan.key.organisation
        if not has_limits(limits):
            return None
        spending = self._spending.setdefault(organisation, Spending())
        found = allowances(limits, spending.spent(), None if agent is None else spending.of(agent))
        for each in found:
            if each.share >= limits.alarm_at and self._told is not None:
                self._told.alarmed(organisation, agent, each)
        return used_up(found)

    # Going out

    def permit(
        self, plan: CampaignPlan, number: str, agent: AgentId | None, *, granted: bool = False
    ) -> Permit | Denied:
        """Judge a number (E.164). `agent`: who asks for it; None: the dialler does. `granted`: the records have counted
        the call already, within the limits."""
        policy, organisation = plan.destinations, plan.key.organisation
        denied = policy.denied(number) or (None if granted else self._used_up(plan, agent))
        if denied is not None:
            if self._told is not None:
                self._told.refused(organisation, agent, denied)
            return denied
        limits = policy.limits
        return Permit(organisation, number, agent, limits.longest_call_minutes * 60.0, has_limits(limits))

    def originate(self, permit: Permit, line: Line) -> None:
        """Place a call."""
        self._begins(permit, line.number, (line.call, None))
        self._carrier.originate(line)

    def call_out(self, permit: Permit, call: CallId, party: PartyId, caller: str | None, ring_s: float) -> None:
        """Bring the number into an answered call."""
        self._begins(permit, permit.number, (call, party))
        self._carrier.call_out(call, party, permit.number, caller, ring_s)

    def _begins(self, permit: Permit, number: str, what: tuple[CallId, PartyId | None]) -> None:
        if permit.number != number:
            raise ValueError("the permit is for another number")
        if permit.counted:
            spending = self._spending.setdefault(permit.organisation, Spending())
            spending.since.append((self._clock.elapsed(), permit.agent))
        self._watch(what, permit.longest_s)

    # How long

    def resume(self, plan: CampaignPlan, call: CallId, party: PartyId | None = None) -> None:
        """Carry on with what another engine placed: nobody knows when, so its time begins anew."""
        self._watch((call, party), plan.destinations.limits.longest_call_minutes * 60.0)

    def _watch(self, what: tuple[CallId, PartyId | None], longest_s: float) -> None:
        end = self._ends[what] = self._clock.elapsed() + longest_s
        self._first_end = min(self._first_end, end)

    def over(self, call: CallId) -> None:
        """The call has ended."""
        self._ends.pop((call, None), None)

    def gone(self, call: CallId, party: PartyId) -> None:
        """The party has left it."""
        self._ends.pop((call, party), None)

    def tick(self) -> None:
        """End what has lasted too long."""
        now = self._clock.elapsed()
        if now < self._first_end:
            return
        for call, party in [what for what, end in self._ends.items() if end <= now]:
            del self._ends[call, party]
            self._too_long(call, party)
        self._first_end = min(self._ends.values(), default=float("inf"))


def as_refusal(denied: Denied) -> Refusal:
    """What an agent's desk says of it."""
    code = "limit-reached" if denied.reason.endswith("-per-day") else "refused-number"
    return Refusal(code=code, detail=denied.detail)
