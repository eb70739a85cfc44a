"""What the floor knows of a campaign and of a lead to call."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.dialling import PreviewTimeout
from callfloor.rules.dialling.destinations import ANYWHERE, Policy
from callfloor.rules.dialling.pacing import PacingSettings
from callfloor.rules.routing.queues import QueueRules
from callfloor.telephony.carrier import AgentId, CallId


class CampaignKey(NamedTuple):
    organisation: int
    campaign: int


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """How a campaign dials, or takes calls; times in seconds. `mode` None: it is inbound, and `queue` says how callers
    wait. `let_go`: when it is off, lines that ring and callers who wait are let go. `numbers`: what may be shown to the
    customer (E.164), in turn. `transfer_wait_s`: how long a customer waits
    for an agent who is busy; 0: is not given to one. `tell_of_monitoring`: agents see who listens to them unheard."""

    key: CampaignKey
    mode: CampaignMode | None
    agents: frozenset[AgentId]
    active: bool = True
    let_go: bool = False
    numbers: tuple[str, ...] = ()
    pacing: PacingSettings = field(default_factory=PacingSettings)
    wrap_up_s: float = 30.0
    wrap_up_extension_s: float = 60.0
    wrap_up_extensions: int = 3
    transfer_wait_s: float = 0.0
    tell_of_monitoring: bool = True
    wrap_codes: tuple[int, ...] = ()
    default_wrap_code: int | None = None
    preview_s: float = 60.0
    preview_timeout: PreviewTimeout = "skip"
    detect_machines: bool = True
    record: bool = True
    max_lines: int | None = None
    name: str = ""
    timezone: str = "UTC"
    country: str = ""
    new_number_ranges: frozenset[str] = frozenset()
    destinations: Policy = ANYWHERE
    # of the organisation, by whose days its limits are counted
    organisation_zone: str = "UTC"
    queue: QueuePlan = field(default_factory=lambda: QueuePlan())


@dataclass(frozen=True, slots=True)
class QueuePlan:
    """How callers wait. `longest_wait_s`, `longest` (callers), `announce_s` None: no limit, nothing is announced.
    `overflow`: where callers beyond the limits go. `survey`: the workflow that follows a talk. `music`: what is played
    to who waits, as the carrier names it; None: its own."""

    rules: QueueRules = field(default_factory=QueueRules)
    longest_wait_s: float | None = None
    longest: int | None = None
    overflow: CampaignKey | None = None
    announce_s: float | None = None
    announce_position: bool = True
    announce_wait: bool = True
    ring_s: float = 15.0
    survey: str | None = None
    music: str | None = None
    shortest_message_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """A call that is written down and may be placed. `caller`: the number to show. `agent`: only this one may take
    it, and is held free for it; `own`: the lead's callback is that agent's. `manual`: that agent dialled it by hand.
    `status`, `due`: the lead's before."""

    call: CallId
    activity: int
    lead: int | None
    number: str
    caller: str | None = None
    agent: AgentId | None = None
    manual: bool = False
    own: bool = False
    status: int | None = None
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """A lead that an agent looks at before it is dialled; nothing is written down yet."""

    lead: int
    phone_index: int
    number: str
    attempts: int
