"""`callfloor serve`: one parent that owns the database, the socket and the data folder, and the processes that work.

The parent answers no request itself. It starts API processes that share its listening socket, the floor, job and mail
processes, starts again what dies, and restarts the embedded PostgreSQL when that dies. Children hold the reading end
of a pipe whose writing end only the parent has: when the parent goes, however it goes, they stop too.

A signal to stop is never an exception here: at whatever moment it comes it sets a flag, which each wait looks at.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import logging
import shlex
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import structlog

from callfloor import installation_keys, master_key, privileges
from callfloor.cancellation import cancelled
from callfloor.listening import Role, Sockets, listening
from callfloor.postgres.server import EmbeddedServer, StartStopped
from callfloor.settings import Settings
from callfloor.signals import heard, held, leave_terminal
from callfloor.store.db import installation, roles
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.supervision import Child, ServeError, Supervisor
from callfloor.telemetry import configure_logs

log = structlog.get_logger("callfloor.serve")

__all__ = ["Role", "ServeError", "database", "serve"]


@contextmanager
def _claimed(data: Path, role: Role) -> Generator[None, None, None]:
    """Hold the folder's lock of each role that this server plays."""
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
    """The database's address, and the embedded server where that is the one. A signal that would cut its start or its
    end in two is heard afterwards."""
    if settings.database_url:
        yield settings.database_url, None
        return
    with held() as stopped:
        server = EmbeddedServer.start_or_join(settings.data, stopped=stopped)
        # a signal between here and the block below is an exception that nothing else would see
        atexit.register(server.release)
    try:
        yield server.dsn, server
    finally:
        with held():
            server.release()
        atexit.unregister(server.release)


@asynccontextmanager
async def _database(
    settings: Settings, stopped: Callable[[], bool]
) -> AsyncGenerator[tuple[str, EmbeddedServer | None], None]:
    """As `database`, within an event loop that hears the signals."""
    if settings.database_url:
        yield settings.database_url, None
        return
    server = await asyncio.to_thread(EmbeddedServer.start_or_join, settings.data, stopped=stopped)
    try:
        yield server.dsn, server
    finally:
        await asyncio.to_thread(server.release)


def serve(settings: Settings, role: Role = "all", guest: Sequence[str] = ()) -> None:
    """Serve until SIGTERM, SIGINT or SIGHUP. `guest`: a module to run, with its arguments, once all is up; without
    one, the address is printed then.

    Raises `SettingsError`, before anything is started; `ServeError`, `EmbeddedServerError`, `MigrationError`.
    """
    configure_logs(logging.getLevelNamesMapping()[settings.log_level.upper()])
    try:
        asyncio.run(_serve(settings, role, guest))
    except StartStopped:
        pass
    finally:
        # everything is stopped: a signal that comes now finds nothing to stop
        for number in heard():
            signal.signal(number, signal.SIG_IGN)


async def _serve(settings: Settings, role: Role, guest: Sequence[str]) -> None:
    loop, stopping, stopped = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def stop(number: int) -> None:
        if number == signal.SIGHUP:
            leave_terminal()
        stopped.set()
        stopping.set()

    for number in heard():
        loop.add_signal_handler(number, stop, number)
    # it knows every driver: commands that only open the database do without
    from callfloor import preflight

    await asyncio.to_thread(preflight.check_addresses, settings, role)
    with listening(settings, role) as sockets:
        settings, warning = await asyncio.to_thread(privileges.give_up, settings, stopped.is_set)
        await asyncio.to_thread(preflight.check, settings, role)
        if warning is not None:
            print(f"callfloor: warning: {warning}", file=sys.stderr)
        await _run(settings, role, sockets, (stopping, stopped), guest)


async def _run(
    settings: Settings,
    role: Role,
    sockets: Sockets,
    stop: tuple[asyncio.Event, threading.Event],
    guest: Sequence[str],
) -> None:
    stopping, stopped = stop
    with _claimed(settings.data, role):
        async with _database(settings, stopped.is_set) as (dsn, embedded):
            addresses = _addresses(settings, dsn, embedded)
            if not await _unless(stopping, _prepare(settings, addresses, embedded)):
                return
            supervisor = Supervisor(settings, addresses, embedded, sockets.http, stopping, sockets.smtp)
            ready = (lambda: None) if guest else (lambda: _announce(role, sockets.address))
            await supervisor.run(_children(settings, role), ready, [*guest, sockets.address] if guest else ())


def _addresses(settings: Settings, dsn: str, embedded: EmbeddedServer | None) -> roles.Addresses:
    if embedded is None:
        return roles.Addresses(dsn, settings.database_api_url or dsn, settings.database_work_url or dsn)
    api, work = (roles.address(dsn, role, embedded.password_of(role)) for role in (roles.API, roles.WORK))
    return roles.Addresses(dsn, api, work)


async def _prepare(settings: Settings, addresses: roles.Addresses, embedded: EmbeddedServer | None) -> None:
    """Bring the database to this version, its roles to what they may, its keys under the master key, and see whether
    it is another installation's."""
    await migrate(addresses.owner, lambda name: log.info("migration", name=name))
    await _roles(addresses, embedded)
    db = await Database.connect(addresses.owner, size=1)
    try:
        wrapped = await installation_keys.prepare(settings, db)
        if wrapped:
            log.info("keys-wrapped", organisations=wrapped, master=master_key.current().current)
        hold = await installation.recognise(db, None if embedded is None else settings.data, datetime.now(UTC))
    finally:
        await db.close()
    if hold is not None:
        place = "--database-url URL" if embedded is None else f"--data {shlex.quote(str(settings.data))}"
        remedy = f"callfloor db adopt {place} lets it dial, once the original is off for good"
        log.warning("held", why=hold.why, since=hold.since.isoformat(), remedy=remedy)


async def _roles(addresses: roles.Addresses, embedded: EmbeddedServer | None) -> None:
    """See that the application can connect as what it is to. Raises `ServeError`."""
    for name, url in (("database_api_url", addresses.api), ("database_work_url", addresses.work)):
        if url == addresses.owner:
            if await roles.is_superuser(url):
                log.warning("database-superuser", instead=Settings.option(name), remedy="callfloor db grant")
        elif embedded is not None:
            role = roles.API if url == addresses.api else roles.WORK
            if not await roles.reaches(url):
                await roles.make(addresses.owner, role, embedded.password_of(role), quiet=True)
        elif not await roles.reaches(url):
            raise ServeError(
                f"{Settings.option(name)}: its role cannot sign in, or has no right to the tables: "
                "run callfloor db grant with the owner's --database-url"
            )


def _children(settings: Settings, role: Role) -> list[Child]:
    children: list[Child] = []
    if role in ("all", "api"):
        children += [Child("api", number, listens=True) for number in range(settings.workers)]
    if role in ("all", "floor"):
        children.append(Child("floor", 0, listens=role == "floor"))
    if role in ("all", "jobs"):
        children += [
            Child("jobs", number, listens=role == "jobs" and number == 0) for number in range(settings.import_processes)
        ]
        children.append(Child("mail", 0))
    return children


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, object]) -> bool:
    """Do the work, or leave it when the server is to stop; False then."""
    task, stop = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    await cancelled((task,))
    if stopping.is_set():
        # whatever it failed with, it was not finished
        _ = task.cancelled() or task.exception()
        return False
    task.result()
    return True


def _announce(role: Role, address: str) -> None:
    serves = role in ("all", "api")
    # who does not read it does not stop the server
    with suppress(OSError):
        print(f"address: {address}" if serves else f"working\nhealth and metrics: {address}", flush=True)
