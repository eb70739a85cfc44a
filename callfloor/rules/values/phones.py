"""Phone numbers: in any form that a person writes, out in E.164 (ITU-T). The rules: docs/phone-numbers.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from callfloor.rules.values.phone_text import HINT, LONGEST, PhoneError, Written, read_written, refused

__all__ = ["LONGEST", "PhoneError", "is_known", "national_forms", "normalise", "possible"]

# How one calls abroad, somewhere: ITU's recommendation, North America, Australia. No country code begins with 0, so
# what follows tells which it is.
_ABROAD = ("00", "0011", "011")
# Kept for films and books, by calling code, where libphonenumber holds them invalid: Ofcom's 07700 900000-900999 and
# 01632 960000-960999, ARCEP's 06 39 98, ComReg's 020 91. Those of Australia and North America are valid to it.
_FICTION = {"44": r"7700900[0-9]{3}|1632960[0-9]{3}", "33": r"63998[0-9]{4}", "353": r"2091[0-9]{5}"}

# A country whose numbers have so many lengths at most tells a whole number by its length.
_LENGTHS = 2
# of E.164, and the longest international prefix
_LONGEST_DIGITS = 19
_FILLER = "is one digit over and over, which fills a field and reaches nobody"


@lru_cache(maxsize=1)
def _library() -> Any:
    # slow to import, and much of what reads this file never needs it
    import phonenumbers

    return phonenumbers


def normalise(text: str, country: str, new_ranges: Collection[str] = ()) -> str:
    """E.164 of a number written in E.164, in the national form of `country` (ISO 3166 alpha-2; "" for none), or with
    an international prefix of any country.

    Taken is what libphonenumber holds valid, and what is kept for fiction. In `new_ranges` (countries) every number of
    a possible length is taken: ask `is_known` which of them are guesses. Raises `PhoneError`.
    """
    return _plain(text, country) or _read(read_written(text), country, new_ranges)


def is_known(number: str) -> bool:
    """Whether a number (E.164) lies in a range that its country has given out, as far as libphonenumber knows, or in
    one that is kept for fiction."""
    if _plain(number, "") is not None:
        return True
    parsed = _parse(number, None)
    return parsed is not None and _known(parsed)


def possible(text: str, country: str) -> str:
    """Like `normalise` for text in which somebody looks for numbers: any that is as long as some number of its country
    is one, whether or not its range is known. Raises `PhoneError`."""
    return normalise(text, country, _library().SUPPORTED_REGIONS)


# Plain forms, which nearly all numbers have: decided by the library's own patterns, without its parser.


class _Plan(NamedTuple):
    """How a country writes its numbers. `numbers`: national significant numbers of ordinary lines and mobiles under
    its calling code. `trunk`: what the national form begins with; `taken_off` is what the library strips from it.
    `abroad`: the country's own international prefixes. `fixed_length`: the length tells whether a number is whole.
    """

    code: str
    numbers: re.Pattern[str]
    trunk: str
    taken_off: re.Pattern[str]
    abroad: re.Pattern[str]
    fixed_length: bool


def _plain(text: str, country: str) -> str | None:
    """E.164 of an ordinary number without separators; None says nothing."""
    if not text.isascii():
        return None
    if text[:1] == "+":
        for end in (2, 3, 4):
            numbers = _numbers_of(text[1:end])
            if numbers is not None:
                return text if numbers.fullmatch(text, end) else None
        return None
    if not text.isdigit() or (plan := _plan(country)) is None or plan.abroad.match(text):
        return None
    bare = text
    if plan.trunk and text.startswith(plan.trunk):
        stripped = plan.taken_off.match(text)
        if stripped is None or stripped[0] != plan.trunk or any(stripped.groups()):
            return None
        bare = text[len(plan.trunk) :]
    elif not plan.fixed_length or plan.trunk not in ("", "1") or plan.taken_off.match(text):
        return None
    return f"+{plan.code}{bare}" if plan.numbers.fullmatch(bare) else None


@cache
def _numbers_of(code: str) -> re.Pattern[str] | None:
    """Ordinary numbers under a calling code; None: there is no such code."""
    kinds = [] if code not in _FICTION else [_FICTION[code]]
    known = code.isdigit() and not code.startswith("0")
    for region in _library().COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if known else ():
        metadata = _library().PhoneMetadata.metadata_for_region(region)
        if metadata is not None:
            found = (each.national_number_pattern for each in _ordinary(metadata))
            # where several countries share a code, a number belongs to whose leading digits it has
            kinds.append(f"(?={metadata.leading_digits or ''})(?:{'|'.join(filter(None, found))})")
    return re.compile("|".join(kinds)) if kinds else None


def _ordinary(metadata: Any) -> list[Any]:
    """What the library says of ordinary lines and of mobiles, where the country has them."""
    return [each for each in (metadata.fixed_line, metadata.mobile) if each is not None]


@cache
def _plan(country: str) -> _Plan | None:
    if country not in _library().SUPPORTED_REGIONS:
        return None
    metadata = _library().PhoneMetadata.metadata_for_region(country)
    code = str(metadata.country_code)
    return _Plan(
        code,
        _numbers_of(code) or re.compile("(?!)"),
        metadata.national_prefix or "",
        re.compile(metadata.national_prefix_for_parsing or "(?!)"),
        re.compile(metadata.international_prefix),
        all(len(each.possible_length) <= _LENGTHS for each in _ordinary(metadata)[:1]),
    )


# Everything else: what the text can be read as, in the order of what people mean.


def _read(written: Written, country: str, new_ranges: Collection[str]) -> str:
    """Raises `PhoneError`."""
    plain = _plain(f"+{written.digits}" if written.plus else written.digits, country)
    if plain is not None and written.optional is None:
        return plain
    readings = list(_readings(written, country))
    numbers = [each for each in readings if _known(each.parsed)]
    numbers = numbers or [each for each in readings if _new(each.parsed, new_ranges)]
    if numbers:
        return _chosen(written, country, numbers)
    raise refused(_why(written, country, readings))


class _Reading(NamedTuple):
    """`own`: read in the country's national form. `abroad`: by the country's own international prefix."""

    parsed: Any
    own: bool = False
    abroad: bool = False


def _readings(written: Written, country: str) -> Iterator[_Reading]:
    digits, optional = written.digits, written.optional
    if written.plus and not digits.startswith("0"):
        yield from _foreign(digits, optional)
        return
    if not written.plus:
        source = _library().CountryCodeSource
        for each in _with_and_without(digits, optional):
            parsed = _parse(each, country)
            if parsed is not None and not _is_misread(digits, parsed):
                abroad = parsed.country_code_source == source.FROM_NUMBER_WITH_IDD
                yield _Reading(parsed, parsed.country_code_source == source.FROM_DEFAULT_COUNTRY, abroad)
    for prefix in _ABROAD:
        if digits.startswith(prefix):
            for each in _foreign(digits[len(prefix) :], None if optional is None else optional - len(prefix)):
                if not _is_misread(digits, each.parsed):
                    yield each


def _is_misread(digits: str, parsed: Any) -> bool:
    """0011 and a country code, read as 00 and North America's 1 with its trunk prefix, which is 1 too: nobody dials
    that from abroad."""
    return parsed.country_code == 1 and digits.startswith("0011") and digits[4:5] != "1"


def _with_and_without(digits: str, optional: int | None) -> tuple[str, ...]:
    """As they stand, because Italy dials the zero from abroad too; then without it."""
    return (digits,) if optional is None else (digits, digits[:optional] + digits[optional + 1 :])


def _foreign(digits: str, optional: int | None) -> Iterator[_Reading]:
    """Of digits that begin with a country code."""
    for each in _with_and_without(digits, optional):
        parsed = _parse(f"+{each}", None)
        if parsed is not None:
            yield _Reading(parsed)


def _parse(text: str, country: str | None) -> Any:
    """The library's number; None when it makes nothing of the text."""
    try:
        return _library().parse(text, country, keep_raw_input=True)
    except _library().NumberParseException:
        return None


