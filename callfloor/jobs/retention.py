"""Retention: what is due is deleted a day after the last time, in batches that each stand by themselves.

Killed at any moment, a run goes on where it was: what is gone is not due any more, and its count was written with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.rules.audit.entries import SYSTEM, Entry
from callfloor.rules.privacy.retention import PARTS, due
from callfloor.store.audit import entries
from callfloor.store.db.pool import Database
from callfloor.store.privacy import retention

EVERY = timedelta(days=1)
BATCH = 500
# Of one round of housekeeping, which has other things to do.
BATCHES_A_ROUND = 40


async def keep_less(db: Database, now: datetime) -> None:
    """A round of the runs that are open, or whose time has come. Any number of processes may do it at once."""
    for organisation in await retention.with_rules(db):
        last = await retention.last_run(db, organisation)
        if last is None or last <= now - EVERY or await retention.is_open(db, organisation):
            await run(db, organisation, now, BATCHES_A_ROUND)


async def planned(db: Database, organisation: int, now: datetime) -> dict[str, int]:
    """How many of each are due."""
    counts: dict[str, int] = {}
    for each in due(await retention.rules(db, organisation), now):
        for part in PARTS[each.kind]:
            counts[part] = counts.get(part, 0) + await retention.count(db, organisation, each, part)
    return counts


async def run(db: Database, organisation: int, now: datetime, batches: int | None = None) -> dict[str, int] | None:
    """Delete what is due; returns the counts of the run. None: there is more than that many batches, or another process
    has ended the run."""
    async with db.transaction():
        run_id = await retention.begin(db, organisation, now)
    for each in due(await retention.rules(db, organisation), now):
        for part in PARTS[each.kind]:
            while await retention.delete_some(db, organisation, run_id, each, part, BATCH, now):
                if batches is not None:
                    batches -= 1
                    if batches <= 0:
                        return None
    async with db.transaction():
        counts = await retention.finish(db, organisation, run_id, now)
        if counts:
            # a run that found nothing is worth no entry
            said = Entry("retention.delete", "retention", (run_id,), None, {"counts": counts})
            await entries.record(db, organisation, SYSTEM, now, [said])
    return counts
