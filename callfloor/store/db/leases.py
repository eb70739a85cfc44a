"""Which engine dials a campaign. All on one session of the engine's own: its locks go when the session goes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from callfloor.store.db.pool import Database

LOCK_SQL = "SELECT pg_try_advisory_lock(hashtextextended('callfloor campaign ' || ($2::bigint)::text, $1::bigint))"
UNLOCK_SQL = "SELECT pg_advisory_unlock(hashtextextended('callfloor campaign ' || ($2::bigint)::text, $1::bigint))"
# Says that the engine lives, and asks how many do.
ALIVE_SQL = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'callfloor engine'"""
TAKE_SQL = """
INSERT INTO campaign_leases (organisation_id, campaign_id, engine, taken_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (organisation_id, campaign_id) DO UPDATE SET engine = excluded.engine, taken_at = excluded.taken_at"""
# Whoever takes the campaign over waits until this transaction is through.
HOLDS_SQL = """
SELECT 1 FROM campaign_leases WHERE organisation_id = $1 AND campaign_id = $2 AND engine = $3 FOR SHARE"""


async def open_session(dsn: str, idle_limit_s: float) -> asyncpg.Connection[asyncpg.Record]:
    """A session whose locks the server takes back when nothing is heard from it for `idle_limit_s`: of an engine that
    hangs, or whose machine is gone without a word."""
    return await asyncpg.connect(
        dsn,
        timeout=5,
        command_timeout=idle_limit_s,
        server_settings={
            "application_name": "callfloor engine",
            "idle_session_timeout": str(int(idle_limit_s * 1000)),
            "tcp_keepalives_idle": "1",
            "tcp_keepalives_interval": "1",
            "tcp_keepalives_count": "3",
        },
    )


async def lock(session: asyncpg.Connection[asyncpg.Record], organisation: int, campaign: int) -> bool:
    """Take the campaign's lock unless another engine has it."""
    return bool(await session.fetchval(LOCK_SQL, organisation, campaign))


async def unlock(session: asyncpg.Connection[asyncpg.Record], organisation: int, campaign: int) -> None:
    await session.fetchval(UNLOCK_SQL, organisation, campaign)


async def touch(session: asyncpg.Connection[asyncpg.Record]) -> int:
    """Say that the engine lives; returns how many do. Raises when the session, and with it every lock, is gone."""
    return await session.fetchval(ALIVE_SQL)


async def take(db: Database, organisation: int, campaign: int, engine: UUID, at: datetime) -> None:
    """Put the engine's name to the campaign whose lock it holds."""
    await db.execute(TAKE_SQL, organisation, campaign, engine, at)


async def holds(db: Database, organisation: int, campaign: int, engine: UUID) -> bool:
    """Whether the engine still leads the campaign; it does until the end of the transaction in progress."""
    return await db.fetchval(HOLDS_SQL, organisation, campaign, engine) is not None
