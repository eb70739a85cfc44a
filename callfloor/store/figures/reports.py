"""The sums of a report: of each of its intervals, by what it is grouped by."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from asyncpg import Record

from callfloor.rules.figures.measures import FACET_OF, GROUPS, Facet, Group, sums_of
from callfloor.rules.figures.segments import Segments, cut, undivided
from callfloor.rules.figures.sums import Sum, add
from callfloor.store.db.pool import Database
from callfloor.store.figures.definitions import FACTS, summed, was_in

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
    "team": ("0", "coalesce(m.team_id, 0)", "''"),
    "team pause": ("0", "coalesce(m.team_id, 0)", "key_text"),
}
_AS: Mapping[str, str] = {"hourOfDay": "none", "queue": "campaign"}
# What rows that are told apart so can be asked for.
SUMS_OF: Mapping[str, tuple[Sum, ...]] = {
    keyed: ("paused_s",)
    if keyed in ("pause", "team pause")
    else sums_of([each for each in GROUPS if _AS.get(each, each) == keyed])
    for keyed in _KEYS
}


def live_sql(keyed: str) -> str:
    """Counted now. $1 to $5 as `definitions.FACTS`; $6 edges of the intervals; $7 campaigns, $8 agents, $9 teams that
    they were in, null: all of them."""
    return _sums_sql(keyed, "width_bucket(begins_at, $6::timestamptz[]) - 1", f"({FACTS}) AS facts", 7)


def kept_sql(keyed: str) -> str:
    """Counted before. $2 to $5 where parts begin and end, their grain and interval; $6 the facet; $7 to $9 as above."""
    # OFFSET 0: part by part, by the index, however few the planner takes all sums for
    source = """unnest($2::timestamptz[], $3::timestamptz[], $4::smallint[], $5::integer[]) AS r (lo, hi, grain, no)
    CROSS JOIN LATERAL (SELECT * FROM report_sums k WHERE k.organisation_id = $1 AND k.facet = $6::text
        AND k.grain = r.grain AND k.begins_at >= r.lo AND k.begins_at < r.hi OFFSET 0) AS s"""
    return _sums_sql(keyed, "r.no", source, 7)


def _sums_sql(keyed: str, interval: str, source: str, number: int) -> str:
    campaign, key, text = _KEYS[keyed]
    agent = "key_b" if keyed == "wrapCode" else "key_a"
    teams = f"${number + 2}::bigint[]"
    if keyed.startswith("team"):
        source += f"\n    LEFT JOIN team_times m ON {was_in('m', agent, 'begins_at')}"
        of_team = f"m.team_id = ANY({teams})"
    else:
        of_team = f"""EXISTS (SELECT FROM team_times m
        WHERE {was_in("m", agent, "begins_at")} AND m.team_id = ANY({teams}))"""
    return f"""
SELECT {interval} AS interval_no, {campaign} AS campaign_id, {key} AS key, {text} AS text, {summed(SUMS_OF[keyed])}
FROM {source}
WHERE (${number}::bigint[] IS NULL OR campaign_id = ANY(${number}))
    AND (${number + 1}::bigint[] IS NULL OR {agent} = ANY(${number + 1}))
    AND ({teams} IS NULL OR {of_team})
GROUP BY 1, 2, 3, 4"""


LIVE: Mapping[str, str] = {keyed: live_sql(keyed) for keyed in _KEYS}
KEPT: Mapping[str, str] = {keyed: kept_sql(keyed) for keyed in _KEYS}
# What is counted now and what was counted before are of one moment.
ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
STATE_SQL = """
SELECT (SELECT counted_until FROM report_progress WHERE organisation_id = $1) AS counted_until,
    ARRAY(SELECT DISTINCT begins_at FROM report_marks
        WHERE organisation_id = $1 AND begins_at >= $2 AND begins_at < $3 ORDER BY 1) AS marked,
    ARRAY(SELECT begins_at FROM report_days
        WHERE organisation_id = $1 AND begins_at >= $2 AND begins_at < $3 ORDER BY 1) AS days,
    ARRAY(SELECT coalesce(ends_at, begins_at + interval '1 day') FROM report_days
        WHERE organisation_id = $1 AND begins_at >= $2 AND begins_at < $3 ORDER BY begins_at) AS days_end,
    ARRAY(SELECT begins_at FROM report_quarters
        WHERE organisation_id = $1 AND begins_at >= $2 AND begins_at < $3 AND NOT closed ORDER BY 1) AS open"""
REVISED_SQL = """
SELECT begins_at, revised_at FROM report_quarters
WHERE organisation_id = $1 AND begins_at >= $2 AND begins_at < $3 AND revision > 0 ORDER BY 1"""

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
SELECT t.team_id, t.name, EXISTS (SELECT FROM team_members m WHERE m.organisation_id = $1 AND m.team_id = t.team_id
    AND m.user_id = $2 AND m.leads) AS led
FROM teams t WHERE t.organisation_id = $1 ORDER BY t.team_id"""
# within the period
TEAM_CHANGES_SQL = """
SELECT at FROM team_times m CROSS JOIN LATERAL (VALUES (m.since), (m.until)) AS v (at)
WHERE m.organisation_id = $1 AND at > $2 AND at < $3"""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. `edges`: of the intervals, in order, the last one the period's end. None: all of them.
    `teams`: only what agents did while in one of these."""

    group: Group
    edges: Sequence[datetime]
    campaigns: Collection[int] | None = None
    agents: Collection[int] | None = None
    teams: Collection[int] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Which interval, and what else a row is of. `campaign`: of a campaign, queue or wrap code; 0: of none. `id`: of
    agent, team, list, wrap code or dial status; 0 (dial status: -1): of none."""

    interval: int
    campaign: int = 0
    id: int = 0
    text: str = ""


