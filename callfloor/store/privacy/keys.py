"""Keys of organisations: one that signs certificates and evidence (Ed25519), one that signs what HTTP functions are
sent. They stand in the database under the installation's master key."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from asyncpg import Record
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callfloor import master_key
from callfloor.rules.privacy.wrapping import KEY_BYTES, NONCE_BYTES, KeyUnusable, about, fingerprint, unwrap, wrap
from callfloor.store.db.pool import Database

Purpose = Literal["signing", "function"]
PURPOSES: tuple[Purpose, Purpose] = ("signing", "function")

CURRENT_SQL = """
SELECT key_id, wrapped, master_id FROM organisation_keys
WHERE organisation_id = $1 AND purpose = $2 AND retired_at IS NULL"""
# Of keys that are asked for first at the same time one is kept.
ADD_SQL = """
INSERT INTO organisation_keys (organisation_id, purpose, key_id, public_key, wrapped, master_id, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (organisation_id, purpose) WHERE retired_at IS NULL DO NOTHING"""
RETIRE_SQL = """
UPDATE organisation_keys SET retired_at = greatest($3, created_at), wrapped = NULL, master_id = NULL
WHERE organisation_id = $1 AND purpose = $2 AND retired_at IS NULL"""
EVERY_SQL = """
SELECT organisation_id, purpose, key_id, public_key, master_id, created_at, retired_at FROM organisation_keys
WHERE organisation_id = $1 ORDER BY purpose, created_at, key_id"""
PUBLIC_SQL = """
SELECT public_key FROM organisation_keys WHERE organisation_id = $1 AND purpose = 'signing'
ORDER BY retired_at DESC NULLS FIRST, created_at DESC"""
WRAPPED_SQL = """
SELECT purpose, key_id, wrapped, master_id FROM organisation_keys
WHERE organisation_id = $1 AND wrapped IS NOT NULL ORDER BY purpose, key_id FOR UPDATE"""
HOLDERS_SQL = """
SELECT organisation_id FROM organisation_keys WHERE wrapped IS NOT NULL
UNION SELECT organisation_id FROM totp_secrets ORDER BY organisation_id"""
REWRAP_SQL = """
UPDATE organisation_keys SET wrapped = $4, master_id = $5
WHERE organisation_id = $1 AND purpose = $2 AND key_id = $3"""
MASTERS_SQL = """
SELECT master_id FROM organisation_keys WHERE master_id IS NOT NULL UNION SELECT master_id FROM totp_secrets"""
WRAPPED_TOTP_SQL = """
SELECT user_id, wrapped, master_id FROM totp_secrets WHERE organisation_id = $1 ORDER BY user_id FOR UPDATE"""
REWRAP_TOTP_SQL = """
UPDATE totp_secrets SET wrapped = $3, master_id = $4 WHERE organisation_id = $1 AND user_id = $2"""
PLAIN_SQL = """
SELECT organisation_id FROM organisations WHERE signing_key IS NOT NULL OR function_key IS NOT NULL
ORDER BY organisation_id"""
LOCK_PLAIN_SQL = """
SELECT signing_key, function_key, created_at FROM organisations
WHERE organisation_id = $1 AND (signing_key IS NOT NULL OR function_key IS NOT NULL) FOR UPDATE"""
EMPTY_SQL = "UPDATE organisations SET signing_key = NULL, function_key = NULL WHERE organisation_id = $1"


@dataclass(frozen=True, slots=True)
class Key:
    """`secret`: 32 raw bytes, of an Ed25519 private key or of HMAC."""

    id: str
    secret: bytes = field(repr=False)


def public_of(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def sealed(organisation: int, purpose: str, key_id: str, secret: bytes) -> tuple[bytes, str]:
    """A secret wrapped for a row, and the id of the master key that it is under. Raises `KeyUnusable`."""
    masters = master_key.current()
    bound = about(organisation, purpose, key_id)
    return wrap(masters.key, secret, bound, secrets.token_bytes(NONCE_BYTES)), masters.current


def opened(organisation: int, purpose: str, key_id: str, wrapped: bytes, master_id: str) -> bytes:
    """The secret of a row. Raises `KeyUnusable`."""
    master = master_key.current().known.get(master_id)
    if master is None:
        raise KeyUnusable(
            f"the keys of organisation {organisation} are wrapped under master key {master_id}, which this host does "
            f"not have: give it the {master_key.FILE} of the host that made them, or CALLFLOOR_MASTER_KEY"
        )
    try:
        return unwrap(master, wrapped, about(organisation, purpose, key_id))
    except KeyUnusable as error:
        raise KeyUnusable(f"the {purpose} key of organisation {organisation} {error}") from error


async def current(db: Database, organisation: int, purpose: Purpose) -> Key:
    """The key that signs now, made where there is none. Raises `KeyUnusable`."""
    row = await db.fetchrow(CURRENT_SQL, organisation, purpose)
    if row is None:
        async with db.transaction():
            await _adopt_plain(db, organisation)
            await _add(db, organisation, purpose, secrets.token_bytes(KEY_BYTES), datetime.now(UTC))
        row = await db.fetchrow(CURRENT_SQL, organisation, purpose)
        if row is None:
            raise LookupError("there is no such organisation")
    return Key(row["key_id"], opened(organisation, purpose, row["key_id"], row["wrapped"], row["master_id"]))


async def _add(db: Database, organisation: int, purpose: Purpose, secret: bytes, at: datetime) -> None:
    public = public_of(secret) if purpose == "signing" else None
    key_id = fingerprint(secret if public is None else public)
    wrapped, master = sealed(organisation, purpose, key_id, secret)
    await db.execute(ADD_SQL, organisation, purpose, key_id, public, wrapped, master, at)


async def rotate(db: Database, organisation: int, purpose: Purpose, at: datetime) -> Key:
    """Make a new key, and let the old one sign nothing more: its secret is forgotten, its public half is kept."""
    async with db.transaction():
        await db.execute(RETIRE_SQL, organisation, purpose, at)
        await _add(db, organisation, purpose, secrets.token_bytes(KEY_BYTES), at)
        return await current(db, organisation, purpose)


async def every(db: Database, organisation: int) -> list[Record]:
    """All keys that the organisation has and had, without their secrets."""
    return await db.fetch(EVERY_SQL, organisation)


async def public(db: Database, organisation: int) -> list[bytes]:
    """The public halves of the signing keys (Ed25519, raw): the one that signs now first, then retired ones."""
    await current(db, organisation, "signing")
    return [row["public_key"] for row in await db.fetch(PUBLIC_SQL, organisation)]


async def wrap_plain(db: Database) -> int:
    """Wrap keys that stand in clear and empty their columns, an organisation a transaction: killed at any moment, each
    has its keys in one place or the other. Returns how many organisations there were."""
    found = await db.fetch(PLAIN_SQL)
    for row in found:
        async with db.transaction():
            await _adopt_plain(db, row["organisation_id"])
    return len(found)


async def _adopt_plain(db: Database, organisation: int) -> None:
    plain = await db.fetchrow(LOCK_PLAIN_SQL, organisation)
    if plain is None:
        return
    for purpose in PURPOSES:
        secret = plain[f"{purpose}_key"]
        if secret is not None:
            await _add(db, organisation, purpose, secret, plain["created_at"])
    await db.execute(EMPTY_SQL, organisation)


async def rewrap(db: Database) -> int:
    """Put every key under the current master key; returns how many were under another one. Raises `KeyUnusable`."""
    masters, done = master_key.current(), 0
    async with db.transaction():
        for holder in await db.fetch(HOLDERS_SQL):
            organisation = holder["organisation_id"]
            for row in await db.fetch(WRAPPED_SQL, organisation):
                if row["master_id"] == masters.current:
                    continue
                which = organisation, row["purpose"], row["key_id"]
                again = sealed(*which, opened(*which, row["wrapped"], row["master_id"]))
                await db.execute(REWRAP_SQL, *which, *again)
                done += 1
            for row in await db.fetch(WRAPPED_TOTP_SQL, organisation):
                if row["master_id"] == masters.current:
                    continue
                which = organisation, "totp", str(row["user_id"])
                again = sealed(*which, opened(*which, row["wrapped"], row["master_id"]))
                await db.execute(REWRAP_TOTP_SQL, organisation, row["user_id"], *again)
                done += 1
    return done


async def masters(db: Database) -> list[str]:
    """The ids of master keys that keys are wrapped under."""
    return [row["master_id"] for row in await db.fetch(MASTERS_SQL)]
