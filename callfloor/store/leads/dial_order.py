"""Leads in the order in which they are dialled, walked a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asyncpg import Record

from callfloor.contract.codes import LeadStatus
from callfloor.rules.dialling.contact_zone import contact_zones
from callfloor.rules.dialling.lead_facts import LeadFacts
from callfloor.rules.dialling.strategy import CALLBACKS
from callfloor.rules.values.times import zone
from callfloor.store.db.pool import Database
from callfloor.store.leads import number_history
from callfloor.store.setup.campaigns import CampaignSetup

_FREE = "l.organisation_id = $1 AND l.dialable AND l.in_flight_attempt_id IS NULL"
FACTS = """l.lead_id, l.list_id, l.status_code, l.completed_at, l.phone1, l.phone2, l.phone3, l.phone1_attempts,
    l.phone2_attempts, l.phone3_attempts, l.phone1_dial_status, l.phone2_dial_status, l.phone3_dial_status, l.attempts,
    l.next_attempt_at, l.agent_id, l.timezone, l.in_flight_attempt_id, l.abandoned_at, l.updated_at"""
_CALLBACK = f"status_code IN ({LeadStatus.CALLBACK_QUEUE:d}, {LeadStatus.CALLBACK_AGENT:d})"
_BY_TIME = "l.next_attempt_at, l.lead_id"
# Each status is walked in two ordered scans of leads_dialling_idx, due leads and leads without a time, from where the
# walk stopped; leads with a later time, however many, cost nothing.
WALK_SQL = f"""
SELECT {FACTS}, s.priority
FROM unnest($3::integer[], $4::integer[], $6::timestamptz[], $7::bigint[], $8::bigint[])
    AS s (status, priority, after_due, after_due_lead, after_lead)
CROSS JOIN LATERAL (
    (SELECT * FROM leads l WHERE {_FREE} AND l.list_id = $2 AND l.status_code = s.status
        AND l.next_attempt_at <= $5 AND ({_BY_TIME}) > (s.after_due, s.after_due_lead)
     ORDER BY {_BY_TIME} LIMIT $9)
    UNION ALL
    (SELECT * FROM leads l WHERE {_FREE} AND l.list_id = $2 AND l.status_code = s.status
        AND l.next_attempt_at IS NULL AND l.lead_id > s.after_lead
     ORDER BY {_BY_TIME} LIMIT $9)
) AS l
ORDER BY s.priority DESC, l.next_attempt_at NULLS LAST, l.lead_id
LIMIT $9"""
# Callbacks that are due, in all lists of a campaign, those for a certain agent only where it is one of $4.
CALLBACKS_SQL = f"""
SELECT {FACTS}
FROM unnest($2::bigint[]) AS s (list_id)
CROSS JOIN unnest('{{{LeadStatus.CALLBACK_QUEUE:d},{LeadStatus.CALLBACK_AGENT:d}}}'::integer[]) AS c (status)
CROSS JOIN LATERAL (
    SELECT * FROM leads l
    WHERE {_FREE} AND l.list_id = s.list_id AND l.status_code = c.status AND l.next_attempt_at <= $3
        AND (c.status = {LeadStatus.CALLBACK_QUEUE:d} OR l.agent_id IS NULL OR l.agent_id = ANY($4::bigint[]))
        AND NOT l.lead_id = ANY($6::bigint[])
    ORDER BY {_BY_TIME} LIMIT $5) AS l
ORDER BY {_BY_TIME} LIMIT $5"""
# Nobody changes these between the judgement and the attempt: whoever did since is passed over.
LOCK_UNCHANGED_SQL = """
SELECT l.lead_id FROM leads l
JOIN unnest($2::bigint[], $3::timestamptz[]) AS n (lead_id, updated_at)
    ON n.lead_id = l.lead_id AND n.updated_at = l.updated_at
