"""When a saved report is sent, and which days it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.reports import Period
from callfloor.contract.saved_reports import Every, Schedule
from callfloor.rules.figures.schedules import days_of, next_due

SYDNEY = ZoneInfo("Australia/Sydney")
ZONES = [SYDNEY, *map(ZoneInfo, ("UTC", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu"))]


def schedule(every: Every, time: str, weekday: int | None = None, day: int | None = None) -> Schedule:
    return Schedule(every=every, time=time, weekday=weekday, day=day, mailbox="care", recipients=["a@example.com"])


@given(
    st.integers(0, 10**6).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.sampled_from(ZONES),
    st.times().map(lambda at: f"{at:%H:%M}"),
)
def test_each_day_has_one_time_whatever_the_clocks_do(at: datetime, zone: ZoneInfo, time: str) -> None:
    moments = [at]
    for _ in range(5):
        moments.append(next_due(schedule("day", time), moments[-1], zone))
    for before, after in pairwise(moments):
        assert before < after
    days = [each.astimezone(zone).date() for each in moments[1:]]
    assert all(following - day == timedelta(days=1) for day, following in pairwise(days))
    # at its time, or moved on by what the clocks left out
    for each in moments[1:]:
        shown = f"{each.astimezone(zone):%H:%M}"
        assert shown == time or shown > time


@pytest.mark.parametrize(
    ("given", "after", "due"),
    [
        # the clocks are put forward from 2:00 to 3:00, and back from 3:00 to 2:00
        (schedule("day", "02:30"), "2026-10-03T12:00:00Z", "2026-10-03T16:30:00Z"),
        (schedule("day", "02:30"), "2026-04-04T12:00:00Z", "2026-04-04T15:30:00Z"),
        (schedule("day", "02:30"), "2026-04-04T15:30:00Z", "2026-04-05T16:30:00Z"),
        (schedule("week", "07:00", weekday=1), "2026-11-28T00:00:00Z", "2026-11-29T20:00:00Z"),
        (schedule("month", "07:00", day=1), "2026-11-28T00:00:00Z", "2026-11-30T20:00:00Z"),
    ],
)
def test_a_report_is_due_by_the_clock_on_the_wall(given: Schedule, after: str, due: str) -> None:
    assert next_due(given, datetime.fromisoformat(after), SYDNEY) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("today", date(2026, 10, 4), date(2026, 10, 5)),
        ("yesterday", date(2026, 10, 3), date(2026, 10, 4)),
        ("last7Days", date(2026, 9, 27), date(2026, 10, 4)),
        ("last30Days", date(2026, 9, 4), date(2026, 10, 4)),
        ("thisWeek", date(2026, 9, 28), date(2026, 10, 5)),
        ("lastWeek", date(2026, 9, 21), date(2026, 9, 28)),
        ("thisMonth", date(2026, 10, 1), date(2026, 11, 1)),
        ("lastMonth", date(2026, 9, 1), date(2026, 10, 1)),
    ],
)
def test_a_period_goes_with_the_day(period: Period, first: date, last: date) -> None:
    begin, end = days_of(period, datetime(2026, 10, 4, 10, tzinfo=SYDNEY), SYDNEY)
    assert (begin, end) == tuple(datetime(each.year, each.month, each.day, tzinfo=SYDNEY) for each in (first, last))


def test_every_period_is_tried() -> None:
    assert len(get_args(Period)) == 8
