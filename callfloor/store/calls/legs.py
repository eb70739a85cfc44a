"""Calls as the floor writes them down: with ids that it has reserved. Each write may be repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.store.db.pool import Database

RESERVE_SQL = "SELECT nextval('activity_ids') AS id FROM generate_series(1, $1::integer)"
OPEN_SQL = """
INSERT INTO activities (organisation_id, activity_id, created_at, type, root_activity_id, status_id, campaign_id,
    contact, own_contact)
SELECT $1, $2, $3, 'call.inbound', $2, 1, c.campaign_id, $5, $6
FROM campaigns c WHERE c.organisation_id = $1 AND c.campaign_id = $4
ON CONFLICT DO NOTHING"""
# From one queue into another the caller's wait goes on. Between queues the caller waits too, whatever is played.
JOIN_QUEUE_SQL = """
UPDATE activities a SET status_id = 2, campaign_id = c.campaign_id,
    join_queue_at = coalesce(a.join_queue_at, greatest($3, a.created_at))
FROM campaigns c
WHERE a.organisation_id = $1 AND a.activity_id = $2 AND a.status_id IN (1, 2) AND a.hang_up_at IS NULL
    AND a.answered_at IS NULL AND c.organisation_id = $1 AND c.campaign_id = $4"""
_ENDED_AT = "greatest($4, answered_at, left_queue_at, join_queue_at, created_at)"
# $7 the agent who has the customer from the beginning, $8 the number outside that is called; neither: the queue.
_INSERT_LEG = """
INSERT INTO activities (organisation_id, activity_id, created_at, type, parent_activity_id, root_activity_id, status_id,
    campaign_id, lead_id, attempt_id, phone_index, contact, own_contact, leg_type, outside_number, join_queue_at,
    answered_at, agent_id, agent_interaction_id)
SELECT organisation_id, $3, begun_at, type, activity_id, root_activity_id,
    CASE WHEN $7::bigint IS NOT NULL THEN 3 WHEN $8::text IS NOT NULL THEN 7 ELSE 2 END, $5, lead_id, attempt_id,
    phone_index, contact, own_contact, $6, $8, CASE WHEN $7 IS NULL AND $8 IS NULL THEN begun_at END,
    CASE WHEN $7 IS NOT NULL THEN begun_at END, $7,
    CASE WHEN $7 IS NOT NULL THEN next.id END
FROM parent, next"""
# Out of a queue: 11 overflowed. A number outside that nobody answered: 8.
NEXT_LEG_SQL = f"""
WITH next AS MATERIALIZED (SELECT nextval('agent_interaction_ids') AS id), parent AS (
    UPDATE activities SET hang_up_at = {_ENDED_AT}, hold_s = least(hold_s, seconds_between(answered_at, {_ENDED_AT})),
        left_queue_at = CASE WHEN status_id = 2 THEN {_ENDED_AT} ELSE left_queue_at END,
        status_id = CASE status_id WHEN 2 THEN 11 WHEN 7 THEN 8 ELSE status_id END
    WHERE organisation_id = $1 AND activity_id = $2 AND hang_up_at IS NULL
        AND (answered_at IS NOT NULL OR status_id = 2 OR leg_type = 'outside')
        AND EXISTS (SELECT FROM campaigns WHERE organisation_id = $1 AND campaign_id = $5)
    RETURNING *, hang_up_at AS begun_at
){_INSERT_LEG}"""
SECOND_LEG_SQL = f"""
WITH next AS MATERIALIZED (SELECT nextval('agent_interaction_ids') AS id), parent AS (
    SELECT *, greatest($4, answered_at) AS begun_at FROM activities
    WHERE organisation_id = $1 AND activity_id = $2 AND hang_up_at IS NULL AND NOT EXISTS (
        SELECT FROM activities WHERE organisation_id = $1 AND activity_id = $3)
){_INSERT_LEG}"""
ANSWER_SQL = """
WITH next AS MATERIALIZED (SELECT nextval('agent_interaction_ids') AS id)
UPDATE activities SET status_id = 3, answered_at = greatest($3, join_queue_at, created_at), agent_id = $4,
    agent_interaction_id = CASE WHEN $4::bigint IS NOT NULL THEN next.id END
FROM next WHERE organisation_id = $1 AND activity_id = $2 AND hang_up_at IS NULL
    AND (status_id IN (1, 2) OR status_id = 7 AND outside_number IS NOT NULL)"""
# Of dialled calls the first leg is not in `open_legs`, but their attempts say that they are up.
OPEN_LEGS_SQL = """
SELECT a.activity_id, a.parent_activity_id, a.root_activity_id, a.type, a.status_id, a.attempt_id, a.lead_id, a.contact,
    a.own_contact, a.join_queue_at, a.answered_at, a.leg_type, a.outside_number
