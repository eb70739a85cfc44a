"""What the floor writes down and reads: a port, so that the same floor runs on a database and on a simulation's memory.

No function waits. Those that have an answer call `done` with it, later or at once. Times (`at`) are seconds since the
epoch. What is written for one call or one agent takes effect in the order in which it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.contract.workspace import Refusal
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports.call_records import CallRecords
from callfloor.rules.routing.agents import AgentState
from callfloor.telephony.carrier import AgentId, CallId

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


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What an agent says of a call. `next_attempt_at`: a callback (seconds since the epoch), for `callback_agent`
    alone where that is given. `lead_data` (JSON) merges into the lead's. `helped`: the lead that called instead of
    being called back, and when that was to be."""

    wrap_code: int | None = None
    lead_status: LeadStatus | int | None = None
    next_attempt_at: float | None = None
    callback_agent: AgentId | None = None
    lead_data: bytes | None = None
    helped: tuple[int, datetime] | None = None

    @property
    def wishes(self) -> bool:
        """Whether anything is to be kept of the customer."""
        return self.lead_status is not None or self.next_attempt_at is not None or self.lead_data is not None


class Records(CallRecords, Protocol):
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

    def skip(self, plan: CampaignPlan, lead: Preview, agent: AgentId, reason: str, *, keep_promise: bool) -> None:
        """The agent does not call the lead now, which rests. `keep_promise`: a callback stays due."""
        ...

    def unseen(self, plan: CampaignPlan, lead: Preview) -> None:
        """A lead that was chosen to be looked at was shown to nobody: it is as it was."""
        ...

    def put_back(self, plan: CampaignPlan, claimed: Claimed, at: float) -> None:
        """An attempt that is written down is not placed after all, and its lead is as it was."""
        ...

    def answered(self, key: CampaignKey, call: CallId, at: float) -> None: ...

    def connected(self, key: CampaignKey, call: CallId, agent: AgentId, at: float) -> None: ...

    def finished(
        self, plan: CampaignPlan, call: CallId, activity: int, status: DialStatus, recorded_s: float | None, at: float
    ) -> None:
        """The call is over: attempt, activity, recording, lead and statistics, all together."""
        ...

    def wish(
        self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float, done: Callable[[Refusal | None], None]
    ) -> None:
        """Keep what the agent wishes of the call's customer, or say why not. Comes before `wrapped`."""
        ...

    def wrapped(self, plan: CampaignPlan, activity: int, wrap: WrapUp, at: float) -> None:
        """The agent's wrap-up is over, its wishes are kept. Comes after `finished` of its call."""
        ...

    def agent(
        self,
        organisation: int,
        agent: AgentId,
        state: AgentState,
        reason: str | None,
        at: float,
        campaign: int | None = None,
    ) -> None:
        """Show the agent's state, with the campaign of its call. What somebody asked for meanwhile is kept."""
        ...

    def pause_agent(self, organisation: int, agent: AgentId, reason: str, at: float) -> None:
        """The agent is to have no more calls, after the one that it is on."""
        ...

    def agent_free(self, organisation: int, agent: AgentId, at: float, done: Callable[[AgentState], None]) -> None:
        """The agent's call is over: make it ready, or what somebody asked for meanwhile, and say which."""
        ...
