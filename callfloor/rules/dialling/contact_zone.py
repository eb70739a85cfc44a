"""Where a contact may be: the time zones that a call has to be decent in."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from phonenumbers import NumberParseException, parse, timezone
from phonenumbers.tzdata import TIMEZONE_DATA  # pyright: ignore[reportMissingTypeStubs]

_UNKNOWN = "Etc/Unknown"
_BY_PREFIX: dict[str, tuple[str, ...]] = TIMEZONE_DATA


def contact_zones(lead_zone: str | None, number: str | None, campaign_zone: str) -> tuple[str, ...]:
    """Zones that all have to allow a call: the lead's own, which its owner knows best; else all that its number (E.164)
    may be in; the campaign's for a lead without a number. Empty: the number is in no country (satellites,
    international networks), so it may be anywhere."""
    if lead_zone is not None:
        return (lead_zone,)
    return (campaign_zone,) if number is None else _of_number(number)


@lru_cache(maxsize=65_536)
def _of_number(number: str) -> tuple[str, ...]:
    try:
        parsed: Any = parse(number)
    except NumberParseException:
        return ()
    zones = tuple(zone for zone in timezone.time_zones_for_number(parsed) if zone != _UNKNOWN)
    # of ranges that nobody knows, new ones or those for fiction, the country is known all the same
    return zones or _BY_PREFIX.get(str(parsed.country_code), ())
