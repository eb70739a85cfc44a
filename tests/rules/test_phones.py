"""Phone numbers: whatever is taken is a number that exists, and whatever is refused is told why."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from callfloor.rules.values import phones
from callfloor.rules.values.phones import PhoneError, is_known, national_forms, normalise

COUNTRIES = [
    "AU",
    "NZ",
    "GB",
    "IE",
    "US",
    "CA",
    "DE",
    "FR",
    "IT",
    "ES",
    "PT",
    "NL",
    "BE",
    "CH",
    "AT",
    "SE",
    "NO",
    "DK",
    "FI",
    "PL",
    "IN",
    "SG",
    "HK",
    "JP",
    "KR",
    "BR",
    "MX",
    "AR",
    "ZA",
    "RU",
]
EVERYWHERE = sorted(phonenumbers.SUPPORTED_REGIONS)
# National forms whose first digits are not those of the number that is dialled: Argentine mobiles have a 15 in the
# middle, and a Brazilian one names a carrier.
KINDS = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
PLAIN = st.from_regex(r"\A\+?[0-9]{3,15}\Z")
SHAPED = st.one_of(
    st.from_regex(r"\A0[2-478][0-9]{8}\Z"),
    st.from_regex(r"\A0[1-9][0-9]{7,9}\Z"),
    st.from_regex(r"\A1?[2-9][0-9]{2}[2-9][0-9]{6}\Z"),
    st.from_regex(r"\A\+(1|7|31|33|34|39|44|45|46|47|48|49|52|54|55|61|64|65|81|82|91|353|358|852)[0-9]{7,11}\Z"),
)


def ours(text: str, country: str, new_ranges: tuple[str, ...] = ()) -> str | None:
    try:
        return normalise(text, country, new_ranges)
    except PhoneError:
        return None


def refusal(text: str, country: str) -> str:
    with pytest.raises(PhoneError) as found:
        normalise(text, country)
    return str(found.value)


def in_the_way_of_the_library(text: str, country: str) -> str | None:
    """Without the patterns of plain forms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phones, "_plain", lambda *_: None)
        return ours(text, country)


@st.composite
def real_numbers(draw: st.DrawFn) -> phonenumbers.PhoneNumber:
    """A number that exists, of any country: one that the library knows, with its last digits changed."""
    number = phonenumbers.example_number_for_type(draw(st.sampled_from(EVERYWHERE)), draw(st.sampled_from(KINDS)))
    assume(number is not None)
    digits = phonenumbers.national_significant_number(number)
    tail = draw(st.from_regex(r"\A[0-9]{3}\Z"))
    changed = phonenumbers.parse(f"+{number.country_code}{digits[:-3]}{tail}")
    assume(phonenumbers.is_valid_number(changed))
    return changed


def e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@given(SHAPED | PLAIN, st.sampled_from(COUNTRIES))
@example("0491570156", "AU")
@example("+61491570156", "US")
@example("12125550123", "US")
@example("0011234567", "AU")
@example("+39612345678", "IT")
def test_the_fast_way_and_the_library_agree(text: str, country: str) -> None:
    assert ours(text, country) == in_the_way_of_the_library(text, country)


@given(real_numbers(), st.sampled_from(COUNTRIES))
def test_a_number_that_exists_is_itself_in_every_country(number: phonenumbers.PhoneNumber, country: str) -> None:
    written = e164(number)
    assert normalise(written, country) == in_the_way_of_the_library(written, country) == written
    assert is_known(written)


@given(real_numbers())
def test_the_national_form_of_a_number_is_that_number(number: phonenumbers.PhoneNumber) -> None:
    country = phonenumbers.region_code_for_number(number)
    form = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    read = ours(form, country)
    assert read in (e164(number), None)
    # it may be refused only where it lacks what tells it from a number of another country
    assert read is not None or "may be a number" in refusal(form, country)


