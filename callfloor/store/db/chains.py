"""What evidence and audit have in common in the database: an organisation's chain and its signed days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from asyncpg import Record

from callfloor.rules.evidence.evidence import Day, Link, moment


@dataclass(frozen=True, slots=True)
class OpenChain:
    """Where an organisation's chain ends. `signed`: the end of the last signed day. `first_at`: the time of the first
    record behind that, sealed or not; None: there is none."""

    end: Link
    signed: Link
    signed_day: date | None
    first_at: datetime | None


def day_of_row(row: Record) -> Day:
    return Day(
        day=row["day"],
        first=row["first"],
        last=row["last"],
        previous=row["previous"].hex(),
        head=row["head"].hex(),
        count=row["count"],
        signed_at=moment(row["signed_at"]),
    )


def row_of_day(day: Day, signature: bytes, at: datetime) -> tuple[object, ...]:
    """The columns of a day that was signed at `at`, behind the organisation's: day, first, last, previous, head, count,
    signature, signed_at."""
    previous, head = bytes.fromhex(day.previous), bytes.fromhex(day.head)
    return day.day, day.first, day.last, previous, head, day.count, signature, at
