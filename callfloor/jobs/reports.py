"""Reports' sums, kept up with what happens."""

from __future__ import annotations

from datetime import datetime, timedelta

from callfloor.rules.figures.intervals import floor
from callfloor.rules.values.times import zone as zone_of
from callfloor.store.db.pool import Database
from callfloor.store.figures import report_counts

# A quarter-hour is counted so long after its end, when most wrap-ups of it are over and clocks agree that it is past.
AFTER = timedelta(minutes=2)


async def count_some(db: Database, now: datetime) -> bool:
    """A day of quarter-hours of each organisation at most; whether there may be more to do."""
    more = False
    for organisation, zone in (await report_counts.organisations(db)).items():
        more |= await report_counts.count_some(db, organisation, zone_of(zone), now, floor(now - AFTER))
    return more
