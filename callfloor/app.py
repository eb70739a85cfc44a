"""Composition root: the only place that knows which database, media store and limits a process uses."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial

import structlog
from starlette.types import ASGIApp

from callfloor.api.admission import Admission
from callfloor.api.auth.hashing import Hashing
from callfloor.api.auth.providers import Providers
from callfloor.api.call import Services
from callfloor.api.gate import Gate
from callfloor.api.ops import outside
from callfloor.api.rate import RateLimits, map_memory
from callfloor.api.read_log import ReadLog
from callfloor.api.routes import (
    ADMIN,
    ADMIN_OPERATIONS,
    AUTH,
    AUTH_OPERATIONS,
    OPERATIONS,
    REPORT_OPERATIONS,
    REPORTS,
    WORKSPACE,
    WORKSPACE_OPERATIONS,
    documents,
)
from callfloor.api.token_cache import TokenCache
from callfloor.api.workspace.desk_heartbeats import DeskHeartbeats
from callfloor.api.workspace.desk_stream import DeskStream
from callfloor.api.workspace.feed import Feed
from callfloor.api.workspace.floor.readings import Readings
from callfloor.api.workspace.floor.stream import FloorStream
from callfloor.api.workspace.socket import Sockets
from callfloor.clock import Clock, LoopClock
from callfloor.disks import DATABASE, Disks
from callfloor.engine.engine import Engine
from callfloor.engine.workflow_functions import Functions
from callfloor.errors import Problem
from callfloor.floor.ports.desk import NobodyAtDesk
from callfloor.media.blobs import Blobs, open_blobs
from callfloor.media.encryption import parse_key
from callfloor.outbound import Outbound
from callfloor.settings import Settings
from callfloor.simulation.agents import SimulatedAgents
from callfloor.simulation.demo_callers import SimulatedCallers
from callfloor.simulation.people import following
from callfloor.simulation.scripted_calls import ScriptedCalls
from callfloor.store.db.coalesce import Coalesced
from callfloor.store.db.listen import Listener, listening
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from callfloor.store.people import tokens
from callfloor.store.setup import prompts
from callfloor.telephony.asterisk.ari import AriNode
from callfloor.telephony.asterisk.carrier import AsteriskCarrier
from callfloor.telephony.asterisk.setup import PromptSource, Setup
from callfloor.telephony.carrier import Carrier
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier

log = structlog.get_logger("callfloor.app")
# Who answers the simulated carrier's calls, and how long simulated agents take to wrap up.
PEOPLE = Behaviour(machine=0.1, busy=0.05, invalid=0.03, early_hang_up=0.02)
# The keys that simulated callers press, at random: one in five wants to leave a message in the demo's menu.
KEYS = "11223"
WRAP_S = Distribution("normal", 8.0, sd=3.0, least=2.0)


def open_media(settings: Settings) -> Blobs:
    """The media store that the settings name. Raises `ValueError` when they name none."""
    key = parse_key(settings.media_key) if settings.media_key else None
    return open_blobs(settings.media_location, key)


@asynccontextmanager
async def services(settings: Settings, dsn: str) -> AsyncGenerator[Services, None]:
    """Everything an API process uses, opened and closed again."""
    db = await Database.connect(dsn, size=settings.database_connections)
    disks = Disks.of(settings)
    db.is_full = lambda: DATABASE in disks.full()
    floors, reads = Readings(db), ReadLog(db)
    outbound = Outbound("callfloor-providers", private_addresses=settings.sign_in_private_addresses)
    providers = Providers(outbound)
    try:
        yield Services(
            db=db,
            blobs=open_media(settings),
            settings=settings,
            lead_reads=Coalesced(partial(leads.get_many, db)),
            lead_inserts=Coalesced(lambda _, items: leads.insert_together(db, items)),
            feed=Feed(),
            desks=DeskHeartbeats(db),
            floors=floors,
            hashing=Hashing(),
            providers=providers,
            disks=disks,
            reads=reads,
        )
    finally:
        await floors.close()
        await reads.close()
        await providers.aclose()
        await db.close()


def asterisk_setup(settings: Settings) -> Setup:
    """What the settings say of Asterisk. Raises `SetupError`."""
    nodes = [
        AriNode(url.strip().rstrip("/"), settings.asterisk_user, settings.asterisk_password)
        for url in settings.asterisk_urls.split(",")
        if url.strip()
    ]
    return Setup(
        nodes=tuple(nodes),
        app=settings.asterisk_app,
        trunks=tuple(trunk.strip() for trunk in settings.asterisk_trunks.split(",") if trunk.strip()),
        agent=settings.asterisk_agent,
        caller=settings.asterisk_caller,
        country=settings.asterisk_country,
        agent_ring_s=settings.asterisk_agent_ring_s,
        kept_lines=settings.asterisk_agent_line == "kept",
        stereo=settings.asterisk_stereo,
        recordings=settings.asterisk_recordings,
        prompts=(settings.asterisk_prompts or settings.data / "prompts").resolve(),
        information=settings.asterisk_information,
        amd_context=settings.asterisk_amd_context,
        gone_s=settings.asterisk_gone_s,
    )


def _prompts_of(db: Database) -> PromptSource:
    async def prompt(organisation: int, sha256: str) -> AsyncGenerator[bytes]:
        try:
            sound = await prompts.sound(db, prompts.message_id(organisation, sha256))
        except Problem as error:
            raise OSError("the prompt cannot be read: the database is away") from error
        if sound is None:
            raise OSError("there is no such prompt")
        yield sound

    return prompt


@asynccontextmanager
async def carrier(settings: Settings, clock: Clock, db: Database, seed: int) -> AsyncGenerator[Carrier, None]:
    """The carrier that the settings name, connected. Raises `SetupError`."""
    if settings.carrier == "asterisk":
        async with AsteriskCarrier(asterisk_setup(settings), clock, _prompts_of(db)) as real:
            yield real
    else:
        log.warning("simulated-carrier", detail="no telephone rings: outcomes are drawn")
        yield SimulatedCarrier(clock, seed, PEOPLE.faster(settings.carrier_pace))


@asynccontextmanager
async def engine(settings: Settings, dsn: str) -> AsyncGenerator[Engine, None]:
    """The floor's engine with the carrier that the settings name."""
    clock = LoopClock(asyncio.get_running_loop())
    seed = secrets.randbits(32) if settings.carrier_seed is None else settings.carrier_seed
    wrap_s = WRAP_S.faster(settings.carrier_pace)
    desk = SimulatedAgents(clock, seed, wrap_s, settings.carrier_pace) if settings.simulated_agents else NobodyAtDesk()
    db = await Database.connect(dsn, size=settings.database_connections)
    try:
        functions = Functions(clock.now, private_addresses=settings.function_private_addresses)
        in_person = following(dsn, db, desk) if isinstance(desk, SimulatedAgents) else nullcontext()
        async with carrier(settings, clock, db, seed) as calls, aclosing(functions), in_person:
            made = Engine(dsn, db, clock, calls, open_media(settings), desk, functions, settings.phone_grace_s)
            if isinstance(desk, SimulatedAgents):
                desk.work(made.floor.previews, made.floor.presence.wrap_up)
            if settings.simulated_callers and isinstance(calls, SimulatedCarrier):
                behaviour = replace(PEOPLE.faster(settings.carrier_pace), digits=KEYS)
                per_minute = settings.simulated_callers
                SimulatedCallers(clock, seed, calls, made.floor.callers.numbers).become(per_minute, behaviour)
            test_calls = ScriptedCalls(dsn, db, calls, made.floor.callers.numbers)
            async with listening(test_calls.listener):
                yield made
    finally:
        await db.close()


