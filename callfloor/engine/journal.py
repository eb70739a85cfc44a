"""The order in which the floor's writes reach the database.

Writes are queued and go down together, a batch a transaction, in the order in which they came. A database that is away
is waited for: nothing is dropped, and nothing overtakes. A batch whose commit was not answered is looked up by its
transaction's id before anything is repeated. A write that is refused, or that the database gives up on again and again,
is dropped and told, so that the others do not wait for it for ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from callfloor import metrics
from callfloor.errors import DatabaseBusy, Problem, WriteUnknown
from callfloor.store.db import transactions
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database

log = structlog.get_logger("callfloor.floor")

BATCH = 200
RETRY_S = (0.1, 2.0)
# So often a write is tried that the database gives up on: a time limit, a lock, a deadlock.
MOST_TRIES = 5
# With so many writes waiting no new call is begun. Calls that are up go on, and what they write is taken: each has only
# so much to say, so that the queue's length is bounded by the number of calls. Some seconds' work of a PostgreSQL.
FULL = 10_000


@dataclass(slots=True)
class _Write:
    do: Callable[[], Awaitable[Any]]
    done: Callable[[Any], None] | None
    refused: Callable[[], None] | None
    tries: int = 0


class Journal:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._queue: deque[_Write] = deque()
        # how many of the queue's first are being written
        self._at_work = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        # the transaction that is written now, as PostgreSQL names it
        self._transaction: str | None = None

    def write(
        self,
        do: Callable[[], Awaitable[Any]],
        done: Callable[[Any], None] | None = None,
        refused: Callable[[], None] | None = None,
    ) -> None:
        """Do this after all that was queued before; `done` hears of its result once it is committed, or `refused` that
        it never will be."""
        self._queue.append(_Write(do, done, refused))
        self._idle.clear()
        self._wake.set()

    @property
    def waiting(self) -> int:
        """How many are not written yet."""
        return len(self._queue) + self._at_work

    @property
    def full(self) -> bool:
        """Whether the database is so far behind that no call should begin."""
        return self.waiting >= FULL

    async def flushed(self) -> None:
        """Wait until nothing is queued."""
        await self._idle.wait()

    async def close(self, within_s: float) -> None:
        """Write what is queued while `run` is at work, and tell nobody any more: who would hear of it starts new work.
        What a database that is away does not take in that time is lost, and said in the log."""
        self._closing = True
        try:
            async with asyncio.timeout(within_s):
                await self.flushed()
        except TimeoutError:
            log.error("journal-lost", waiting=len(self._queue))

    async def run(self) -> None:
        """Write until cancelled."""
        shortest, longest = RETRY_S
        rest = shortest
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                self._at_work = len(batch)
                left = await self._written(batch)
                self._at_work = 0
                if left:
                    # first come first served when it is back
                    self._queue.extendleft(reversed(left))
                    await asyncio.sleep(rest)
                    rest = min(longest, rest * 2)
                else:
                    rest = shortest
            self._idle.set()

    async def _written(self, batch: list[_Write]) -> list[_Write]:
        """Write a batch; returns what is still to be written."""
        try:
            results = await self._together(batch)
        except DatabaseBusy:
            return await self._each(batch) if len(batch) > 1 else self._tried(batch[0])
        except REFUSALS as error:
            if len(batch) > 1:
                return await self._each(batch)
            self._refuse(batch[0], type(error).__name__)
            return []
        except (Problem, OSError) as error:
            log.warning("journal-waits", waiting=len(batch) + len(self._queue), kind=type(error).__name__)
            return batch
        for write, result in zip(batch, results, strict=True):
            if write.done is not None and not self._closing:
                write.done(result)
        return []

    async def _each(self, batch: list[_Write]) -> list[_Write]:
        """One by one, so that each has its own fate; the order stays."""
        for place, write in enumerate(batch):
            if left := await self._written([write]):
                return [*left, *batch[place + 1 :]]
        return []

    def _tried(self, write: _Write) -> list[_Write]:
        write.tries += 1
        if write.tries < MOST_TRIES:
            return [write]
        self._refuse(write, "busy")
        return []

    def _refuse(self, write: _Write, kind: str) -> None:
        log.error("journal-refused", kind=kind)
        metrics.JOURNAL_REFUSED.inc()
        if write.refused is not None and not self._closing:
            write.refused()

    async def _together(self, batch: list[_Write]) -> list[Any]:
        """All in one transaction. Raises what the database says, or `Problem`: then nothing was written."""
        results: list[Any] = []
        self._transaction = None
        try:
            async with self._db.transaction():
                self._transaction = await transactions.name(self._db)
                results += [await write.do() for write in batch]
        except WriteUnknown:
            if self._transaction is None or not await self._committed(self._transaction):
                raise
        return results

    async def _committed(self, transaction: str) -> bool:
        """Whether a transaction came through, which the database knows as soon as it is back."""
        rest, longest = RETRY_S
        while True:
            try:
                committed = await transactions.committed(self._db, transaction)
            except Problem as error:
                log.warning("journal-asks", kind=type(error).__name__)
                committed = None
            if committed is not None:
                return committed
            await asyncio.sleep(rest)
            rest = min(longest, rest * 2)
