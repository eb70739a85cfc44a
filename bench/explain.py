"""Why nobody is dialled: the time to say how a campaign's leads stand."""

from __future__ import annotations

import asyncio
from statistics import median

import httpx2

from bench.data import fill
from bench.floor import Served, now_ms, served, show

REPEATS = 15


async def _measure(given: Served, size: int) -> tuple[float, float, int]:
    """Median and longest milliseconds, and how many leads were judged."""
    await fill(given, size, 1000)
    headers = {"Authorization": f"Bearer {given.token}"}
    async with httpx2.AsyncClient(base_url=given.address, headers=headers, timeout=60) as client:
        times: list[float] = []
        judged = 0
        for _ in range(REPEATS):
            started = now_ms()
            answer = (await client.get(f"/admin/v1/campaigns/{given.outbound}/explain")).raise_for_status()
            times.append(now_ms() - started)
            judged = answer.json()["judged"]
    return median(times), max(times), judged


def run(size: int) -> None:
    """Print a row at 100,000 leads, and one at `size`."""
    for count, name in ((min(size, 100_000), "small"), (size, "")):
        with served(name) if name else served() as given:
            middle, longest, judged = asyncio.run(_measure(given, count))
        show(
            f"explain a campaign of {count:,} leads",
            f"{middle:.0f} ms",
            f"longest {longest:.0f} ms",
            f"{judged:,} judged",
        )
