"""Agents' presence. What is asked for during a call is kept until the call and its wrap-up end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from callfloor.rules.routing.agents import AgentState
from callfloor.store.agents import desk_events
from callfloor.store.agents.conditions import IN_CALL, SEEN
from callfloor.store.db.pool import Database

# Somebody asked for something of an agent: the floor looks at once.
CHANNEL = "callfloor_agents"

KIND_SQL = """
SELECT user_type = 'agent' AND account_active FROM users WHERE organisation_id = $1 AND user_id = $2"""
STATE_SQL = """
SELECT coalesce((SELECT state FROM agent_states WHERE organisation_id = $1 AND agent_id = $2), 'signed-out')"""
MAKE_READY_SQL = f"""
INSERT INTO agent_states AS s (organisation_id, agent_id, state, since) VALUES ($1, $2, 'ready', $3)
ON CONFLICT (organisation_id, agent_id) DO UPDATE SET
    state = CASE WHEN {IN_CALL} THEN s.state ELSE 'ready' END,
    since = CASE WHEN {IN_CALL} OR s.state = 'ready' THEN s.since ELSE $3 END,
    wanted_state = CASE WHEN {IN_CALL} THEN 'ready' END, reason = NULL
WHERE s.phone_reachable
RETURNING 1"""
PAUSE_SQL = f"""
UPDATE agent_states s SET
    state = CASE WHEN {IN_CALL} THEN s.state ELSE 'paused' END,
    since = CASE WHEN {IN_CALL} OR s.state = 'paused' THEN s.since ELSE $3 END,
    wanted_state = CASE WHEN {IN_CALL} THEN 'paused' END, reason = $4
WHERE s.organisation_id = $1 AND s.agent_id = $2 AND s.state <> 'signed-out'"""
# As a pause of whoever is signed in; signs in besides, where the phone can be reached.
SIGN_IN_PAUSED_SQL = f"""
INSERT INTO agent_states AS s (organisation_id, agent_id, state, since, reason) VALUES ($1, $2, 'paused', $3, $4)
ON CONFLICT (organisation_id, agent_id) DO UPDATE SET
    state = CASE WHEN {IN_CALL} THEN s.state ELSE 'paused' END,
    since = CASE WHEN {IN_CALL} OR s.state = 'paused' THEN s.since ELSE $3 END,
    wanted_state = CASE WHEN {IN_CALL} THEN 'paused' END, reason = $4
WHERE s.phone_reachable OR s.state <> 'signed-out'
RETURNING 1"""
SIGN_OUT_SQL = f"""
UPDATE agent_states s SET
    state = CASE WHEN {IN_CALL} THEN s.state ELSE 'signed-out' END,
    since = CASE WHEN {IN_CALL} OR s.state = 'signed-out' THEN s.since ELSE $3 END,
    wanted_state = CASE WHEN {IN_CALL} THEN 'signed-out' END, reason = NULL
WHERE s.organisation_id = $1 AND s.agent_id = $2
RETURNING 1"""
CALL_ENDED_SQL = f"""
UPDATE agent_states s SET since = $3, wanted_state = NULL,
    state = CASE WHEN s.phone_reachable THEN coalesce(s.wanted_state, 'ready')
        WHEN s.wanted_state = 'signed-out' THEN 'signed-out' ELSE 'paused' END,
    reason = CASE WHEN s.wanted_state = 'paused' THEN s.reason END
WHERE s.organisation_id = $1 AND s.agent_id = $2 AND {IN_CALL}
RETURNING s.state"""
# What was asked for before the floor showed that it has a call for the agent, or during the call.
_ASKED = f"CASE WHEN {IN_CALL} THEN s.wanted_state WHEN s.state IN ('paused', 'signed-out') THEN s.state END"
# The floor shows what its agents do. What was asked for at the same moment is kept for afterwards.
SHOW_SQL = f"""
INSERT INTO agent_states AS s (organisation_id, agent_id, state, since, reason, campaign_id)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organisation_id, agent_id) DO UPDATE SET
    state = excluded.state, campaign_id = excluded.campaign_id,
    since = CASE WHEN s.state = excluded.state THEN s.since ELSE excluded.since END,
    reason = CASE WHEN excluded.state IN ('dialling', 'on-call', 'on-wrap') AND {_ASKED} = 'paused' THEN s.reason
        ELSE excluded.reason END,
    wanted_state = CASE WHEN excluded.state IN ('dialling', 'on-call', 'on-wrap') THEN {_ASKED} END"""
# Of a closed account until the call that goes on is over: its floor is to know that it was signed out.
PRESENT_SQL = f"""
SELECT m.organisation_id, m.agent_id, m.campaign_id, s.state, s.wanted_state, s.reason
FROM working_agents m
JOIN users u ON u.organisation_id = m.organisation_id AND u.user_id = m.agent_id
LEFT JOIN agent_states s ON s.organisation_id = m.organisation_id AND s.agent_id = m.agent_id
JOIN unnest($1::bigint[], $2::bigint[]) AS c (organisation_id, campaign_id)
    ON c.organisation_id = m.organisation_id AND c.campaign_id = m.campaign_id
