"""Every event in every state of a call, in any order, doubled and lost."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.codes import DialStatus
from callfloor.rules.routing.calls import CallFacts, CallInput, CallState, Effect, advance, dial_status

CAUSES = ("busy", "rejected", "no-answer", "invalid", "failed", "cancelled", "hang-up")
Inputs = CallInput
USUAL = (Inputs.RINGING, Inputs.ANSWERED, Inputs.ASSIGNED, Inputs.JOINED, Inputs.ENDED)


def after(*happened: CallInput, detect: bool = False) -> tuple[CallFacts, list[Effect]]:
    call, effects = CallFacts(detect=detect), list[Effect]()
    for each in happened:
        call, more = advance(call, each)
        effects += more
    return call, effects


@pytest.mark.parametrize(
    ("happened", "cause", "status"),
    [
        (USUAL, "hang-up", DialStatus.ANSWERED),
        ((Inputs.RINGING, Inputs.ENDED), "no-answer", DialStatus.NO_ANSWER),
        ((Inputs.ENDED,), "busy", DialStatus.BUSY),
        ((Inputs.ENDED,), "invalid", DialStatus.DISCONNECTED),
        ((Inputs.ENDED,), "failed", DialStatus.TELCO_ERROR),
        ((Inputs.RINGING, Inputs.CANCEL, Inputs.ENDED), "cancelled", DialStatus.CANCELLED),
        # hung up while waiting for an agent, and after the grace time
        ((Inputs.ANSWERED, Inputs.ENDED), "hang-up", DialStatus.ABANDONED),
        ((Inputs.ANSWERED, Inputs.GRACE_OVER, Inputs.MESSAGE_OVER, Inputs.ENDED), "hang-up", DialStatus.ABANDONED),
        # answered while it was let go: nobody was there for that person
        ((Inputs.RINGING, Inputs.CANCEL, Inputs.ANSWERED, Inputs.ENDED), "hang-up", DialStatus.ABANDONED),
        # the agent's phone was not taken, another agent's was
        (
            (Inputs.ANSWERED, Inputs.ASSIGNED, Inputs.AGENT_MISSED, Inputs.ASSIGNED, Inputs.JOINED, Inputs.ENDED),
            "hang-up",
            DialStatus.ANSWERED,
        ),
    ],
)
def test_what_a_call_was_is_told_at_its_end(happened: tuple[CallInput, ...], cause: str, status: DialStatus) -> None:
    call, _ = after(*happened)
    assert call.state is CallState.ENDED
    assert dial_status(call, cause) is status


def test_a_machine_is_hung_up_on_and_a_person_behind_detection_gets_an_agent() -> None:
    call, effects = after(Inputs.ANSWERED, Inputs.MACHINE, Inputs.ENDED, detect=True)
    assert dial_status(call, "hang-up") is DialStatus.ANSWERING_MACHINE
    assert effects == [Effect.NOTE_ANSWER, Effect.HANG_UP]
    call, effects = after(Inputs.ANSWERED, Inputs.PERSON, detect=True)
    assert (call.state, effects) == (CallState.WAITING, [Effect.NOTE_ANSWER, Effect.FIND_AGENT])


def test_every_event_has_a_meaning_in_every_state() -> None:
    for state, happened, detect in product(CallState, CallInput, (False, True)):
        call = CallFacts(state, detect)
        new, effects = advance(call, happened)
        if state is CallState.ENDED:
            assert (new, effects) == (call, ())
        if happened is CallInput.ENDED:
            assert new.state is CallState.ENDED
        if new == call:
            assert not effects


@given(st.lists(st.sampled_from(CallInput)), st.booleans(), st.sampled_from(CAUSES))
def test_whatever_happens_in_any_order_a_call_has_one_end_that_fits(
    happened: list[CallInput], detect: bool, cause: str
) -> None:
    call, effects = after(*happened, CallInput.ENDED, detect=detect)
    status = dial_status(call, cause)
    assert call.state is CallState.ENDED
    assert effects.count(Effect.NOTE_ANSWER) <= 1
    assert effects.count(Effect.NOTE_CONNECTION) <= 1
    assert effects.count(Effect.PLAY_MESSAGE) <= 1
    if Effect.NOTE_CONNECTION in effects:
        assert status is DialStatus.ANSWERED
        assert Effect.PLAY_MESSAGE not in effects
    if status is DialStatus.ABANDONED:
        assert Effect.NOTE_ANSWER in effects
    if Effect.PLAY_MESSAGE in effects or Effect.COUNT_ABANDONED in effects:
        assert status is DialStatus.ABANDONED
    if Effect.NOTE_ANSWER not in effects and not (detect and CallInput.ANSWERED in happened):
        assert status not in (DialStatus.ANSWERED, DialStatus.ABANDONED)


@given(st.lists(st.sampled_from(CallInput), max_size=12), st.booleans())
def test_an_event_that_comes_twice_does_nothing_the_second_time(happened: list[CallInput], detect: bool) -> None:
    # assigned, missed, assigned again are events of different agents, not doubles
    call = CallFacts(detect=detect)
    for each in happened:
        call, _ = advance(call, each)
        doubled, effects = advance(call, each)
        assert not effects
        assert doubled == call
