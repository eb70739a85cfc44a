"""Requests of an organisation that arrive together share one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from callfloor.store.db.pool import acting_for, apart

K = TypeVar("K")
V = TypeVar("V")


class Coalesced(Generic[K, V]):
    """Gathers single lookups or inserts of an organisation into batches.

    A batch starts in the loop turn after its first item arrived, or when one of `at_once` batches of the organisation
    ends. An item's statement always starts after the item arrived, so a read sees what its client wrote before. `run`
    is told the organisation and answers each item at its position; when it raises, every item of the batch gets that.
    """

    def __init__(
        self, run: Callable[[int, Sequence[K]], Awaitable[Sequence[V]]], *, at_once: int = 2, most: int = 256
    ) -> None:
        self._run, self._at_once, self._most = run, at_once, most
        self._lanes: dict[int, _Lane[K, V]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, organisation: int, item: K) -> V:
        """What `run` answers for this item."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        lane = self._lanes.setdefault(organisation, _Lane())
        lane.waiting.append((item, future))
        if not lane.scheduled and lane.running < self._at_once:
            lane.scheduled = True
            loop.call_soon(self._start, organisation, lane)
        return await future

    def _start(self, organisation: int, lane: _Lane[K, V]) -> None:
        lane.scheduled = False
        if not lane.waiting:
            return
        batch, lane.waiting = lane.waiting[: self._most], lane.waiting[self._most :]
        lane.running += 1
        task = asyncio.get_running_loop().create_task(self._serve(organisation, lane, batch), context=apart())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, organisation: int, lane: _Lane[K, V], batch: list[tuple[K, asyncio.Future[V]]]) -> None:
        try:
            with acting_for(organisation):
                answers = await self._run(organisation, [item for item, _ in batch])
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        finally:
            lane.running -= 1
            if lane.waiting:
                self._start(organisation, lane)
            elif not lane.running and not lane.scheduled:
                self._lanes.pop(organisation, None)


@dataclass(slots=True)
class _Lane(Generic[K, V]):
    """What waits of one organisation, and how many batches of it are in progress."""

    waiting: list[tuple[K, asyncio.Future[V]]] = field(default_factory=list[tuple[K, "asyncio.Future[V]"]])
    running: int = 0
    scheduled: bool = False
