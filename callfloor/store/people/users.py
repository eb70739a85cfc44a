"""Users and agents."""

from __future__ import annotations

from asyncpg import Record

from callfloor.store.db.pool import Database

IS_AGENT_SQL = "SELECT EXISTS (SELECT FROM users WHERE organisation_id = $1 AND user_id = $2 AND user_type = 'agent')"
BY_NAME_SQL = """
SELECT user_id, user_type, account_active FROM users WHERE organisation_id = $1 AND username = $2"""
PAGE_SQL = """
SELECT user_id, user_type, username, first_name, last_name, full_name, email_address, timezone, account_active
FROM users
WHERE organisation_id = $1 AND user_id > $2 AND user_type = ANY($4::text[]) AND account_active = ANY($5::boolean[])
ORDER BY user_id LIMIT $3"""


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
