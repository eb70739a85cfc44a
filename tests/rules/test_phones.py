"""Phone numbers: the fast path and the library agree, and nothing but a number passes."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callfloor.rules import phones
from callfloor.rules.phones import PhoneError, national_forms, normalise

COUNTRIES = ["AU", "NZ", "GB", "US", "CA", "DE", "IN", "SG", "IE", "FR"]
PLAIN = st.from_regex(r"\A\+?[0-9]{3,15}\Z")
SHAPED = st.one_of(
    st.from_regex(r"\A0[2-478][0-9]{8}\Z"),
    st.from_regex(r"\A0[1-9][0-9]{7,9}\Z"),
    st.from_regex(r"\A1?[2-9][0-9]{2}[2-9][0-9]{6}\Z"),
    st.from_regex(r"\A\+(61|64|44|1|353|49)[0-9]{7,11}\Z"),
)


def by_library(text: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    if not possible or number.extension:
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def ours(text: str, country: str) -> str | None:
    try:
        return normalise(text, country)
    except PhoneError:
        return None


@given(SHAPED | PLAIN, st.sampled_from(COUNTRIES))
@example("0491570156", "AU")
@example("+61491570156", "GB")
@example("+61491570156", "US")
@example("12125550123", "US")
def test_the_fast_path_and_the_library_agree(text: str, country: str) -> None:
    assert ours(text, country) == by_library(text, country)


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("0491 570 006", "AU", "+61491570006"),
        ("(02) 5550 0100", "AU", "+61255500100"),
        ("07700 900123", "GB", "+447700900123"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("0011 44 7700 900123", "AU", "+447700900123"),
        (" +61 491 570 156 ", "GB", "+61491570156"),
    ],
)
def test_numbers_kept_for_fiction_are_taken_in_every_usual_form(text: str, country: str, expected: str) -> None:
    assert normalise(text, country) == expected


@given(st.text(max_size=80), st.sampled_from(COUNTRIES))
@example("0491570156\n", "AU")
@example("+61491570156\n", "AU")
@example("１２３４５６７", "AU")
@example("\x00", "AU")
@example("0491570156 ext 5", "AU")
@example("1300 FLOWERS", "AU")
@example("+" * 64, "AU")
def test_any_text_is_a_number_or_refused_without_being_repeated(text: str, country: str) -> None:
    refusal = None
    try:
        number = normalise(text, country)
    except PhoneError as error:
        refusal = error
    if refusal is not None:
        assert len(text) < 4 or text not in str(refusal)
        assert refusal.code in ("invalid-phone", "phone-too-long")
        return
    assert number.startswith("+")
    assert number[1:].isdigit()
    assert normalise(number, country) == number


def test_the_fast_path_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise AssertionError("the library was asked")

    monkeypatch.setattr(phones, "_library", missing)
    for text, country in (("0491570156", "AU"), ("+61491570156", "GB"), ("2125550123", "US"), ("07700900123", "GB")):
        assert normalise(text, country).startswith("+")


def test_national_forms_are_what_people_write() -> None:
    forms = national_forms("+61491570156", "AU")
    assert {"+61491570156", "61491570156", "0491570156", "0491 570 156"} <= set(forms)
    assert len(forms) == len(set(forms))
