"""Numbers that must not be dialled, found by a keyed hash, so that the wish outlives an erasure of the number."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from asyncpg import Record

from callfloor.rules.do_not_call_file import Entry
from callfloor.store.pool import Database

WHOLE_ORGANISATION = 0

BLOCKED_SQL = """
SELECT DISTINCT number_hash FROM do_not_call
WHERE organisation_id = $1 AND number_hash = ANY($2::bytea[]) AND campaign_id IN (0, $3)
    AND (expires_at IS NULL OR expires_at > $4)"""
BLOCKED_UNTIL_SQL = """
SELECT number_hash, CASE WHEN bool_or(expires_at IS NULL) THEN NULL ELSE max(expires_at) END AS until
FROM do_not_call
WHERE organisation_id = $1 AND number_hash = ANY($2::bytea[]) AND campaign_id IN (0, $3)
    AND (expires_at IS NULL OR expires_at > $4)
GROUP BY number_hash"""
# A number that is blocked already stays blocked for the longer of both times.
ADD_SQL = """
INSERT INTO do_not_call AS d (organisation_id, number_hash, campaign_id, phone_number, reason, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (organisation_id, number_hash, campaign_id) DO UPDATE SET
    phone_number = excluded.phone_number, reason = coalesce(excluded.reason, d.reason),
    expires_at = CASE WHEN d.expires_at IS NOT NULL AND excluded.expires_at IS NOT NULL
        THEN greatest(d.expires_at, excluded.expires_at) END"""

# The same for many; says of each whether it is new.
ADD_MANY_SQL = f"""
{
    ADD_SQL.replace(
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        '''SELECT $1, n.number_hash, $2, n.phone_number, n.reason,
    n.expires_at, $7 FROM unnest($3::bytea[], $4::text[], $5::text[], $6::timestamptz[])
    AS n (number_hash, phone_number, reason, expires_at)''',
    )
}
RETURNING d.xmax = 0 AS added"""
REMOVE_SQL = """
DELETE FROM do_not_call WHERE organisation_id = $1 AND campaign_id = $2 AND number_hash = ANY($3::bytea[])
RETURNING number_hash"""
FIND_SQL = """
SELECT d.number_hash, d.campaign_id, c.name AS campaign, d.reason, d.created_at, d.expires_at FROM do_not_call d
LEFT JOIN campaigns c ON c.organisation_id = d.organisation_id AND c.campaign_id = d.campaign_id
WHERE d.organisation_id = $1 AND d.number_hash = ANY($2::bytea[]) AND (d.campaign_id IN (0, $3) OR $3 = 0)
    AND (d.expires_at IS NULL OR d.expires_at > $4)
ORDER BY d.campaign_id"""
PAGE_SQL = """
SELECT d.number_hash, d.campaign_id, c.name AS campaign, d.phone_number, d.reason, d.created_at, d.expires_at
FROM do_not_call d
LEFT JOIN campaigns c ON c.organisation_id = d.organisation_id AND c.campaign_id = d.campaign_id
WHERE d.organisation_id = $1 AND (d.number_hash, d.campaign_id) > ($2, $3)
    AND ($4::bigint IS NULL OR d.campaign_id = $4)
ORDER BY d.number_hash, d.campaign_id LIMIT $5"""
KEY_SQL = "SELECT hash_key FROM organisations WHERE organisation_id = $1"
CAMPAIGN_SQL = "SELECT campaign_id FROM campaigns WHERE organisation_id = $1 AND name = $2"

PAGE = 10_000


def number_hash(hash_key: bytes, number: str) -> bytes:
    """How a number (E.164) is found; `hash_key` is the organisation's."""
    return hmac.digest(hash_key, number.encode(), hashlib.sha256)


async def blocked(
    db: Database, organisation: int, hash_key: bytes, campaign_id: int, numbers: Iterable[str], now: datetime
) -> frozenset[str]:
    """Which of the numbers (E.164) must not be dialled for the campaign at `now`."""
    by_hash = {number_hash(hash_key, number): number for number in numbers}
    rows = await db.fetch(BLOCKED_SQL, organisation, list(by_hash), campaign_id, now)
    return frozenset(by_hash[row["number_hash"]] for row in rows)


async def blocked_until(
    db: Database, organisation: int, hash_key: bytes, campaign_id: int, numbers: Iterable[str], now: datetime
) -> dict[str, datetime | None]:
    """Which of the numbers (E.164) must not be dialled for the campaign at `now`, and until when; None: for good."""
    by_hash = {number_hash(hash_key, number): number for number in numbers}
    rows = await db.fetch(BLOCKED_UNTIL_SQL, organisation, list(by_hash), campaign_id, now)
    return {by_hash[row["number_hash"]]: row["until"] for row in rows}


async def add(
    db: Database,
    organisation: int,
    hash_key: bytes,
    number: str,
    now: datetime,
    *,
    campaign_id: int = WHOLE_ORGANISATION,
    reason: str | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Block a number (E.164) for one campaign or the whole organisation, until `expires_at` or for good."""
    hashed = number_hash(hash_key, number)
    await db.execute(ADD_SQL, organisation, hashed, campaign_id, number, reason, expires_at, now)


async def add_many(
    db: Database, organisation: int, hash_key: bytes, campaign_id: int, entries: Sequence[Entry], now: datetime
) -> int:
    """Block numbers; returns how many were not blocked before. Of a number that is there twice the later one counts."""
    by_hash = {number_hash(hash_key, each.number): each for each in entries}
    rows = await db.fetch(
        ADD_MANY_SQL,
        organisation,
        campaign_id,
        list(by_hash),
        [each.number for each in by_hash.values()],
        [each.reason for each in by_hash.values()],
        [each.expires_at for each in by_hash.values()],
        now,
    )
    return sum(row["added"] for row in rows)


async def remove(
    db: Database, organisation: int, hash_key: bytes, campaign_id: int, numbers: Iterable[str]
) -> frozenset[str]:
    """Let numbers (E.164) be dialled again; returns those that were blocked on this very list."""
    by_hash = {number_hash(hash_key, number): number for number in numbers}
    rows = await db.fetch(REMOVE_SQL, organisation, campaign_id, list(by_hash))
    return frozenset(by_hash[row["number_hash"]] for row in rows)


async def find(
    db: Database, organisation: int, hash_key: bytes, campaign_id: int, number: str, now: datetime
) -> list[Record]:
    """Why the number (E.164) must not be dialled for the campaign at `now`; for `WHOLE_ORGANISATION`: for any."""
    return await db.fetch(FIND_SQL, organisation, [number_hash(hash_key, number)], campaign_id, now)


async def every(db: Database, organisation: int, campaign_id: int | None) -> AsyncIterator[Record]:
    """Every entry, of one list or (None) of all, in no order that means something."""
    after: tuple[bytes, int] = (b"", -1)
    while rows := await db.fetch(PAGE_SQL, organisation, *after, campaign_id, PAGE):
        for row in rows:
            yield row
        after = rows[-1]["number_hash"], rows[-1]["campaign_id"]


async def key(db: Database, organisation: int) -> bytes:
    """The organisation's hash key."""
    return await db.fetchval(KEY_SQL, organisation)


async def list_of(db: Database, organisation: int, campaign: str) -> int | None:
    """The id under which a campaign's list is kept; None: there is no campaign of that name."""
    return await db.fetchval(CAMPAIGN_SQL, organisation, campaign)
