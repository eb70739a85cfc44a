"""What the floor writes down and asks: a port, so that the same floor runs on a database and on a simulation's memory.

No function waits. Those that ask something call `done` with the answer, later or at once. Times (`at`) are seconds
since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from callfloor.contract.workspace import CallerLead, Refusal
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports.writes import WrapUp, Write
from callfloor.rules.routing.agents import AgentState
from callfloor.telephony.carrier import AgentId

UNAVAILABLE = Refusal(code="unavailable", detail="The database cannot be reached now: try again in a moment.")


@dataclass(frozen=True, slots=True)
class Claim:
    """`count` calls at most. `agents`: who is free to be reserved for a call, longest idle first; a call that must
    have an agent reserved (`Claimed.agent`) uses one of them up. `reserved`: every call gets one of them. `why`: what
    pacing looked at, for the evidence."""

    plan: CampaignPlan
    count: int
    agents: Sequence[AgentId]
    reserved: bool
    why: msgspec.Struct | None


class Records(Protocol):
    def write(self, what: Write) -> None:
        """Write it down."""
        ...

    # Leads

    def claim(self, claim: Claim, done: Callable[[list[Claimed]], None]) -> None:
        """Choose leads and write their attempts down. Fewer than asked for: no more may be dialled now."""
        ...

    def preview(self, plan: CampaignPlan, agent: AgentId, done: Callable[[Preview | None], None]) -> None:
        """The lead that the agent is to look at; none of those that others look at."""
        ...

    def start(
        self, plan: CampaignPlan, lead: Preview, agent: AgentId, done: Callable[[Claimed | Refusal], None]
    ) -> None:
        """Write the attempt of a lead that was looked at down, or say why it may no longer be dialled."""
        ...

    def dial(
        self,
        plan: CampaignPlan,
        agent: AgentId,
        number: str,
        lead: int | None,
        done: Callable[[Claimed | Refusal], None],
    ) -> None:
        """Write down a call that the agent dials by hand, if the number may be called now."""
        ...

    def may_ring(self, plan: CampaignPlan, agent: AgentId, number: str, done: Callable[[Refusal | None], None]) -> None:
        """Whether the agent may bring a number outside (E.164) into a call of this campaign, or why not. It is counted
        as called, until `OutsideNotCalled` says otherwise."""
        ...

    # Calls

    def new_activity(self) -> int | None:
        """The id of a leg that is to be written. None: none can be had, because the database is away."""
        ...

    def new_caller(self) -> int | None:
        """The id of the first leg of a call that comes in. None also while so much is still to be written that no call
        should begin."""
        ...

    def callback(
        self,
        key: CampaignKey,
        list_id: int,
        activity: int,
        number: str | None,
        at: float,
        done: Callable[[bool], None],
    ) -> None:
        """Make a lead of a caller who wants to be called back. False: this number may not be called."""
        ...

    def leads_of(self, organisation: int, number: str, done: Callable[[tuple[CallerLead, ...]], None]) -> None:
        """The leads of a number, those with a callback first."""
        ...

    def with_lead(self, organisation: int, activity: int, lead: int | None, done: Callable[[bool], None]) -> None:
        """The call is with this lead. False: it has not the call's number, or is gone."""
        ...

    def wish(
        self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float, done: Callable[[Refusal | None], None]
    ) -> None:
        """Keep what the agent wishes of the call's customer, or say why not. Comes before `WrappedUp`."""
        ...

    # Agents

    def agent_free(self, organisation: int, agent: AgentId, at: float, done: Callable[[AgentState], None]) -> None:
        """The agent's call is over: make it ready, or what somebody asked for meanwhile, and say which."""
        ...
