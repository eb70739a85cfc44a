"""Regimes: what a country's law, or good conduct there, asks of who dials. Data, checked here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from callfloor.rules.dialling.hours import Hours, HoursError, parse_hours
from callfloor.rules.dialling.register_wash import Register


class RegimeError(ValueError):
    """A regime's data cannot be taken; the message names the key."""


@dataclass(frozen=True, slots=True)
class Regime:
    """`hours`: when a contact may be called, in its own zone. `closed_on_holidays`: not on public holidays.
    `abandonment_cap`: share of live answers of a campaign over `window`. `grace_s`: within which an agent must be
    there. `minimum_ring_s`: so long an unanswered call must ring. `abandoned_rest`: how long after an abandoned call
    the contact is only called with an agent reserved. `register`: the national do-not-call register, where there is
    one."""

    name: str
    hours: Hours
    closed_on_holidays: bool
    abandonment_cap: float
    window: timedelta
    grace_s: float
    minimum_ring_s: float
    abandoned_rest: timedelta
    register: Register | None = None


_NUMBERS: dict[str, tuple[float, float]] = {
    "abandonmentCap": (0, 1),
    "abandonmentWindowDays": (1, 366),
    "graceSeconds": (0, 60),
    "minimumRingSeconds": (0, 120),
    "abandonedRestHours": (0, 24 * 366),
}


def parse_regime(data: Mapping[str, Any]) -> Regime:
    """A regime out of its file (TOML). Raises `RegimeError`."""
    known = {"name", "contactHours", "closedOnHolidays", *_NUMBERS}
    for key in data:
        if key not in known | {"register"}:
            raise RegimeError(f"{key} is not known; known are {', '.join(sorted(known))}")
    for key in sorted(known - data.keys()):
        raise RegimeError(f"{key} is missing")
    for key, (least, most) in _NUMBERS.items():
        value = data[key]
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise RegimeError(f"{key} must be a number from {least:g} to {most:g}")
    if not isinstance(data["closedOnHolidays"], bool):
        raise RegimeError("closedOnHolidays must be true or false")
    if not isinstance(data["name"], str) or not isinstance(data["contactHours"], dict):
        raise RegimeError("name must be a string and contactHours a table of days")
    try:
        hours = parse_hours(cast(Mapping[str, list[str]], data["contactHours"]))
    except HoursError as error:
        raise RegimeError(f"contactHours: {error}") from error
    return Regime(
        data["name"],
        hours,
        data["closedOnHolidays"],
        float(data["abandonmentCap"]),
        timedelta(days=data["abandonmentWindowDays"]),
        float(data["graceSeconds"]),
        float(data["minimumRingSeconds"]),
        timedelta(hours=data["abandonedRestHours"]),
        _register(data["register"]) if "register" in data else None,
    )


def _register(data: Any) -> Register:
    keys = {"name": str, "title": str, "refusesAfterDays": int, "warnsAfterDays": int}
    if not isinstance(data, dict) or cast("dict[str, Any]", data).keys() != keys.keys():
        raise RegimeError(f"register must be a table of {', '.join(keys)}")
    found = cast("dict[str, Any]", data)
    for key, kind in keys.items():
        if type(found[key]) is not kind:
            raise RegimeError(f"register.{key} must be a {'string' if kind is str else 'whole number'}")
    refuses, warns = found["refusesAfterDays"], found["warnsAfterDays"]
    if not 0 < warns <= refuses <= 366:
        raise RegimeError("register.warnsAfterDays must be from 1 to refusesAfterDays, and that at most 366")
    return Register(found["name"], found["title"], timedelta(days=refuses), timedelta(days=warns))
