"""When a task that is done now and then was done last, whichever process did it."""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.store.db.pool import Database

# Whoever begins puts the next time where a run that dies is taken up again, and so keeps the others out meanwhile.
BEGIN_SQL = """
UPDATE schema_migrations SET media_swept_at = $1::timestamptz - $2::interval + $3::interval
WHERE number = 1 AND (media_swept_at IS NULL OR media_swept_at <= $1::timestamptz - $2::interval) RETURNING true"""
DONE_SQL = "UPDATE schema_migrations SET media_swept_at = $1 WHERE number = 1"


async def begin_media_sweep(db: Database, at: datetime, every: timedelta, again: timedelta) -> bool:
    """Whether the media store is to be looked through now: `every` so often, and `again` after a run that died."""
    return bool(await db.fetchval(BEGIN_SQL, at, every, again))


async def media_swept(db: Database, at: datetime) -> None:
    await db.execute(DONE_SQL, at)
