"""What every command needs: its settings, a migrated database, an organisation."""

from __future__ import annotations

import asyncio
import os
import pwd
import shlex
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from asyncpg import Record

from callfloor import installation_keys, serve, signals
from callfloor.cli.failures import CommandError, harmless
from callfloor.rules.audit.entries import Actor
from callfloor.rules.values.names import MOST_SHOWN, unknown
from callfloor.settings import Settings, unknown_variables
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations

T = TypeVar("T")


def settings(**options: Any) -> Settings:
    """Settings of the options that were given (not None) over those of the environment.

    Raises `CommandError` for a database URL that cannot be one, `pydantic.ValidationError`.
    """
    # what a signal raises inside of a check would be taken for a wrong setting
    with signals.held():
        found = Settings(**{name: value for name, value in options.items() if value is not None})
    for name, near in unknown_variables():
        meant = "" if near is None else f"; did you mean {near}?"
        print(f"callfloor: warning: {harmless(name)} is no setting{meant}", file=sys.stderr)
    if found.database_url and not _is_database_url(found.database_url):
        # never shown: it may hold a password
        raise CommandError(
            f"{Settings.option('database_url')}: it must look like postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        )
    return found


def _is_database_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    ports = [host.rpartition("]")[2].partition(":")[2] for host in parts.netloc.rpartition("@")[2].split(",")]
    return parts.scheme in ("postgresql", "postgres") and all(not port or port.isdecimal() for port in ports)


@contextmanager
def database(given: Settings, *, migrated: bool = True, new: bool = False) -> Generator[str]:
    """The address of the database, embedded or not; brought to this version unless `migrated` is False. `new`: a data
    folder without a database gets one; every other command takes it for a mistake.

    Raises `CommandError`, `EmbeddedServerError`, `MigrationError`, and what asyncpg raises for a server it cannot use.
    """
    if not new and not given.database_url and _has_no_database(given.data):
        raise CommandError(
            f"{Settings.option('data')}: there is no database in {given.data.absolute()}; name the folder of the one "
            "that is meant, or make one: callfloor serve, callfloor apply and callfloor db load do"
        )
    with serve.database(given) as (dsn, _):
        if migrated:
            asyncio.run(migrate(dsn, _say_migration))
        yield dsn


def _say_migration(name: str) -> None:
    print(f"callfloor: the database is brought to this version: {name}", file=sys.stderr, flush=True)


def place_of(given: Settings) -> str:
    """The options, with a blank before them, by which another command finds the same database: nothing where it is
    found without. A database's URL is not repeated: it may hold a password."""
    if given.database_url:
        return " --database-url URL"
    return f" --data {shlex.quote(str(given.data))}" if "data" in given.model_fields_set else ""


def _has_no_database(data: Path) -> bool:
    # what is no folder, or is none that can be looked into, is said by the server's start
    try:
        return not data.exists() or (data.is_dir() and os.access(data, os.X_OK) and not (data / "postgres").exists())
    except PermissionError as error:
        raise CommandError(
            f"{Settings.option('data')}: {data.absolute()} cannot be looked into ({error.strerror}): name the data "
            "folder, and run the command as whose it is"
        ) from error


def run(given: Settings, work: Callable[[Database], Awaitable[T]], *, new: bool = False) -> T:
    """What `work` gives on a migrated database. `new`: as of `database`."""

    async def connected(dsn: str) -> T:
        db = await Database.connect(dsn, size=1)
        try:
            await installation_keys.prepare(given, db, needed=False)
            return await work(db)
        finally:
            await db.close()

    with database(given, new=new) as dsn:
        return asyncio.run(connected(dsn))


def shell_actor() -> Actor:
    """Whoever typed the command, as the audit names them."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    # who became somebody else by sudo is named too
    became = os.environ.get("SUDO_USER", "")
    return Actor("shell", name=harmless(f"{became} as {name}" if became and became != name else name)[:200])


async def organisation(db: Database, name: str | None) -> Record:
    """The organisation of that name; None: the only one. Raises `CommandError`."""
    rows = await organisations.every(db)
    if not rows:
        raise CommandError("no organisation yet: run callfloor apply centre.toml")
    names: list[str] = [row["name"] for row in rows]
    if name is None:
        if len(rows) == 1:
            return rows[0]
        more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
        raise CommandError(
            f"there are {len(names)} organisations: choose one with --organisation "
            f"({', '.join(names[:MOST_SHOWN])}{more})"
        )
    if name not in names:
        raise CommandError(f"organisation {name} {unknown(name, names)}")
    return rows[names.index(name)]
