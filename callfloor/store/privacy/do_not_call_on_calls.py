"""Customers who ask on a call, or in its wrap-up, not to be called any more."""

from __future__ import annotations

from datetime import datetime

from asyncpg import Record

from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from callfloor.store.privacy.do_not_call import Asked

LEG_SQL = """
SELECT campaign_id, lead_id, contact, agent_id FROM activities
WHERE organisation_id = $1 AND activity_id = $2 AND type LIKE 'call.%'"""
ASK_LEAD_SQL = """
UPDATE leads SET status_code = 11, updated_at = greatest(updated_at, $3)
WHERE organisation_id = $1 AND lead_id = $2 AND status_code <> 11 RETURNING 1"""
# By itself: it looks into other tables.
BLOCK_SQL = "SELECT block_as_asked(ARRAY[$1::bigint], ARRAY[$2::bigint], ARRAY[$3::bigint], ARRAY[$4::text])"


async def ask_on_call(db: Database, organisation: int, activity_id: int, who: Asked, at: datetime) -> bool:
    """The customer of a call asked not to be called any more: the number that was talked to is blocked, and where it is
    a lead's all of the lead's, whose status becomes Do Not Call. False: no number is known, and nothing was written."""
    async with db.transaction():
        leg = await db.fetchrow(LEG_SQL, organisation, activity_id)
        if leg is None:
            return False
        await do_not_call.asked(db, who)
        by_lead = await db.fetchval(ASK_LEAD_SQL, organisation, leg["lead_id"], at)
        await block_contact(db, organisation, leg)
        return leg["contact"] is not None or by_lead is not None


async def wrapping_up(db: Database, organisation: int, activity_id: int, at: datetime) -> Record | None:
    """Say that whoever wraps this call up asks; returns the call for `block_contact`, None where it is none."""
    leg = await db.fetchrow(LEG_SQL, organisation, activity_id)
    actor = None if leg is None else leg["agent_id"]
    await do_not_call.asked(db, Asked("wrap-up", actor, activity_id, at=at))
    return leg


async def block_contact(db: Database, organisation: int, leg: Record) -> None:
    """Block the number that was talked to on a call, where it is known."""
    await db.execute(BLOCK_SQL, organisation, leg["campaign_id"], leg["lead_id"], leg["contact"])
