"""Which parts of a period were counted before, and which are to be counted now. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from callfloor.rules.figures.intervals import QUARTER

DAY = timedelta(days=1)
Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Segments:
    """`kept`: begin, end, minutes of each sum (15, or 1440: whole days of UTC), and which interval; `live`: begins and
    ends of what nobody counted yet, in order."""

    kept: list[tuple[datetime, datetime, int, int]] = field(default_factory=list[tuple[datetime, datetime, int, int]])
    live: list[Span] = field(default_factory=list[Span])

    def keep(self, begin: datetime, end: datetime, grain: int, interval: int) -> None:
        last = self.kept[-1] if self.kept else None
        if last is not None and last[1:] == (begin, grain, interval):
            self.kept[-1] = (last[0], end, grain, interval)
        else:
            self.kept.append((begin, end, grain, interval))

    def count(self, begin: datetime, end: datetime) -> None:
        if self.live and self.live[-1][1] == begin:
            self.live[-1] = (self.live[-1][0], end)
        else:
            self.live.append((begin, end))


def cut(
    edges: Sequence[datetime], counted_until: datetime | None, marked: Sequence[datetime], days: Collection[datetime]
) -> Segments:
    """The intervals between `edges`, in parts. `marked`: quarter-hours to be counted anew, in order; `days`: of UTC, of
    which there are sums; None: nothing was counted yet."""
    found = Segments()
    dirty = {midnight(at) for at in marked}
    for interval, (begin, end) in enumerate(pairwise(edges)):
        at = begin
        while at < end:
            if counted_until is None or at >= counted_until:
                found.count(at, end)
                break
            day = midnight(at)
            if at == day and day + DAY <= min(end, counted_until) and day in days and day not in dirty:
                found.keep(at, day + DAY, 1440, interval)
                at = day + DAY
            else:
                until = min(end, day + DAY, counted_until)
                _quarters(found, at, until, marked, interval)
                at = until
    return found


def _quarters(found: Segments, begin: datetime, end: datetime, marked: Sequence[datetime], interval: int) -> None:
    at = begin
    for mark in marked[bisect_left(marked, begin) : bisect_left(marked, end)]:
        if at < mark:
            found.keep(at, mark, 15, interval)
        found.count(mark, mark + QUARTER)
        at = mark + QUARTER
    if at < end:
        found.keep(at, end, 15, interval)


def midnight(at: datetime) -> datetime:
    """The beginning of a moment's day of UTC."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
