"""What administrators set, as the API takes it: the keys of a centre file, typed. What each value must be is decided in
`callfloor/centre/`, for the file and for the API."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from callfloor.contract.alerts import AlertKind, Severity
from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.centre import Direction
from callfloor.contract.destinations import CostlyKind
from callfloor.contract.dialling import AnsweringMachines, DoNotCallList, NewLeads, PreviewTimeout, RegisterWash
from callfloor.contract.fields import Request, Struct
from callfloor.contract.mailboxes import Receive, Tls
from callfloor.contract.users import UserType
from callfloor.contract.workflows import Step

Name = Annotated[str, Meta(description="1 to 200 characters, without space around them.")]
Names = list[str]
Hours = Annotated[
    dict[str, list[str]],
    Meta(description="By weekday (`monday` …) the windows of local time, such as `09:00-17:30`; a day left out: none."),
]
Seconds = Annotated[float, Meta(description="Seconds.")]
Skills = Annotated[dict[str, int], Meta(description="Levels from 1 to 10 by the name of the skill.")]
Days = Annotated[
    dict[str, int | Literal["never"]],
    Meta(description="How many days what is kept, by kind (see `/retention`); a kind left out is kept for good."),
]
Clearable = None | UnsetType
Limit = int | Literal["none"]


class DestinationSettings(Request):
    """Where an organisation calls, whatever places the call. What is left out is as if nobody had said anything."""

    countries: Names | UnsetType = UNSET
    prefixes: Names | UnsetType = UNSET
    denied: Names | UnsetType = UNSET
    costly: list[CostlyKind] | UnsetType = UNSET
    calls_per_day: Limit | Clearable = UNSET
    minutes_per_day: Limit | Clearable = UNSET
    agent_calls_per_day: Limit | Clearable = UNSET
    agent_minutes_per_day: Limit | Clearable = UNSET
    longest_call_minutes: int | UnsetType = UNSET
    alarm_at: float | UnsetType = UNSET
    transfer_to_do_not_call: bool | UnsetType = UNSET
    callbacks_per_number: int | UnsetType = UNSET
    callbacks_per_day: int | UnsetType = UNSET


class SingleSignOnSettings(Request):
    """A provider of OpenID Connect that vouches for people (people.md). What is left out is as if nobody had said
    anything."""

    name: Annotated[str, Meta(description="What the button says.")]
    issuer: str
    client_id: str
    secret_file: str | UnsetType = UNSET
    secret_variable: str | UnsetType = UNSET
    scopes: Names | UnsetType = UNSET
    person_claim: str | UnsetType = UNSET
    groups_claim: str | UnsetType = UNSET
    roles: dict[str, str] | UnsetType = UNSET
    teams: dict[str, str] | UnsetType = UNSET
    create_people: bool | UnsetType = UNSET
    second_factor: bool | UnsetType = UNSET
    passwords: bool | UnsetType = UNSET
    sign_out: bool | UnsetType = UNSET


class OrganisationSettings(Request):
    name: Name
    timezone: str
    country: Annotated[str, Meta(description="ISO 3166, such as `AU`: how national numbers are read.")]
    new_number_ranges: Names | UnsetType = UNSET
    do_not_call: DoNotCallList | UnsetType = UNSET
    destinations: DestinationSettings | UnsetType = UNSET
    second_factor: (
        Annotated[Names, Meta(description="Roles whose holders need a second factor; `everyone`: all.")] | UnsetType
    ) = UNSET
    desk_gone_seconds: (
        Annotated[
            int | Literal["never"],
            Meta(description="An agent whose desk shows no sign of life for so long gets no calls: 20 to 3600."),
        ]
        | UnsetType
    ) = UNSET
    tell_of_monitoring: (
        Annotated[
            bool,
            Meta(
                description="Whether agents see who listens to their call unheard; of whisper and barge they always do."
            ),
        ]
        | UnsetType
    ) = UNSET
    report_recipients: (
        Annotated[
            list[str], Meta(description="Addresses, or `@` and a domain, that reports are sent to besides its people.")
        ]
        | UnsetType
    ) = UNSET
    single_sign_on: SingleSignOnSettings | Clearable = UNSET
    retention: Days | UnsetType = UNSET


class OrganisationUpdate(Request):
    """What is left out stays."""

    timezone: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    new_number_ranges: Names | UnsetType = UNSET
    do_not_call: DoNotCallList | UnsetType = UNSET
    destinations: DestinationSettings | UnsetType = UNSET
    second_factor: Names | UnsetType = UNSET
    desk_gone_seconds: int | Literal["never"] | UnsetType = UNSET
    tell_of_monitoring: bool | UnsetType = UNSET
    report_recipients: list[str] | UnsetType = UNSET
    single_sign_on: SingleSignOnSettings | Clearable = UNSET
    retention: Days | UnsetType = UNSET


class UserSettings(Request):
    """A user, or an agent; which of both never changes."""

    username: Name
    type: UserType
    first_name: str
    last_name: str
    email_address: str | Clearable = UNSET
    timezone: str | Clearable = UNSET
    account_active: bool | UnsetType = UNSET
    skills: Skills | UnsetType = UNSET
    roles: (
        Annotated[Names, Meta(description="Ready-made ones or own; an agent without any is `agent`.")] | UnsetType
    ) = UNSET
    phone_without_desk: (
        Annotated[bool, Meta(description="Takes calls on a telephone alone, whether there is a desk or not.")]
        | UnsetType
    ) = UNSET


class RoleSettings(Request):
    """One of the organisation's own roles: a named set of scopes."""

    name: Name
    scopes: Names


