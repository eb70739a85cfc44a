"""Ending tasks for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

# A task that was cancelled and still runs after so long is cancelled again.
AGAIN_S = 1.0


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait until all of them are over; what each ended with is its own to ask for.

    A cancellation that meets a statement or a connection being made can be lost, so it is repeated.
    """
    given = list(tasks)
    while pending := [task for task in given if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_S)
