"""What a centre file describes: users, campaigns, lists and codes of an organisation, read and written as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from asyncpg import Record

from callfloor.contract.centre import Campaign, Centre, List, Organisation, Role, Team, User
from callfloor.contract.dialling import Dialling, Outcome, Strategy
from callfloor.contract.workflows import QueueSettings
from callfloor.rules.privacy.retention import WHOLE_ORGANISATION
from callfloor.store.db.pool import Database
from callfloor.store.email import mailboxes
from callfloor.store.figures import alerts
from callfloor.store.people import teams, tokens
from callfloor.store.privacy import retention
from callfloor.store.setup import organisations, prompts, workflows

_DIALLING = msgspec.json.Decoder(Dialling)
_QUEUE = msgspec.json.Decoder(QueueSettings)
_OUTCOMES = msgspec.json.Decoder(Mapping[int, Outcome])

# One centre file is applied at a time.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor apply', 0))"
# One moment for all the reads of a transaction.
SNAPSHOT_SQL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
USERS_SQL = """
SELECT user_id, username, user_type, first_name, last_name, email_address, timezone, account_active, roles,
    phone_without_desk
FROM users WHERE organisation_id = $1 ORDER BY user_id"""
CAMPAIGNS_SQL = """
SELECT campaign_id, name, direction, timezone, mode, active, calling_hours::text AS calling_hours, max_attempts,
    numbers, dialling::text AS dialling, queue::text AS queue
FROM campaigns WHERE organisation_id = $1 ORDER BY campaign_id"""
AGENTS_SQL = """
SELECT a.campaign_id, u.username
FROM campaign_agents a JOIN users u ON u.organisation_id = a.organisation_id AND u.user_id = a.agent_id
WHERE a.organisation_id = $1 ORDER BY u.username"""
WRAP_CODES_SQL = """
SELECT campaign_id, code, description FROM wrap_codes WHERE organisation_id = $1 ORDER BY campaign_id, code"""
LISTS_SQL = """
SELECT list_id, campaign_id, name, in_dialler, weight, strategy
FROM lists WHERE organisation_id = $1 ORDER BY list_id"""
# Commands and the API change these too: their changes wait for ours, which are of what was read.
LOCKED_USERS_SQL = f"{USERS_SQL} FOR NO KEY UPDATE"
LOCKED_CAMPAIGNS_SQL = f"{CAMPAIGNS_SQL} FOR NO KEY UPDATE"
LOCKED_LISTS_SQL = f"{LISTS_SQL} FOR NO KEY UPDATE"
LEAD_STATUSES_SQL = "SELECT code, description FROM lead_statuses WHERE organisation_id = $1 ORDER BY code"

INSERT_USER_SQL = """
INSERT INTO users (organisation_id, username, user_type, first_name, last_name, email_address, timezone,
    account_active, roles, phone_without_desk)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING user_id"""
UPDATE_USER_SQL = """
UPDATE users SET first_name = $3, last_name = $4, email_address = $5, timezone = $6, account_active = $7,
    roles = $8, phone_without_desk = $9, updated_at = now()
WHERE organisation_id = $1 AND user_id = $2"""
INSERT_CAMPAIGN_SQL = """
INSERT INTO campaigns (organisation_id, name, direction, timezone, mode, active, calling_hours, max_attempts, numbers,
    dialling, queue)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9, $10::text::jsonb, $11::text::jsonb) RETURNING campaign_id"""
UPDATE_CAMPAIGN_SQL = """
UPDATE campaigns SET timezone = $3, mode = $4, active = $5, let_go = let_go AND NOT $5,
    calling_hours = $6::text::jsonb, max_attempts = $7, numbers = $8, dialling = $9::text::jsonb,
    queue = $10::text::jsonb, updated_at = now()
