"""Evidence of attempts: written with them, chained and signed afterwards, read in the order of the chain."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from asyncpg import Record

from callfloor.rules.evidence.evidence import START, Day, EvidenceRow, Link, Sealed, Unsealed
from callfloor.rules.evidence.evidence_file import EvidenceFile
from callfloor.rules.evidence.packing import pack, unpack
from callfloor.store.db.chains import OpenChain, day_of_row, row_of_day
from callfloor.store.db.pool import Database

PAGE = 2_000

INSERT_SQL = """
INSERT INTO evidence (organisation_id, attempt_id, dialled_at, packed, personal)
SELECT $1, n.attempt_id, $2, n.packed, n.personal
FROM unnest($3::bigint[], $4::bytea[], $5::jsonb[]) AS n (attempt_id, packed, personal)"""

INSERT_ONCE_SQL = """
INSERT INTO evidence (organisation_id, attempt_id, dialled_at, packed, personal)
SELECT $1, $2, $3, $4::bytea, $5::jsonb
WHERE NOT EXISTS (SELECT FROM evidence WHERE organisation_id = $1 AND attempt_id = $2 AND dialled_at = $3)"""

_UNSEALED = "e.organisation_id = o.organisation_id AND e.position IS NULL AND e.dialled_at < $1"
# With something to seal, or with records of a day before $2 that no day's signature holds yet.
WAITING_SQL = f"""
SELECT o.organisation_id FROM (SELECT DISTINCT organisation_id FROM campaigns) AS o
WHERE EXISTS (SELECT FROM evidence e WHERE {_UNSEALED})
    OR EXISTS (
        SELECT FROM evidence e WHERE e.organisation_id = o.organisation_id AND e.dialled_at < $2
            AND e.position = 1 + coalesce(
                (SELECT max(d.last) FROM evidence_days d WHERE d.organisation_id = o.organisation_id), 0))
ORDER BY o.organisation_id"""
TRY_LOCK_SQL = "SELECT pg_try_advisory_xact_lock(hashtextextended('callfloor evidence', $1))"
SIGNED_SQL = "SELECT day, last, head FROM evidence_days WHERE organisation_id = $1 ORDER BY day DESC LIMIT 1"
END_SQL = """
SELECT position, hash FROM evidence WHERE organisation_id = $1 AND position IS NOT NULL
ORDER BY position DESC LIMIT 1"""
FIRST_AT_SQL = """
SELECT coalesce(
    (SELECT dialled_at FROM evidence WHERE organisation_id = $1 AND position = $2 LIMIT 1),
    (SELECT min(dialled_at) FROM evidence WHERE organisation_id = $1 AND position IS NULL AND dialled_at < $3))"""
# The statistics mostly know of no unsealed rows, and then a long backlog would be sorted anew for every batch.
BY_INDEX_SQL = "SELECT set_config('enable_sort', 'off', true)"
# Locked in the order in which an erasure locks them; what it empties is not read here.
UNSEALED_SQL = """
SELECT attempt_id, dialled_at, public, packed FROM evidence
WHERE organisation_id = $1 AND position IS NULL AND dialled_at < $2
ORDER BY dialled_at, attempt_id LIMIT $3 FOR NO KEY UPDATE"""
# The bounds of the times leave out every other month when the statement is planned.
SEAL_SQL = """
UPDATE evidence e SET position = n.position, previous_hash = n.previous, hash = n.hash
FROM unnest($2::bigint[], $3::timestamptz[], $4::bigint[], $5::bytea[], $6::bytea[])
    AS n (attempt_id, dialled_at, position, previous, hash)
