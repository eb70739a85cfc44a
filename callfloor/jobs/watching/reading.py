"""One organisation's floor, read again and again: what long windows came to is summed up anew less often."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from callfloor.jobs.watching.picture import Picture, Window, picture
from callfloor.rules.values.times import day_begun
from callfloor.rules.values.times import zone as zone_of
from callfloor.store.db.pool import Database
from callfloor.store.figures import live_floor
from callfloor.store.figures.live_floor import Rows
from callfloor.store.setup import campaigns

# Long windows are summed up anew so often; minutes older than this do not change any more, but for rare corrections.
WINDOWS_S = 60.0
SETTLED = timedelta(minutes=10)
LONG_AGO = datetime.min.replace(tzinfo=UTC)


class FloorReader:
    """`zone`: whose times are shown, as it is now."""

    def __init__(self, db: Database, organisation: int, zone: ZoneInfo) -> None:
        self._db, self._organisation, self.zone = db, organisation, zone
        self._windows: dict[int, Window] = {}
        # of `time.monotonic`; None: never yet
        self._summed_at: float | None = None
        self._until = LONG_AGO

    async def read(self, now: datetime) -> tuple[Rows, Picture]:
        """The floor as it is: what was found, and what it shows. Raises `Unavailable`."""
        if self._summed_at is None or self._summed_at + WINDOWS_S <= time.monotonic():
            await self._sum_up(now)
        rows = await live_floor.read(self._db, self._organisation, now, self._until)
        outbound = {row.campaign_id for row in rows.campaigns if row.direction == "outbound"}
        if not outbound <= self._windows.keys():
            # a campaign is new
            await self._sum_up(now)
            rows = await live_floor.read(self._db, self._organisation, now, self._until)
        return rows, picture(rows, self._windows, now, self.zone)

    async def _sum_up(self, now: datetime) -> None:
        setups = {
            setup.campaign: setup
            for setup in await campaigns.of(self._db, self._organisation)
            if setup.mode is not None
        }
        until = (now - SETTLED).replace(second=0, microsecond=0)
        of = [
            (
                campaign,
                now - setup.regime.window,
                day_begun(now, zone_of(setup.facts.zone)),
            )
            for campaign, setup in setups.items()
        ]
        rows = {row["campaign_id"]: row for row in await live_floor.windows(self._db, self._organisation, of, until)}
        self._windows = {
            campaign: Window(
                cap=setup.abandonment_cap,
                days=setup.regime.window / timedelta(days=1),
                live=rows[campaign]["live"],
                abandoned=rows[campaign]["abandoned"],
                today_live=rows[campaign]["today_live"],
                today_abandoned=rows[campaign]["today_abandoned"],
                began=rows[campaign]["began"],
            )
            for campaign, setup in setups.items()
        }
        self._until, self._summed_at = until, time.monotonic()
