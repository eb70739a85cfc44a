"""What an organisation has called since some moment: every call that was dialled, and every number outside that a call
was given to."""

from __future__ import annotations

from datetime import datetime

from asyncpg import Record

from callfloor.store.db.pool import Database

# Who dials by hand is an agent; who gave a call to a number outside is the agent of the leg before. A number that was
# consulted first and then given the call was called once: that leg begins with its answer.
SPENT_SQL = """
SELECT agent_id, count(*) FILTER (WHERE dialled) AS calls,
    coalesce(sum(extract(epoch FROM coalesce(hang_up_at, $3) - answered_at)), 0)::float8 / 60 AS minutes
FROM (
    SELECT v.agent_id, true AS dialled, a.answered_at, a.hang_up_at
    FROM attempts a
    LEFT JOIN activities v ON a.mode = 'manual' AND v.organisation_id = a.organisation_id
        AND v.activity_id = a.activity_id AND v.created_at = a.dialled_at
    WHERE a.organisation_id = $1 AND a.dialled_at >= $2
    UNION ALL
    SELECT p.agent_id, v.leg_type = 'consult' OR v.answered_at IS DISTINCT FROM v.created_at, v.answered_at,
        v.hang_up_at
    FROM activities v
    LEFT JOIN activities p ON p.organisation_id = v.organisation_id AND p.activity_id = v.parent_activity_id
    WHERE v.organisation_id = $1 AND v.created_at >= $2 AND v.outside_number IS NOT NULL
) AS placed
GROUP BY agent_id"""


async def spent(db: Database, organisation: int, since: datetime, now: datetime) -> list[Record]:
    """`calls` and `minutes` by `agent_id`; None: the dialler's."""
    return await db.fetch(SPENT_SQL, organisation, since, now)
