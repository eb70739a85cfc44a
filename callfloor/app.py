"""Composition root: the only place that knows which database, media store and limits a process uses."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import structlog
from starlette.types import ASGIApp

from callfloor.api.call import Services
from callfloor.api.gate import Gate
from callfloor.api.ops import outside
from callfloor.api.rate import RateLimits, map_memory
from callfloor.api.routes import OPERATIONS
from callfloor.api.token_cache import TokenCache
from callfloor.clock import LoopClock
from callfloor.floor.desk import NobodyAtDesk
from callfloor.floor.engine import Engine
from callfloor.media.blobs import Blobs, open_blobs
from callfloor.media.encryption import parse_key
from callfloor.settings import Settings
from callfloor.simulation.agents import SimulatedAgents
from callfloor.store import leads
from callfloor.store.coalesce import Coalesced
from callfloor.store.pool import LOST, Database
from callfloor.telephony.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated import SimulatedCarrier

log = structlog.get_logger("callfloor.app")
RELISTEN_S = 1.0
# Who answers the simulated carrier's calls, and how long simulated agents take to wrap up.
PEOPLE = Behaviour(machine=0.1, busy=0.05, invalid=0.03, early_hang_up=0.02)
WRAP_S = Distribution("normal", 8.0, sd=3.0, least=2.0)


def open_media(settings: Settings) -> Blobs:
    """The media store that the settings name. Raises `ValueError` when they name none."""
    key = parse_key(settings.media_key) if settings.media_key else None
    return open_blobs(settings.media_location, key)


@asynccontextmanager
async def services(settings: Settings, dsn: str) -> AsyncGenerator[Services, None]:
    """Everything an API process uses, opened and closed again."""
    db = await Database.connect(dsn, size=settings.database_connections)
    try:
        yield Services(
            db=db,
            blobs=open_media(settings),
            settings=settings,
            lead_reads=Coalesced(partial(leads.get_many, db)),
            lead_inserts=Coalesced(partial(leads.insert_together, db)),
        )
    finally:
        await db.close()


@asynccontextmanager
async def engine(settings: Settings, dsn: str) -> AsyncGenerator[Engine, None]:
    """The floor's engine with the carrier that the settings name."""
    clock = LoopClock(asyncio.get_running_loop())
    seed = secrets.randbits(32) if settings.carrier_seed is None else settings.carrier_seed
    carrier = SimulatedCarrier(clock, seed, PEOPLE.faster(settings.carrier_pace))
    log.warning("simulated-carrier", detail="no telephone rings: outcomes are drawn")
    wrap_s = WRAP_S.faster(settings.carrier_pace)
    desk = SimulatedAgents(clock, seed, wrap_s, settings.carrier_pace) if settings.simulated_agents else NobodyAtDesk()
    db = await Database.connect(dsn, size=settings.database_connections)
    try:
        made = Engine(dsn, db, clock, carrier, open_media(settings), desk)
        if isinstance(desk, SimulatedAgents):
            desk.work(made.floor.previews, made.floor.presence.wrap_up)
        yield made
    finally:
        await db.close()


@asynccontextmanager
async def api(settings: Settings, dsn: str, limits_fd: int | None = None) -> AsyncGenerator[ASGIApp, None]:
    """The Platform API as an ASGI application. `limits_fd`: rate-limit memory shared with sibling processes."""
    async with services(settings, dsn) as given:
        tokens = TokenCache(given.db)
        limits = RateLimits(map_memory(limits_fd), settings.requests_per_second)
        listener = asyncio.create_task(_listen(dsn, tokens))
        try:
            yield Gate(OPERATIONS, given, tokens, limits, outside(given, OPERATIONS))
        finally:
            # a cancellation that meets a connection being made can be lost, so it is repeated
            while not listener.done():
                listener.cancel()
                await asyncio.wait({listener}, timeout=1)


def _clearing(tokens: TokenCache) -> Callable[..., None]:
    def clear(*_: object) -> None:
        tokens.clear()

    return clear


async def _listen(dsn: str, tokens: TokenCache) -> None:
    """Empty the token cache when a token changes. Lost notifications cost seconds, not correctness."""
    while True:
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
            try:
                await connection.add_listener("callfloor_tokens", _clearing(tokens))
                tokens.clear()
                while not connection.is_closed():  # noqa: ASYNC110 - the driver has no event that may be awaited
                    await asyncio.sleep(RELISTEN_S)
            finally:
                await connection.close(timeout=1)
        except LOST:
            log.info("listener-lost")
        await asyncio.sleep(RELISTEN_S)
