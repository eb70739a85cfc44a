"""Requests that wait in line."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from callfloor.telephony.asterisk.ari import AriFailed
from callfloor.telephony.asterisk.request_queue import Tasks, Work


async def test_one_follows_the_other_also_when_one_fails() -> None:
    done: list[int] = []
    over = asyncio.Event()
    tasks = Tasks()
    work = Work(tasks)

    async def job(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)
        if number == 1:
            raise AriFailed("500")
        if number == 2:
            raise RuntimeError("a fault of the program")
        if number == 4:
            over.set()

    with capture_logs() as logs:
        for number in range(5):
            work.add(lambda number=number: job(number))
        async with asyncio.timeout(10):
            await over.wait()
    assert done == [0, 1, 2, 3, 4]
    assert [each["event"] for each in logs] == ["ari-request-failed", "carrier-task-failed"]
    await tasks.close()


async def test_nothing_runs_after_the_end() -> None:
    tasks = Tasks()
    work, begun, stuck = Work(tasks), asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await stuck.wait()

    async def never() -> None:
        raise AssertionError("it was closed")

    work.add(wait)
    await begun.wait()
    work.add(never)
    await tasks.close()
    work.add(never)
    await asyncio.sleep(0)
