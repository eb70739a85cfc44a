"""For whom a report is made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from callfloor.errors import FieldError, Invalid
from callfloor.store.db.pool import Database

# Where links of a report lead to.
PREFIX = "/reports/v1"


@dataclass(frozen=True, slots=True)
class Viewer:
    """`zone`: the organisation's; `person`: who it is, None: a program; `seen`: the agents whose figures may be shown,
    None: all."""

    db: Database
    organisation: int
    zone: ZoneInfo
    now: datetime
    person: int | None
    seen: frozenset[int] | None


def refused(parameter: str, code: str, message: str) -> Invalid:
    """A report that cannot be had, and which parameter is why."""
    error = FieldError(code=code, message=message, parameter=parameter)
    return Invalid(f"{parameter}: {message}", errors=[error])
