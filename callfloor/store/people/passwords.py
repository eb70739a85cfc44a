"""Passwords of users, the links by which they are set, and what is remembered of sign-ins that failed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from asyncpg import Record

from callfloor.rules.people.delays import Failures, Policy, after_failure, after_success, wait_s
from callfloor.store.db.idempotency import keyed_hash
from callfloor.store.db.pool import Database, acting_for
from callfloor.store.people import sessions
from callfloor.store.people.callers import Key, hash_of

_FORM = re.compile(r"cl_([1-9][0-9]{0,17})_([A-Za-z0-9_-]{43})")
LONGEST = 65
# Every failure is forgotten after so long.
KEPT = timedelta(days=1)

# $2 null: of whichever organisation. Nobody is signed in yet: no organisation is stood for.
FIND_SQL = "SELECT * FROM sign_in_candidates($1, $2)"
HASH_SQL = "SELECT password_hash FROM passwords WHERE organisation_id = $1 AND user_id = $2"
PUT_SQL = """
INSERT INTO passwords (organisation_id, user_id, password_hash, set_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (organisation_id, user_id) DO UPDATE SET password_hash = excluded.password_hash, set_at = excluded.set_at"""
REHASH_SQL = """
UPDATE passwords SET password_hash = $4 WHERE organisation_id = $1 AND user_id = $2 AND password_hash = $3"""
KNOWN_WORDS_SQL = """
SELECT o.name, u.username, u.first_name, u.last_name, u.email_address
FROM users u JOIN organisations o USING (organisation_id) WHERE u.organisation_id = $1 AND u.user_id = $2"""
ADD_LINK_SQL = "INSERT INTO password_links (organisation_id, secret_hash, user_id, expires_at) VALUES ($1, $2, $3, $4)"
LINK_SQL = """
SELECT l.user_id FROM password_links l JOIN users u USING (organisation_id, user_id)
WHERE l.organisation_id = $1 AND l.secret_hash = $2 AND l.expires_at > $3 AND u.account_active"""
TAKE_LINK_SQL = """
DELETE FROM password_links WHERE organisation_id = $1 AND secret_hash = $2 AND expires_at > $3 RETURNING user_id"""
FORGET_LINKS_SQL = "DELETE FROM password_links WHERE organisation_id = $1 AND user_id = $2"
EXPIRE_LINKS_SQL = "DELETE FROM password_links WHERE expires_at <= now()"

# The row is there and locked afterwards.
LOCK_FAILURES_SQL = """
INSERT INTO sign_in_failures AS f (organisation_id, key_hash, count, failed_at) VALUES ($1, $2, 0, $3)
ON CONFLICT (organisation_id, key_hash) DO UPDATE SET count = f.count RETURNING count, failed_at, until"""
PUT_FAILURES_SQL = """
UPDATE sign_in_failures SET count = $3, failed_at = $4, until = $5 WHERE organisation_id = $1 AND key_hash = $2"""
EXPIRE_FAILURES_SQL = "DELETE FROM sign_in_failures WHERE failed_at < $1"

# whom it is counted against: the organisation (0: none), a name or an address, and how long it has to wait
Counted = tuple[int, str, Policy]


async def find(db: Database, username: str, organisation: str | None) -> Record | None:
    """Organisation, id, whether the account is active, and hash of the password (None: has none) of a user. None:
    unknown, or, where no organisation is named, not the only one of that name."""
    rows = await db.fetch(FIND_SQL, username, organisation)
    return rows[0] if len(rows) == 1 else None


async def hash_of_user(db: Database, organisation: int, user_id: int) -> str | None:
    return await db.fetchval(HASH_SQL, organisation, user_id)


async def known_words(db: Database, organisation: int, user_id: int) -> Sequence[str]:
    """What whoever guesses this user's password tries first; empty: there is no such user."""
    row = await db.fetchrow(KNOWN_WORDS_SQL, organisation, user_id)
    return [] if row is None else [word for word in row.values() if word]


async def put(
    db: Database, organisation: int, user_id: int, password_hash: str, now: datetime, *, but: int | None = None
) -> None:
    """Set a password: what was signed in with another one is over, but the session `but`; links are spent."""
    async with db.transaction():
        await db.execute(PUT_SQL, organisation, user_id, password_hash, now)
        await db.execute(FORGET_LINKS_SQL, organisation, user_id)
        await sessions.end_all(db, organisation, user_id, but=but)


async def rehash(db: Database, organisation: int, user_id: int, before: str, after: str) -> None:
    """Keep the same password with other parameters."""
    await db.execute(REHASH_SQL, organisation, user_id, before, after)


async def add_link(db: Database, organisation: int, user_id: int, expires_at: datetime) -> str:
    """Make a link by which the password can be set once; returns its secret part, which is not kept."""
    secret = secrets.token_urlsafe(32)
    await db.execute(ADD_LINK_SQL, organisation, hash_of(secret), user_id, expires_at)
    return f"cl_{organisation}_{secret}"


def link_key(token: str) -> Key | None:
    """What a link is found by; None when it has not the form of one."""
    form = _FORM.fullmatch(token) if len(token) <= LONGEST else None
    return None if form is None else Key(int(form[1]), hash_of(form[2]))


async def linked(db: Database, key: Key, now: datetime) -> int | None:
    """Whose password the link sets; None: it is spent, or of nobody."""
    return await db.fetchval(LINK_SQL, key.organisation, key.hash, now)


async def put_by_link(db: Database, key: Key, password_hash: str, now: datetime) -> int | None:
    """Set the password and spend the link; returns whose, None: somebody was quicker."""
    async with db.transaction():
        user_id: int | None = await db.fetchval(TAKE_LINK_SQL, key.organisation, key.hash, now)
        if user_id is not None:
            await put(db, key.organisation, user_id, password_hash, now)
    return user_id


async def count_failure(db: Database, counted: Sequence[Counted], now: datetime) -> int:
    """Count a sign-in as failed before it is tried, so that many at once are many; returns 0, or the seconds to wait,
    and then nothing was counted. By all processes in turn."""
    async with db.transaction():
        known = [(each, key, await _failures(db, each[0], key, now)) for each, key in _keys(counted)]
        wait = max(wait_s(found, now) for _, _, found in known)
        for each, key, found in known if not wait else ():
            await _put_failures(db, each[0], key, after_failure(found, now, each[2]))
    return wait


async def count_success(db: Database, counted: Sequence[Counted], now: datetime) -> None:
    """It did not fail: take back what was counted."""
    async with db.transaction():
        for each, key in _keys(counted):
            found = await _failures(db, each[0], key, now)
            await _put_failures(db, each[0], key, after_success(found, now, each[2]))


def _keys(counted: Sequence[Counted]) -> list[tuple[Counted, bytes]]:
    # in one order, so that nobody waits for each other
    keyed = [(each, keyed_hash(b"sign-in", str(each[0]).encode(), each[1].encode())) for each in counted]
    return sorted(keyed, key=lambda pair: (pair[0][0], pair[1]))


async def _failures(db: Database, organisation: int, key: bytes, now: datetime) -> Failures:
    with acting_for(organisation):
        row = await db.fetchrow(LOCK_FAILURES_SQL, organisation, key, now)
    if row is None:
        raise AssertionError("INSERT … RETURNING returns a row")
    return Failures(row["count"], row["failed_at"], row["until"])


async def _put_failures(db: Database, organisation: int, key: bytes, found: Failures) -> None:
    with acting_for(organisation):
        await db.execute(PUT_FAILURES_SQL, organisation, key, found.count, found.at, found.until)


async def expire(db: Database, now: datetime) -> None:
    """Forget links that are spent, and failures of yesterday."""
    await db.execute(EXPIRE_LINKS_SQL)
    await db.execute(EXPIRE_FAILURES_SQL, now - KEPT)
