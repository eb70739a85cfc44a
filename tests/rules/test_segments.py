"""A period in parts: each quarter-hour once, counted before or now."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.figures.intervals import QUARTER, edges
from callfloor.rules.figures.segments import OF_DAY, OF_QUARTER, cut
from callfloor.rules.values.times import midnight

FIRST = datetime(2026, 9, 28, tzinfo=UTC)
ZONES = [ZoneInfo(name) for name in ("UTC", "Australia/Sydney", "Asia/Kathmandu", "America/Havana")]
SYDNEY = ZONES[1]
quarters = st.integers(0, 10 * 96).map(lambda n: FIRST + n * QUARTER)


def days_in(zone: ZoneInfo, numbers: set[int]) -> dict[datetime, datetime]:
    dates = [date(2026, 9, 28) + timedelta(days=n) for n in numbers]
    return {midnight(day, zone): midnight(day + timedelta(days=1), zone) for day in dates}


@given(
    st.lists(quarters, min_size=2, max_size=6, unique=True).map(sorted),
    st.none() | quarters,
    st.lists(quarters, max_size=5, unique=True).map(sorted),
    st.lists(st.tuples(st.sampled_from(ZONES), st.sets(st.integers(0, 9))), max_size=3),
)
def test_each_quarter_hour_is_in_one_part(
    at: list[datetime],
    until: datetime | None,
    marked: list[datetime],
    zones: list[tuple[ZoneInfo, set[int]]],
) -> None:
    days = {begin: end for zone, numbers in zones for begin, end in days_in(zone, numbers).items()}
    parts = cut(at, until, marked, days)
    kept: list[tuple[datetime, datetime, int]] = []
    for begin, end, grain, interval in parts.kept:
        if grain == OF_DAY:
            assert end == begin + QUARTER
            kept.append((begin, days[begin], interval))
        else:
            assert grain == OF_QUARTER
            kept.append((begin, end, interval))
    for begin, end, interval in kept:
        assert at[interval] <= begin < end <= at[interval + 1]
        assert until is not None
        assert end <= until
        assert bisect_left(marked, begin) == bisect_left(marked, end)
    assert all(mark in marked or until is None or mark >= until for mark, _ in parts.live)
    covered = sorted([(begin, end) for begin, end, _ in kept] + parts.live)
    assert (covered[0][0], covered[-1][1]) == (at[0], at[-1])
    assert all(one[1] == following[0] for one, following in pairwise(covered))


def test_days_of_the_zone_are_taken_whole() -> None:
    days = days_in(SYDNEY, set(range(9)))
    begin, end = min(days), max(days)
    by_day = cut(edges(begin, end, "day", SYDNEY), end, [], days)
    assert [(at, interval) for at, _, grain, interval in by_day.kept if grain == OF_DAY] == [
        (at, number) for number, at in enumerate(sorted(days)[:-1])
    ]
    assert not [grain for _, _, grain, _ in by_day.kept if grain == OF_QUARTER]
    # a month of another zone: its ends by quarter-hours, all between by days
    of_utc = cut([begin + timedelta(hours=3), end], end, [], days)
    assert [grain for _, _, grain, _ in of_utc.kept] == [OF_QUARTER, *[OF_DAY] * 7]


def test_a_mark_costs_its_own_day_only() -> None:
    days = days_in(SYDNEY, set(range(9)))
    begin, end = min(days), max(days)
    mark = begin + timedelta(hours=30)
    parts = cut([begin, end], end, [mark], days)
    assert parts.live == [(mark, mark + QUARTER)]
    assert [grain for _, _, grain, _ in parts.kept] == [OF_DAY, OF_QUARTER, OF_QUARTER, *[OF_DAY] * 6]
