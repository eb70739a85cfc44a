"""Second factors of users: secrets of authenticator apps, wrapped under the master key, and recovery codes, hashed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from callfloor.rules.people.factors import RECOVERY_BYTES, RECOVERY_CODES, recovery_code, recovery_hash
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.privacy import keys

OWN_SQL = """
SELECT (SELECT confirmed_at FROM totp_secrets WHERE organisation_id = $1 AND user_id = $2) AS totp_since,
    (SELECT count(*) FROM passkeys WHERE organisation_id = $1 AND user_id = $2) AS passkeys,
    (SELECT count(*) FROM recovery_codes WHERE organisation_id = $1 AND user_id = $2) AS recovery_codes,
    (SELECT second_factor FROM organisations WHERE organisation_id = $1) AS second_factor"""
# One that is in use stays.
BEGIN_TOTP_SQL = """
INSERT INTO totp_secrets AS t (organisation_id, user_id, wrapped, master_id, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (organisation_id, user_id) DO UPDATE SET wrapped = excluded.wrapped, master_id = excluded.master_id,
    created_at = excluded.created_at, last_step = 0
WHERE t.confirmed_at IS NULL RETURNING user_id"""
TOTP_SQL = """
SELECT wrapped, master_id, confirmed_at FROM totp_secrets WHERE organisation_id = $1 AND user_id = $2"""
# of the secret that was looked at: another may be there meanwhile
SPEND_STEP_SQL = """
UPDATE totp_secrets SET last_step = $3, confirmed_at = coalesce(confirmed_at, $4)
WHERE organisation_id = $1 AND user_id = $2 AND last_step < $3 AND wrapped = $5 RETURNING user_id"""
REMOVE_TOTP_SQL = "DELETE FROM totp_secrets WHERE organisation_id = $1 AND user_id = $2 RETURNING confirmed_at"
FORGET_CODES_SQL = "DELETE FROM recovery_codes WHERE organisation_id = $1 AND user_id = $2"
FORGET_PASSKEYS_SQL = "DELETE FROM passkeys WHERE organisation_id = $1 AND user_id = $2"
ADD_CODES_SQL = """
INSERT INTO recovery_codes (organisation_id, user_id, code_hash) SELECT $1, $2, unnest($3::bytea[])"""
TAKE_CODE_SQL = """
DELETE FROM recovery_codes WHERE organisation_id = $1 AND user_id = $2 AND code_hash = $3 RETURNING user_id"""


@dataclass(frozen=True, slots=True)
class Own:
    """What a user has. `second_factor`: of whom the organisation demands one."""

    totp_since: datetime | None
    passkeys: int
    recovery_codes: int
    second_factor: tuple[str, ...]

    @property
    def any(self) -> bool:
        return self.totp_since is not None or self.passkeys > 0


@dataclass(frozen=True, slots=True)
class Secret:
    """Of an authenticator app. `wrapped` says which, where it is replaced meanwhile."""

    secret: bytes
    wrapped: bytes
    confirmed: bool


async def own(db: Database, organisation: int, user_id: int) -> Own:
    row = await db.fetchrow(OWN_SQL, organisation, user_id)
    if row is None:
        raise AssertionError("a SELECT without FROM returns a row")
    return Own(row["totp_since"], row["passkeys"], row["recovery_codes"], tuple(row["second_factor"] or ()))


async def begin_totp(db: Database, organisation: int, user_id: int, secret: bytes, now: datetime) -> bool:
    """Keep a secret until a code of it confirms it; False: there is one that was confirmed. Raises `KeyUnusable`."""
    wrapped, master = keys.sealed(organisation, "totp", str(user_id), secret)
    return await db.fetchval(BEGIN_TOTP_SQL, organisation, user_id, wrapped, master, now) is not None


async def totp(db: Database, organisation: int, user_id: int) -> Secret | None:
    """The user's secret. Raises `KeyUnusable`."""
    row = await db.fetchrow(TOTP_SQL, organisation, user_id)
    if row is None:
        return None
    secret = keys.opened(organisation, "totp", str(user_id), row["wrapped"], row["master_id"])
    return Secret(secret, row["wrapped"], row["confirmed_at"] is not None)


async def spend_step(
    db: Database, organisation: int, user_id: int, of: Secret, step: int, now: datetime
) -> Sequence[str] | None:
    """Take the code of a step, once; None: it, or a later one, was taken before. The first one confirms the secret, and
    then new recovery codes are returned where the user has none."""
    async with db.transaction():
        taken = await db.fetchval(SPEND_STEP_SQL, organisation, user_id, step, now, of.wrapped)
        if taken is None:
            return None
        return [] if of.confirmed else await first_codes(db, organisation, user_id)


async def first_codes(db: Database, organisation: int, user_id: int) -> Sequence[str]:
    """In a transaction that gives a user a factor: recovery codes for whom had none. It holds at once everywhere."""
    known = await own(db, organisation, user_id)
    await tokens.changed(db)
    return [] if known.recovery_codes else await renew_codes(db, organisation, user_id)


async def renew_codes(db: Database, organisation: int, user_id: int) -> Sequence[str]:
    """New recovery codes in place of all others; they are not kept."""
    made = [recovery_code(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    hashes = [recovery_hash(organisation, user_id, code) for code in made]
    async with db.transaction():
        await db.execute(FORGET_CODES_SQL, organisation, user_id)
        await db.execute(ADD_CODES_SQL, organisation, user_id, hashes)
    return made


async def take_code(db: Database, organisation: int, user_id: int, code: str) -> bool:
    """Use a recovery code, which is none afterwards."""
    taken = await db.fetchval(TAKE_CODE_SQL, organisation, user_id, recovery_hash(organisation, user_id, code))
    return taken is not None


async def remove_totp(db: Database, organisation: int, user_id: int) -> bool:
    """False: there was none."""
    async with db.transaction():
        removed = await db.fetchrow(REMOVE_TOTP_SQL, organisation, user_id)
        await after_removal(db, organisation, user_id)
    return removed is not None


async def after_removal(db: Database, organisation: int, user_id: int) -> None:
    """Recovery codes stand for a factor: without one they are nothing."""
    if not (await own(db, organisation, user_id)).any:
        await db.execute(FORGET_CODES_SQL, organisation, user_id)
    await tokens.changed(db)


async def forget(db: Database, organisation: int, user_id: int) -> None:
    """Take all factors away, such as of somebody who lost them."""
    async with db.transaction():
        for statement in (REMOVE_TOTP_SQL, FORGET_CODES_SQL, FORGET_PASSKEYS_SQL):
            await db.execute(statement, organisation, user_id)
        await tokens.changed(db)
