"""The live floor: who is there, who waits, and how campaigns stand. Begin with a snapshot, then apply changes.

Nothing is sent because time passes: how long something lasts is counted from its `since`. Numbers are shown to those
who may read activities or leads, to others without their middle.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from callfloor.contract.alerts import AlertKind, Severity
from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.codes import AgentState, Wanted
from callfloor.contract.fields import Request
from callfloor.contract.workspace import CallDirection, Shown

Cursor = Annotated[str, Meta(max_length=64, description="`cursor` of the last message or snapshot that you have.")]


class FloorQuery(Request):
    after: Cursor | None = None


class AgentCounts(Shown, frozen=True, kw_only=True):
    """Agents by state, at this moment. `signed_in`: all of them."""

    signed_in: int = 0
    ready: int = 0
    dialling: int = 0
    on_call: int = 0
    on_wrap: int = 0
    paused: int = 0


class FloorCall(Shown, frozen=True, kw_only=True):
    """The call that an agent is on, rings for, or wraps up. `parties`: others in it, besides customer and agent."""

    activity_id: int
    direction: CallDirection
    campaign_id: int
    campaign_name: str | None
    number: str | None
    lead_id: int | None
    state: Literal["ringing", "connected", "wrap-up"]
    connected_timestamp: datetime | None
    held: bool
    muted: bool
    consulting: bool
    parties: int


class FloorAgent(Shown, frozen=True, kw_only=True):
    """An agent who is signed in. `since`: when its state began. `wanted`: what becomes of it after the call."""

    agent_id: int
    username: str
    full_name: str
    state: AgentState
    since: datetime
    reason: str | None
    wanted: Wanted | None
    campaign_ids: tuple[int, ...]
    call: FloorCall | None
    preview_lead_id: int | None


class FloorCaller(Shown, frozen=True, kw_only=True):
    """Who waits in a queue, and since when."""

    activity_id: int
    campaign_id: int
    number: str | None
    lead_id: int | None
    since: datetime


class FloorQueue(Shown, frozen=True, kw_only=True):
    """An inbound campaign. `waiting`: callers, of whom at most 200 a queue are listed, those who wait longest.
    `utilisation`: share of its agents who are signed in and not paused that is on a call or wraps one up. `led`: an
    engine has it now; a queue without one serves nobody."""

    campaign_id: int
    name: str
    active: bool
    led: bool
    waiting: int
    longest_since: datetime | None
    agents: AgentCounts
    utilisation: float | None


class FloorCampaign(Shown, frozen=True, kw_only=True):
    """A campaign that dials. `ringing`: lines that nobody has answered yet; `talking`: those that are answered.

    `live_answers` and `abandoned` are those of the last `window_days`; `abandonment_left`: how many more may be
    abandoned before `abandonment_cap` is passed; `cap_binds`: not one more. `cap_binds_timestamp`: the minute at which
    it will be so at the rate of today; null: never at that rate, or it binds already.

    `dialable_leads`: not completed, with a number, in lists that are dialled; `leads_run_out_timestamp`: when each of
    them will have been called once more, at the rate of the last hour; null: nobody was called in it.
    """

    campaign_id: int
    name: str
    mode: CampaignMode
    active: bool
    led: bool
    max_lines: int | None
    ringing: int
    talking: int
    agents: AgentCounts
    utilisation: float | None
    live_answers: int
    abandoned: int
    abandonment_rate: float | None
    abandonment_cap: float
    abandonment_left: int
    window_days: float
    cap_binds: bool
    cap_binds_timestamp: datetime | None
    dialable_leads: int
    leads_run_out_timestamp: datetime | None


class FloorTrunk(Shown, frozen=True, kw_only=True):
    """A way out into the telephone network, and the lines that it carries."""

    name: str
    lines: int


class FloorNode(Shown, frozen=True, kw_only=True):
    """An engine, which leads campaigns, or a telephone server. `since`: when it came up or went down."""

    name: str
    kind: Literal["engine", "telephony"]
    state: Literal["up", "down"]
    since: datetime
    calls: int


AlarmKind = Literal["refused", "near", "used-up"]


class FloorAlert(Shown, frozen=True, kw_only=True):
    """An alert that is not over. `about`: the campaign's name, the node's; of the destination policy what happened
    (`refused`, `near`, `used-up`) and which limit. `agentId`: who asked for the call, or whose limit it is. `value`:
    when it fired, in the unit of the threshold. `acknowledgedBy`: a name."""

    alert_id: int
    rule: str
    kind: AlertKind
    severity: Severity
    about: str
    campaign_id: int | None
    agent_id: int | None
    full_name: str | None
    value: float | None
    threshold: float | None
    fired: datetime
    acknowledged_by: str | None
    silenced_until: datetime | None


class Floor(Shown, frozen=True, kw_only=True):
    """All of it at one moment. `sequence` and `cursor`: of the last change that is part of it."""

    cursor: str
    sequence: int
    timestamp: datetime
    agents: tuple[FloorAgent, ...]
    callers: tuple[FloorCaller, ...]
    queues: tuple[FloorQueue, ...]
    campaigns: tuple[FloorCampaign, ...]
    trunks: tuple[FloorTrunk, ...]
    nodes: tuple[FloorNode, ...]
    alerts: tuple[FloorAlert, ...]


T = TypeVar("T")
K = TypeVar("K", int, str)


class Part(msgspec.Struct, Generic[T, K], frozen=True, kw_only=True):
    """What became new or other, and the keys of what is there no longer."""

    changed: tuple[T, ...]
    gone: tuple[K, ...]


class FloorMessage(Shown, frozen=True, kw_only=True):
    """Base of what a WebSocket says. Sequences of one connection have no gap."""

    sequence: int
    cursor: str
    timestamp: datetime


class FloorSnapshot(FloorMessage, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    """Where you begin, or begin anew: what you have is too old to go on from."""

    floor: Floor


class FloorChanges(FloorMessage, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="changes"):
    """What changed; parts in which nothing did are absent."""

    agents: Part[FloorAgent, int] | None = None
    callers: Part[FloorCaller, int] | None = None
    queues: Part[FloorQueue, int] | None = None
    campaigns: Part[FloorCampaign, int] | None = None
    trunks: Part[FloorTrunk, str] | None = None
    nodes: Part[FloorNode, str] | None = None
    alerts: Part[FloorAlert, int] | None = None


class FloorCurrent(FloorMessage, frozen=True, kw_only=True, tag_field="type", tag="current"):
    """You have everything up to here: the replay, or the snapshot, is over."""


class FloorHeartbeat(FloorMessage, frozen=True, kw_only=True, tag_field="type", tag="heartbeat"):
    """The connection lives, and nothing has changed."""
