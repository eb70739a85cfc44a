"""Where a contact may be: the time zones that a call has to be decent in."""

from __future__ import annotations

from functools import lru_cache

from phonenumbers import NumberParseException, parse, timezone

UNKNOWN = "Etc/Unknown"


def contact_zones(lead_zone: str | None, number: str | None, campaign_zone: str) -> tuple[str, ...]:
    """The lead's own zone; else those of its number (E.164), of which there may be several; else the campaign's."""
    if lead_zone is not None:
        return (lead_zone,)
    found = () if number is None else _of_number(number)
    return found or (campaign_zone,)


@lru_cache(maxsize=65_536)
def _of_number(number: str) -> tuple[str, ...]:
    try:
        parsed = parse(number)
    except NumberParseException:
        return ()
    return tuple(zone for zone in timezone.time_zones_for_number(parsed) if zone != UNKNOWN)
