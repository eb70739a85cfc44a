"""Readings of organisations' floors: at most one a second of each, in this process, and only while somebody watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from callfloor.api.workspace.floor.channel import Channel, View
from callfloor.cancellation import cancelled
from callfloor.errors import Problem
from callfloor.jobs.watching.picture import Picture
from callfloor.jobs.watching.reading import FloorReader
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database, acting_for, apart
from callfloor.store.people.callers import Organisation

log = structlog.get_logger("callfloor.api")

READ_S = 1.0
# What a channel nobody watches is kept for, so that whoever comes back goes on from what it has.
KEPT_S = 600.0


@dataclass(slots=True)
class _Organisation:
    reader: FloorReader
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    picture: Picture | None = None
    # seconds of the loop's clock
    read_at: float = 0.0
    channels: dict[View, Channel] = field(default_factory=dict[View, Channel])
    left_at: dict[View, float] = field(default_factory=dict[View, float])
    reading: asyncio.Task[None] | None = None

    def watched(self) -> bool:
        return any(channel.watchers for channel in self.channels.values())


class Readings:
    """This process's. `taken`: how many there were, since it began."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._organisations: dict[int, _Organisation] = {}
        self.taken = 0

    async def channel(self, organisation: Organisation, view: View) -> Channel:
        """A view of the floor, as it was a second ago at most. Raises `Unavailable`."""
        number = organisation.organisation_id
        known = self._organisations.get(number)
        if known is None:
            known = self._organisations[number] = _Organisation(FloorReader(self._db, number, organisation.zone))
        known.reader.zone = organisation.zone
        with acting_for(number):
            seen = await self._read(known)
        self._forget(known)
        channel = known.channels.get(view)
        if channel is None:
            channel = known.channels[view] = Channel(view, seen)
        known.left_at[view] = asyncio.get_running_loop().time()
        return channel

    @asynccontextmanager
    async def watching(self, organisation: Organisation, view: View) -> AsyncGenerator[Channel]:
        """A view whose changes are shown while this is open."""
        channel = await self.channel(organisation, view)
        known = self._organisations[organisation.organisation_id]
        with channel.watched():
            if known.reading is None or known.reading.done():
                known.reading = asyncio.create_task(
                    self._keep_reading(organisation.organisation_id, known), context=apart()
                )
            yield channel
        known.left_at[view] = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Stop reading."""
        await cancelled(each.reading for each in self._organisations.values() if each.reading is not None)

    async def _keep_reading(self, organisation: int, known: _Organisation) -> None:
        """Until nobody watches any more."""
        loop = asyncio.get_running_loop()
        while known.watched():
            await asyncio.sleep(max(0.0, known.read_at + READ_S - loop.time()))
            try:
                with acting_for(organisation):
                    await self._read(known)
            except Problem as problem:
                # the database is away: the floor is shown as it was, and read again when it is back
                log.info("floor-unread", kind=type(problem).__name__)
                await asyncio.sleep(READ_S)
            except REFUSALS as error:
                log.error("floor-unread", kind=type(error).__name__)
                await asyncio.sleep(READ_S)

    async def _read(self, known: _Organisation) -> Picture:
        """The floor as it was less than a second ago, read now unless it just was."""
        now_s = asyncio.get_running_loop().time
        async with known.lock:
            if known.picture is not None and now_s() < known.read_at + READ_S:
                return known.picture
            known.read_at = now_s()
            _, known.picture = await known.reader.read(datetime.now(UTC))
            self.taken += 1
            for channel in known.channels.values():
                channel.show(known.picture)
            return known.picture

    def _forget(self, known: _Organisation) -> None:
        now = asyncio.get_running_loop().time()
        for view, channel in list(known.channels.items()):
            if not channel.watchers and known.left_at.get(view, now) + KEPT_S < now:
                del known.channels[view]
                known.left_at.pop(view, None)
