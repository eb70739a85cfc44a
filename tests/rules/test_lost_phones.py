"""A phone that goes in mid-call: whatever comes in whatever order, it is back or somebody else has the customer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.routing.lost_phones import RETRY_S, THERE, PhoneEffect, PhoneFacts, PhoneInput, advance

GRACE_S = 30.0
HAPPENINGS = st.lists(st.tuples(st.sampled_from(PhoneInput), st.floats(0.0, 5.0)), max_size=60)


def test_a_phone_that_is_back_at_once_is_rung_once_and_the_call_goes_on() -> None:
    phone, lost = advance(THERE, PhoneInput.LOST, 100.0, GRACE_S)
    assert lost == (PhoneEffect.NOTE_LOSS,)
    phone, back = advance(phone, PhoneInput.BACK, 100.4, GRACE_S)
    assert back == (PhoneEffect.RING,)
    assert phone.due_at == 130.0
    assert advance(phone, PhoneInput.JOINED, 101.0, GRACE_S) == (THERE, (PhoneEffect.NOTE_RETURN,))


def test_a_phone_that_stays_away_is_tried_each_second_and_then_the_customer_goes_on() -> None:
    phone, _ = advance(THERE, PhoneInput.LOST, 0.0, GRACE_S)
    rung = 0
    while True:
        due = phone.due_at
        assert due is not None
        phone, effects = advance(phone, PhoneInput.TIME, due, GRACE_S)
        if effects == (PhoneEffect.GIVE_ON,):
            break
        assert effects == (PhoneEffect.RING,)
        rung += 1
        phone, _ = advance(phone, PhoneInput.MISSED, due, GRACE_S)
    assert (due, rung) == (GRACE_S, GRACE_S / RETRY_S - 1)


def test_an_agent_who_hears_nothing_has_its_phone_rung_anew() -> None:
    phone, effects = advance(THERE, PhoneInput.BACK, 5.0, GRACE_S)
    assert effects == (PhoneEffect.NOTE_LOSS, PhoneEffect.TAKE_OUT, PhoneEffect.RING)
    assert advance(phone, PhoneInput.BACK, 6.0, GRACE_S)[1] == (PhoneEffect.TAKE_OUT, PhoneEffect.RING)


@pytest.mark.parametrize("happened", [each for each in PhoneInput if each not in (PhoneInput.LOST, PhoneInput.BACK)])
def test_nothing_becomes_of_a_phone_that_is_there(happened: PhoneInput) -> None:
    assert advance(THERE, happened, 1.0, GRACE_S) == (THERE, ())


@given(HAPPENINGS)
def test_a_customer_is_given_on_no_sooner_than_the_grace_and_no_later(
    happenings: list[tuple[PhoneInput, float]],
) -> None:
    phone, now, lost_at = THERE, 0.0, None
    for happened, later in happenings:
        # time happens when it is due, whatever else does
        until = now + later
        while phone.due_at is not None and phone.due_at <= until:
            now = max(now, phone.due_at)
            phone, lost_at = _step(phone, PhoneInput.TIME, now, lost_at)
        now = until
        phone, lost_at = _step(phone, happened, now, lost_at)


def _step(
    phone: PhoneFacts, happened: PhoneInput, now: float, lost_at: float | None
) -> tuple[PhoneFacts, float | None]:
    after, effects = advance(phone, happened, now, GRACE_S)
    if PhoneEffect.NOTE_LOSS in effects:
        assert lost_at is None
        lost_at = now
    if PhoneEffect.GIVE_ON in effects:
        assert lost_at is not None
        assert now - lost_at >= GRACE_S - 1e-9
    if PhoneEffect.NOTE_RETURN in effects:
        assert lost_at is not None
        lost_at = None
    # rung, or to be rung, or in the call: never forgotten
    assert after.lost_at == lost_at
    assert (after.due_at is None) == (lost_at is None)
    if PhoneEffect.GIVE_ON not in effects and lost_at is not None and phone.lost_at is not None:
        assert after.until == phone.until
    return after, lost_at
