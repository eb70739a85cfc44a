"""API tokens: `cf_ORGANISATION_SECRET`. Only a hash of the secret is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from asyncpg import Record

from callfloor.rules.values.times import zone
from callfloor.store.db.pool import Database

# A token was made or revoked.
CHANNEL = "callfloor_tokens"
_FORM = re.compile(r"cf_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")
LONGEST = 65

# the organisation, and the hash of the secret
TokenKey = tuple[int, bytes]

FIND_SQL = """
SELECT t.token_id, t.scopes, t.requests_per_second, t.expires_at, o.organisation_id, o.name, o.timezone, o.country,
    o.new_number_ranges, o.hash_key, u.user_id, u.user_type
FROM tokens t JOIN organisations o USING (organisation_id)
LEFT JOIN users u ON u.organisation_id = t.organisation_id AND u.user_id = t.user_id
WHERE t.organisation_id = $1 AND t.secret_hash = $2 AND t.revoked_at IS NULL
    AND (t.user_id IS NULL OR u.account_active)
    AND (t.expires_at IS NULL OR t.expires_at > now())"""
PEOPLE_SQL = """
SELECT DISTINCT user_id FROM tokens
WHERE user_id IS NOT NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())"""
INSERT_SQL = """
INSERT INTO tokens (organisation_id, name, secret_hash, scopes, requests_per_second, expires_at, user_id)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING token_id, pg_notify('callfloor_tokens', '')"""
LIST_SQL = """
SELECT token_id, name, scopes, requests_per_second, created_at, expires_at, revoked_at, user_id FROM tokens
WHERE organisation_id = $1 ORDER BY token_id"""
REVOKE_SQL = """
UPDATE tokens SET revoked_at = now() WHERE organisation_id = $1 AND token_id = $2 AND revoked_at IS NULL
RETURNING token_id"""
CHANGED_SQL = "SELECT pg_notify('callfloor_tokens', '')"


@dataclass(frozen=True, slots=True)
class Organisation:
    organisation_id: int
    name: str
    zone: ZoneInfo
    country: str
    hash_key: bytes
    # countries of which numbers outside the known ranges are taken (rules.phones)
    new_number_ranges: frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token signs in."""

    user_id: int
    is_agent: bool


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a valid token speaks for. `requests_per_second` None: the server's default. `person` None: a program."""

    organisation: Organisation
    token_id: int
    scopes: frozenset[str]
    requests_per_second: int | None
    expires_at: datetime | None
    person: Person | None = None

    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)


def _hash(secret: str) -> bytes:
    # 256 random bits need no slow hash
    return hashlib.sha256(secret.encode()).digest()


def key_of(token: str) -> TokenKey | None:
    """What a token is found by; None when it has not the form of one."""
    form = _FORM.fullmatch(token) if len(token) <= LONGEST else None
    return None if form is None else (int(form[1]), _hash(form[2]))


async def find(db: Database, key: TokenKey) -> Caller | None:
    """The caller behind a token; None when it is unknown, expired or revoked."""
    row = await db.fetchrow(FIND_SQL, *key)
    if row is None:
        return None
    organisation = Organisation(
        row["organisation_id"],
        row["name"],
        zone(row["timezone"]),
        row["country"],
        row["hash_key"],
        frozenset(row["new_number_ranges"]),
    )
    person = None if row["user_id"] is None else Person(row["user_id"], row["user_type"] == "agent")
    scopes, limit = frozenset[str](row["scopes"]), row["requests_per_second"]
    return Caller(organisation, row["token_id"], scopes, limit, row["expires_at"], person)


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
    secret = secrets.token_urlsafe(32)
    given = organisation, name, _hash(secret), sorted(set(scopes)), requests_per_second, expires_at, user_id
    await db.fetchval(INSERT_SQL, *given)
    return f"cf_{organisation}_{secret}"


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
