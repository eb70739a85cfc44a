"""The live floor: what supervisors who watch 500 agents cost."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from websockets.asyncio.client import connect

from bench.floor import Served, served, show
from callfloor.contract.codes import AgentState
from callfloor.contract.workspace import AtHand, Call
from callfloor.store.agents import agents, desk_events
from callfloor.store.db.pool import Database
from callfloor.store.figures import live_floor
from callfloor.store.people import tokens

WATCHERS, CHANGES_PER_S, MEASURED_S = (1, 100), 100, 30.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CALL = Call(
    activity_id=1, direction="outbound", campaign_id=1, campaign_name="Out", number="+61491570156", lead_id=7,
    state="connected", connected_timestamp=datetime(2026, 11, 2, tzinfo=UTC),
)  # fmt: skip


def tree(pid: int) -> Iterator[int]:
    """A process and its children."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from tree(int(child))


def _api_s(pid: int) -> float:
    """CPU seconds that the product's processes have used, without those of the database."""
    used = 0
    for each in tree(pid):
        if "postgres" not in Path(f"/proc/{each}/comm").read_text():
            fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            used += int(fields[11]) + int(fields[12])
    return used / TICKS_PER_S


async def _people(db: Database, given: Served, count: int) -> tuple[list[int], str]:
    """The agents, and a supervisor's token. They belong to no campaign: the engine would free them of calls that it
    does not know."""
    rows = await db.fetch(
        "WITH made AS (INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
        " SELECT $1, 'agent', 'watched ' || n, 'Agent', n::text FROM generate_series(1, $2::int) AS n"
        " ON CONFLICT (organisation_id, username) DO UPDATE SET last_name = excluded.last_name RETURNING user_id)"
        " SELECT user_id FROM made",
        given.organisation,
        count,
    )
    boss = await db.fetchval(
        "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
        " VALUES ($1, 'user', 'watching', 'The', 'Boss')"
        " ON CONFLICT (organisation_id, username) DO UPDATE SET last_name = excluded.last_name RETURNING user_id",
        given.organisation,
    )
    scopes = ["workspace:supervise"]
    return [row["user_id"] for row in rows], await tokens.create(db, given.organisation, "boss", scopes, user_id=boss)


async def _happen(db: Database, given: Served, of: list[int], said: dict[str, float]) -> None:
    """Agents take calls and end them, until cancelled. `said`: when a reason was given to a pause."""
    states: tuple[AgentState, ...] = ("on-call", "on-wrap", "ready", "paused")
    chance = random.Random(1)
    serial = 0
    while True:
        began = time.perf_counter()
        for _ in range(CHANGES_PER_S // 10):
            agent, state, now = chance.choice(of), chance.choice(states), datetime.now(UTC)
            serial += 1
            reason = f"break {serial}" if state == "paused" else None
            hand = AtHand(call=CALL) if state == "on-call" else AtHand()
            await agents.show(db, given.organisation, agent, state, reason, now)
            if reason is not None:
                said[reason] = time.perf_counter()
            await desk_events.publish(db, given.organisation, agent, "call.changed", hand, now)
        await asyncio.sleep(max(0.0, 0.1 - (time.perf_counter() - began)))


async def _watch(url: str, token: str, got: list[int], heard: dict[str, float] | None) -> None:
    """Read until cancelled; bytes and messages are added up. `heard`: when each pause was first seen."""
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(url, additional_headers=headers, compression=None, max_size=None) as connection:
        async for message in connection:
            got[0] += len(message)
            got[1] += 1
            if heard is not None:
                seen = json.loads(message)
                for agent in (seen.get("agents") or {}).get("changed", ()):
                    if agent["state"] == "paused":
                        heard.setdefault(agent["reason"], time.perf_counter())


async def _measure(given: Served, count: int) -> None:
    db = await Database.connect(given.dsn, size=4)
    url = given.address.replace("http", "ws", 1) + "/workspace/v1/floor/events"
    try:
        of, token = await _people(db, given, count)
        for agent in of:
            await agents.show(db, given.organisation, agent, "ready", None, datetime.now(UTC))
        said: dict[str, float] = {}
        happening = asyncio.create_task(_happen(db, given, of, said))
        await asyncio.sleep(3.0)
        idle, began = _api_s(given.pid), time.perf_counter()
        await asyncio.sleep(MEASURED_S / 2)
        before = (_api_s(given.pid) - idle) / (time.perf_counter() - began)
        for watchers in WATCHERS:
            heard: dict[str, float] = {}
            got = [[0, 0] for _ in range(watchers)]
            tasks = [
                asyncio.create_task(_watch(url, token, got[n], heard if n == 0 else None)) for n in range(watchers)
            ]
            await asyncio.sleep(5.0)
            used, began, first = _api_s(given.pid), time.perf_counter(), sum(each[0] for each in got)
            await asyncio.sleep(MEASURED_S)
            took = time.perf_counter() - began
            cpu, sent = (_api_s(given.pid) - used) / took, (sum(each[0] for each in got) - first) / took / watchers
            late = sorted(heard[reason] - said[reason] for reason in heard.keys() & said.keys())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            show(
                f"{watchers} watching {count} agents, {CHANGES_PER_S} changes a second",
                f"{100 * (cpu - before):.1f} % of a core above idle ({100 * before:.1f} %)",
                f"{sent / 1000:.1f} kB/s a watcher, seen p50 {late[len(late) // 2]:.2f} s,"
                f" p99 {late[len(late) * 99 // 100]:.2f} s, last {late[-1]:.2f} s",
            )
        taken: list[float] = []
        for _ in range(20):
            now = datetime.now(UTC)
            began = time.perf_counter()
            await live_floor.read(db, given.organisation, now, now - timedelta(minutes=10))
            taken.append(1000 * (time.perf_counter() - began))
        show("the reading, once a second", f"{sorted(taken)[10]:.1f} ms with the database's part of it", "")
        happening.cancel()
        await asyncio.gather(happening, return_exceptions=True)
    finally:
        await db.close()


def run(size: int) -> None:
    """Print a row for one watcher, and one for a hundred. `size`: agents."""
    with served(CALLFLOOR_SOCKETS_PER_TOKEN="1000") as given:
        asyncio.run(_measure(given, size))
