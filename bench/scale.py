"""What a dialled call and a caller cost the database and the engine.

A minute of a floor at work, with everything that production does of a call: dialling, agents' states, recordings' rows,
evidence with its seals. Simulated carrier, embedded PostgreSQL as it comes.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import inbound
from bench.dialling import centre, floor
from bench.spent import Meter, counted
from callfloor.clock import LoopClock
from callfloor.engine.engine import Engine
from callfloor.jobs import evidence
from callfloor.media.blobs import open_blobs
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.telephony.simulated.behaviour import Distribution

WARM_UP_S, MEASURED_S = 120.0, 60.0
CALLERS_WARM_UP_S = 30.0
CALLS_SQL = """
SELECT count(*) AS ended, count(*) FILTER (WHERE connect_delay_ms IS NOT NULL) AS connected
FROM attempts WHERE organisation_id = $1 AND hang_up_at >= $2 AND hang_up_at < $3"""
BEGUN_SQL = "SELECT count(*) FROM attempts WHERE organisation_id = $1 AND dialled_at >= $2 AND dialled_at < $3"
CALLERS_SQL = """
SELECT count(*) FROM activities WHERE organisation_id = $1 AND type = 'call.inbound' AND hang_up_at >= $2
    AND hang_up_at < $3"""


async def _settle(db: Database, warm_up_s: float) -> None:
    await asyncio.sleep(warm_up_s)
    # the next checkpoint is far away: what is written whole is written whole before
    await db.execute("CHECKPOINT")
    await asyncio.sleep(warm_up_s / 3)
    await evidence.seal(db, datetime.now(UTC))


async def _per_call(dsn: str, data: Path, folder: Path, agents: int) -> None:
    db = await Database.connect(dsn, size=10)
    organisation, _ = await centre(db, "predictive", agents)
    meter = Meter(db, data)
    with counted():
        async with floor(dsn, db, folder):
            await _settle(db, WARM_UP_S)
            begin = await meter.begin()
            await asyncio.sleep(MEASURED_S)
            await evidence.seal(db, datetime.now(UTC))
            end = await meter.end()
            calls = await db.fetchrow(CALLS_SQL, organisation, begin, end)
            begun = await db.fetchval(BEGUN_SQL, organisation, begin, end)
    assert calls is not None
    share = calls["connected"] / max(calls["ended"], 1)
    # dialling goes in waves: half of what a call writes it writes at its start
    await meter.show(
        "dialled call", (calls["ended"] + begun) // 2, f", {agents} agents, {share:.0%} connected; goals 10 rows, 6 kB"
    )
    await db.close()


async def _per_caller(dsn: str, data: Path, folder: Path, agents: int) -> None:
    """Callers through a prompt, a menu and a queue to an agent, as many at a time as there are agents; whoever hangs up
    makes room for another one."""
    db = await Database.connect(dsn, size=10)
    organisation = await inbound.centre(db, agents)
    clock = LoopClock(asyncio.get_running_loop())
    carrier, desk = inbound.Carrier(clock, inbound.CUSTOMER), inbound.Desk(clock, 1, Distribution("constant", 1.0))
    meter, stop = Meter(db, data), asyncio.Event()
    with counted():
        engine = Engine(dsn, db, clock, carrier, open_blobs(str(folder), None), desk)
        desk.carrier, desk.engine = carrier, engine
        running = asyncio.create_task(engine.run(stop))
        while inbound.NUMBER not in engine.floor.callers.numbers() or len(engine.floor.team.everyone()) < agents:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        for _ in range(agents):
            carrier.call_in(inbound.NUMBER, inbound.CALLER)
            await asyncio.sleep(0.05)
        await _settle(db, CALLERS_WARM_UP_S)
        begin = await meter.begin()
        await asyncio.sleep(MEASURED_S)
        end = await meter.end()
        ended = await db.fetchval(CALLERS_SQL, organisation, begin, end)
        stop.set()
        await running
    await meter.show("caller", ended, f", {agents} agents, not recorded")
    await db.close()


def _run(part: Callable[[str, Path, Path, int], Coroutine[Any, Any, None]], agents: int) -> None:
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer.start_or_join(Path(folder) / "data")
        try:
            asyncio.run(migrate(server.dsn))
            asyncio.run(part(server.dsn, Path(folder) / "data", Path(folder) / "media", agents))
        finally:
            server.release()


def run(size: int) -> None:
    """What a dialled call costs. `size`: agents."""
    _run(_per_call, size)


def run_callers(size: int) -> None:
    """What a caller costs. `size`: agents."""
    _run(_per_caller, size)