@dataclass(slots=True)
class Answer:
    """What the period comes to, at one moment. `paused`: seconds by agent or team and reason (`text`, empty: none was
    given). `once`, `paused_once`: of teams, the same by interval alone, since an agent may be in several.
    `final`: of each interval, whether it is over with all its calls, and nothing of it is left to count; `revised`:
    when something in it was last counted differently after that."""

    sums: dict[Key, dict[str, int]]
    paused: dict[Key, dict[str, int]]
    final: list[bool]
    revised: list[datetime | None]
    once: dict[Key, dict[str, int]] | None = None
    paused_once: dict[Key, dict[str, int]] | None = None


async def answer(db: Database, organisation: int, question: Question, now: datetime, *, pauses: bool = True) -> Answer:
    """What the organisation's rows come to now."""
    facet: Facet = FACET_OF[question.group]
    keyed = _AS.get(question.group, question.group)
    if facet == "campaign" and (question.agents is not None or question.teams is not None):
        # by agent, added up
        facet, keyed = "agent", "none"
    begin, end = question.edges[0], question.edges[-1]
    async with db.transaction():
        await db.execute(ONE_MOMENT)
        of_teams = question.group == "team" or question.teams is not None
        parts, still_open = await parts_of(db, organisation, question.edges, teams=of_teams)
        sums = await _sums(db, organisation, question, (facet, keyed), parts, now)
        once, paused, paused_once = None, {}, None
        if question.group == "team":
            once = await _sums(db, organisation, question, ("agent", "none"), parts, now)
        if pauses:
            by = "team pause" if question.group == "team" else "pause"
            paused = await _sums(db, organisation, question, ("pause", by), parts, now)
        if pauses and question.group == "team":
            paused_once = await _sums(db, organisation, question, ("pause", "pause"), parts, now)
        revised = await db.fetch(REVISED_SQL, organisation, begin, end)
    unfinished = [*(at for at, _ in parts.live), *still_open]
    final = [True] * (len(question.edges) - 1)
    for interval, (first, following) in enumerate(pairwise(question.edges)):
        if any(at < following and until > first for at, until in parts.live):
            final[interval] = False
    for at in unfinished:
        final[bisect_right(question.edges, at) - 1] = False
    when: list[datetime | None] = [None] * len(final)
    for row in revised:
        interval = bisect_right(question.edges, row["begins_at"]) - 1
        when[interval] = max(when[interval] or row["revised_at"], row["revised_at"])
    return Answer(sums, paused, final, when, once, paused_once)


async def parts_of(
    db: Database, organisation: int, edges: Sequence[datetime], *, teams: bool = False
) -> tuple[Segments, list[datetime]]:
    """What was counted before and what was not; and quarter-hours of which a call or an e-mail goes on. `teams`: days
    within which somebody came into a team or left one are in parts."""
    state = await db.fetchrow(STATE_SQL, organisation, edges[0], edges[-1])
    assert state is not None  # noqa: S101 a statement of sub-selects has one row
    days = dict(zip(state["days"], state["days_end"], strict=True))
    if teams:
        rows = await db.fetch(TEAM_CHANGES_SQL, organisation, edges[0], edges[-1])
        days = undivided(days, sorted({row["at"] for row in rows}))
    return cut(edges, state["counted_until"], state["marked"], days), state["open"]


async def _sums(
    db: Database, organisation: int, question: Question, by: tuple[Facet, str], parts: Segments, now: datetime
) -> dict[Key, dict[str, int]]:
    facet, keyed = by
    among = [None if each is None else list(each) for each in (question.campaigns, question.agents, question.teams)]
    rows: list[Record] = []
    if parts.kept:
        begins, ends, grains, numbers = map(list, zip(*parts.kept, strict=True))
        rows += await db.fetch(KEPT[keyed], organisation, begins, ends, grains, numbers, facet, *among)
    if parts.live:
        begins, ends = map(list, zip(*parts.live, strict=True))
        edges = list(question.edges[:-1])
        rows += await db.fetch(LIVE[keyed], organisation, begins, ends, now, [facet], edges, *among)
    names = SUMS_OF[keyed]
    found: dict[Key, dict[str, int]] = {}
    for row in rows:
        key = Key(row["interval_no"], row["campaign_id"], row["key"], row["text"])
        add(found.setdefault(key, {}), {name: row[name] for name in names})
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
    """Every team, and whether `of` leads it."""
    return await db.fetch(TEAMS_SQL, organisation, of)
