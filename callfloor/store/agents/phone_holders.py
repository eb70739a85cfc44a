"""Which of an agent's devices has its phone, where that is in a browser."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from callfloor.store.db.pool import Database

# Who did not say for so long that it has the phone has it no more.
HELD = timedelta(seconds=45)

# no row: another device has it
HOLD_SQL = """
INSERT INTO phone_holders AS h (organisation_id, agent_id, device, since, until)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organisation_id, agent_id) DO UPDATE
SET device = excluded.device, until = excluded.until,
    since = CASE WHEN h.device = excluded.device AND h.until >= $4 THEN h.since ELSE excluded.since END
WHERE h.device = excluded.device OR h.until < $4 OR $6
RETURNING device, since, until"""
GET_SQL = """
SELECT since FROM phone_holders WHERE organisation_id = $1 AND agent_id = $2 AND until >= $3"""


async def hold(
    db: Database, organisation: int, agent_id: int, device: UUID, now: datetime, *, take_over: bool
) -> Record | None:
    """Let the device have the phone, or go on having it. None: another one has it."""
    return await db.fetchrow(HOLD_SQL, organisation, agent_id, device, now, now + HELD, take_over)


async def held_since(db: Database, organisation: int, agent_id: int, now: datetime) -> datetime | None:
    """None: no device has it."""
    return await db.fetchval(GET_SQL, organisation, agent_id, now)
