"""Callers by token, kept for seconds; a revocation empties the cache at once."""

from __future__ import annotations

import time
from collections import OrderedDict

from callfloor.store import tokens
from callfloor.store.pool import Database
from callfloor.store.tokens import Caller

# The longest that a revoked token may still pass when the notification is lost.
KEPT_S = 5.0
MOST = 10_000


class TokenCache:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()

    async def find(self, token: str) -> Caller | None:
        """The token's caller; None when it is unknown, expired or revoked."""
        known = self._known.get(token)
        now = time.monotonic()
        if known is not None and known[0] > now:
            caller = known[1]
            return None if caller is not None and caller.expired() else caller
        caller = await tokens.find(self._db, token)
        self._known[token] = (now + KEPT_S, caller)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return caller

    def clear(self) -> None:
        """Forget everything: a token or an organisation changed."""
        self._known.clear()