WHERE organisation_id = $1 AND campaign_id = $2"""
# The API may have made the list since we looked.
INSERT_LIST_SQL = """
INSERT INTO lists (organisation_id, campaign_id, name, in_dialler, weight, strategy) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (organisation_id, campaign_id, name) DO UPDATE SET in_dialler = excluded.in_dialler,
    weight = excluded.weight, strategy = excluded.strategy, updated_at = excluded.updated_at"""
UPDATE_LIST_SQL = """
UPDATE lists SET in_dialler = $3, weight = $4, strategy = $5, updated_at = now()
WHERE organisation_id = $1 AND list_id = $2"""
ADD_AGENT_SQL = "INSERT INTO campaign_agents (organisation_id, campaign_id, agent_id) VALUES ($1, $2, $3)"
REMOVE_AGENT_SQL = """
DELETE FROM campaign_agents WHERE organisation_id = $1 AND campaign_id = $2 AND agent_id = $3"""
PUT_WRAP_CODE_SQL = """
INSERT INTO wrap_codes (organisation_id, campaign_id, code, description) VALUES ($1, $2, $3, $4)
ON CONFLICT (organisation_id, campaign_id, code) DO UPDATE SET description = excluded.description"""
REMOVE_WRAP_CODE_SQL = "DELETE FROM wrap_codes WHERE organisation_id = $1 AND campaign_id = $2 AND code = $3"
PUT_LEAD_STATUS_SQL = """
INSERT INTO lead_statuses (organisation_id, code, description) VALUES ($1, $2, $3)
ON CONFLICT (organisation_id, code) DO UPDATE SET description = excluded.description"""

STRATEGIES_SQL = "SELECT name, outcomes::text AS outcomes FROM strategies WHERE organisation_id = $1 ORDER BY name"
PUT_STRATEGY_SQL = """
INSERT INTO strategies (organisation_id, name, outcomes) VALUES ($1, $2, $3::text::jsonb)
ON CONFLICT (organisation_id, name) DO UPDATE SET outcomes = excluded.outcomes"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An organisation's centre, and the ids behind its names. A list's name is (campaign, list)."""

    organisation: int
    centre: Centre
    users: dict[str, int]
    campaigns: dict[str, int]
    lists: dict[tuple[str, str], int]
    teams: dict[str, int]
    workflows: dict[str, int]


async def lock(db: Database) -> None:
    """Wait for every other apply, until the end of the transaction in progress."""
    await db.execute(LOCK_SQL)


async def snapshot(db: Database) -> None:
    """First in a transaction: all that it reads is of one moment, and it cannot write."""
    await db.execute(SNAPSHOT_SQL)


async def read(db: Database, organisation: Record, *, locked: bool = False) -> Stored:
    """The centre of a row of `organisations`. `locked`: its users, campaigns and lists
    stay as they are until the transaction's end."""
    number: int = organisation["organisation_id"]
    users = await db.fetch(LOCKED_USERS_SQL if locked else USERS_SQL, number)
    campaigns = await db.fetch(LOCKED_CAMPAIGNS_SQL if locked else CAMPAIGNS_SQL, number)
    lists = await db.fetch(LOCKED_LISTS_SQL if locked else LISTS_SQL, number)
    parts = _Parts(await db.fetch(AGENTS_SQL, number), await db.fetch(WRAP_CODES_SQL, number), lists)
    statuses = await db.fetch(LEAD_STATUSES_SQL, number)
    strategies = await db.fetch(STRATEGIES_SQL, number)
    skills = await workflows.skills(db, number)
    kept: dict[int, dict[str, int]] = {}
    for rule in await retention.rules(db, number):
        kept.setdefault(rule.campaign_id, {})[rule.kind] = rule.days
    names = {row["campaign_id"]: row["name"] for row in campaigns}
    centre = Centre(
        Organisation(
            organisation["name"],
            organisation["timezone"],
            organisation["country"],
            tuple(organisation["new_number_ranges"]),
            organisation["do_not_call"],
            organisations.destinations(organisation),
            tuple(organisation["second_factor"]),
            organisation["desk_gone_s"],
            organisation["tell_of_monitoring"],
            tuple(organisation["report_recipients"]),
            organisations.single_sign_on(organisation),
            kept.get(WHOLE_ORGANISATION, {}),
        ),
        {row["username"]: _user(row, skills.get(row["user_id"], {})) for row in users},
        {row["name"]: _campaign(row, parts, kept.get(row["campaign_id"], {})) for row in campaigns},
        {row["code"]: row["description"] for row in statuses},
        {row["name"]: Strategy(row["name"], _OUTCOMES.decode(row["outcomes"])) for row in strategies},
        await mailboxes.every(db, number),
        {name: each.prompt for name, each in (await prompts.every(db, number)).items()},
        await workflows.read(db, number),
        {name: Role(name, tuple(scopes)) for name, scopes in (await teams.roles(db, number)).items()},
        {name: Team(name, *map(tuple, people)) for name, people in (await teams.named(db, number)).items()},
        await alerts.rules(db, number),
    )
    return Stored(
        number,
        centre,
        {row["username"]: row["user_id"] for row in users},
        {row["name"]: row["campaign_id"] for row in campaigns},
        {(names[row["campaign_id"]], row["name"]): row["list_id"] for row in lists},
        await teams.ids(db, number),
        await workflows.ids(db, number),
    )


class _Parts:
    """The rows that belong to campaigns, by campaign."""

    def __init__(self, *families: list[Record]) -> None:
        self._families: list[dict[int, list[Record]]] = []
        for rows in families:
            by_campaign: dict[int, list[Record]] = {}
            for row in rows:
                by_campaign.setdefault(row["campaign_id"], []).append(row)
            self._families.append(by_campaign)

    def of(self, campaign_id: int) -> list[list[Record]]:
        return [family.get(campaign_id, []) for family in self._families]


