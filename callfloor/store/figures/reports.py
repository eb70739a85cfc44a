"""The sums of a report: of each of its intervals, by what it is grouped by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from callfloor.rules.figures.measures import FACET_OF, Facet, Group
from callfloor.rules.figures.sums import SUMS, add
from callfloor.store.db.pool import Database
from callfloor.store.figures.facts import FACTS, SUMMED

# What tells the rows of a group apart: campaign, number, text.
_KEYS: Mapping[str, tuple[str, str, str]] = {
    "none": ("0", "0", "''"),
    "campaign": ("campaign_id", "0", "''"),
    "agent": ("0", "key_a", "''"),
    "list": ("0", "key_a", "''"),
    "wrapCode": ("campaign_id", "key_a", "''"),
    "dialStatus": ("0", "key_a", "''"),
    "number": ("0", "0", "key_text"),
    "pause": ("0", "key_a", "key_text"),
}
_AS: Mapping[str, str] = {"hourOfDay": "none", "queue": "campaign", "team": "agent"}


def sums_sql(keyed: str) -> str:
    """$1 to $5 as `facts.FACTS`; $6 edges of the intervals; $7 campaigns, $8 agents, null: all of them."""
    campaign, key, text = _KEYS[keyed]
    agent = "key_b" if keyed == "wrapCode" else "key_a"
    return f"""
SELECT width_bucket(begins_at, $6::timestamptz[]) - 1 AS interval_no, {campaign} AS campaign_id, {key} AS key,
    {text} AS text, {SUMMED}
FROM ({FACTS}) AS facts
WHERE ($7::bigint[] IS NULL OR campaign_id = ANY($7)) AND ($8::bigint[] IS NULL OR {agent} = ANY($8))
GROUP BY 1, 2, 3, 4"""


# every statement of this module, for the test that prepares them
STATEMENTS: Mapping[str, str] = {keyed: sums_sql(keyed) for keyed in _KEYS}

QUEUES_SQL = "SELECT campaign_id FROM campaigns WHERE organisation_id = $1 AND direction = 'inbound'"
CAMPAIGNS_SQL = (
    "SELECT campaign_id AS id, name, timezone FROM campaigns WHERE organisation_id = $1 AND campaign_id = ANY($2)"
)
AGENTS_SQL = "SELECT user_id AS id, full_name AS name FROM users WHERE organisation_id = $1 AND user_id = ANY($2)"
LISTS_SQL = """
SELECT s.list_id AS id, s.name, coalesce((SELECT sum(n.leads) FROM list_counts n
    WHERE n.organisation_id = $1 AND n.list_id = s.list_id), 0)::bigint AS leads
FROM lists s WHERE s.organisation_id = $1 AND s.list_id = ANY($2)"""
WRAP_CODES_SQL = """
SELECT campaign_id, code, description FROM wrap_codes WHERE organisation_id = $1 AND campaign_id = ANY($2)"""
TEAMS_SQL = """
SELECT t.team_id, t.name, coalesce(array_agg(m.user_id) FILTER (WHERE NOT m.leads), '{}') AS agents,
    coalesce(bool_or(m.leads AND m.user_id = $2), false) AS led
FROM teams t LEFT JOIN team_members m ON m.organisation_id = t.organisation_id AND m.team_id = t.team_id
WHERE t.organisation_id = $1 GROUP BY t.team_id, t.name ORDER BY t.team_id"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. `edges`: of the intervals, in order, the last one the period's end. None: all of them."""

    group: Group
    edges: Sequence[datetime]
    campaigns: Collection[int] | None = None
    agents: Collection[int] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Which interval, and what else a row is of. `campaign`: of a campaign, queue or wrap code; 0: of none. `id`: of
    agent, list, wrap code or dial status; 0 (dial status: -1): of none."""

    interval: int
    campaign: int = 0
    id: int = 0
    text: str = ""


async def sums(db: Database, organisation: int, question: Question, now: datetime) -> dict[Key, dict[str, int]]:
    """What calls and times of the period come to. Teams are not told apart yet: theirs are by agent."""
    facet = FACET_OF[question.group]
    keyed = _AS.get(question.group, question.group)
    if question.agents is not None and facet == "campaign":
        # by agent, added up
        facet, keyed = "agent", "none"
    return await _sums(db, organisation, question, facet, keyed, now)


async def paused(db: Database, organisation: int, question: Question, now: datetime) -> dict[Key, dict[str, int]]:
    """Seconds paused, by agent and reason (`text`, empty: none was given)."""
    return await _sums(db, organisation, question, "pause", "pause", now)


async def _sums(
    db: Database, organisation: int, question: Question, facet: Facet, keyed: str, now: datetime
) -> dict[Key, dict[str, int]]:
    begin, end = question.edges[0], question.edges[-1]
    rows = await db.fetch(
        STATEMENTS[keyed],
        organisation,
        [begin],
        [end],
        now,
        [facet],
        list(question.edges[:-1]),
        None if question.campaigns is None else list(question.campaigns),
        None if question.agents is None else list(question.agents),
    )
    found: dict[Key, dict[str, int]] = {}
    for row in rows:
        key = Key(row["interval_no"], row["campaign_id"], row["key"], row["text"])
        add(found.setdefault(key, {}), {name: row[name] for name in SUMS})
    return found


async def queues(db: Database, organisation: int) -> list[int]:
    """Campaigns that callers wait for."""
    return [row["campaign_id"] for row in await db.fetch(QUEUES_SQL, organisation)]


async def campaigns(db: Database, organisation: int, ids: Collection[int]) -> Mapping[int, Record]:
    """Name and zone, by id."""
    return {row["id"]: row for row in await db.fetch(CAMPAIGNS_SQL, organisation, list(ids))}


async def agents(db: Database, organisation: int, ids: Collection[int]) -> Mapping[int, Record]:
    """Names, by id."""
    return {row["id"]: row for row in await db.fetch(AGENTS_SQL, organisation, list(ids))}


async def lists(db: Database, organisation: int, ids: Collection[int]) -> Mapping[int, Record]:
    """Names, and how many leads there are now, by id."""
    return {row["id"]: row for row in await db.fetch(LISTS_SQL, organisation, list(ids))}


async def wrap_codes(db: Database, organisation: int, campaign_ids: Collection[int]) -> Mapping[tuple[int, int], str]:
    """Descriptions, by campaign and code."""
    rows = await db.fetch(WRAP_CODES_SQL, organisation, list(campaign_ids))
    return {(row["campaign_id"], row["code"]): row["description"] for row in rows}


async def teams(db: Database, organisation: int, of: int | None) -> list[Record]:
    """Every team with its agents, and whether `of` leads it."""
    return await db.fetch(TEAMS_SQL, organisation, of)
