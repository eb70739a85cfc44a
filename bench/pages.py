"""List pages: page 10,000 against page 1, with every filter and pair of filters."""

from __future__ import annotations

import asyncio
from itertools import combinations
from statistics import median
from urllib.parse import urlencode

import httpx2

from bench.data import AGENT, OFTEN, fill
from bench.floor import Served, now_ms, served, show

DEEP = 10_000
REPEATS = 15


async def _timed(client: httpx2.AsyncClient, uri: str) -> float:
    times: list[float] = []
    for _ in range(REPEATS):
        started = now_ms()
        answer = await client.get(uri)
        times.append(now_ms() - started)
        answer.raise_for_status()
    return median(times)


async def _pages(client: httpx2.AsyncClient, path: str, query: dict[str, str], limit: int) -> tuple[float, float, int]:
    """Milliseconds of page 1 and of the deepest page up to `DEEP`, and that page's number."""
    first = f"{path}?{urlencode(query | {'limit': str(limit)})}"
    # walk in large steps to the depth, then measure a page of the same size as page 1 there
    uri, seen, deepest = f"{path}?{urlencode(query | {'limit': '1000'})}", 0, first
    while seen < DEEP * limit:
        page = (await client.get(uri)).raise_for_status().json()
        if page["metadata"]["nextUri"] is None:
            break
        uri = page["metadata"]["nextUri"]
        seen += 1000
        deepest = uri.replace("limit=1000", f"limit={limit}")
    return await _timed(client, first), await _timed(client, deepest), seen // limit + 1


async def _measure(given: Served, size: int) -> None:
    await fill(given, size, size)
    limit = 100 if size >= 2_000_000 else max(1, size // DEEP // 2)
    filters = {
        "/leads": {
            "campaignId": str(given.outbound),
            "listId": str(given.list_id),
            "statusCode": "4",
            "uploadedTimestampFrom": "2000-01-01T00:00:00Z",
            "uploadedTimestampTo": "2100-01-01T00:00:00Z",
            "phoneNumber": OFTEN,
            "agentId": str(AGENT),
            "completed": "false",
            "updatedTimestampFrom": "2000-01-01T00:00:00Z",
        },
        "/activities": {
            "campaignId": str(given.outbound),
            "activityType": "call.outbound",
            "createdTimestampFrom": "2000-01-01T00:00:00Z",
            "createdTimestampTo": "2100-01-01T00:00:00Z",
            "phoneNumber": OFTEN,
            "agentId": str(AGENT),
            "wrapCode": "4",
        },
        "/dialler/calls": {
            "campaignId": str(given.outbound),
            "phoneNumber": OFTEN,
            "agentId": str(AGENT),
            "dialStatusId": "1",
            "dialledTimestampFrom": "2000-01-01T00:00:00Z",
            "dialledTimestampTo": "2100-01-01T00:00:00Z",
        },
    }
    async with httpx2.AsyncClient(base_url=given.address, headers=given.headers, timeout=60) as client:
        for path, known in filters.items():
            for count in (0, 1, 2):
                for names in combinations(known, count):
                    query = {name: known[name] for name in names}
                    first, deep, number = await _pages(client, f"/platform-api/v3.0{path}", query, limit)
                    label = f"{path} {' + '.join(names) or 'no filter'}"
                    show(label, f"{first:.1f} ms", f"{deep:.1f} ms (page {number:,})", f"{deep / first:.2f}")


def run(size: int) -> None:
    """Print a row for each set of filters."""
    with served() as given:
        asyncio.run(_measure(given, size))
