"""Names of time zones as people write them: only places are taken, because only places have clocks that people go by.

A fixed offset is right for half of the year where clocks change, and an abbreviation is shared by continents: `EST` is
New York's winter, Sydney's in a spreadsheet, and Panama's all year.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import cache, lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from callfloor.rules.values.times import UnknownZone, zone

# Of the tz database, `Area/Place`; what lies elsewhere is a fixed offset, an abbreviation or a name of last century.
_AREAS = (
    "Africa/", "America/", "Antarctica/", "Arctic/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/",
    "Pacific/", "US/", "Canada/", "Brazil/", "Chile/", "Mexico/",
)  # fmt: skip
_OFFSET = re.compile(r"(ETC/)?(?:UTC|GMT|Z|UCT)?\s*(?:([+\-\u2212])?([0-9]{1,2})(?::?([0-9]{2}))?)?", re.ASCII)
_ABBREVIATION = re.compile(r"[A-Z]{2,5}(?:[0-9][A-Z]{3})?", re.ASCII)
# a winter and a summer of either half of the earth
_SEASONS = (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC))
_ANY = "Australia/Sydney"
# The largest city of countries with several zones: what somebody means who means none in particular.
_LARGEST = {
    "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "CN": "Asia/Shanghai",
    "ID": "Asia/Jakarta", "MX": "America/Mexico_City", "RU": "Europe/Moscow", "US": "America/New_York",
}  # fmt: skip
_SPOKEN = re.compile(
    r"(?:AUS |US |CANADA )?(EASTERN|CENTRAL|MOUNTAIN|PACIFIC|WESTERN|ATLANTIC|ALASKAN?|HAWAIIAN?)"
    r"(?: STANDARD| DAYLIGHT)?(?: TIME)?"
)
_CLOSE = 0.8
_LETTERS = {"ALASKA": "AKST", "ALASKAN": "AKST"}


@lru_cache(maxsize=4096)
def given_zone(name: str, country: str) -> str:
    """The IANA name of a place's zone, spaces around it left out. `country` (ISO 3166 alpha-2, "" for none) is the
    organisation's, and where the name that the message offers lies. Raises `UnknownZone`."""
    written = name.strip()
    if written.startswith(_AREAS):
        try:
            return zone(written).key
        except UnknownZone:
            pass
    raise UnknownZone(_why(written, country))


@lru_cache(maxsize=4096)
def _why(written: str, country: str) -> str:
    upper = written.upper()
    offset = _OFFSET.fullmatch(upper)
    if offset is not None and upper:
        near = _at_offset(_minutes(offset), country)
        return f"is a fixed offset, but the clocks of places change: write the place's IANA name, such as {near}"
    spoken = _SPOKEN.fullmatch(upper)
    short = upper if spoken is None else _LETTERS.get(spoken[1], f"{spoken[1][0]}ST")
    if _ABBREVIATION.fullmatch(short) and (near := _abbreviated(short, country)) is not None:
        return f"is an abbreviation, which several places share: write the place's IANA name, such as {near}"
    near = _place(written, country)
    if near is not None:
        return f"is no IANA time zone of a place; did you mean {near}?"
    return f"must be the IANA time zone of a place, such as {next(iter(_zones(country)), _ANY)}"


def _minutes(offset: re.Match[str]) -> int:
    """East of Greenwich. In names such as Etc/GMT+10 the sign is that of POSIX, which counts to the west."""
    etc, sign, hours, minutes = offset.groups()
    east = int(hours or 0) * 60 + int(minutes or 0)
    return -east if (sign in ("-", "\u2212")) != bool(etc) else east


def _at_offset(minutes: int, country: str) -> str:
    zones = _zones(country)
    by_winter = [name for name in zones if _standard(name) == minutes]
    at_times = [name for name in zones if minutes in _offsets(name)]
    return next(iter([*by_winter, *at_times, *zones]), _ANY)


def _abbreviated(upper: str, country: str) -> str | None:
    """`AEST`, or `EST` as Australians write it; where no place of the country has it, the first of the country."""
    known = upper in _everywhere()
    upper = upper[:3] if upper[3:4].isdigit() else upper
    for same in (str.__eq__, str.endswith):
        for name in _zones(country):
            if any(same(each, upper) for each in _abbreviations(name)):
                return name
    # one of elsewhere, or no abbreviation at all
    return next(iter(_zones(country)), _ANY) if known else None


def _place(written: str, country: str) -> str | None:
    plain = written.rpartition("/")[2].replace("_", " ").lower()
    for of_country in (country, None):
        by_name, by_place = _by_words(of_country)
        if plain in by_place:
            return by_place[plain]
        for known in (by_name, by_place):
            sought = (written.lower() if "/" in written else plain)[:64]
            # a slip is seldom in the first letter, and a file may have a million of them
            alike = [each for each in known if each[:1] == sought[:1]]
            near = get_close_matches(sought, alike, 1, _CLOSE)
            if near:
                return known[near[0]]
    return None


@cache
def _by_words(country: str | None) -> tuple[dict[str, str], dict[str, str]]:
    """Zones of a country, or (None) of all, by their names and by their places, in small letters."""
    names = _every_zone() if country is None else _zones(country)
    by_place = {name.rpartition("/")[2].replace("_", " ").lower(): name for name in reversed(names)}
    return {name.lower(): name for name in names}, by_place


def _standard(name: str) -> int:
    return min(_offsets(name))


@cache
def _offsets(name: str) -> tuple[int, int]:
    """Minutes east of Greenwich, in January and July."""
    first, second = ((each.astimezone(ZoneInfo(name)).utcoffset() or timedelta()) for each in _SEASONS)
    return int(first.total_seconds()) // 60, int(second.total_seconds()) // 60


@cache
def _abbreviations(name: str) -> tuple[str, ...]:
    return tuple(each.astimezone(ZoneInfo(name)).tzname() or "" for each in _SEASONS)


@cache
def _everywhere() -> frozenset[str]:
    """Abbreviations that some place uses, and those that the database has as names."""
    used = {each for name in _every_zone() for each in _abbreviations(name) if each.isalpha()}
    named = {"EST", "MST", "HST", "CET", "MET", "EET", "WET", "EST5EDT", "CST6CDT", "MST7MDT", "PST8PDT"}
    return frozenset(used | named)


@cache
def _zones(country: str) -> tuple[str, ...]:
    """The zones of a country, those first in which most of its area codes lie."""
    from phonenumbers.tzdata import TIMEZONE_DATA  # pyright: ignore[reportMissingTypeStubs]

    codes = Counter(name for names in TIMEZONE_DATA.values() for name in names)
    first = _LARGEST.get(country)
    return tuple(sorted(_table().get(country, ()), key=lambda name: (name != first, -codes[name])))


@cache
def _every_zone() -> tuple[str, ...]:
    return tuple(sorted({name for names in _table().values() for name in names}))


@cache
def _table() -> dict[str, list[str]]:
    """Zones by country, of the tz database's zone.tab."""
    found: dict[str, list[str]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            found.setdefault(country, []).append(name)
    return found
