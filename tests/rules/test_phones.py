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


# A form that the fast path takes in each country, as a pattern of plain digits.
FAST = {
    "AU": r"0[2-478][0-9]{8}",
    "NZ": r"0(?:[34679][0-9]{7}|2[0-9]{7,9})",
    "GB": r"0[1-37][0-9]{9}",
    "US": r"1?[2-9][0-9]{2}[2-9][0-9]{6}",
    "CA": r"1?[2-9][0-9]{2}[2-9][0-9]{6}",
    "IE": r"08[35679][0-9]{7}",
    "IN": r"0?[6-9][0-9]{9}",
    "SG": r"[3689][0-9]{7}",
}


@pytest.mark.parametrize("country", FAST)
@given(st.data())
def test_the_fast_path_of_a_country_needs_no_library_and_agrees_with_it(country: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(FAST[country], fullmatch=True).filter(str.isascii))
    other = data.draw(st.sampled_from(COUNTRIES))
    with pytest.MonkeyPatch.context() as patch:

        def missing() -> None:
            raise AssertionError("the library was asked")

        patch.setattr(phones, "_library", missing)
        number = normalise(text, country)
        assert normalise(number, other) == number
    assert number == by_library(text, country) == by_library(number, other)


def test_national_forms_are_what_people_write() -> None:
    forms = national_forms("+61491570156", "AU")
    assert {"+61491570156", "61491570156", "0491570156", "0491 570 156"} <= set(forms)
    assert len(forms) == len(set(forms))


@pytest.mark.parametrize(
    ("number", "country", "written"),
    [("+12125550123", "CA", "(212) 555-0123"), ("+447700900123", "JE", "07700 900123")],
)
def test_countries_that_share_a_code_share_the_written_form(number: str, country: str, written: str) -> None:
    assert normalise(written, country) == number
    assert written in national_forms(number, country)


def test_the_written_form_of_another_country_is_left_out() -> None:
    assert "0491 570 156" not in national_forms("+61491570156", "GB")
