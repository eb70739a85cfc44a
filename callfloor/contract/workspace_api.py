"""The workspace's requests and answers, besides sessions, events and commands (workspace.py)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.codes import AgentState
from callfloor.contract.fields import Id, Request, Struct
from callfloor.contract.workspace import Command, Event, Monitoring, Session, Text


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


AgentSupervision = MonitorAgent | StopMonitoringAgent | ForceAgentSignOut


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    """The first message of a WebSocket whose request had no Authorization header."""

    token: str
