"""Sums of reports equal what a naive reader of every row counts, at any moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from callfloor.rules.figures import intervals
from callfloor.rules.figures.measures import Group
from callfloor.rules.figures.sums import SUMS
from callfloor.store.calls import activities, legs
from callfloor.store.db.pool import Database
from callfloor.store.figures import reports
from callfloor.store.figures.report_counts import count_some
from callfloor.store.figures.reports import KEPT, LIVE, Key, Question
from tests.conftest import SERVERS, Centre
from tests.factories import inbound_call
from tests.store.report_days import Story
from tests.store.report_recount import Books


@pytest.mark.parametrize("keyed", LIVE)
async def test_every_statement_of_reports_can_be_prepared(dsn: str, keyed: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.prepare(LIVE[keyed])
        await connection.prepare(KEPT[keyed])
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
        found = (await reports.answer(db, organisation, Question(group, edges), now)).sums
        shown = {
            (key.interval, in_store(key)): {name: count for name, count in sums.items() if name in names}
            for key, sums in found.items()
        }
        counted = books.sums(edges, in_books, names)
        expected = {place: sums for place, sums in counted.items() if group == "none" or place[1] is not None}
        shown = {place: sums for place, sums in shown.items() if sums}
        wrong = {place: (shown.get(place), expected.get(place)) for place in shown | expected}
        assert [(group, *each) for each in wrong.items() if each[1][0] != each[1][1]][:3] == []
    paused = (await reports.answer(db, organisation, Question("agent", edges), now)).paused
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
    for moment in [*sorted(begin + (end - begin) * chance.random() for _ in range(4)), end + timedelta(hours=2)]:
        await story.run_until(moment)
        for _ in range(chance.randrange(4)):
            # up to a moment ago, or not so far; all of it, or a day of it
            until = intervals.floor(moment - chance.choice([timedelta(), timedelta(minutes=20), timedelta(hours=5)]))
            if await count_some(db, centre.organisation, moment, until) and chance.random() < 0.8:
                while await count_some(db, centre.organisation, moment, until):
                    pass
        for interval in chance.sample(["none", "quarter-hour", "hour", "day"], 2):
            edges = intervals.edges(begin, end, interval, clock)  # type: ignore[arg-type]
            await check(db, centre.organisation, edges, moment)


async def count(db: Database, organisation: int, now: datetime) -> None:
    # other tests write, and are waited for
    while await count_some(db, organisation, now, intervals.floor(now), 60):
        pass


async def marks(db: Database, organisation: int) -> int:
    return await db.fetchval("SELECT count(*) FROM report_marks WHERE organisation_id = $1", organisation)


async def test_what_is_written_while_it_is_counted_is_not_lost(db: Database, centre: Centre, dsn: str) -> None:
    """A writer that found a mark, and so made none, is waited for by whoever takes that mark."""
    org, at = centre.organisation, datetime(2026, 5, 4, 9, 1, tzinfo=UTC)
    now = at + timedelta(hours=3)
    leg = await inbound_call(db, org, centre.inbound, None, None, at)
    await count(db, org, now)
    assert await marks(db, org) == 0
    await activities.hang_up(db, org, leg, at + timedelta(seconds=5))
    assert await marks(db, org) == 1
    writer = await asyncpg.connect(dsn)
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute(
        "UPDATE activities SET status_id = 10 WHERE organisation_id = $1 AND activity_id = $2", org, leg
    )
    edges = [at - timedelta(minutes=1), now - timedelta(minutes=1)]
    # it is not waited for in vain: others go on, and so do readers
    assert not await count_some(db, org, now, intervals.floor(now), 0.1)
    await check(db, org, edges, now)
    await transaction.commit()
    await writer.close()
    await check(db, org, edges, now)
    await count(db, org, now + timedelta(minutes=2))
    assert await marks(db, org) == 0
    await check(db, org, edges, now)


async def test_a_count_that_died_is_taken_up_by_another(db: Database, centre: Centre) -> None:
    org, at = centre.organisation, datetime(2026, 5, 4, 9, 1, tzinfo=UTC)
    now = at + timedelta(hours=3)
    await inbound_call(db, org, centre.inbound, None, None, at)
    await count(db, org, now)
    leg = await inbound_call(db, org, centre.inbound, None, None, at)
    await db.execute("UPDATE report_marks SET batch = -1, taken_at = $2 WHERE organisation_id = $1", org, now)
    await activities.hang_up(db, org, leg, at + timedelta(seconds=5))
    await count(db, org, now)
    assert await marks(db, org) == 1
    await count(db, org, now + timedelta(minutes=2))
    assert await marks(db, org) == 0
    await check(db, org, [at - timedelta(minutes=1), now - timedelta(minutes=1)], now)


async def test_what_changes_after_it_was_final_is_said(db: Database, centre: Centre) -> None:
    org, at = centre.organisation, datetime(2026, 5, 4, 9, 1, tzinfo=UTC)
    now = at + timedelta(hours=3)
    question = Question("none", [at + n * timedelta(hours=1) - timedelta(minutes=1) for n in range(3)])
    leg = await inbound_call(db, org, centre.inbound, None, None, at)
    await count(db, org, now)
    # the call goes on
    assert (await reports.answer(db, org, question, now)).final == [False, True]
    await activities.hang_up(db, org, leg, at + timedelta(seconds=5))
    await count(db, org, now)
    answer = await reports.answer(db, org, question, now)
    assert (answer.final, answer.revised) == ([True, True], [None, None])
    await db.execute("DELETE FROM activities WHERE organisation_id = $1", org)
    later = now + timedelta(hours=1)
    await count(db, org, later)
    answer = await reports.answer(db, org, question, later)
    assert (answer.final, answer.revised) == ([True, True], [later, None])
    assert answer.sums == {}


async def test_a_queue_s_service_level_is_the_one_at_the_time_of_the_call(db: Database, centre: Centre) -> None:
    org, at = centre.organisation, datetime.now(UTC) - timedelta(hours=5)
    leg = await inbound_call(db, org, centre.inbound, None, None, at)
    await activities.join_queue(db, org, leg, at)
    await legs.answer(db, org, leg, centre.agent, at + timedelta(seconds=10))
    question = Question("none", [intervals.floor(at), intervals.floor(at) + timedelta(hours=1)])
    for seconds in (20, 5):
        await db.execute(
            "UPDATE campaigns SET queue = jsonb_build_object('serviceLevelSeconds', $2::int) WHERE campaign_id = $1",
            *(centre.inbound, seconds),
        )
        answer = await reports.answer(db, org, question, at + timedelta(hours=2))
        assert (answer.sums[Key(0)]["in_time"], answer.sums[Key(0)].get("too_late")) == (1, None)
