"""What the live floor says ahead of time, against the calls that would follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.figures.live_floor import abandonment_left, cap_binds_at, leads_run_out_at, masked, utilisation

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


@given(cap=st.floats(0.0, 0.5), live=st.integers(0, 5000), share=st.floats(0.0, 1.0))
def test_as_many_may_be_abandoned_as_keep_the_share_below_the_cap(cap: float, live: int, share: float) -> None:
    abandoned = int(live * share)
    left = abandonment_left(cap, live, abandoned)
    assert left >= 0
    if left:
        assert abandoned + left <= cap * (live + left) + 1e-6
    assert abandoned + left + 1 > cap * (live + left + 1) - 1e-6


@given(
    cap=st.floats(0.01, 0.2),
    before=st.integers(0, 2000),
    live=st.integers(5, 500),
    share=st.floats(0.0, 1.0),
    minutes=st.integers(10, 600),
)
def test_the_cap_binds_at_the_minute_at_which_the_day_so_far_carried_on_leaves_nothing(
    cap: float, before: int, live: int, share: float, minutes: int
) -> None:
    abandoned = int(live * share)
    given = {"live": before + live, "abandoned": abandoned, "today_live": live, "today_abandoned": abandoned}
    at = cap_binds_at(NOW, cap, **given, began=NOW - timedelta(minutes=minutes))

    def margin(later: datetime) -> float:
        """What is left for one more call when the day has gone on until then."""
        factor = (later - NOW) / timedelta(minutes=minutes)
        return cap * (before + live * (1 + factor)) - abandoned * (1 + factor) - (1 - cap)

    if at is None:
        assert abandonment_left(cap, before + live, abandoned) == 0 or margin(NOW + timedelta(days=7)) > -1e-6
    else:
        assert margin(at) >= -1e-6
        assert margin(at + timedelta(minutes=1)) <= 1e-6


def test_a_day_without_answers_says_nothing_of_the_cap() -> None:
    assert cap_binds_at(NOW, 0.03, live=900, abandoned=20, today_live=0, today_abandoned=0, began=NOW) is None


@pytest.mark.parametrize(
    ("dialable", "attempts", "hours"), [(0, 60, 0.0), (120, 60, 2.0), (10, 0, None), (10**9, 1, None)]
)
def test_leads_run_out_at_the_rate_of_the_last_hour(dialable: int, attempts: int, hours: float | None) -> None:
    expected = None if hours is None else NOW + timedelta(hours=hours)
    assert leads_run_out_at(NOW, dialable, attempts) == expected


def test_nobody_who_works_has_no_utilisation() -> None:
    assert utilisation(0, 0) is None
    assert utilisation(7, 8) == 0.875


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+61491570156", "+61*******56"),
        ("+12125550100", "+12*******00"),
        ("12345", "*****"),
        ("+1", "**"),
        (None, None),
    ],
)
def test_a_number_that_may_not_be_seen_keeps_its_ends(number: str | None, shown: str | None) -> None:
    assert masked(number) == shown
