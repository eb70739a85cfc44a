"""What decides whether a lead is dialled, and when its turn comes."""

from __future__ import annotations

from datetime import datetime

from asyncpg import Record

from callfloor.store.pool import Database

MOST_COUNTED = 10_000

FACTS_SQL = """
SELECT l.*, s.in_dialler AS list_in_dialler, s.weight AS list_weight, c.campaign_id, c.direction, c.mode,
    c.active AS campaign_active, c.timezone AS campaign_timezone, c.calling_hours, c.max_attempts
FROM leads l
JOIN lists s ON s.organisation_id = l.organisation_id AND s.list_id = l.list_id
JOIN campaigns c ON c.organisation_id = l.organisation_id AND c.campaign_id = s.campaign_id
WHERE l.organisation_id = $1 AND l.lead_id = $2"""

# The first $4 leads of list $2 in the order in which they are dialled at $3: those whose time has come, the earliest
# first, then those without a time, by id. Two ordered scans of leads_dialling_idx, so that leads with a later time,
# however many, cost nothing.
_FREE = "organisation_id = $1 AND list_id = $2 AND dialable AND in_flight_attempt_id IS NULL"
DIALLING_ORDER_SQL = f"""
SELECT lead_id, row_number() OVER (ORDER BY untimed, place) AS position
FROM (
    (SELECT lead_id, 0 AS untimed, row_number() OVER (ORDER BY next_attempt_at, lead_id) AS place
     FROM leads WHERE {_FREE} AND next_attempt_at <= $3::timestamptz ORDER BY next_attempt_at, lead_id LIMIT $4::integer)
    UNION ALL
    (SELECT lead_id, 1, row_number() OVER (ORDER BY next_attempt_at, lead_id)
     FROM leads WHERE {_FREE} AND next_attempt_at IS NULL ORDER BY next_attempt_at, lead_id LIMIT $4::integer)
) AS head
ORDER BY untimed, place LIMIT $4::integer"""
POSITION_SQL = f"SELECT position FROM ({DIALLING_ORDER_SQL}) AS head WHERE lead_id = $5"


async def facts(db: Database, organisation: int, lead_id: int) -> Record | None:
    """The lead's columns with those of its list and campaign that the rules look at."""
    return await db.fetchrow(FACTS_SQL, organisation, lead_id)


async def position(db: Database, organisation: int, list_id: int, lead_id: int, now: datetime) -> int | None:
    """The lead's place in its list's dialling order, 1 is next; None beyond `MOST_COUNTED` or when it has none."""
    return await db.fetchval(POSITION_SQL, organisation, list_id, now, MOST_COUNTED, lead_id)
