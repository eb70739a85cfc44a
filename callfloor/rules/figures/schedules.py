"""When a saved report is sent, and which days it is about. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from callfloor.contract.reports import Period
from callfloor.contract.saved_reports import Schedule
from callfloor.rules.values.times import midnight

DAY = timedelta(days=1)


def next_due(schedule: Schedule, after: datetime, zone: ZoneInfo) -> datetime:
    """The first moment after `after`, in UTC. A time that the clocks leave out is moved on by as much, one that they
    show twice is the first."""
    hour, minute = map(int, schedule.time.split(":"))
    day = after.astimezone(zone).date()
    while True:
        at = datetime.combine(day, time(hour, minute), zone).astimezone(UTC)
        if at > after and _is_of(schedule, day):
            return at
        day += DAY


def _is_of(schedule: Schedule, day: date) -> bool:
    match schedule.every:
        case "day":
            return True
        case "week":
            return day.isoweekday() == (schedule.weekday or 1)
        case "month":
            return day.day == (schedule.day or 1)


def days_of(period: Period, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Beginning and end of a period, seen from a moment, in UTC."""
    first, last = _dates(period, at.astimezone(zone).date())
    return midnight(first, zone), midnight(last, zone)


def _dates(period: Period, today: date) -> tuple[date, date]:
    """First day, and the day after the last one."""
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    match period:
        case "today":
            return today, today + DAY
        case "yesterday":
            return today - DAY, today
        case "last7Days":
            return today - 7 * DAY, today
        case "last30Days":
            return today - 30 * DAY, today
        case "thisWeek":
            return monday, monday + 7 * DAY
        case "lastWeek":
            return monday - 7 * DAY, monday
        case "thisMonth":
            return first, (first + 31 * DAY).replace(day=1)
        case "lastMonth":
            return (first - DAY).replace(day=1), first
