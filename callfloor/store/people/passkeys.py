"""Passkeys of users."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from callfloor.rules.people.passkeys import Made
from callfloor.store.db.pool import Database
from callfloor.store.people import factors

OF_USER_SQL = """
SELECT passkey_id, name, credential_id, public_key, sign_count, transports, synced, created_at, last_used_at
FROM passkeys WHERE organisation_id = $1 AND user_id = $2 ORDER BY passkey_id"""
# Of whoever has a credential id already, it is not taken away.
INSERT_SQL = """
INSERT INTO passkeys (organisation_id, user_id, name, credential_id, public_key, sign_count, transports, synced,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (organisation_id, credential_id) DO NOTHING RETURNING passkey_id"""
# `rules.people.passkeys.went_back`, of what stands there now
USE_SQL = """
UPDATE passkeys SET sign_count = $4, last_used_at = $5
WHERE organisation_id = $1 AND user_id = $2 AND passkey_id = $3 AND (sign_count < $4 OR (sign_count = 0 AND $4 = 0))
RETURNING passkey_id"""
REMOVE_SQL = """
DELETE FROM passkeys WHERE organisation_id = $1 AND user_id = $2 AND passkey_id = $3 RETURNING passkey_id"""


async def of_user(db: Database, organisation: int, user_id: int) -> list[Record]:
    """A user's passkeys, by id."""
    return await db.fetch(OF_USER_SQL, organisation, user_id)


async def add(
    db: Database, organisation: int, user_id: int, name: str, made: Made, now: datetime
) -> tuple[int, Sequence[str]] | None:
    """Its id, and recovery codes where the user had no factor; None: somebody has it already."""
    given = made.credential_id, made.public_key, made.sign_count, list(made.transports), made.synced, now
    async with db.transaction():
        passkey_id = await db.fetchval(INSERT_SQL, organisation, user_id, name, *given)
        return None if passkey_id is None else (passkey_id, await factors.first_codes(db, organisation, user_id))


async def use(db: Database, organisation: int, user_id: int, passkey_id: int, counter: int, now: datetime) -> bool:
    """Keep that a passkey was used; False: its counter went back, or it is gone."""
    return await db.fetchval(USE_SQL, organisation, user_id, passkey_id, counter, now) is not None


async def remove(db: Database, organisation: int, user_id: int, passkey_id: int) -> bool:
    """With the last factor the recovery codes go too. False: there was none."""
    async with db.transaction():
        removed = await db.fetchval(REMOVE_SQL, organisation, user_id, passkey_id)
        await factors.after_removal(db, organisation, user_id)
    return removed is not None
