"""Sums of reports equal what a naive reader of every row counts, at any moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from callfloor.rules.figures import intervals
from callfloor.rules.figures.measures import Group
from callfloor.rules.figures.sums import SUMS
from callfloor.store.db.pool import Database
from callfloor.store.figures import reports
from callfloor.store.figures.reports import STATEMENTS, Key, Question
from tests.conftest import SERVERS, Centre
from tests.store.report_days import Story
from tests.store.report_recount import Books


@pytest.mark.parametrize("keyed", STATEMENTS)
async def test_every_statement_of_reports_can_be_prepared(dsn: str, keyed: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.prepare(STATEMENTS[keyed])
    finally:
        await connection.close()


# How a group's rows are told apart: in the books, and in what the store answers.
GROUPS: dict[Group, tuple[Callable[[dict[str, Any]], Any], Callable[[Key], Any]]] = {
    "none": (lambda _: None, lambda _: None),
    "campaign": (lambda of: of["campaign"] or 0, lambda key: key.campaign),
    "agent": (lambda of: of["agent"] or 0, lambda key: key.id),
    "list": (lambda of: of.get("list") or 0, lambda key: key.id),
    "number": (lambda of: of.get("number") or "", lambda key: key.text),
    "wrapCode": (
        lambda of: (of["campaign"], of["wrapCode"][1] or 0) if "wrapCode" in of else None,
        lambda key: (key.campaign, key.id),
    ),
    "dialStatus": (lambda of: of.get("dialStatus"), lambda key: key.id),
}
COUNTED: dict[Group, tuple[str, ...]] = {
    "wrapCode": ("handled", "talk_s", "hold_s", "wrap_s", "connects"),
    "dialStatus": ("attempts", "connects", "live_answers"),
}
# days on which the clocks change, of zones whose clocks are odd; and a plain one
DAYS = [
    ("Australia/Sydney", date(2026, 10, 4)),
    ("Australia/Sydney", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Asia/Kathmandu", date(2026, 5, 1)),
    ("Pacific/Chatham", date(2026, 9, 27)),
    ("America/Havana", date(2026, 11, 1)),
]


async def check(db: Database, organisation: int, edges: list[datetime], now: datetime) -> None:
    """Every group of every interval, against the books."""
    books = await Books.read(db, organisation, now)
    for group, (in_books, in_store) in GROUPS.items():
        names = COUNTED.get(group, SUMS)
        found = await reports.sums(db, organisation, Question(group, edges), now)
        shown = {
            (key.interval, in_store(key)): {name: count for name, count in sums.items() if name in names}
            for key, sums in found.items()
        }
        counted = books.sums(edges, in_books, names)
        expected = {place: sums for place, sums in counted.items() if group == "none" or place[1] is not None}
        shown = {place: sums for place, sums in shown.items() if sums}
        wrong = {place: (shown.get(place), expected.get(place)) for place in shown | expected}
        assert [(group, *each) for each in wrong.items() if each[1][0] != each[1][1]][:3] == []
    paused = await reports.paused(db, organisation, Question("agent", edges), now)
    expected = books.sums(edges, lambda of: (of["agent"], of.get("reason")), ("paused_s",))
    assert {(key.interval, (key.id, key.text)): sums for key, sums in paused.items()} == expected


@pytest.mark.parametrize(("zone", "day"), DAYS)
@pytest.mark.parametrize("dsn", SERVERS[-1:], indirect=True, scope="session")
async def test_every_group_of_a_day_equals_a_recount_at_random_moments(
    db: Database, centre: Centre, zone: str, day: date
) -> None:
    clock, chance = ZoneInfo(zone), random.Random(day.toordinal())
    begin = intervals.midnight(day, clock)
    end = intervals.midnight(day + timedelta(days=1), clock)
    story = await Story.of(db, centre, begin - timedelta(hours=2), end + timedelta(hours=1), day.toordinal())
    for moment in [*sorted(begin + (end - begin) * chance.random() for _ in range(2)), end + timedelta(hours=2)]:
        await story.run_until(moment)
        for interval in chance.sample(["none", "quarter-hour", "hour", "day"], 2):
            edges = intervals.edges(begin, end, interval, clock)  # type: ignore[arg-type]
            await check(db, centre.organisation, edges, moment)
