"""Calls that come in, in real time: how soon a freed agent has the next caller, and how many calls a second one process
takes through a workflow. Simulated carrier, embedded PostgreSQL as it comes."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bench.dialling import percentile
from bench.floor import show
from callfloor.clock import LoopClock
from callfloor.contract.workflows import Menu, Prompt, Queue, Workflow
from callfloor.engine.engine import Engine
from callfloor.floor.plan import CampaignPlan
from callfloor.floor.ports.writes import WrapUp
from callfloor.media.blobs import open_blobs
from callfloor.postgres.server import EmbeddedServer
from callfloor.simulation.agents import SimulatedAgents
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations, workflows
from callfloor.telephony.carrier import AgentId, CallId, Ended, Joined
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier

NUMBER = "+61255500200"
CALLER = "+61491570156"
WAITING = 200
WARM_UP_S, MEASURED_S = 10.0, 30.0
CALLS_PER_S = 100
# somebody who hears a prompt, presses a key in a menu, and waits for ever
CUSTOMER = Behaviour(
    prompt_s=0.1,
    digits="1",
    digit_s=Distribution("constant", 0.15),
    talk_s=Distribution("exponential", 8.0, least=0.5),
    patience_s=Distribution("constant", 3600.0),
)
STEPS = (
    Prompt(name="hello", prompt="hello", next="menu"),
    Menu(name="menu", prompt="which", options={"1": "queue"}),
    Queue(name="queue", campaign="Support"),
)


class Carrier(SimulatedCarrier):
    """Notes when an agent is joined, and lets somebody else call for each call that ends."""

    def __init__(self, clock: LoopClock, behaviour: Behaviour) -> None:
        super().__init__(clock, 1, behaviour)
        self.freed: dict[AgentId, float] = {}
        self.delays: list[float] = []
        self.again = True
        self.ended = 0

    def _say(self, event: object) -> None:
        super()._say(event)  # type: ignore[arg-type]
        if isinstance(event, Joined) and (freed := self.freed.pop(event.agent, None)) is not None:
            self.delays.append(1000 * (time.perf_counter() - freed))
        elif isinstance(event, Ended):
            self.ended += 1
            if self.again:
                self.call_in(NUMBER, CALLER)


class Desk(SimulatedAgents):
    """Wraps up at once, and notes when."""

    carrier: Carrier
    engine: Engine

    def connected(self, agent: AgentId, plan: CampaignPlan, call: CallId) -> None:
        pass

    def wrapping(self, agent: AgentId, plan: CampaignPlan, seconds: float) -> None:
        asyncio.get_running_loop().call_later(1.0, self._wrap_up_now, agent)

    def _wrap_up_now(self, agent: AgentId) -> None:
        self.carrier.freed[agent] = time.perf_counter()
        self.engine.floor.presence.wrap_up(agent, WrapUp())


async def centre(db: Database, agents: int) -> int:
    organisation = await organisations.create(db, f"Inbound {agents}", "Australia/Sydney", "AU")
    campaign = await db.fetchval(
        "INSERT INTO campaigns (organisation_id, name, direction, timezone, dialling)"
        " VALUES ($1, 'Support', 'inbound', 'Australia/Sydney', $2) RETURNING campaign_id",
        *(organisation, msgspec.json.encode({"record": False}).decode()),
    )
    await workflows.insert(db, organisation, Workflow(name="Main", numbers=(NUMBER,), start="hello", steps=STEPS))
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
    return organisation


async def _run(dsn: str, folder: Path, agents: int, behaviour: Behaviour, *, steady: bool) -> None:
    db = await Database.connect(dsn, size=10)
    organisation = await centre(db, agents)
    clock = LoopClock(asyncio.get_running_loop())
    carrier, desk = Carrier(clock, behaviour), Desk(clock, 1, Distribution("constant", 1.0))
    engine = Engine(dsn, db, clock, carrier, open_blobs(str(folder), None), desk)
    desk.carrier, desk.engine = carrier, engine
    stop = asyncio.Event()
    running = asyncio.create_task(engine.run(stop))
    while NUMBER not in engine.floor.callers.numbers() or len(engine.floor.team.everyone()) < agents:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await (_freed(carrier, engine, agents) if steady else _rate(carrier, db, organisation))
    stop.set()
    await running
    await db.execute("UPDATE workflows SET numbers = '{}' WHERE organisation_id = $1", organisation)
    await db.close()


async def _freed(carrier: Carrier, engine: Engine, agents: int) -> None:
    for number in range(agents + WAITING):
        carrier.call_in(NUMBER, CALLER)
        if number % 50 == 49:
            await asyncio.sleep(0.5)
    await asyncio.sleep(WARM_UP_S)
    carrier.delays.clear()
    used = time.process_time()
    await asyncio.sleep(MEASURED_S)
    busy = (time.process_time() - used) / MEASURED_S
    waiting = sum(contact.agent is None for contact in engine.floor.contacts.everyone())
    show(
        f"agent freed → next caller joined, {agents} agents, {waiting} waiting",
        f"p50 {percentile(carrier.delays, 0.5):.0f} ms, p99 {percentile(carrier.delays, 0.99):.0f} ms"
        f" of {len(carrier.delays):,} calls",
        f"{100 * busy:.0f} % of a core",
    )


async def _rate(carrier: Carrier, db: Database, organisation: int) -> None:
    """Callers who hang up after a while in the queue, which nobody serves."""
    carrier.again = False
    loop, late = asyncio.get_running_loop(), list[float]()
    used, began = time.process_time(), loop.time()
    offered = int(CALLS_PER_S * MEASURED_S)
    for number in range(offered):
        at = began + number / CALLS_PER_S
        await asyncio.sleep(max(0.0, at - loop.time()))
        late.append(1000 * (loop.time() - at))
        carrier.call_in(NUMBER, CALLER)
    busy = (time.process_time() - used) / (loop.time() - began)
    ended = (
        "SELECT count(*) FROM activities WHERE organisation_id = $1 AND join_queue_at IS NOT NULL"
        " AND hang_up_at IS NOT NULL"
    )
    while carrier.ended < offered:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    waited = time.perf_counter()
    while await db.fetchval(ended, organisation) < offered:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    show(
        f"{CALLS_PER_S} calls a second through a prompt, a menu and a queue, {MEASURED_S:.0f} s",
        f"{offered:,} of {offered:,} calls, each in the queue and written down"
        f" {time.perf_counter() - waited:.1f} s after the last ended",
        f"{100 * busy:.0f} % of a core; the process was {percentile(late, 0.99):.0f} ms late at p99",
    )


def run(size: int) -> None:
    """`size`: agents."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer.start_or_join(Path(folder) / "data")
        try:
            asyncio.run(migrate(server.dsn))
            impatient = replace(CUSTOMER, patience_s=Distribution("constant", 5.0))
            asyncio.run(_run(server.dsn, Path(folder) / "media", 0, impatient, steady=False))
            asyncio.run(_run(server.dsn, Path(folder) / "media", size, CUSTOMER, steady=True))
        finally:
            server.release()
