"""What reports take: a month by agent, and what else is asked for, at any history."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import asyncpg
import httpx2

from bench.data import fill
from bench.floor import Served, now_ms, served, show

REPEATS = 15
# the organisation's, and one whose days begin elsewhere
ZONE, OTHER = ZoneInfo("Australia/Sydney"), ZoneInfo("UTC")
AGENTS = 500
# An agent's day: three minutes ready, seven on a call, two on its wrap-up, over and over, for eight hours.
TIMES_SQL = """
INSERT INTO agent_times (organisation_id, agent_id, began_at, ended_at, state, campaign_id)
SELECT $1, a.user_id, began, began + s.lasts, s.state, CASE WHEN s.state <> 'ready' THEN $2::bigint END
FROM users a
CROSS JOIN generate_series($3::timestamptz, $4::timestamptz, interval '1 day') AS day
CROSS JOIN generate_series(0, 39) AS n
CROSS JOIN (VALUES ('ready', interval '0 minutes', interval '3 minutes'),
    ('on-call', interval '3 minutes', interval '7 minutes'),
    ('on-wrap', interval '10 minutes', interval '2 minutes')) AS s (state, after, lasts)
CROSS JOIN LATERAL (SELECT day + a.user_id % 8 * interval '1 hour' + n * interval '12 minutes' + s.after AS began) AS b
WHERE a.organisation_id = $1 AND a.username LIKE 'bench.%'
ON CONFLICT DO NOTHING"""
# calls spread over the agents
SPREAD_SQL = """
UPDATE activities SET agent_id = (SELECT min(user_id) FROM users WHERE organisation_id = $1 AND username LIKE 'bench.%')
    + activity_id % $2::integer
WHERE organisation_id = $1 AND agent_id IS NOT NULL AND created_at >= $3 AND created_at < $4"""

MARK_SQL = """
INSERT INTO report_marks (organisation_id, begins_at)
SELECT $1, q FROM generate_series($2::timestamptz, $3, interval '15 minutes') AS q"""


async def _make(given: Served, size: int) -> datetime:
    """Agents with a month of days, and so many activities; returns the month's end. Waits until all is counted."""
    await fill(given, 1_000, size)
    end = datetime.now(ZONE).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    connection = await asyncpg.connect(given.dsn)
    try:
        await connection.execute(
            "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
            " SELECT $1, 'agent', 'bench.' || n, 'Agent', n::text FROM generate_series(1, $2::int) AS n"
            " ON CONFLICT DO NOTHING",
            given.organisation,
            AGENTS,
        )
        begin = end - timedelta(days=31)
        # many rows at once, that a floor writes one after the other: marked for the count by one statement
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(SPREAD_SQL, given.organisation, AGENTS, begin, end)
        for day in range(31):
            at = begin + timedelta(days=day)
            await connection.execute(TIMES_SQL, given.organisation, given.inbound, at, at)
        await connection.execute(MARK_SQL, given.organisation, begin, end)
        started = time.monotonic()
        while not await _counted(connection, given.organisation, end):  # noqa: ASYNC110 another process counts
            await asyncio.sleep(1)
        show(f"counting {size:,} activities, the job process", f"{time.monotonic() - started:.0f} s", "", "")
        await connection.execute("VACUUM (ANALYZE) report_sums, agent_times")
    finally:
        await connection.close()
    return end


async def _counted(connection: asyncpg.Connection, organisation: int, end: datetime) -> bool:
    return await connection.fetchval(
        "SELECT counted_until >= $2 AND days_zone IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM report_marks WHERE organisation_id = $1)"
        " FROM report_progress WHERE organisation_id = $1",
        *(organisation, end),
    )


async def _measure(given: Served, size: int) -> dict[str, float]:
    end = await _make(given, size)
    begin = end - timedelta(days=31)
    month_elsewhere = [at.astimezone(ZONE).replace(tzinfo=OTHER).isoformat() for at in (begin, end - timedelta(days=1))]
    month = {"from": begin.isoformat(), "to": end.isoformat()}
    asked = {
        "a month by agent": {"groupBy": "agent"},
        "a month of another zone by agent": {
            "groupBy": "agent",
            "from": month_elsewhere[0],
            "to": month_elsewhere[1],
        },
        "a month by team": {"groupBy": "team"},
        "a month by agent and day": {"groupBy": "agent", "interval": "day"},
        "a month by campaign and day": {"groupBy": "campaign", "interval": "day"},
        "a month by hour": {"interval": "hour"},
        "a month by wrap code": {"groupBy": "wrapCode"},
        "a month by hour of day": {"groupBy": "hourOfDay"},
    }
    today = {"from": end.isoformat(), "to": (end + timedelta(days=1)).isoformat(), "groupBy": "agent"}
    found: dict[str, float] = {}
    async with httpx2.AsyncClient(base_url=given.address, headers=given.headers, timeout=60) as client:
        for name, query in {
            **{each: {**month, **more} for each, more in asked.items()},
            "today by agent": today,
        }.items():
            times: list[float] = []
            for _ in range(REPEATS):
                started = now_ms()
                answer = await client.get("/reports/v1/figures", params=query)
                times.append(now_ms() - started)
                answer.raise_for_status()
            found[name] = median(times)
    return found


def run(size: int) -> None:
    """Print a row a report: at a tenth of `size` activities, at `size`, and the ratio."""
    with served("small") as given:
        small = asyncio.run(_measure(given, size // 10))
    with served() as given:
        large = asyncio.run(_measure(given, size))
    for name, ms in large.items():
        show(name, f"{ms:.1f} ms at {size:,}", f"{small[name]:.1f} ms at {size // 10:,}", f"{ms / small[name]:.2f}")
