"""Where an organisation may call, whatever the number: kinds, countries, prefixes, limits."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.contract.destinations import Destinations
from callfloor.rules.dialling.destinations import ANYWHERE, Policy, Spent, allowances, policy_of, used_up
from callfloor.rules.values.number_kinds import ordinary_of, whose

HOME = policy_of(Destinations(), "AU", ())


def reason(policy: Policy, number: str) -> str | None:
    denied = policy.denied(number)
    return None if denied is None else denied.reason


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+61491570156", None),
        ("+61255500200", None),
        ("+611800975711", None),
        # a dollar a second, or half of it
        ("+611900654321", "premium"),
        ("+611300975707", "sharedCost"),
        ("+447012345678", "personal"),
        ("+97912345678", "premium"),
        # satellites, by ITU's codes and by Australia's own
        ("+870773111632", "satellite"),
        ("+881623456789", "satellite"),
        ("+882161234567", "satellite"),
        ("+88362345678", "satellite"),
        ("+61147112345", "satellite"),
        ("+61145123456", "satellite"),
        # countries, also those that hide behind North America's code
        ("+12125550123", "country"),
        ("+18765551234", "country"),
        ("+18095551234", "country"),
        ("+33153010203", "country"),
        ("+447700900123", "country"),
        ("+80012345678", "country"),
        # emergencies
        ("+000", "emergency"),
        ("+61000", "emergency"),
        ("+61112", "emergency"),
        ("+1911", "emergency"),
        ("+44999", "emergency"),
        # what is no number
        ("+", "no-number"),
        ("", "no-number"),
        ("0491570156", "no-number"),
        ("+61491570156;+611900654321", "no-number"),
        ("sip:+611900654321@example.com", "no-number"),
        ("+99999999999999999", "no-number"),
        ("+61199999999", "unknown-range"),
    ],
)
def test_by_default_only_ordinary_and_free_numbers_of_the_own_country_are_called(number: str, why: str | None) -> None:
    assert reason(HOME, number) == why


@pytest.mark.parametrize(
    ("settings", "number", "why"),
    [
        (Destinations(countries=("AU", "NZ")), "+6493001234", None),
        (Destinations(countries=("NZ",)), "+61491570156", "country"),
        (Destinations(prefixes=("+64",)), "+6493001234", None),
        (Destinations(prefixes=("+64",)), "+64900123456", "premium"),
        # who names a part of a country's numbers means these
        (Destinations(prefixes=("+611300",)), "+611300975707", None),
        (Destinations(prefixes=("+611300",)), "+611900654321", "premium"),
        (Destinations(prefixes=("+881",)), "+881623456789", "satellite"),
        (Destinations(costly=("satellite",)), "+881623456789", None),
        (Destinations(costly=("sharedCost",)), "+611300975707", None),
        (Destinations(costly=("sharedCost",)), "+611900654321", "premium"),
        (Destinations(costly=("premium",)), "+64900123456", "country"),
        (Destinations(denied=("+61255",)), "+61255500200", "denied"),
        (Destinations(denied=("+61255",), prefixes=("+61255500",)), "+61255500200", "denied"),
        (Destinations(denied=("+61255",)), "+61491570156", None),
        (Destinations(prefixes=("+61",), costly=("premium",)), "+61000", "emergency"),
    ],
)
def test_the_centre_file_widens_and_narrows_it(settings: Destinations, number: str, why: str | None) -> None:
    assert reason(policy_of(settings, "AU", ()), number) == why


def test_ranges_that_are_not_known_are_called_where_the_organisation_takes_them() -> None:
    assert reason(policy_of(Destinations(), "AU", ("AU",)), "+61199999999") is None
    assert reason(policy_of(Destinations(), "AU", ("NZ",)), "+61199999999") == "unknown-range"


COUNTRIES = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [kind for kind in phonenumbers.PhoneNumberType.values() if kind != phonenumbers.PhoneNumberType.UNKNOWN]


@given(st.sampled_from(COUNTRIES), st.sampled_from(KINDS), st.sets(st.sampled_from(COUNTRIES), max_size=4))
def test_the_short_way_says_what_the_library_says(country: str, kind: int, allowed: set[str]) -> None:
    example = phonenumbers.example_number_for_type(country, kind)
    if example is None:
        return
    number = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    found = whose(number)
    assert found is not None
    matched = ordinary_of(frozenset(allowed)).fullmatch(number) is not None
    if matched:
        assert found.kind == "ordinary"
        assert found.countries & allowed


@given(st.text(alphabet="+0123456789 ;@#*", max_size=20))
def test_nothing_that_is_written_is_called_unless_the_library_knows_it_for_the_own_country(text: str) -> None:
    if HOME.denied(text) is None:
        parsed = phonenumbers.parse(text, None)
        assert phonenumbers.is_valid_number_for_region(parsed, "AU")
        assert phonenumbers.number_type(parsed) not in (
            phonenumbers.PhoneNumberType.PREMIUM_RATE,
            phonenumbers.PhoneNumberType.SHARED_COST,
        )


def test_what_is_said_has_no_number_in_it() -> None:
    for number in ("+611900654321", "+12125550123", "+61199999999", "+881623456789"):
        denied = HOME.denied(number)
        assert denied is not None
        assert not any(part in denied.detail for part in (number, number[1:], number[3:]))


@pytest.mark.parametrize(
    ("whole", "agent", "why"),
    [
        (Spent(9, 99.9), Spent(4, 9.9), None),
        (Spent(10, 0), Spent(0, 0), "calls-per-day"),
        (Spent(0, 100), Spent(0, 0), "minutes-per-day"),
        (Spent(5, 0), Spent(5, 0), "agent-calls-per-day"),
        (Spent(5, 12), Spent(1, 12), "agent-minutes-per-day"),
        # the dialler has no limit of an agent's
        (Spent(9, 99), None, None),
    ],
)
def test_a_limit_that_is_used_up_ends_the_day(whole: Spent, agent: Spent | None, why: str | None) -> None:
    limits = Destinations(calls_per_day=10, minutes_per_day=100, agent_calls_per_day=5, agent_minutes_per_day=10)
    denied = used_up(allowances(limits, whole, agent))
    assert (None if denied is None else denied.reason) == why


def test_a_limit_of_nothing_lets_nothing_through() -> None:
    denied = used_up(allowances(Destinations(calls_per_day=0), Spent(), None))
    assert denied is not None
    assert denied.reason == "calls-per-day"


def test_a_simulated_floor_calls_anywhere() -> None:
    assert ANYWHERE.denied("+12125550123") is None