def _e164(parsed: Any) -> str:
    return str(_library().format_number(parsed, _library().PhoneNumberFormat.E164))


def _known(parsed: Any) -> bool:
    if _library().is_valid_number(parsed):
        return True
    fiction = _FICTION.get(str(parsed.country_code))
    return fiction is not None and re.fullmatch(fiction, _national(parsed)) is not None


def _new(parsed: Any, new_ranges: Collection[str]) -> bool:
    """Whether a number may be of a range that the library does not know yet, and its country is trusted so far."""
    national = _national(parsed)
    if not _regions(parsed).intersection(new_ranges) or len(set(national)) == 1:
        return False
    plan = _plan(_main_region(parsed))
    if plan is None or (plan.trunk and national.startswith(plan.trunk)):
        return False
    return _possible(parsed) == _library().ValidationResult.IS_POSSIBLE


def _possible(parsed: Any) -> int:
    return int(_library().is_possible_number_with_reason(parsed))


def _national(parsed: Any) -> str:
    return str(_library().national_significant_number(parsed))


def _regions(parsed: Any) -> set[str]:
    return set(_library().COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code, ()))


def _main_region(parsed: Any) -> str:
    return str(_library().region_code_for_country_code(parsed.country_code))


def _chosen(written: Written, country: str, numbers: Sequence[_Reading]) -> str:
    """Which of the possible readings is meant. Raises `PhoneError` when nobody can tell."""
    first = numbers[0]
    others = {_e164(each.parsed) for each in numbers} - {_e164(first.parsed)}
    if first.abroad and others:
        raise refused(f"begins with an international prefix that can be read in two ways; {HINT}")
    plan = _plan(country)
    if first.own and plan is not None and not (plan.trunk and written.digits.startswith(plan.trunk)):
        # it lacks what the national form begins with, or the country has nothing of the kind
        other = _parse(f"+{written.digits}", None)
        if other is not None and _known(other) and not (plan.fixed_length and _known(first.parsed)):
            raise refused(f"may be a number of {country} or one of {_main_region(other)} that lacks its +; {HINT}")
    return _e164(first.parsed)


