"""Versions of workflows: each that was in force, who made it and when; and drafts of the next.

A version is made wherever a workflow is written (`store.setup.workflows`), by whatever door.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from asyncpg import Record

from callfloor.contract.workflows import Step, Workflow
from callfloor.rules.audit.entries import Actor
from callfloor.store.db.pool import Database

_STEPS = msgspec.json.Decoder(tuple[Step, ...])

# In the caller's transaction, which holds the lock of `centres.lock` or is alone with the workflow.
ADD_SQL = """
INSERT INTO workflow_versions (organisation_id, workflow_id, version, numbers, start, steps, made_at, actor_type,
    actor_id, actor_name)
SELECT w.organisation_id, w.workflow_id,
    1 + coalesce((
        SELECT max(v.version) FROM workflow_versions v
        WHERE v.organisation_id = $1 AND v.workflow_id = w.workflow_id
    ), 0),
    w.numbers, w.start, w.steps, $3, $4, $5, $6
FROM workflows w WHERE w.organisation_id = $1 AND w.name = $2"""
RESTORED_SQL = """
UPDATE workflow_versions SET restored_version = $4
WHERE organisation_id = $1 AND workflow_id = $2 AND version = $3"""
_SHOWN = "v.version, v.made_at, v.actor_type, v.actor_id, coalesce(v.actor_name, u.username) AS actor_name"
_FROM = """
FROM workflow_versions v
LEFT JOIN users u ON u.organisation_id = v.organisation_id AND u.user_id = v.actor_id AND v.actor_type = 'user'
WHERE v.organisation_id = $1 AND v.workflow_id = $2"""
PAGE_SQL = f"""
SELECT {_SHOWN}, v.restored_version {_FROM} AND ($3::int IS NULL OR v.version < $3) ORDER BY v.version DESC LIMIT $4"""
ONE_SQL = f"SELECT {_SHOWN}, v.restored_version, v.numbers, v.start, v.steps::text AS steps {_FROM} AND v.version = $3"
NEWEST_SQL = "SELECT max(version) FROM workflow_versions WHERE organisation_id = $1 AND workflow_id = $2"
DRAFT_SQL = """
SELECT d.content, d.format, d.based_on, d.saved_at, d.actor_type, d.actor_id,
    coalesce(d.actor_name, u.username) AS actor_name
FROM workflow_drafts d
LEFT JOIN users u ON u.organisation_id = d.organisation_id AND u.user_id = d.actor_id AND d.actor_type = 'user'
WHERE d.organisation_id = $1 AND d.workflow_id = $2"""
LOCK_DRAFT_SQL = "SELECT FROM workflows WHERE organisation_id = $1 AND workflow_id = $2 FOR NO KEY UPDATE"
SAVE_DRAFT_SQL = """
INSERT INTO workflow_drafts (organisation_id, workflow_id, content, format, based_on, saved_at, actor_type, actor_id,
    actor_name)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (organisation_id, workflow_id) DO UPDATE SET content = excluded.content, format = excluded.format,
    saved_at = excluded.saved_at, actor_type = excluded.actor_type, actor_id = excluded.actor_id,
    actor_name = excluded.actor_name"""
DROP_DRAFT_SQL = "DELETE FROM workflow_drafts WHERE organisation_id = $1 AND workflow_id = $2 RETURNING 1"


async def add(db: Database, organisation: int, name: str, by: Actor, at: datetime) -> None:
    """What a workflow is now is its newest version."""
    await db.execute(ADD_SQL, organisation, name, at, by.type, by.id, by.name)


async def page(db: Database, organisation: int, workflow_id: int, before: int | None, count: int) -> list[Record]:
    """At most `count` versions, the newest first, older than `before`."""
    return await db.fetch(PAGE_SQL, organisation, workflow_id, before, count)


async def one(db: Database, organisation: int, workflow_id: int, version: int) -> Record | None:
    return await db.fetchrow(ONE_SQL, organisation, workflow_id, version)


def workflow_of(name: str, row: Record) -> Workflow:
    """The workflow of a row of `one`."""
    return Workflow(name=name, numbers=tuple(row["numbers"]), start=row["start"], steps=_STEPS.decode(row["steps"]))


async def newest(db: Database, organisation: int, workflow_id: int) -> int:
    """The version in force."""
    return int(await db.fetchval(NEWEST_SQL, organisation, workflow_id) or 0)


async def restored(db: Database, organisation: int, workflow_id: int, version: int, of: int) -> None:
    """Say that a version brought back what another one was."""
    await db.execute(RESTORED_SQL, organisation, workflow_id, version, of)


async def lock(db: Database, organisation: int, workflow_id: int) -> None:
    """Nobody else saves the draft or writes the workflow until the end of the transaction in progress."""
    await db.execute(LOCK_DRAFT_SQL, organisation, workflow_id)


async def draft(db: Database, organisation: int, workflow_id: int) -> Record | None:
    return await db.fetchrow(DRAFT_SQL, organisation, workflow_id)


async def save_draft(
    db: Database, organisation: int, workflow_id: int, content: str, form: str, based_on: int, by: Actor, at: datetime
) -> None:
    """`based_on`: of a new one; what is there keeps its own."""
    who = by.type, by.id, by.name
    await db.execute(SAVE_DRAFT_SQL, organisation, workflow_id, content, form, based_on, at, *who)


async def drop_draft(db: Database, organisation: int, workflow_id: int) -> bool:
    """False: there was none."""
    return await db.fetchval(DROP_DRAFT_SQL, organisation, workflow_id) is not None
