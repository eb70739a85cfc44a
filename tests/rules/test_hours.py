"""Calling hours against a model that looks at every minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callfloor.rules.dialling.hours import (
    DAY,
    WEEKDAYS,
    Hours,
    HoursError,
    beyond,
    clip,
    format_hours,
    is_open,
    next_all_open,
    next_open,
    parse_hours,
)

MINUTE = timedelta(minutes=1)
ZONES = [
    "Australia/Sydney", "Australia/Lord_Howe", "Europe/London", "America/New_York", "Pacific/Apia", "America/St_Johns",
    "UTC",
]  # fmt: skip
# days around clock changes and a leap day, the day that Apia skipped, and St. John's putting its clock back over
# midnight
MOMENTS = [
    "2024-10-05T12:00", "2024-04-06T12:00", "2024-03-30T20:00", "2024-10-26T20:00", "2024-03-09T20:00",
    "2024-11-02T20:00", "2011-12-29T08:00", "2024-02-28T20:00", "2024-12-31T12:00",
    "2010-11-06T18:00",
]  # fmt: skip


def _window(start: int, end: int) -> tuple[int, int]:
    return (start, end if end != start else start + 1)


windows = st.builds(_window, st.integers(0, DAY - 1), st.integers(0, DAY))
hours = st.builds(
    lambda days: Hours(tuple(tuple(day) for day in days)),
    st.lists(st.lists(windows, max_size=2), min_size=7, max_size=7),
)
moments = st.builds(
    lambda text, minutes: datetime.fromisoformat(text).replace(tzinfo=UTC) + minutes * MINUTE,
    st.sampled_from(MOMENTS),
    st.integers(0, 2 * DAY),
)


def model(of: Hours, zone: ZoneInfo, at: datetime) -> bool:
    """The wall clock alone decides: a minute of the week is open when a window covers it."""
    local = at.astimezone(zone)
    week = 7 * DAY
    now = local.weekday() * DAY + local.hour * 60 + local.minute
    for weekday, day in enumerate(of.days):
        for start, end in day:
            length = end - start if end > start else end - start + DAY
            if (now - (weekday * DAY + start)) % week < length:
                return True
    return False


@given(hours, st.sampled_from(ZONES).map(ZoneInfo), moments)
def test_open_is_what_the_wall_clock_says(of: Hours, zone: ZoneInfo, at: datetime) -> None:
    assert is_open(of, zone, at) == model(of, zone, at)


@given(hours, st.sampled_from(ZONES).map(ZoneInfo), moments)
@example(parse_hours({"sunday": ["02:15-02:45"]}), ZoneInfo("Australia/Sydney"), datetime(2024, 10, 5, 12, tzinfo=UTC))
@example(parse_hours({"sunday": ["01:30-02:30"]}), ZoneInfo("Europe/London"), datetime(2024, 10, 27, 0, 31, tzinfo=UTC))
@example(
    parse_hours({"friday": ["22:45-24:00"], "saturday": ["13:45-00:31"]}),
    ZoneInfo("Pacific/Apia"),
    datetime(2011, 12, 30, 12, 23, tzinfo=UTC),
)
@example(
    parse_hours({"saturday": ["23:30-23:59"], "sunday": ["00:00-00:30"]}),
    ZoneInfo("America/St_Johns"),
    datetime(2010, 11, 7, 2, 29, 30, tzinfo=UTC),
)
def test_the_next_opening_is_the_first(of: Hours, zone: ZoneInfo, at: datetime) -> None:
    found = next_open(of, zone, at)
    if found is None:
        probe = at
        for _ in range(8 * DAY):
            assert not is_open(of, zone, probe)
            probe += MINUTE
        return
    assert found >= at
    assert is_open(of, zone, found)
    probe = at
    while probe < found:
        assert not is_open(of, zone, probe)
        probe += MINUTE


@given(hours, hours, moments)
def test_the_next_common_opening_is_open_in_both_and_none_is_before(left: Hours, right: Hours, at: datetime) -> None:
    both = ((left, ZoneInfo("Australia/Sydney"), None), (right, ZoneInfo("Australia/Perth"), None))
    found = next_all_open(both, at, horizon_days=9)
    probe = at
    for _ in range(8 * DAY):
        if found is not None and probe >= found:
            break
        assert not all(is_open(of, zone, probe) for of, zone, _ in both)
        probe += MINUTE
    assert found is None or all(is_open(of, zone, found) for of, zone, _ in both)


@given(hours)
def test_hours_are_written_as_they_are_read(of: Hours) -> None:
    assert parse_hours(format_hours(of)) == of


@pytest.mark.parametrize(
    "mapping",
    [{"moonday": ["09:00-17:00"]}, {"monday": ["9-17"]}, {"monday": ["09:00-09:00"]}, {"monday": ["24:00-25:00"]},
     {"monday": ["09:60-10:00"]}, {"monday": ["09:00–17:00"]}, {"sunday": [""]}],
)  # fmt: skip
def test_what_cannot_be_read_is_named(mapping: dict[str, list[str]]) -> None:
    with pytest.raises(HoursError, match=r"day"):
        parse_hours(mapping)


def test_every_weekday_has_its_place() -> None:
    of = parse_hours({day: ["09:00-17:00"] for day in WEEKDAYS[:5]})
    monday = datetime(2024, 7, 1, 9, 0, tzinfo=ZoneInfo("Australia/Sydney"))
    assert [is_open(of, ZoneInfo("Australia/Sydney"), monday + timedelta(days=n)) for n in range(7)] == [True] * 5 + [
        False
    ] * 2


def open_minutes(of: Hours) -> set[int]:
    """Of a week without clock changes."""
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    return {n for n in range(7 * DAY) if of.open_at(monday + n * MINUTE)}


@settings(max_examples=25)
@given(hours, hours)
def test_clipped_hours_are_what_both_have_open(wide: Hours, limit: Hours) -> None:
    assert open_minutes(clip(wide, limit)) == open_minutes(wide) & open_minutes(limit)


@settings(max_examples=25)
@given(hours, hours)
def test_hours_go_beyond_a_limit_on_the_days_that_have_a_minute_more(wide: Hours, limit: Hours) -> None:
    more = open_minutes(wide) - open_minutes(limit)
    assert beyond(wide, limit) == [WEEKDAYS[day] for day in sorted({minute // DAY for minute in more})]


def test_hours_are_always_open_when_no_minute_of_the_week_is_left_out() -> None:
    assert parse_hours({key: ["00:00-12:00", "12:00-24:00"] for key in WEEKDAYS}).always
    assert parse_hours({key: ["08:00-07:00", "06:00-09:00"] for key in WEEKDAYS}).always
    assert not parse_hours({key: ["00:00-23:59"] for key in WEEKDAYS}).always
