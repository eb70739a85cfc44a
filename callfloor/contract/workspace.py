"""The workspace: what an agent's desk shows and asks for. Events carry what changed; a snapshot carries all of it.

Commands are `{"action": "hold", "on": true}`; what cannot be done is answered by a `Refusal` and changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.codes import AgentState, Wanted
from callfloor.contract.fields import Id, Phone, Timestamp
from callfloor.contract.leads import LeadData, StatusCode

CallDirection = Literal["inbound", "outbound", "manual"]
PartyState = Literal["ringing", "joined"]
Monitoring = Literal["monitor", "whisper", "barge"]
Text = Annotated[str, Meta(min_length=1, max_length=500)]
Small = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Digits = Annotated[str, Meta(pattern=r"^[0-9*#]{1,64}$")]


class Shown(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Base of what is shown."""


class Party(Shown, frozen=True, kw_only=True):
    """Who is in a call besides the customer and oneself. `party` names it in commands."""

    party: int
    agent_id: int | None
    number: str | None
    state: PartyState


class Monitored(Shown, frozen=True, kw_only=True):
    """A supervisor who has joined an agent's call. `how`: `whisper` is heard by the agent alone, `barge` by everybody,
    `monitor` by nobody: that one is shown where the organisation has `tellOfMonitoring`."""

    supervisor_id: int
    how: Monitoring


class CallerLead(Shown, frozen=True, kw_only=True):
    """A lead of the number of a call. `callback_timestamp`: when it was to be called back, by `callback_agent_id` alone
    where that is given; null: nobody promised that."""

    lead_id: int
    campaign_id: int
    campaign_name: str
    list_name: str
    callback_timestamp: datetime | None = None
    callback_agent_id: int | None = None


class Call(Shown, frozen=True, kw_only=True):
    """The call that an agent is on, or is to take. `held`: the customer hears music. `consulting`: a party was brought
    in to be talked to while the customer is on hold. `leads`: of a caller's number (or one dialled without a lead), at
    most 20, callbacks first; `lead_id` is the one that the call is with, where there is one only by itself, else as
    `chooseLead` says. In a wrap-up `seconds` say how long the call was, until `ended_timestamp`.
    `phone_lost_timestamp`: since when the agent's phone is not there (a page that was loaded again, a network that
    went): the customer hears music, the phone is rung again until `phone_until_timestamp`, and then the customer is the
    first in the queue. `monitored_by`: supervisors who listen to it or speak in it."""

    activity_id: int
    direction: CallDirection
    campaign_id: int
    campaign_name: str | None
    number: str | None
    lead_id: int | None
    state: Literal["ringing", "connected", "wrap-up"]
    connected_timestamp: datetime | None = None
    ended_timestamp: datetime | None = None
    seconds: int | None = None
    phone_lost_timestamp: datetime | None = None
    phone_until_timestamp: datetime | None = None
    held: bool = False
    muted: bool = False
    consulting: bool = False
    recording: bool = False
    recording_paused: bool = False
    leads: tuple[CallerLead, ...] = ()
    parties: tuple[Party, ...] = ()
    monitored_by: tuple[Monitored, ...] = ()


class PreviewLead(Shown, frozen=True, kw_only=True):
    """A lead to look at before it is dialled; `seconds` to decide in."""

    lead_id: int
    campaign_id: int
    number: str
    seconds: float


class Email(Shown, frozen=True, kw_only=True):
    """An e-mail that is the agent's to answer."""

    activity_id: int
    campaign_id: int


class AtHand(Shown, frozen=True, kw_only=True):
    """What the floor puts on an agent's desk. `wrap_up_seconds`: left for the wrap-up when this was said. `email`: of
    those that the agent took, the first; the store knows it."""

    call: Call | None = None
    preview: PreviewLead | None = None
    email: Email | None = None
    wrap_up_seconds: float | None = None


