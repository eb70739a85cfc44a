"""What has to be done now and then: months made ahead, what expired dropped, bytes that nobody needs destroyed."""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.jobs.media import sweep, sweep_orphans
from callfloor.jobs.reporting.sending import KEPT
from callfloor.jobs.retention import keep_less
from callfloor.jobs.watching.alerts import KEPT as ALERTS_KEPT
from callfloor.jobs.what_ifs import KEPT as WHAT_IFS_KEPT
from callfloor.media.blobs import Blobs
from callfloor.store.agents import desk_commands, desk_events, drafts, requeue
from callfloor.store.calls import diagnoses
from callfloor.store.db import idempotency, partitions, runs
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts, report_deliveries, what_ifs
from callfloor.store.leads import imports
from callfloor.store.people import challenges, passwords, sessions

ABANDONED_AFTER = timedelta(hours=1)
AHEAD = timedelta(days=92)
TEMPORARY_AFTER = timedelta(days=1)


# So often the whole media store is looked through, and so soon again when that did not come to its end.
THOROUGH_EVERY = timedelta(days=1)
THOROUGH_AGAIN = timedelta(hours=1)


async def keep_house(db: Database, blobs: Blobs, now: datetime) -> None:
    """A round, one a minute; each step is safe to repeat, and any number of processes may do it at once."""
    await partitions.ensure(db, now, now + AHEAD)
    while await idempotency.expire(db) > 0:
        pass
    while await desk_events.expire(db) > 0:
        pass
    await desk_commands.expire(db)
    await requeue.of_agents_gone(db, now)
    await drafts.expire(db, now)
    await diagnoses.expire(db, now)
    await sessions.expire(db)
    await passwords.expire(db, now)
    await challenges.expire(db, now)
    await report_deliveries.expire(db, now - KEPT)
    await alerts.expire(db, now - ALERTS_KEPT)
    await what_ifs.expire(db, now - WHAT_IFS_KEPT)
    await imports.drop_abandoned(db, ABANDONED_AFTER)
    await keep_less(db, now)
    await sweep(db, blobs)
    await blobs.sweep_temporary(TEMPORARY_AFTER)
    if await runs.begin_media_sweep(db, now, THOROUGH_EVERY, THOROUGH_AGAIN):
        await sweep_orphans(db, blobs, now - TEMPORARY_AFTER)
        await runs.media_swept(db, now)
