"""Periods cut into intervals of zones, and the documents' table of measures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.figures import intervals
from callfloor.rules.figures.measures import GROUPS, MEASURES, PAUSED_BY_REASON, groups_of

ZONES = sorted(available_timezones() - {"localtime", "Factory"})
QUARTERS = st.integers(0, 4 * 24 * 365 * 6).map(lambda n: datetime(2022, 1, 1, tzinfo=UTC) + n * intervals.QUARTER)


@given(
    zone=st.sampled_from(ZONES),
    begin=QUARTERS,
    quarters=st.integers(1, 4 * 24 * 40),
    interval=st.sampled_from(["hour", "day", "week", "month"]),
)
def test_intervals_cover_the_period_and_begin_where_the_clock_on_the_wall_says(
    zone: str, begin: datetime, quarters: int, interval: intervals.Interval
) -> None:
    clock, end = ZoneInfo(zone), begin + quarters * intervals.QUARTER
    edges = intervals.edges(begin, end, interval, clock)
    assert (edges[0], edges[-1]) == (begin, end)
    assert edges == sorted(set(edges))
    assert all(intervals.is_edge(edge) for edge in edges)
    for first, following in pairwise(edges):
        names = set[object]()
        at = first
        while at < following:
            local = at.astimezone(clock)
            year, week, _ = local.isocalendar()
            names.add(
                {
                    "hour": (local.date(), local.hour, local.utcoffset()),
                    "day": local.date(),
                    "week": (year, week),
                    "month": (local.year, local.month),
                }[interval]
            )
            at += intervals.QUARTER
        assert len(names) == 1


@given(zone=st.sampled_from(ZONES), begin=QUARTERS, quarters=st.integers(1, 4 * 24 * 8))
def test_hours_of_the_day_are_those_of_the_clock(zone: str, begin: datetime, quarters: int) -> None:
    clock, end = ZoneInfo(zone), begin + quarters * intervals.QUARTER
    edges, hours = intervals.hours_of_day(begin, end, clock)
    assert len(hours) == len(edges) - 1
    for (first, following), hour in zip(pairwise(edges), hours, strict=True):
        assert first < following
        at = first
        while at < following:
            assert at.astimezone(clock).hour == hour
            at += intervals.QUARTER


def test_every_zone_of_today_is_whole_quarters_of_an_hour_from_utc() -> None:
    for name in ZONES:
        for day in range(0, 366 * 6, 10):
            offset = (datetime(2022, 1, 1, tzinfo=UTC) + timedelta(days=day)).astimezone(ZoneInfo(name)).utcoffset()
            assert offset is not None
            assert offset % intervals.QUARTER == timedelta(), name


def test_too_many_intervals_are_refused() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    with pytest.raises(intervals.TooManyIntervals):
        intervals.edges(begin, begin + timedelta(days=40), "quarter-hour", ZoneInfo("UTC"))


def matrix() -> str:
    """The table of docs/figures.md: which measure goes with which group."""
    lines = [f"| measure | {' | '.join(GROUPS)} |", f"| --- |{' --- |' * len(GROUPS)}"]
    for name in (*MEASURES, PAUSED_BY_REASON):
        marks = ["✓" if group in groups_of(name) else "" for group in GROUPS]
        lines.append(f"| `{name}` | {' | '.join(marks)} |")
    return "\n".join(lines)


def test_the_documents_say_which_measure_goes_with_which_group() -> None:
    assert matrix() in Path("docs/figures.md").read_text()
