"""How a period is cut into intervals of a zone, whatever its clocks do. Pure.

Everything is counted by quarter-hours of UTC: each zone of today is a multiple of 15 minutes from UTC, Nepal (+05:45)
and the Chatham Islands (+12:45) too, so that each local quarter-hour, hour, day, week and month begins with one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from callfloor.contract.reports import Interval
from callfloor.rules.values.times import midnight

QUARTER = timedelta(minutes=15)
LONGEST = timedelta(days=400)
# A report with more of them says less than several reports.
MOST_INTERVALS = 3_000


class TooManyIntervals(ValueError):
    """The period has more than `MOST_INTERVALS` of them."""


def is_edge(at: datetime) -> bool:
    """Whether a quarter-hour begins at `at`."""
    return (at - datetime(2000, 1, 1, tzinfo=UTC)) % QUARTER == timedelta()


def floor(at: datetime) -> datetime:
    """The beginning of the quarter-hour that a moment lies in."""
    return at - (at - datetime(2000, 1, 1, tzinfo=UTC)) % QUARTER


def edges(begin: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> list[datetime]:
    """Where the intervals of a period begin, in UTC, and at last the period's end. The first and the last are cut to
    the period; weeks begin on Monday. `begin` and `end` are edges of quarter-hours. Raises `TooManyIntervals`."""
    found = [begin]
    if interval != "none":
        for at in _begins(begin, end, interval, zone):
            if begin < at < end:
                found.append(at)
            if len(found) > MOST_INTERVALS:
                raise TooManyIntervals
    return [*found, end]


def hours_of_day(begin: datetime, end: datetime, zone: ZoneInfo) -> tuple[list[datetime], list[int]]:
    """Edges of the period's hours, and which hour of the day in the zone (0 to 23) each of them is. An hour that a
    change of the clocks repeats is counted twice in its hour, one that it leaves out is in none."""
    at = [begin, *(each for each in _hours(begin, end, zone) if begin < each < end), end]
    return at, [each.astimezone(zone).hour for each in at[:-1]]


def _begins(begin: datetime, end: datetime, interval: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    if interval == "quarter-hour":
        at = begin
        while at < end:
            yield at
            at += QUARTER
    elif interval == "hour":
        yield from _hours(begin, end, zone)
    else:
        day = _first(begin.astimezone(zone).date(), interval)
        while (at := midnight(day, zone)) < end:
            yield at
            day = _next(day, interval)


def _hours(begin: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Local hours: where another one begins by the clock on the wall, or the clock is changed within one."""
    at, last = begin, None
    while at < end:
        local = at.astimezone(zone)
        hour = local.date(), local.hour, local.utcoffset()
        if hour != last:
            yield at
        last = hour
        following = at + timedelta(minutes=60 - local.minute)
        at = following if following.astimezone(zone).utcoffset() == local.utcoffset() else at + QUARTER


def _first(day: date, interval: Interval) -> date:
    if interval == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if interval == "week" else day


def _next(day: date, interval: Interval) -> date:
    if interval == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if interval == "week" else 1)