def _user(row: Record, skills: Mapping[str, int]) -> User:
    return User(
        row["username"],
        row["user_type"],
        row["first_name"],
        row["last_name"],
        row["email_address"] or None,
        row["timezone"] or None,
        row["account_active"],
        skills,
        tuple(row["roles"]),
        row["phone_without_desk"],
    )


def _campaign(row: Record, parts: _Parts, kept: Mapping[str, int]) -> Campaign:
    agents, wrap_codes, lists = parts.of(row["campaign_id"])
    hours = None if row["calling_hours"] is None else json.loads(row["calling_hours"])
    return Campaign(
        row["name"],
        row["direction"],
        row["timezone"],
        row["mode"],
        row["active"],
        None if hours is None else {day: tuple(windows) for day, windows in hours.items()},
        row["max_attempts"],
        tuple(row["numbers"]),
        frozenset(agent["username"] for agent in agents),
        {each["name"]: _list(each) for each in lists},
        {code["code"]: code["description"] for code in wrap_codes},
        _DIALLING.decode(row["dialling"]),
        _QUEUE.decode(row["queue"]),
        kept,
    )


def _list(row: Record) -> List:
    return List(row["name"], row["in_dialler"], row["weight"], row["strategy"])


async def insert_user(db: Database, organisation: int, user: User) -> int:
    """The new user's id."""
    number = int(await db.fetchval(INSERT_USER_SQL, organisation, user.username, user.user_type, *_of_user(user)))
    if user.skills:
        await workflows.set_skills(db, organisation, number, user.skills)
    return number


async def update_user(db: Database, organisation: int, user_id: int, user: User) -> None:
    """Change all but username and type. A closed account's tokens are refused at once."""
    await db.execute(UPDATE_USER_SQL, organisation, user_id, *_of_user(user))
    await tokens.changed(db)
    await workflows.set_skills(db, organisation, user_id, user.skills)


def _of_user(user: User) -> tuple[object, ...]:
    named = user.first_name, user.last_name, user.email_address, user.timezone
    return *named, user.account_active, list(user.roles), user.phone_without_desk


async def insert_campaign(db: Database, organisation: int, campaign: Campaign) -> int:
    """The new campaign's id. Agents, lists and wrap codes are written by themselves."""
    values = _of_campaign(campaign)
    return int(await db.fetchval(INSERT_CAMPAIGN_SQL, organisation, campaign.name, campaign.direction, *values))


async def update_campaign(db: Database, organisation: int, campaign_id: int, campaign: Campaign) -> None:
    """Change all but name and direction. Agents, lists and wrap codes are written by themselves."""
    await db.execute(UPDATE_CAMPAIGN_SQL, organisation, campaign_id, *_of_campaign(campaign))


def _of_campaign(campaign: Campaign) -> tuple[object, ...]:
    hours = campaign.calling_hours
    return (
        campaign.timezone,
        campaign.mode,
        campaign.active,
        None if hours is None else json.dumps(dict(hours)),
        campaign.max_attempts,
        list(campaign.numbers),
        msgspec.json.encode(campaign.dialling).decode(),
        msgspec.json.encode(campaign.queue).decode(),
    )


async def insert_list(db: Database, organisation: int, campaign_id: int, new: List) -> None:
    await db.execute(INSERT_LIST_SQL, organisation, campaign_id, *_of_list(new))


async def update_list(db: Database, organisation: int, list_id: int, new: List) -> None:
    """Change all but the name."""
    await db.execute(UPDATE_LIST_SQL, organisation, list_id, *_of_list(new)[1:])


def _of_list(new: List) -> tuple[object, ...]:
    return new.name, new.in_dialler, new.weight, new.strategy


async def add_agent(db: Database, organisation: int, campaign_id: int, agent_id: int) -> None:
    await db.execute(ADD_AGENT_SQL, organisation, campaign_id, agent_id)


async def remove_agent(db: Database, organisation: int, campaign_id: int, agent_id: int) -> None:
    await db.execute(REMOVE_AGENT_SQL, organisation, campaign_id, agent_id)


async def put_wrap_code(db: Database, organisation: int, campaign_id: int, code: int, description: str) -> None:
    """Add a wrap code, or change its description."""
    await db.execute(PUT_WRAP_CODE_SQL, organisation, campaign_id, code, description)


async def remove_wrap_code(db: Database, organisation: int, campaign_id: int, code: int) -> None:
    await db.execute(REMOVE_WRAP_CODE_SQL, organisation, campaign_id, code)


async def put_lead_status(db: Database, organisation: int, code: int, description: str) -> None:
    """Add a lead status of the organisation's own, or change its description."""
    await db.execute(PUT_LEAD_STATUS_SQL, organisation, code, description)


async def put_strategy(db: Database, organisation: int, strategy: Strategy) -> None:
    """Add a strategy, or change its outcomes."""
    outcomes = msgspec.json.encode(strategy.outcomes).decode()
    await db.execute(PUT_STRATEGY_SQL, organisation, strategy.name, outcomes)
