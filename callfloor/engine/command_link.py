"""What agents and supervisors ask for, brought to the floor, and its answers.

A command is claimed before it is done, so that of several engines one does it, once. Its answer goes through the
journal: whoever reads it finds in the database what the command changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol
from uuid import UUID

import msgspec
import structlog

from callfloor.contract.workspace import AnyCommand, Refusal
from callfloor.engine.journal import Journal
from callfloor.errors import Problem
from callfloor.floor.agents.team import Team
from callfloor.floor.plan import CampaignKey
from callfloor.store.agents import desk_commands
from callfloor.store.agents.desk_commands import Asked
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.listen import Listener, listening
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import AgentId

log = structlog.get_logger("callfloor.floor")

# A notification that was lost costs so long.
LOOK_AGAIN_S = 1.0
SHOWN_S = 0.001
_DECODER = msgspec.json.Decoder(AnyCommand)


class Work(Protocol):
    def do(self, agent: AgentId, command: AnyCommand, done: Callable[[Refusal | None], None]) -> None:
        """Do what was asked, or say why not; now or soon. What it changes is handed to the journal before `done` is
        called. `agent`: who asks; a supervisor's command names its agent itself."""
        ...


class WorkspaceLink:
    """The engine's side of the workspace. `team`, `led`: the agents and the campaigns about which commands are ours."""

    def __init__(
        self,
        dsn: str,
        db: Database,
        engine: UUID,
        team: Team,
        journal: Journal,
        work: Work,
        led: Collection[CampaignKey] = (),
    ) -> None:
        self._dsn, self._db, self._engine, self._led = dsn, db, engine, led
        self._team, self._journal, self.work = team, journal, work
        # (organisation, command), in the order in which we heard of them
        self._heard: dict[tuple[int, int], None] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Obey until cancelled."""
        # whatever was asked while nobody listened is looked for
        listener = Listener(self._dsn, "commands", {desk_commands.CHANNEL: self._hear}, self._wake.set)
        async with listening(listener):
            await self._obey()

    def _hear(self, message: str) -> None:
        organisation, agent, command, campaign = map(int, message.split())
        if self._is_ours(organisation, agent, campaign):
            self._heard[organisation, command] = None
            self._wake.set()

    def _is_ours(self, organisation: int, agent: AgentId, campaign: int) -> bool:
        if campaign:
            return CampaignKey(organisation, campaign) in self._led
        member = self._team.get(agent)
        return member is not None and member.organisation == organisation

    async def _obey(self) -> None:
        while True:
            self._wake.clear()
            heard, self._heard = list(self._heard), {}
            try:
                for asked in await self._claimed(heard):
                    self._do(asked)
            except Problem as error:
                # whoever asked hears that the floor is away; a claim that was committed all the same is never obeyed
                log.warning("commands-wait", kind=type(error).__name__)
            except REFUSALS as error:
                log.error("commands-refused", kind=type(error).__name__)
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _claimed(self, heard: list[tuple[int, int]]) -> list[Asked]:
        ours = heard or await self._waiting()
        return await desk_commands.claim(self._db, self._engine, ours) if ours else []

    async def _waiting(self) -> list[tuple[int, int]]:
        """Commands of ours whose notification was lost."""
        return [
            (row["organisation_id"], row["command_id"])
            for row in await desk_commands.waiting(self._db)
            if self._is_ours(row["organisation_id"], row["agent_id"], row["campaign_id"])
        ]

    def _do(self, asked: Asked) -> None:
        try:
            command = _DECODER.decode(asked.command)
        except msgspec.ValidationError:
            # asked by a newer version than this one
            self._done(asked, Refusal(code="unavailable", detail="The floor does not know this command yet."))
            return
        self.work.do(asked.actor_id, command, partial(self._done, asked))

    def _done(self, asked: Asked, refusal: Refusal | None) -> None:
        finish = partial(desk_commands.finish, self._db, asked.organisation, asked.command_id, refusal)
        # desks are told at the end of this turn of the loop; the answer comes behind that
        asyncio.get_running_loop().call_later(SHOWN_S, self._journal.write, finish)
