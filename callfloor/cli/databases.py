"""`callfloor db`."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import asyncpg

from callfloor.cli import session
from callfloor.cli.failures import FAILURE, CommandError, harmless
from callfloor.cli.files import STDIN, STDOUT, shown, tell
from callfloor.postgres import dumps
from callfloor.settings import Settings
from callfloor.store.db import distribution, installation, migrate, roles
from callfloor.store.db.pool import Database

T = TypeVar("T")


def migrate_database(settings: Settings) -> None:
    """Bring the database to this version and print each migration that was applied."""
    with session.database(settings, migrated=False, new=True) as dsn:
        done = asyncio.run(migrate.migrate(dsn, lambda name: _tell(f"applying {name}")))
    for name in done:
        print(f"applied {name}")
    if not done:
        print("up to date")


def show_status(settings: Settings) -> None:
    """Print every migration and when it was applied."""
    with session.database(settings, migrated=False) as dsn:
        steps = asyncio.run(migrate.status(dsn))
    for step in steps:
        applied = step.applied_at
        when = "not applied" if applied is None else f"applied {applied.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        print(f"{step.name}  {when}")


def distribute(settings: Settings, shards: int, dry_run: bool) -> None:
    """Spread the database over the nodes of its Citus. Raises `CommandError`."""
    with session.database(settings, migrated=False) as dsn:
        try:
            missing = [step.name for step in asyncio.run(migrate.status(dsn)) if step.applied_at is None]
            if missing:
                raise CommandError("the database is not of this version: first callfloor db migrate", FAILURE)
            if dry_run:
                for step in asyncio.run(distribution.plan(dsn)):
                    print(f"would place {_shown(step)}")
                return
            done = asyncio.run(distribution.distribute(dsn, shards, lambda step: _tell(f"placing {_shown(step)}")))
        except distribution.DistributionError as error:
            raise CommandError(harmless(str(error)), FAILURE) from error
    print(f"placed {done} tables" if done else "all tables are placed")


def _shown(step: distribution.Step) -> str:
    how = "whole on every node" if step.kind == "reference" else "by organisation"
    return f"{step.name} {how}" + (f", about {step.rows:,} rows" if step.rows else "")


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def dump(settings: Settings, path: Path) -> None:
    """Write the database to a file. Raises `CommandError`."""
    with session.database(settings, migrated=False) as dsn, _failing():
        dumps.dump(dsn, None if path == STDOUT else path, _progress("writing"))
    size = "" if path == STDOUT else f": {path.stat().st_size:,} bytes"
    tell(path, f"{shown(path)}{size}; back up the media and the keys beside it (docs/operations.md)")


def load(settings: Settings, path: Path) -> None:
    """Fill an empty database from a file. What it holds does not act before it is adopted. Raises `CommandError`."""
    with session.database(settings, migrated=False, new=True) as dsn:
        if asyncio.run(_has_tables(dsn)):
            raise CommandError(
                "the database is not empty: give a --data folder that is not there yet, or the URL of an empty one",
                FAILURE,
            )
        with _failing():
            dumps.load(dsn, None if path == STDIN else path, _progress("reading"))
        asyncio.run(migrate.migrate(dsn))
        why = "it was loaded from standard input" if path == STDIN else f"it was loaded from {path.name}"
        asyncio.run(_on(dsn, lambda db: installation.hold(db, why, datetime.now(UTC))))
    print(
        f"loaded; it neither dials nor sends or fetches e-mail before: callfloor db adopt{session.place_of(settings)}"
    )


def adopt(settings: Settings) -> None:
    """Let a restored or copied installation act."""
    folder = None if settings.database_url else settings.data
    with session.database(settings) as dsn:
        done = asyncio.run(_on(dsn, lambda db: installation.adopt(db, folder)))
    where = "the database" if folder is None else str(folder.absolute())
    print("adopted: it dials, and sends and fetches e-mail" if done else f"nothing held {where}: it acts already")


def show_roles() -> None:
    """Print how an administrator of the server makes the roles, where the owner of the tables may not."""
    print(
        f"""CREATE ROLE {roles.API} LOGIN PASSWORD 'one that nobody knows';
CREATE ROLE {roles.WORK} LOGIN BYPASSRLS PASSWORD 'another that nobody knows';
-- with passwords of your own in place of these two; then, as the owner of the tables: callfloor db grant
-- --database-url …, which prints both addresses, to be completed with these passwords"""
    )


def grant(settings: Settings) -> None:
    """Make each role and give it the tables, and print its address as a setting. One that is there keeps its password:
    roles are the server's, and another installation may sign in with it. Raises `CommandError`."""
    if not settings.database_url:
        raise CommandError("the embedded database has its roles: callfloor serve makes them and connects as them")
    with session.database(settings) as dsn:
        # the one that takes more rights first: who may not make it makes neither
        found = [(role, asyncio.run(_granted(dsn, role))) for role in (roles.WORK, roles.API)]
    for role, password in reversed(found):
        setting = "database_api_url" if role == roles.API else "database_work_url"
        shown = "THE-PASSWORD-THAT-IT-HAS" if password is None else password
        print(f"{Settings.option(setting)}={roles.address(dsn, role, shown)}")


async def _granted(dsn: str, role: str) -> str | None:
    """The password of the role; None: it was there, and keeps it. Raises `CommandError`."""
    password = secrets.token_urlsafe(24)
    try:
        if await roles.give(dsn, role):
            return None
        await roles.make(dsn, role, password)
    except asyncpg.InsufficientPrivilegeError as error:
        raise CommandError(
            f"this user may not make the role {role}: have an administrator do what callfloor db grant --sql prints",
            FAILURE,
        ) from error
    return password


@contextmanager
def _failing() -> Generator[None]:
    """A dump's failure is the command's."""
    try:
        yield
    except dumps.DumpError as error:
        raise CommandError(harmless(str(error)), FAILURE) from error


def _progress(doing: str) -> Callable[[str], None]:
    """A line that is overwritten on a terminal, a line a table elsewhere."""
    terminal = sys.stderr.isatty()

    def told(table: str) -> None:
        text = f"{doing} {harmless(table)}"
        print(f"\r\x1b[K{text}" if terminal else text, end="" if terminal else "\n", file=sys.stderr, flush=True)

    return told


async def _on(dsn: str, work: Callable[[Database], Awaitable[T]]) -> T:
    db = await Database.connect(dsn, size=1)
    try:
        return await work(db)
    finally:
        await db.close()


async def _has_tables(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return bool(await connection.fetchval(migrate.HAS_TABLES_SQL))
    finally:
        await connection.close()
