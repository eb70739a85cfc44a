"""Heartbeats of agents' desks, and what becomes of agents whose desk is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from callfloor.rules.routing.desks import DESK_GONE, is_gone, takes_calls
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database

# One order for all who write it, so that nobody waits for each other.
SEEN_SQL = """
INSERT INTO desks AS d (organisation_id, agent_id, seen_at)
SELECT n.organisation_id, n.agent_id, $3
FROM unnest($1::bigint[], $2::bigint[]) AS n (organisation_id, agent_id)
JOIN users u ON u.organisation_id = n.organisation_id AND u.user_id = n.agent_id
ORDER BY n.organisation_id, n.agent_id
ON CONFLICT (organisation_id, agent_id) DO UPDATE SET seen_at = greatest(d.seen_at, excluded.seen_at)
RETURNING d.organisation_id, d.agent_id, d.gone_at IS NOT NULL AS was_gone"""
SILENT_SQL = """
SELECT d.organisation_id, d.agent_id, d.seen_at, s.state, s.wanted_state, u.phone_without_desk, o.desk_gone_s
FROM desks d
JOIN agent_states s ON s.organisation_id = d.organisation_id AND s.agent_id = d.agent_id
JOIN users u ON u.organisation_id = d.organisation_id AND u.user_id = d.agent_id
JOIN organisations o ON o.organisation_id = d.organisation_id
WHERE d.seen_at < $1::timestamptz - make_interval(secs => o.desk_gone_s)
    AND s.state NOT IN ('paused', 'signed-out')"""
# Unless a sign came meanwhile.
MARK_GONE_SQL = """
UPDATE desks SET gone_at = $4 WHERE organisation_id = $1 AND agent_id = $2 AND seen_at = $3 RETURNING agent_id"""
MARK_BACK_SQL = """
UPDATE desks SET gone_at = NULL WHERE organisation_id = $1 AND agent_id = $2 AND gone_at IS NOT NULL
RETURNING agent_id"""
HOLDS_BACK_SQL = f"""
SELECT s.reason = '{DESK_GONE}' AND (s.state = 'paused' OR s.wanted_state = 'paused') FROM agent_states s
WHERE s.organisation_id = $1 AND s.agent_id = $2"""
OF_AGENT_SQL = """
SELECT d.seen_at, u.phone_without_desk, o.desk_gone_s FROM desks d
JOIN users u ON u.organisation_id = d.organisation_id AND u.user_id = d.agent_id
JOIN organisations o ON o.organisation_id = d.organisation_id
WHERE d.organisation_id = $1 AND d.agent_id = $2"""
FORGET_SQL = "DELETE FROM desks WHERE organisation_id = $1 AND agent_id = $2"


async def heartbeat(db: Database, of: Sequence[tuple[int, int]], now: datetime) -> None:
    """Desks of these agents (organisation, agent) show a sign of life. Those that were gone get calls again."""
    given = [each[0] for each in of], [each[1] for each in of]
    for row in await db.fetch(SEEN_SQL, *given, now):
        if row["was_gone"]:
            await _back(db, row["organisation_id"], row["agent_id"], now)


async def _back(db: Database, organisation: int, agent_id: int, now: datetime) -> None:
    async with db.transaction():
        if await db.fetchval(MARK_BACK_SQL, organisation, agent_id) is None:
            return
        # who paused meanwhile for a reason of its own stays so
        if await db.fetchval(HOLDS_BACK_SQL, organisation, agent_id):
            await agents.make_ready(db, organisation, agent_id, now)


async def pause_gone(db: Database, now: datetime) -> int:
    """Send no calls to agents whose desks are gone: they are paused, behind the call that they have. Returns how many
    there were. Any number of processes may do it at once."""
    silent = await db.fetch(SILENT_SQL, now)
    return sum([await _gone(db, row, now) for row in silent if _holds(row, now)])


def _holds(row: Record, now: datetime) -> bool:
    gone = is_gone(row["seen_at"], now, row["desk_gone_s"], without_desk=row["phone_without_desk"])
    return gone and takes_calls(row["state"], row["wanted_state"])


async def _gone(db: Database, row: Record, now: datetime) -> bool:
    organisation, agent_id = row["organisation_id"], row["agent_id"]
    async with db.transaction():
        if await db.fetchval(MARK_GONE_SQL, organisation, agent_id, row["seen_at"], now) is None:
            return False
        await agents.pause(db, organisation, agent_id, now, DESK_GONE)
    return True


async def desk_gone(db: Database, organisation: int, agent_id: int, now: datetime) -> bool:
    """Whether the agent had a desk that is gone, so that it would get no calls."""
    row = await db.fetchrow(OF_AGENT_SQL, organisation, agent_id)
    if row is None:
        return False
    return is_gone(row["seen_at"], now, row["desk_gone_s"], without_desk=row["phone_without_desk"])


async def forget(db: Database, organisation: int, agent_id: int) -> None:
    """The agent works without a desk until one shows itself."""
    await db.execute(FORGET_SQL, organisation, agent_id)
