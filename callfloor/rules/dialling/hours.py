"""Calling hours: windows of local wall-clock time by weekday, right on both shifts of daylight saving time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from callfloor.rules.dialling.holidays import is_holiday
from callfloor.rules.values.times import midnight

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAY = 24 * 60
_WINDOW = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24:00))", re.ASCII)


class HoursError(ValueError):
    """Calling hours that cannot be read; the message names the day and the text."""


@dataclass(frozen=True, slots=True)
class Hours:
    """For each weekday, Monday first, windows (start, end) in minutes after midnight. An end that is not later than
    its start lies in the next day."""

    days: tuple[tuple[tuple[int, int], ...], ...]

    def open_at(self, local: datetime, closed: Callable[[date], bool] = lambda _: False) -> bool:
        """Whether a local wall-clock time lies in a window (start included, end not) of a day that is not closed."""
        minute = local.hour * 60 + local.minute
        day = local.weekday()
        for start, end in self.days[day]:
            if (start <= minute < end or end <= start <= minute) and not closed(local.date()):
                return True
        for start, end in self.days[day - 1]:
            if end <= start and minute < end and not closed(local.date() - timedelta(days=1)):
                return True
        return False

    @property
    def always(self) -> bool:
        """Whether every minute of the week lies in a window."""
        return _week(self) == [(0, 7 * DAY)]


def _week(hours: Hours) -> list[tuple[int, int]]:
    """The windows as minutes after Monday 00:00: in order, apart from one another, none over the week's end."""
    spans: list[tuple[int, int]] = []
    for day, windows in enumerate(hours.days):
        for start, end in windows:
            first, last = day * DAY + start, day * DAY + end + (DAY if end <= start else 0)
            spans += [(first, min(last, 7 * DAY)), (0, last - 7 * DAY)] if last > 7 * DAY else [(first, last)]
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def clip(hours: Hours, within: Hours) -> Hours:
    """What of the hours lies inside others."""
    if within.always:
        return hours
    days: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    for start, end in _week(hours):
        for least, most in _week(within):
            first, last = max(start, least), min(end, most)
            for day in range(first // DAY, (last - 1) // DAY + 1 if first < last else 0):
                days[day].append((max(first - day * DAY, 0), min(last - day * DAY, DAY)))
    return Hours(tuple(map(tuple, days)))


def beyond(hours: Hours, limit: Hours) -> list[str]:
    """The weekdays on which the hours are wider than a limit, Monday first; a window that ends on the next day counts
    for both."""
    inside = _week(limit)
    wider = [
        minute
        for start, end in _week(hours)
        for minute in range(start, end)
        if not any(least <= minute < most for least, most in inside)
    ]
    return [WEEKDAYS[day] for day in sorted({minute // DAY for minute in wider})]


def parse_hours(mapping: Mapping[str, Sequence[str]]) -> Hours:
    """Hours from `{"monday": ["09:00-12:00", "13:00-20:00"]}`; a day that is absent has none. Raises `HoursError`."""
    unknown = [day for day in mapping if day not in WEEKDAYS]
    if unknown:
        raise HoursError(f"{unknown[0][:40]!r} is not a weekday: use {', '.join(WEEKDAYS)}")
    return Hours(tuple(tuple(_window(day, text) for text in mapping.get(day, ())) for day in WEEKDAYS))


def _window(day: str, text: str) -> tuple[int, int]:
    form = _WINDOW.fullmatch(text)
    if form is None:
        raise HoursError(f"{day}: {text[:40]!r} is not a window such as 09:00-20:00")
    start = int(form[1]) * 60 + int(form[2])
    end = DAY if form[5] else int(form[3]) * 60 + int(form[4])
    if start == end:
        raise HoursError(f"{day}: {text!r} is empty; write 00:00-24:00 for the whole day")
    return start, end


def format_hours(hours: Hours) -> dict[str, list[str]]:
    """The reverse of `parse_hours`; days without windows are left out."""
    return {
        day: [f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}" for start, end in windows]
        for day, windows in zip(WEEKDAYS, hours.days, strict=True)
        if windows
    }


def is_open(hours: Hours, zone: ZoneInfo, at: datetime, holidays: str | None = None) -> bool:
    """Whether the hours, in the zone, allow a call at this instant. `holidays`: whose are kept free (`rules.holidays`);
    neither they nor what is left of a window that began on one are open."""
    local = at.astimezone(zone)
    if not hours.open_at(local):
        return False
    if holidays is None:
        return True
    return not is_holiday(holidays, local.date()) and hours.open_at(local, lambda day: is_holiday(holidays, day))


def next_open(hours: Hours, zone: ZoneInfo, at: datetime, holidays: str | None = None) -> datetime | None:
    """The first instant not before `at` (UTC) that is open; None when there is none within some weeks."""
    if is_open(hours, zone, at, holidays):
        return at.astimezone(UTC)
    # a zone may skip a whole day (Pacific/Apia, 2011), so one more week than seven days is looked at; hours of one day
    # a week may lie on holidays three weeks in a row
    first = at.astimezone(zone).date() - timedelta(days=1)
    found: datetime | None = None
    for offset in range(16 if holidays is None else 37):
        openings = {i for i in _openings(hours, zone, first + timedelta(days=offset)) if i >= at}
        if found is not None:
            # a clock put back over midnight (America/St_Johns) shows the end of a day after the start of the next
            openings = {i for i in openings if i < found}
        earliest = next((i for i in sorted(openings) if is_open(hours, zone, i, holidays)), None)
        if found is not None:
            return earliest or found
        found = earliest
    return found


def _openings(hours: Hours, zone: ZoneInfo, day: date) -> Iterator[datetime]:
    """Instants of a local day at which hours may open: starts of windows (twice when the clock shows them twice, not
    at all when it skips them), and the moment at which the clock is changed."""
    for start, _ in hours.days[day.weekday()]:
        wall = datetime.combine(day, time(start // 60, start % 60))
        for fold in (0, 1):
            instant = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
            if instant.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
                yield instant
    yield from _clock_changes(zone, midnight(day, zone), midnight(day + timedelta(days=1), zone))


def _clock_changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """The instant between two at which the zone's offset changes, to the second; none or one."""

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(zone).utcoffset()

    if offset(start) == offset(end):
        return
    low, high = start, end
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if offset(middle) == offset(start) else (low, middle)
    yield high.replace(microsecond=0)


def next_all_open(
    windows: Sequence[tuple[Hours, ZoneInfo, str | None]], at: datetime, horizon_days: int = 35
) -> datetime | None:
    """The first instant not before `at` (UTC) at which all are open; None when there is none within the horizon."""
    instant, last = at.astimezone(UTC), at + timedelta(days=horizon_days)
    while instant <= last:
        latest = instant
        for hours, zone, holidays in windows:
            opening = next_open(hours, zone, latest, holidays)
            if opening is None:
                return None
            latest = max(latest, opening)
        if latest == instant:
            return instant
        instant = latest
    return None
