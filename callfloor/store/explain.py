"""What decides whether a lead is dialled, and when its turn comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from asyncpg import Record

from callfloor.rules.eligibility import CampaignFacts, LeadFacts, ListFacts
from callfloor.rules.hours import parse_hours
from callfloor.store.pool import Database

MOST_COUNTED = 10_000

FACTS_SQL = """
SELECT l.*, s.in_dialler, s.weight, c.campaign_id, c.direction, c.active,
    c.timezone AS campaign_timezone, c.calling_hours, c.max_attempts
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
     FROM leads WHERE {_FREE} AND next_attempt_at <= $3::timestamptz
     ORDER BY next_attempt_at, lead_id LIMIT $4::integer)
    UNION ALL
    (SELECT lead_id, 1, row_number() OVER (ORDER BY next_attempt_at, lead_id)
     FROM leads WHERE {_FREE} AND next_attempt_at IS NULL
     ORDER BY next_attempt_at, lead_id LIMIT $4::integer)
) AS head
ORDER BY untimed, place LIMIT $4::integer"""
POSITION_SQL = f"SELECT position FROM ({DIALLING_ORDER_SQL}) AS head WHERE lead_id = $5"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at (see `rules.eligibility.judge`), and where the lead stands."""

    lead: LeadFacts
    of_list: ListFacts
    campaign: CampaignFacts
    list_id: int
    campaign_id: int


async def facts(db: Database, organisation: int, lead_id: int) -> Facts | None:
    """The facts on one lead at one moment; None: no such lead."""
    row = await db.fetchrow(FACTS_SQL, organisation, lead_id)
    return None if row is None else facts_of(row)


def facts_of(row: Record) -> Facts:
    """The facts in a row with the columns of `FACTS_SQL`."""
    hours = (
        None if row["calling_hours"] is None else msgspec.json.decode(row["calling_hours"], type=dict[str, list[str]])
    )
    return Facts(
        lead=LeadFacts(
            completed_at=row["completed_at"],
            status_code=row["status_code"],
            phones=(row["phone1"], row["phone2"], row["phone3"]),
            phone_attempts=(row["phone1_attempts"], row["phone2_attempts"], row["phone3_attempts"]),
            attempts=row["attempts"],
            next_attempt_at=row["next_attempt_at"],
            callback_agent_id=row["agent_id"],
            zone=row["timezone"],
            in_flight=row["in_flight_attempt_id"] is not None,
        ),
        of_list=ListFacts(in_dialler=row["in_dialler"], weight=row["weight"]),
        campaign=CampaignFacts(
            direction=row["direction"],
            active=row["active"],
            zone=row["campaign_timezone"],
            hours=None if hours is None else parse_hours(hours),
            max_attempts=row["max_attempts"],
        ),
        list_id=row["list_id"],
        campaign_id=row["campaign_id"],
    )


async def position(db: Database, organisation: int, list_id: int, lead_id: int, now: datetime) -> int | None:
    """The lead's place in its list's dialling order, 1 is next; None beyond `MOST_COUNTED` or when it has none."""
    return await db.fetchval(POSITION_SQL, organisation, list_id, now, MOST_COUNTED, lead_id)
