"""An engine's link to the workspace without the rest of the engine, and work that does as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from uuid import uuid4

from callfloor.contract.workspace import AnyCommand, Refusal
from callfloor.engine.command_link import WorkspaceLink
from callfloor.engine.journal import Journal
from callfloor.floor.agents.team import Team
from callfloor.floor.plan import CampaignKey
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import AgentId
from tests.conftest import Centre


class Desks:
    """Work that is done at once, refused, or kept for later."""

    def __init__(self) -> None:
        self.done: list[tuple[AgentId, AnyCommand]] = []
        self.answer: Callable[[Callable[[Refusal | None], None]], None] = lambda done: done(None)

    def do(self, agent: AgentId, command: AnyCommand, done: Callable[[Refusal | None], None]) -> None:
        self.done.append((agent, command))
        self.answer(done)


class Linked:
    """An engine's link without the rest of the engine."""

    def __init__(self, dsn: str, db: Database, centre: Centre, led: Collection[CampaignKey] = ()) -> None:
        self.team = Team(lambda _agent, _before: None)
        self.team.put(centre.agent, centre.organisation, (CampaignKey(centre.organisation, centre.inbound),))
        self.journal = Journal(db)
        self.work = Desks()
        link = WorkspaceLink(dsn, db, uuid4(), self.team, self.journal, self.work, led)
        self.tasks = [asyncio.create_task(link.run()), asyncio.create_task(self.journal.run())]

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)
