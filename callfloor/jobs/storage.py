"""What organisations keep, counted so often that none is far over its quota before that is known."""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor import metrics
from callfloor.store.db.pool import Database
from callfloor.store.setup import storage

EVERY = timedelta(seconds=30)


async def count_storage(db: Database, now: datetime) -> bool:
    """Count what each organisation keeps, unless another process has within `EVERY`; whether it was counted."""
    newest = await storage.newest(db)
    if newest is not None and newest > now - EVERY:
        return False
    kept = await storage.count(db)
    for organisation, each in sorted(kept.items()):
        await storage.say(db, organisation, now, each)
    sizes = [each.bytes for each in kept.values()]
    metrics.STORAGE.labels("all").set(sum(sizes))
    metrics.STORAGE.labels("largest").set(max(sizes, default=0))
    return True
