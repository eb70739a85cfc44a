"""Numbers that must not be dialled, found by a keyed hash, so that the wish outlives an erasure of the number."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from callfloor.store.pool import Database

WHOLE_ORGANISATION = 0

BLOCKED_SQL = """
SELECT DISTINCT number_hash FROM do_not_call
WHERE organisation_id = $1 AND number_hash = ANY($2::bytea[]) AND campaign_id IN (0, $3)
    AND (expires_at IS NULL OR expires_at > $4)"""
# A number that is blocked already stays blocked for the longer of both times.
ADD_SQL = """
INSERT INTO do_not_call AS d (organisation_id, number_hash, campaign_id, phone_number, reason, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (organisation_id, number_hash, campaign_id) DO UPDATE SET
    phone_number = excluded.phone_number, reason = coalesce(excluded.reason, d.reason),
    expires_at = CASE WHEN d.expires_at IS NOT NULL AND excluded.expires_at IS NOT NULL
        THEN greatest(d.expires_at, excluded.expires_at) END"""


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
