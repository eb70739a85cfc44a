"""What an organisation has called since some moment, and the rows that hold whoever calls to its limits of a day.

Counted are every call that was dialled, and every number outside that a call was given to.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from asyncpg import Record

from callfloor.store.db.pool import Database

# Whose row is the whole organisation's.
WHOLE = 0

# Who dials by hand is an agent; who gave a call to a number outside is the agent of the leg before. A number that was
# consulted first and then given the call was called once: that leg begins with its answer.
_DIALLED = """
    SELECT v.agent_id, true AS dialled, a.answered_at, a.hang_up_at
    FROM attempts a
    LEFT JOIN activities v ON a.mode = 'manual' AND v.organisation_id = a.organisation_id
        AND v.activity_id = a.activity_id AND v.created_at = a.dialled_at
    WHERE a.organisation_id = $1 AND a.dialled_at >= $2"""
_OUTSIDE = """
    SELECT p.agent_id, v.leg_type = 'consult' OR v.answered_at IS DISTINCT FROM v.created_at, v.answered_at,
        v.hang_up_at
    FROM activities v
    LEFT JOIN activities p ON p.organisation_id = v.organisation_id AND p.activity_id = v.parent_activity_id
    WHERE v.organisation_id = $1 AND v.created_at >= $2 AND v.outside_number IS NOT NULL"""
_COUNTED = """count(*) FILTER (WHERE dialled) AS calls, count(*) FILTER (WHERE hang_up_at IS NULL) AS up,
    coalesce(sum(extract(epoch FROM coalesce(hang_up_at, $3) - answered_at)), 0)::float8 / 60 AS minutes"""
SPENT_SQL = f"SELECT agent_id, {_COUNTED} FROM ({_DIALLED} UNION ALL {_OUTSIDE}) AS placed GROUP BY agent_id"
WHOLE_SQL = f"SELECT {_COUNTED} FROM ({_DIALLED} UNION ALL {_OUTSIDE}) AS placed"
# by hand: found by the agent's legs of the day, of which there are few
AGENT_SQL = f"""
SELECT {_COUNTED} FROM (
    SELECT true AS dialled, a.answered_at, a.hang_up_at
    FROM activities v
    JOIN attempts a ON a.organisation_id = v.organisation_id AND a.attempt_id = v.attempt_id
        AND a.dialled_at = v.created_at AND a.mode = 'manual'
    WHERE v.organisation_id = $1 AND v.created_at >= $2 AND v.agent_id = $4
    UNION ALL
    SELECT dialled, answered_at, hang_up_at FROM ({_OUTSIDE} AND p.agent_id = $4)
        AS given (agent_id, dialled, answered_at, hang_up_at)
) AS placed"""
# Whoever comes second waits here. One whose clock says an older day counts with the others'.
HOLD_SQL = """
INSERT INTO calls_spent AS s (organisation_id, agent_id, day)
SELECT $1::bigint, n, $3::date FROM unnest($2::bigint[]) AS n ORDER BY n
ON CONFLICT (organisation_id, agent_id) DO UPDATE SET
    day = greatest(s.day, excluded.day),
    calls = CASE WHEN s.day < excluded.day THEN 0 ELSE s.calls END,
    counted_at = CASE WHEN s.day < excluded.day THEN '-infinity' ELSE s.counted_at END
RETURNING agent_id, day, calls, counted_calls, minutes, up, isfinite(counted_at) AS counted, counted_at"""
# A leg is written down after it was granted: the records may know of fewer than were.
COUNTED_SQL = """
UPDATE calls_spent SET calls = greatest(calls, $3), counted_calls = $3, minutes = $4, up = $5, counted_at = $6
WHERE organisation_id = $1 AND agent_id = $2
RETURNING agent_id, day, calls, counted_calls, minutes, up, counted_at"""
SPEND_SQL = """
UPDATE calls_spent SET calls = greatest(calls + $3, 0) WHERE organisation_id = $1 AND agent_id = ANY($2::bigint[])"""


async def spent(db: Database, organisation: int, since: datetime, now: datetime) -> list[Record]:
    """`calls` and `minutes` by `agent_id`; None: the dialler's."""
    return await db.fetch(SPENT_SQL, organisation, since, now)


async def hold(db: Database, organisation: int, whose: Sequence[int], day: date) -> list[Record]:
    """Keep these rows (agents, or `WHOLE`) for the transaction in progress; those of an older day begin anew.
    `counted`: whether the records were ever asked on that day."""
    return await db.fetch(HOLD_SQL, organisation, list(whose), day)


async def count(db: Database, organisation: int, whose: int, since: datetime, now: datetime) -> Record:
    """Take over into a row that is held what the records say since its day began."""
    values = organisation, since, now
    (found,) = await (db.fetch(WHOLE_SQL, *values) if whose == WHOLE else db.fetch(AGENT_SQL, *values, whose))
    (row,) = await db.fetch(COUNTED_SQL, organisation, whose, found["calls"], found["minutes"], found["up"], now)
    return row


async def spend(db: Database, organisation: int, whose: Sequence[int], calls: int) -> None:
    """So many calls were placed; less than none: as many were granted, and not placed."""
    await db.execute(SPEND_SQL, organisation, list(whose), calls)
