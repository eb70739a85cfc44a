"""How much of answers one process holds at once, however many clients ask for large ones and read them slowly.

A page is built by few at a time; whoever waits for a place holds nothing but its request. What was built and is not
taken by its client yet is counted in bytes, and refused over a bound rather than kept waiting: a client that reads one
page after another never meets it. Of both an organisation has a part only, so that another goes on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from weakref import WeakValueDictionary

from callfloor.errors import Unavailable

# Pages that are built at once, and of these for one organisation: each has about 4 MB of rows, and as much of JSON.
BUILT, BUILT_OF_ONE = 8, 4
# Bytes of large answers on their way, and of one organisation.
SENT, SENT_OF_ONE = 64 * 1024**2, 24 * 1024**2
# What is larger is counted, and goes out in pieces of this size, each when the one before it is nearly taken.
PIECE = 64 * 1024


class Answers:
    """Of one process."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(BUILT)
        self._places_of: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()
        self._sent: Counter[int] = Counter()

    @asynccontextmanager
    async def building(self, organisation: int) -> AsyncGenerator[None]:
        """Wait for a place to build a page in, and keep it."""
        own = self._places_of.get(organisation)
        if own is None:
            own = self._places_of[organisation] = asyncio.Semaphore(BUILT_OF_ONE)
        # its own first: whoever waits for that keeps no place from others
        async with own, self._places:
            yield

    @contextmanager
    def sending(self, organisation: int, size: int) -> Generator[None]:
        """Count an answer until it is taken. Raises `Unavailable` where too much is on its way."""
        if size <= PIECE:
            yield
            return
        if self._sent[organisation] + size > max(size, SENT_OF_ONE) or self._sent.total() + size > max(size, SENT):
            raise Unavailable(
                "Large answers are on their way that nobody has read yet: read those first, or ask for fewer items at"
                " once.",
                headers={"Retry-After": "1"},
            )
        self._sent[organisation] += size
        try:
            yield
        finally:
            self._sent[organisation] -= size
            if not self._sent[organisation]:
                del self._sent[organisation]
