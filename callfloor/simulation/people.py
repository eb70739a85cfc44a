"""Who of a demo's agents is a person: whoever a live token signs in, from the moment that there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import structlog

from callfloor.errors import Problem
from callfloor.simulation.agents import SimulatedAgents
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.listen import Listener, listening
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens

log = structlog.get_logger("callfloor.people")
# Tokens that expire are seen by looking again, and so is what a lost notification would have said.
LOOK_S = 1.0


@asynccontextmanager
async def following(dsn: str, db: Database, desk: SimulatedAgents) -> AsyncGenerator[None]:
    """Leave to people what is theirs for as long as this is open: a token that is made takes its agent out of the
    simulation at once, its end gives the agent back."""
    desk.people = await tokens.people(db)
    changed = asyncio.Event()
    listener = Listener(dsn, "people", {tokens.CHANNEL: lambda _: changed.set()}, changed.set)
    task = asyncio.create_task(_follow(db, desk, changed))
    try:
        async with listening(listener):
            yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _follow(db: Database, desk: SimulatedAgents, changed: asyncio.Event) -> None:
    while True:
        changed.clear()
        try:
            desk.people = await tokens.people(db)
        except (Problem, *REFUSALS) as error:
            log.info("people-lost", kind=type(error).__name__)
        with suppress(TimeoutError):
            await asyncio.wait_for(changed.wait(), LOOK_S)
