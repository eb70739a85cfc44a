"""API tokens: `cf_ORGANISATION_SECRET`. Only a hash of the secret is kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime

from asyncpg import Record

from callfloor.contract.users import UserType
from callfloor.rules.people.factors import demanded, stage_of
from callfloor.rules.people.roles import roles_of, scopes_of
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import CALLED, HAS_ONE, Caller, Key, called, hash_of, led_of, person_of, stale

# A token was made or revoked.
CHANNEL = "callfloor_tokens"
_FORM = re.compile(r"cf_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")
LONGEST = 65

FIND_SQL = f"""
SELECT t.token_id, t.scopes, t.requests_per_second, t.expires_at, t.personal, t.last_used_at,
    t.personal AND NOT {HAS_ONE} AS has_none, {CALLED}
FROM tokens t JOIN organisations o USING (organisation_id)
LEFT JOIN users u ON u.organisation_id = t.organisation_id AND u.user_id = t.user_id
WHERE t.organisation_id = $1 AND t.secret_hash = $2 AND t.revoked_at IS NULL
    AND (t.user_id IS NULL OR u.account_active)
    AND (t.expires_at IS NULL OR t.expires_at > now())"""
PEOPLE_SQL = """
SELECT DISTINCT user_id FROM tokens
WHERE user_id IS NOT NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"""
USED_SQL = "UPDATE tokens SET last_used_at = now() WHERE organisation_id = $1 AND token_id = $2"
INSERT_SQL = """
INSERT INTO tokens (organisation_id, name, secret_hash, scopes, requests_per_second, expires_at, user_id, personal)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING token_id, name, scopes, created_at, expires_at, last_used_at"""
LIST_SQL = """
SELECT token_id, name, scopes, requests_per_second, created_at, expires_at, revoked_at, last_used_at, user_id,
    personal
FROM tokens WHERE organisation_id = $1 ORDER BY token_id"""
PERSONAL_SQL = """
SELECT token_id, name, scopes, created_at, expires_at, last_used_at FROM tokens
WHERE organisation_id = $1 AND user_id = $2 AND personal AND revoked_at IS NULL AND token_id > $3
    AND (expires_at IS NULL OR expires_at > now())
ORDER BY token_id LIMIT $4"""
REVOKE_PERSONAL_SQL = """
UPDATE tokens SET revoked_at = now()
WHERE organisation_id = $1 AND token_id = $2 AND user_id = $3 AND personal AND revoked_at IS NULL
RETURNING token_id"""
_PROGRAM = """
SELECT token_id, name, scopes, requests_per_second, created_at, expires_at, revoked_at, last_used_at,
    CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= $2 THEN 'expired' ELSE 'active' END AS state
