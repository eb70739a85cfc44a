"""`callfloor serve`: one parent that owns the database, the socket and the data folder, and the processes that work.

The parent answers no request itself. It starts API processes that share its listening socket, the floor, job and mail
processes, starts again what dies, and restarts the embedded PostgreSQL when that dies. Children hold the reading end
of a pipe whose writing end only the parent has: when the parent goes, however it goes, they stop too.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import structlog

from callfloor.api.rate import shared_memory
from callfloor.settings import Settings
from callfloor.store.embedded import EmbeddedServer, EmbeddedServerError
from callfloor.store.migrate import migrate
from callfloor.telemetry import configure_logs

log = structlog.get_logger("callfloor.serve")

Role = Literal["all", "api", "floor", "jobs"]
RESTART_S = 0.5
WATCH_S = 1.0
STOP_S = 20.0


class ServeError(RuntimeError):
    """The server cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running: its kind and number."""

    kind: Literal["api", "floor", "jobs", "mail"]
    number: int


@contextmanager
def _claimed(data: Path, role: Role) -> Generator[None, None, None]:
    """Hold the folder's lock of each role that this server plays."""
    data.mkdir(parents=True, exist_ok=True)
    held: list[IO[str]] = []
    try:
        for name in ("api", "floor", "jobs") if role == "all" else (role,):
            lock = (data / f"serve-{name}.lock").open("a")
            held.append(lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ServeError(
                    f"another server plays the role {name} on {data}: stop it, or give this one another --data folder"
                ) from error
        yield
    finally:
        for lock in held:
            lock.close()


@contextmanager
def database(settings: Settings) -> Generator[tuple[str, EmbeddedServer | None], None, None]:
    """The database's address, and the embedded server where that is the one."""
    if settings.database_url:
        yield settings.database_url, None
        return
    server = EmbeddedServer.start_or_join(settings.data)
    try:
        yield server.dsn, server
    finally:
        server.release()


def listen(settings: Settings) -> socket.socket:
    """Bind the address. Raises `ServeError` when it is taken."""
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        bound = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise ServeError(
            f"cannot listen on {settings.host}:{settings.port} ({error}): "
            "is another server running? Choose a port with --port or CALLFLOOR_PORT"
        ) from error
    # accepted connections inherit it; an answer's head and body must not wait for each other
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def serve(settings: Settings, role: Role = "all", started: Callable[[str, str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. `started` is called once with the server's address and the database's.

    Raises `ServeError`, `EmbeddedServerError`, `MigrationError`.
    """
    configure_logs(logging.getLevelNamesMapping()[settings.log_level.upper()])
    with _claimed(settings.data, role), database(settings) as (dsn, embedded):
        asyncio.run(migrate(dsn))
        bound = listen(settings) if role in ("all", "api") else None
        address = "" if bound is None else "http://{}:{}".format(*_shown(bound))
        parent = _Parent(settings, dsn, embedded, bound)
        children = [] if bound is None else [Child("api", number) for number in range(settings.workers)]
        if role in ("all", "floor"):
            children.append(Child("floor", 0))
        if role in ("all", "jobs"):
            children += [Child("jobs", number) for number in range(settings.import_processes)]
            children.append(Child("mail", 0))
        asyncio.run(parent.run(children, lambda: started(address, dsn) if started else _announce(address)))


def _shown(bound: socket.socket) -> tuple[str, int]:
    host, port = bound.getsockname()[:2]
    return (f"[{host}]" if ":" in host else host), port


def _announce(address: str) -> None:
    print(f"address: {address}" if address else "working", flush=True)


class _Parent:
    def __init__(
        self, settings: Settings, dsn: str, embedded: EmbeddedServer | None, bound: socket.socket | None
    ) -> None:
        self._settings, self._dsn, self._embedded, self._bound = settings, dsn, embedded, bound
        self._limits = shared_memory()
        self._stopping = asyncio.Event()

    async def run(self, children: list[Child], ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        metrics = Path(tempfile.mkdtemp(prefix="callfloor-metrics-"))
        lifeline, held = os.pipe()
        try:
            ups = [asyncio.Event() for _ in children]
            async with asyncio.TaskGroup() as group:
                for child, up in zip(children, ups, strict=True):
                    group.create_task(self._keep(child, lifeline, metrics, up))
                if self._embedded is not None:
                    group.create_task(self._watch_database(self._embedded))
                group.create_task(self._say_ready(ups, ready))
        finally:
            os.close(held)
            os.close(lifeline)
            shutil.rmtree(metrics, ignore_errors=True)

    async def _say_ready(self, ups: list[asyncio.Event], ready: Callable[[], None]) -> None:
        """Once every child has been up."""
        stop = asyncio.create_task(self._stopping.wait())
        for up in ups:
            wait = asyncio.create_task(up.wait())
            await asyncio.wait({wait, stop}, return_when=asyncio.FIRST_COMPLETED)
            wait.cancel()
        stop.cancel()
        if not self._stopping.is_set():
            await asyncio.to_thread(ready)

    async def _keep(self, child: Child, lifeline: int, metrics: Path, up: asyncio.Event) -> None:
        """Run a child and start it again whenever it dies, until the server stops."""
        while not self._stopping.is_set():
            async with self._started(child, lifeline, metrics) as (process, report):
                first = asyncio.create_task(_report(report, up))
                ended = asyncio.create_task(process.wait())
                stop = asyncio.create_task(self._stopping.wait())
                await asyncio.wait((ended, stop), return_when=asyncio.FIRST_COMPLETED)
                if self._stopping.is_set() and process.returncode is None:
                    with suppress(ProcessLookupError):
                        process.terminate()
                    try:
                        await asyncio.wait_for(asyncio.shield(ended), STOP_S)
                    except TimeoutError:
                        process.kill()
                        await ended
                stop.cancel()
                first.cancel()
            if not self._stopping.is_set():
                log.warning("process-died", kind=child.kind, number=child.number, code=process.returncode)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RESTART_S)

    @asynccontextmanager
    async def _started(
        self, child: Child, lifeline: int, metrics: Path
    ) -> AsyncGenerator[tuple[asyncio.subprocess.Process, int], None]:
        report, tell = os.pipe()
        passed = [lifeline, tell, self._limits]
        arguments = [child.kind, str(lifeline), str(tell), str(self._limits)]
        if self._bound is not None and child.kind == "api":
            passed.append(self._bound.fileno())
            arguments.append(str(self._bound.fileno()))
        environment = os.environ | {
            # the whole of the settings, so that a child cannot differ from its parent
            "CALLFLOOR_CHILD_SETTINGS": self._settings.model_dump_json(),
            "CALLFLOOR_CHILD_DSN": self._dsn,
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        }
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "callfloor.process",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=passed,
                env=environment,
                # the terminal's Ctrl-C goes to the parent alone, which stops its children in order
                start_new_session=True,
            )
        finally:
            os.close(tell)
        try:
            yield process, report
        finally:
            os.close(report)

    async def _watch_database(self, server: EmbeddedServer) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WATCH_S)
            if self._stopping.is_set():
                return
            try:
                await asyncio.to_thread(server.ensure_running)
            except EmbeddedServerError as error:
                log.error("database-down", reason=str(error))


async def _report(descriptor: int, up: asyncio.Event) -> None:
    """Set `up` when the child says that it serves."""
    loop = asyncio.get_running_loop()
    said: asyncio.Future[None] = loop.create_future()

    def readable() -> None:
        loop.remove_reader(descriptor)
        if os.read(descriptor, 1) and not said.done():
            said.set_result(None)

    loop.add_reader(descriptor, readable)
    try:
        await said
        up.set()
    finally:
        loop.remove_reader(descriptor)
