"""Statistics at any moment, also where a period begins inside a minute, and at any length of history."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from asyncpg import Record

from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from callfloor.store.figures import statistics
from tests.conftest import Centre
from tests.factories import answer, inbound_call
from tests.store.call_day import CallDay, add_leads

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def second(at: datetime) -> int:
    return (at - EPOCH) // timedelta(seconds=1)


async def every(db: Database, centre: Centre, kind: str, campaign_id: int) -> list[Record]:
    reader = activities.page if kind == "activities" else attempts.page
    return await reader(db, centre.organisation, {"campaign_id": campaign_id}, None, 10_000)


def recount(rows: list[Record], now: datetime, period: timedelta) -> dict[str, Any]:
    begin = second(now) - int(period.total_seconds())
    created = [row for row in rows if second(row["created_at"]) >= begin]
    waits: list[int] = []
    still: list[int] = []
    for row in rows:
        if row["join_queue_at"] is None or second(row["join_queue_at"]) < begin:
            continue
        ended = row["answered_at"] or row["left_queue_at"] or row["hang_up_at"]
        (still if ended is None else waits).append(second(ended or now) - second(row["join_queue_at"]))
    talks = [row for row in created if row["answered_at"] and row["hang_up_at"] and row["agent_id"]]
    handled = [row for row in talks if row["leg_type"] != "consult"]
    return {
        "received": sum(
            row["parent_activity_id"] is None or (bool(row["join_queue_at"]) and row["leg_type"] != "return")
            for row in created
        ),
        "missed": sum(row["status_id"] == 10 for row in created),
        "overflowed": sum(row["status_id"] == 11 for row in created),
        "voicemails": sum(row["status_id"] == 6 for row in created),
        "in_workflow": sum(row["status_id"] == 4 for row in created),
        "in_queue": sum(row["status_id"] == 5 for row in created),
        "handled": len(handled),
        "handling_s": sum(second(row["wrap_up_at"] or row["hang_up_at"]) - second(row["answered_at"]) for row in talks),
        "waited": len(waits),
        "waiting_s": sum(waits),
        "longest_wait_s": max(waits, default=0),
        "still_waiting": len(still),
        "still_waiting_s": sum(still),
        "longest_still_waiting_s": max(still, default=0),
        "calls_waiting": sum(row["status_id"] == 2 for row in rows),
    }


async def check_open_legs(db: Database, organisation: int) -> int:
    """What is kept of open legs against all legs; returns how many are open."""
    rows = await db.fetch("SELECT * FROM activities WHERE organisation_id = $1", organisation)
    expected = {
        (row["activity_id"], row["created_at"], row["campaign_id"], row["agent_id"] if of_email else None)
        for row in rows
        if row["hang_up_at"] is None
        and (
            ((of_email := row["type"] == "email.inbound") and row["agent_id"] is not None and row["wrap_up_at"] is None)
            or (
                row["type"].startswith("call.") and (row["attempt_id"] is None or row["parent_activity_id"] is not None)
            )
        )
    }
    kept = await db.fetch(
        "SELECT activity_id, created_at, campaign_id, agent_id FROM open_legs WHERE organisation_id = $1", organisation
    )
    assert {tuple(row.values()) for row in kept} == expected
    return len(expected)


@pytest.mark.parametrize("seed", range(3))
async def test_figures_equal_a_recount_at_random_moments_of_a_day(db: Database, centre: Centre, seed: int) -> None:
    chance = random.Random(seed)
    end = datetime.now(UTC)
    begin = end - timedelta(hours=30)
    day = CallDay(db, centre, begin, end, 100 + seed)
    day.plan(90, await add_leads(db, centre, 40))
    # moments at whole minutes, whole seconds and anywhere
    moments = sorted(begin + (end - begin) * chance.random() for _ in range(12))
    moments += [(end + timedelta(minutes=m)).replace(second=0, microsecond=0) for m in (1, 30, 60)]
    for moment in moments:
        await day.run_until(moment)
        await check_open_legs(db, centre.organisation)
        calls = await every(db, centre, "activities", centre.inbound)
        dialled = [row for row in await every(db, centre, "attempts", centre.outbound) if row["mode"] != "manual"]
        for name, period in statistics.PERIODS.items():
            found = await statistics.inbound(db, centre.organisation, centre.inbound, name, moment)
            assert found is not None
            expected = recount(calls, moment, period)
            assert {key: found[key] for key in expected} == expected, (name, moment)
            figures = await statistics.outbound(db, centre.organisation, centre.outbound, name, moment)
            assert figures is not None
            inside = [r for r in dialled if second(r["dialled_at"]) >= second(moment) - period.total_seconds()]
            delays = [row["connect_delay_ms"] for row in inside if row["connect_delay_ms"] is not None]
            row = figures.campaign
            assert [row[n] for n in ("attempts", "live_answers", "abandoned", "connected", "connect_delay_ms")] == [
                len(inside),
                sum(r["dial_status"] in (1, 7) for r in inside),
                sum(r["dial_status"] == 7 for r in inside),
                len(delays),
                sum(delays),
            ]


@pytest.mark.parametrize("period", ["hour", "day"])
async def test_a_call_in_the_period_s_first_second_counts_and_one_before_it_does_not(
    db: Database, centre: Centre, period: Literal["hour", "day"]
) -> None:
    org = centre.organisation
    # 20 seconds past the minute: the first minute is one cut in two
    now = datetime.now(UTC).replace(second=20, microsecond=400_000)
    begin = now.replace(microsecond=0) - statistics.PERIODS[period]
    call = (centre.inbound, None, None)
    for at, wait_s in ((begin, 7), (begin - timedelta(microseconds=1), 9)):
        leg = await inbound_call(db, org, *call, at)
        await activities.join_queue(db, org, leg, at)
        await answer(db, org, leg, centre.agent, at + timedelta(seconds=wait_s))
    # created before the period, joined in it, still waiting
    leg = await inbound_call(db, org, *call, begin - timedelta(seconds=5))
    await activities.join_queue(db, org, leg, begin + timedelta(seconds=3))
    found = await statistics.inbound(db, org, centre.inbound, period, now)
    assert found is not None
    assert (found["received"], found["waited"], found["waiting_s"], found["longest_wait_s"]) == (1, 1, 7, 7)
    assert (found["calls_waiting"], found["still_waiting"]) == (1, 1)
    assert found["still_waiting_s"] == statistics.PERIODS[period].total_seconds() - 3


async def test_random_events_in_any_order_leave_the_minutes_equal_to_the_calls(db: Database, centre: Centre) -> None:
    """Late, early and doubled events; then the counters that triggers kept against the calls that are there."""
    chance = random.Random(5)
    org, start = centre.organisation, datetime.now(UTC) - timedelta(minutes=30)
    legs: list[int] = []
    still_open = 0
    for number in range(400):
        at = start + timedelta(seconds=number * 2 + chance.uniform(-30, 30))
        if number % 8 == 0:
            legs.append(await inbound_call(db, org, centre.inbound, None, None, at))
        leg = chance.choice(legs[-6:])
        kind = chance.randrange(8)
        if kind < 2:
            await activities.join_queue(db, org, leg, at)
        elif kind < 4:
            await answer(db, org, leg, centre.agent, at)
        elif kind == 4:
            await activities.leave(db, org, leg, chance.choice(["voicemail", "missed", "failed"]), at)
        elif kind == 5:
            await activities.hang_up(db, org, leg, at)
        elif kind == 6:
            await activities.wrap_up(db, org, leg, activities.WrapUp(None), at)
        else:
            child = await activities.transfer(db, org, leg, centre.inbound, chance.choice([None, centre.agent]), at)
            legs += [] if child is None else [child]
        if number % 40 == 39:
            still_open += await check_open_legs(db, org)
    assert still_open > 0
    rows = await every(db, centre, "activities", centre.inbound)
    for row in rows:
        steps = [row[n] for n in ("created_at", "join_queue_at", "answered_at", "hang_up_at", "wrap_up_at")]
        taken = [step for step in steps if step is not None]
        assert taken == sorted(taken)
    expected = recount(rows, start + timedelta(days=300), timedelta(days=301))
    kept = await db.fetchrow(
        "SELECT sum(missed) AS missed, sum(overflowed) AS overflowed, sum(voicemails) AS voicemails,"
        " sum(received) AS received, sum(abandoned_in_workflow) AS in_workflow,"
        " sum(abandoned_in_queue) AS in_queue, sum(handled) AS handled, sum(handling_s) AS handling_s,"
        " sum(waited) AS waited, sum(waiting_s) AS waiting_s, max(longest_wait_s) AS longest_wait_s"
        " FROM campaign_minutes WHERE organisation_id = $1 AND campaign_id = $2",
        org,
        centre.inbound,
    )
    assert kept is not None
    assert dict(kept) == {name: expected[name] for name in dict(kept)}
    assert expected["handled"] > 10
    assert expected["in_queue"] > 0