# Why not


def _why(written: Written, country: str, readings: Sequence[_Reading]) -> str:
    digits = written.digits
    if len(digits) > _LONGEST_DIGITS:
        return "has too many digits: write one number and nothing else"
    if not written.plus and _is_emergency(digits, country):
        return "is an emergency number, which is never dialled from here"
    if len(set(digits)) == 1:
        return _FILLER
    if written.plus and digits.startswith("0") and not digits.startswith(_ABROAD):
        return f"has a + and then a 0: after the + comes the country code; {HINT}"
    if not written.plus:
        other = next((each for each in _foreign(digits, written.optional) if _known(each.parsed)), None)
        if other is not None:
            whose = country or "the country"
            return f"is no number of {whose}, but one of {_main_region(other.parsed)} when it has its +: {HINT}"
    if not readings:
        if written.plus or digits.startswith(_ABROAD):
            return f"has an unknown country code, or too few digits behind it; {HINT}"
        return f"has too few digits; {HINT}" if country else f"has no country code; {HINT}"
    meant = readings[-1 if readings[0].abroad else 0]
    plan = _plan(country)
    trunk = plan.trunk if plan is not None else ""
    return _what_is_wrong(meant.parsed, local=meant.own and not (trunk and digits.startswith(trunk)))


def _is_emergency(digits: str, country: str) -> bool:
    return country in _library().SUPPORTED_REGIONS and bool(_library().is_emergency_number(digits, country))


def _what_is_wrong(parsed: Any, *, local: bool) -> str:
    """`local`: it may be the part behind an area code."""
    if len(set(_national(parsed))) == 1:
        return _FILLER
    region, reasons = _main_region(parsed), _library().ValidationResult
    reason = _possible(parsed)
    if reason == reasons.INVALID_COUNTRY_CODE:
        return f"has an unknown country code; {HINT}"
    whose = "such a number" if region in ("001", "ZZ") else f"a number of {region}"
    if reason == reasons.IS_POSSIBLE:
        reason = _closer(parsed, _library().PhoneMetadata.metadata_for_region(region, None), local=local)
    what = {
        reasons.TOO_SHORT: f"has too few digits for {whose}",
        reasons.TOO_LONG: f"has too many digits for {whose}",
        reasons.IS_POSSIBLE_LOCAL_ONLY: f"lacks the area code that {whose} has",
        reasons.INVALID_LENGTH: f"has not as many digits as {whose} has",
    }
    if reason in what:
        return f"{what[reason]}; {HINT}"
    if not _new(parsed, (region,)):
        return f"is in no range that {region} has given out: correct it"
    return (
        f"is in no range that {region} has given out, as far as is known: correct it or, if its range is new, name "
        f"{region} in newNumberRanges of the centre file"
    )


def _closer(parsed: Any, metadata: Any, *, local: bool) -> int:
    """What is wrong with a number that is as long as some numbers of its country: mostly short ones with few digits,
    or free ones with many."""
    reasons, national = _library().ValidationResult, _national(parsed)
    if metadata is None:
        return int(reasons.IS_POSSIBLE)
    kinds = _ordinary(metadata)
    ordinary = {length for each in kinds for length in each.possible_length}
    if local and any(len(national) in each.possible_length_local_only for each in kinds):
        return int(reasons.IS_POSSIBLE_LOCAL_ONLY)
    numbers = _numbers_of(str(parsed.country_code))
    if len(national) < min(ordinary, default=0) or (numbers and numbers.fullmatch(f"{national}0")):
        return int(reasons.TOO_SHORT)
    if len(national) > max(ordinary, default=99) or (numbers and numbers.fullmatch(national[:-1])):
        return int(reasons.TOO_LONG)
    return int(reasons.IS_POSSIBLE)


def national_forms(e164: str, country: str) -> list[str]:
    """Forms under which a number may stand as the whole value of a free text field, without spaces."""
    digits = e164.removeprefix("+")
    forms = [e164, digits, f"00{digits}", f"0011{digits}", f"011{digits}"]
    number = _parse(e164, None)
    if number is None:
        return forms
    national = _national(number)
    forms += [national, f"0{national}", f"1{national}"]
    # several countries share a code: the United States and Canada, the United Kingdom and Jersey
    if _library().country_code_for_region(country) == number.country_code:
        written = str(_library().format_number(number, _library().PhoneNumberFormat.NATIONAL))
        forms += [written, re.sub(r"\D", "", written)]
    return list(dict.fromkeys(forms))
