from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callfloor import regimes
from callfloor.regimes import regime, regime_of
from callfloor.rules.dialling.holidays import UnknownCalendarError, check_calendar, has_calendar, is_holiday
from callfloor.rules.dialling.hours import is_open
from callfloor.rules.dialling.regimes import RegimeError, parse_regime

GOOD: dict[str, Any] = {
    "name": "XX",
    "contactHours": {"monday": ["09:00-20:00"]},
    "closedOnHolidays": True,
    "abandonmentCap": 0.03,
    "abandonmentWindowDays": 30,
    "graceSeconds": 2,
    "minimumRingSeconds": 15,
    "abandonedRestHours": 72,
}


def test_the_regimes_say_what_the_law_says() -> None:
    """FTC 16 CFR 310.4 and FCC 64.1200; Ofcom's policy of 2016; ACMA's industry standard of 2017."""
    us, gb, au = regime("US"), regime("GB"), regime("AU")
    assert (us.abandonment_cap, us.window, us.grace_s) == (0.03, timedelta(days=30), 2.0)
    sydney, new_york = ZoneInfo("Australia/Sydney"), ZoneInfo("America/New_York")
    for hour, allowed in ((7, False), (8, True), (20, True), (21, False)):
        assert is_open(us.hours, new_york, datetime(2026, 11, 22, hour, 30, tzinfo=new_york), None) is allowed
    assert gb.abandoned_rest == timedelta(hours=72)
    for day, hour, allowed in ((20, 9, True), (20, 20, False), (21, 16, True), (21, 17, False), (22, 12, False)):
        # a Friday, a Saturday, a Sunday
        assert is_open(au.hours, sydney, datetime(2026, 11, day, hour, 30, tzinfo=sydney), None) is allowed
    assert au.closed_on_holidays


def test_an_organisation_has_its_country_s_regime_or_the_general_one() -> None:
    assert regimes.names() == ("AU", "GB", "US", "none")
    assert regime_of(None, "AU") is regime("AU")
    assert regime_of("US", "AU") is regime("US")
    assert regime_of(None, "NZ") is regime("none")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"colour": 1}, "colour is not known"),
        ({"name": 3}, "name must be a string"),
        ({"abandonmentCap": 1.5}, "abandonmentCap must be a number from 0 to 1"),
        ({"abandonmentCap": True}, "abandonmentCap must be a number"),
        ({"closedOnHolidays": "yes"}, "closedOnHolidays must be true or false"),
        ({"contactHours": {"moonday": ["09:00-20:00"]}}, "contactHours: "),
    ],
)
def test_a_wrong_regime_file_says_what_is_wrong(change: dict[str, Any], said: str) -> None:
    assert parse_regime(GOOD).abandoned_rest == timedelta(hours=72)
    with pytest.raises(RegimeError, match=said):
        parse_regime(GOOD | change)
    with pytest.raises(RegimeError, match="graceSeconds is missing"):
        parse_regime({key: value for key, value in GOOD.items() if key != "graceSeconds"})


def test_public_holidays_of_a_country_and_of_a_part_of_it() -> None:
    assert is_holiday("AU", date(2026, 12, 25))
    assert not is_holiday("AU", date(2026, 11, 3))
    # Melbourne Cup Day
    assert is_holiday("AU-VIC", date(2026, 11, 3))
    assert has_calendar("GB")
    assert not has_calendar("Atlantis")
    for region, said in (("Atlantis", "no calendar"), ("AU-XX", "AU has no part")):
        with pytest.raises(UnknownCalendarError, match=said):
            check_calendar(region)


def test_a_window_that_begins_on_a_holiday_is_closed_to_its_end() -> None:
    hours = regime("none").hours
    eve = datetime(2026, 12, 24, 23, 59, tzinfo=UTC)
    zone = ZoneInfo("UTC")
    assert is_open(hours, zone, eve, "GB")
    assert not is_open(hours, zone, eve + timedelta(minutes=1), "GB")
