"""What must not grow with history: statistics, explain, erasure, one activity."""

from __future__ import annotations

import asyncio
from statistics import median

import asyncpg
import httpx2

from bench.data import fill
from bench.floor import PREFIX, Served, now_ms, served, show

REPEATS = 30


async def _median(client: httpx2.AsyncClient, method: str, paths: list[str]) -> float:
    times: list[float] = []
    for path in paths:
        started = now_ms()
        answer = await client.request(method, PREFIX + path)
        times.append(now_ms() - started)
        answer.raise_for_status()
    return median(times)


async def _measure(given: Served, size: int) -> dict[str, float]:
    await fill(given, size, size)
    connection = await asyncpg.connect(given.dsn)
    try:
        leads = [
            row[0]
            for row in await connection.fetch(
                "SELECT lead_id FROM leads WHERE organisation_id = $1 AND lead_id >= (SELECT max(lead_id) FROM leads)"
                " - 100000 LIMIT $2",
                given.organisation,
                REPEATS,
            )
        ]
        activity = await connection.fetchval(
            "SELECT activity_id FROM activities WHERE organisation_id = $1 ORDER BY created_at DESC LIMIT 1",
            given.organisation,
        )
        # a customer of its own for the erasure, in leads and calls
        await connection.execute(
            "INSERT INTO leads (organisation_id, list_id, phone1) VALUES ($1, $2, '+61491570006')",
            given.organisation,
            given.list_id,
        )
        await connection.execute(
            "INSERT INTO activities (organisation_id, activity_id, created_at, type, root_activity_id, status_id,"
            " campaign_id, contact, hang_up_at) SELECT $1, nextval('activity_ids'), now(), 'call.inbound', 1, 4, $2,"
            " '+61491570006', now() FROM generate_series(1, 20)",
            given.organisation,
            given.inbound,
        )
    finally:
        await connection.close()
    inbound, outbound = (
        f"/campaign/{given.inbound}/statistics/inbound",
        f"/campaign/{given.outbound}/statistics/outbound",
    )
    found: dict[str, float] = {}
    async with httpx2.AsyncClient(base_url=given.address, headers=given.headers, timeout=60) as client:
        await _median(client, "GET", [inbound, outbound] * 5)
        found["statistics inbound, hour"] = await _median(client, "GET", [inbound] * REPEATS)
        found["statistics inbound, day"] = await _median(client, "GET", [f"{inbound}?period=day"] * REPEATS)
        found["statistics outbound"] = await _median(client, "GET", [outbound] * REPEATS)
        found["GET /activities/{id}"] = await _median(client, "GET", [f"/activities/{activity}"] * REPEATS)
        found["explain"] = await _median(client, "GET", [f"/dialler/leads/{lead}/explain" for lead in leads])
        found["erase one customer, dry run"] = await _median(
            client, "DELETE", ["/customer?phoneNumber=%2B61491570006&dryRun=true"] * 5
        )
        found["erase one customer"] = await _median(client, "DELETE", ["/customer?phoneNumber=%2B61491570006"])
    return found


def run(size: int) -> None:
    """Print a row an operation: at 100,000 leads and activities, at `size`, and the ratio."""
    with served("small") as given:
        small = asyncio.run(_measure(given, 100_000))
    with served() as given:
        large = asyncio.run(_measure(given, size))
    for name, ms in large.items():
        show(name, f"{ms:.1f} ms at {size:,}", f"{small[name]:.1f} ms at 100,000", f"{ms / small[name]:.2f}")
