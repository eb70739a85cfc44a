"""How many calls a second one engine and one PostgreSQL take, step by step, until what is to be written waits longer
and longer. Simulated carrier, embedded PostgreSQL as it comes, everything on this machine."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench import dialling, inbound
from bench.floor import show
from bench.spent import load, postgres_s
from callfloor.clock import LoopClock
from callfloor.engine.engine import Engine
from callfloor.jobs import evidence
from callfloor.media.blobs import open_blobs
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

CALLERS_PER_S = (100, 200, 300, 400, 500, 600)
STEP_S = 20.0
# What a caller writes on this way: opened, joined, ended. A step is too much when at its end what so many seconds'
# callers write is still to be written.
WRITES, BEHIND_S = 3, 5.0
# people who are quick, so that few agents make many calls: ringing 4 s at most, a talk of 6 s, a second of wrap-up
QUICK = Behaviour(
    answer_s=Distribution("normal", 2.0, sd=0.5, least=0.5),
    ring_out_s=Distribution("constant", 4.0),
    talk_s=Distribution("exponential", 6.0, least=0.5),
)
WRAP_S = Distribution("constant", 1.0)
DIALLED_WARM_UP_S = 20.0
AGENTS = 100
ENDED_SQL = "SELECT count(*) FROM attempts WHERE hang_up_at >= $1"


class _Cost:
    """CPU that is used from now on, of this process and of PostgreSQL."""

    def __init__(self, postgres: Path) -> None:
        self._pid_file = postgres / "postmaster.pid"
        self._began, self._used, self._postgres = time.perf_counter(), time.process_time(), postgres_s(self._pid_file)

    def of(self, count: int) -> str:
        took, used = time.perf_counter() - self._began, time.process_time() - self._used
        database = postgres_s(self._pid_file) - self._postgres
        count = max(count, 1)
        return (
            f"{1000 * used / count:.1f} ms of the engine with its carrier and {1000 * database / count:.1f} ms of"
            f" PostgreSQL each; {100 * (used + database) / took:.0f} % of a core in all; {load()}"
        )


async def _callers(dsn: str, data: Path, folder: Path) -> None:
    """Through a prompt and a menu into a queue where nobody serves them, and which they leave after five seconds."""
    db = await Database.connect(dsn, size=10)
    await inbound.centre(db, 0)
    loop = asyncio.get_running_loop()
    clock = LoopClock(loop)
    carrier = inbound.Carrier(clock, replace(inbound.CUSTOMER, patience_s=Distribution("constant", 5.0)))
    carrier.again = False
    desk = inbound.Desk(clock, 1, Distribution("constant", 1.0))
    engine = Engine(dsn, db, clock, carrier, open_blobs(str(folder), None), desk)
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop))
    while inbound.NUMBER not in engine.floor.callers.numbers():  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    for rate in CALLERS_PER_S:
        cost, began, most = _Cost(data / "postgres"), loop.time(), 0
        for number in range(int(rate * STEP_S)):
            await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
            carrier.call_in(inbound.NUMBER, inbound.CALLER)
            most = max(most, engine.records.unwritten)
        took, behind = loop.time() - began, engine.records.unwritten
        offered = int(rate * STEP_S)
        show(
            f"{rate} callers a second wanted, {offered / took:.0f} came",
            f"{behind:,} writes wait at the end, at most {most:,}",
            cost.of(offered),
        )
        while engine.records.unwritten or engine.floor.contacts.everyone():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        if behind > rate * WRITES * BEHIND_S or took > 1.2 * STEP_S:
            break
    stop.set()
    await running
    await db.close()


async def _dialled(dsn: str, data: Path, folder: Path, campaigns: int) -> None:
    """A campaign places 50 calls a second at most."""
    db = await Database.connect(dsn, size=10)
    for _ in range(campaigns):
        await dialling.centre(db, "predictive", AGENTS)
    await db.execute("UPDATE campaigns SET active = true")
    async with dialling.floor(dsn, db, folder, QUICK, WRAP_S) as (engine, _, _):
        await asyncio.sleep(DIALLED_WARM_UP_S)
        cost, at, began, most = _Cost(data / "postgres"), datetime.now(UTC), time.perf_counter(), 0
        while time.perf_counter() - began < STEP_S:
            await asyncio.sleep(0.1)
            most = max(most, engine.records.unwritten)
        await evidence.seal(db, datetime.now(UTC))
        took, behind = time.perf_counter() - began, engine.records.unwritten
        ended = await db.fetchval(ENDED_SQL, at)
        show(
            f"{campaigns} times {AGENTS} agents, predictive, recorded: {ended / took:.0f} dialled calls a second",
            f"{behind:,} writes wait at the end, at most {most:,}",
            cost.of(ended),
        )
    await db.close()


def run(size: int) -> None:
    """`size`: campaigns at most, of the dialled calls."""
    for part in ("callers", *(campaigns for campaigns in (1, 2, 4, 6, 8) if campaigns <= size)):
        with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as folder:
            Path(folder).chmod(0o755)
            server = EmbeddedServer.start_or_join(Path(folder) / "data")
            try:
                asyncio.run(migrate(server.dsn))
                data, media = Path(folder) / "data", Path(folder) / "media"
                if isinstance(part, int):
                    asyncio.run(_dialled(server.dsn, data, media, part))
                else:
                    asyncio.run(_callers(server.dsn, data, media))
            finally:
                server.release()
