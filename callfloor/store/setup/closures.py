"""Closures that are known beforehand. What is closed by hand is in `store.setup.workflows`."""

from __future__ import annotations

from datetime import datetime

from asyncpg import Record

from callfloor.store.db.pool import Database

_COLUMNS = "p.closure_id, p.workflow_id, w.name AS workflow, p.kind, p.name, p.begins_at, p.ends_at"
_FROM = """
FROM planned_closures p
LEFT JOIN workflows w ON w.organisation_id = p.organisation_id AND w.workflow_id = p.workflow_id
WHERE p.organisation_id = $1"""
PAGE_SQL = f"""
SELECT {_COLUMNS} {_FROM} AND p.closure_id > $2 AND ($3 OR p.ends_at > $4) ORDER BY p.closure_id LIMIT $5"""
ONE_SQL = f"SELECT {_COLUMNS} {_FROM} AND p.closure_id = $2"
LOCK_SQL = "SELECT FROM planned_closures WHERE organisation_id = $1 AND closure_id = $2 FOR UPDATE"
ADD_SQL = """
INSERT INTO planned_closures (organisation_id, workflow_id, kind, name, begins_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING closure_id"""
UPDATE_SQL = """
UPDATE planned_closures SET workflow_id = $3, kind = $4, name = $5, begins_at = $6, ends_at = $7
WHERE organisation_id = $1 AND closure_id = $2"""
REMOVE_SQL = "DELETE FROM planned_closures WHERE organisation_id = $1 AND closure_id = $2"

# The workflow that a closure is of, its kind, its name, and from when until when.
Values = tuple[int, str, str, datetime, datetime]


async def page(db: Database, organisation: int, after: int, count: int, *, past: bool, now: datetime) -> list[Record]:
    """At most `count` with ids above `after`; those that are over only with `past`."""
    return await db.fetch(PAGE_SQL, organisation, after, past, now, count)


async def one(db: Database, organisation: int, closure_id: int, *, locked: bool = False) -> Record | None:
    if locked:
        await db.execute(LOCK_SQL, organisation, closure_id)
    return await db.fetchrow(ONE_SQL, organisation, closure_id)


async def add(db: Database, organisation: int, values: Values) -> int:
    """The new closure's id."""
    return int(await db.fetchval(ADD_SQL, organisation, *values))


async def update(db: Database, organisation: int, closure_id: int, values: Values) -> None:
    await db.execute(UPDATE_SQL, organisation, closure_id, *values)


async def remove(db: Database, organisation: int, closure_id: int) -> None:
    await db.execute(REMOVE_SQL, organisation, closure_id)
