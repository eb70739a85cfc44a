"""Readings that come thousands of times a second: recorded in batches beside the requests, and never lost in silence.

What one caller reads of one kind within a moment is one entry, with the ids of what was read and of the requests. A
reading is answered once its entry has a place here. There is a bounded number of places: while the database does not
take entries, requests get a 503 rather than an answer that nobody knows of. A process that is killed (not stopped)
takes the last moment with it; docs/decisions/0026-an-audit-off-the-hot-path.md says why that is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

import structlog

from callfloor.errors import Problem, Unavailable
from callfloor.rules.audit.entries import Actor, Entry
from callfloor.store.audit import entries
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database, acting_for, apart

log = structlog.get_logger("callfloor.audit")

# Readings that wait at most, and how long they do.
MOST = 20_000
EVERY_S = 0.2
# Ids and readings in one entry.
LONGEST = 1_000
RETRY_S = 1.0


class _Who(NamedTuple):
    organisation: int
    type: str
    id: int | None
    token_id: int | None
    address: str
    action: str
    object_type: str


class _Reading(NamedTuple):
    by: Actor
    at: datetime
    entry: Entry


class ReadLog:
    """Of one process. `close` writes what is left."""

    def __init__(self, db: Database, most: int = MOST) -> None:
        self._db, self._most = db, most
        self._waiting: dict[_Who, list[_Reading]] = {}
        self._count = 0
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def put(self, organisation: int, by: Actor, at: datetime, entry: Entry) -> None:
        """Take a reading down. Raises `Unavailable` when there is no place for it."""
        if self._count >= self._most:
            raise Unavailable(
                "This cannot be recorded in the audit now, so it is not shown.", headers={"Retry-After": "1"}
            )
        who = _Who(organisation, by.type, by.id, by.token_id, by.address, entry.action, entry.object_type)
        self._waiting.setdefault(who, []).append(_Reading(by, at, entry))
        self._count += 1
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(), context=apart())

    async def close(self) -> None:
        """Write what waits; what the database does not take now is lost, and the log says how many."""
        self._closing.set()
        if self._writing is not None:
            await self._writing
        if self._count:
            log.error("audit-lost", readings=self._count)

    async def _write(self) -> None:
        """Until nothing waits."""
        pause = EVERY_S
        while self._count:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()
            try:
                await self._write_some()
                pause = EVERY_S
            except (Problem, *REFUSALS) as error:
                log.error("audit-waits", readings=self._count, kind=type(error).__name__)
                if self._closing.is_set():
                    break
                pause = RETRY_S
        self._writing = None

    async def _write_some(self) -> None:
        taken, self._waiting = self._waiting, {}
        written = 0
        try:
            async with self._db.transaction():
                for who, readings in taken.items():
                    with acting_for(who.organisation):
                        for by, at, entry in _together(readings):
                            await entries.record(self._db, who.organisation, by, at, [entry])
            written = sum(map(len, taken.values()))
        finally:
            self._count -= written
            if not written:
                for who, readings in taken.items():
                    self._waiting[who] = readings + self._waiting.get(who, [])


def _together(readings: list[_Reading]) -> Iterator[_Reading]:
    """One entry of what one caller read."""
    some: list[_Reading] = []
    ids = 0
    for each in readings:
        if some and ids + len(each.entry.object_ids) > LONGEST:
            yield _one(some)
            some, ids = [], 0
        some.append(each)
        ids += max(1, len(each.entry.object_ids))
    yield _one(some)


def _one(some: list[_Reading]) -> _Reading:
    first = some[0]
    if len(some) == 1:
        return first
    ids = [number for each in some for number in each.entry.object_ids]
    until = max(each.at for each in some).astimezone(UTC)
    details = {"requests": [each.by.request_id for each in some], "until": until}
    by = Actor(first.by.type, first.by.id, first.by.name, first.by.token_id, first.by.address)
    return _Reading(by, first.at, Entry(first.entry.action, first.entry.object_type, ids, None, details))
