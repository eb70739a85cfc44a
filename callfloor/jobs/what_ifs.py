"""Simulations that people asked for, in processes of their own that are killed when nobody wants them any more: they
keep a core busy, and the event loop of this process has imports to attend to."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count

import msgspec
import structlog

from callfloor.contract.what_ifs import Outcome, Run
from callfloor.rules.figures.what_ifs import Point, points, run_of, summed_up
from callfloor.store.db.pool import Database
from callfloor.store.figures import what_ifs
from callfloor.store.figures.what_ifs import Claim

log = structlog.get_logger("callfloor.what_ifs")
RUNS = "callfloor.simulation.what_if_runs"
# At once, of all organisations together
MOST_PROCESSES = 2
# Rounds of one run a point: so many at least, or nothing could be said of the error; more while there is time.
LEAST_ROUNDS, MOST_ROUNDS = 3, 10
# No round is begun that would not be over by then, as long as those before took.
WALL_S = 8.5
# On a server that has so little time left for it that it takes longer it is given up.
LONGEST_S = 120.0
LOOK_S = 0.5
LEASE = timedelta(seconds=15)
KEPT = timedelta(days=30)
# whoever dies on it again and again is not to be tried for ever
MOST_TRIES = 3


class _Gone(Exception):
    """A process ended before it said what its run came to."""


async def simulate_next(db: Database) -> bool:
    """Work on the simulation that waits longest; whether there was one."""
    claimed = await what_ifs.claim(db, datetime.now(UTC), LEASE)
    if claimed is None:
        return False
    if claimed.tries > MOST_TRIES:
        await _failed(db, claimed, "the processes that simulate it ended again and again")
        return True
    work = asyncio.create_task(_simulate(claimed, progress := _Progress()))
    try:
        while not (await asyncio.wait({work}, timeout=LOOK_S))[0]:
            if not await what_ifs.progress(db, claimed, progress.share, datetime.now(UTC) + LEASE):
                return True
        outcomes = work.result()
    except* _Gone:
        await _failed(db, claimed, "a process that simulated it ended; the server may lack memory")
    except* TimeoutError:
        await _failed(db, claimed, f"the server was too busy for it for {LONGEST_S:.0f} seconds; ask for fewer points")
    else:
        found = [summed_up(point, of) for point, of in outcomes]
        await what_ifs.finish(db, claimed, found, None, datetime.now(UTC))
    finally:
        # whoever cancelled it, or stops this process, waits for no run
        work.cancel()
        await asyncio.wait({work})
    return True


async def _failed(db: Database, claimed: Claim, reason: str) -> None:
    log.warning("what-if-failed", what_if=claimed.what_if_id, reason=reason)
    await what_ifs.finish(db, claimed, [], reason, datetime.now(UTC))


class _Progress:
    """`share`: of the work, as far as can be told; of 1."""

    def __init__(self) -> None:
        self.share = 0.0

    def told(self, rounds: float) -> None:
        """So many rounds are done; how many there is time for beyond the least is not known."""
        more = max(0.0, rounds - LEAST_ROUNDS) / (MOST_ROUNDS - LEAST_ROUNDS)
        self.share = 0.7 * min(1.0, rounds / LEAST_ROUNDS) + 0.29 * more


async def _simulate(claimed: Claim, progress: _Progress) -> list[tuple[Point, list[Outcome]]]:
    """All points, each with the outcomes of its runs. Raises `_Gone`, `TimeoutError`."""
    asked = points(claimed.question, claimed.own_cap)
    outcomes: list[list[Outcome]] = [[] for _ in asked]
    now = asyncio.get_running_loop().time
    began = now()
    async with asyncio.timeout(LONGEST_S), _processes() as processes:
        for rounds in count(1):
            runs = [
                run_of(point, claimed.assumptions, rounds, claimed.grace_s, claimed.taken_for_machines)
                for point in asked
            ]

            def told(done: int, before: int = rounds - 1) -> None:
                progress.told(before + done / len(asked))

            for index, outcome in await _round(processes, runs, told):
                outcomes[index].append(outcome)
            passed = now() - began
            if rounds >= LEAST_ROUNDS and (rounds >= MOST_ROUNDS or passed * (rounds + 1) / rounds > WALL_S):
                break
    return list(zip(asked, outcomes, strict=True))


async def _round(
    processes: Sequence[Process], runs: Sequence[Run], told: Callable[[int], None]
) -> list[tuple[int, Outcome]]:
    """Every run once, on whichever process is free: the longest, which are of the largest teams, first."""
    todo = deque(sorted(range(len(runs)), key=lambda index: -runs[index].agents))
    found: list[tuple[int, Outcome]] = []

    async def work(process: Process) -> None:
        while todo:
            index = todo.popleft()
            found.append((index, await _run(process, runs[index])))
            told(len(found))

    async with asyncio.TaskGroup() as group:
        for process in processes:
            group.create_task(work(process))
    return found


async def _run(process: Process, run: Run) -> Outcome:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("it was started with both")
    try:
        process.stdin.write(msgspec.json.encode(run) + b"\n")
        await process.stdin.drain()
        return msgspec.json.decode(await process.stdout.readline(), type=Outcome)
    except (OSError, msgspec.DecodeError) as error:
        raise _Gone from error


@asynccontextmanager
async def _processes() -> AsyncGenerator[list[Process]]:
    """Processes that simulate, killed when this is left."""
    started: list[Process] = []
    try:
        for _ in range(min(MOST_PROCESSES, os.cpu_count() or 1)):
            # they are told nothing of this process: neither where the database is nor any key
            environment = {key: value for key, value in os.environ.items() if not key.startswith("CALLFLOOR_")}
            started.append(
                await asyncio.create_subprocess_exec(
                    sys.executable, "-m", RUNS, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment
                )
            )
        yield started
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                process.kill()
        for process in started:
            await process.wait()
