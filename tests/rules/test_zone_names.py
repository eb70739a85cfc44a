"""Zones as people write them: places are taken, and for the rest a place of the organisation's country is offered."""

from __future__ import annotations

import contextlib
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.values.times import UnknownZone, zone
from callfloor.rules.values.zone_names import given_zone

NO_PLACES = sorted(
    name for name in available_timezones() - {"localtime", "Factory"} if "/" not in name or name.startswith("Etc/")
)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Australia/Sydney", "Australia/Sydney"),
        (" Europe/London\t", "Europe/London"),
        ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("Asia/Calcutta", "Asia/Calcutta"),
        ("US/Eastern", "US/Eastern"),
    ],
)
def test_the_zone_of_a_place_is_taken(written: str, name: str) -> None:
    assert given_zone(written, "AU") == name


@pytest.mark.parametrize("name", NO_PLACES)
def test_what_is_no_place_is_refused_with_a_place_of_the_country(name: str) -> None:
    for country, area in (("AU", "Australia/"), ("US", ("America/", "Pacific/")), ("GB", "Europe/London")):
        with pytest.raises(UnknownZone) as refused:
            given_zone(name, country)
        offered = str(refused.value).removesuffix("?").rsplit(" ", 1)[1]
        assert given_zone(offered, country) == offered
        if name.upper() in ("EST", "MST", "HST", "GMT", "UTC", "ZULU") or name.startswith("Etc/"):
            assert offered.startswith(area)


@pytest.mark.parametrize(
    ("written", "country", "what", "offered"),
    [
        ("AEST", "AU", "abbreviation", "Australia/Sydney"),
        ("aest", "AU", "abbreviation", "Australia/Sydney"),
        ("EST", "AU", "abbreviation", "Australia/Sydney"),
        ("ACST", "AU", "abbreviation", "Australia/Adelaide"),
        ("AWST", "AU", "abbreviation", "Australia/Perth"),
        ("EST", "US", "abbreviation", "America/New_York"),
        ("PST8PDT", "US", "abbreviation", "America/Los_Angeles"),
        ("Pacific Standard Time", "US", "abbreviation", "America/Los_Angeles"),
        ("CET", "DE", "abbreviation", "Europe/Berlin"),
        ("IST", "IN", "abbreviation", "Asia/Kolkata"),
        ("AEST", "GB", "abbreviation", "Europe/London"),
        ("Etc/GMT-10", "AU", "fixed offset", "Australia/Sydney"),
        ("Etc/GMT+5", "US", "fixed offset", "America/New_York"),
        ("UTC+8", "AU", "fixed offset", "Australia/Perth"),
        ("+09:30", "AU", "fixed offset", "Australia/Adelaide"),
        ("GMT", "GB", "fixed offset", "Europe/London"),
        ("UTC", "NZ", "fixed offset", "Pacific/Auckland"),
        ("Sydney", "AU", "did you mean", "Australia/Sydney"),
        ("Australia/Sidney", "AU", "did you mean", "Australia/Sydney"),
        ("new york", "AU", "did you mean", "America/New_York"),
        ("Mars/Olympus", "AU", "such as", "Australia/Sydney"),
        ("../../etc/passwd", "", "such as", "Australia/Sydney"),
    ],
)
def test_the_message_says_what_it_is_and_what_to_write(written: str, country: str, what: str, offered: str) -> None:
    with pytest.raises(UnknownZone, match=what) as refused:
        given_zone(written, country)
    assert str(refused.value).removesuffix("?").endswith(f" {offered}")


@given(st.text(max_size=70), st.sampled_from(["AU", "US", "", "ZZ"]))
def test_any_text_is_a_zone_or_refused(text: str, country: str) -> None:
    with contextlib.suppress(UnknownZone):
        assert zone(given_zone(text, country)).key
