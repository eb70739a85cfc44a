"""Which parts of a period were counted before, and which are to be counted now. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from callfloor.rules.figures.intervals import QUARTER

# Minutes that a sum is of: a quarter-hour, or a day, which may have 23 or 25 hours.
OF_QUARTER, OF_DAY = 15, 1440
Span = tuple[datetime, datetime]


@dataclass(slots=True)
class Segments:
    """`kept`: first and end of where sums begin, minutes of each (`OF_QUARTER`, `OF_DAY`), and which interval; `live`:
    begins and ends of what nobody counted yet, in order."""

    kept: list[tuple[datetime, datetime, int, int]] = field(default_factory=list[tuple[datetime, datetime, int, int]])
    live: list[Span] = field(default_factory=list[Span])

    def keep_quarters(self, begin: datetime, end: datetime, interval: int) -> None:
        last = self.kept[-1] if self.kept else None
        if last is not None and last[1:] == (begin, OF_QUARTER, interval):
            self.kept[-1] = (last[0], end, OF_QUARTER, interval)
        else:
            self.kept.append((begin, end, OF_QUARTER, interval))

    def keep_day(self, begin: datetime, interval: int) -> None:
        # one by one: days of another zone may begin between them
        self.kept.append((begin, begin + QUARTER, OF_DAY, interval))

    def count(self, begin: datetime, end: datetime) -> None:
        if self.live and self.live[-1][1] == begin:
            self.live[-1] = (self.live[-1][0], end)
        else:
            self.live.append((begin, end))


def cut(
    edges: Sequence[datetime],
    counted_until: datetime | None,
    marked: Sequence[datetime],
    days: Mapping[datetime, datetime],
) -> Segments:
    """The intervals between `edges`, in parts. `marked`: quarter-hours to be counted anew, in order; `days`: of which
    there are sums, with their ends, of whatever zones; None: nothing was counted yet."""
    found = Segments()
    begins = sorted(days)
    for interval, (begin, end) in enumerate(pairwise(edges)):
        at = begin
        while at < end:
            if counted_until is None or at >= counted_until:
                found.count(at, end)
                break
            last = min(end, counted_until)
            until = days.get(at)
            if until is not None and until <= last and bisect_left(marked, at) == bisect_left(marked, until):
                found.keep_day(at, interval)
                at = until
            else:
                following = bisect_right(begins, at)
                until = min(last, begins[following]) if following < len(begins) else last
                _quarters(found, at, until, marked, interval)
                at = until
    return found


def undivided(days: Mapping[datetime, datetime], at: Sequence[datetime]) -> dict[datetime, datetime]:
    """The days within which none of these moments, in order, lies."""
    return {begin: end for begin, end in days.items() if bisect_right(at, begin) == bisect_left(at, end)}


def _quarters(found: Segments, begin: datetime, end: datetime, marked: Sequence[datetime], interval: int) -> None:
    at = begin
    for mark in marked[bisect_left(marked, begin) : bisect_left(marked, end)]:
        if at < mark:
            found.keep_quarters(at, mark, interval)
        found.count(mark, mark + QUARTER)
        at = mark + QUARTER
    if at < end:
        found.keep_quarters(at, end, interval)
