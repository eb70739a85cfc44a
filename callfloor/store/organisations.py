"""Organisations: each is a centre of its own; nothing of one is ever seen from another."""

from __future__ import annotations

import secrets

from asyncpg import Record
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callfloor.store.pool import Database

EVERY_SQL = "SELECT organisation_id, name, timezone, country FROM organisations ORDER BY name"
INSERT_SQL = """
INSERT INTO organisations (name, timezone, country, hash_key, signing_key) VALUES ($1, $2, $3, $4, $5)
RETURNING organisation_id"""


async def every(db: Database) -> list[Record]:
    return await db.fetch(EVERY_SQL)


async def create(db: Database, name: str, timezone: str, country: str) -> int:
    """Make an organisation, with keys of its own; returns its id."""
    signing_key = Ed25519PrivateKey.generate().private_bytes_raw()
    return int(await db.fetchval(INSERT_SQL, name, timezone, country, secrets.token_bytes(32), signing_key))
