"""What a centre file describes: one organisation with its users, campaigns, lists and codes. Names identify."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from callfloor.contract.alerts import AlertRule
from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.destinations import USUAL, Destinations
from callfloor.contract.dialling import Dialling, DoNotCallList, Strategy
from callfloor.contract.mailboxes import Mailbox
from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.contract.users import UserType
from callfloor.contract.workflows import QueueSettings, Sound, Workflow

Direction = Literal["inbound", "outbound"]
# By weekday, `monday` first: windows as rules.hours reads them. A day that is absent has none.
CallingHours = Mapping[str, tuple[str, ...]]

DEFAULT_MAX_ATTEMPTS = 10
DEFAULT_WEIGHT = 1
USUAL_DESK_GONE_S = 30


@dataclass(frozen=True, slots=True)
class Organisation:
    """`new_number_ranges`: countries whose numbers are taken outside the known ranges too."""

    name: str
    timezone: str
    country: str
    new_number_ranges: tuple[str, ...] = ()
    do_not_call: DoNotCallList = "organisation"
    destinations: Destinations = USUAL
    # roles whose holders need a second factor, or rules.people.factors.EVERYONE
    second_factor: tuple[str, ...] = ()
    # seconds after which a desk without a sign of life is gone; None: never
    desk_gone_s: int | None = USUAL_DESK_GONE_S
    # whether agents see which supervisor listens to them unheard; of whisper and barge they are told always
    tell_of_monitoring: bool = True
    # addresses, or @domains, that reports are sent to besides its people
    report_recipients: tuple[str, ...] = ()
    # who vouches for people; None: nobody does
    single_sign_on: SingleSignOn | None = None
    # days by kind (rules.privacy.retention); what has none is kept for good
    retention: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class User:
    """`skills`: levels from 1 to 10, by name. `roles`: none given, an agent has the role `agent`.
    `phone_without_desk`: the agent takes calls on a telephone alone."""

    username: str
    user_type: UserType
    first_name: str
    last_name: str
    email_address: str | None = None
    timezone: str | None = None
    account_active: bool = True
    skills: Mapping[str, int] = field(default_factory=dict[str, int])
    roles: tuple[str, ...] = ()
    phone_without_desk: bool = False


@dataclass(frozen=True, slots=True)
class Role:
    """One of the organisation's own."""

    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Team:
    """Usernames: who supervises it, and its agents."""

    name: str
    leaders: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class List:
    name: str
    in_dialler: bool = True
    weight: int = DEFAULT_WEIGHT
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """`agents` are usernames; `wrap_codes` and `lists` by code and name. `queue`: of an inbound campaign.
    `retention`: days by kind, in the place of the organisation's."""

    name: str
    direction: Direction
    timezone: str
    mode: CampaignMode | None = None
    active: bool = True
    calling_hours: CallingHours | None = None
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    numbers: tuple[str, ...] = ()
    agents: frozenset[str] = frozenset()
    lists: Mapping[str, List] = field(default_factory=dict[str, List])
    wrap_codes: Mapping[int, str] = field(default_factory=dict[int, str])
    dialling: Dialling = field(default_factory=Dialling)
    queue: QueueSettings = field(default_factory=QueueSettings)
    retention: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Centre:
    """`users` by username, `lead_statuses` (the organisation's own) by code, the others by name."""

    organisation: Organisation
    users: Mapping[str, User] = field(default_factory=dict[str, User])
    campaigns: Mapping[str, Campaign] = field(default_factory=dict[str, Campaign])
    lead_statuses: Mapping[int, str] = field(default_factory=dict[int, str])
    strategies: Mapping[str, Strategy] = field(default_factory=dict[str, Strategy])
    mailboxes: Mapping[str, Mailbox] = field(default_factory=dict[str, Mailbox])
    prompts: Mapping[str, Sound] = field(default_factory=dict[str, Sound])
    workflows: Mapping[str, Workflow] = field(default_factory=dict[str, Workflow])
    roles: Mapping[str, Role] = field(default_factory=dict[str, Role])
    teams: Mapping[str, Team] = field(default_factory=dict[str, Team])
    alerts: Mapping[str, AlertRule] = field(default_factory=dict[str, AlertRule])
