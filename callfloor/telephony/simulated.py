"""A carrier without a network: customers are drawn from a seed, recordings are made when they are asked for.

It runs on any clock: in real time behind a demo, on a virtual one for a day in seconds. What it does to a call is the
same in both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from callfloor.clock import Clock, Timer
from callfloor.telephony.behaviour import Behaviour, Outcome
from callfloor.telephony.carrier import (
    AgentId,
    AgentMissed,
    Answered,
    CallEvent,
    CallId,
    CarrierLostError,
    Cause,
    Detected,
    Ended,
    Joined,
    Line,
    LiveCall,
    MessagePlayed,
    Ringing,
)
from callfloor.telephony.tones import wav

REFUSED_AFTER_S = 0.2
BUSY_AFTER_S = 2.0
INVALID_AFTER_S = 1.0
MESSAGE_S = 5.0
GREETING_S = 8.0
AGENT_RINGS_S = 5.0
EARLY_S = 2.0


@dataclass(slots=True, eq=False)
class _Call:
    line: Line
    outcome: Outcome
    # what happens next unless something else does
    next: Timer | None = None
    answered: bool = False
    agent: AgentId | None = None
    joined_at: float | None = None


class SimulatedCarrier:
    """`behaviour` may be replaced at any moment; calls that are up keep to what was drawn for them. `up`: set it to
    False and the trunk refuses every call."""

    def __init__(self, clock: Clock, seed: int, behaviour: Behaviour) -> None:
        self._clock, self._random = clock, Random(seed)  # noqa: S311 – no secret comes of it
        self.behaviour = behaviour
        self.up = True
        self._calls: dict[CallId, _Call] = {}
        self._recordings: dict[CallId, float] = {}
        self._listener: Callable[[CallEvent], None] = _nobody

    def listen(self, listener: Callable[[CallEvent], None]) -> None:
        self._listener = listener

    def originate(self, line: Line) -> None:
        if line.call in self._calls or line.call in self._recordings:
            return
        call = self._calls[line.call] = _Call(line, self.behaviour.outcome(self._random) if self.up else "failed")
        behaviour = self.behaviour
        match call.outcome:
            case "failed":
                self._then(call, REFUSED_AFTER_S, partial(self._end, call, "failed"))
            case "invalid":
                self._then(call, INVALID_AFTER_S, partial(self._end, call, "invalid"))
            case "busy":
                self._then(call, BUSY_AFTER_S, partial(self._end, call, "busy"))
            case "live" | "machine":
                self._ring(call, behaviour.answer_s.draw(self._random), partial(self._answer, call))
            case "no-answer":
                self._ring(call, behaviour.ring_out_s.draw(self._random), partial(self._end, call, "no-answer"))

    def _ring(self, call: _Call, seconds: float, then: Callable[[], None]) -> None:
        if seconds >= call.line.ring_s:
            seconds, then = call.line.ring_s, partial(self._end, call, "no-answer")
        self._say(Ringing(call.line.call))
        self._then(call, seconds, then)

    def _answer(self, call: _Call) -> None:
        call.answered, call.next = True, None
        self._say(Answered(call.line.call))
        machine = call.outcome == "machine"
        if call.line.detect_machines:
            self._say(Detected(call.line.call, machine))
        if call.next is not None:
            # whoever listens has hung up
            return
        if machine:
            self._then(call, GREETING_S, partial(self._end, call, "hang-up"))
        elif self._random.random() < self.behaviour.early_hang_up:
            self._then(call, self._random.random() * EARLY_S, partial(self._end, call, "hang-up"))

    def join(self, call: CallId, agent: AgentId) -> None:
        known = self._calls.get(call)
        if known is None or not known.answered or known.joined_at is not None:
            return
        if self.behaviour.missed and self._random.random() < self.behaviour.missed:
            self._clock.call_later(AGENT_RINGS_S, partial(self._miss, known, agent))
        else:
            known.agent = agent
            self._clock.call_later(0.0, partial(self._join, known, agent))

    def _join(self, call: _Call, agent: AgentId) -> None:
        if self._calls.get(call.line.call) is not call or call.joined_at is not None:
            return
        call.joined_at = self._clock.elapsed()
        if call.next is None:
            # who did not hang up early talks as long as people talk
            self._then(call, self.behaviour.talk_s.draw(self._random), partial(self._end, call, "hang-up"))
        self._say(Joined(call.line.call, agent))

    def _miss(self, call: _Call, agent: AgentId) -> None:
        if self._calls.get(call.line.call) is call:
            self._say(AgentMissed(call.line.call, agent))

    def play(self, call: CallId, message: str) -> None:
        known = self._calls.get(call)
        if known is not None and known.answered:
            self._clock.call_later(MESSAGE_S, partial(self._played, known))

    def _played(self, call: _Call) -> None:
        if self._calls.get(call.line.call) is call:
            self._say(MessagePlayed(call.line.call))

    def hang_up(self, call: CallId) -> None:
        known = self._calls.get(call)
        if known is not None:
            self._then(known, 0.0, partial(self._end, known, "hang-up" if known.answered else "cancelled"))

    def _then(self, call: _Call, seconds: float, what: Callable[[], None]) -> None:
        if call.next is not None:
            call.next.cancel()
        call.next = self._clock.call_later(seconds, what)

    def _end(self, call: _Call, cause: Cause) -> None:
        del self._calls[call.line.call]
        recorded_s = None
        if call.joined_at is not None and call.line.record:
            recorded_s = self._recordings[call.line.call] = self._clock.elapsed() - call.joined_at
        self._say(Ended(call.line.call, cause, recorded_s))

    def _say(self, event: CallEvent) -> None:
        self._listener(event)

    async def calls(self) -> list[LiveCall]:
        return [LiveCall(id_, call.answered, call.agent) for id_, call in self._calls.items()]

    async def recording(self, call: CallId) -> AsyncIterator[bytes]:
        if call not in self._recordings:
            raise CarrierLostError(f"there is no recording of call {call}")
        for piece in wav(call, self._recordings[call]):
            yield piece

    async def forget_recording(self, call: CallId) -> None:
        self._recordings.pop(call, None)


def _nobody(_: CallEvent) -> None:
    pass
