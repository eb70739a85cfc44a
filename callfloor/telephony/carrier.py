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

# Ours; the floor uses attempt ids.
CallId = int
AgentId = int

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
    """Customer and agent hear each other."""

    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class AgentMissed:
    """The agent's phone was not answered or cannot be reached. The customer is still there."""

    call: CallId
    agent: AgentId


@dataclass(frozen=True, slots=True)
class MessagePlayed:
    """A message came to its end, or could not be played."""

    call: CallId


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over. `recorded_s`: length of its recording, None when there is none."""

    call: CallId
    cause: Cause
    recorded_s: float | None = None


CallEvent = Ringing | Answered | Detected | Joined | AgentMissed | MessagePlayed | Ended


@dataclass(frozen=True, slots=True)
class Line:
    """A call to place. Numbers are E.164; `caller` None: the trunk's own. It rings for `ring_s` seconds at most."""

    call: CallId
    number: str
    caller: str | None
    ring_s: float
    detect_machines: bool
    record: bool


@dataclass(frozen=True, slots=True)
class LiveCall:
    """A call that the carrier holds, as it tells after a restart. `agent`: who is joined."""

    call: CallId
    answered: bool
    agent: AgentId | None


class Carrier(Protocol):
    def listen(self, listener: Callable[[CallEvent], None]) -> None:
        """Send every event to `listener`, in place of the one before."""
        ...

    def originate(self, line: Line) -> None: ...

    def join(self, call: CallId, agent: AgentId) -> None:
        """Bring an answered call to an agent's phone: `Joined` or `AgentMissed` follows."""
        ...

    def play(self, call: CallId, message: str) -> None:
        """Play a message to an answered call: `MessagePlayed` follows."""
        ...

    def hang_up(self, call: CallId) -> None:
        """`Ended` follows; nothing does for a call that is not there."""
        ...

    async def calls(self) -> list[LiveCall]:
        """Every call of ours that is up, for a floor that has lost its memory. Raises `CarrierLostError`."""
        ...

    def recording(self, call: CallId) -> AsyncIterator[bytes]:
        """The bytes of a recording (WAV), after `Ended` told of it. Raises `CarrierLostError`."""
        ...

    async def forget_recording(self, call: CallId) -> None:
        """It is stored elsewhere now. Raises `CarrierLostError`."""
        ...


class CarrierLostError(Exception):
    """The carrier cannot be reached now; ask again."""
