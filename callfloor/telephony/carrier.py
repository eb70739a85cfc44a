"""The port to a telephone network: what the floor asks of it, and the events that it answers with.

Commands return at once; what became of them comes as events. A call is known by the id that we give it, before the
carrier hears of it, so that a command can be repeated: a second `originate` of one id is not a second call. Events may
come late, twice or out of order, except that nothing follows `Ended`. A driver that loses its network reports the end
of every call that is gone when it is back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

# Ours. The floor uses attempt ids for calls that it places, and negative activity ids for calls that came in.
CallId = int
AgentId = int
# Who takes part in a call besides the customer: an agent, or an outside number that the floor gave a negative id.
PartyId = int
# The network's own name of a call that came in and that we have given no id yet.
Offer = str
# How somebody listens in: unheard; heard by the agent alone; heard by everybody.
Listening = Literal["monitor", "whisper", "barge"]

# Why a call ended. `cancelled`: we hung up before the answer. `invalid`: no such number. `failed`: the trunk or the
# network, not the number; may be tried again. `no-answer`: it rang to the end.
Cause = Literal["hang-up", "busy", "no-answer", "invalid", "rejected", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Ringing:
    call: CallId


@dataclass(frozen=True, slots=True)
class Answered:
    """Somebody or something answered. Where detection was asked for, `Detected` follows."""

    call: CallId


@dataclass(frozen=True, slots=True)
class Detected:
    """Whether a machine answered. Not sure counts as a person."""

    call: CallId
    machine: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """The party is in the call: it hears the customer (unless on hold) and the other parties."""

    call: CallId
    agent: PartyId


@dataclass(frozen=True, slots=True)
class AgentMissed:
    """The party's phone was not answered or cannot be reached. The customer is still there."""

    call: CallId
    agent: PartyId


@dataclass(frozen=True, slots=True)
class Left:
    """A party that had joined hung up. The customer is still there. `lost`: the phone went without a word, and may be
    back soon."""

    call: CallId
    agent: PartyId
    lost: bool = False


@dataclass(frozen=True, slots=True)
class ListenerLeft:
    """A supervisor's phone that was to listen in was not answered, cannot be reached, or hung up."""

    call: CallId
    supervisor: AgentId


@dataclass(frozen=True, slots=True)
class Offered:
    """A call came in. `accept` or `refuse` it. `number`: ours, that was called; `caller` None: withheld. E.164 both."""

    offer: Offer
    number: str
    caller: str | None


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The caller hung up before the call was accepted."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class Digit:
    """The customer pressed a key: one of `0123456789*#`."""

    call: CallId
    digit: str


@dataclass(frozen=True, slots=True)
class MessagePlayed:
    """A message came to its end, or could not be played."""

    call: CallId


@dataclass(frozen=True, slots=True)
class Recorded:
    """A part of the call's recording, or a message that the customer left, is whole, and about so long. Comes before
    `Ended`."""

    call: CallId
    part: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over, for the customer and every party. `recorded_s`: about how long the part is that was being
    recorded, None when there is none. `quality`: mean opinion score from 1 to 5 (ITU-T G.107), None: not measured."""

    call: CallId
    cause: Cause
    recorded_s: float | None = None
    quality: float | None = None


CallEvent = (
    Ringing
    | Answered
    | Detected
    | Joined
    | AgentMissed
    | Left
    | ListenerLeft
    | Digit
    | MessagePlayed
    | Recorded
    | Ended
)
CarrierEvent = CallEvent | Offered | Withdrawn


@dataclass(frozen=True, slots=True)
class Line:
    """A call to place. Numbers are E.164; `caller` None: the trunk's own. It rings for `ring_s` seconds at most.
    `record`: as `record(call, 0)`."""

    call: CallId
    number: str
    caller: str | None
    ring_s: float
    detect_machines: bool
    record: bool


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that the carrier holds, as it tells after a restart. `agent`: who is joined, of several agents the one who
    joined first. `part`: the recording's part that runs or comes next. `others`: whose phones ring, or who are in it
    besides. `listeners`: supervisors who listen in."""

    call: CallId
    answered: bool
    agent: AgentId | None
    part: int = 0
    others: tuple[PartyId, ...] = ()
    listeners: tuple[AgentId, ...] = ()


@dataclass(frozen=True, slots=True)
class CarrierNode:
    """A telephone server. `up`: new calls may go there; `calls`: that it has."""

    name: str
    up: bool
    calls: int