@given(real_numbers(), st.sampled_from(COUNTRIES), st.sampled_from(["00", "0011", "011", "+00", "+0011", "+011"]))
@example(phonenumbers.parse("+61491570156"), "AU", "00")
@example(phonenumbers.parse("+447700900123"), "SG", "00")
@example(phonenumbers.parse("+493023125000"), "AR", "0011")
@example(phonenumbers.parse("+18762101000"), "AU", "+00")
def test_an_international_prefix_of_any_country_leads_to_the_number_or_nowhere(
    number: phonenumbers.PhoneNumber, country: str, prefix: str
) -> None:
    written = prefix + e164(number).removeprefix("+")
    read = ours(written, country)
    if read != e164(number):
        # the same digits are a national number: Buenos Aires, Tbilisi, Sapporo are 011; or nobody can tell
        assert not prefix.startswith("+")
        assert read is None or prefix == "011"


@given(real_numbers(), st.sampled_from(COUNTRIES))
@example(phonenumbers.parse("+447700900123"), "AU")
@example(phonenumbers.parse("+447911123456"), "DE")
def test_a_number_without_its_plus_is_never_another_number_of_a_country_with_lengths_of_all_kinds(
    number: phonenumbers.PhoneNumber, country: str
) -> None:
    written = e164(number).removeprefix("+")
    read = ours(written, country)
    if read is not None and read != e164(number):
        lengths = phonenumbers.PhoneMetadata.metadata_for_region(country).fixed_line.possible_length
        assert len(lengths) <= 2


@given(real_numbers(), st.sampled_from(COUNTRIES), st.sampled_from(["(0)", " (0) ", "[0]"]))
def test_a_zero_in_brackets_is_not_dialled_from_abroad(
    number: phonenumbers.PhoneNumber, country: str, zero: str
) -> None:
    digits = phonenumbers.national_significant_number(number)
    read = ours(f"+{number.country_code}{zero}{digits}", country)
    kept = ours(f"+{number.country_code}0{digits}", country)
    assert read == (kept or e164(number))


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("0491 570 006", "AU", "+61491570006"),
        ("0491570737", "AU", "+61491570737"),
        ("07700 900000", "GB", "+447700900000"),
        ("+44 7700 900999", "AU", "+447700900999"),
        ("01632 960123", "GB", "+441632960123"),
        ("(212) 555-0199", "US", "+12125550199"),
        ("06 39 98 12 34", "FR", "+33639981234"),
        ("020 912 3456", "IE", "+353209123456"),
    ],
)
def test_ranges_kept_for_fiction_are_known(text: str, country: str, expected: str) -> None:
    assert normalise(text, country) == in_the_way_of_the_library(text, country) == expected
    assert is_known(expected)


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("(02) 5550 0100", "AU", "+61255500100"),
        ("13 11 14", "AU", "+61131114"),
        ("1300 975 707", "AU", "+611300975707"),
        ("1800 160 401", "AU", "+611800160401"),
        ("491570156", "AU", "+61491570156"),
        ("61491570156", "AU", "+61491570156"),
        ("0061 491 570 156", "AU", "+61491570156"),
        ("0061 0491 570 156", "US", "+61491570156"),
        ("0061 (0) 491 570 156", "US", "+61491570156"),
        ("+61 (0)491 570 156", "AU", "+61491570156"),
        ("+61 0491 570 156", "AU", "+61491570156"),
        ("+0061 491 570 156", "AU", "+61491570156"),
        ("+0011 44 7700 900123", "AU", "+447700900123"),
        ("00 +61 491 570 156", "AU", "+61491570156"),
        ("(+61) 491 570 156", "AU", "+61491570156"),
        ("0011 44 7700 900123", "AU", "+447700900123"),
        ("0011 44 7700 900123", "SG", "+447700900123"),
        ("0044 7700 900123", "SG", "+447700900123"),
        ("001 212 555 0100", "HK", "+12125550100"),
        ("0012125550100", "GB", "+12125550100"),
        ("+49(0)30 23125000", "AU", "+493023125000"),
        ("49(0)3023125000", "DE", "+493023125000"),
        ("+39(0)6 12345678", "AU", "+390612345678"),
        ("06 12345678", "IT", "+390612345678"),
        ("+34 (0) 91 234 56 78", "AU", "+34912345678"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
        ("03-1234-5678", "JP", "+81312345678"),
        ("010 61 491 570 156", "JP", "+61491570156"),
        ("(11) 99876-5432", "BR", "+5511998765432"),
        ("55 1234 5678", "MX", "+525512345678"),
        ("011 15 4477-0090", "AR", "+5491144770090"),
        ("011 4477-0090", "AR", "+541144770090"),
        ("+54 9 11 4477 0090", "AU", "+5491144770090"),
        ("+800 1234 5678", "AU", "+80012345678"),
        ("tel:+61-491-570-156", "AU", "+61491570156"),
        ("TEL: 0491 570 156", "AU", "+61491570156"),
        ("tel:%2B61491570156", "AU", "+61491570156"),
        ("tel:0491570156;phone-context=+61", "US", "+61491570156"),
        ("'0491570156", "AU", "+61491570156"),
        ('="0491570156"', "AU", "+61491570156"),
        (" \t+61 491 570 156\u00a0", "GB", "+61491570156"),
        ("+61\u202f491\u2009570\u3000156", "GB", "+61491570156"),
        ("0491\u2011570\u2013156", "AU", "+61491570156"),
        ("\uff0b\uff16\uff11\uff08\uff10\uff09491 570 156", "AU", "+61491570156"),
    ],
)
def test_what_people_write_is_the_number_that_they_mean(text: str, country: str, expected: str) -> None:
    assert normalise(text, country) == expected


