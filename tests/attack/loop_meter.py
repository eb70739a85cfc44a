"""How long an event loop is kept from its work, in processor time: not the clock, so that a busy machine counts for
nothing."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Meter:
    """`longest_s`: the most processor time that this process took between two turns of its loop.

    That is a callback that ran for so long, or another thread that did not let go of the interpreter.
    """

    longest_s: float = 0.0

    def take(self) -> float:
        """The longest so far, counted anew from now on."""
        longest, self.longest_s = self.longest_s, 0.0
        return longest


@contextmanager
def measured() -> Iterator[Meter]:
    """Measure the running loop meanwhile. It is kept turning, so this takes a processor."""
    # as an API process does: what the tests have made until now is nobody's garbage
    gc.collect()
    gc.freeze()
    loop, meter, going = asyncio.get_running_loop(), Meter(), True
    last = time.process_time()

    def turn() -> None:
        nonlocal last
        now = time.process_time()
        meter.longest_s = max(meter.longest_s, now - last)
        last = now
        if going:
            loop.call_soon(turn)

    loop.call_soon(turn)
    try:
        yield meter
    finally:
        gc.unfreeze()
        going = False
