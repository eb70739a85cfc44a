"""A child of `callfloor serve`: an API process, the floor, a job or the mail process. Started by serve.py only."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress

import asyncpg
import structlog
import uvicorn
from starlette.types import ASGIApp

from callfloor import master_key, metrics
from callfloor.api.connections import Connections
from callfloor.app.media import open_media
from callfloor.disks import Disks
from callfloor.settings import Settings
from callfloor.signals import STOPS
from callfloor.store.db.pool import LOST, Database
from callfloor.telemetry import configure_logs

log = structlog.get_logger("callfloor.process")
# What a request in progress has to be finished when the server stops.
GRACE_S = 3
RETRY_S = 1.0
# All that a client sends over a WebSocket is its token.
WS_LARGEST = 4096
# A WebSocket whose other side has vanished without a word is noticed within twice of it.
WS_PING_S = 10.0


def main(arguments: list[str]) -> None:
    """`KIND LIFELINE TELL LIMITS [SOCKET]`: the last four are inherited file descriptors. The socket is that of the
    API, of health and metrics where this process serves them, or that on which e-mail is received."""
    kind, lifeline, tell, limits, *rest = arguments
    bound = socket.socket(fileno=int(rest[0])) if rest else None
    settings = Settings.model_validate_json(os.environ.pop("CALLFLOOR_CHILD_SETTINGS"))
    dsn = os.environ.pop("CALLFLOOR_CHILD_DSN")
    # the parent has seen to it that it is there
    keys = master_key.read(settings)
    if keys is not None:
        master_key.use(keys)
    configure_logs(logging.getLevelNamesMapping()[settings.log_level.upper()])
    metrics.PROCESSES.labels(kind).set(1)
    # aiosmtpd's STARTTLS is written for the standard loop
    uvicorn_loop = asyncio.Runner(loop_factory=None if kind == "mail" else _fast_loop)
    with uvicorn_loop as runner:
        if kind == "api":
            runner.run(_serve(settings, dsn, int(lifeline), int(tell), int(limits), bound))
        elif kind == "floor":
            runner.run(_dial(settings, dsn, int(lifeline), int(tell), bound))
        elif kind == "mail":
            runner.run(_exchange(settings, dsn, int(lifeline), int(tell), bound))
        else:
            runner.run(_work(settings, dsn, int(lifeline), int(tell), bound))


def _fast_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


class Server(uvicorn.Server):
    """uvicorn, told by us when to stop and not by signals: there is more to stop in a process."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _server(application: ASGIApp, settings: Settings, connections: Connections) -> uvicorn.Server:
    http, websocket = connections.protocols()
    return Server(
        uvicorn.Config(
            application,
            http=http,
            ws=websocket,
            ws_max_size=WS_LARGEST,
            ws_per_message_deflate=False,
            ws_ping_interval=WS_PING_S,
            ws_ping_timeout=WS_PING_S,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            server_header=False,
            date_header=True,
            timeout_graceful_shutdown=GRACE_S,
            backlog=2048,
        )
    )


async def _serve(
    settings: Settings, dsn: str, lifeline: int, tell: int, limits: int, bound: socket.socket | None
) -> None:
    from callfloor.app.api import api

    stop = _stopped(lifeline)
    if bound is None or not await _reachable(dsn, stop):
        return
    async with api(settings, dsn, limits) as application:
        # what is there now stays: looking through it for garbage would keep every request from its answer for 0.1 s
        gc.collect()
        gc.freeze()
        await _answer(application, settings, bound, stop, lambda: os.write(tell, b"1"))


async def _answer(
    application: ASGIApp, settings: Settings, bound: socket.socket, stop: asyncio.Event, up: Callable[[], object]
) -> None:
    """Answer requests until `stop` is set; `up` is called once that has begun."""
    connections = Connections(settings.connections, settings.connections_per_address, settings.proxies)
    server = _server(application, settings, connections)
    watch = asyncio.create_task(connections.watch())
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    stopping = asyncio.create_task(stop.wait())
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # uvicorn has no event for it
        up()
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # the server closes its socket itself, whatever happens: one that is closed under its loop breaks what has the
        # descriptor's number next
        stopping.cancel()
        server.should_exit = True
        await serving
        watch.cancel()


async def _reachable(dsn: str, stop: asyncio.Event) -> bool:
    """Wait for the database, so that nobody dies because it is away; False when the process is to stop."""
    while not stop.is_set():
        try:
            connection = await asyncpg.connect(dsn, timeout=5)
        except LOST as error:
            log.warning("waits-for-database", kind=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RETRY_S)
        else:
            await connection.close(timeout=1)
            return True
    return False


@asynccontextmanager
async def _watched(settings: Settings, dsn: str, bound: socket.socket | None) -> AsyncGenerator[None]:
    """Answer for health and metrics meanwhile, where this process has a socket."""
    if bound is None:
        yield
        return
    from callfloor.api.ops import watching

    done, up = asyncio.Event(), asyncio.Event()
    db = await Database.connect(dsn, size=2)
    try:
        answering = asyncio.create_task(
            _answer(watching(db, Disks.of(settings), settings.metrics_networks), settings, bound, done, up.set)
        )
        await up.wait()
        try:
            yield
        finally:
            done.set()
            await answering
    finally:
        await db.close()


async def _dial(settings: Settings, dsn: str, lifeline: int, tell: int, bound: socket.socket | None) -> None:
    from callfloor.app.floor import engine

    stop = _stopped(lifeline)
    if not await _reachable(dsn, stop):
        return
    async with _watched(settings, dsn, bound), engine(settings, dsn) as floor:
        os.write(tell, b"1")
        await floor.run(stop)


async def _work(settings: Settings, dsn: str, lifeline: int, tell: int, bound: socket.socket | None) -> None:
    from callfloor.jobs.worker import work

    stop = _stopped(lifeline)
    if not await _reachable(dsn, stop):
        return
    blobs = open_media(settings)
    async with _watched(settings, dsn, bound):
        os.write(tell, b"1")
        await work(dsn, blobs, stop)


async def _exchange(settings: Settings, dsn: str, lifeline: int, tell: int, bound: socket.socket | None) -> None:
    from callfloor.mail.worker import work

    stop = _stopped(lifeline)
    if not await _reachable(dsn, stop):
        return
    blobs = open_media(settings)
    os.write(tell, b"1")
    await work(dsn, blobs, settings, stop, bound)


def _stopped(lifeline: int) -> asyncio.Event:
    """Set by a signal to stop, or when the parent is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOPS:
        loop.add_signal_handler(number, stop.set)
    _stop_with_parent(lifeline, stop.set)
    return stop


def _stop_with_parent(lifeline: int, stop: Callable[[], None]) -> None:
    """Call `stop` when the parent's end of the pipe is gone."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(lifeline)
        log.warning("parent-gone")
        stop()

    loop.add_reader(lifeline, gone)


if __name__ == "__main__":
    main(sys.argv[1:])
