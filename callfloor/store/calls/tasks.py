"""What callers left for a queue to do: messages to hear, and callers to call back.

A callback's task is its lead, and is done once: who has it is whose callback the lead is, and it is done when the lead
has no callback to wait for any more, whoever helped the caller and in which way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from asyncpg import Record

from callfloor.contract.codes import FIRST_OWN_LEAD_STATUS, LeadStatus
from callfloor.rules.dialling.callbacks import Moved
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import Supervised, bounds, is_supervised

Refused = Literal["not-free", "being-called", "not-in-campaign"]

# The caller was spoken to, wants no call, or is nobody any more.
_HELPED = f"""(l.lead_id IS NULL OR l.completed_at IS NOT NULL OR l.status_code >= {FIRST_OWN_LEAD_STATUS}
    OR l.status_code IN ({LeadStatus.CONTACTED:d}, {LeadStatus.DO_NOT_CALL:d}, {LeadStatus.COMPLETED:d}))"""
_DONE = f"(t.done_at IS NOT NULL OR t.lead_id IS NOT NULL AND {_HELPED})"
_HOLDER = f"""CASE WHEN t.lead_id IS NULL THEN t.agent_id
    WHEN l.status_code = {LeadStatus.CALLBACK_AGENT:d} THEN l.agent_id END"""
_OF_LEAD = "LEFT JOIN leads l ON l.organisation_id = t.organisation_id AND l.lead_id = t.lead_id"
ADD_SQL = """
INSERT INTO tasks (organisation_id, campaign_id, kind, activity_id, created_at, lead_id) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT ON CONSTRAINT tasks_activity_key DO NOTHING"""
_TASK = f"""
SELECT t.task_id, t.campaign_id, t.kind, t.activity_id, t.created_at, t.lead_id, {_HOLDER} AS agent_id,
    {_DONE} AS done, t.was_of, t.moved_at, t.moved_why, a.contact,
    (SELECT max(v.media_id) FROM media v WHERE v.organisation_id = $1 AND v.activity_id = t.activity_id
        AND v.kind = 'voicemail' AND v.deleted_at IS NULL) AS media_id
FROM tasks t {_OF_LEAD}
LEFT JOIN activities a ON a.organisation_id = t.organisation_id AND a.activity_id = t.activity_id"""
_MEMBER = """
    AND EXISTS (SELECT FROM working_agents m
        WHERE m.organisation_id = $1 AND m.campaign_id = t.campaign_id AND m.agent_id = $2)"""
OF_AGENT_SQL = f"""{_TASK}
WHERE t.organisation_id = $1 AND t.done_at IS NULL AND NOT {_DONE} AND coalesce({_HOLDER}, $2) = $2{_MEMBER}
ORDER BY t.created_at, t.task_id LIMIT $3"""
GET_SQL = f"{_TASK} WHERE t.organisation_id = $1 AND t.task_id = $3{_MEMBER}"
OPEN_SQL = f"""{_TASK}
WHERE t.organisation_id = $1 AND t.done_at IS NULL AND NOT {_DONE}
    AND ($2::bigint IS NULL OR {_HOLDER} = $2) AND ($3::bigint IS NULL OR t.campaign_id = $3)
    AND {is_supervised(_HOLDER, "t.campaign_id", 7)}
    AND (t.created_at, t.task_id) > ($4::timestamptz, $5::bigint)
ORDER BY t.created_at, t.task_id LIMIT $6"""
FIND_SQL = f"{_TASK} WHERE t.organisation_id = $1 AND t.task_id = $2"
LOCK_SQL = f"""
SELECT t.task_id, t.campaign_id, t.lead_id, t.agent_id, {_DONE} AS done FROM tasks t {_OF_LEAD}
WHERE t.organisation_id = $1 AND t.task_id = $2 FOR UPDATE OF t"""
TAKE_SQL = """
UPDATE tasks SET agent_id = $3, taken_at = $4
WHERE organisation_id = $1 AND task_id = $2 AND (agent_id IS NULL OR agent_id = $3) RETURNING 1"""
FINISH_SQL = """
UPDATE tasks SET done_at = $4 WHERE organisation_id = $1 AND task_id = $2 AND agent_id = $3 AND done_at IS NULL
RETURNING 1"""
MOVE_SQL = """
UPDATE tasks SET agent_id = $3, taken_at = CASE WHEN $3::bigint IS NOT NULL THEN $4::timestamptz END,
    was_of = coalesce(agent_id, was_of), moved_at = $4, moved_why = $5
WHERE organisation_id = $1 AND task_id = $2 AND done_at IS NULL"""
# The callback is this agent's own from now on. Not one that is another agent's, or being made.
TAKE_LEAD_SQL = f"""
UPDATE leads l SET status_code = {LeadStatus.CALLBACK_AGENT:d}, agent_id = $3,
    next_attempt_at = coalesce(l.next_attempt_at, $4), updated_at = greatest(l.updated_at, $4)
