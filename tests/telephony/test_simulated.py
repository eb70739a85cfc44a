"""The simulated carrier: every way in which a call can go, the same for the same seed, with real recordings."""

from __future__ import annotations

import io
import wave
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.clock import VirtualClock
from callfloor.rules.workflow.caller_script import CallerScript
from callfloor.telephony.carrier import (
    AgentMissed,
    Answered,
    CallEvent,
    CarrierLostError,
    Detected,
    Ended,
    Joined,
    Line,
    ListenerLeft,
    MessagePlayed,
    Recorded,
    Ringing,
)
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import AGENT_RINGS_S, SimulatedCarrier

SURE = Behaviour(
    live=1.0,
    answer_s=Distribution("constant", 10.0),
    ring_out_s=Distribution("constant", 25.0),
    talk_s=Distribution("constant", 60.0),
)
Heard = list[tuple[float, CallEvent]]


class Exchange:
    def __init__(self, behaviour: Behaviour, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.carrier = SimulatedCarrier(self.clock, seed, behaviour)
        self.heard: Heard = []
        self.carrier.listen(lambda event: self.heard.append((self.clock.elapsed(), event)))

    def dial(self, call: int, *, ring_s: float = 28.0, detect: bool = False, record: bool = True) -> None:
        self.carrier.originate(Line(call, "+61491570156", None, ring_s, detect, record))

    def run(self, until: float) -> list[CallEvent]:
        self.clock.run(until)
        return [event for _, event in self.heard]


@pytest.mark.parametrize(
    ("behaviour", "events", "over_at"),
    [
        (replace(SURE, live=0.0), [Ringing(1), Ended(1, "no-answer")], 25.0),
        (replace(SURE, live=0.0, busy=1.0), [Ended(1, "busy")], 2.0),
        (replace(SURE, live=0.0, invalid=1.0), [Ended(1, "invalid")], 1.0),
        (replace(SURE, live=0.0, failed=1.0), [Ended(1, "failed")], 0.2),
        # slower to answer than the line may ring
        (replace(SURE, answer_s=Distribution("constant", 40.0)), [Ringing(1), Ended(1, "no-answer")], 28.0),
    ],
)
def test_calls_that_nobody_answers(behaviour: Behaviour, events: list[CallEvent], over_at: float) -> None:
    exchange = Exchange(behaviour)
    exchange.dial(1)
    assert exchange.run(100.0) == events
    assert exchange.heard[-1][0] == pytest.approx(over_at)


def test_a_person_answers_is_joined_talks_and_hangs_up() -> None:
    exchange = Exchange(SURE)
    exchange.dial(1)
    assert exchange.run(10.0) == [Ringing(1), Answered(1)]
    exchange.run(11.0)
    exchange.carrier.join(1, 7)
    assert exchange.run(100.0) == [Ringing(1), Answered(1), Joined(1, 7), Ended(1, "hang-up", 60.0)]
    assert exchange.heard[-1][0] == 71.0


def test_a_machine_is_told_from_a_person_where_that_is_asked_for() -> None:
    machine, person = Exchange(replace(SURE, live=0.0, machine=1.0)), Exchange(SURE)
    for exchange in (machine, person):
        exchange.dial(1, detect=True)
    assert machine.run(10.0) == [Ringing(1), Answered(1), Detected(1, True)]
    assert person.run(10.0) == [Ringing(1), Answered(1), Detected(1, False)]
    assert machine.run(100.0)[-1] == Ended(1, "hang-up", None)


def test_who_listens_may_hang_up_at_once() -> None:
    exchange = Exchange(replace(SURE, live=0.0, machine=1.0))

    def hang_up(event: CallEvent) -> None:
        exchange.heard.append((exchange.clock.elapsed(), event))
        if isinstance(event, Detected):
            exchange.carrier.hang_up(event.call)

    exchange.carrier.listen(hang_up)
    exchange.dial(1, detect=True)
    exchange.run(100.0)
    assert exchange.heard[-1] == (10.0, Ended(1, "hang-up", None))


def test_some_hang_up_before_an_agent_is_there() -> None:
    exchange = Exchange(replace(SURE, early_hang_up=1.0))
    exchange.dial(1)
    exchange.run(100.0)
    assert exchange.heard[-1][1] == Ended(1, "hang-up", None)
    assert 10.0 <= exchange.heard[-1][0] <= 12.0


def test_an_agent_s_phone_that_is_not_taken_leaves_the_customer_waiting() -> None:
    exchange = Exchange(replace(SURE, missed=1.0))
    exchange.dial(1)
    exchange.run(10.0)
    exchange.carrier.join(1, 7)
    assert exchange.run(20.0)[-1] == AgentMissed(1, 7)
    exchange.carrier.behaviour = SURE
    exchange.carrier.join(1, 8)
    assert exchange.run(20.0)[-1] == Joined(1, 8)


def test_a_message_plays_and_a_call_that_is_let_go_ends() -> None:
    exchange = Exchange(SURE)
    exchange.dial(1)
    exchange.dial(2)
    exchange.run(5.0)
    exchange.carrier.hang_up(2)
    assert exchange.run(5.0)[-1] == Ended(2, "cancelled", None)
    exchange.run(10.0)
    exchange.carrier.play(1, "information")
    assert exchange.run(15.0)[-1] == MessagePlayed(1)
    exchange.carrier.hang_up(1)
    assert exchange.run(15.0)[-1] == Ended(1, "hang-up", None)


def test_a_trunk_that_is_down_takes_no_call_and_comes_back() -> None:
    exchange = Exchange(SURE)
    exchange.carrier.up = False
    exchange.dial(1)
    assert exchange.run(1.0) == [Ended(1, "failed")]
    exchange.carrier.up = True
    exchange.dial(2)
    assert exchange.run(11.0)[-1] == Answered(2)


async def test_a_recording_is_a_sound_file_as_long_as_the_talk_and_like_no_other() -> None:
    exchange = Exchange(SURE)
    for call, record in ((1, True), (2, True), (3, False)):
        exchange.dial(call, record=record)
    exchange.run(10.0)
    for call in (1, 2, 3):
        exchange.carrier.join(call, call)
    exchange.run(100.0)
    sounds = [b"".join([piece async for piece in exchange.carrier.recording(call)]) for call in (1, 2)]
    for sound in sounds:
        with wave.open(io.BytesIO(sound)) as opened:
            assert opened.getnframes() / opened.getframerate() == 60.0
            assert max(opened.readframes(opened.getnframes())) > 0
    assert sounds[0] != sounds[1]
    await exchange.carrier.forget_recording(1)
    for call in (1, 3):
        with pytest.raises(CarrierLostError):
            _ = [piece async for piece in exchange.carrier.recording(call)]


async def test_calls_that_are_up_are_told_with_who_is_on_them() -> None:
    exchange = Exchange(SURE)
    exchange.dial(1)
    exchange.dial(2, ring_s=5.0)
    exchange.run(10.0)
    exchange.carrier.join(1, 7)
    exchange.run(11.0)
    (call,) = await exchange.carrier.calls()
    assert (call.call, call.answered, call.agent) == (1, True, 7)


async def test_a_supervisor_listens_until_it_is_stopped_unless_its_phone_is_not_answered() -> None:
    exchange = Exchange(SURE)
    exchange.dial(1)
    exchange.run(10.0)
    exchange.carrier.join(1, 7)
    exchange.run(11.0)
    exchange.carrier.listen_in(1, 7, 8, "whisper")
    exchange.carrier.behaviour = replace(SURE, missed=1.0)
    exchange.carrier.listen_in(1, 7, 8, "barge")
    exchange.carrier.listen_in(1, 7, 9, "monitor")
    exchange.carrier.listen_in(1, 7, 10, "monitor")
    assert [call.listeners for call in await exchange.carrier.calls()] == [(8, 9, 10)]
    exchange.carrier.stop_listening(1, 10)
    exchange.run(11.0 + AGENT_RINGS_S)
    assert [event for _, event in exchange.heard if isinstance(event, ListenerLeft)] == [ListenerLeft(1, 9)]
    assert [call.listeners for call in await exchange.carrier.calls()] == [(8,)]
    exchange.carrier.stop_listening(1, 8)
    assert [call.listeners for call in await exchange.carrier.calls()] == [()]


async def test_the_part_that_is_told_is_the_one_that_runs_else_the_next() -> None:
    exchange = Exchange(SURE)
    exchange.dial(1, record=True)
    exchange.run(10.0)
    exchange.carrier.join(1, 7)
    exchange.run(11.0)
    assert [call.part for call in await exchange.carrier.calls()] == [0]
    exchange.carrier.stop_recording(1)
    assert [call.part for call in await exchange.carrier.calls()] == [1]


_ACTS = st.lists(
    st.tuples(st.sampled_from(["dial", "join", "play", "hang up", "wait"]), st.integers(1, 4)), max_size=40
)


@given(_ACTS, st.integers(0, 1000))
def test_whatever_is_asked_each_call_ends_once_and_says_nothing_after(acts: list[tuple[str, int]], seed: int) -> None:
    behaviour = Behaviour(live=0.5, machine=0.2, busy=0.1, failed=0.1, early_hang_up=0.3, missed=0.3)

    def day() -> Heard:
        exchange = Exchange(behaviour, seed)
        for act, number in acts:
            match act:
                case "dial":
                    exchange.dial(number, detect=number % 2 == 0)
                case "join":
                    exchange.carrier.join(number, number)
                case "play":
                    exchange.carrier.play(number, "information")
                case "hang up":
                    exchange.carrier.hang_up(number)
                case _:
                    exchange.clock.run(exchange.clock.elapsed() + 3.0 * number)
        # who was answered and has no agent stays until somebody hangs up
        exchange.clock.run(exchange.clock.elapsed() + 100.0)
        for number in range(1, 5):
            exchange.carrier.hang_up(number)
        exchange.clock.run(exchange.clock.elapsed() + 3600.0)
        return exchange.heard

    heard = day()
    for number in {number for act, number in acts if act == "dial"}:
        mine = [event for _, event in heard if event.call == number]
        ends = [index for index, event in enumerate(mine) if isinstance(event, Ended)]
        assert len(ends) >= 1
        kinds = [type(event) for event in mine[: ends[0]]]
        assert kinds.count(Answered) <= 1
        assert kinds.count(Joined) <= 1
    assert day() == heard


def _called_in(script: CallerScript, doing: str) -> float:
    """When a caller who has little patience and says little is gone, in a queue, a talk or a message."""
    short = Distribution("constant", 5.0)
    exchange = Exchange(replace(SURE, talk_s=short, patience_s=short, message_s=short))
    offer = exchange.carrier.call_in("+61255500199", "+61491570156", None, script)
    exchange.carrier.accept(offer, 1)
    exchange.run(1.0)
    if doing == "talks":
        exchange.carrier.join(1, 7)
    elif doing == "leaves a message":
        exchange.carrier.record_message(1, 0, 20.0)
    exchange.run(200.0)
    return next(at for at, event in exchange.heard if isinstance(event, Ended))


@pytest.mark.parametrize("doing", ["waits", "talks", "leaves a message"])
def test_a_scripted_caller_stays_until_the_script_says_otherwise(doing: str) -> None:
    assert _called_in(CallerScript(hang_up_s=60.0), doing) == 60.0
    assert _called_in(CallerScript(), doing) < 10.0


def test_who_hangs_up_on_hearing_of_a_message_that_ends_with_its_call_finds_it_over() -> None:
    exchange = Exchange(SURE)

    def hang_up(event: CallEvent) -> None:
        exchange.heard.append((exchange.clock.elapsed(), event))
        if isinstance(event, Recorded):
            exchange.carrier.hang_up(event.call)

    exchange.carrier.listen(hang_up)
    offer = exchange.carrier.call_in("+61255500199", "+61491570156", None, CallerScript(hang_up_s=8.0))
    exchange.carrier.accept(offer, 1)
    exchange.run(1.0)
    exchange.carrier.record_message(1, 0, 20.0)
    exchange.run(60.0)
    assert [type(event) for _, event in exchange.heard][-2:] == [Recorded, Ended]
