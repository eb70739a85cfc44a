"""Heartbeats of desks: whatever is asked with an agent's token or session, and its WebSocket."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from callfloor.errors import Problem
from callfloor.rules.routing.desks import SEEN_EVERY_S
from callfloor.store.agents import desks
from callfloor.store.db.coalesce import Coalesced
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import Caller

# More agents than a process serves; then all are written down once more.
MOST = 20_000

_Agent = tuple[int, int]


class DeskHeartbeats:
    """Written down every few seconds an agent, those of one moment together."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._written: dict[_Agent, float] = {}
        self._signs = Coalesced[int, None](self._seen)

    async def heard(self, caller: Caller) -> None:
        """Somebody asks for something. Who is no agent has no desk. Never raises: the next sign comes soon."""
        person, now = caller.person, time.monotonic()
        if person is None or not person.is_agent:
            return
        agent = caller.organisation.organisation_id, person.user_id
        if now - self._written.get(agent, float("-inf")) < SEEN_EVERY_S:
            return
        if len(self._written) >= MOST:
            self._written.clear()
        self._written[agent] = now
        try:
            await self._signs.get(*agent)
        except Problem:
            self._written.pop(agent, None)

    async def _seen(self, organisation: int, agents: Sequence[int]) -> Sequence[None]:
        await desks.heartbeat(self._db, [(organisation, agent) for agent in sorted(set(agents))], datetime.now(UTC))
        return [None] * len(agents)
