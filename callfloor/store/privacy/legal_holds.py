"""Legal holds: what is kept whatever retention, a deletion or an erasure says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from callfloor.rules.privacy.customers import Customer
from callfloor.store.db.pool import Database

# The erasure's: a hold is placed before it, or behind it.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor erasure', $1))"
REASONS_SQL = """
SELECT hold_id, reason FROM legal_holds WHERE organisation_id = $1 AND reason ~* $2 FOR UPDATE"""
SCRUB_REASON_SQL = "UPDATE legal_holds SET reason = $3 WHERE organisation_id = $1 AND hold_id = $2"
HOLDS_SQL = """
SELECT hold_id, object_type, object_id, reason, placed_by, placed_at, lifted_at FROM legal_holds
WHERE organisation_id = $1 AND hold_id > $2 AND ($3 OR lifted_at IS NULL) ORDER BY hold_id LIMIT $4"""
EXISTS_SQL = """
SELECT CASE $2
    WHEN 'lead' THEN EXISTS (SELECT FROM leads WHERE organisation_id = $1 AND lead_id = $3)
    WHEN 'campaign' THEN EXISTS (SELECT FROM campaigns WHERE organisation_id = $1 AND campaign_id = $3)
    ELSE EXISTS (SELECT FROM activities
        WHERE organisation_id = $1 AND activity_id = $3 AND root_activity_id = activity_id) END"""
PLACE_SQL = """
INSERT INTO legal_holds (organisation_id, object_type, object_id, reason, placed_by, placed_at)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING hold_id, object_type, object_id, reason, placed_by, placed_at, lifted_at"""
LIFT_SQL = """
UPDATE legal_holds SET lifted_at = $3 WHERE organisation_id = $1 AND hold_id = $2 AND lifted_at IS NULL
RETURNING hold_id, object_type, object_id"""
# Holds on any of these leads or calls, or on a campaign that one of them belongs to.
HELD_SQL = """
SELECT DISTINCT h.hold_id FROM legal_holds h WHERE h.organisation_id = $1 AND h.lifted_at IS NULL AND (
    (h.object_type = 'lead' AND h.object_id = ANY($2::bigint[]))
    OR (h.object_type = 'call' AND EXISTS (SELECT FROM activities a
        WHERE a.organisation_id = $1 AND a.activity_id = ANY($3::bigint[]) AND a.root_activity_id = h.object_id))
    OR (h.object_type = 'campaign' AND (
        EXISTS (SELECT FROM leads l JOIN lists s ON s.organisation_id = l.organisation_id AND s.list_id = l.list_id
            WHERE l.organisation_id = $1 AND l.lead_id = ANY($2::bigint[]) AND s.campaign_id = h.object_id)
        OR EXISTS (SELECT FROM activities a
            WHERE a.organisation_id = $1 AND a.activity_id = ANY($3::bigint[]) AND a.campaign_id = h.object_id)))
    OR (h.object_type = 'lead' AND EXISTS (SELECT FROM activities a
        WHERE a.organisation_id = $1 AND a.activity_id = ANY($3::bigint[]) AND a.lead_id = h.object_id)))
ORDER BY h.hold_id"""


async def erase(db: Database, organisation: int, customer: Customer) -> None:
    """Take a customer out of the reasons of holds. What is held of the customer itself is not erased."""
    for row in await db.fetch(REASONS_SQL, organisation, customer.sought.pattern):
        await db.execute(SCRUB_REASON_SQL, organisation, row["hold_id"], customer.scrubbed(row["reason"]))


async def lock(db: Database, organisation: int) -> None:
    """Keep erasures, retention and new holds out until the transaction in progress ends."""
    await db.execute(LOCK_SQL, organisation)


async def holds(db: Database, organisation: int, after: int, count: int, *, lifted: bool) -> list[Record]:
    """At most `count` legal holds with ids above `after`. `lifted`: those that were lifted too."""
    return await db.fetch(HOLDS_SQL, organisation, after, lifted, count)


async def place(
    db: Database, organisation: int, object_type: str, object_id: int, reason: str, by: int | None, at: datetime
) -> Record | None:
    """Hold a lead, a call (its first activity) or a campaign; None: there is no such thing."""
    async with db.transaction():
        # a run that is deleting now goes first
        await lock(db, organisation)
        if not await db.fetchval(EXISTS_SQL, organisation, object_type, object_id):
            return None
        return await db.fetchrow(PLACE_SQL, organisation, object_type, object_id, reason, by, at)


async def lift(db: Database, organisation: int, hold_id: int, at: datetime) -> Record | None:
    """Lift a hold; None: there is none that stands."""
    return await db.fetchrow(LIFT_SQL, organisation, hold_id, at)


async def held(db: Database, organisation: int, leads: Sequence[int], activities: Sequence[int]) -> list[int]:
    """The holds that keep any of these leads and activities."""
    rows = await db.fetch(HELD_SQL, organisation, list(leads), list(activities))
    return [row["hold_id"] for row in rows]
