"""What agents' browsers measured of calls' sound."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from asyncpg import Record

from callfloor.rules.privacy.customers import Customer
from callfloor.store.db.pool import Database

KEPT = timedelta(days=90)
# Of one call and agent; whoever presses more often has said it.
MOST = 20

ADD_SQL = """
INSERT INTO call_diagnoses (organisation_id, activity_id, agent_id, made_at, content)
SELECT $1, $2, $3, $4::timestamptz, $5::text::jsonb
WHERE (SELECT count(*) FROM call_diagnoses WHERE organisation_id = $1 AND activity_id = $2 AND agent_id = $3) < $6
ON CONFLICT DO NOTHING
RETURNING 1"""
OF_SQL = """
SELECT agent_id, made_at, content FROM call_diagnoses
WHERE organisation_id = $1 AND activity_id = $2 ORDER BY made_at"""
EXPIRE_SQL = "DELETE FROM call_diagnoses WHERE made_at < $1"
OF_CUSTOMER_SQL = """
SELECT activity_id, agent_id, made_at, content FROM call_diagnoses
WHERE organisation_id = $1 AND content::text ~* $2 FOR UPDATE"""
SCRUB_SQL = """
UPDATE call_diagnoses SET content = $5::text::jsonb
WHERE organisation_id = $1 AND activity_id = $2 AND agent_id = $3 AND made_at = $4"""


async def add(db: Database, organisation: int, activity_id: int, agent_id: int, content: str, now: datetime) -> bool:
    """`content`: a JSON object. False: there are as many as there may be, or one of this moment."""
    return await db.fetchval(ADD_SQL, organisation, activity_id, agent_id, now, content, MOST) is not None


async def of(db: Database, organisation: int, activity_id: int) -> list[Record]:
    """Those of a leg, the oldest first: `agent_id`, `made_at`, `content` (JSON)."""
    return await db.fetch(OF_SQL, organisation, activity_id)


async def expire(db: Database, now: datetime) -> None:
    await db.execute(EXPIRE_SQL, now - KEPT)


async def erase(db: Database, organisation: int, customer: Customer) -> None:
    """Take a customer out of what agents complained of."""
    for row in await db.fetch(OF_CUSTOMER_SQL, organisation, customer.sought.pattern):
        content = msgspec.json.encode(customer.scrubbed(msgspec.json.decode(row["content"]))).decode()
        await db.execute(SCRUB_SQL, organisation, row["activity_id"], row["agent_id"], row["made_at"], content)
