"""Who of a demo's agents is a person: whoever a live token signs in, from the moment that there is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from callfloor.errors import Problem
from callfloor.simulation.agents import SimulatedAgents
from callfloor.store.db.pool import LOST, Database
from callfloor.store.people import tokens

log = structlog.get_logger("callfloor.people")
# Tokens that expire are seen by looking again, and so is what a lost notification would have said.
LOOK_S = 1.0


@asynccontextmanager
async def following(dsn: str, db: Database, desk: SimulatedAgents) -> AsyncGenerator[None]:
    """Leave to people what is theirs for as long as this is open: a token that is made takes its agent out of the
    simulation at once, its end gives the agent back."""
    desk.people = await tokens.people(db)
    task = asyncio.create_task(_follow(dsn, db, desk))
    try:
        yield
    finally:
        # a cancellation that meets a connection being made can be lost, so it is repeated
        while not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=1)


async def _follow(dsn: str, db: Database, desk: SimulatedAgents) -> None:
    changed = asyncio.Event()

    def heard(*_: object) -> None:
        changed.set()

    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                await connection.add_listener(tokens.CHANNEL, heard)
                while not connection.is_closed():
                    changed.clear()
                    desk.people = await tokens.people(db)
                    try:
                        await asyncio.wait_for(changed.wait(), LOOK_S)
                    except TimeoutError:
                        continue
            finally:
                await connection.close(timeout=1)
        except (*LOST, Problem):
            log.info("people-lost")
        await asyncio.sleep(LOOK_S)
