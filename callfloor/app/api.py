"""The APIs of a process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from starlette.types import ASGIApp

from callfloor.api.admission import Admission
from callfloor.api.answers import Answers
from callfloor.api.auth.hashing import Hashing
from callfloor.api.auth.providers import Providers
from callfloor.api.call import Services
from callfloor.api.gate import Gate
from callfloor.api.ops import outside
from callfloor.api.rate import RateLimits, map_memory
from callfloor.api.read_log import ReadLog
from callfloor.api.room import Room
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
from callfloor.app.media import open_media
from callfloor.disks import DATABASE, Disks
from callfloor.outbound import Outbound
from callfloor.settings import Settings
from callfloor.store.db.coalesce import Coalesced
from callfloor.store.db.listen import Listener, listening
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from callfloor.store.people import tokens


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
            room=Room(db, settings.organisation_storage_bytes),
            answers=Answers(),
        )
    finally:
        await floors.close()
        await reads.close()
        await providers.aclose()
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
        secure = (settings.public_url or "").startswith("https:")
        admission = Admission(known, limits, settings.own_origins, secure=secure)
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