FROM tokens WHERE organisation_id = $1 AND user_id IS NULL"""
PROGRAMS_SQL = f"""
SELECT * FROM ({_PROGRAM} AND token_id > $3) AS t WHERE ($4::text IS NULL OR state = $4) ORDER BY token_id LIMIT $5"""
OF_PROGRAM_SQL = f"{_PROGRAM} AND token_id = $3"
REVOKE_OF_PROGRAM_SQL = """
UPDATE tokens SET revoked_at = now()
WHERE organisation_id = $1 AND token_id = $2 AND user_id IS NULL AND revoked_at IS NULL RETURNING token_id"""
REVOKE_SQL = """
UPDATE tokens SET revoked_at = now() WHERE organisation_id = $1 AND token_id = $2 AND revoked_at IS NULL
RETURNING token_id"""
CHANGED_SQL = "SELECT pg_notify('callfloor_tokens', '')"


def key_of(token: str) -> Key | None:
    """What a token is found by; None when it has not the form of one."""
    form = _FORM.fullmatch(token) if len(token) <= LONGEST else None
    return None if form is None else Key(int(form[1]), hash_of(form[2]))


async def find(db: Database, key: Key) -> Caller | None:
    """The caller behind a token; None when it is unknown, expired or revoked."""
    row = await db.fetchrow(FIND_SQL, key.organisation, key.hash)
    if row is None:
        return None
    if stale(row["last_used_at"]):
        await db.execute(USED_SQL, key.organisation, row["token_id"])
    scopes, stage = frozenset[str](row["scopes"]), "signed-in"
    if row["personal"]:
        user_type: UserType = row["user_type"]
        roles = roles_of(row["roles"], user_type)
        may = scopes_of(roles, row["own_scopes"])
        wanted = demanded(row["second_factor"], roles)
        # what somebody made who has not the factor that is demanded waits for it
        stage = stage_of(waits=False, shown=False, has_one=not row["has_none"], demanded=wanted)
        # an administrator's may be narrower than `admin`
        scopes = scopes if "admin" in may else scopes & may
    return Caller(
        called(row),
        row["token_id"],
        scopes,
        row["requests_per_second"],
        row["expires_at"],
        person_of(row),
        led=led_of(row),
        stage=stage,
    )


async def create(
    db: Database,
    organisation: int,
    name: str,
    scopes: Sequence[str],
    *,
    requests_per_second: int | None = None,
    expires_at: datetime | None = None,
    user_id: int | None = None,
) -> str:
    """Make a token and return it; it is not kept and cannot be shown again. `user_id`: whom it signs in."""
    given = requests_per_second, expires_at, user_id, False
    return (await _create(db, organisation, name, scopes, *given))[0]


async def create_personal(
    db: Database, organisation: int, user_id: int, name: str, scopes: Sequence[str], expires_at: datetime
) -> tuple[str, Record]:
    """A user's own token: what it may is at any time part of what the user may. Returns it, which is not kept, and its
    row."""
    return await _create(db, organisation, name, scopes, None, expires_at, user_id, True)


async def _create(
    db: Database, organisation: int, name: str, scopes: Sequence[str], *rest: object
) -> tuple[str, Record]:
    secret = secrets.token_urlsafe(32)
    async with db.transaction():
        row = await db.fetchrow(INSERT_SQL, organisation, name, hash_of(secret), sorted(set(scopes)), *rest)
        await changed(db)
    if row is None:
        raise AssertionError("INSERT … RETURNING returns a row")
    return f"cf_{organisation}_{secret}", row


async def personal(db: Database, organisation: int, user_id: int, after: int, count: int) -> list[Record]:
    """At most `count` live tokens that the user made, with ids above `after`, by id."""
    return await db.fetch(PERSONAL_SQL, organisation, user_id, after, count)


async def revoke_personal(db: Database, organisation: int, user_id: int, token_id: int) -> bool:
    """Revoke a token that the user made; False when there is no such live one."""
    async with db.transaction():
        revoked = await db.fetchval(REVOKE_PERSONAL_SQL, organisation, token_id, user_id)
        await changed(db)
    return revoked is not None


async def create_for_program(
    db: Database,
    organisation: int,
    name: str,
    scopes: Sequence[str],
    requests_per_second: int | None,
    expires_at: datetime | None,
) -> tuple[str, int]:
    """A token that signs nobody in, which is not kept, and its id."""
    token, row = await _create(db, organisation, name, scopes, requests_per_second, expires_at, None, False)
    return token, row["token_id"]


async def programs(
    db: Database, organisation: int, after: int, state: str | None, now: datetime, count: int
) -> list[Record]:
    """At most `count` tokens that sign nobody in, with ids above `after`, by id. `state` None: in any."""
    return await db.fetch(PROGRAMS_SQL, organisation, now, after, state, count)


async def of_program(db: Database, organisation: int, token_id: int, now: datetime) -> Record | None:
    """A token that signs nobody in."""
    return await db.fetchrow(OF_PROGRAM_SQL, organisation, now, token_id)


async def revoke_of_program(db: Database, organisation: int, token_id: int) -> bool:
    """Revoke a token that signs nobody in; False when there is no such live one."""
    async with db.transaction():
        revoked = await db.fetchval(REVOKE_OF_PROGRAM_SQL, organisation, token_id)
        await changed(db)
    return revoked is not None


async def people(db: Database) -> frozenset[int]:
    """Whoever a token signs in, of every organisation."""
    return frozenset(row["user_id"] for row in await db.fetch(PEOPLE_SQL))


async def every(db: Database, organisation: int) -> list[Record]:
    """All tokens of the organisation, revoked and expired ones too."""
    return await db.fetch(LIST_SQL, organisation)


async def revoke(db: Database, organisation: int, token_id: int) -> bool:
    """Revoke a token at once in every process; False when there is no such live token."""
    async with db.transaction():
        revoked = await db.fetchval(REVOKE_SQL, organisation, token_id)
        await changed(db)
    return revoked is not None


async def changed(db: Database) -> None:
    """Tell every process, at the transaction's end, that tokens or the accounts behind them are others now."""
    await db.execute(CHANGED_SQL)
