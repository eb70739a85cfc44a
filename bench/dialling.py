"""The floor in real time: how soon a person has an agent, how soon an agent has the next call, how soon a dead engine
is replaced. Simulated carrier, embedded PostgreSQL as it comes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.floor import show
from callfloor.clock import LoopClock
from callfloor.contract.campaigns import CampaignMode
from callfloor.engine.engine import Engine
from callfloor.floor.plan import CampaignPlan
from callfloor.media.blobs import open_blobs
from callfloor.postgres.server import EmbeddedServer
from callfloor.samples import fiction_number
from callfloor.simulation.agents import SimulatedAgents
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from callfloor.store.setup import organisations
from callfloor.telephony.carrier import AgentId, Line
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier

WARM_UP_S, MEASURED_S = 100.0, 60.0
WRAP_S = Distribution("constant", 20.0)


class Carrier(SimulatedCarrier):
    """Notes when a line is asked for."""

    def __init__(self, clock: LoopClock, seed: int, behaviour: Behaviour) -> None:
        super().__init__(clock, seed, behaviour)
        self.placed: dict[int, float] = {}

    def originate(self, line: Line) -> None:
        self.placed[line.call] = time.perf_counter()
        super().originate(line)


class Desk(SimulatedAgents):
    """Notes when an agent's wrap-up is over."""

    def __init__(self, clock: LoopClock, seed: int, wrap_s: Distribution) -> None:
        super().__init__(clock, seed, wrap_s)
        self._wrap = wrap_s.mean
        self.freed: dict[AgentId, float] = {}

    def wrapping(self, agent: AgentId, plan: CampaignPlan, seconds: float) -> None:
        super().wrapping(agent, plan, seconds)
        # the simulated wrap-up takes the same time for all
        self.freed[agent] = time.perf_counter() + self._wrap


async def centre(db: Database, mode: CampaignMode, agents: int) -> tuple[int, int]:
    # the row before has campaigns whose agents are ready still
    await db.execute("UPDATE campaigns SET active = false")
    before = await db.fetchval("SELECT count(*) FROM organisations")
    organisation = await organisations.create(db, f"Floor {before} {mode}", "Australia/Sydney", "AU")
    campaign = await db.fetchval(
        "INSERT INTO campaigns (organisation_id, name, direction, timezone, mode, dialling)"
        " VALUES ($1, 'Sales', 'outbound', 'Australia/Sydney', $2, $3) RETURNING campaign_id",
        *(organisation, mode, msgspec.json.encode({"regime": "none", "ringSeconds": 30}).decode()),
    )
    list_id = await db.fetchval(
        "INSERT INTO lists (organisation_id, campaign_id, name) VALUES ($1, $2, 'One') RETURNING list_id",
        *(organisation, campaign),
    )
    for thousand in range(20):
        new = [
            leads.NewLead(
                organisation_id=organisation, list_id=list_id, data=msgspec.Raw(b"{}"), status_code=0,
                phone1=f"+61{fiction_number(number)[1:]}",
            )
            for number in range(1000 * thousand, 1000 * thousand + 1000)
        ]  # fmt: skip
        await leads.insert_many(db, new)
    now = datetime.now(UTC)
    for number in range(agents):
        agent = await db.fetchval(
            "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
            " VALUES ($1, 'agent', $2, 'Jane', 'Doe') RETURNING user_id",
            *(organisation, f"jane.{number}"),
        )
        await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", organisation, campaign, agent)
        await db.execute(
            "INSERT INTO agent_states (organisation_id, agent_id, state, since) VALUES ($1, $2, 'ready', $3)",
            *(organisation, agent, now),
        )
    return organisation, campaign


@asynccontextmanager
async def floor(
    dsn: str, db: Database, folder: Path, behaviour: Behaviour | None = None, wrap_s: Distribution = WRAP_S
) -> AsyncGenerator[tuple[Engine, Carrier, Desk]]:
    clock = LoopClock(asyncio.get_running_loop())
    carrier, desk = Carrier(clock, 1, behaviour or Behaviour()), Desk(clock, 1, wrap_s)
    engine = Engine(dsn, db, clock, carrier, open_blobs(str(folder), None), desk)
    desk.work(engine.floor.previews, engine.floor.presence.wrap_up)
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop))
    try:
        yield engine, carrier, desk
    finally:
        stop.set()
        await running


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values (0 to 1) do not exceed; NaN of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