@dataclass(frozen=True, slots=True)
class CarrierTrunk:
    """A way out, and the calls that were placed over it and are not over."""

    name: str
    lines: int


@dataclass(frozen=True, slots=True)
class CarrierStanding:
    """How a carrier is."""

    nodes: tuple[CarrierNode, ...]
    trunks: tuple[CarrierTrunk, ...] = ()


class Carrier(Protocol):
    """Commands for a call, party or offer that is not there, or is not in the state for it, do nothing."""

    def listen(self, listener: Callable[[CarrierEvent], None]) -> None:
        """Send every event to `listener`, in place of the one before."""
        ...

    # A call's life

    def originate(self, line: Line) -> None: ...

    def accept(self, offer: Offer, call: CallId) -> None:
        """Answer a call that came in, which is known as `call` from now on: `Answered` follows."""
        ...

    def refuse(self, offer: Offer) -> None:
        """Let the caller hear the busy tone. No event follows."""
        ...

    def hang_up(self, call: CallId) -> None:
        """End it for everybody: `Ended` follows; nothing does for a call that is not there."""
        ...

    # Who is in it

    def join(self, call: CallId, agent: AgentId) -> None:
        """Bring an agent's phone into an answered call: `Joined` or `AgentMissed` follows. Several may be in it."""
        ...

    def call_out(self, call: CallId, party: PartyId, number: str, caller: str | None, ring_s: float) -> None:
        """Bring an outside number into an answered call: `Joined` or `AgentMissed` follows."""
        ...

    def leave(self, call: CallId, party: PartyId) -> None:
        """Take a party out of the call, or stop ringing it. The customer stays, and hears music when nobody else is
        there and nothing is played. No event follows."""
        ...

    def listen_in(self, call: CallId, agent: AgentId, supervisor: AgentId, how: Listening) -> None:
        """Connect a supervisor's phone; a second call changes how. `ListenerLeft` follows when the phone goes."""
        ...

    def stop_listening(self, call: CallId, supervisor: AgentId) -> None:
        """No event follows."""
        ...

    # What they hear

    def play(self, call: CallId, message: str) -> None:
        """Play a prompt to the customer, in place of what is played: `MessagePlayed` follows. `message`: one of the
        carrier's own (`information`; `position:3`, the place in a queue; `wait:2`, minutes), or
        `prompt:ORGANISATION/SHA256`, a WAV of the media store."""
        ...

    def stop_playing(self, call: CallId) -> None:
        """Silence the prompt. No event follows."""
        ...

    def hold(self, call: CallId, on: bool) -> None:
        """On: the customer hears music, and hears and is heard by nobody. The parties go on hearing each other."""
        ...

    def mute(self, call: CallId, party: PartyId, on: bool) -> None:
        """On: nobody hears the party."""
        ...

    def send_digits(self, call: CallId, digits: str) -> None:
        """Press keys (`0123456789*#`) towards the customer."""
        ...

    # What is kept of it

    def record(self, call: CallId, part: int) -> None:
        """Record what customer and parties say from the next `Joined` on (from now on, when a party is in the call) as
        this part. A part that is being recorded ends: `Recorded`."""
        ...

    def stop_recording(self, call: CallId) -> None:
        """The part that is being recorded ends: `Recorded`. Nothing more is recorded until `record`."""
        ...

    def pause_recording(self, call: CallId, on: bool) -> None:
        """On: nothing is recorded, and the part gets no longer, until it is off again."""
        ...

    def record_message(self, call: CallId, part: int, longest_s: float) -> None:
        """After a beep, record what the customer alone says, until `#`, so many seconds, or the end of the call:
        `Recorded` follows."""
        ...

    def standing(self) -> CarrierStanding:
        """Its servers and trunks, as far as is known without asking them."""
        ...

    async def calls(self) -> list[LiveCall]:
        """Every call of ours that is up, for a floor that has lost its memory. Raises `CarrierLostError`."""
        ...

    def recording(self, call: CallId, part: int = 0) -> AsyncIterator[bytes]:
        """The bytes of a recording (WAV), after `Recorded` or `Ended` told of it. Raises `CarrierLostError`."""
        ...

    async def kept_recordings(self) -> list[tuple[CallId, int]]:
        """Calls and parts of every recording that was not forgotten, where the carrier can be reached now. Raises
        `CarrierLostError`."""
        ...

    async def forget_recording(self, call: CallId, part: int = 0) -> None:
        """It is stored elsewhere now. Raises `CarrierLostError`."""
        ...


class CarrierLostError(Exception):
    """The carrier cannot be reached now; ask again."""
