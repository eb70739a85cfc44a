"""The contract's three code spaces. The numbers are fixed; names are what the API shows."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, get_args

ActivityType = Literal["call.inbound", "call.outbound", "call.manual", "email.inbound", "email.outbound"]
OutcomeType = Literal["preview", "progressive", "predictive", "manual"]
AgentState = Literal["signed-out", "ready", "dialling", "on-call", "on-wrap", "paused"]
# How a leg of a call began: as the call itself; given on by an agent; out of a queue that was full or waited in for too
# long; back from whoever did not take the call; for a second agent, beside the first one's; to a number outside.
LegType = Literal["first", "transfer", "overflow", "return", "consult", "outside"]
# Why work is not an agent's any more: its account was closed, it left the campaign, it was signed out for too long, a
# supervisor moved it, or the agent gave it back.
MovedReason = Literal["agent-inactive", "agent-left-campaign", "agent-signed-out", "supervisor", "agent"]
# What becomes of an agent after the call and its wrap-up.
Wanted = Literal["ready", "paused", "signed-out"]
Scope = Literal[
    "activities:read",
    "campaigns:read",
    "media:read",
    "leads:read",
    "leads:write",
    "customers:erase",
    "dialler:read",
    "users:read",
    "agents:write",
    "do-not-call:read",
    "do-not-call:write",
    "workspace",
    "workspace:supervise",
    "workspace:supervise-all",
    "people:write",
    "setup:read",
    "setup:write",
    "campaigns:control",
    "tokens:write",
    "retention:write",
    "reports:read",
    "reports:write",
    "audit:read",
    "admin",
]
# What an operation asks of its caller: a scope; that a person is signed in, or nothing.
# signing-in: whoever has a session, whether it is signed in already or on its way there
Access = Scope | Literal["signed-in", "signing-in", "anyone"]

SCOPES: tuple[str, ...] = get_args(Scope)


class ActivityStatus(IntEnum):
    IN_WORKFLOW = 1
    IN_QUEUE = 2
    ANSWERED = 3
    ABANDONED_IN_WORKFLOW = 4
    ABANDONED_IN_QUEUE = 5
    VOICEMAIL = 6
    DIALLING = 7
    NOT_ANSWERED = 8
    FAILED = 9
    MISSED = 10
    OVERFLOWED = 11
    # an e-mail that an agent has, and has not answered
    TAKEN = 12


class DialStatus(IntEnum):
    DIALLING = 0
    ANSWERED = 1
    NO_ANSWER = 2
    BUSY = 3
    DISCONNECTED = 4
    TELCO_ERROR = 5
    ANSWERING_MACHINE = 6
    ABANDONED = 7
    CANCELLED = 8
    REFUSED = 9


class LeadStatus(IntEnum):
    NEW = 0
    NO_RESULT = 1
    CONTACTED = 2
    ABANDONED = 3
    NO_ANSWER = 4
    BUSY = 5
    DISCONNECTED = 6
    TELCO_ERROR = 7
    ANSWERING_MACHINE = 8
    CALLBACK_QUEUE = 9
    CALLBACK_AGENT = 10
    DO_NOT_CALL = 11
    COMPLETED = 12


FIRST_OWN_LEAD_STATUS = 100


def _name(code: IntEnum) -> str:
    return code.name.replace("_", " ").title().replace(" In ", " in ")


ACTIVITY_STATUS_NAMES: dict[int, str] = {int(code): _name(code) for code in ActivityStatus}
DIAL_STATUS_NAMES: dict[int, str] = {int(code): _name(code) for code in DialStatus}
LEAD_STATUS_NAMES: dict[int, str] = {int(code): _name(code) for code in LeadStatus} | {
    LeadStatus.CALLBACK_QUEUE: "Callback - Queue",
    LeadStatus.CALLBACK_AGENT: "Callback - Agent",
}
