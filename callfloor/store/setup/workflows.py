"""Workflows, queues and skills, as a centre file describes them and as the floor takes callers through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import structlog
from asyncpg import Record

from callfloor.contract.workflows import Step, Workflow, straight
from callfloor.rules.audit.entries import SYSTEM, Actor
from callfloor.rules.privacy.wrapping import KeyUnusable
from callfloor.rules.values.times import zone
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.privacy.keys import Key
from callfloor.store.setup import workflow_versions
from callfloor.store.setup.prompts import message_id

log = structlog.get_logger("callfloor.keys")

_STEPS = msgspec.json.Decoder(tuple[Step, ...])

WORKFLOWS_SQL = """
SELECT workflow_id, name, numbers, start, steps::text AS steps
FROM workflows WHERE organisation_id = $1 ORDER BY workflow_id"""
INSERT_SQL = """
INSERT INTO workflows (organisation_id, name, numbers, start, steps) VALUES ($1, $2, $3, $4, $5::text::jsonb)"""
UPDATE_SQL = """
UPDATE workflows SET numbers = $3, start = $4, steps = $5::text::jsonb, updated_at = now()
WHERE organisation_id = $1 AND name = $2"""
# Whoever dials a number must come to one organisation.
NUMBERS_OF_OTHERS_SQL = "SELECT number FROM numbers_of_others($1, $2::text[]) AS number"
SKILLS_SQL = """
SELECT user_id, skill, level FROM user_skills WHERE organisation_id = $1 ORDER BY user_id, skill"""
FORGET_SKILLS_SQL = "DELETE FROM user_skills WHERE organisation_id = $1 AND user_id = $2"
ADD_SKILLS_SQL = """
INSERT INTO user_skills (organisation_id, user_id, skill, level)
SELECT $1, $2, s.skill, s.level FROM unnest($3::text[], $4::smallint[]) AS s (skill, level)"""
CLOSE_SQL = """
INSERT INTO closures (organisation_id, workflow_id, closed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING 1"""
OPEN_SQL = "DELETE FROM closures WHERE organisation_id = $1 AND workflow_id = $2 RETURNING 1"
CLOSURES_SQL = """
SELECT c.workflow_id, w.name, c.closed_at
FROM closures c
LEFT JOIN workflows w ON w.organisation_id = c.organisation_id AND w.workflow_id = c.workflow_id
WHERE c.organisation_id = $1 ORDER BY w.name NULLS FIRST"""
# Of every organisation that answers calls, in one moment.
LOAD_SQL = """
SELECT o.organisation_id, o.timezone, k.key_id, k.wrapped, k.master_id, coalesce(w.each, '[]') AS workflows,
    c.each AS campaigns, coalesce(l.each, '[]') AS lists, coalesce(p.each, '{}') AS prompts,
    coalesce(s.each, '[]') AS skills, coalesce(x.each, '[]') AS closures, coalesce(h.each, '[]') AS planned
FROM (
    SELECT organisation_id,
        json_agg(json_build_array(campaign_id, name, direction, numbers) ORDER BY campaign_id)::text AS each,
        bool_or(direction = 'inbound') AS inbound
    FROM campaigns GROUP BY organisation_id
) AS c
JOIN organisations o ON o.organisation_id = c.organisation_id
LEFT JOIN organisation_keys k ON k.organisation_id = c.organisation_id AND k.purpose = 'function'
    AND k.retired_at IS NULL
LEFT JOIN (
    SELECT organisation_id,
        json_agg(json_build_array(workflow_id, name, numbers, start, steps) ORDER BY workflow_id)::text AS each
    FROM workflows GROUP BY organisation_id
) AS w ON w.organisation_id = c.organisation_id
LEFT JOIN (
    SELECT i.organisation_id, json_agg(json_build_array(b.name, i.name, i.list_id))::text AS each
    FROM lists i JOIN campaigns b ON b.organisation_id = i.organisation_id AND b.campaign_id = i.campaign_id
    GROUP BY i.organisation_id
) AS l ON l.organisation_id = c.organisation_id AND w.organisation_id IS NOT NULL
LEFT JOIN (
    SELECT organisation_id, json_object_agg(name, sha256)::text AS each FROM prompts GROUP BY organisation_id
) AS p ON p.organisation_id = c.organisation_id
LEFT JOIN (
    SELECT organisation_id, json_agg(json_build_array(user_id, skill, level))::text AS each FROM user_skills
    GROUP BY organisation_id
) AS s ON s.organisation_id = c.organisation_id
LEFT JOIN (
    SELECT organisation_id, json_agg(workflow_id)::text AS each FROM closures GROUP BY organisation_id
) AS x ON x.organisation_id = c.organisation_id
LEFT JOIN (
    SELECT organisation_id, json_agg(json_build_array(workflow_id, kind))::text AS each FROM planned_closures
    WHERE begins_at <= now() AND ends_at > now() GROUP BY organisation_id
) AS h ON h.organisation_id = c.organisation_id
WHERE c.inbound OR w.organisation_id IS NOT NULL"""

EVERY_WORKFLOW = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A workflow as calls go through it. `workflow_id` None: an inbound campaign's own number, straight to its queue.
    `closed`: by hand or as planned, in an emergency. `holiday`: one of the centre's own."""

    workflow_id: int | None
    workflow: Workflow
    closed: bool = False
    holiday: bool = False


@dataclass(frozen=True, slots=True)
class Routes:
    """What the floor needs to take the callers of an organisation to its agents.

    `by_number`: who dials it (E.164) goes that way; `by_name`: of workflows. `campaigns`: ids by name; `lists`: ids by
    the names of campaign and list. `prompts`: what the carrier plays (`store.prompts.message_id`) by name.
    `home`: the campaign of calls that come to no queue, the first inbound one, else the first. `skills`: by agent.
    `function_key` signs what HTTP functions are sent; None: it cannot be used, and each of them fails.
    """

    organisation: int
    zone: ZoneInfo
    by_number: Mapping[str, Route]
    by_name: Mapping[str, Route]
    campaigns: Mapping[str, int]
    lists: Mapping[tuple[str, str], int]
    prompts: Mapping[str, str]
    home: int | None
    skills: Mapping[int, Mapping[str, int]]
    function_key: Key | None


class _Workflow(msgspec.Struct, array_like=True):
    workflow_id: int
    name: str
    numbers: tuple[str, ...]
    start: str
    steps: tuple[Step, ...]


class _Campaign(msgspec.Struct, array_like=True):
    campaign_id: int
    name: str
    direction: str
    numbers: tuple[str, ...]


async def load(db: Database) -> dict[int, Routes]:
    """By organisation, those that have a workflow or an inbound campaign."""
    return {row["organisation_id"]: _routes(row, await _key(db, row)) for row in await db.fetch(LOAD_SQL)}


async def _key(db: Database, row: Record) -> Key | None:
    organisation, key_id = row["organisation_id"], row["key_id"]
    try:
        if key_id is None:
            return await keys.current(db, organisation, "function")
        return Key(key_id, keys.opened(organisation, "function", key_id, row["wrapped"], row["master_id"]))
    except KeyUnusable as error:
        # one organisation's broken key keeps no other from working
        log.error("key-unusable", organisation=organisation, reason=str(error))
        return None


def _routes(row: Record, function_key: Key | None) -> Routes:
    organisation: int = row["organisation_id"]
    campaigns = msgspec.json.decode(row["campaigns"], type=list[_Campaign])
    planned = msgspec.json.decode(row["planned"], type=list[tuple[int, str]])
    closures = msgspec.json.decode(row["closures"], type=set[int])
    closures |= {workflow for workflow, kind in planned if kind == "emergency"}
    holidays = {workflow for workflow, kind in planned if kind == "holiday"}
    by_name: dict[str, Route] = {}
    by_number: dict[str, Route] = {}
    for campaign in campaigns:
        if campaign.direction == "inbound":
            route = Route(None, straight(campaign.name), EVERY_WORKFLOW in closures, EVERY_WORKFLOW in holidays)
            by_number.update(dict.fromkeys(campaign.numbers, route))
    for each in msgspec.json.decode(row["workflows"], type=list[_Workflow]):
        workflow = Workflow(name=each.name, numbers=each.numbers, start=each.start, steps=each.steps)
        closed, holiday = (not of.isdisjoint({EVERY_WORKFLOW, each.workflow_id}) for of in (closures, holidays))
        by_name[each.name] = Route(each.workflow_id, workflow, closed, holiday)
        by_number.update(dict.fromkeys(each.numbers, by_name[each.name]))
    skills: dict[int, dict[str, int]] = {}
    for user_id, skill, level in msgspec.json.decode(row["skills"], type=list[tuple[int, str, int]]):
        skills.setdefault(user_id, {})[skill] = level
    lists = msgspec.json.decode(row["lists"], type=list[tuple[str, str, int]])
    prompts = msgspec.json.decode(row["prompts"], type=dict[str, str])
    return Routes(
        organisation=organisation,
        zone=zone(row["timezone"]),
        by_number=by_number,
        by_name=by_name,
        campaigns={campaign.name: campaign.campaign_id for campaign in campaigns},
        lists={(campaign, name): list_id for campaign, name, list_id in lists},
        home=min(((each.direction != "inbound", each.campaign_id) for each in campaigns), default=(True, None))[1],
        prompts={name: message_id(organisation, sha256) for name, sha256 in prompts.items()},
        skills=skills,
        function_key=function_key,
    )


# As a centre file describes them


async def read(db: Database, organisation: int) -> dict[str, Workflow]:
    """An organisation's workflows by name."""
    return {
        row["name"]: Workflow(
            name=row["name"],
            numbers=tuple(row["numbers"]),
            start=row["start"],
            steps=_STEPS.decode(row["steps"]),
        )
        for row in await db.fetch(WORKFLOWS_SQL, organisation)
    }


async def insert(db: Database, organisation: int, workflow: Workflow, by: Actor = SYSTEM) -> None:
    """`by`: who made this version of it."""
    async with db.transaction():
        await db.execute(INSERT_SQL, organisation, *_values(workflow))
        await workflow_versions.add(db, organisation, workflow.name, by, datetime.now(UTC))


async def update(db: Database, organisation: int, workflow: Workflow, by: Actor = SYSTEM) -> None:
    """Change all but the name. `by`: who made this version of it."""
    async with db.transaction():
        await db.execute(UPDATE_SQL, organisation, *_values(workflow))
        await workflow_versions.add(db, organisation, workflow.name, by, datetime.now(UTC))


def _values(workflow: Workflow) -> tuple[object, ...]:
    steps = msgspec.json.encode(workflow.steps).decode()
    return workflow.name, list(workflow.numbers), workflow.start, steps


async def numbers_of_others(db: Database, organisation: int | None, wanted: Iterable[str]) -> frozenset[str]:
    """Those of the numbers that workflows of other organisations have. None: of any."""
    rows = await db.fetch(NUMBERS_OF_OTHERS_SQL, organisation, list(wanted))
    return frozenset(row["number"] for row in rows)


async def skills(db: Database, organisation: int) -> dict[int, dict[str, int]]:
    """The level of each skill of each user who has one."""
    found: dict[int, dict[str, int]] = {}
    for row in await db.fetch(SKILLS_SQL, organisation):
        found.setdefault(row["user_id"], {})[row["skill"]] = row["level"]
    return found


async def set_skills(db: Database, organisation: int, user_id: int, levels: Mapping[str, int]) -> None:
    """The user has these skills and no others. In the caller's transaction."""
    await db.execute(FORGET_SKILLS_SQL, organisation, user_id)
    if levels:
        await db.execute(ADD_SKILLS_SQL, organisation, user_id, list(levels), list(levels.values()))


# Emergency closure, and the key of HTTP functions


async def close(db: Database, organisation: int, workflow_id: int, now: datetime) -> bool:
    """Close a workflow, or `EVERY_WORKFLOW`. False: it was closed."""
    return await db.fetchval(CLOSE_SQL, organisation, workflow_id, now) is not None


async def reopen(db: Database, organisation: int, workflow_id: int) -> bool:
    """End a closure. False: there was none. One that is closed with every workflow stays closed."""
    return await db.fetchval(OPEN_SQL, organisation, workflow_id) is not None


async def closures(db: Database, organisation: int) -> list[Record]:
    """What is closed by hand, and since when; `workflow_id` `EVERY_WORKFLOW` first."""
    return await db.fetch(CLOSURES_SQL, organisation)


async def ids(db: Database, organisation: int) -> dict[str, int]:
    """The ids of an organisation's workflows by name."""
    return {row["name"]: row["workflow_id"] for row in await db.fetch(WORKFLOWS_SQL, organisation)}