class TeamSettings(Request):
    """Usernames: `leaders` are users, `members` agents."""

    name: Name
    leaders: Names | UnsetType = UNSET
    members: Names | UnsetType = UNSET


class LeadStatusSettings(Request):
    """One of the organisation's own lead statuses."""

    code: Annotated[int, Meta(description="From 100 on.")]
    description: str


class OutcomeSettings(Request):
    """What follows when an attempt leaves a lead in a status."""

    status: Annotated[str | int, Meta(description="The name of one of the contract's lead statuses, or any code.")]
    recycle_minutes: float | Literal["never"] | UnsetType = UNSET
    complete_after: int | Clearable = UNSET
    priority: int | UnsetType = UNSET
    recycle_on_start: bool | UnsetType = UNSET


class StrategySettings(Request):
    """A dialler strategy; a status without an outcome rests for an hour."""

    name: Name
    outcomes: list[OutcomeSettings] | UnsetType = UNSET


class ListSettings(Request):
    """A list of a campaign."""

    name: Name
    in_dialler: bool | UnsetType = UNSET
    weight: Annotated[int, Meta(description="0 to 100.")] | UnsetType = UNSET
    strategy: str | Clearable = UNSET


class WrapCodeSettings(Request):
    """A wrap code of a campaign."""

    code: Annotated[int, Meta(description="From 1 on.")]
    description: str


class CampaignSettings(Request):
    """A campaign. Keys of dialling are for outbound ones, keys of waiting for inbound ones, some for both; each is
    described with the centre file. `direction` never changes."""

    name: Name
    direction: Direction
    mode: CampaignMode | Clearable = UNSET
    timezone: str | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    numbers: Names | UnsetType = UNSET
    max_attempts: int | UnsetType = UNSET
    calling_hours: Hours | Clearable = UNSET
    retention: Days | UnsetType = UNSET
    agents: Annotated[Names, Meta(description="Usernames of agents.")] | UnsetType = UNSET
    # of dialling
    regime: str | Clearable = UNSET
    contact_hours: Hours | Clearable = UNSET
    holidays: str | Clearable = UNSET
    strategy: str | Clearable = UNSET
    max_attempts_per_number: int | Clearable = UNSET
    max_attempts_per_day: int | Clearable = UNSET
    abandonment_cap: float | Clearable = UNSET
    grace_seconds: Seconds | Clearable = UNSET
    ring_seconds: Seconds | UnsetType = UNSET
    wrap_up_seconds: Seconds | UnsetType = UNSET
    wrap_up_extension_seconds: Seconds | UnsetType = UNSET
    wrap_up_extensions: int | UnsetType = UNSET
    transfer_wait_seconds: Seconds | UnsetType = UNSET
    return_after_minutes: float | UnsetType = UNSET
    default_wrap_code: int | Clearable = UNSET
    conversion_wrap_codes: list[int] | UnsetType = UNSET
    preview_seconds: Seconds | UnsetType = UNSET
    preview_timeout: PreviewTimeout | UnsetType = UNSET
    answering_machines: AnsweringMachines | UnsetType = UNSET
    persons_taken_for_machines: float | UnsetType = UNSET
    record: bool | UnsetType = UNSET
    max_lines: int | Clearable = UNSET
    new_leads: NewLeads | Clearable = UNSET
    do_not_call: DoNotCallList | Clearable = UNSET
    register_wash: RegisterWash | UnsetType = UNSET
    # of waiting
    skills: Skills | UnsetType = UNSET
    relax_skills_seconds: Seconds | Clearable = UNSET
    service_level_seconds: int | UnsetType = UNSET
    max_wait_seconds: Seconds | Clearable = UNSET
    max_length: int | Clearable = UNSET
    overflow: str | Clearable = UNSET
    priority: int | UnsetType = UNSET
    aging_seconds: Seconds | Clearable = UNSET
    announce_seconds: Seconds | Clearable = UNSET
    announce_position: bool | UnsetType = UNSET
    announce_wait: bool | UnsetType = UNSET
    agent_ring_seconds: Seconds | UnsetType = UNSET
    survey: str | Clearable = UNSET
    music: str | Clearable = UNSET
    shortest_voicemail_seconds: Seconds | UnsetType = UNSET


