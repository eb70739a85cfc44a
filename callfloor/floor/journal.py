"""The order in which the floor's writes reach the database.

Writes are queued and go down together, a batch a transaction, in the order in which they came. A database that is away
is waited for: nothing is dropped, and nothing overtakes. Every write is one that may be repeated, because a connection
that breaks does not tell whether the last batch was committed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog

from callfloor.errors import Problem
from callfloor.store.pool import Database

log = structlog.get_logger("callfloor.floor")

BATCH = 200
RETRY_S = (0.1, 2.0)


@dataclass(slots=True)
class _Write:
    do: Callable[[], Awaitable[Any]]
    done: Callable[[Any], None] | None


class Journal:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._queue: deque[_Write] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def write(self, do: Callable[[], Awaitable[Any]], done: Callable[[Any], None] | None = None) -> None:
        """Do this after all that was queued before; `done` hears of its result once it is committed."""
        self._queue.append(_Write(do, done))
        self._idle.clear()
        self._wake.set()

    async def flushed(self) -> None:
        """Wait until nothing is queued."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled."""
        shortest, longest = RETRY_S
        rest = shortest
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                try:
                    results = await self._together(batch)
                except (Problem, OSError) as error:
                    # the database is away: first come first served when it is back
                    log.warning("journal-waits", waiting=len(batch) + len(self._queue), kind=type(error).__name__)
                    self._queue.extendleft(reversed(batch))
                    await asyncio.sleep(rest)
                    rest = min(longest, rest * 2)
                    continue
                rest = shortest
                for write, result in results:
                    if write.done is not None:
                        write.done(result)
            self._idle.set()

    async def _together(self, batch: list[_Write]) -> list[tuple[_Write, Any]]:
        """All in one transaction; when the database refuses one of them, each in its own, without that one."""
        try:
            async with self._db.transaction():
                return [(write, await write.do()) for write in batch]
        except asyncpg.PostgresError as error:
            if len(batch) == 1:
                # a fault of ours: the rest must not wait for it for ever
                log.error("journal-refused", kind=type(error).__name__)
                return []
            written: list[tuple[_Write, Any]] = []
            for write in batch:
                written += await self._together([write])
            return written
