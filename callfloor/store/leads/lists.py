"""Lists of leads."""

from __future__ import annotations

import asyncpg
from asyncpg import Record

from callfloor.store.db.pool import Database

_SHOWN = """
SELECT s.list_id, s.name, s.campaign_id, c.name AS campaign_name, c.timezone AS campaign_timezone, s.in_dialler,
    s.weight, s.created_at, s.updated_at
FROM lists s JOIN campaigns c USING (organisation_id, campaign_id)
WHERE s.organisation_id = $1"""
GET_SQL = f"{_SHOWN} AND s.list_id = $2"
LOCK_SQL = "SELECT 1 FROM lists WHERE organisation_id = $1 AND list_id = $2 FOR NO KEY UPDATE"
PAGE_SQL = f"{_SHOWN} AND s.list_id > $2 ORDER BY s.list_id LIMIT $3"
PAGE_OF_CAMPAIGN_SQL = f"{_SHOWN} AND s.list_id > $2 AND s.campaign_id = $4 ORDER BY s.list_id LIMIT $3"
INSERT_SQL = """
INSERT INTO lists (organisation_id, campaign_id, name, in_dialler, weight)
SELECT organisation_id, campaign_id, $3, $4, $5 FROM campaigns WHERE organisation_id = $1 AND campaign_id = $2
RETURNING list_id"""
UPDATE_SQL = """
UPDATE lists SET name = $3, in_dialler = $4, weight = $5, updated_at = now()
WHERE organisation_id = $1 AND list_id = $2"""


class NameTaken(Exception):
    """The campaign already has a list of this name."""


async def get(db: Database, organisation: int, list_id: int) -> Record | None:
    return await db.fetchrow(GET_SQL, organisation, list_id)


async def get_locked(db: Database, organisation: int, list_id: int) -> Record | None:
    """The list, locked against other changes until the end of the transaction in progress."""
    if await db.fetchval(LOCK_SQL, organisation, list_id) is None:
        return None
    return await get(db, organisation, list_id)


async def page(db: Database, organisation: int, campaign_id: int | None, after: int, count: int) -> list[Record]:
    """At most `count` lists with ids above `after`, by id."""
    if campaign_id is None:
        return await db.fetch(PAGE_SQL, organisation, after, count)
    return await db.fetch(PAGE_OF_CAMPAIGN_SQL, organisation, after, count, campaign_id)


async def insert(
    db: Database, organisation: int, campaign_id: int, name: str, *, in_dialler: bool = True, weight: int = 1
) -> int | None:
    """The new list's id; None when there is no such campaign. Raises `NameTaken`."""
    try:
        return await db.fetchval(INSERT_SQL, organisation, campaign_id, name, in_dialler, weight)
    except asyncpg.UniqueViolationError as error:
        raise NameTaken from error


async def update(db: Database, organisation: int, list_id: int, name: str, *, in_dialler: bool, weight: int) -> None:
    """Raises `NameTaken`."""
    try:
        await db.execute(UPDATE_SQL, organisation, list_id, name, in_dialler, weight)
    except asyncpg.UniqueViolationError as error:
        raise NameTaken from error
