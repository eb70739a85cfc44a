"""What agents type on calls, before they send it with the wrap-up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from callfloor.rules.privacy.customers import Customer
from callfloor.store.db.pool import Database

# A call whose wrap-up ended by itself keeps what was typed for so long.
KEPT = timedelta(days=1)

GET_SQL = """
SELECT content, revision, updated_at FROM call_drafts
WHERE organisation_id = $1 AND agent_id = $2 AND activity_id = $3"""
# no row: there is a newer one than it was made from
PUT_SQL = """
INSERT INTO call_drafts (organisation_id, agent_id, activity_id, content, updated_at, page, step)
VALUES ($1, $2, $3, $4::text::jsonb, $5, $7, $8)
ON CONFLICT (organisation_id, agent_id, activity_id) DO UPDATE
SET content = excluded.content, updated_at = excluded.updated_at, revision = call_drafts.revision + 1,
    page = excluded.page, step = excluded.step
WHERE $6::bigint IS NULL OR call_drafts.revision = $6
   OR (call_drafts.page = excluded.page AND call_drafts.step < excluded.step)
RETURNING revision"""
FORGET_SQL = "DELETE FROM call_drafts WHERE organisation_id = $1 AND agent_id = $2 AND activity_id = $3"
EXPIRE_SQL = "DELETE FROM call_drafts WHERE updated_at < $1"
OF_CUSTOMER_SQL = """
SELECT agent_id, activity_id, content FROM call_drafts WHERE organisation_id = $1 AND content::text ~* $2 FOR UPDATE"""
SCRUB_SQL = """
UPDATE call_drafts SET content = $4::text::jsonb WHERE organisation_id = $1 AND agent_id = $2 AND activity_id = $3"""


async def get(db: Database, organisation: int, agent_id: int, activity_id: int) -> Record | None:
    """Content (JSON), revision and time of what the agent typed on a call."""
    return await db.fetchrow(GET_SQL, organisation, agent_id, activity_id)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a draft was made from: a `revision`, None whatever it is; by which `page` and which `step` of it."""

    revision: int | None = None
    page: UUID | None = None
    step: int = 0


async def put(
    db: Database, organisation: int, agent_id: int, activity_id: int, content: str, now: datetime, origin: Origin
) -> int | None:
    """`content`: a JSON object. Answers its revision; None: there is a newer one, which stays."""
    made_from = origin.revision, origin.page, origin.step
    row = await db.fetchrow(PUT_SQL, organisation, agent_id, activity_id, content, now, *made_from)
    return None if row is None else row["revision"]


async def forget(db: Database, organisation: int, agent_id: int, activity_id: int) -> None:
    """It was sent, or is not wanted."""
    await db.execute(FORGET_SQL, organisation, agent_id, activity_id)


async def expire(db: Database, now: datetime) -> None:
    """Forget what nobody came back to."""
    await db.execute(EXPIRE_SQL, now - KEPT)


async def erase(db: Database, organisation: int, customer: Customer) -> None:
    """Take a customer out of what was typed."""
    for row in await db.fetch(OF_CUSTOMER_SQL, organisation, customer.sought.pattern):
        content = msgspec.json.encode(customer.scrubbed(msgspec.json.decode(row["content"]))).decode()
        await db.execute(SCRUB_SQL, organisation, row["agent_id"], row["activity_id"], content)