FROM lists s
WHERE l.organisation_id = $1 AND l.lead_id = $2 AND l.in_flight_attempt_id IS NULL AND NOT {_HELPED}
    AND (l.status_code <> {LeadStatus.CALLBACK_AGENT:d} OR l.agent_id = $3)
    AND s.organisation_id = $1 AND s.list_id = l.list_id AND EXISTS (SELECT FROM working_agents m
        WHERE m.organisation_id = $1 AND m.campaign_id = s.campaign_id AND m.agent_id = $3)
RETURNING 1"""
# The agent has helped the caller: there is nobody to be called back.
FINISH_LEAD_SQL = f"""
UPDATE leads l SET status_code = {LeadStatus.CONTACTED:d}, agent_id = NULL, next_attempt_at = NULL,
    updated_at = greatest(l.updated_at, $4)
WHERE l.organisation_id = $1 AND l.lead_id = $2 AND l.in_flight_attempt_id IS NULL AND l.agent_id = $3
    AND l.status_code = {LeadStatus.CALLBACK_AGENT:d} AND l.completed_at IS NULL
RETURNING 1"""
WHY_NOT_SQL = f"""
SELECT l.in_flight_attempt_id IS NOT NULL AS being_called,
    l.status_code = {LeadStatus.CALLBACK_AGENT:d} AND l.agent_id <> $3 AS of_another
FROM leads l WHERE l.organisation_id = $1 AND l.lead_id = $2 AND NOT {_HELPED}"""
CLOSE_FULFILLED_SQL = f"""
UPDATE tasks o SET done_at = $1 FROM tasks t {_OF_LEAD}
WHERE t.done_at IS NULL AND t.lead_id IS NOT NULL AND {_HELPED}
    AND o.organisation_id = t.organisation_id AND o.task_id = t.task_id"""


async def add(
    db: Database,
    organisation: int,
    campaign_id: int,
    kind: Literal["voicemail", "callback"],
    activity_id: int,
    at: datetime,
    lead_id: int | None = None,
) -> None:
    """Somebody of the campaign has to look at this activity. `lead_id`: of a callback, the lead that it is."""
    await db.execute(ADD_SQL, organisation, campaign_id, kind, activity_id, at, lead_id)


async def of_agent(db: Database, organisation: int, agent_id: int, count: int) -> Sequence[Record]:
    """What is to be done in the agent's queues and is nobody else's, oldest first."""
    return await db.fetch(OF_AGENT_SQL, organisation, agent_id, count)


async def get(db: Database, organisation: int, agent_id: int, task_id: int) -> Record | None:
    """A task of one of the agent's queues, done or not."""
    return await db.fetchrow(GET_SQL, organisation, agent_id, task_id)


async def find(db: Database, organisation: int, task_id: int) -> Record | None:
    """A task of any queue, done or not."""
    return await db.fetchrow(FIND_SQL, organisation, task_id)


async def open_tasks(
    db: Database,
    organisation: int,
    agent_id: int | None,
    campaign_id: int | None,
    after: tuple[datetime, int],
    count: int,
    supervised: Supervised | None = None,
) -> Sequence[Record]:
    """What is to be done and is supervised, behind `after` (creation, id), oldest first: by this agent, in this queue;
    None: any."""
    return await db.fetch(OPEN_SQL, organisation, agent_id, campaign_id, *after, count, *bounds(supervised))


async def take(db: Database, organisation: int, task_id: int, agent_id: int, at: datetime) -> Refused | None:
    """The agent, who serves the queue, does it from now on; else why not."""
    async with db.transaction():
        task = await db.fetchrow(LOCK_SQL, organisation, task_id)
        if task is None or task["done"]:
            return "not-free"
        if task["lead_id"] is not None:
            return await _take_lead(db, organisation, task["lead_id"], agent_id, at)
        taken = await db.fetchval(TAKE_SQL, organisation, task_id, agent_id, at)
        return None if taken is not None else "not-free"


async def _take_lead(db: Database, organisation: int, lead_id: int, agent_id: int, at: datetime) -> Refused | None:
    if await db.fetchval(TAKE_LEAD_SQL, organisation, lead_id, agent_id, at) is not None:
        return None
    row = await db.fetchrow(WHY_NOT_SQL, organisation, lead_id, agent_id)
    if row is None or row["of_another"]:
        return "not-free"
    return "being-called" if row["being_called"] else "not-in-campaign"


async def finish(db: Database, organisation: int, task_id: int, agent_id: int, at: datetime) -> bool:
    """The agent who has it has done it; of a callback: the caller was helped, and is called back no more."""
    async with db.transaction():
        task = await db.fetchrow(LOCK_SQL, organisation, task_id)
        if task is None or task["done"]:
            return False
        if task["lead_id"] is None:
            return await db.fetchval(FINISH_SQL, organisation, task_id, agent_id, at) is not None
        return await db.fetchval(FINISH_LEAD_SQL, organisation, task["lead_id"], agent_id, at) is not None


async def move(db: Database, organisation: int, task_id: int, agent_id: int | None, why: Moved, at: datetime) -> None:
    """A message is this agent's to hear, or (None) the queue's again."""
    await db.execute(MOVE_SQL, organisation, task_id, agent_id, at, why)


async def close_fulfilled(db: Database, at: datetime) -> None:
    """Callbacks that are over need not be looked at any more."""
    await db.execute(CLOSE_FULFILLED_SQL, at)