class Session(AtHand, frozen=True, kw_only=True):
    """All that an agent's desk shows. `sequence`: of the last event that is part of it. `reason`: of a pause, also of
    one that is to come. `wanted`: what becomes of the agent after the call. `warning`: in the answer to a command that
    was obeyed, what its sender may not expect."""

    agent_id: int
    sequence: int
    state: AgentState
    since: datetime
    reason: str | None = None
    wanted: Wanted | None = None
    warning: str | None = None


# What the floor publishes; a snapshot stands for events that are not kept any more.
EventType = Literal[
    "session", "preview.offered", "call.ringing", "call.connected", "call.changed", "call.ended", "email.offered"
]


class Event(Shown, frozen=True, kw_only=True):
    """What happened to an agent. Sequences of one agent have no gap; `session` is as it is after the event. A
    `snapshot` happened not: it is where one begins, or goes on when events in between are not kept any more."""

    sequence: int
    type: EventType | Literal["snapshot"]
    timestamp: datetime
    session: Session


class Heartbeat(Shown, frozen=True, kw_only=True):
    """The connection lives. `sequence`: of the last event that was sent; there is none behind it. Comes every 15
    seconds of silence, and at once when what lay behind `after` was sent: the replay is over."""

    sequence: int
    timestamp: datetime
    type: Literal["heartbeat"] = "heartbeat"


class Command(msgspec.Struct, frozen=True, rename="camel", tag_field="action", forbid_unknown_fields=True):
    """Base of commands."""


class Ready(Command, frozen=True, tag="ready"):
    """Ready for calls; signs the agent in."""


class Pause(Command, frozen=True, tag="pause"):
    """No more calls, after the one in progress; signs the agent in, paused."""

    reason: Text | None = None


class SignOut(Command, frozen=True, tag="signOut"):
    """Leave, after the call in progress."""


class HangUp(Command, frozen=True, tag="hangUp"):
    """End the call for everybody; one that is being dialled too. Brought into another agent's call: leave it. While
    one's own phone rings: do not take the call."""


class Hold(Command, frozen=True, tag="hold"):
    on: bool


class Mute(Command, frozen=True, tag="mute"):
    on: bool


class RingPhone(Command, frozen=True, tag="ringPhone"):
    """Ring one's own phone again in mid-call: it is back, or nothing is heard over it. Until it is taken the customer
    hears music; whatever is recorded goes on."""


class SendDigits(Command, frozen=True, tag="sendDigits"):
    digits: Digits


class PauseRecording(Command, frozen=True, tag="pauseRecording"):
    """While a card's number is said, say."""

    on: bool


