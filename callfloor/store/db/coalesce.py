"""Requests that arrive together share one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Coalesced(Generic[K, V]):
    """Gathers single lookups or inserts into batches.

    A batch starts in the loop turn after its first item arrived, or when one of `at_once` batches in progress ends.
    An item's statement always starts after the item arrived, so a read sees what its client wrote before. `run`
    answers each item at its position; when it raises, every item of the batch gets that error.
    """

    def __init__(
        self, run: Callable[[Sequence[K]], Awaitable[Sequence[V]]], *, at_once: int = 2, most: int = 256
    ) -> None:
        self._run = run
        self._at_once = at_once
        self._most = most
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._running = 0
        self._scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def get(self, item: K) -> V:
        """What `run` answers for this item."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        self._waiting.append((item, future))
        if not self._scheduled and self._running < self._at_once:
            self._scheduled = True
            loop.call_soon(self._start)
        return await future

    def _start(self) -> None:
        self._scheduled = False
        if not self._waiting:
            return
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        self._running += 1
        task = asyncio.get_running_loop().create_task(self._serve(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, batch: list[tuple[K, asyncio.Future[V]]]) -> None:
        try:
            answers = await self._run([item for item, _ in batch])
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(batch, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
        finally:
            self._running -= 1
            if self._waiting:
                self._start()
