"""Phone numbers: in any form that a person writes, out in E.164 (ITU-T)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

LONGEST = 64
# no number as an example: messages are stored with wrong rows, and an erased customer may have any number
_HINT = "write it in full, with + and country code"
# What may stand in a written number. Letters (vanity numbers, extensions) and controls are refused: they are typing
# errors far more often than numbers.
_WRITTEN = re.compile(r"[0-9+\-./()\u00a0\u2010-\u2015\u3000\uff08-\uff0f\uff10-\uff19 \t]+")

# National forms that libphonenumber takes for the same number, by country: a trunk prefix, then what may follow. Only
# plain digits, only forms of which the property tests show that the library agrees.
_NATIONAL: dict[str, tuple[re.Pattern[str], str]] = {
    "AU": (re.compile(r"0([2-478][0-9]{8})", re.ASCII), "+61"),
    "NZ": (re.compile(r"0([34679][0-9]{7}|2[0-9]{7,9})", re.ASCII), "+64"),
    "IE": (re.compile(r"0(8[35679][0-9]{7})", re.ASCII), "+353"),
    "IN": (re.compile(r"0?([6-9][0-9]{9})", re.ASCII), "+91"),
    "SG": (re.compile(r"([3689][0-9]{7})", re.ASCII), "+65"),
    "GB": (re.compile(r"0([1-37][0-9]{9})", re.ASCII), "+44"),
    "US": (re.compile(r"1?([2-9][0-9]{2}[2-9][0-9]{6})", re.ASCII), "+1"),
    "CA": (re.compile(r"1?([2-9][0-9]{2}[2-9][0-9]{6})", re.ASCII), "+1"),
}
_INTERNATIONAL = re.compile(
    r"\+(?:61[2-478][0-9]{8}|44[1-37][0-9]{9}|1[2-9][0-9]{2}[2-9][0-9]{6}|64(?:[34679][0-9]{7}|2[0-9]{7,9})"
    r"|3538[35679][0-9]{7}|91[6-9][0-9]{9}|65[3689][0-9]{7})"
)


class PhoneError(ValueError):
    """The text cannot be a phone number. Neither the message nor `code` holds the text."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@lru_cache(maxsize=1)
def _library() -> Any:
    # slow to import, and most numbers never need it
    import phonenumbers

    return phonenumbers


def normalise(text: str, country: str) -> str:
    """E.164 of a number written in E.164 or in the national form of `country` (ISO 3166 alpha-2).

    Follows libphonenumber: what it holds possible (`IS_POSSIBLE`: the length fits a full national number) is taken.
    "Valid" would be too strict: it refuses ranges that are newer than the library's data, and those kept for fiction.
    Raises `PhoneError`.
    """
    if _INTERNATIONAL.fullmatch(text):
        return text
    national = _NATIONAL.get(country)
    if national is not None and (form := national[0].fullmatch(text)):
        return national[1] + form[1]
    return _parsed(text, country)


def _parsed(text: str, country: str) -> str:
    if len(text) > LONGEST:
        raise PhoneError("phone-too-long", f"has more than {LONGEST} characters")
    written = text.strip()
    if not _WRITTEN.fullmatch(written):
        raise PhoneError("invalid-phone", "must be a phone number: digits, spaces and + - . ( ) only")
    library = _library()
    try:
        number = library.parse(written, country)
    except library.NumberParseException as error:
        raise PhoneError("invalid-phone", f"is not a phone number; {_HINT}") from error
    reason = library.is_possible_number_with_reason(number)
    if reason != library.ValidationResult.IS_POSSIBLE or number.extension:
        what = {
            library.ValidationResult.TOO_SHORT: "has too few digits",
            library.ValidationResult.TOO_LONG: "has too many digits",
            library.ValidationResult.INVALID_COUNTRY_CODE: "has an unknown country code",
        }
        raise PhoneError("invalid-phone", f"{what.get(reason, 'is not a full phone number')}; {_HINT}")
    return str(library.format_number(number, library.PhoneNumberFormat.E164))


def national_forms(e164: str, country: str) -> list[str]:
    """Forms under which a number may stand as the whole value of a free text field, without spaces."""
    digits = e164.removeprefix("+")
    forms = [e164, digits, f"00{digits}", f"0011{digits}", f"011{digits}"]
    library = _library()
    try:
        number = library.parse(e164, None)
    except library.NumberParseException:
        return forms
    national = str(library.national_significant_number(number))
    forms += [national, f"0{national}", f"1{national}"]
    # several countries share a code: the United States and Canada, the United Kingdom and Jersey
    if library.country_code_for_region(country) == number.country_code:
        written = str(library.format_number(number, library.PhoneNumberFormat.NATIONAL))
        forms += [written, re.sub(r"\D", "", written)]
    return list(dict.fromkeys(forms))
