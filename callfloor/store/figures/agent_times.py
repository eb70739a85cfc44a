"""What agents did, from the beginning to the end of each state; a trigger keeps it (migration 0029)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from callfloor.contract.codes import AgentState
from callfloor.store.db.pool import Database

# Whoever began before $3 and went on beyond is found by the last one before it: an agent's times have no overlap.
OF_AGENT_SQL = """
SELECT state, reason, campaign_id, began_at, ended_at,
    seconds_between(greatest(began_at, $3::timestamptz), least(coalesce(ended_at, $5), $4::timestamptz)) AS seconds
FROM agent_times
WHERE organisation_id = $1 AND agent_id = $2 AND began_at < $4 AND coalesce(ended_at, $5::timestamptz) > $3
    AND began_at >= coalesce((SELECT max(t.began_at) FROM agent_times t
        WHERE t.organisation_id = $1 AND t.agent_id = $2 AND t.began_at <= $3), $3)
ORDER BY began_at"""


@dataclass(frozen=True, slots=True)
class Time:
    """A state, and how many of its seconds are in the period. `ended` None: it goes on."""

    state: AgentState
    reason: str | None
    campaign: int | None
    began: datetime
    ended: datetime | None
    seconds: int


async def of_agent(
    db: Database, organisation: int, agent_id: int, begin: datetime, end: datetime, now: datetime
) -> list[Time]:
    """Everything that an agent did from `begin` to `end` (exclusive), in order. Both ends of a state are cut to the
    second, as everywhere: the parts of a day add up to it."""
    rows = await db.fetch(OF_AGENT_SQL, organisation, agent_id, begin, end, now)
    return [
        Time(row["state"], row["reason"], row["campaign_id"], row["began_at"], row["ended_at"], row["seconds"])
        for row in rows
    ]