class AccountSettings(Request):
    """An account on a mail server. Its password stands on this server, and is only named."""

    host: str
    port: int | UnsetType = UNSET
    user: str | UnsetType = UNSET
    password_file: str | UnsetType = UNSET
    password_variable: str | UnsetType = UNSET
    tls: Tls | UnsetType = UNSET


class FetchedAccountSettings(AccountSettings):
    """The same of IMAP."""

    folder: str | UnsetType = UNSET


class MailboxSettings(Request):
    """An address of ours. `campaign`: the inbound one whose agents answer."""

    name: Name
    address: str
    campaign: str
    active: bool | UnsetType = UNSET
    receive: Receive | UnsetType = UNSET
    hourly_per_sender: int | UnsetType = UNSET
    imap: FetchedAccountSettings | Clearable = UNSET
    send: AccountSettings | Clearable = UNSET


class PromptSettings(Request):
    """Words that are spoken, or a file of sound."""

    name: Name
    text: str | UnsetType = UNSET
    language: str | Clearable = UNSET
    file: str | UnsetType = UNSET


class WorkflowSettings(Request):
    """A caller's way, from the step `start` (the first one) on."""

    name: Name
    steps: list[Step]
    numbers: Names | UnsetType = UNSET
    start: str | UnsetType = UNSET


class AlertSettings(Request):
    """What supervisors are told of. `campaign`: only of it; left out: of each that the kind is of. `threshold`: left
    out, as usual for the kind. `recipients` get an e-mail from `mailbox`."""

    name: Name
    kind: AlertKind
    campaign: str | Clearable = UNSET
    threshold: float | Clearable = UNSET
    after_seconds: (
        Annotated[int, Meta(description="It fires when it has been so without a break for so long.")] | UnsetType
    ) = UNSET
    clear_seconds: Annotated[int, Meta(description="It is over when it has not been so for so long.")] | UnsetType = (
        UNSET
    )
    severity: Severity | UnsetType = UNSET
    active: bool | UnsetType = UNSET
    mailbox: Annotated[str, Meta(description="Name of the mailbox that it is sent from.")] | Clearable = UNSET
    recipients: (
        Annotated[list[str], Meta(description="Addresses of its people, or among its `reportRecipients`.")] | UnsetType
    ) = UNSET


class CampaignInFile(CampaignSettings):
    """A campaign with what belongs to it."""

    lists: list[ListSettings] | UnsetType = UNSET
    wrap_codes: list[WrapCodeSettings] | UnsetType = UNSET


class ListRemoval(Request):
    campaign: str
    name: str


class Removals(Request):
    """What is to be removed, by name or code; of it what is not there is passed over."""

    users: Names | UnsetType = UNSET
    roles: Names | UnsetType = UNSET
    teams: Names | UnsetType = UNSET
    lead_statuses: list[int] | UnsetType = UNSET
    strategies: Names | UnsetType = UNSET
    campaigns: Names | UnsetType = UNSET
    mailboxes: Names | UnsetType = UNSET
    prompts: Names | UnsetType = UNSET
    workflows: Names | UnsetType = UNSET
    alerts: Names | UnsetType = UNSET
    lists: list[ListRemoval] | UnsetType = UNSET


class CentreFile(Request):
    """A centre file. Of what is there already, all but the name (or username, or code) may be left out, and stays."""

    organisation: OrganisationSettings | UnsetType = UNSET
    users: list[UserSettings] | UnsetType = UNSET
    roles: list[RoleSettings] | UnsetType = UNSET
    teams: list[TeamSettings] | UnsetType = UNSET
    lead_statuses: list[LeadStatusSettings] | UnsetType = UNSET
    strategies: list[StrategySettings] | UnsetType = UNSET
    campaigns: list[CampaignInFile] | UnsetType = UNSET
    mailboxes: list[MailboxSettings] | UnsetType = UNSET
    prompts: list[PromptSettings] | UnsetType = UNSET
    workflows: list[WorkflowSettings] | UnsetType = UNSET
    alerts: list[AlertSettings] | UnsetType = UNSET
    remove: Removals | UnsetType = UNSET


Sign = Literal["+", "~", "-"]


class PlannedChange(Struct):
    """`sign`: + is made, ~ is changed, - is removed. `campaign`: that of an agent, wrap code or list. `text`: the whole
    as `callfloor apply` prints it. `line`, `pointer`: where it stands in what was sent; `line` of TOML alone."""

    sign: Sign
    kind: str
    key: str
    campaign: str | None
    details: list[str]
    text: str
    line: int | None
    pointer: str | None


class CentrePlan(Struct):
    """What a centre file would change. `plan` names these changes of this centre: `apply` takes it. `silent_prompts`:
    those whose words nothing here can speak; a tone is heard in their place."""

    plan: str
    changes: list[PlannedChange]
    silent_prompts: list[str]


class ApplyQuery(Request):
    plan: Annotated[str, Meta(max_length=64, description="`plan` of the answer to a plan of the same body.")] | None = (
        None
    )
