"""The audit's chain: entries get their places in it after they were written, and each day its signature."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from callfloor.rules.audit.entries import Actor, Entry, Head, Linked, Written
from callfloor.rules.evidence.evidence import START, Day, Link, moment
from callfloor.store.db.chains import OpenChain, day_of_row, row_of_day
from callfloor.store.db.pool import Database

_ENTRY = """entry_id, happened_at, actor_type, actor_id, actor_name, token_id, address, request_id, action, object_type,
    object_ids, object_name, details"""
# With something to seal, or with entries of a day before $2 that no day's signature holds yet.
WAITING_SQL = """
SELECT organisation_id FROM audit_entries WHERE position IS NULL AND happened_at < $1
UNION
SELECT h.organisation_id FROM audit_heads h
WHERE EXISTS (
    SELECT FROM audit_entries e WHERE e.organisation_id = h.organisation_id AND e.happened_at < $2
        AND e.position = 1 + coalesce(
            (SELECT max(d.last) FROM audit_days d WHERE d.organisation_id = h.organisation_id), 0))
ORDER BY organisation_id"""
TRY_LOCK_SQL = "SELECT pg_try_advisory_xact_lock(hashtextextended('callfloor audit', $1))"
SIGNED_SQL = "SELECT day, last, head FROM audit_days WHERE organisation_id = $1 ORDER BY day DESC LIMIT 1"
HEAD_SQL = "SELECT position, hash, signed_at, signature FROM audit_heads WHERE organisation_id = $1"
FIRST_AT_SQL = """
SELECT coalesce(
    (SELECT happened_at FROM audit_entries WHERE organisation_id = $1 AND position >= $2 ORDER BY position LIMIT 1),
    (SELECT min(happened_at) FROM audit_entries
        WHERE organisation_id = $1 AND position IS NULL AND happened_at < $3))"""
UNSEALED_SQL = f"""
SELECT {_ENTRY} FROM audit_entries
WHERE organisation_id = $1 AND position IS NULL AND happened_at < $2 ORDER BY entry_id LIMIT $3"""
SEAL_SQL = """
UPDATE audit_entries e SET position = n.position, previous_hash = n.previous, hash = n.hash
FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) AS n (entry_id, position, previous, hash)
WHERE e.organisation_id = $1 AND e.entry_id = n.entry_id AND e.position IS NULL"""
ADD_DAY_SQL = """
INSERT INTO audit_days (organisation_id, day, first, last, previous, head, count, signature, signed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
PUT_HEAD_SQL = """
INSERT INTO audit_heads (organisation_id, position, hash, signed_at, signature) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organisation_id) DO UPDATE SET position = excluded.position, hash = excluded.hash,
    signed_at = excluded.signed_at, signature = excluded.signature"""
DAYS_SQL = """
SELECT day, first, last, previous, head, count, signature, signed_at FROM audit_days
WHERE organisation_id = $1 AND last > $2 ORDER BY day"""
LINKED_SQL = f"""
SELECT {_ENTRY}, position, previous_hash, hash FROM audit_entries
WHERE organisation_id = $1 AND position > $2 ORDER BY position, entry_id LIMIT $3"""
UNSEALED_COUNT_SQL = "SELECT count(*) FROM audit_entries WHERE organisation_id = $1 AND position IS NULL"


async def waiting(db: Database, until: datetime) -> list[int]:
    """Organisations with entries before `until` to seal, or a day to sign that was over then."""
    midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
    return [row["organisation_id"] for row in await db.fetch(WAITING_SQL, until, midnight)]


async def try_lock(db: Database, organisation: int) -> bool:
    """Be the only one who adds to the chain until the transaction ends; False: somebody else does."""
    return await db.fetchval(TRY_LOCK_SQL, organisation)


async def open_chain(db: Database, organisation: int, until: datetime) -> OpenChain:
    signed = await db.fetchrow(SIGNED_SQL, organisation)
    head = await db.fetchrow(HEAD_SQL, organisation)
    signed_end = START if signed is None else Link(signed["last"], signed["head"])
    # the head says where it ends, not the entries: whoever cut some off leaves a gap
    end = signed_end if head is None else Link(head["position"], head["hash"])
    return OpenChain(
        end=end,
        signed=signed_end,
        signed_day=None if signed is None else signed["day"],
        first_at=await db.fetchval(FIRST_AT_SQL, organisation, signed_end.position + 1, until),
    )


async def unsealed(db: Database, organisation: int, until: datetime, count: int) -> list[Written]:
    """The first `count` entries before `until` that have no place yet. Call it under the lock."""
    return [_written(row) for row in await db.fetch(UNSEALED_SQL, organisation, until, count)]


async def seal(db: Database, organisation: int, linked: Sequence[Linked]) -> None:
    """Write the places of entries down."""
    await db.execute(
        SEAL_SQL,
        organisation,
        [each.written.entry_id for each in linked],
        [each.link.position for each in linked],
        [each.previous for each in linked],
        [each.link.hash for each in linked],
    )


async def put_head(db: Database, organisation: int, end: Link, at: datetime, signature: bytes) -> None:
    """Say where the chain ends. `signature`: of its `Head`."""
    await db.execute(PUT_HEAD_SQL, organisation, end.position, end.hash, at, signature)


async def add_day(db: Database, organisation: int, day: Day, signature: bytes, at: datetime) -> None:
    """Keep a day that was signed at `at`."""
    await db.execute(ADD_DAY_SQL, organisation, *row_of_day(day, signature, at))


async def head(db: Database, organisation: int) -> tuple[Head, bytes] | None:
    """Where the chain is said to end, with the signature; None: nothing was sealed yet."""
    row = await db.fetchrow(HEAD_SQL, organisation)
    if row is None:
        return None
    return Head(row["position"], row["hash"].hex(), moment(row["signed_at"])), row["signature"]


async def days(db: Database, organisation: int, behind: int) -> list[tuple[Day, bytes]]:
    """The signed days that end behind a position, each with its signature."""
    return [(day_of_row(row), row["signature"]) for row in await db.fetch(DAYS_SQL, organisation, behind)]


async def linked(db: Database, organisation: int, behind: int, count: int) -> list[Linked]:
    """The first `count` entries behind a position, in the order of the chain."""
    rows = await db.fetch(LINKED_SQL, organisation, behind, count)
    return [Linked(_written(row), row["previous_hash"], Link(row["position"], row["hash"])) for row in rows]


async def count_unsealed(db: Database, organisation: int) -> int:
    """Entries that have no place in the chain yet."""
    return await db.fetchval(UNSEALED_COUNT_SQL, organisation)


def _written(row: Record) -> Written:
    request = row["request_id"]
    return Written(
        row["entry_id"],
        row["happened_at"],
        Actor(
            row["actor_type"],
            row["actor_id"],
            row["actor_name"],
            row["token_id"],
            row["address"] or "",
            None if request is None else str(request),
        ),
        Entry(
            row["action"],
            row["object_type"],
            tuple(row["object_ids"]),
            row["object_name"],
            json.loads(row["details"]),
        ),
    )
