"""Whose number it is: the leads of somebody who calls, or is called without one."""

from __future__ import annotations

from datetime import datetime

from asyncpg import Record

from callfloor.contract.codes import LeadStatus
from callfloor.contract.workspace import CallerLead
from callfloor.store.db.pool import Database

# More than these nobody looks through while a caller speaks.
MOST_SHOWN = 20

_STATUSES = f"{LeadStatus.CALLBACK_QUEUE:d}, {LeadStatus.CALLBACK_AGENT:d}"
_CALLBACK = f"l.completed_at IS NULL AND l.status_code IN ({_STATUSES})"
_SHOWN = f"""
SELECT l.lead_id, s.campaign_id, c.name AS campaign_name, s.name AS list_name,
    CASE WHEN {_CALLBACK} THEN l.next_attempt_at END AS callback_at,
    CASE WHEN {_CALLBACK} THEN l.agent_id END AS agent_id
FROM leads l
JOIN lists s ON s.organisation_id = l.organisation_id AND s.list_id = l.list_id
JOIN campaigns c ON c.organisation_id = l.organisation_id AND c.campaign_id = s.campaign_id
WHERE l.organisation_id = $1 AND"""
OF_NUMBER_SQL = f"""
SELECT * FROM (
    {_SHOWN} l.phone1 = $2
    UNION {_SHOWN} l.phone2 = $2
    UNION {_SHOWN} l.phone3 = $2
) AS of_number ORDER BY callback_at NULLS LAST, lead_id DESC LIMIT $3"""
# A lead of the call's own number, and none of another's.
CHOOSE_SQL = """
UPDATE activities a SET lead_id = $3
WHERE a.organisation_id = $1 AND a.activity_id = $2 AND a.type IN ('call.inbound', 'call.manual')
    AND a.erased_at IS NULL AND ($3::bigint IS NULL OR EXISTS (
        SELECT FROM leads l WHERE l.organisation_id = $1 AND l.lead_id = $3
            AND a.contact IN (l.phone1, l.phone2, l.phone3)))
RETURNING 1"""
# The callback that stood when the call began, and none that was promised since.
FULFIL_SQL = f"""
UPDATE leads l SET status_code = {LeadStatus.CONTACTED:d}, next_attempt_at = NULL, agent_id = NULL,
    updated_at = greatest(l.updated_at, $4)
WHERE l.organisation_id = $1 AND l.lead_id = $2 AND l.next_attempt_at = $3 AND l.in_flight_attempt_id IS NULL
    AND {_CALLBACK}"""


async def of_number(db: Database, organisation: int, number: str) -> tuple[CallerLead, ...]:
    """The leads of a number (E.164), those with a callback first, then the newest."""
    return tuple(map(_shown, await db.fetch(OF_NUMBER_SQL, organisation, number, MOST_SHOWN)))


def _shown(row: Record) -> CallerLead:
    return CallerLead(
        lead_id=row["lead_id"],
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"],
        list_name=row["list_name"],
        callback_timestamp=row["callback_at"],
        callback_agent_id=row["agent_id"],
    )


async def choose(db: Database, organisation: int, activity_id: int, lead_id: int | None) -> bool:
    """The call is with this lead, or with none of them. False: the lead has not the call's number, or is gone."""
    return await db.fetchval(CHOOSE_SQL, organisation, activity_id, lead_id) is not None


async def fulfil_callback(db: Database, organisation: int, lead_id: int, callback_at: datetime, at: datetime) -> None:
    """Whoever was to be called back at `callback_at` called, and was spoken to."""
    await db.execute(FULFIL_SQL, organisation, lead_id, callback_at, at)
