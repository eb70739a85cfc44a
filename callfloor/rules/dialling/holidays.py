"""Public holidays of a country, or of a part of one.

The calendars are loaded when a day is first looked up: most commands never do.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache


class UnknownCalendarError(ValueError):
    """There is no calendar of that name; the message says what to write."""


@lru_cache(maxsize=64)
def check_calendar(region: str) -> None:
    """`AU` or `AU-NSW`. Raises `UnknownCalendarError`."""
    import holidays

    country, _, part = region.partition("-")
    known = holidays.list_supported_countries(include_aliases=False)
    if country not in known:
        raise UnknownCalendarError(
            f"there is no calendar of public holidays for {country[:20]!r}; use a code such as AU"
        )
    if part and part not in known[country]:
        parts = ", ".join(f"{country}-{each}" for each in known[country]) or f"{country} alone"
        raise UnknownCalendarError(f"{country} has no part {part[:20]!r}; use {parts}")


@lru_cache(maxsize=64)
def has_calendar(region: str) -> bool:
    try:
        check_calendar(region)
    except UnknownCalendarError:
        return False
    return True


@lru_cache(maxsize=512)
def _of_year(region: str, year: int) -> frozenset[date]:
    import holidays

    country, _, part = region.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


def is_holiday(region: str, day: date) -> bool:
    """Whether the day is a public holiday there."""
    return day in _of_year(region, day.year)
