"""The job process: imports and simulations as they come, evidence and audit sealed and the floor watched every few
seconds, housekeeping every minute."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog

from callfloor import metrics
from callfloor.errors import Problem
from callfloor.jobs import audit, evidence
from callfloor.jobs.housekeeping import keep_house
from callfloor.jobs.identifiers import renew_some
from callfloor.jobs.imports.chunks import import_next
from callfloor.jobs.reporting.sending import send_due
from callfloor.jobs.reports import count_some
from callfloor.jobs.storage import count_storage
from callfloor.jobs.watching.alerts import Watch
from callfloor.jobs.what_ifs import simulate_next
from callfloor.media.blobs import Blobs
from callfloor.store.db import installation
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.listen import Listener, listening
from callfloor.store.db.pool import Database
from callfloor.store.figures import what_ifs
from callfloor.store.leads import imports
from callfloor.telemetry import Seldom

log = structlog.get_logger("callfloor.worker")

# While one chunk is being written by PostgreSQL, the next is being checked.
AT_ONCE = 2
LOOK_AGAIN_S = 1.0
SEAL_S = 2.0
HOUSEKEEPING_S = 60.0
COUNT_S = 15.0
REPORTS_S = 10.0
STORAGE_S = 10.0
WATCH_S = 1.0
# Between two portions of what can wait.
REST_S = 0.05


async def work(dsn: str, blobs: Blobs, stop: asyncio.Event) -> None:
    """Work until `stop` is set; the chunks in progress are finished first."""
    # those who wait for an answer go first
    os.nice(10)
    db = await Database.connect(dsn, size=AT_ONCE + 8)
    wake, asked = asyncio.Event(), asyncio.Event()
    try:
        # a notification that is lost costs a second
        awake = Listener(dsn, "imports", {imports.CHANNEL: lambda _: wake.set()}, wake.set)
        told = Listener(dsn, "what-ifs", {what_ifs.CHANNEL: lambda _: asked.set()}, asked.set)
        async with listening(awake, told), asyncio.TaskGroup() as group:
            group.create_task(_keep_house(db, blobs, stop))
            group.create_task(_seal(db, evidence.seal, stop))
            group.create_task(_seal(db, audit.seal, stop))
            group.create_task(_renew(db, stop))
            group.create_task(_count(db, stop))
            group.create_task(_send_reports(db, stop))
            group.create_task(_count_storage(db, stop))
            group.create_task(_simulate(db, asked, stop))
            group.create_task(_watch(Watch(db), stop))
            for _ in range(AT_ONCE):
                group.create_task(_import(db, wake, stop))
    finally:
        await db.close()


async def _import(db: Database, wake: asyncio.Event, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            if await import_next(db):
                continue
        except Problem as problem:
            # the database is away or full; nothing is lost, the chunk is still there
            log.warning("import-waits", reason=problem.detail)
        except REFUSALS as error:
            log.error("import-fault", kind=type(error).__name__)
        wake.clear()
        await _wait(wake, stop, LOOK_AGAIN_S)


async def _wait(wake: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
    waits = [asyncio.create_task(wake.wait()), asyncio.create_task(stop.wait())]
    await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _keep_house(db: Database, blobs: Blobs, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await keep_house(db, blobs, datetime.now(UTC))
            metrics.JOBS.labels("housekeeping", "done").inc()
        except (Problem, *REFUSALS, OSError) as error:
            metrics.JOBS.labels("housekeeping", "failed").inc()
            log.warning("housekeeping-waits", kind=type(error).__name__)
        await _wait(stop, stop, HOUSEKEEPING_S)


async def _renew(db: Database, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            if not await renew_some(db):
                return
            await _wait(stop, stop, REST_S)
        except (Problem, *REFUSALS) as error:
            log.warning("renewal-waits", kind=type(error).__name__)
            await _wait(stop, stop, HOUSEKEEPING_S)


async def _count(db: Database, stop: asyncio.Event) -> None:
    seldom = Seldom()
    while not stop.is_set():
        try:
            if await count_some(db, datetime.now(UTC)):
                await _wait(stop, stop, REST_S)
                continue
        except (Problem, *REFUSALS) as error:
            if seldom.is_due(type(error).__name__):
                log.warning("counting-waits", kind=type(error).__name__)
        await _wait(stop, stop, COUNT_S)


async def _count_storage(db: Database, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await count_storage(db, datetime.now(UTC))
        except (Problem, *REFUSALS) as error:
            log.warning("storage-waits", kind=type(error).__name__)
        await _wait(stop, stop, STORAGE_S)


async def _send_reports(db: Database, stop: asyncio.Event) -> None:
    seldom = Seldom()
    while not stop.is_set():
        try:
            if await installation.held(db) is None and await send_due(db, datetime.now(UTC)):
                continue
        except (Problem, *REFUSALS) as error:
            if seldom.is_due(type(error).__name__):
                log.warning("reports-wait", kind=type(error).__name__)
        await _wait(stop, stop, REPORTS_S)


async def _simulate(db: Database, asked: asyncio.Event, stop: asyncio.Event) -> None:
    while not stop.is_set():
        asked.clear()
        try:
            work = asyncio.create_task(simulate_next(db))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if not work.done():
                # it is taken up by whoever runs next
                work.cancel()
                await asyncio.wait({work})
            elif work.result():
                continue
        except (Problem, *REFUSALS, OSError) as error:
            log.warning("what-if-waits", kind=type(error).__name__)
        await _wait(asked, stop, LOOK_AGAIN_S)


async def _watch(watch: Watch, stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            await watch.round(datetime.now(UTC))
        except (Problem, *REFUSALS) as error:
            log.warning("watching-waits", kind=type(error).__name__)
        await _wait(stop, stop, WATCH_S)


async def _seal(db: Database, seal: Callable[[Database, datetime], Awaitable[bool]], stop: asyncio.Event) -> None:
    seldom = Seldom()
    while not stop.is_set():
        try:
            more = await seal(db, datetime.now(UTC))
            metrics.JOBS.labels("sealing", "done").inc()
            if more:
                continue
        except (Problem, *REFUSALS) as error:
            metrics.JOBS.labels("sealing", "failed").inc()
            if seldom.is_due(type(error).__name__):
                log.warning("sealing-waits", kind=type(error).__name__)
        await _wait(stop, stop, SEAL_S)