WHERE e.organisation_id = $1 AND e.attempt_id = n.attempt_id AND e.dialled_at = n.dialled_at
    AND e.dialled_at BETWEEN $7 AND $8"""
ADD_DAY_SQL = """
INSERT INTO evidence_days (organisation_id, day, first, last, previous, head, count, signature, signed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""

DAYS_SQL = """
SELECT day, first, last, previous, head, count, signature, signed_at FROM evidence_days
WHERE organisation_id = $1 AND ($2::date IS NULL OR day >= $2) AND ($3::date IS NULL OR day <= $3) ORDER BY day"""
BEFORE_SQL = """
SELECT last, head FROM evidence_days WHERE organisation_id = $1 AND day < $2 ORDER BY day DESC LIMIT 1"""
RECORDS_SQL = """
SELECT attempt_id, dialled_at, public, packed, personal, position, previous_hash, hash FROM evidence
WHERE organisation_id = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4"""
# Of the records behind a position, the first that was dialled at that time or later.
FROM_SQL = """
SELECT position FROM evidence WHERE organisation_id = $1 AND position > $2 AND dialled_at >= $3
ORDER BY position LIMIT 1"""
LINK_SQL = "SELECT position, hash FROM evidence WHERE organisation_id = $1 AND position = $2"
UNSEALED_COUNT_SQL = """
SELECT count(*) FROM evidence WHERE organisation_id = $1 AND position IS NULL
    AND ($2::timestamptz IS NULL OR dialled_at >= $2) AND ($3::timestamptz IS NULL OR dialled_at < $3)"""


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the chain: the records behind `before` up to position `last`, and the signed days in it."""

    before: Link
    last: int
    days: list[tuple[Day, bytes]]


async def insert(db: Database, organisation: int, rows: Sequence[EvidenceRow], at: datetime) -> None:
    """Keep why attempts that are dialled at `at` were allowed. Call it in the transaction that starts them."""
    await db.execute(
        INSERT_SQL,
        organisation,
        at,
        [row.attempt_id for row in rows],
        [pack(row.public) for row in rows],
        [row.personal for row in rows],
    )


async def insert_once(db: Database, organisation: int, row: EvidenceRow, at: datetime) -> None:
    """Keep why a number outside was called at `at`, unless that is kept already."""
    await db.execute(INSERT_ONCE_SQL, organisation, row.attempt_id, at, pack(row.public), row.personal)


async def waiting(db: Database, until: datetime) -> list[int]:
    """Organisations with attempts dialled before `until` to seal, or a day to sign that was over then."""
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    return [row["organisation_id"] for row in await db.fetch(WAITING_SQL, until, midnight)]


async def try_lock(db: Database, organisation: int) -> bool:
    """Be the only one who adds to the chain until the transaction ends; False: somebody else does."""
    return await db.fetchval(TRY_LOCK_SQL, organisation)


async def open_chain(db: Database, organisation: int, until: datetime) -> OpenChain:
    signed = await db.fetchrow(SIGNED_SQL, organisation)
    sealed = await db.fetchrow(END_SQL, organisation)
    signed_end = START if signed is None else Link(signed["last"], signed["head"])
    end = START if sealed is None else Link(sealed["position"], sealed["hash"])
    return OpenChain(
        # records that were taken away do not bring their positions back
        end=max(end, signed_end, key=lambda link: link.position),
        signed=signed_end,
        signed_day=None if signed is None else signed["day"],
        first_at=await db.fetchval(FIRST_AT_SQL, organisation, signed_end.position + 1, until),
    )


async def unsealed(db: Database, organisation: int, until: datetime, count: int) -> list[Unsealed]:
    """The first `count` records dialled before `until` that have no place yet, locked. Call it in a transaction."""
    await db.execute(BY_INDEX_SQL)
    rows = await db.fetch(UNSEALED_SQL, organisation, until, count)
    return [Unsealed(row["attempt_id"], row["dialled_at"], _public(row)) for row in rows]


def _public(row: Record) -> Any:
    """What a record says. None of one that somebody made unreadable: where it was
    sealed before, its hash is not the one that is written there."""
    try:
        return json.loads(row["public"] if row["packed"] is None else unpack(row["packed"]))
    except ValueError:
        return None


async def seal(db: Database, organisation: int, sealed: Sequence[Sealed]) -> None:
    """Write the places of records down; they are in the order in which they were dialled."""
    await db.execute(
        SEAL_SQL,
        organisation,
        [each.record.attempt_id for each in sealed],
        [each.record.dialled_at for each in sealed],
        [each.link.position for each in sealed],
        [each.previous for each in sealed],
        [each.link.hash for each in sealed],
        sealed[0].record.dialled_at,
        sealed[-1].record.dialled_at,
    )


async def add_day(db: Database, organisation: int, day: Day, signature: bytes, at: datetime) -> None:
    """Keep a day that was signed at `at`."""
    await db.execute(ADD_DAY_SQL, organisation, *row_of_day(day, signature, at))


async def span(db: Database, organisation: int, first: date | None, last: date | None) -> Span:
    """The records of the days `first` to `last`, both with it (None: from the beginning, up to now), and no others.

    Records that no day's signature holds yet belong to the day on which they were dialled, late ones to that of the
    record in front of them.
    """
    # what is read first grows least: a day that is signed meanwhile is in the file, with or without its signature
    signed = await db.fetchrow(SIGNED_SQL, organisation)
    before = None if first is None else await db.fetchrow(BEFORE_SQL, organisation, first)
    rows = await db.fetch(DAYS_SQL, organisation, first, last)
    start = START if before is None else Link(before["last"], before["head"])
    end = rows[-1]["last"] if rows else start.position
    if signed is None or last is None or last > signed["day"]:
        behind = max(end, 0 if signed is None else signed["last"])
        end = await _end(db, organisation, behind, last)
    if first is not None and not rows:
        beginning = await db.fetchval(FROM_SQL, organisation, start.position, midnight(first))
        start = await _link(db, organisation, start, end if beginning is None else beginning - 1)
    return Span(start, max(end, start.position), [(day_of_row(row), row["signature"]) for row in rows])


async def _end(db: Database, organisation: int, behind: int, last: date | None) -> int:
    """The last position behind that of the last signed day that belongs to a day up to `last`."""
    if last is not None:
        beyond = await db.fetchval(FROM_SQL, organisation, behind, midnight(last + timedelta(days=1)))
        if beyond is not None:
            return beyond - 1
    newest = await db.fetchrow(END_SQL, organisation)
    return max(behind, 0 if newest is None else newest["position"])


async def _link(db: Database, organisation: int, start: Link, position: int) -> Link:
    """The link at a position that is not in front of `start`."""
    row = await db.fetchrow(LINK_SQL, organisation, position) if position > start.position else None
    return start if row is None else Link(row["position"], row["hash"])


def midnight(day: date) -> datetime:
    """When a day of evidence begins: in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def days(db: Database, organisation: int, first: date | None, last: date | None) -> list[tuple[Day, bytes]]:
    """The signed days from `first` to `last`, both with it, each with its signature."""
    return [(day_of_row(row), row["signature"]) for row in await db.fetch(DAYS_SQL, organisation, first, last)]


async def records(db: Database, organisation: int, part: Span) -> AsyncIterator[tuple[Sealed, Any]]:
    """The records of a part, each with its personal fields, in the order of the chain."""
    after = part.before.position
    while rows := await db.fetch(RECORDS_SQL, organisation, after, part.last, PAGE):
        for row in rows:
            record = Unsealed(row["attempt_id"], row["dialled_at"], _public(row))
            link = Link(row["position"], row["hash"])
            yield Sealed(record, row["previous_hash"], link), json.loads(row["personal"])
        after = rows[-1]["position"]


async def lines(
    db: Database, organisation: int, file: EvidenceFile, first: date | None, last: date | None, at: datetime
) -> AsyncIterator[bytes]:
    """The file of the days `first` to `last`, as `span` takes them, exported at `at`."""
    part = await span(db, organisation, first, last)
    yield file.header(part.before, first, last, at)
    days = deque(part.days)
    async for sealed, personal in records(db, organisation, part):
        # also behind a record that is missing
        while days and days[0][0].last < sealed.link.position:
            yield file.day(*days.popleft())
        yield file.record(sealed, personal)
    for day, signature in days:
        yield file.day(day, signature)
    yield file.end()


async def count_unsealed(db: Database, organisation: int, first: date | None, last: date | None) -> int:
    """Records of these days that have no place in the chain yet."""
    begin = None if first is None else midnight(first)
    end = None if last is None else midnight(last + timedelta(days=1))
    return await db.fetchval(UNSEALED_COUNT_SQL, organisation, begin, end)
