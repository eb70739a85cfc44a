"""Requests for one call: one after the other, in the order in which they were asked for."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from callfloor.telephony.asterisk.ari import AriError

log = structlog.get_logger("callfloor.telephony")

Job = Callable[[], Awaitable[None]]


class Tasks:
    """Everything that runs for a carrier. After `close` nothing does, and nothing begins."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._closed:
            return
        task = asyncio.create_task(work())
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            trace = traceback.format_tb(error.__traceback__)
            log.error("carrier-task-failed", kind=type(error).__name__, trace=trace)

    async def close(self) -> None:
        self._closed = True
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(set(self._running))


class Work:
    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        self._jobs: deque[Job] = deque()
        self._busy = False

    def add(self, job: Job) -> None:
        self._jobs.append(job)
        self._begin()

    def _begin(self) -> None:
        if self._jobs and not self._busy:
            self._busy = True
            self._tasks.start(self._run)

    async def _run(self) -> None:
        try:
            while self._jobs:
                job = self._jobs.popleft()
                try:
                    await job()
                except AriError as error:
                    # what a job must not leave undone it looks after itself
                    log.warning("ari-request-failed", kind=type(error).__name__, detail=str(error))
        finally:
            # a fault of the program in one job is told where tasks end; the next one is done all the same
            self._busy = False
            self._begin()
