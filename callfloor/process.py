"""A child of `callfloor serve`: an API process, the floor, a job or the mail process. Started by serve.py only."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable

import structlog
import uvicorn

from callfloor.api.connections import Connections
from callfloor.app import api, open_media
from callfloor.settings import Settings
from callfloor.telemetry import configure_logs

log = structlog.get_logger("callfloor.process")
GRACE_S = 10
# All that a client sends over a WebSocket is its token.
WS_LARGEST = 4096


def main(arguments: list[str]) -> None:
    """`KIND LIFELINE TELL LIMITS [SOCKET]`: the last four are inherited file descriptors."""
    kind, lifeline, tell, limits, *rest = arguments
    settings = Settings.model_validate_json(os.environ.pop("CALLFLOOR_CHILD_SETTINGS"))
    dsn = os.environ.pop("CALLFLOOR_CHILD_DSN")
    configure_logs(logging.getLevelNamesMapping()[settings.log_level.upper()])
    # aiosmtpd's STARTTLS is written for the standard loop
    uvicorn_loop = asyncio.Runner(loop_factory=None if kind == "mail" else _fast_loop)
    with uvicorn_loop as runner:
        if kind == "api":
            runner.run(_serve(settings, dsn, int(lifeline), int(tell), int(limits), socket.socket(fileno=int(rest[0]))))
        elif kind == "floor":
            runner.run(_dial(settings, dsn, int(lifeline), int(tell)))
        elif kind == "mail":
            runner.run(_exchange(settings, dsn, int(lifeline), int(tell)))
        else:
            runner.run(_work(settings, dsn, int(lifeline), int(tell)))


def _fast_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    return uvloop.new_event_loop()


async def _serve(settings: Settings, dsn: str, lifeline: int, tell: int, limits: int, bound: socket.socket) -> None:
    connections = Connections(settings.connections, settings.connections_per_address, settings.proxies)
    http, websocket = connections.protocols()
    async with api(settings, dsn, limits) as application:
        config = uvicorn.Config(
            application,
            http=http,
            ws=websocket,
            ws_max_size=WS_LARGEST,
            ws_per_message_deflate=False,
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
        server = uvicorn.Server(config)

        def stop() -> None:
            server.should_exit = True

        _stop_with_parent(lifeline, stop)
        watching = asyncio.create_task(connections.watch())
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started and not serving.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # uvicorn has no event for it
        os.write(tell, b"1")
        await serving
        watching.cancel()


async def _dial(settings: Settings, dsn: str, lifeline: int, tell: int) -> None:
    from callfloor.app import engine

    stop = _stopped(lifeline)
    async with engine(settings, dsn) as floor:
        os.write(tell, b"1")
        await floor.run(stop)


async def _work(settings: Settings, dsn: str, lifeline: int, tell: int) -> None:
    from callfloor.jobs.worker import work

    stop = _stopped(lifeline)
    os.write(tell, b"1")
    await work(dsn, open_media(settings), stop)


async def _exchange(settings: Settings, dsn: str, lifeline: int, tell: int) -> None:
    from callfloor.mail.worker import work

    stop = _stopped(lifeline)
    os.write(tell, b"1")
    await work(dsn, open_media(settings), settings, stop)


def _stopped(lifeline: int) -> asyncio.Event:
    """Set by a signal to stop, or when the parent is gone."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
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
