"""What a callback is: one rule for a request, a row of an import, a wrap-up, a workflow.

A callback is a time and one of two statuses: for a certain agent (Callback - Agent, with the agent), or for the queue
(Callback - Queue, with none). No writer leaves half of one. Whether it will be kept is asked before it is promised.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Literal

from msgspec import UNSET, UnsetType

from callfloor.contract.codes import LEAD_STATUS_NAMES, DialStatus, LeadStatus, MovedReason
from callfloor.rules.dialling.eligibility import judge
from callfloor.rules.dialling.lead_facts import CampaignFacts, LeadFacts, ListFacts
from callfloor.rules.dialling.strategy import CALLBACKS, lead_status_after
from callfloor.rules.values.times import format_timestamp, zone

Reason = Literal[
    "lead-completed", "do-not-call", "no-phone", "attempts-used", "not-dialled", "outside-hours", "agent-unavailable"
]
# The first of them that does not hold is why nobody would be called back, as rules of `eligibility` are named.
_KEPT_BY: dict[str, Reason] = {
    "completion": "lead-completed",
    "do-not-call": "do-not-call",
    "phone": "no-phone",
    "destination": "not-dialled",
    "attempts": "attempts-used",
    "campaign": "not-dialled",
    "window": "outside-hours",
    "contact-window": "outside-hours",
    "attempts-today": "outside-hours",
}
# Whoever writes hours and minutes and means now is not too late.
_NOW_WITHIN = timedelta(minutes=1)
# Switches are turned on again: lists and campaigns that rest only delay a callback.
_SWITCHED_ON = ListFacts(in_dialler=True, weight=1)


class Moved(IntEnum):
    """Why a callback, e-mail or task is not its agent's any more."""

    INACTIVE = 1
    LEFT_CAMPAIGN = 2
    SIGNED_OUT = 3
    SUPERVISOR = 4
    # the agent gave it back
    AGENT = 5

    @property
    def word(self) -> MovedReason:
        """As APIs say it."""
        return _MOVED[self]


_MOVED: dict[Moved, MovedReason] = {
    Moved.INACTIVE: "agent-inactive",
    Moved.LEFT_CAMPAIGN: "agent-left-campaign",
    Moved.SIGNED_OUT: "agent-signed-out",
    Moved.SUPERVISOR: "supervisor",
    Moved.AGENT: "agent",
}


@dataclass(frozen=True, slots=True)
class CallbackFields:
    """The fields of a lead that make a callback, together."""

    agent_id: int | None = None
    at: datetime | None = None
    status_code: int = LeadStatus.NEW

    @property
    def callback(self) -> bool:
        """Whether somebody was promised a call."""
        return self.status_code in CALLBACKS


@dataclass(frozen=True, slots=True)
class CallbackChange:
    """What somebody says of them. UNSET: nothing; None: none (of `status_code`: nothing)."""

    agent_id: int | None | UnsetType = UNSET
    at: datetime | None | UnsetType = UNSET
    status_code: int | None | UnsetType = UNSET


class CallbackError(ValueError):
    """What was said contradicts itself. `field` is the contract's name of the one to change."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field, self.code, self.message = field, code, message


@dataclass(frozen=True, slots=True)
class Refused:
    """Why nobody would be called back. `next_at` (UTC): the first time that would do, shown in `zone`; None: no time
    would."""

    reason: Reason
    detail: str
    next_at: datetime | None = None
    zone: str = "UTC"

    @property
    def next_timestamp(self) -> str | None:
        """`next_at` as the API says it."""
        return None if self.next_at is None else format_timestamp(self.next_at, zone(self.zone))

    @property
    def field(self) -> str:
        """The contract's name of the field that would have to be another."""
        return "agentId" if self.reason == "agent-unavailable" else "nextAttemptTimestamp"


def status_without(attempts: int, last_dial_status: int | None) -> LeadStatus:
    """The status of a lead whose callback is taken from it: what its last attempt left."""
    if not attempts or last_dial_status is None or last_dial_status == DialStatus.DIALLING:
        return LeadStatus.NO_RESULT if attempts else LeadStatus.NEW
    return lead_status_after(DialStatus(last_dial_status))


def is_over(at: datetime, now: datetime) -> bool:
    """Whether nobody can promise a call at `at` any more. The minute that runs is not over."""
    return at < now - _NOW_WITHIN


