"""The workspace's requests and answers, besides sessions, events and commands (workspace.py)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.codes import AgentState
from callfloor.contract.fields import Id, Request, Struct
from callfloor.contract.workspace import Callback, Command, Event, Monitoring, Session, Target, Text


class SessionUpdate(Request):
    """`reason`: of a pause."""

    state: Literal["ready", "paused", "signed-out"]
    reason: Text | None = None


class EventsQuery(Request):
    after: Annotated[int, Meta(ge=0, le=2**63 - 1, description="Sequence of the last event you have.")] | None = None
    agent_id: Annotated[Id, Meta(description="A supervisor watches this agent.")] | None = None


class EventList(Struct):
    """At most 500; ask again behind the last one until it is `sequence`, the last there is."""

    events: list[Event]
    sequence: int


class WrapCode(Struct):
    code: int
    description: str


class OwnCampaign(Struct):
    campaign_id: int
    name: str
    direction: Literal["inbound", "outbound"]
    mode: CampaignMode | None
    active: bool
    wrap_codes: list[WrapCode]


class Queue(Struct):
    """`agents`: how many of its agents are signed in and not paused."""

    campaign_id: int
    name: str
    agents: int


class Colleague(Struct):
    agent_id: int
    full_name: str
    state: AgentState


class LeadStatusChoice(Struct):
    code: int
    description: str


class Choices(Struct):
    """`campaigns`: the agent's own. `queues`, `colleagues` (those signed in): whom a call may be given to.
    `lead_statuses`: the organisation's own, besides the standard ones."""

    campaigns: list[OwnCampaign]
    queues: list[Queue]
    colleagues: list[Colleague]
    lead_statuses: list[LeadStatusChoice]


class WatchedAgent(Struct):
    agent_id: int
    username: str
    full_name: str
    session: Session


class MonitorAgent(Command, frozen=True, tag="monitor"):
    """Listen to the agent's call: unheard, heard by the agent (`whisper`), or heard by everybody (`barge`)."""

    how: Monitoring = "monitor"


class StopMonitoringAgent(Command, frozen=True, tag="stopMonitoring"):
    """Leave the agent's call."""


class ForceAgentSignOut(Command, frozen=True, tag="forceSignOut"):
    """Sign the agent out; a call in progress goes on until it ends."""


class ReadyAgent(Command, frozen=True, tag="ready"):
    """Make the agent ready for calls; signs it in. During a call, when that and its wrap-up end."""


class PauseAgent(Command, frozen=True, tag="pause"):
    """No more calls for the agent, after the one in progress; signs it in, paused."""

    reason: Text | None = None


class EndAgentCall(Command, frozen=True, tag="endCall"):
    """End the agent's call for everybody; one that is being dialled too. The agent wraps it up."""


class TransferAgentCall(Command, frozen=True, tag="transferCall"):
    """Give the agent's call away, as `transfer` of the agent would."""

    to: Target


class MoveAgent(Command, frozen=True, tag="moveToCampaign"):
    """Let the agent work for this campaign alone, until it signs out or is moved back: null, to its own campaigns. A
    call in progress goes on."""

    campaign_id: Id | None


AgentSupervision = (
    MonitorAgent | StopMonitoringAgent | ForceAgentSignOut | ReadyAgent | PauseAgent | EndAgentCall
    | TransferAgentCall | MoveAgent
)  # fmt: skip


class MoveUp(Command, frozen=True, tag="moveUp"):
    """Put the caller before all others in the queue; of several who were moved up the one who has waited longest."""


class TakeOut(Command, frozen=True, tag="transfer"):
    """Give the caller to another queue, or to an agent who is ready; should that one not take the call, the caller is
    the first in the queue again."""

    to: Target


class LetGo(Command, frozen=True, tag="hangUp"):
    """Hang up on the caller, who counts as missed."""


CallerSupervision = MoveUp | TakeOut | LetGo


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """The first message of a WebSocket whose request had no Authorization header."""

    token: str


class CallDraft(Request):
    """What an agent typed on a call and has not sent with the wrap-up yet; nothing of it is checked before that."""

    note: Annotated[str, Meta(max_length=10_000)] | None = None
    lead_data: Annotated[dict[str, Any], Meta(max_length=200)] | None = None
    wrap_code: int | None = None
    lead_status: int | None = None
    callback: Callback | None = None


class DraftToKeep(CallDraft):
    """`revision`: of the draft that this one was made from, 0 where there was none; given, nothing newer is
    overwritten, unless it is of the same `page` (a name that a page gives itself) and an earlier `step` of that."""

    revision: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    page: UUID | None = None
    step: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class StoredCallDraft(Struct):
    """`revision` 0 and `updatedTimestamp` null: nothing was typed."""

    note: str | None = None
    lead_data: dict[str, Any] | None = None
    wrap_code: int | None = None
    lead_status: int | None = None
    callback: Callback | None = None
    revision: int = 0
    updated_timestamp: datetime | None = None