WHERE l.organisation_id = $1 AND l.in_flight_attempt_id IS NULL
ORDER BY l.lead_id FOR NO KEY UPDATE OF l SKIP LOCKED"""
LEAD_SQL = f"""
SELECT {FACTS}, s.campaign_id FROM leads l
JOIN lists s ON s.organisation_id = l.organisation_id AND s.list_id = l.list_id
WHERE l.organisation_id = $1 AND l.lead_id = $2"""
DIALLED_SINCE_SQL = """
SELECT lead_id, dialled_at FROM attempts
WHERE organisation_id = $1 AND lead_id = ANY($2::bigint[]) AND dialled_at >= $3"""
STATUSES_SQL = "SELECT code FROM lead_statuses WHERE organisation_id = $1"
RECYCLE_SQL = """
UPDATE leads SET next_attempt_at = NULL, updated_at = greatest(updated_at, $4)
WHERE organisation_id = $1 AND list_id = $2 AND status_code = ANY($3::integer[]) AND dialable
    AND NOT status_code = ANY($5::integer[]) AND in_flight_attempt_id IS NULL AND next_attempt_at > $4"""
# $7: a callback keeps the time that was promised.
SKIP_SQL = f"""
WITH rested AS (
    UPDATE leads SET updated_at = greatest(updated_at, $3),
        next_attempt_at = CASE WHEN $7 AND {_CALLBACK} THEN next_attempt_at ELSE $4 END
    WHERE organisation_id = $1 AND lead_id = $2 AND in_flight_attempt_id IS NULL
    RETURNING lead_id
)
INSERT INTO lead_skips (organisation_id, lead_id, skipped_at, agent_id, reason)
SELECT $1, lead_id, $3, $5, $6 FROM rested ON CONFLICT DO NOTHING"""

_STANDARD = tuple(int(status) for status in LeadStatus if status not in (LeadStatus.DO_NOT_CALL, LeadStatus.COMPLETED))
# Before every due time.
_BEFORE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Mark:
    """How far a status of a list was walked: the last due lead, and the last without a time."""

    due: datetime | None = None
    due_lead: int = 0
    lead: int = 0


def lead_facts(row: Record | Mapping[str, Any], attempts_today: int = 0) -> LeadFacts:
    """The facts in a row of `leads`."""
    return LeadFacts(
        completed_at=row["completed_at"],
        status_code=row["status_code"],
        phones=(row["phone1"], row["phone2"], row["phone3"]),
        phone_attempts=(row["phone1_attempts"], row["phone2_attempts"], row["phone3_attempts"]),
        attempts=row["attempts"],
        next_attempt_at=row["next_attempt_at"],
        callback_agent_id=row["agent_id"],
        zone=row["timezone"],
        in_flight=row["in_flight_attempt_id"] is not None,
        phone_dial_statuses=(row["phone1_dial_status"], row["phone2_dial_status"], row["phone3_dial_status"]),
        attempts_today=attempts_today,
        abandoned_at=row["abandoned_at"],
    )


async def walk(
    db: Database,
    organisation: int,
    list_id: int,
    turns: Sequence[tuple[int, int, Mark]],
    now: datetime,
    count: int,
) -> list[Record]:
    """At most `count` leads of a list behind the marks, first to dial first. `turns`: status, priority, mark."""
    return await db.fetch(
        WALK_SQL,
        organisation,
        list_id,
        [status for status, _, _ in turns],
        [priority for _, priority, _ in turns],
        now,
        [mark.due or _BEFORE for _, _, mark in turns],
        [mark.due_lead for _, _, mark in turns],
        [mark.lead for _, _, mark in turns],
        count,
    )


async def callbacks(
    db: Database,
    organisation: int,
    list_ids: Sequence[int],
    now: datetime,
    agents: Sequence[int],
    count: int,
    without: Sequence[int],
) -> list[Record]:
    """At most `count` callbacks that are due, the earliest first; those for a certain agent only for one of these."""
    return await db.fetch(CALLBACKS_SQL, organisation, list_ids, now, agents, count, without)


async def lock_unchanged(db: Database, organisation: int, leads: Sequence[Record]) -> frozenset[int]:
    """Keep leads as they are until the transaction ends; those that changed or are held by others are left out."""
    ids, versions = [lead["lead_id"] for lead in leads], [lead["updated_at"] for lead in leads]
    return frozenset(row["lead_id"] for row in await db.fetch(LOCK_UNCHANGED_SQL, organisation, ids, versions))


async def lead(db: Database, organisation: int, lead_id: int) -> Record | None:
    """The lead, and the campaign of its list; None: there is none."""
    return await db.fetchrow(LEAD_SQL, organisation, lead_id)


async def dialled_since(
    db: Database, organisation: int, lead_ids: Sequence[int], since: datetime
) -> dict[int, list[datetime]]:
    """When each of these leads was dialled since then."""
    found: dict[int, list[datetime]] = {}
    for row in await db.fetch(DIALLED_SINCE_SQL, organisation, lead_ids, since):
        found.setdefault(row["lead_id"], []).append(row["dialled_at"])
    return found


async def dialled_today(
    db: Database, setup: CampaignSetup, rows: Sequence[Record] | Sequence[Mapping[str, Any]], now: datetime
) -> dict[int, int]:
    """How often each lead was dialled on the day that it is where it is; where that is not certain, in the zone where
    it is most."""
    tried = [row for row in rows if row["attempts"]]
    if setup.facts.max_per_day is None or not tried:
        return {}
    dialled = await dialled_since(db, setup.organisation, [row["lead_id"] for row in tried], now - number_history.DAY)
    today: dict[int, int] = {}
    for row in tried:
        number = row["phone1"] or row["phone2"] or row["phone3"]
        for name in contact_zones(row["timezone"], number, setup.facts.zone) or (setup.facts.zone,):
            at = zone(name)
            day = now.astimezone(at).date()
            made = sum(each.astimezone(at).date() == day for each in dialled.get(row["lead_id"], ()))
            today[row["lead_id"]] = max(made, today.get(row["lead_id"], 0))
    return today


async def dialled_statuses(db: Database, organisation: int) -> tuple[int, ...]:
    """The lead statuses whose leads may be dialled: the contract's and the organisation's own."""
    return (*_STANDARD, *(row["code"] for row in await db.fetch(STATUSES_SQL, organisation)))


async def recycle(db: Database, organisation: int, list_id: int, statuses: Sequence[int], now: datetime) -> None:
    """Leads of these statuses rest no longer; a callback's time stays what was promised."""
    await db.execute(RECYCLE_SQL, organisation, list_id, statuses, now, list(CALLBACKS))


async def skip(
    db: Database,
    organisation: int,
    lead_id: int,
    agent_id: int,
    reason: str,
    now: datetime,
    until: datetime,
    *,
    keep_promise: bool = False,
) -> None:
    """An agent does not call the lead: it rests until `until`. `keep_promise`: a callback stays due when it was."""
    await db.execute(SKIP_SQL, organisation, lead_id, now, until, agent_id, reason, keep_promise)
