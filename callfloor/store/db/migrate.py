"""Migrations: numbered SQL files, applied once each, in order, under a lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files

import asyncpg

from callfloor.store.db import distribution, row_security
from callfloor.store.db.distribution import LOCK_KEY

HISTORY_SQL = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""
HAS_TABLES_SQL = """
SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p'))"""
HISTORY_EXISTS_SQL = "SELECT to_regclass('schema_migrations') IS NOT NULL"
APPLIED_SQL = "SELECT number, name, sha256, applied_at FROM schema_migrations ORDER BY number"
RECORD_SQL = "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)"


class MigrationError(RuntimeError):
    """The database cannot be brought to this version; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Step:
    """A migration and when it was applied; None: not yet."""

    number: int
    name: str
    applied_at: datetime | None


def migrations() -> list[Migration]:
    """Every migration that this version knows, in order."""
    folder = files("callfloor.store") / "migrations"
    found = [
        Migration(int(entry.name.split("_", 1)[0]), entry.name.removesuffix(".sql"), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.number)


async def _applied(connection: asyncpg.Connection) -> dict[int, asyncpg.Record]:
    if not await connection.fetchval(HISTORY_EXISTS_SQL):
        return {}
    return {row["number"]: row for row in await connection.fetch(APPLIED_SQL)}


def _check(known: list[Migration], applied: dict[int, asyncpg.Record]) -> None:
    newest = known[-1].number
    newer = [number for number in applied if number > newest]
    if newer:
        raise MigrationError(
            f"the database has migration {max(newer)}, this version of Callfloor knows only {newest}: "
            "install the newer version that wrote it, or restore a backup"
        )
    for migration in known:
        row = applied.get(migration.number)
        if row is not None and row["sha256"] != migration.sha256:
            raise MigrationError(
                f"migration {migration.name} was applied with other contents: this database was made by a build of "
                "Callfloor that was never released. Start that build again, take what matters out of it (callfloor "
                "export, callfloor dnc list, callfloor evidence export), and begin a new database with it"
            )


async def status(dsn: str) -> list[Step]:
    """Every migration, applied or not. Raises `MigrationError` when the database is newer than the code."""
    connection = await asyncpg.connect(dsn)
    try:
        applied = await _applied(connection)
    finally:
        await connection.close()
    known = migrations()
    _check(known, applied)
    return [Step(m.number, m.name, applied[m.number]["applied_at"] if m.number in applied else None) for m in known]


async def migrate(dsn: str, tell: Callable[[str], None] | None = None) -> list[str]:
    """Apply what is missing, each migration in a transaction of its own; returns the names of those applied. Where the
    database is distributed, so is what they added. `tell` hears the name of each before it is applied to a database
    that an earlier version made: that may take minutes."""
    connection = await asyncpg.connect(dsn)
    try:
        version = connection.get_server_version()
        if version.major < 15:
            raise MigrationError(f"PostgreSQL {version.major} is too old: Callfloor needs 15 or newer")
        encoding = await connection.fetchval("SHOW server_encoding")
        if encoding != "UTF8":
            raise MigrationError(f"the database is encoded in {encoding}: create one with ENCODING 'UTF8'")
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        known = migrations()
        applied = await _applied(connection)
        _check(known, applied)
        done: list[str] = []
        for migration in known:
            if migration.number in applied:
                continue
            if applied and tell is not None:
                tell(migration.name)
            async with connection.transaction():
                await connection.execute("SET LOCAL lock_timeout = '10s'")
                await connection.execute(HISTORY_SQL)
                await connection.execute(migration.sql)
                await connection.execute(RECORD_SQL, migration.number, migration.name, migration.sha256)
            done.append(migration.name)
        if done:
            await distribution.keep(connection)
        await row_security.put_up(connection)
        return done
    finally:
        # closing the session gives the advisory lock back
        await connection.close()