async def _connect_delay(dsn: str, folder: Path, agents: int) -> None:
    db = await Database.connect(dsn, size=10)
    organisation, _ = await centre(db, "predictive", agents)
    async with floor(dsn, db, folder):
        await asyncio.sleep(WARM_UP_S)
        begin, used = datetime.now(UTC), time.process_time()
        await asyncio.sleep(MEASURED_S)
        busy = (time.process_time() - used) / MEASURED_S
        rows = await db.fetch(
            "SELECT connect_delay_ms FROM attempts WHERE organisation_id = $1 AND answered_at >= $2"
            " AND connect_delay_ms IS NOT NULL",
            *(organisation, begin),
        )
        on_call = await db.fetchval(
            "SELECT count(*) FROM agent_states WHERE organisation_id = $1 AND state IN ('on-call', 'on-wrap')",
            organisation,
        )
    delays = [row["connect_delay_ms"] for row in rows]
    show(
        f"connect delay, {agents} agents, predictive",
        f"p50 {percentile(delays, 0.5):.0f} ms, p99 {percentile(delays, 0.99):.0f} ms of {len(delays):,} calls",
        f"{on_call} agents busy at the end, {100 * busy:.0f} % of a core",
    )
    await db.close()


async def _next_call(dsn: str, folder: Path, agents: int) -> None:
    db = await Database.connect(dsn, size=10)
    await centre(db, "progressive", agents)
    delays: list[float] = []
    async with floor(dsn, db, folder) as (engine, carrier, desk):
        end = time.monotonic() + WARM_UP_S + MEASURED_S
        while time.monotonic() < end:
            await asyncio.sleep(0.05)
            for call in engine.floor.contacts.everyone():
                placed, freed = carrier.placed.get(call.call), desk.freed.get(call.agent or 0)
                if placed is not None and freed is not None and placed >= freed and call.agent is not None:
                    delays.append(1000 * (placed - desk.freed.pop(call.agent)))
    show(
        f"agent freed → next line dialled, {agents} agents, progressive",
        f"p50 {percentile(delays, 0.5):.0f} ms, p99 {percentile(delays, 0.99):.0f} ms of {len(delays):,}",
        "",
    )
    await db.close()


async def _takeover(dsn: str, folder: Path) -> None:
    """kill -9 of the engine that dials, and of its parent; until the other one's first attempt."""
    db = await Database.connect(dsn, size=2)
    organisation, _ = await centre(db, "preview", 20)
    await db.execute("UPDATE campaigns SET mode = 'progressive' WHERE organisation_id = $1", organisation)
    servers = [_serve(dsn, folder, number) for number in range(2)]
    count = "SELECT count(*) FROM attempts WHERE organisation_id = $1"
    while await db.fetchval(count, organisation) < 20:  # noqa: ASYNC110 - another process makes them
        await asyncio.sleep(0.1)
    taken: list[float] = []
    for _ in range(3):
        before = await db.fetchval("SELECT engine FROM campaign_leases WHERE organisation_id = $1", organisation)
        # it is not known which server's engine leads: kill the one whose death moves the lease
        began = time.perf_counter()
        first = servers.pop(0)
        _kill(first)
        while True:
            found = await db.fetchrow(
                "SELECT engine, (SELECT max(dialled_at) FROM attempts WHERE organisation_id = $1) > taken_at AS dials"
                " FROM campaign_leases WHERE organisation_id = $1",
                organisation,
            )
            if found is not None and found["engine"] != before and found["dials"]:
                taken.append(time.perf_counter() - began)
                break
            if time.perf_counter() - began > 15:
                # this one was the stand-by
                break
            await asyncio.sleep(0.02)
        servers.append(_serve(dsn, folder, len(taken) + 10))
    for server in servers:
        _kill(server)
    show("engine killed → campaign dialled by another", ", ".join(f"{each:.1f} s" for each in taken), "")
    await db.close()


def _serve(dsn: str, folder: Path, number: int) -> subprocess.Popen[bytes]:
    settings = {"DATABASE_URL": dsn, "MEDIA_LOCATION": str(folder / "media"), "CARRIER_PACE": "20"}
    more = {"SIMULATED_AGENTS": "true", "LOG_LEVEL": "error"}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "callfloor",
            "serve",
            "--role",
            "floor",
            "--port",
            "0",
            "--data",
            str(folder / str(number)),
        ],
        stdout=subprocess.PIPE,
        env=os.environ | {f"CALLFLOOR_{name}": value for name, value in (settings | more).items()},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    process.wait()


def run(size: int) -> None:
    """`size`: agents."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer.start_or_join(Path(folder) / "data")
        try:
            asyncio.run(migrate(server.dsn))
            asyncio.run(_takeover(server.dsn, Path(folder)))
            asyncio.run(_connect_delay(server.dsn, Path(folder) / "media", size))
            asyncio.run(_next_call(server.dsn, Path(folder) / "media", size))
        finally:
            server.release()