@pytest.mark.parametrize("zero", ["٠", "۰", "०", "০", "０", "𝟎", "๐"])
def test_digits_of_every_script_are_digits(zero: str) -> None:
    text = "".join(chr(ord(zero) + int(each)) for each in "0491570156")
    assert normalise(text, "AU") == "+61491570156"


@given(st.lists(st.sampled_from("\u200b\u200e\u202a\u202c\u2060\u2066\u2069\u00ad\ufeff\u061c\u180e"), max_size=12))
def test_characters_without_ink_change_nothing(hidden: list[str]) -> None:
    text = "0491570156"
    for place, each in enumerate(hidden):
        text = f"{text[:place]}{each}{text[place:]}"
    assert normalise(text, "AU") == "+61491570156"


SPREADSHEET = "a spreadsheet turned this into a number"
EXTENSION = "extension"
LETTERS = "letters"
REFUSED = [
    *((each, "AU", SPREADSHEET) for each in ("0491570156.0", "491570156,0", "61491570156.00", "6.1491E+10")),
    *((each, "AU", SPREADSHEET) for each in ("6,1491E+10", "6.14915701560e10", "4E8", "６.1491E+10", "+6.1491E+10")),
    *(
        (f"0491570156{each}", "AU", EXTENSION)
        for each in ("x123", " x 123", " ext. 5", " ext5", ";ext=5", "#12", " # 12")
    ),
    *((f"0491570156{each}", "AU", EXTENSION) for each in (" extension 5", ",,5", "p5", "*5", " (ext. 5)", " доб. 5")),
    ("tel:+61491570156;ext=5", "AU", EXTENSION),
    ("0000000000", "AU", "one digit over and over"),
    ("1111111111", "AU", "one digit over and over"),
    ("9999999999", "US", "one digit over and over"),
    ("+61000000000", "AU", "one digit over and over"),
    ("+61 123 456 789", "AU", "in no range that AU has given out"),
    ("0123456789", "AU", "in no range that AU has given out"),
    ("0491 570 15", "AU", "too few digits for a number of AU"),
    ("+61 491 570 15", "GB", "too few digits for a number of AU"),
    ("12345", "AU", "too few digits for a number of AU"),
    ("0491 570 1566", "AU", "too many digits for a number of AU"),
    ("+44 7700 900 1234", "AU", "too many digits for a number of GB"),
    ("0491570156/0491570157", "AU", "too many digits"),
    ("0491570156, 0491570157", "AU", "a , (U+002C)"),
    ("+61491570156 +61491570157", "AU", "more than one +"),
    ("5550 0100", "AU", "lacks the area code"),
    ("555-0100", "US", "lacks the area code"),
    ("+999 1234 5678", "AU", "unknown country code"),
    ("+0491 570 156", "AU", "a + and then a 0"),
    ("0491+570156", "AU", "a + inside"),
    ("447700900123", "AU", "one of GB when it has its +"),
    ("49(0)3023125000", "AU", "one of DE when it has its +"),
    ("447911123456", "DE", "may be a number of DE or one of GB"),
    ("0491570156", "", "no country code"),
    ("-491570156", "AU", "begins with -"),
    ("1-800-FLOWERS", "US", LETTERS),
    ("0491 570 156 (mobile)", "AU", LETTERS),
    ("O491570156", "AU", LETTERS),
    ("n/a", "AU", "letters and no digits"),
    ("-", "AU", "no digits"),
    ("", "AU", "no digits"),
    ("2024-05-01", "DK", "is a date"),
    ("21.05.2024", "DK", "is a date"),
    ("000", "AU", "emergency"),
    ("112", "DE", "emergency"),
    ("911", "US", "emergency"),
    ("0491\x00570156", "AU", "cannot be seen (U+0000)"),
    ("0491\n570156", "AU", "a line break (U+000A)"),
    ("0491\u2800570156", "AU", "cannot be seen (U+2800)"),
    ("4\ufe0f\u20e391570156", "AU", "cannot be seen (U+FE0F)"),
    ("49\u2460570156", "AU", "no plain digit (U+2460)"),
    ("0491_570_156", "AU", "a _ (U+005F)"),
]


