"""The life of a dialled call: which states it goes through, and what each event makes of it.

A table without I/O: total (every event has a meaning in every state, most often none), so that events that are late,
doubled or out of order do no harm.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from callfloor.contract.codes import DialStatus


class CallState(Enum):
    DIALLING = "dialling"
    RINGING = "ringing"
    # answered, and listened to whether by a person
    DETECTING = "detecting"
    # a person answered and no agent is there yet
    WAITING = "waiting"
    # an agent's phone is being brought in
    JOINING = "joining"
    CONNECTED = "connected"
    # nobody was free in time: the information message plays
    MESSAGE = "message"
    # we hung up and wait for the carrier to say so
    CLOSING = "closing"
    ENDED = "ended"


class CallInput(Enum):
    """What happens to a call."""

    RINGING = "ringing"
    ANSWERED = "answered"
    PERSON = "person"
    MACHINE = "machine"
    ASSIGNED = "assigned"
    JOINED = "joined"
    AGENT_MISSED = "agent-missed"
    GRACE_OVER = "grace-over"
    MESSAGE_OVER = "message-over"
    # we let it go before the answer: the budget cannot bear it, or its agent is gone
    CANCEL = "cancel"
    # we let it go after the answer
    DROP = "drop"
    ENDED = "ended"


class Effect(Enum):
    """What the floor does because of it."""

    NOTE_ANSWER = "note-answer"
    FIND_AGENT = "find-agent"
    NOTE_CONNECTION = "note-connection"
    PLAY_MESSAGE = "play-message"
    # for the cap, where no agent is looked for: a person answered, and a person heard nobody
    COUNT_ANSWER = "count-answer"
    COUNT_ABANDONED = "count-abandoned"
    HANG_UP = "hang-up"


@dataclass(frozen=True, slots=True)
class CallFacts:
    """`detect`: the carrier was asked whether a machine answers. `result`: the dial status that is certain already,
    whatever the carrier says at the end."""

    state: CallState = CallState.DIALLING
    detect: bool = False
    result: DialStatus | None = None

    @property
    def unanswered(self) -> bool:
        return self.state in _UNANSWERED


Step = tuple[CallFacts, tuple[Effect, ...]]
_UNANSWERED = frozenset({CallState.DIALLING, CallState.RINGING})
_HELD = frozenset({CallState.WAITING, CallState.JOINING})


def advance(call: CallFacts, happened: CallInput) -> Step:
    """The call after an event, and what is to be done."""
    state = call.state
    if state is CallState.ENDED:
        return call, ()
    match happened:
        case CallInput.RINGING:
            return _when(call, state is CallState.DIALLING, CallState.RINGING)
        case CallInput.ANSWERED | CallInput.PERSON if state is CallState.CLOSING:
            # the answer crossed our hanging up: whoever it was heard nobody
            person = happened is CallInput.PERSON or not call.detect
            possible = person and call.result is DialStatus.CANCELLED
            effects = (Effect.NOTE_ANSWER, Effect.COUNT_ANSWER, Effect.COUNT_ABANDONED)
            return _when(call, possible, state, *effects, result=DialStatus.ABANDONED)
        case CallInput.ANSWERED:
            if call.detect:
                return _when(call, call.unanswered, CallState.DETECTING)
            return _live(call, call.unanswered)
        case CallInput.PERSON:
            # it may overtake the answer that it implies
            return _live(call, call.unanswered or state is CallState.DETECTING)
        case CallInput.MACHINE:
            possible = call.unanswered or state is CallState.DETECTING
            result = DialStatus.ANSWERING_MACHINE
            return _when(call, possible, CallState.CLOSING, Effect.NOTE_ANSWER, Effect.HANG_UP, result=result)
        case CallInput.ASSIGNED:
            return _when(call, state is CallState.WAITING, CallState.JOINING)
        case CallInput.JOINED:
            possible = state in _HELD
            return _when(call, possible, CallState.CONNECTED, Effect.NOTE_CONNECTION, result=DialStatus.ANSWERED)
        case CallInput.AGENT_MISSED:
            return _when(call, state is CallState.JOINING, CallState.WAITING, Effect.FIND_AGENT)
        case CallInput.GRACE_OVER:
            possible = state is CallState.WAITING
            return _when(call, possible, CallState.MESSAGE, Effect.PLAY_MESSAGE, result=DialStatus.ABANDONED)
        case CallInput.MESSAGE_OVER:
            return _when(call, state is CallState.MESSAGE, CallState.CLOSING, Effect.HANG_UP)
        case CallInput.CANCEL:
            result = DialStatus.CANCELLED
            return _when(call, call.unanswered, CallState.CLOSING, Effect.HANG_UP, result=result)
        case CallInput.DROP:
            if state in _HELD:
                # somebody answered, and the agent that the call was for does not want it
                effects = (Effect.COUNT_ABANDONED, Effect.HANG_UP)
                return _when(call, True, CallState.CLOSING, *effects, result=DialStatus.ABANDONED)
            possible = state in (CallState.CONNECTED, CallState.DETECTING)
            return _when(call, possible, CallState.CLOSING, Effect.HANG_UP)
        case CallInput.ENDED:
            return _when(call, True, CallState.ENDED, result=call.result or _ended_in(state))


def _live(call: CallFacts, possible: bool) -> Step:
    return _when(call, possible, CallState.WAITING, Effect.NOTE_ANSWER, Effect.FIND_AGENT)


def _when(
    call: CallFacts, possible: bool, state: CallState, *effects: Effect, result: DialStatus | None = None
) -> Step:
    if not possible:
        return call, ()
    return CallFacts(state, call.detect, result or call.result), effects


def _ended_in(state: CallState) -> DialStatus | None:
    """What the end means where it is not told by the carrier's cause."""
    if state is CallState.WAITING:
        # a person answered and heard no agent: it counts as abandoned, also when that person gave up first
        return DialStatus.ABANDONED
    if state in (CallState.JOINING, CallState.DETECTING):
        # hung up before the agent's phone was there, or before it was certain that it is a person
        return DialStatus.ANSWERED
    return None


_OF_CAUSE = {
    "busy": DialStatus.BUSY,
    "rejected": DialStatus.BUSY,
    "no-answer": DialStatus.NO_ANSWER,
    "invalid": DialStatus.DISCONNECTED,
    "failed": DialStatus.TELCO_ERROR,
    "cancelled": DialStatus.CANCELLED,
    # the line went without a word of why
    "hang-up": DialStatus.NO_ANSWER,
}


def dial_status(call: CallFacts, cause: str) -> DialStatus:
    """The dial status of an ended call. `cause`: one of `telephony.carrier.Cause`."""
    return call.result or _OF_CAUSE[cause]