FROM (
    SELECT activity_id, created_at FROM open_legs WHERE organisation_id = $1 AND campaign_id = $2
    UNION
    SELECT activity_id, dialled_at FROM attempts
    WHERE organisation_id = $1 AND campaign_id = $2 AND hang_up_at IS NULL
) AS o
JOIN activities a ON a.organisation_id = $1 AND a.activity_id = o.activity_id AND a.created_at = o.created_at
WHERE a.hang_up_at IS NULL AND a.type LIKE 'call.%' AND a.created_at > $3::timestamptz - interval '31 days'
ORDER BY a.activity_id"""
LEGS_SQL = """
SELECT organisation_id, campaign_id, root_activity_id, hang_up_at IS NULL AS open FROM activities
WHERE organisation_id = ANY($1::bigint[]) AND (activity_id = ANY($2::bigint[])
    OR root_activity_id = ANY($2::bigint[]) AND root_activity_id <> activity_id)"""
# Part $3 of what was recorded of call $2: an attempt, or, negative, the first leg of a call that came in. A dialled
# call's first leg is part 0.
RECORDED_LEG_SQL = """
WITH root AS (
    SELECT organisation_id, activity_id, 0 AS part FROM attempts
    WHERE organisation_id = ANY($1::bigint[]) AND attempt_id = $2
    UNION ALL
    SELECT organisation_id, activity_id, NULL FROM activities
    WHERE organisation_id = ANY($1::bigint[]) AND activity_id = -$2::bigint
), leg AS (
    SELECT a.*, root.part FROM root
    JOIN activities a ON a.organisation_id = root.organisation_id AND a.activity_id = root.activity_id
    UNION ALL
    SELECT a.*, NULL FROM root
    JOIN activities a ON a.organisation_id = root.organisation_id AND a.root_activity_id = root.activity_id
        AND a.root_activity_id <> a.activity_id
)
SELECT organisation_id, campaign_id, activity_id, status_id, hang_up_at FROM leg
WHERE part = $3 OR recording_parts @> ARRAY[$3::integer]"""
# As it was before the beep: what it is then called is decided by how the call ends.
NO_MESSAGE_SQL = """
UPDATE activities SET status_id = CASE WHEN join_queue_at IS NULL THEN 1 ELSE 2 END, left_queue_at = NULL,
    recording_parts = array_remove(recording_parts, $3::integer)
WHERE organisation_id = $1 AND activity_id = $2 AND status_id = 6 AND hang_up_at IS NULL"""
ANSWER_QUESTION_SQL = """
INSERT INTO survey_answers (organisation_id, activity_id, question, answer, answered_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING"""
WAITS_SQL = """
SELECT campaign_id FROM activities
WHERE organisation_id = $1 AND activity_id = $2 AND join_queue_at IS NOT NULL AND answered_at IS NULL
    AND left_queue_at IS NULL AND hang_up_at IS NULL AND type LIKE 'call.%'"""


@dataclass(frozen=True, slots=True)
class Leg:
    """A child of another leg, of its type. `leg_type`: of `contract.codes.LegType`. `outside_number` (E.164): what is
    called; without it and an agent the customer waits in the campaign's queue."""

    activity_id: int
    campaign_id: int
    leg_type: str
    agent_id: int | None = None
    outside_number: str | None = None


async def reserve_ids(db: Database, count: int) -> list[int]:
    """So many ids of activities that nobody else will have."""
    return [row["id"] for row in await db.fetch(RESERVE_SQL, count)]


async def open_call(
    db: Database,
    organisation: int,
    activity_id: int,
    campaign_id: int,
    contact: str | None,
    own_contact: str | None,
    at: datetime,
) -> None:
    """A call came in and is in its workflow. Numbers are E.164; `contact` None: withheld."""
    await db.execute(OPEN_SQL, organisation, activity_id, at, campaign_id, contact, own_contact)


async def join_queue(db: Database, organisation: int, activity_id: int, campaign_id: int, at: datetime) -> None:
    """From the workflow, or another queue, into a campaign's; the activity is that campaign's from now on."""
    await db.execute(JOIN_QUEUE_SQL, organisation, activity_id, at, campaign_id)


async def next_leg(db: Database, organisation: int, activity_id: int, leg: Leg, at: datetime) -> None:
    """End this leg, and begin one that follows it."""
    values = leg.activity_id, at, leg.campaign_id, leg.leg_type, leg.agent_id, leg.outside_number
    await db.execute(NEXT_LEG_SQL, organisation, activity_id, *values)


async def second_leg(db: Database, organisation: int, activity_id: int, leg: Leg, at: datetime) -> None:
    """Begin a leg beside this one, which goes on."""
    values = leg.activity_id, at, leg.campaign_id, leg.leg_type, leg.agent_id, leg.outside_number
    await db.execute(SECOND_LEG_SQL, organisation, activity_id, *values)


async def answer(db: Database, organisation: int, activity_id: int, agent_id: int | None, at: datetime) -> None:
    """An agent has the customer; None: the number outside, that the leg is of."""
    await db.execute(ANSWER_SQL, organisation, activity_id, at, agent_id)


async def open_legs(db: Database, organisation: int, campaign_id: int, now: datetime) -> Sequence[Record]:
    """Legs of a campaign's calls that have no end yet, oldest first."""
    return await db.fetch(OPEN_LEGS_SQL, organisation, campaign_id, now)


async def legs(db: Database, organisations: Sequence[int], roots: Sequence[int]) -> Sequence[Record]:
    """Every leg of these calls (by their first), with its campaign and whether it has no end yet."""
    return await db.fetch(LEGS_SQL, organisations, roots)


async def recorded_leg(db: Database, organisations: Sequence[int], call: int, part: int) -> Record | None:
    """The leg that a part of a call's recording is of. None: the call is of none of these organisations, or nobody
    noted whose the part is."""
    return await db.fetchrow(RECORDED_LEG_SQL, organisations, call, part)


async def drop_voicemail(db: Database, organisation: int, activity_id: int, part: int) -> None:
    """The caller left no message after all."""
    await db.execute(NO_MESSAGE_SQL, organisation, activity_id, part)


async def answer_question(
    db: Database, organisation: int, activity_id: int, question: str, answer: int, at: datetime
) -> None:
    """What a caller answered in a survey; the first answer stands."""
    await db.execute(ANSWER_QUESTION_SQL, organisation, activity_id, question, answer, at)


async def waits_for(db: Database, organisation: int, activity_id: int) -> int | None:
    """The campaign in whose queue somebody waits on this leg; None: nobody does."""
    return await db.fetchval(WAITS_SQL, organisation, activity_id)
