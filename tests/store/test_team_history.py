"""Reports by team equal a recount of who was in which team when each thing happened."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asyncpg import Record

from callfloor.rules.figures import intervals
from callfloor.rules.values.times import midnight
from callfloor.store.db.pool import Database
from callfloor.store.figures import reports
from callfloor.store.figures.report_counts import count_some
from callfloor.store.figures.reports import SUMS_OF, Question
from tests.conftest import SERVERS, Centre
from tests.store.report_days import Story
from tests.store.report_recount import Books

SYDNEY = ZoneInfo("Australia/Sydney")
ADD_SQL = "INSERT INTO team_times VALUES ($1, $2, $3, $4, $5)"


async def some_teams(
    db: Database, organisation: int, agents: list[int], edges: list[datetime], chance: random.Random
) -> None:
    """Agents come and go at random quarter-hours, some of them back, some in two teams at once."""
    for name in ("Day", "Night", "Empty"):
        team = await db.fetchval(
            "INSERT INTO teams (organisation_id, name) VALUES ($1, $2) RETURNING team_id", organisation, name
        )
        for agent in agents if name != "Empty" else []:
            at = sorted(chance.sample(edges, chance.choice([1, 2, 3, 4])))
            for since, until in zip(at[::2], [*at[1::2], None], strict=False):
                await db.execute(ADD_SQL, organisation, team, agent, since, until)


def in_teams(rows: list[Record], agent: int | None, at: datetime) -> list[int]:
    """0: in none."""
    of = [
        row["team_id"]
        for row in rows
        if row["agent_id"] == agent and row["since"] <= at and (row["until"] is None or at < row["until"])
    ]
    return of or [0]


@pytest.mark.parametrize("dsn", SERVERS[-1:], indirect=True, scope="session")
@pytest.mark.parametrize("seed", range(3))
async def test_each_team_has_what_its_agents_did_while_they_were_in_it(db: Database, centre: Centre, seed: int) -> None:
    org, chance = centre.organisation, random.Random(seed)
    begin, end = (midnight(date(2026, 10, 4) + timedelta(days=n), SYDNEY) for n in (0, 1))
    story = await Story.of(db, centre, begin - timedelta(hours=2), end + timedelta(hours=1), seed)
    now = end + timedelta(hours=2)
    await story.run_until(now)
    quarters = intervals.edges(begin - timedelta(hours=3), end + timedelta(hours=3), "quarter-hour", SYDNEY)
    await some_teams(db, org, story.people, quarters, chance)
    rows = await db.fetch("SELECT * FROM team_times WHERE organisation_id = $1", org)
    books = await Books.read(db, org, now)
    for counted in (False, True):
        while counted and await count_some(db, org, SYDNEY, now, intervals.floor(now), 60):
            pass
        for interval in ("none", "hour", "day"):
            edges = intervals.edges(begin, end, interval, SYDNEY)  # type: ignore[arg-type]
            expected: dict[tuple[int, int], Counter[str]] = {}
            for at, of, name, count in books.everything:
                if count and name in SUMS_OF["team"] and edges[0] <= at < edges[-1]:
                    for team in in_teams(rows, of.get("agent"), at):
                        expected.setdefault((bisect_right(edges, at) - 1, team), Counter())[name] += count
            found = (await reports.answer(db, org, Question("team", edges), now)).sums
            shown: dict[Any, Any] = {(key.interval, key.id): sums for key, sums in found.items() if sums}
            assert shown == {place: dict(sums) for place, sums in expected.items()}, (counted, interval)
