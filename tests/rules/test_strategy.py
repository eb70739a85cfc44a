from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.codes import LeadStatus
from callfloor.contract.dialling import Outcome, Strategy
from callfloor.rules.dialling.strategy import DEFAULT, after_attempt, never_again, priority

AT = datetime(2026, 11, 18, 1, 0, tzinfo=UTC)
HARD = Strategy("hard", {LeadStatus.BUSY: Outcome(recycle_minutes=5, complete_after=2, priority=3),
                         LeadStatus.NO_ANSWER: Outcome(recycle_minutes=None)})  # fmt: skip


@pytest.mark.parametrize(
    ("strategy", "status", "attempts", "same", "next_at", "completed"),
    [
        (DEFAULT, LeadStatus.NO_ANSWER, 1, 1, AT + timedelta(minutes=60), False),
        (DEFAULT, LeadStatus.BUSY, 1, 1, AT + timedelta(minutes=10), False),
        (DEFAULT, LeadStatus.DISCONNECTED, 1, 1, AT, False),
        (DEFAULT, LeadStatus.ABANDONED, 1, 1, AT + timedelta(days=1), False),
        # the agent says what becomes of who was talked to
        (DEFAULT, LeadStatus.CONTACTED, 10, 1, None, False),
        # the campaign's limit wins
        (DEFAULT, LeadStatus.NO_ANSWER, 10, 1, None, True),
        (HARD, LeadStatus.BUSY, 1, 1, AT + timedelta(minutes=5), False),
        (HARD, LeadStatus.BUSY, 2, 2, None, True),
        (HARD, LeadStatus.NO_ANSWER, 1, 1, None, True),
        # what a strategy does not name rests an hour
        (HARD, LeadStatus.TELCO_ERROR, 1, 1, AT + timedelta(minutes=60), False),
    ],
)
def test_what_becomes_of_a_lead(
    strategy: Strategy, status: LeadStatus, attempts: int, same: int, next_at: datetime | None, completed: bool
) -> None:
    after = after_attempt(strategy, 10, status, attempts, same, AT)
    assert (after.next_attempt_at, after.completed) == (next_at, completed)


def test_priority_and_what_is_never_dialled_again_come_from_the_outcomes() -> None:
    assert [priority(HARD, status) for status in (LeadStatus.BUSY, LeadStatus.NO_ANSWER, LeadStatus.NEW)] == [3, 0, 0]
    assert never_again(HARD) == {LeadStatus.NO_ANSWER}


@given(
    st.sampled_from([DEFAULT, HARD]),
    st.sampled_from(list(LeadStatus)),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(1, 12),
)
def test_a_lead_is_never_dialled_over_the_campaign_s_limit(
    strategy: Strategy, status: LeadStatus, attempts: int, same: int, most: int
) -> None:
    after = after_attempt(strategy, most, status, attempts, same, AT)
    if attempts >= most:
        assert after.next_attempt_at is None
    if after.next_attempt_at is not None:
        assert after.next_attempt_at >= AT
        assert not after.completed
