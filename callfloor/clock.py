"""Time for everything that waits: real time, or a virtual clock on which a day passes in seconds."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None:
        """Never call back. Harmless when it has already."""
        ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, as the world counts them: what is written down, and what calling hours are
        judged by. Somebody may set it back or forth."""
        ...

    def elapsed(self) -> float:
        """Seconds since some moment. Never goes back: what durations are taken from."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call once, `delay` seconds from now."""
        ...


class LoopClock:
    """The time of a running event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        return time.time()

    def elapsed(self) -> float:
        return self._loop.time()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return self._loop.call_later(max(0.0, delay), callback)


class _VirtualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    """A clock that stands until `run` moves it from one callback to the next."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._due: list[tuple[float, int, _VirtualTimer]] = []

    def now(self) -> float:
        return self._now

    def elapsed(self) -> float:
        return self._now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        timer = _VirtualTimer(callback)
        heapq.heappush(self._due, (self._now + max(0.0, delay), next(self._order), timer))
        return timer

    def run(self, until: float) -> None:
        """Call everything that is due before or at `until`, in order, and stand there."""
        due = self._due
        while due and due[0][0] <= until:
            at, _, timer = heapq.heappop(due)
            callback, timer.callback = timer.callback, None
            if callback is not None:
                self._now = at
                callback()
        self._now = max(self._now, until)
