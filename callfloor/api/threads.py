"""Work that costs in proportion to what a client sent: at once when that is little, else beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Bytes that cost less than a thread is worth: about a millisecond.
LITTLE = 8 * 1024


async def beside(size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns or raises; `size` in bytes of what it looks at. It must not touch the loop."""
    if size <= LITTLE:
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
