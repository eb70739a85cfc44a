"""Sessions of people who signed in: `cs_ORGANISATION_SECRET` in a cookie. One that ends is deleted."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta

from asyncpg import Record

from callfloor.contract.users import UserType
from callfloor.rules.people.factors import demanded, stage_of
from callfloor.rules.people.roles import roles_of, scopes_of
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.people.callers import (
    CALLED,
    HAS_ONE,
    Caller,
    Key,
    OpenSession,
    called,
    hash_of,
    led_of,
    person_of,
    stale,
)

_FORM = re.compile(r"cs_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")
LONGEST = 65
LONGEST_AGENT = 200

_LIVE = "s.expires_at > now() AND extract(epoch FROM now() - s.last_used_at) < s.idle_s"
FIND_SQL = f"""
SELECT s.session_id, s.created_at, s.last_used_at, s.expires_at, s.idle_s, s.waits, s.factor, s.sign_out_uri,
    {HAS_ONE} AS has_one,
    {CALLED}
FROM sign_in_sessions s JOIN organisations o USING (organisation_id)
JOIN users u ON u.organisation_id = s.organisation_id AND u.user_id = s.user_id
WHERE s.organisation_id = $1 AND s.secret_hash = $2 AND u.account_active AND {_LIVE}"""
USED_SQL = "UPDATE sign_in_sessions SET last_used_at = now() WHERE organisation_id = $1 AND session_id = $2"
INSERT_SQL = """
INSERT INTO sign_in_sessions (organisation_id, user_id, secret_hash, created_at, last_used_at, expires_at, idle_s,
    address, user_agent, waits, factor, sign_out_uri)
VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10, $11)"""
PAGE_SQL = f"""
SELECT s.session_id, s.created_at, s.last_used_at, s.expires_at, s.address, s.user_agent FROM sign_in_sessions s
WHERE s.organisation_id = $1 AND s.user_id = $2 AND s.session_id > $3 AND NOT s.waits AND {_LIVE}
ORDER BY s.session_id LIMIT $4"""
END_SQL = """
DELETE FROM sign_in_sessions WHERE organisation_id = $1 AND user_id = $2 AND session_id = $3 RETURNING session_id"""
END_ALL_SQL = """
DELETE FROM sign_in_sessions
WHERE organisation_id = $1 AND user_id = $2 AND ($3::bigint IS NULL OR session_id <> $3)"""
EXPIRE_SQL = f"DELETE FROM sign_in_sessions s WHERE NOT ({_LIVE})"


def key_of(secret: str) -> Key | None:
    """What a session is found by; None when it has not the form of one."""
    form = _FORM.fullmatch(secret) if len(secret) <= LONGEST else None
    return None if form is None else Key(int(form[1]), hash_of(form[2]), "session")


async def find(db: Database, key: Key) -> Caller | None:
    """The caller behind a session, which is in use by that; None when it is unknown or over."""
    row = await db.fetchrow(FIND_SQL, key.organisation, key.hash)
    if row is None:
        return None
    if stale(row["last_used_at"]):
        await db.execute(USED_SQL, key.organisation, row["session_id"])
    user_type: UserType = row["user_type"]
    roles = roles_of(row["roles"], user_type)
    wanted = demanded(row["second_factor"], roles)
    stage = stage_of(waits=row["waits"], shown=row["factor"] is not None, has_one=row["has_one"], demanded=wanted)
    session = OpenSession(row["created_at"], row["expires_at"], timedelta(seconds=row["idle_s"]), row["sign_out_uri"])
    return Caller(
        called(row), row["session_id"], scopes_of(roles, row["own_scopes"]), None, row["expires_at"], person_of(row),
        session, led_of(row), stage,
    )  # fmt: skip


async def begin(
    db: Database,
    organisation: int,
    user_id: int,
    now: datetime,
    *,
    idle: timedelta,
    longest: timedelta,
    address: str,
    user_agent: str,
    waits: bool = False,
    factor: str | None = None,
    sign_out_uri: str | None = None,
) -> str:
    """Open a session; returns what the cookie holds, which is not kept. `waits`: for a second factor, `factor`: which
    was shown."""
    secret = secrets.token_urlsafe(32)
    given = now + longest, int(idle.total_seconds()), address, user_agent[:LONGEST_AGENT], waits, factor, sign_out_uri
    await db.execute(INSERT_SQL, organisation, user_id, hash_of(secret), now, *given)
    return f"cs_{organisation}_{secret}"


async def page(db: Database, organisation: int, user_id: int, after: int, count: int) -> list[Record]:
    """At most `count` open sessions of a user with ids above `after`, by id."""
    return await db.fetch(PAGE_SQL, organisation, user_id, after, count)


async def end(db: Database, organisation: int, user_id: int, session_id: int) -> bool:
    """End a session of the user, at once in every process; False: there is no such one."""
    async with db.transaction():
        ended = await db.fetchval(END_SQL, organisation, user_id, session_id)
        await tokens.changed(db)
    return ended is not None


async def end_all(db: Database, organisation: int, user_id: int, *, but: int | None = None) -> None:
    """End every session of the user, but one."""
    async with db.transaction():
        await db.execute(END_ALL_SQL, organisation, user_id, but)
        await tokens.changed(db)


async def expire(db: Database) -> None:
    """Forget those that are over."""
    await db.execute(EXPIRE_SQL)
