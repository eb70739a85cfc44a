"""Another cap or window: what happened stays, and counts by the new one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.dialling.budget import HOUR, Bucket, Budget

DAY = 24 * HOUR
events = st.lists(st.tuples(st.integers(0, 40).map(lambda hours: hours * HOUR), st.integers(0, 3)), max_size=30)


@given(events, st.lists(st.sampled_from([DAY, 30 * DAY]), min_size=1, max_size=5))
def test_a_window_that_was_short_for_a_while_has_forgotten_nothing(
    happened: list[tuple[float, int]], windows: list[float]
) -> None:
    budget, naive, at = Budget(0.03, 30 * DAY, 5.0), list[tuple[float, int]](), 0.0
    for step, (passed, lost) in enumerate(happened):
        at += passed
        budget.change(0.03, windows[step % len(windows)], at)
        for _ in range(5):
            budget.answered(at)
        for _ in range(lost):
            budget.lost(at)
        naive.append((at, lost))
    for window in (DAY, 30 * DAY):
        budget.change(0.03, window, at)
        within = [lost for when, lost in naive if at - when <= window - HOUR]
        # an hour is counted from its beginning
        most = [lost for when, lost in naive if at - when <= window + HOUR]
        assert sum(within) <= budget.abandoned <= sum(most)
        assert 5 * len(within) <= budget.live <= 5 * len(most)


def test_a_past_that_is_older_than_the_window_counts_when_the_window_is_longer() -> None:
    budget = Budget(0.03, DAY, 5.0, [Bucket(2 * DAY, 1000, 40), Bucket(HOUR, 100, 1)])
    assert (budget.live, budget.abandoned) == (100, 1)
    budget.change(0.02, 30 * DAY, 5.0)
    assert (budget.live, budget.abandoned, budget.cap) == (1100, 41, 0.02)
    budget.change(0.02, DAY, 5.0)
    assert (budget.live, budget.abandoned) == (100, 1)


def test_what_was_overdrawn_is_paid_back_after_a_restart_and_what_was_saved_is_not_spent() -> None:
    assert Budget(0.03, DAY, 5.0, [Bucket(HOUR, 100, 6)]).tokens < -2.5
    assert Budget(0.03, DAY, 5.0, [Bucket(HOUR, 1000, 0)]).tokens == 0.0