@pytest.mark.parametrize(("text", "country", "why"), REFUSED)
def test_what_cannot_be_a_number_is_told_what_is_wrong_with_it(text: str, country: str, why: str) -> None:
    assert why in refusal(text, country)


@given(st.text(max_size=80), st.sampled_from(COUNTRIES), st.sampled_from([(), tuple(COUNTRIES)]))
@example("0491570156\n", "AU", ())
@example("１２３４５６７", "AU", ())
@example("+" * 64, "AU", ())
@example("(", "AU", ())
@example("tel:", "AU", ())
@example("\ud800", "AU", ())
@example("+4" + "\u20e3" * 60, "AU", ())
def test_any_text_is_a_number_or_refused_without_being_repeated(
    text: str, country: str, new_ranges: tuple[str, ...]
) -> None:
    refused = None
    try:
        number = normalise(text, country, new_ranges)
    except PhoneError as error:
        number, refused = "", error
    if refused is not None:
        assert len(text) < 4 or text not in str(refused)
        assert refused.code in ("invalid-phone", "phone-too-long")
        return
    assert number.startswith("+")
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert normalise(number, country, new_ranges) == number
    assert new_ranges or is_known(number)


@given(st.from_regex(r"\A[0-9]{7,15}\Z"), st.sampled_from(COUNTRIES))
def test_no_message_has_the_digits_of_the_number(digits: str, country: str) -> None:
    for text in (digits, f"+{digits}", f"{digits} x123", f"{digits}.0", f"+61 {digits}"):
        message = ""
        try:
            normalise(text, country)
        except PhoneError as error:
            message = str(error)
        assert digits not in message


def test_a_number_outside_the_known_ranges_is_taken_where_its_country_is_named_and_can_be_told() -> None:
    assert "name AU in newNumberRanges" in refusal("0123456789", "AU")
    assert normalise("0123456789", "AU", ["AU"]) == "+61123456789"
    assert normalise("+61123456789", "US", ["AU"]) == "+61123456789"
    assert not is_known("+61123456789")
    assert is_known("+61491570156")
    assert ours("+61123456789", "AU", ("NZ",)) is None


@pytest.mark.parametrize(
    "text", ["0000000000", "1111111111", "+61000000000", "0491 570 15667", "447700900123", "49(0)3023125000", "12"]
)
def test_new_ranges_let_no_filler_and_no_number_of_another_length_in(text: str) -> None:
    assert ours(text, "AU", ("AU",)) is None


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
