"""What evidence and audit have in common when they are sealed: one process at a time adds to a chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from callfloor.store.db.pool import Database


async def seal_each(
    db: Database,
    organisations: Sequence[int],
    try_lock: Callable[[Database, int], Awaitable[bool]],
    seal_some: Callable[[Database, int, datetime], Awaitable[bool]],
    at: datetime,
) -> bool:
    """Seal what waits, one transaction an organisation. True: `seal_some` says of one that there is more to do."""
    more = False
    for organisation in organisations:
        async with db.transaction():
            if await try_lock(db, organisation):
                more |= await seal_some(db, organisation, at)
    return more
