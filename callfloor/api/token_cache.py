"""Callers by token or session, kept for seconds; a revocation empties the cache at once."""

from __future__ import annotations

import time
from collections import OrderedDict

from callfloor.store.db.pool import Database, acting_for
from callfloor.store.people import sessions, tokens
from callfloor.store.people.callers import Caller, Key

# The longest that a revoked token may still pass when the notification is lost.
KEPT_S = 5.0
MOST = 10_000
# Unknown tokens apart, and few: who guesses must not push out those that are in use.
MOST_UNKNOWN = 1_000


class TokenCache:
    """What is kept is keyed by the secret's hash, of a fixed size. `version` changes when any token may have."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: OrderedDict[Key, tuple[float, Caller]] = OrderedDict()
        self._unknown: OrderedDict[Key, float] = OrderedDict()
        self.version = 0

    def kept(self, key: Key) -> Caller | None:
        """The token's caller when it was asked for a moment ago, without a look into the database."""
        known = self._known.get(key)
        if known is None or known[0] <= time.monotonic() or known[1].expired():
            return None
        return known[1]

    def seen(self, key: Key) -> bool:
        """Whether the token was good not long ago."""
        return key in self._known

    async def find(self, key: Key) -> Caller | None:
        """The token's caller; None when it is unknown, expired or revoked."""
        caller = self.kept(key)
        now = time.monotonic()
        if caller is not None or self._unknown.get(key, 0.0) > now:
            return caller
        version = self.version
        with acting_for(key.organisation):
            caller = await (sessions if key.kind == "session" else tokens).find(self._db, key)
        # what was read before a change is not believed again
        until = now + KEPT_S if version == self.version else 0.0
        if caller is None:
            self._unknown[key] = until
            self._known.pop(key, None)
        else:
            self._known[key] = (until, caller)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        while len(self._unknown) > MOST_UNKNOWN:
            self._unknown.popitem(last=False)
        return caller

    def clear(self) -> None:
        """Believe nothing any more that is kept: a token or an account changed."""
        self.version += 1
        for key, (_, caller) in self._known.items():
            self._known[key] = (0.0, caller)
        self._unknown.clear()
