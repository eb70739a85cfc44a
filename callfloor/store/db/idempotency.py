"""Stored answers of writes that carried an Idempotency-Key."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import msgspec

from callfloor.store.db.pool import Database

KEPT = "24 hours"

# The lock is held by the transaction that runs the request: who cannot take it meets a request still running.
LOCK_SQL = "SELECT pg_try_advisory_xact_lock($1)"
FIND_SQL = f"""
SELECT request_hash, status, headers, body FROM idempotency_keys
WHERE organisation_id = $1 AND key_hash = $2 AND created_at > now() - interval '{KEPT}'"""
STORE_SQL = """
INSERT INTO idempotency_keys (organisation_id, key_hash, request_hash, status, headers, body, lead_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (organisation_id, key_hash) DO UPDATE SET
    request_hash = excluded.request_hash, status = excluded.status, headers = excluded.headers,
    body = excluded.body, lead_id = excluded.lead_id, created_at = excluded.created_at"""
EXPIRE_SQL = f"""
DELETE FROM idempotency_keys WHERE (organisation_id, key_hash) IN (
    SELECT organisation_id, key_hash FROM idempotency_keys
    WHERE created_at < now() - interval '{KEPT}' LIMIT 10000)"""


@dataclass(frozen=True, slots=True)
class Stored:
    request_hash: bytes
    status: int
    headers: dict[str, str]
    body: bytes


def keyed_hash(key: bytes, *parts: bytes) -> bytes:
    """A hash that says nothing of its input to those without the organisation's key: clients put what they like,
    numbers included, into keys and requests."""
    return hmac.digest(key, b"".join(len(part).to_bytes(8, "big") + part for part in parts), "sha256")


async def lock(db: Database, organisation: int, key_hash: bytes) -> bool:
    """Claim the key for this transaction; False when another transaction holds it."""
    number = int.from_bytes(key_hash[:8], "big", signed=True) ^ organisation
    return bool(await db.fetchval(LOCK_SQL, number))


async def find(db: Database, organisation: int, key_hash: bytes) -> Stored | None:
    row = await db.fetchrow(FIND_SQL, organisation, key_hash)
    if row is None:
        return None
    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
    return Stored(row["request_hash"], row["status"], headers, row["body"])


async def store(db: Database, organisation: int, key_hash: bytes, answer: Stored, lead_id: int | None) -> None:
    await db.execute(
        STORE_SQL,
        organisation,
        key_hash,
        answer.request_hash,
        answer.status,
        msgspec.json.encode(answer.headers).decode(),
        answer.body,
        lead_id,
    )


async def expire(db: Database) -> int:
    """Drop answers older than a day, at most 10,000 a call; returns how many went."""
    return int((await db.execute(EXPIRE_SQL)).rsplit(" ", 1)[1])
