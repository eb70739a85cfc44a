"""Which campaigns this engine dials. Campaigns that share agents go together, so that one engine knows all of an
agent's calls.

A campaign is led by whoever holds its advisory lock. The locks live on one session that the engine speaks on every
second; the server takes them back when it dies, hangs, or is cut off, and another engine takes over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import structlog

from callfloor.errors import Problem
from callfloor.floor.plan import CampaignKey
from callfloor.store.db import leases
from callfloor.store.db.faults import LOST, REFUSALS
from callfloor.store.db.pool import Database

log = structlog.get_logger("callfloor.floor")

ROUND_S = 1.0
SILENCE_S = 3.0

Group = frozenset[CampaignKey]


def groups(agents: Mapping[CampaignKey, Iterable[int]]) -> list[Group]:
    """The campaigns that are connected by agents, directly or through others; in order of their least campaign."""
    parent: dict[CampaignKey, CampaignKey] = {campaign: campaign for campaign in agents}

    def root(campaign: CampaignKey) -> CampaignKey:
        while parent[campaign] != campaign:
            parent[campaign] = campaign = parent[parent[campaign]]
        return campaign

    first: dict[tuple[int, int], CampaignKey] = {}
    for campaign in sorted(agents):
        for agent in agents[campaign]:
            other = first.setdefault((campaign.organisation, agent), campaign)
            parent[root(campaign)] = root(other)
    found: dict[CampaignKey, set[CampaignKey]] = {}
    for campaign in sorted(agents):
        found.setdefault(root(campaign), set()).add(campaign)
    return sorted((frozenset(group) for group in found.values()), key=min)


class Leases:
    """`gained` is called for each campaign that the engine begins to lead, `lost` for each that it does not lead any
    more. Neither may wait: silence loses the lease."""

    def __init__(
        self,
        dsn: str,
        db: Database,
        engine: UUID,
        gained: Callable[[CampaignKey], None],
        lost: Callable[[CampaignKey], None],
    ) -> None:
        self._dsn, self._db, self._engine = dsn, db, engine
        self._gained, self._lost = gained, lost
        self._session: asyncpg.Connection[asyncpg.Record] | None = None
        self.held: set[CampaignKey] = set()

    async def round(self, wanted: list[Group]) -> None:
        """Say that we live, and take what is free, up to our share of all. Call it every `ROUND_S`."""
        try:
            session, engines = await self._alive()
            await self._give_back(session, wanted)
            led = sum(group <= self.held for group in wanted)
            fair = -(-len(wanted) // max(1, engines))
            for group in wanted:
                if not group <= self.held and (led < fair or group & self.held):
                    led += await self._take(session, group)
        except (*LOST, *REFUSALS, Problem) as error:
            log.warning("lease-lost", kind=type(error).__name__)
            await self.close()

    async def _alive(self) -> tuple[asyncpg.Connection[asyncpg.Record], int]:
        """The session, and how many engines there are."""
        if self._session is None:
            self._session = await leases.open_session(self._dsn, SILENCE_S)
        return self._session, await leases.touch(self._session)

    async def _give_back(self, session: asyncpg.Connection[asyncpg.Record], wanted: list[Group]) -> None:
        """Campaigns that are gone."""
        known = frozenset[CampaignKey]().union(*wanted)
        for campaign in sorted(self.held - known):
            self._drop(campaign)
            await leases.unlock(session, *campaign)

    async def _take(self, session: asyncpg.Connection[asyncpg.Record], group: Group) -> bool:
        """All of a group or nothing; says which."""
        taken: list[CampaignKey] = []
        for campaign in sorted(group - self.held):
            if not await leases.lock(session, *campaign):
                # another engine leads it: what we have of the group is of no use
                for other in [*taken, *sorted(group & self.held)]:
                    self._drop(other)
                    await leases.unlock(session, *other)
                return False
            taken.append(campaign)
        for campaign in taken:
            await leases.take(self._db, *campaign, self._engine, datetime.now(UTC))
        for campaign in taken:
            self.held.add(campaign)
            self._gained(campaign)
        return True

    def _drop(self, campaign: CampaignKey) -> None:
        if campaign in self.held:
            self.held.discard(campaign)
            self._lost(campaign)

    async def close(self) -> None:
        """Lead nothing any more."""
        for campaign in sorted(self.held):
            self._drop(campaign)
        session, self._session = self._session, None
        if session is not None:
            try:
                await session.close(timeout=1)
            except (*LOST, asyncio.CancelledError):
                session.terminate()