WHERE {SEEN}
ORDER BY m.agent_id, m.campaign_id"""
MOVE_SQL = """
INSERT INTO agent_moves (organisation_id, agent_id, campaign_id, moved_at, moved_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organisation_id, agent_id) DO UPDATE SET campaign_id = excluded.campaign_id, moved_at = excluded.moved_at,
    moved_by = excluded.moved_by"""
MOVE_BACK_SQL = "DELETE FROM agent_moves WHERE organisation_id = $1 AND agent_id = $2"
NOTIFY_SQL = f"SELECT pg_notify('{CHANNEL}', '')"
PHONE_SQL = """
INSERT INTO agent_states (organisation_id, agent_id, state, since, phone_reachable)
VALUES ($1, $2, 'signed-out', $4, $3)
ON CONFLICT (organisation_id, agent_id) DO UPDATE SET phone_reachable = excluded.phone_reachable"""


async def is_active_agent(db: Database, organisation: int, user_id: int) -> bool | None:
    """Whether the user is an agent with an active account; None: no such user."""
    return await db.fetchval(KIND_SQL, organisation, user_id)


async def state(db: Database, organisation: int, agent_id: int) -> AgentState:
    return await db.fetchval(STATE_SQL, organisation, agent_id)


async def make_ready(db: Database, organisation: int, agent_id: int, now: datetime) -> bool:
    """Ready for calls, signed in if need be; during a call, when it and its wrap-up end.

    False: the agent's phone cannot be reached, and nothing changed.
    """
    async with db.transaction():
        done = await db.fetchval(MAKE_READY_SQL, organisation, agent_id, now) is not None
        await _asked(db, organisation, agent_id, now)
    return done


async def pause(db: Database, organisation: int, agent_id: int, now: datetime, reason: str | None = None) -> None:
    """No more calls; during a call, when it and its wrap-up end. An agent who is signed out stays so."""
    async with db.transaction():
        await db.execute(PAUSE_SQL, organisation, agent_id, now, reason)
        await _asked(db, organisation, agent_id, now)


async def sign_in_paused(
    db: Database, organisation: int, agent_id: int, now: datetime, reason: str | None = None
) -> bool:
    """As `pause`; an agent who is signed out is signed in, paused. False: its phone cannot be reached, and nothing
    changed."""
    async with db.transaction():
        done = await db.fetchval(SIGN_IN_PAUSED_SQL, organisation, agent_id, now, reason) is not None
        await _asked(db, organisation, agent_id, now)
    return done


async def sign_out(db: Database, organisation: int, agent_id: int, now: datetime) -> None:
    """The agent leaves; during a call, when it and its wrap-up end."""
    async with db.transaction():
        if await db.fetchval(SIGN_OUT_SQL, organisation, agent_id, now) is not None:
            await _asked(db, organisation, agent_id, now)


async def _asked(db: Database, organisation: int, agent_id: int, now: datetime) -> None:
    """Tell the floor, and the agent's desk."""
    await db.execute(NOTIFY_SQL)
    await desk_events.publish(db, organisation, agent_id, "session", None, now)


async def call_ended(db: Database, organisation: int, agent_id: int, now: datetime) -> AgentState | None:
    """The call and its wrap-up ended: what was asked for meanwhile takes effect, else the agent is ready again.

    An agent whose phone was lost is paused, unless it was to be signed out. Returns the new state; None: the agent was
    in no call.
    """
    return await db.fetchval(CALL_ENDED_SQL, organisation, agent_id, now)


async def show(
    db: Database,
    organisation: int,
    agent_id: int,
    state: AgentState,
    reason: str | None,
    now: datetime,
    campaign: int | None = None,
) -> None:
    """What the floor has its agent do, whatever stood there. `reason`: of a pause; `campaign`: of a call."""
    await db.execute(SHOW_SQL, organisation, agent_id, state, now, reason, campaign)


async def move(db: Database, organisation: int, agent_id: int, campaign: int | None, by: int, now: datetime) -> None:
    """Let the agent work for this campaign alone, until it signs out or is moved back (None) to its own."""
    async with db.transaction():
        if campaign is None:
            await db.execute(MOVE_BACK_SQL, organisation, agent_id)
        else:
            await db.execute(MOVE_SQL, organisation, agent_id, campaign, now, by)
        await db.execute(NOTIFY_SQL)


async def members(db: Database, campaigns: Sequence[tuple[int, int]]) -> list[Record]:
    """Each active agent of each campaign (organisation, campaign), with what it does and is wanted to do; state None:
    it was never here."""
    return await db.fetch(PRESENT_SQL, [each[0] for each in campaigns], [each[1] for each in campaigns])


async def set_phone_reachable(db: Database, organisation: int, agent_id: int, reachable: bool, now: datetime) -> None:
    """Whether the carrier can ring the agent's phone."""
    await db.execute(PHONE_SQL, organisation, agent_id, reachable, now)