class Target(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Exactly one: an agent, a queue (an inbound campaign), or a number."""

    agent_id: Id | None = None
    campaign_id: Id | None = None
    number: Phone | None = None


class Transfer(Command, frozen=True, tag="transfer"):
    """Give the call away at once. The customer hears music until it is taken, and comes back when an agent or number
    does not take it: to oneself if ready, else to the campaign's queue."""

    to: Target


class Consult(Command, frozen=True, tag="consult"):
    """Put the customer on hold and call an agent or a number."""

    to: Target


class CompleteTransfer(Command, frozen=True, tag="completeTransfer"):
    """After a consultation: customer and party go on without oneself."""


class TakeOver(Command, frozen=True, tag="takeOver"):
    """Brought into another agent's call: have it, and let that agent leave."""


class CancelConsultation(Command, frozen=True, tag="cancelConsultation"):
    """Let the party go, and take the customer back."""


class Conference(Command, frozen=True, tag="conference"):
    """After a consultation: everybody hears everybody."""


class DropParty(Command, frozen=True, tag="dropParty"):
    """Take somebody out of the call."""

    party: Small


class Dial(Command, frozen=True, tag="dial"):
    """Call a number by hand, for an outbound campaign; do-not-call and hours are kept."""

    campaign_id: Id
    number: Phone
    lead_id: Id | None = None


class AcceptPreview(Command, frozen=True, tag="acceptPreview"):
    """Dial the lead that is shown."""


class SkipPreview(Command, frozen=True, tag="skipPreview"):
    """Do not call the lead that is shown; it is dialled another time."""

    reason: Text


class Callback(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """`own`: for oneself alone, else for whoever is free."""

    timestamp: Timestamp
    own: bool = False


class WrapUp(Command, frozen=True, tag="wrapUp"):
    """What came of the call (or e-mail). `lead_data` merges into the lead's as `PUT /leads` does."""

    wrap_code: Small | None = None
    lead_status: StatusCode | None = None
    lead_data: LeadData | None = None
    callback: Callback | None = None


class ChooseLead(Command, frozen=True, tag="chooseLead"):
    """Which of the leads of its number a call without a lead of its own is with; null: none of them. During the call
    and its wrap-up."""

    lead_id: Id | None


class DoNotCall(Command, frozen=True, tag="doNotCall"):
    """The customer of the call at hand, or just wrapped up, does not want to be called any more: the number goes onto
    the do-not-call list, and where it is a lead's all of the lead's numbers."""

    reason: Text | None = None


class ExtendWrapUp(Command, frozen=True, tag="extendWrapUp"):
    """More time for the wrap-up, counted from now."""


class Monitor(Command, frozen=True, tag="monitor"):
    """A supervisor listens to an agent's call: unheard, heard by the agent, or heard by everybody. The agent sees the
    last two (`monitoredBy`), and the first where the organisation has `tellOfMonitoring`."""

    agent_id: Id
    how: Monitoring = "monitor"


class StopMonitoring(Command, frozen=True, tag="stopMonitoring"):
    agent_id: int


class ForceSignOut(Command, frozen=True, tag="forceSignOut"):
    """A supervisor signs an agent out; a call in progress goes on until it ends."""

    agent_id: int


class EndCall(Command, frozen=True, tag="endCall"):
    """A supervisor ends an agent's call for everybody."""

    agent_id: int


class TransferCall(Command, frozen=True, tag="transferCall"):
    """A supervisor gives an agent's call away."""

    agent_id: int
    to: Target


class MoveCallerUp(Command, frozen=True, tag="moveUp"):
    """A supervisor puts a caller who waits before all others in the queue."""

    activity_id: int


class TransferCaller(Command, frozen=True, tag="transferCaller"):
    """A supervisor gives a caller who waits to an agent who is free, or to another queue."""

    activity_id: int
    to: Target


class LetCallerGo(Command, frozen=True, tag="letCallerGo"):
    """A supervisor hangs up on a caller who waits."""

    activity_id: int


AgentCommand = (
    Ready | Pause | SignOut | HangUp | Hold | Mute | RingPhone | SendDigits | PauseRecording | Transfer | Consult
    | CompleteTransfer | TakeOver | CancelConsultation | Conference | DropParty | Dial | AcceptPreview | SkipPreview
    | WrapUp | DoNotCall | ExtendWrapUp | ChooseLead
)  # fmt: skip
SupervisorCommand = Monitor | StopMonitoring | ForceSignOut | EndCall | TransferCall
QueueCommand = MoveCallerUp | TransferCaller | LetCallerGo
AnyCommand = AgentCommand | SupervisorCommand | QueueCommand


class Refusal(Shown, frozen=True, kw_only=True):
    """Why a command was not obeyed: a stable `code` and a sentence that says what to do instead. `next_timestamp`: the
    time that would do for a callback."""

    code: Literal[
        "no-call", "wrong-state", "no-party", "no-preview", "no-wrap-up", "unknown-target", "target-busy",
        "not-allowed", "refused-number", "limit-reached", "not-signed-in", "unavailable", "no-lead", "too-large",
        "contradiction", "lead-completed", "do-not-call", "no-phone", "attempts-used", "not-dialled", "outside-hours",
        "agent-unavailable",
    ]  # fmt: skip
    detail: str
    next_timestamp: str | None = None
