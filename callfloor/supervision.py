"""Processes that are kept running: started, started again when they die, stopped in order."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import structlog
from prometheus_client import multiprocess

from callfloor.api.rate import shared_memory
from callfloor.disks import Disks, watch
from callfloor.postgres.server import EmbeddedServer, EmbeddedServerError
from callfloor.settings import PREFIX, Settings
from callfloor.store.db.roles import Addresses

log = structlog.get_logger("callfloor.serve")

Kind = Literal["api", "floor", "jobs", "mail"]
# The pause before a process is started again: it doubles with every death in a row.
PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
MOST_DEATHS = 8
# Whoever lived so long died of something new.
STEADY_S = 60.0
# Settings that name the database for one role each.
DATABASES = ("database_url", "database_api_url", "database_work_url")
_DATABASE_VARIABLES = {f"{PREFIX}{name.upper()}" for name in DATABASES}
WATCH_S = 1.0
# Of five seconds in which all is stopped; what is killed then loses nothing that was accepted.
STOP_S = 3.5


class ServeError(RuntimeError):
    """The server cannot start or go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running: its kind and number. `listens`: it has the listening socket of HTTP."""

    kind: Kind
    number: int
    listens: bool = False


class Restarts:
    """When a process that died is started again."""

    def __init__(self) -> None:
        self.deaths = 0

    def pause(self, lived_s: float) -> float | None:
        """Seconds to wait after a death; None: it died too often in a row, and is given up."""
        self.deaths = 1 if lived_s >= STEADY_S else self.deaths + 1
        if self.deaths >= MOST_DEATHS:
            return None
        return min(PAUSE_S * 2 ** (self.deaths - 1), LONGEST_PAUSE_S)


class Supervisor:
    """Keeps the processes of one server until `stopping` is set."""

    def __init__(
        self,
        settings: Settings,
        addresses: Addresses,
        embedded: EmbeddedServer | None,
        bound: socket.socket | None,
        stopping: asyncio.Event,
        smtp: socket.socket | None = None,
    ) -> None:
        self._settings, self._addresses, self._embedded, self._bound = settings, addresses, embedded, bound
        self._smtp = smtp
        self._limits = shared_memory()
        self._stopping = stopping
        self._failure: str | None = None

    async def run(self, children: list[Child], ready: Callable[[], None], guest: Sequence[str] = ()) -> None:
        """Run the children. Once all are up `ready` is called, and then the module of `guest` is run with its
        arguments, once. Raises `ServeError` when one of them cannot be kept running."""
        folder = Path(tempfile.mkdtemp(prefix="callfloor-"))
        lifeline, held = os.pipe()
        try:
            ups = [asyncio.Event() for _ in children]
            async with asyncio.TaskGroup() as group:
                for child, up in zip(children, ups, strict=True):
                    group.create_task(self._keep(child, lifeline, folder, up))
                if self._embedded is not None:
                    group.create_task(self._watch_database(self._embedded))
                group.create_task(watch(Disks.of(self._settings), self._stopping))
                group.create_task(self._when_up(ups, ready, guest, lifeline, folder))
        finally:
            os.close(held)
            os.close(lifeline)
            shutil.rmtree(folder, ignore_errors=True)
        if self._failure is not None:
            raise ServeError(self._failure)

    def _give_up(self, why: str) -> None:
        self._failure = self._failure or why
        self._stopping.set()

    async def _when_up(
        self, ups: list[asyncio.Event], ready: Callable[[], None], guest: Sequence[str], lifeline: int, folder: Path
    ) -> None:
        for up in ups:
            await self._unless_stopped(up.wait())
        if self._stopping.is_set():
            return
        ready()
        if not guest:
            return
        owner = self._addresses.owner
        process = await self._execute(guest, owner, [lifeline], folder, "--lifeline", str(lifeline))
        async with _ended(process):
            await self._unless_stopped(process.wait())
        if not self._stopping.is_set() and process.returncode:
            self._give_up(f"{guest[0]} ended with code {process.returncode}: the lines above say why")

    async def _keep(self, child: Child, lifeline: int, folder: Path, up: asyncio.Event) -> None:
        """Run a child and start it again whenever it dies, until the server stops."""
        restarts = Restarts()
        while not self._stopping.is_set():
            began = time.monotonic()
            async with self._started(child, lifeline, folder) as (process, report):
                first = asyncio.create_task(_report(report, up))
                await self._unless_stopped(process.wait())
                first.cancel()
            multiprocess.mark_process_dead(process.pid, str(folder))  # type: ignore[no-untyped-call]
            if self._stopping.is_set():
                return
            pause = restarts.pause(time.monotonic() - began)
            log.warning("process-died", kind=child.kind, number=child.number, code=process.returncode, again_in_s=pause)
            if pause is None:
                self._give_up(
                    f"the {child.kind} process died {restarts.deaths} times in a row (code {process.returncode}): "
                    "the lines above say why; the server is stopped"
                )
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)

    async def _unless_stopped(self, what: Coroutine[Any, Any, object]) -> None:
        """Wait for it, but no longer than until the server stops."""
        waits = {asyncio.ensure_future(what), asyncio.create_task(self._stopping.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @asynccontextmanager
    async def _started(
        self, child: Child, lifeline: int, folder: Path
    ) -> AsyncGenerator[tuple[asyncio.subprocess.Process, int], None]:
        report, tell = os.pipe()
        passed = [lifeline, tell, self._limits]
        arguments = [child.kind, str(lifeline), str(tell), str(self._limits)]
        bound = self._smtp if child.kind == "mail" else self._bound if child.listens else None
        if bound is not None:
            passed.append(bound.fileno())
            arguments.append(str(bound.fileno()))
        try:
            dsn = self._addresses.api if child.kind == "api" else self._addresses.work
            process = await self._execute(["callfloor.process", *arguments], dsn, passed, folder)
        finally:
            os.close(tell)
        try:
            async with _ended(process):
                yield process, report
        finally:
            os.close(report)

    async def _execute(
        self, module: Sequence[str], dsn: str, passed: Sequence[int], folder: Path, *more: str
    ) -> asyncio.subprocess.Process:
        # no child has an address of the database that is not its own
        elsewhere = {"database_url": dsn} if self._settings.database_url else {}
        told = self._settings.model_copy(update=dict.fromkeys(DATABASES) | elsewhere)
        kept = {name: value for name, value in os.environ.items() if name not in _DATABASE_VARIABLES}
        environment = kept | {
            # the whole of the settings, so that a child cannot differ from its parent
            "CALLFLOOR_CHILD_SETTINGS": told.model_dump_json(),
            "CALLFLOOR_CHILD_DSN": dsn,
            "CALLFLOOR_CHILD_FOLDER": str(folder),
            "PROMETHEUS_MULTIPROC_DIR": str(folder),
        }
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *module, *more),
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=passed,
            env=environment,
            # the terminal's Ctrl-C goes to the parent alone, which stops its children in order
            start_new_session=True,
        )

    async def _watch_database(self, server: EmbeddedServer) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), WATCH_S)
            if self._stopping.is_set():
                return
            try:
                await asyncio.to_thread(server.ensure_running)
            except EmbeddedServerError as error:
                if not self._stopping.is_set():
                    log.error("database-down", reason=str(error))


@asynccontextmanager
async def _ended(process: asyncio.subprocess.Process) -> AsyncGenerator[None]:
    """Whatever happens inside, the process is gone at the end: asked first, then killed."""
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        ended = asyncio.ensure_future(process.wait())
        try:
            await asyncio.wait_for(asyncio.shield(ended), STOP_S)
        except TimeoutError:
            log.warning("process-killed", pid=process.pid)
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await ended


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
