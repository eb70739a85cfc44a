"""Which installation a database belongs to. A copy of it must not act as if it were the original: it would call the
same people a second time. It is held until somebody adopts it (`callfloor db adopt`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from callfloor.store.db.pool import Database

# A restore into another cluster or database changes these; a replica that is promoted keeps them.
IDENTITY_SQL = """
SELECT (SELECT system_identifier FROM pg_control_system())
    || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())"""
# All of it stands in the row of the first migration.
FIND_SQL = "SELECT identity, held_since, held_why FROM schema_migrations WHERE number = 1"
FIRST_SQL = "UPDATE schema_migrations SET identity = $1 WHERE number = 1 AND identity IS NULL"
HOLD_SQL = """
UPDATE schema_migrations SET held_since = coalesce(held_since, $1), held_why = coalesce(held_why, $2)
WHERE number = 1"""
ADOPT_SQL = "UPDATE schema_migrations SET identity = $1, held_since = NULL, held_why = NULL WHERE number = 1"
HELD_SQL = "SELECT held_since, held_why FROM schema_migrations WHERE number = 1 AND held_since IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Hold:
    """Since when, and why, an installation does not act by itself."""

    since: datetime
    why: str


async def _identity(db: Database, data: Path | None) -> str:
    """`data`: the folder of an embedded server. A copied folder has other files: PG_VERSION is written once."""
    cluster: str = await db.fetchval(IDENTITY_SQL)
    return cluster if data is None else f"{cluster}/{(data / 'postgres' / 'PG_VERSION').stat().st_ino}"


async def recognise(db: Database, data: Path | None, at: datetime) -> Hold | None:
    """Look whether this is the database that was adopted last, and hold it where it is a copy; a new one is its own.
    Returns the hold, if there is one."""
    identity = await _identity(db, data)
    await db.execute(FIRST_SQL, identity)
    row = await db.fetchrow(FIND_SQL)
    if row is not None and row["identity"] != identity:
        await db.execute(HOLD_SQL, at, "this is a copy of another installation's database")
    return await held(db)


async def hold(db: Database, why: str, at: datetime) -> None:
    """Have the installation do nothing by itself; a hold that there is keeps its reason."""
    await db.execute(HOLD_SQL, at, why)


async def adopt(db: Database, data: Path | None) -> bool:
    """Let this database act; False when nothing held it."""
    before = await held(db)
    await db.execute(ADOPT_SQL, await _identity(db, data))
    return before is not None


async def held(db: Database) -> Hold | None:
    """The hold in force, which every process that acts by itself has to keep."""
    row = await db.fetchrow(HELD_SQL)
    return None if row is None else Hold(row["held_since"], row["held_why"] or "")
