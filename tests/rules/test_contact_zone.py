"""Where a contact may be: never where only the caller is."""

from __future__ import annotations

import phonenumbers
import pytest
from phonenumbers.tzdata import TIMEZONE_DATA  # pyright: ignore[reportMissingTypeStubs]

from callfloor.rules.dialling.contact_zone import contact_zones

BRITAIN = ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London")


@pytest.mark.parametrize(
    ("lead", "number", "zones"),
    [
        # its owner knows where a lead is
        ("Australia/Perth", "+12025550123", ("Australia/Perth",)),
        (None, "+12025550123", ("America/New_York",)),
        (None, "+442079460123", ("Europe/London",)),
        # ranges that the library does not know are in their country
        (None, "+447700900123", BRITAIN),
        (None, "+441632960123", BRITAIN),
        (None, "+33639981234", ("Europe/Paris",)),
        (None, "+353209123456", TIMEZONE_DATA["353"]),
        # satellite phones, international networks and what is no number are nowhere
        *((None, number, ()) for number in ("+881612345678", "+870773111632", "+80012345678", "+883510001234")),
        (None, "not a number", ()),
        (None, None, ("America/Chicago",)),
    ],
)
def test_where_a_contact_may_be(lead: str | None, number: str | None, zones: tuple[str, ...]) -> None:
    assert contact_zones(lead, number, "America/Chicago") == zones


@pytest.mark.parametrize(
    ("number", "some"),
    [
        # mobiles, free and shared-cost numbers, and ranges that nobody knows, may be anywhere in their country
        ("+61491570156", {"Australia/Sydney", "Australia/Perth"}),
        ("+611800160401", {"Australia/Sydney", "Australia/Perth"}),
        ("+61131114", {"Australia/Sydney", "Australia/Perth"}),
        ("+61123456789", {"Australia/Sydney", "Australia/Perth"}),
        ("+18005550123", {"America/New_York", "America/Los_Angeles", "Pacific/Honolulu"}),
        ("+15555550100", {"America/New_York", "America/Los_Angeles", "Pacific/Honolulu"}),
        ("+79161234567", {"Europe/Moscow", "Asia/Kamchatka"}),
        ("+6421123456", {"Pacific/Auckland", "Pacific/Chatham"}),
    ],
)
def test_a_number_without_a_place_is_in_every_zone_of_its_country(number: str, some: set[str]) -> None:
    assert some <= set(contact_zones(None, number, "Europe/London"))


@pytest.mark.parametrize("code", sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
def test_no_number_of_a_country_is_ever_where_the_campaign_is(code: int) -> None:
    """Whatever follows the country code: the zones are the country's, or none are known and it is not called."""
    known = set(TIMEZONE_DATA.get(str(code), ()))
    for rest in ("000000000", "123456789", "5555555555", "90012345"):
        found = contact_zones(None, f"+{code}{rest}", "Antarctica/Troll")
        assert "Antarctica/Troll" not in found
        assert bool(found) == bool(known)