@asynccontextmanager
async def api(settings: Settings, dsn: str, limits_fd: int | None = None) -> AsyncGenerator[ASGIApp, None]:
    """The Platform API and the workspace as an ASGI application. `limits_fd`: rate-limit memory shared with sibling
    processes."""
    async with services(settings, dsn) as given:
        known = TokenCache(given.db)
        limits = RateLimits(
            map_memory(limits_fd),
            settings.requests_per_second,
            failures_per_second=settings.failed_sign_ins_per_second,
        )
        admission = Admission(known, limits, settings.own_origins)
        async with listening(_listener(dsn, known, given.feed)):
            streams = DeskStream(), FloorStream()
            sockets = Sockets(given, admission, outside(given, documents()), streams)
            workspace = Gate(WORKSPACE_OPERATIONS, given, admission, sockets, [WORKSPACE], heard=given.desks.heard)
            admin = Gate(ADMIN_OPERATIONS, given, admission, workspace, [ADMIN])
            reports = Gate(REPORT_OPERATIONS, given, admission, admin, [REPORTS])
            sign_in = Gate(AUTH_OPERATIONS, given, admission, reports, [AUTH])
            yield Gate(OPERATIONS, given, admission, sign_in)


def _listener(dsn: str, known: TokenCache, feed: Feed) -> Listener:
    """Empties the token cache when a token changes, and hands what happens at desks to those who wait for it. Lost
    notifications cost seconds, not correctness."""

    def clear() -> None:
        known.clear()
        # WebSockets look again at who they speak to
        feed.look()

    return Listener(dsn, "tokens and desks", {tokens.CHANNEL: lambda _: clear(), **feed.channels}, clear)
