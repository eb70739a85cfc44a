"""Of which country and kind a number is: what decides on its price, as far as libphonenumber knows."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple

from callfloor.contract.destinations import CostlyKind
from callfloor.rules.values.phones import is_known

# `unknown`: as long as a number of its country, and in no range that is known. `emergency`: police, fire, ambulance.
NumberKind = Literal["ordinary", "free", "unknown", "emergency"] | CostlyKind

# ITU's codes for satellite systems and international networks, and Australia's 0145 and 0147: the library calls them
# mobiles, pagers or nothing.
_SATELLITE = ("+870", "+881", "+882", "+883", "+6114")
# International premium rate and shared cost: codes without a country, too.
_CODES: dict[str, CostlyKind] = {"979": "premium", "808": "sharedCost"}
# Emergency numbers have no country code of their own; nobody's number is so short.
_SHORTEST = 5


class Whose(NamedTuple):
    """`countries`: those that the number may be of, one where that is known; none: it is of no country."""

    countries: frozenset[str]
    kind: NumberKind


@lru_cache(maxsize=1)
def _library() -> Any:
    # slow to import, and much of what reads this file never needs it
    import phonenumbers

    return phonenumbers


@cache
def _kinds() -> dict[int, NumberKind]:
    types = _library().PhoneNumberType
    return {
        types.FIXED_LINE: "ordinary",
        types.MOBILE: "ordinary",
        types.FIXED_LINE_OR_MOBILE: "ordinary",
        types.VOIP: "ordinary",
        types.VOICEMAIL: "ordinary",
        types.TOLL_FREE: "free",
        types.PREMIUM_RATE: "premium",
        types.SHARED_COST: "sharedCost",
        types.PERSONAL_NUMBER: "personal",
        # paging networks and company numbers: what they cost is each network's own business
        types.PAGER: "personal",
        types.UAN: "sharedCost",
        types.UNKNOWN: "unknown",
    }


def whose(number: str) -> Whose | None:
    """Of a number in E.164; None: it is none."""
    library = _library()
    if not re.fullmatch(r"\+[0-9]{1,15}", number):
        return None
    try:
        parsed = library.parse(number, None)
    except library.NumberParseException:
        return Whose(frozenset(), "emergency") if _is_short_emergency(number) else None
    code = str(parsed.country_code)
    national = number[1 + len(code) :]
    regions = frozenset(library.COUNTRY_CODE_TO_REGION_CODE.get(parsed.country_code, ())) - {"001"}
    if any(library.is_emergency_number(national, region) for region in regions):
        return Whose(regions, "emergency")
    if number.startswith(_SATELLITE):
        return Whose(regions, "satellite")
    if code in _CODES:
        return Whose(regions, _CODES[code])
    if len(national) < _SHORTEST:
        return None
    region = library.region_code_for_number(parsed)
    if region is not None:
        return Whose(frozenset({region}) - {"001"}, _kinds()[library.number_type(parsed)])
    if is_known(number):
        # kept for fiction, in the country whose code it is
        return Whose(frozenset({library.region_code_for_country_code(parsed.country_code)}), "ordinary")
    return Whose(regions, "unknown")


def _is_short_emergency(number: str) -> bool:
    """Whether it is an emergency number of anywhere with a + in front."""
    return any(_library().is_emergency_number(number[1:], region) for region in _library().SUPPORTED_REGIONS)


@cache
def ordinary_of(countries: frozenset[str]) -> re.Pattern[str]:
    """What matches most ordinary numbers (E.164) of these countries, without asking the library for each. A number
    that does not match may be one all the same."""
    found: list[str] = []
    for country in sorted(countries):
        metadata = _library().PhoneMetadata.metadata_for_region(country)
        if metadata is None or _library().region_code_for_country_code(metadata.country_code) != country:
            # countries under another one's code: the library looks at that one first
            continue
        kinds = (each.national_number_pattern for each in (metadata.fixed_line, metadata.mobile) if each is not None)
        patterns = "|".join(filter(None, kinds))
        if patterns:
            found.append(rf"\+{metadata.country_code}(?={metadata.leading_digits or ''})(?:{patterns})")
    nothing = "(?!)"
    satellite = "|".join(map(re.escape, _SATELLITE))
    return re.compile(f"(?!{satellite})(?:{'|'.join(found) or nothing})")