def apply_change(current: CallbackFields, change: CallbackChange, without: int = LeadStatus.NEW) -> CallbackFields:
    """The lead after `change`. `without`: its status when it loses its callback (`status_without`).

    A time makes a callback: for the agent that is given with it, else for the queue, and the lead is no agent's any
    more. An agent alone takes a callback that stands over. Either half cleared clears all of it, and so does a status
    that is none of a callback's; a status and a time together are no callback but when to call next. An agent without
    any of that only owns the lead. Raises `CallbackError`.
    """
    status = change.status_code
    if status is UNSET or status is None:
        return _settled(current, change, without)
    if status in CALLBACKS:
        return _of_status(current, change, status)
    ended = current.callback or status in (LeadStatus.DO_NOT_CALL, LeadStatus.COMPLETED)
    if status in (LeadStatus.DO_NOT_CALL, LeadStatus.COMPLETED) and isinstance(change.at, datetime):
        message = f"a lead of status {LEAD_STATUS_NAMES[status]} is not called: leave the time or the status out"
        raise CallbackError("nextAttemptTimestamp", "contradiction", message)
    agent_id, at = _said(current, change)
    if ended and not isinstance(change.at, datetime):
        at = None
    if current.callback and not isinstance(change.agent_id, int):
        agent_id = None
    return CallbackFields(agent_id, at, status)


def completing(current: CallbackFields, change: CallbackChange) -> CallbackChange:
    """The change of whoever says that the lead is completed: it is not called back, so a callback ends with it."""
    if isinstance(change.status_code, int) or not (current.callback or isinstance(change.at, datetime)):
        return change
    return replace(change, status_code=LeadStatus.COMPLETED)


def _said(current: CallbackFields, change: CallbackChange) -> tuple[int | None, datetime | None]:
    agent_id = current.agent_id if isinstance(change.agent_id, UnsetType) else change.agent_id
    return agent_id, current.at if isinstance(change.at, UnsetType) else change.at


def _of_status(current: CallbackFields, change: CallbackChange, status: int) -> CallbackFields:
    """Somebody says which callback it is."""
    agent_id, at = _said(current, change)
    if isinstance(change.at, UnsetType) and not current.callback:
        # when a lead rests until, or is called next, is no time that anybody was promised
        at = None
    name = LEAD_STATUS_NAMES[status]
    if at is None:
        raise CallbackError("statusCode", "incomplete", f"is {name}, which needs a nextAttemptTimestamp")
    if status == LeadStatus.CALLBACK_QUEUE:
        if isinstance(change.agent_id, int):
            raise CallbackError("agentId", "contradiction", f"is given, but the status is {name}: leave one out")
        return CallbackFields(None, at, status)
    if agent_id is None:
        raise CallbackError("statusCode", "incomplete", f"is {name}, which needs an agentId")
    return CallbackFields(agent_id, at, status)


def _settled(current: CallbackFields, change: CallbackChange, without: int) -> CallbackFields:
    agent_id, at = _said(current, change)
    if isinstance(change.at, datetime):
        if isinstance(change.agent_id, int):
            return CallbackFields(change.agent_id, change.at, LeadStatus.CALLBACK_AGENT)
        return CallbackFields(None, change.at, LeadStatus.CALLBACK_QUEUE)
    if not current.callback:
        return CallbackFields(agent_id, at, current.status_code)
    if at is not None and isinstance(change.agent_id, int):
        return CallbackFields(change.agent_id, at, LeadStatus.CALLBACK_AGENT)
    cleared = change.at is None or (change.agent_id is None and current.status_code == LeadStatus.CALLBACK_AGENT)
    if cleared or at is None:
        return CallbackFields(change.agent_id if isinstance(change.agent_id, int) else None, None, without)
    return current


def refusal(
    lead: LeadFacts,
    campaign: CampaignFacts,
    blocked: frozenset[int],
    members: frozenset[int],
    now: datetime,
) -> Refused | None:
    """Why the callback that `lead` would have is not kept; None: it will be.

    `blocked`: indexes of its phones that are on a do-not-call list at that time. `members`: the active agents of the
    campaign. A time that has passed is due at once, and waits for the hours if need be.
    """
    if lead.next_attempt_at is None:
        raise ValueError("a callback has a time")
    agent = lead.callback_agent_id
    if lead.status_code == LeadStatus.CALLBACK_AGENT and agent not in members:
        return Refused("agent-unavailable", "The agent is not active, or does not belong to the lead's campaign.")
    due = lead.next_attempt_at <= now
    at = now if due else lead.next_attempt_at
    verdict = judge(
        replace(lead, in_flight=False, abandoned_at=None), _SWITCHED_ON, replace(campaign, active=True), blocked, at
    )
    for rule in verdict.rules:
        reason = _KEPT_BY.get(rule.rule)
        if rule.passed or reason is None:
            continue
        if reason != "outside-hours":
            return Refused(reason, rule.detail)
        if not due or verdict.next_dial_at is None:
            found = Refused(reason, rule.detail, verdict.next_dial_at, campaign.zone)
            return replace(found, detail=f"Nobody may be called then. {rule.detail} {_next(found)}")
    return None


def _next(refused: Refused) -> str:
    if refused.next_at is None:
        return "Nor is there a time that would do in the weeks that follow."
    return f"The next time that would do is {refused.next_timestamp}."
