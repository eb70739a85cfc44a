"""A carrier without a network: customers are drawn from a seed, recordings are made when they are asked for.

It runs on any clock: in real time behind a demo, on a virtual one for a day in seconds. What it does to a call is the
same in both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import count
from random import Random

from callfloor.clock import Clock, Timer
from callfloor.rules.workflow.caller_script import CallerScript
from callfloor.telephony.carrier import (
    AgentId,
    AgentMissed,
    Answered,
    CallId,
    CarrierEvent,
    CarrierLostError,
    CarrierNode,
    CarrierStanding,
    CarrierTrunk,
    Cause,
    Detected,
    Digit,
    Ended,
    Joined,
    Left,
    Line,
    ListenerLeft,
    Listening,
    LiveCall,
    MessagePlayed,
    Offer,
    Offered,
    PartyId,
    Recorded,
    Ringing,
    Withdrawn,
)
from callfloor.telephony.simulated.behaviour import Behaviour
from callfloor.telephony.simulated.call import SimulatedCall
from callfloor.telephony.simulated.tones import wav

REFUSED_AFTER_S = 0.2
BUSY_AFTER_S = 2.0
INVALID_AFTER_S = 1.0
GREETING_S = 8.0
AGENT_RINGS_S = 5.0
EARLY_S = 2.0


class SimulatedCarrier:
    """`behaviour` may be replaced at any moment; calls that are up keep to what was drawn for them. `up`: set it to
    False and the trunk refuses every call. `misheard`: hears of each call in which detection errs, before `Detected`
    says so, and whether a person is at the other end."""

    def __init__(self, clock: Clock, seed: int, behaviour: Behaviour) -> None:
        self._clock, self._random = clock, Random(seed)  # noqa: S311 – no secret comes of it
        self.behaviour = behaviour
        self.up = True
        self._calls: dict[CallId, SimulatedCall] = {}
        self._offers: dict[Offer, tuple[Behaviour | None, Timer]] = {}
        self._scripts: dict[Offer, CallerScript] = {}
        self._offer_ids = count(1)
        self._recordings: dict[tuple[CallId, int], float] = {}
        self.misheard: Callable[[CallId, bool], None] = _nobody_asks
        self._listener: Callable[[CarrierEvent], None] = _nobody

    def listen(self, listener: Callable[[CarrierEvent], None]) -> None:
        self._listener = listener

    def _of(self, call: SimulatedCall) -> Behaviour:
        return call.behaviour or self.behaviour

    # Calls that we place

    def originate(self, line: Line) -> None:
        if line.call in self._calls or (line.call, 0) in self._recordings:
            return
        behaviour = self.behaviour
        outcome = behaviour.outcome(self._random) if self.up else "failed"
        call = self._calls[line.call] = SimulatedCall(line.call, None, line, outcome)
        if line.record:
            call.tape.insert(0)
        match call.outcome:
            case "failed":
                self._then(call, REFUSED_AFTER_S, partial(self._end, call, "failed"))
            case "invalid":
                self._then(call, INVALID_AFTER_S, partial(self._end, call, "invalid"))
            case "busy":
                self._then(call, BUSY_AFTER_S, partial(self._end, call, "busy"))
            case "live" | "machine":
                self._ring(call, line, behaviour.answer_s.draw(self._random), partial(self._answer, call, line))
            case "no-answer":
                self._ring(call, line, behaviour.ring_out_s.draw(self._random), partial(self._end, call, "no-answer"))

    def _ring(self, call: SimulatedCall, line: Line, seconds: float, then: Callable[[], None]) -> None:
        if seconds >= line.ring_s:
            seconds, then = line.ring_s, partial(self._end, call, "no-answer")
        self._say(Ringing(call.id))
        self._then(call, seconds, then)

    def _answer(self, call: SimulatedCall, line: Line) -> None:
        call.answered, call.next = True, None
        self._say(Answered(call.id))
        machine = call.outcome == "machine"
        if line.detect_machines:
            taken = self._of(call).takes_for_machine(machine, self._random)
            if taken != machine:
                self.misheard(call.id, not machine)
            self._say(Detected(call.id, taken))
        if call.next is not None or self._calls.get(call.id) is not call:
            # whoever listens has hung up
            return
        if machine:
            self._then(call, GREETING_S, partial(self._end, call, "hang-up"))
        elif self._random.random() < self._of(call).early_hang_up:
            self._then(call, self._random.random() * EARLY_S, partial(self._end, call, "hang-up"))

    # Calls that come in

    def call_in(
        self,
        number: str,
        caller: str | None,
        behaviour: Behaviour | None = None,
        script: CallerScript | None = None,
    ) -> Offer:
        """Somebody calls one of our numbers. `script`: and does this, instead of what is drawn."""
        offer = f"simulated-{next(self._offer_ids)}"
        patience = self._clock.call_later(
            (behaviour or self.behaviour).patience_s.draw(self._random), partial(self._withdraw, offer)
        )
        self._offers[offer] = behaviour, patience
        if script is not None:
            self._scripts[offer] = script
        self._say(Offered(offer, number, caller))
        return offer

    def _withdraw(self, offer: Offer) -> None:
        self._scripts.pop(offer, None)
        if self._offers.pop(offer, None) is not None:
            self._say(Withdrawn(offer))

    def accept(self, offer: Offer, call: CallId) -> None:
        script = self._scripts.pop(offer, None)
        known = self._offers.pop(offer, None)
        if known is None or call in self._calls:
            return
        behaviour, timer = known
        if script is not None and script.hang_up_s is not None:
            # until then, whatever people usually do
            behaviour = (behaviour or self.behaviour).staying()
        timer.cancel()
        made = self._calls[call] = SimulatedCall(call, behaviour, answered=True)
        self._wait(made)
        self._clock.call_later(0.0, partial(self._say_of, made, Answered(call)))
        if script is not None:
            self._follow(made, script)

    def _follow(self, call: SimulatedCall, script: CallerScript) -> None:
        for at, key in script.keys:
            self._clock.call_later(at, partial(self._say_of, call, Digit(call.id, key)))
        if script.hang_up_s is not None:
            self._clock.call_later(script.hang_up_s, partial(self._put_down, call))

    def _put_down(self, call: SimulatedCall) -> None:
        """The caller hangs up, whatever was drawn for the call."""
        if self._calls.get(call.id) is call:
            self._then(call, 0.0, partial(self._end, call, "hang-up"))

    def refuse(self, offer: Offer) -> None:
        self._scripts.pop(offer, None)
        known = self._offers.pop(offer, None)
        if known is not None:
            known[1].cancel()

    def _wait(self, call: SimulatedCall) -> None:
        """The customer waits, and some time has waited enough."""
        self._then(call, self._of(call).patience_s.draw(self._random), partial(self._end, call, "hang-up"))

    # Who is in a call

    def join(self, call: CallId, agent: AgentId) -> None:
        known = self._calls.get(call)
        if known is None or not known.answered or agent in known.parties:
            return
        known.parties[agent] = None
        if self._of(known).missed and self._random.random() < self._of(known).missed:
            self._clock.call_later(AGENT_RINGS_S, partial(self._miss, known, agent))
        else:
            self._clock.call_later(0.0, partial(self._join, known, agent))

    def call_out(self, call: CallId, party: PartyId, number: str, caller: str | None, ring_s: float) -> None:
        known = self._calls.get(call)
        if known is None or not known.answered or party in known.parties:
            return
        known.parties[party] = None
        answers_after = self._of(known).answer_s.draw(self._random)
        if self.up and self._of(known).outcome(self._random) == "live" and answers_after < ring_s:
            self._clock.call_later(answers_after, partial(self._join, known, party))
        else:
            self._clock.call_later(min(answers_after, ring_s), partial(self._miss, known, party))

    def _join(self, call: SimulatedCall, party: PartyId) -> None:
        if self._calls.get(call.id) is not call or call.parties.get(party, 0.0) is not None:
            return
        call.parties[party] = self._clock.elapsed()
        call.tape.run(self._clock.elapsed())
        if call.next is None or call.line is None or call.talked:
            # who did not hang up early talks as long as people talk
            self._then(call, self._of(call).talk_s.draw(self._random), partial(self._end, call, "hang-up"))
        call.talked = True
        self._say(Joined(call.id, party))

    def _miss(self, call: SimulatedCall, party: PartyId) -> None:
        if self._calls.get(call.id) is call and call.parties.get(party, 0.0) is None:
            del call.parties[party]
            self._say(AgentMissed(call.id, party))

    def leave(self, call: CallId, party: PartyId) -> None:
        known = self._calls.get(call)
        if known is not None and party in known.parties:
            self._gone(known, party)

    def party_hangs_up(self, call: CallId, party: PartyId, *, lost: bool = False) -> None:
        """An agent or an outside party puts the phone down, or its phone is lost."""
        known = self._calls.get(call)
        if known is not None and known.parties.get(party) is not None:
            self._gone(known, party)
            self._say(Left(call, party, lost))

    def _gone(self, call: SimulatedCall, party: PartyId) -> None:
        del call.parties[party]
        call.muted.discard(party)
        if not call.joined() and call.talked:
            self._wait(call)

    def listen_in(self, call: CallId, agent: AgentId, supervisor: AgentId, how: Listening) -> None:
        known = self._calls.get(call)
        if known is None or known.parties.get(agent) is None:
            return
        new = supervisor not in known.listeners
        known.listeners[supervisor] = how
        if new and self._of(known).missed and self._random.random() < self._of(known).missed:
            self._clock.call_later(AGENT_RINGS_S, partial(self._listener_misses, known, supervisor))

    def stop_listening(self, call: CallId, supervisor: AgentId) -> None:
        known = self._calls.get(call)
        if known is not None:
            known.listeners.pop(supervisor, None)

    def _listener_misses(self, call: SimulatedCall, supervisor: AgentId) -> None:
        if self._calls.get(call.id) is call and call.listeners.pop(supervisor, None) is not None:
            self._say(ListenerLeft(call.id, supervisor))

    # What they hear

    def play(self, call: CallId, message: str) -> None:
        known = self._calls.get(call)
        if known is None or not known.answered:
            return
        if known.playing is not None:
            known.playing.cancel()
        known.playing = self._clock.call_later(self._of(known).prompt_s, partial(self._played, known))
        if self._of(known).digits:
            self._clock.call_later(self._of(known).digit_s.draw(self._random), partial(self._press, known))

    def _played(self, call: SimulatedCall) -> None:
        call.playing = None
        self._say_of(call, MessagePlayed(call.id))

    def _press(self, call: SimulatedCall) -> None:
        if not call.parties:
            self._say_of(call, Digit(call.id, self._random.choice(self._of(call).digits)))

    def stop_playing(self, call: CallId) -> None:
        known = self._calls.get(call)
        if known is not None and known.playing is not None:
            known.playing.cancel()
            known.playing = None

    def hold(self, call: CallId, on: bool) -> None:
        known = self._calls.get(call)
        if known is not None:
            known.held = on

    def is_held(self, call: CallId) -> bool:
        """Whether the customer hears music instead of who is there."""
        return self._calls[call].held

    def mute(self, call: CallId, party: PartyId, on: bool) -> None:
        known = self._calls.get(call)
        if known is not None and party in known.parties:
            (known.muted.add if on else known.muted.discard)(party)

    def send_digits(self, call: CallId, digits: str) -> None:
        """Nobody at the other end listens for them."""

    # What is kept

    def record(self, call: CallId, part: int) -> None:
        known = self._calls.get(call)
        if known is None:
            return
        self._cut(known)
        known.tape.insert(part)
        if known.joined():
            known.tape.run(self._clock.elapsed())

    def stop_recording(self, call: CallId) -> None:
        known = self._calls.get(call)
        if known is not None:
            self._cut(known)

    def pause_recording(self, call: CallId, on: bool) -> None:
        known = self._calls.get(call)
        if known is not None:
            known.tape.pause(on, self._clock.elapsed())

    def record_message(self, call: CallId, part: int, longest_s: float) -> None:
        known = self._calls.get(call)
        if known is None or not known.answered:
            return
        self._cut(known)
        known.tape.insert(part)
        known.tape.run(self._clock.elapsed())
        known.message = part
        seconds = self._of(known).message_s.draw(self._random)
        self._then(known, min(seconds, longest_s), partial(self._left_message, known, seconds <= longest_s))

    def _left_message(self, call: SimulatedCall, said_all: bool) -> None:
        call.message = None
        self._cut(call)
        if said_all:
            self._then(call, 1.0, partial(self._end, call, "hang-up"))
        else:
            self._wait(call)

    def _cut(self, call: SimulatedCall) -> None:
        taken = call.tape.take(self._clock.elapsed())
        if taken is not None:
            part, seconds = taken
            self._recordings[call.id, part] = seconds
            self._say(Recorded(call.id, part, seconds))

    # The end

    def hang_up(self, call: CallId) -> None:
        known = self._calls.get(call)
        if known is not None:
            self._then(known, 0.0, partial(self._end, known, "hang-up" if known.answered else "cancelled"))

    def _then(self, call: SimulatedCall, seconds: float, what: Callable[[], None]) -> None:
        if call.next is not None:
            call.next.cancel()
        call.next = self._clock.call_later(seconds, what)

    def _end(self, call: SimulatedCall, cause: Cause) -> None:
        if call.message is not None:
            self._cut(call)
        if call.next is not None:
            # who heard of the message may have hung up by now
            call.next.cancel()
        del self._calls[call.id]
        recorded_s = None
        taken = call.tape.take(self._clock.elapsed())
        if taken is not None:
            part, recorded_s = taken
            self._recordings[call.id, part] = recorded_s
        self._say(Ended(call.id, cause, recorded_s))

    def _say_of(self, call: SimulatedCall, event: CarrierEvent) -> None:
        """Of a call that is still up."""
        if self._calls.get(call.id) is call:
            self._say(event)

    def _say(self, event: CarrierEvent) -> None:
        self._listener(event)

    def standing(self) -> CarrierStanding:
        placed = sum(call.line is not None for call in self._calls.values())
        node = CarrierNode("simulated", self.up, len(self._calls))
        return CarrierStanding((node,), (CarrierTrunk("simulated", placed),))

    async def calls(self) -> list[LiveCall]:
        return [call.told() for call in self._calls.values()]

    async def recording(self, call: CallId, part: int = 0) -> AsyncIterator[bytes]:
        if (call, part) not in self._recordings:
            raise CarrierLostError(f"there is no recording of call {call}")
        for piece in wav(call * 1000 + part if part else call, self._recordings[call, part]):
            yield piece

    async def kept_recordings(self) -> list[tuple[CallId, int]]:
        return list(self._recordings)

    async def forget_recording(self, call: CallId, part: int = 0) -> None:
        self._recordings.pop((call, part), None)


def _nobody(_: CarrierEvent) -> None:
    pass


def _nobody_asks(_call: CallId, _person: bool) -> None:
    pass
