"""Timestamps in and out, and time zones by name."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:([Zz])|([+\- \u2212])(\d\d):?(\d\d))?)?",
    re.ASCII,
)
FIRST_YEAR, LAST_YEAR = 1900, 2200
_USUAL_LENGTH = len("2021-08-01T13:55:06+10:00")
# Found beside the IANA zones on many machines: what the machine is set to, and a mark that it was not set.
_NO_ZONES = frozenset({"localtime", "Factory"})


class TimestampError(ValueError):
    """The text is not a timestamp in one of the forms that the contract takes."""

    def __init__(self) -> None:
        super().__init__("must be a timestamp such as 2021-08-01T13:55:06+10:00, with Z, or without an offset")


class UnknownZone(ValueError):
    """There is no such time zone, or it is none that is taken; the message says what to write."""

    def __init__(self, message: str = "must be an IANA time zone such as Australia/Sydney") -> None:
        super().__init__(message)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) - _NO_ZONES


_zones: dict[str, ZoneInfo] = {}


def zone(name: str) -> ZoneInfo:
    """The zone of a name that was taken before (`rules.zone_names` takes them), also of one that would not be taken
    any more. Raises `UnknownZone`; a hostile name never reaches the file system."""
    known = _zones.get(name)
    if known is None:
        if name not in _names():
            raise UnknownZone
        known = _zones[name] = ZoneInfo(name)
    return known


def parse_timestamp(text: str, at: ZoneInfo) -> datetime:
    """`…Z`, `+10:00`, `+1000`, or without an offset in zone `at`; seconds may be left out, and a date alone is its
    midnight. A space may stand for the `+` (a query decodes it so) or the `T`. A local time that a DST change skips is
    moved on by the gap, one that comes twice is the first (PEP 495, fold=0). Raises `TimestampError`."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise TimestampError
    year, month, day, hour, minute, second, fraction, zulu, sign, off_hours, off_minutes = form.groups()
    if not FIRST_YEAR <= int(year) <= LAST_YEAR:
        raise TimestampError
    try:
        if zulu:
            zoned: timezone | ZoneInfo = UTC
        elif sign:
            # a minus may be the typographic one
            offset = timedelta(hours=int(off_hours), minutes=int(off_minutes))
            if int(off_minutes) > 59 or offset > timedelta(hours=18):
                raise TimestampError
            zoned = timezone(-offset if sign in "-\u2212" else offset)
        else:
            zoned = at
        microsecond = int((fraction or "")[:6].ljust(6, "0"))
        parsed = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), microsecond, zoned
        )
    except ValueError as error:
        raise TimestampError from error
    return parsed.astimezone(UTC)


def parse_last(text: str, at: ZoneInfo) -> datetime:
    """The last moment (to the microsecond) of what a timestamp names as an inclusive bound: of its whole second,
    because answers show whole seconds; of a date alone its whole day in zone `at`. Raises `TimestampError`."""
    found = parse_timestamp(text, at)
    if len(text) == len("2021-08-01"):
        return midnight(date.fromisoformat(text) + timedelta(days=1), at) - timedelta(microseconds=1)
    return found.replace(microsecond=999_999) if found.microsecond == 0 else found


def midnight(day: date, at: ZoneInfo) -> datetime:
    """When a day begins in a zone, in UTC; where a change of the clocks leaves its midnight out, with that change, and
    where one repeats it, with the first."""
    return datetime.combine(day, time(), at).astimezone(UTC)


def day_begun(moment: datetime, at: ZoneInfo) -> datetime:
    """When the day of a moment began in a zone, in UTC."""
    return midnight(moment.astimezone(at).date(), at)


def next_midnight(moment: datetime, at: ZoneInfo) -> datetime:
    """When the next day begins in a zone, in UTC."""
    return midnight(moment.astimezone(at).date() + timedelta(days=1), at)


def local_time(at: datetime, shown_in: ZoneInfo) -> datetime:
    """As it is shown: whole seconds, cut, in the zone."""
    return at.astimezone(shown_in).replace(microsecond=0)


def format_timestamp(at: datetime, shown_in: ZoneInfo) -> str:
    """`2021-08-01T13:55:06+10:00`: whole seconds, cut, with a colon offset. Local mean time, which had seconds in its
    offset, is shown in the offset of whole minutes next to it."""
    local = at.astimezone(shown_in)
    text = local.isoformat(timespec="seconds")
    if len(text) == _USUAL_LENGTH:
        return text
    minutes = round((local.utcoffset() or timedelta()) / timedelta(minutes=1))
    return at.astimezone(timezone(timedelta(minutes=minutes))).isoformat(timespec="seconds")
