"""Whether an organisation may keep more."""

from __future__ import annotations

import time

from callfloor import metrics
from callfloor.errors import QuotaExceeded
from callfloor.store.db.pool import Database
from callfloor.store.setup import storage

MIB = 1024**2
# So long an answer of the database is believed, so that a write costs no question of its own.
BELIEVED_S = 5.0


class Room:
    """The quota of all organisations, and who is over it, as it was counted last."""

    def __init__(self, db: Database, most: int, believed_s: float = BELIEVED_S) -> None:
        """`most`: bytes."""
        self._db, self.most, self._believed_s = db, most, believed_s
        self._known: dict[int, tuple[float, int]] = {}

    async def expect(self, organisation: int) -> None:
        """Raise `QuotaExceeded` when the organisation keeps as much as it may."""
        now = time.monotonic()
        asked_at, kept = self._known.get(organisation, (-self._believed_s, 0))
        if now - asked_at >= self._believed_s:
            kept = await storage.at_least(self._db, organisation)
            self._known[organisation] = now, kept
        if kept >= self.most:
            metrics.QUOTA_REFUSED.labels("storage").inc()
            raise QuotaExceeded(
                f"The organisation keeps {kept // MIB:,} MiB, and may keep {self.most // MIB:,}: delete what is done"
                " with (lists, recordings; retention rules do it by themselves), or ask the operator for more"
                " (CALLFLOOR_ORGANISATION_STORAGE_MEGABYTES). What was deleted is known within a minute.",
                headers={"Retry-After": "60"},
            )
