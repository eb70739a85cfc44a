"""Users and agents."""

from __future__ import annotations

from datetime import datetime

from asyncpg import Record

from callfloor.rules.dialling.callbacks import Moved
from callfloor.store.agents import agents, requeue
from callfloor.store.db.pool import Database
from callfloor.store.people import sessions, tokens

IS_AGENT_SQL = "SELECT EXISTS (SELECT FROM users WHERE organisation_id = $1 AND user_id = $2 AND user_type = 'agent')"
BY_NAME_SQL = """
SELECT user_id, user_type, account_active FROM users WHERE organisation_id = $1 AND username = $2"""
PAGE_SQL = """
SELECT user_id, user_type, username, first_name, last_name, full_name, email_address, timezone, account_active
FROM users
WHERE organisation_id = $1 AND user_id > $2 AND user_type = ANY($4::text[]) AND account_active = ANY($5::boolean[])
ORDER BY user_id LIMIT $3"""

GET_SQL = """
SELECT user_id, user_type, username, first_name, last_name, full_name, email_address, timezone, account_active, roles
FROM users WHERE organisation_id = $1 AND user_id = $2"""
CAMPAIGNS_SQL = """
SELECT c.campaign_id, c.name, c.direction FROM campaign_agents a JOIN campaigns c USING (organisation_id, campaign_id)
WHERE a.organisation_id = $1 AND a.agent_id = $2 ORDER BY c.campaign_id"""

OVERVIEW_SQL = """
SELECT u.user_id, u.username, u.user_type, u.roles, u.account_active, p.user_id IS NOT NULL AS has_password,
    (SELECT count(*) FROM sign_in_sessions s WHERE s.organisation_id = $1 AND s.user_id = u.user_id)
        AS sessions
FROM users u LEFT JOIN passwords p ON p.organisation_id = u.organisation_id AND p.user_id = u.user_id
WHERE u.organisation_id = $1 ORDER BY u.username"""
SET_ACTIVE_SQL = "UPDATE users SET account_active = $3, updated_at = $4 WHERE organisation_id = $1 AND user_id = $2"


async def overview(db: Database, organisation: int) -> list[Record]:
    """Every user and agent, by name: roles, whether a password is set, how many sessions are open."""
    return await db.fetch(OVERVIEW_SQL, organisation)


async def set_active(db: Database, organisation: int, user_id: int, active: bool, now: datetime) -> None:
    """Close an account, or open it again. What signed in with it is over at once; what it holds goes back."""
    async with db.transaction():
        await db.execute(SET_ACTIVE_SQL, organisation, user_id, active, now)
        if not active:
            await closed(db, organisation, user_id, now)
        await tokens.changed(db)


async def closed(db: Database, organisation: int, user_id: int, now: datetime) -> None:
    """An account was closed: its sessions are over, what it holds goes back, and an agent is signed out, behind a call
    and its wrap-up, so that whoever opens the account again makes nobody ready."""
    await sessions.end_all(db, organisation, user_id)
    await agents.sign_out(db, organisation, user_id, now)
    await requeue.of_agent(db, organisation, user_id, Moved.INACTIVE, now)


async def get(db: Database, organisation: int, user_id: int) -> Record | None:
    """A user or agent, whether the account is active or not."""
    return await db.fetchrow(GET_SQL, organisation, user_id)


async def campaigns(db: Database, organisation: int, agent_id: int) -> list[Record]:
    """The campaigns that an agent works for, by id."""
    return await db.fetch(CAMPAIGNS_SQL, organisation, agent_id)


async def is_agent(db: Database, organisation: int, user_id: int) -> bool:
    return bool(await db.fetchval(IS_AGENT_SQL, organisation, user_id))


async def by_name(db: Database, organisation: int, username: str) -> Record | None:
    """Id, type and whether the account is active, of the user or agent of that name."""
    return await db.fetchrow(BY_NAME_SQL, organisation, username)


async def page(
    db: Database,
    organisation: int,
    user_type: str | None,
    account_active: bool | None,
    after: int,
    count: int,
) -> list[Record]:
    """At most `count` users with ids above `after`, by id."""
    types = ["agent", "user"] if user_type is None else [user_type]
    active = [True, False] if account_active is None else [account_active]
    return await db.fetch(PAGE_SQL, organisation, after, count, types, active)
