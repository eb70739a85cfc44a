"""What an agent may choose from: wrap codes, and whom a call may be given to."""

from __future__ import annotations

from typing import Literal

import msgspec
from asyncpg import Record

from callfloor.store.agents.conditions import IN_CALL
from callfloor.store.db.pool import Database

# More than these nobody looks through; a console asks for the name instead.
MOST_COLLEAGUES = 1000

OWN_CAMPAIGNS_SQL = """
SELECT campaign_id FROM working_agents WHERE organisation_id = $1 AND agent_id = $2 ORDER BY campaign_id"""
# Whoever was moved, or left the campaign, while it has a call of it wraps that call up by its codes.
CAMPAIGNS_SQL = f"""
SELECT c.campaign_id, c.name, c.direction, c.mode, c.active,
    (SELECT coalesce(json_agg(json_build_array(w.code, w.description) ORDER BY w.code), '[]')::text FROM wrap_codes w
     WHERE w.organisation_id = $1 AND w.campaign_id = c.campaign_id) AS wrap_codes
FROM campaigns c
WHERE c.organisation_id = $1 AND (
    EXISTS (SELECT FROM working_agents m
        WHERE m.organisation_id = $1 AND m.agent_id = $2 AND m.campaign_id = c.campaign_id)
    OR EXISTS (SELECT FROM agent_states s
        WHERE s.organisation_id = $1 AND s.agent_id = $2 AND s.campaign_id = c.campaign_id AND {IN_CALL}))
ORDER BY c.campaign_id"""
QUEUES_SQL = """
SELECT c.campaign_id, c.name, (
        SELECT count(*) FROM working_agents m JOIN agent_states s USING (organisation_id, agent_id)
        WHERE m.organisation_id = $1 AND m.campaign_id = c.campaign_id
            AND s.state NOT IN ('signed-out', 'paused')) AS agents
FROM campaigns c WHERE c.organisation_id = $1 AND c.direction = 'inbound' AND c.active
ORDER BY c.campaign_id"""
# Who could take a call that is given to the queue, now or later.
QUEUE_SQL = """
SELECT c.name, count(s.agent_id) FILTER (WHERE s.state <> 'signed-out') AS signed_in,
    count(s.agent_id) FILTER (WHERE s.state NOT IN ('signed-out', 'paused')) AS working
FROM campaigns c
LEFT JOIN working_agents m ON m.organisation_id = c.organisation_id AND m.campaign_id = c.campaign_id
LEFT JOIN agent_states s ON s.organisation_id = m.organisation_id AND s.agent_id = m.agent_id
WHERE c.organisation_id = $1 AND c.campaign_id = $2 GROUP BY c.name"""
COLLEAGUES_SQL = f"""
SELECT u.user_id AS agent_id, u.full_name, s.state FROM agent_states s
JOIN users u ON u.organisation_id = s.organisation_id AND u.user_id = s.agent_id AND u.account_active
WHERE s.organisation_id = $1 AND s.state <> 'signed-out' AND s.agent_id <> $2
ORDER BY u.user_id LIMIT {MOST_COLLEAGUES}"""
STATUSES_SQL = "SELECT code, description FROM lead_statuses WHERE organisation_id = $1 ORDER BY code"
WRAP_CODE_SQL = """
SELECT EXISTS (SELECT FROM wrap_codes WHERE organisation_id = $1 AND campaign_id = $2 AND code = $3)"""

AGENT_EXISTS_SQL = """
SELECT EXISTS (SELECT FROM users WHERE organisation_id = $1 AND user_id = $2 AND user_type = 'agent')"""
CAMPAIGN_EXISTS_SQL = "SELECT EXISTS (SELECT FROM campaigns WHERE organisation_id = $1 AND campaign_id = $2)"
LEAD_EXISTS_SQL = "SELECT EXISTS (SELECT FROM leads WHERE organisation_id = $1 AND lead_id = $2)"
Kind = Literal["agent", "campaign", "lead"]
_EXISTS: dict[Kind, str] = {"agent": AGENT_EXISTS_SQL, "campaign": CAMPAIGN_EXISTS_SQL, "lead": LEAD_EXISTS_SQL}


async def exists(db: Database, organisation: int, kind: Kind, number: int) -> bool:
    """Whether there is such a thing in the organisation."""
    return bool(await db.fetchval(_EXISTS[kind], organisation, number))


async def own_campaigns(db: Database, organisation: int, agent_id: int) -> list[int]:
    """Ids of the agent's campaigns."""
    return [row["campaign_id"] for row in await db.fetch(OWN_CAMPAIGNS_SQL, organisation, agent_id)]


async def campaigns(db: Database, organisation: int, agent_id: int) -> list[Record]:
    """The agent's own campaigns, and that of the call at hand; `wrap_codes` as `codes_of` takes it."""
    return await db.fetch(CAMPAIGNS_SQL, organisation, agent_id)


def codes_of(row: Record) -> list[tuple[int, str]]:
    """Code and description of each wrap code of a campaign."""
    return msgspec.json.decode(row["wrap_codes"], type=list[tuple[int, str]])


async def queues(db: Database, organisation: int) -> list[Record]:
    """Inbound campaigns."""
    return await db.fetch(QUEUES_SQL, organisation)


async def queue(db: Database, organisation: int, campaign_id: int) -> Record | None:
    """A queue's name, and how many of its agents are signed in and not paused; None: there is no such campaign."""
    return await db.fetchrow(QUEUE_SQL, organisation, campaign_id)


async def colleagues(db: Database, organisation: int, agent_id: int) -> list[Record]:
    """Other agents who are signed in."""
    return await db.fetch(COLLEAGUES_SQL, organisation, agent_id)


async def statuses(db: Database, organisation: int) -> list[Record]:
    """The organisation's own lead statuses."""
    return await db.fetch(STATUSES_SQL, organisation)


async def wrap_code_exists(db: Database, organisation: int, campaign_id: int, code: int) -> bool:
    return bool(await db.fetchval(WRAP_CODE_SQL, organisation, campaign_id, code))
