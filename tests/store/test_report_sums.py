"""Sums of reports equal what a naive reader of every row counts, at any moment."""

from __future__ import annotations

import json
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
from callfloor.rules.values.times import midnight
from callfloor.store.calls import activities, legs
from callfloor.store.db.pool import Database
from callfloor.store.figures import report_days, reports
from callfloor.store.figures.report_counts import count_some
from callfloor.store.figures.reports import KEPT, LIVE, Key, Question
from tests.conftest import Centre
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


SYDNEY = ZoneInfo("Australia/Sydney")
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
    "wrapCode": ("handled", "conversions", "talk_s", "hold_s", "wrap_s", "connects"),
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
        names = [name for name in COUNTED.get(group, SUMS) if name in reports.SUMS_OF[group]]
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
async def test_every_group_of_a_day_equals_a_recount_at_random_moments(
    db: Database, centre: Centre, zone: str, day: date
) -> None:
    clock, chance = ZoneInfo(zone), random.Random(day.toordinal())
    begin = midnight(day, clock)
    end = midnight(day + timedelta(days=1), clock)
    story = await Story.of(db, centre, begin - timedelta(hours=2), end + timedelta(hours=1), day.toordinal())
    for moment in [*sorted(begin + (end - begin) * chance.random() for _ in range(4)), end + timedelta(hours=2)]:
        await story.run_until(moment)
        for _ in range(chance.randrange(4)):
            # up to a moment ago, or not so far; all of it, or a day of it
            until = intervals.floor(moment - chance.choice([timedelta(), timedelta(minutes=20), timedelta(hours=5)]))
            if await count_some(db, centre.organisation, clock, moment, until) and chance.random() < 0.8:
                while await count_some(db, centre.organisation, clock, moment, until):
                    pass
        for interval in chance.sample(["none", "quarter-hour", "hour", "day"], 2):
            edges = intervals.edges(begin, end, interval, clock)  # type: ignore[arg-type]
            await check(db, centre.organisation, edges, moment)


async def count(db: Database, organisation: int, now: datetime) -> None:
    # other tests write, and are waited for
    while await count_some(db, organisation, SYDNEY, now, intervals.floor(now), 60):
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
    assert not await count_some(db, org, SYDNEY, now, intervals.floor(now), 0.1)
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


AGENTS = 12
# a row an agent and quarter-hour
KEPT_SUMS_SQL = """
INSERT INTO report_sums (organisation_id, facet, grain, begins_at, campaign_id, key_a, key_b, key_c, key_text, ready_s)
SELECT $1, f, 15, q, 0, a, 0, 0, '', 900 FROM unnest(ARRAY['agent', 'campaign']) AS f, generate_series(1, $4::int) AS a,
    generate_series($2::timestamptz, $3::timestamptz - interval '15 minutes', interval '15 minutes') AS q"""
QUARTERS_SQL = """
INSERT INTO report_quarters (organisation_id, begins_at, digest, closed)
SELECT $1, q, '', true
FROM generate_series($2::timestamptz, $3::timestamptz - interval '15 minutes', interval '15 minutes') AS q"""


async def read_of_sums(db: Database, organisation: int, edges: list[datetime]) -> int:
    """Rows of sums that a report by agent reads."""
    parts, _ = await reports.parts_of(db, organisation, edges)
    assert not parts.live
    columns = [list(each) for each in zip(*parts.kept, strict=True)]
    given = [organisation, *columns, "agent", None, None, None]
    plan = await db.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {KEPT['agent']}", *given)
    nodes, rows = [json.loads(plan)[0]["Plan"]], 0
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", ())
        if node.get("Relation Name") == "report_sums":
            rows += round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return rows


async def test_a_month_reads_a_row_an_agent_and_day_however_long_history_is(db: Database, centre: Centre) -> None:
    org = centre.organisation
    begin, end = midnight(date(2026, 10, 1), SYDNEY), midnight(date(2026, 11, 1), SYDNEY)
    days = intervals.edges(begin, end, "day", SYDNEY)
    assert len(days) == 32
    await db.execute("INSERT INTO report_progress (organisation_id, counted_until) VALUES ($1, $2)", org, end)
    first = end
    for earlier in (begin - timedelta(days=1), begin - timedelta(days=60)):
        for sql, more in ((KEPT_SUMS_SQL, [AGENTS]), (QUARTERS_SQL, [])):
            await db.execute(sql, org, earlier, first, *more)
        first = earlier
        await db.execute("UPDATE report_progress SET days_zone = NULL WHERE organisation_id = $1", org)
        while await report_days.add_history(db, org, SYDNEY, ["agent", "campaign"]):
            pass
        await db.execute("ANALYZE report_sums")
        assert await read_of_sums(db, org, [begin, end]) == AGENTS * 31
        assert await read_of_sums(db, org, days) == AGENTS * 31
    found = await reports.answer(db, org, Question("agent", days), end)
    # the clocks are put forward on the fourth
    seconds = [found.sums[Key(day, id=1)]["ready_s"] for day in range(31)]
    assert seconds == [24 * 3600] * 3 + [23 * 3600] + [24 * 3600] * 27


async def test_days_are_made_anew_when_the_organisation_s_zone_is_another(db: Database, centre: Centre) -> None:
    org, at = centre.organisation, datetime(2026, 5, 4, 9, 1, tzinfo=UTC)
    now = at + timedelta(days=3)
    leg = await inbound_call(db, org, centre.inbound, None, None, at)
    for zone in (SYDNEY, ZoneInfo("Asia/Kathmandu"), SYDNEY):
        while await count_some(db, org, zone, now, intervals.floor(now), 60):
            pass
        begin = midnight(at.astimezone(zone).date(), zone)
        edges = [begin, midnight(at.astimezone(zone).date() + timedelta(days=1), zone)]
        parts, _ = await reports.parts_of(db, org, edges)
        assert [each[2] for each in parts.kept] == [1440]
        await check(db, org, edges, now)
    # and every zone's day is forgotten with a quarter-hour of it
    await activities.hang_up(db, org, leg, at + timedelta(seconds=5))
    await count(db, org, now)
    for zone in (SYDNEY, ZoneInfo("Asia/Kathmandu")):
        begin = midnight(at.astimezone(zone).date(), zone)
        await check(db, org, [begin, begin + timedelta(days=1)], now)


async def test_a_call_is_a_conversion_by_the_wrap_codes_of_its_time(db: Database, centre: Centre) -> None:
    org, campaign = centre.organisation, centre.inbound
    set_sql = """UPDATE campaigns SET dialling = jsonb_build_object('conversionWrapCodes', $2::integer[])
        WHERE campaign_id = $1"""
    for code in (1, 2):
        await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, $3, 'Sold')", org, campaign, code)
    before = datetime.now(UTC)
    for codes in ([1], [2], [2]):
        await db.execute(set_sql, campaign, codes)
        at = datetime.now(UTC)
        for code in (1, 2):
            leg = await inbound_call(db, org, campaign, None, None, at)
            await legs.answer(db, org, leg, centre.agent, at)
            await activities.hang_up(db, org, leg, at)
            await activities.wrap_up(db, org, leg, activities.WrapUp(code), at)
    edges = [intervals.floor(before), intervals.floor(datetime.now(UTC)) + timedelta(minutes=15)]
    found = (await reports.answer(db, org, Question("wrapCode", edges), datetime.now(UTC))).sums
    assert {key.id: (sums["handled"], sums.get("conversions")) for key, sums in found.items()} == {1: (3, 1), 2: (3, 2)}
    await db.execute(set_sql, campaign, [])
    await check(db, org, edges, datetime.now(UTC))
