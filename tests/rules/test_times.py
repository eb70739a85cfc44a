"""Timestamps in every form of the contract, and no other; zones by name only."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callfloor.rules.values.times import (
    TimestampError,
    UnknownZone,
    day_begun,
    format_timestamp,
    midnight,
    next_midnight,
    parse_last,
    parse_timestamp,
    zone,
)

SYDNEY = ZoneInfo("Australia/Sydney")
ZONES = st.sampled_from(
    ["Australia/Sydney", "Australia/Lord_Howe", "Europe/London", "America/New_York", "Asia/Kathmandu", "UTC"]
).map(ZoneInfo)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-08-01T13:55:06Z", "2021-08-01T13:55:06+00:00"),
        ("2021-08-01T13:55:06+10:00", "2021-08-01T03:55:06+00:00"),
        ("2021-08-01T13:55:06+1000", "2021-08-01T03:55:06+00:00"),
        ("2021-08-01T13:55:06 10:00", "2021-08-01T03:55:06+00:00"),
        ("2021-08-01 13:55:06-03:30", "2021-08-01T17:25:06+00:00"),
        ("2021-08-01T13:55:06", "2021-08-01T03:55:06+00:00"),
        ("2021-08-01T13:55:06.123456789Z", "2021-08-01T13:55:06.123456+00:00"),
        ("2021-08-01", "2021-07-31T14:00:00+00:00"),
        ("2021-08-01T13:55", "2021-08-01T03:55:00+00:00"),
        ("2021-08-01 13:55", "2021-08-01T03:55:00+00:00"),
        ("2021-08-01T13:55Z", "2021-08-01T13:55:00+00:00"),
        ("2021-08-01t13:55z", "2021-08-01T13:55:00+00:00"),
        ("2021-08-01T13:55+10:00", "2021-08-01T03:55:00+00:00"),
        ("2021-08-01T13:55 1000", "2021-08-01T03:55:00+00:00"),
        ("2021-08-01T13:55:06,5\u221203:30", "2021-08-01T17:25:06.500000+00:00"),
        # skipped by the clock change of 2021-10-03 at 02:00, and shown twice on 2021-04-04
        ("2021-10-03T02:30:00", "2021-10-02T16:30:00+00:00"),
        ("2021-04-04T02:30:00", "2021-04-03T15:30:00+00:00"),
    ],
)
def test_each_form_of_the_contract_is_read(text: str, expected: str) -> None:
    assert parse_timestamp(text, SYDNEY).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    ["", "now", "2021-13-01", "2021-02-29", "2021-08-01T24:00:00", "2021-08-01T13:55:60Z", "2021-08-01T13Z",
     "1899-12-31", "2201-01-01", "0001-01-01T00:00:00Z", "2021-08-01T13:55:06+25:00", "2021-08-01T13:55:06+10:75",
     "2021-08-01T13:55:06Z ", "٢٠٢١-08-01", "2021-08-01T13:55:06.Z", "2021-08-01\n"],
)  # fmt: skip
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(TimestampError):
        parse_timestamp(text, SYDNEY)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2021-08-01", "2021-08-01T13:59:59.999999+00:00"),
        # days of 25 and 23 hours
        ("2021-04-04", "2021-04-04T13:59:59.999999+00:00"),
        ("2021-10-03", "2021-10-03T12:59:59.999999+00:00"),
        ("2021-08-01T13:55", "2021-08-01T03:55:00.999999+00:00"),
        ("2021-08-01T13:55:06Z", "2021-08-01T13:55:06.999999+00:00"),
        ("2021-08-01T13:55:06.25Z", "2021-08-01T13:55:06.250000+00:00"),
        ("2021-07-31T00:00:00", "2021-07-30T14:00:00.999999+00:00"),
    ],
)
def test_the_last_moment_of_a_bound_is_that_of_its_second_or_its_day(text: str, last: str) -> None:
    assert parse_last(text, SYDNEY).isoformat() == last


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]{5,15}[Z+ -]?[0-9:]{0,6}"), ZONES)
@example("2200-12-31T23:59:59-18:00", ZoneInfo("UTC"))
def test_no_text_raises_anything_else(text: str, at: ZoneInfo) -> None:
    with contextlib.suppress(TimestampError):
        assert parse_timestamp(text, at).tzinfo is UTC


@given(MOMENTS, ZONES, ZONES)
def test_what_is_shown_is_read_back_to_the_second(at: datetime, shown_in: ZoneInfo, other: ZoneInfo) -> None:
    text = format_timestamp(at, shown_in)
    assert len(text) == 25
    assert parse_timestamp(text, other) == at.replace(microsecond=0)
    assert parse_timestamp(text.replace("+", " "), other) == at.replace(microsecond=0)
    assert abs(at.astimezone(shown_in).utcoffset() or timedelta()) < timedelta(hours=18)


LONG_AGO = st.datetimes(datetime(1901, 1, 1), datetime(1975, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(LONG_AGO, st.sampled_from(["Asia/Kathmandu", "Africa/Monrovia", "Europe/Amsterdam", "Asia/Kolkata"]))
@example(datetime(1960, 1, 1, tzinfo=UTC), "Africa/Monrovia")
@example(datetime(1905, 1, 1, tzinfo=UTC), "Asia/Kathmandu")
def test_local_mean_time_is_shown_in_a_form_that_is_read_back(at: datetime, name: str) -> None:
    text = format_timestamp(at, zone(name))
    assert len(text) == 25
    assert parse_timestamp(text, zone("UTC")) == at.replace(microsecond=0)


@pytest.mark.parametrize("name", ["localtime", "Factory"])
def test_what_the_machine_is_set_to_is_no_zone(name: str) -> None:
    with pytest.raises(UnknownZone):
        zone(name)


@given(st.text(max_size=60))
@example("../../etc/passwd")
@example("/etc/localtime")
@example("x" * 10_000)
@example("Australia/Sydney\x00")
@example("\ud800")
@example("")
def test_a_zone_is_known_or_refused(name: str) -> None:
    with contextlib.suppress(UnknownZone):
        assert zone(name).key == name


@given(
    st.integers(-600_000_000, 4_000_000_000),
    st.sampled_from(["America/Havana", "Africa/Cairo", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_every_moment_lies_in_the_day_of_its_date(seconds: int, name: str) -> None:
    """Where midnights are left out, come twice, or whole days are skipped, too."""
    moment, at = datetime.fromtimestamp(seconds, UTC), ZoneInfo(name)
    begun, following = day_begun(moment, at), next_midnight(moment, at)
    assert begun <= moment < following
    assert begun == midnight(moment.astimezone(at).date(), at)
    assert (begun - timedelta(microseconds=1)).astimezone(at).date() < moment.astimezone(at).date()
