"""Monthly partitions of attempts and activities."""

from __future__ import annotations

from datetime import datetime

from callfloor.store.db.pool import Database

ENSURE_SQL = "SELECT ensure_partitions($1, $2)"


async def ensure(db: Database, first: datetime, last: datetime) -> None:
    """Make the months from `first` to `last` that are not there."""
    await db.execute(ENSURE_SQL, first, last)
