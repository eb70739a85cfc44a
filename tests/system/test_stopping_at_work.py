"""SIGTERM of the whole product in the middle of its work: what was accepted is there, and everything has stopped.

Calls ring and are talked on, wrap-ups are saved a moment before, an import is in mid-chunk. Another server on the
folder then carries on; what it finds must be what clients were told.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest

from callfloor import samples
from tests.system.served import run, serving
from tests.system.test_stopping import descendants
from tests.waiting import until

PACE = "20"
ROWS = 30_000
WRONG = 300
LEADS = 400


@pytest.fixture
def folder() -> Iterator[Path]:
    # not pytest's own, which are closed to the user that PostgreSQL runs as
    with tempfile.TemporaryDirectory(prefix="cf-at-work-") as made:
        Path(made).chmod(0o755)
        (Path(made) / "temporary").mkdir()
        yield Path(made)


class Clients:
    """Who uses the server until it is gone: what each was told is kept."""

    def __init__(self, address: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.client = httpx2.AsyncClient(base_url=f"{address}/platform-api/v3.0", headers=headers, timeout=30)
        self.created: list[int] = []
        self.blocked: list[str] = []
        self.uuid = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    async def leads(self, list_id: int) -> None:
        """Make leads, one after the other; those of which a 201 came are accepted."""
        number = 0
        with suppress(httpx2.HTTPError):
            while True:
                answer = await self.client.post("/leads", json={"listId": list_id, "customerKey": f"made-{number}"})
                number += 1
                if answer.status_code != 201:
                    return
                self.created.append(answer.json()["leadId"])

    async def imports(self, list_id: int) -> None:
        """A file whose import is under way when the server goes."""
        lines = ["customerKey,phone1"]
        lines += [f"row-{n},{'12' if n % (ROWS // WRONG) == 0 else '0491570156'}" for n in range(ROWS)]
        answer = await self.client.post(
            f"/leads/bulk?listId={list_id}", content="\n".join(lines).encode(), headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 202, answer.text
        self.uuid = answer.json()["uuid"]

    async def imported(self) -> dict[str, Any]:
        return (await self.client.get(f"/leads/bulk/{self.uuid}")).json()


async def calls(client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """Every outbound activity."""
    found: list[dict[str, Any]] = []
    uri: str | None = "/activities?activityType=call.outbound&limit=1000"
    while uri is not None:
        page = (await client.get(uri.removeprefix("/platform-api/v3.0"))).json()
        found += [item["data"] for item in page["items"]]
        uri = page["metadata"]["nextUri"]
    return found


def start(data: Path) -> tuple[subprocess.Popen[str], str]:
    environment = os.environ | {
        "CALLFLOOR_PORT": "0",
        "CALLFLOOR_CARRIER_PACE": PACE,
        "CALLFLOOR_SIMULATED_AGENTS": "true",
        "CALLFLOOR_SIMULATED_CALLERS": "120",
        "TMPDIR": str(data.parent / "temporary"),
    }
    with (data.parent / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "callfloor", "serve", "--data", str(data)],
            stdout=subprocess.PIPE, stderr=log, env=environment, text=True,
        )  # fmt: skip
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line.startswith("address: "), (data.parent / "log").read_text()
    return server, line.removeprefix("address: ").strip()


@pytest.mark.timeout(500)
async def test_nothing_that_was_accepted_is_lost_and_everything_stops(folder: Path) -> None:
    data = folder / "data"
    server, address = start(data)
    try:
        (folder / "centre.toml").write_text(samples.text("demo.toml"))
        run(data, "apply", str(folder / "centre.toml"))
        token = run(data, "token", "create", "--name", "test", "--scopes", "all")
        async with Clients(address, token) as clients:
            seen, up = await at_work(clients, server)
    finally:
        server.kill()
        server.communicate()
    assert descendants(folder) == []
    assert list((folder / "temporary").iterdir()) == []
    assert '"level":"error"' not in (folder / "log").read_text()
    with serving(data, "--workers", "1", CALLFLOOR_SIMULATED_AGENTS="true") as (again, _):
        async with Clients(again, token) as after:
            after.uuid = clients.uuid
            result = await until(lambda: done(after), seconds=120)
            assert (result["inserted"], result["invalid"], result["processed"]) == (ROWS - WRONG, WRONG, ROWS)
            for lead in clients.created:
                assert (await after.client.get(f"/leads/{lead}")).status_code == 200
            now = {call["activityId"]: call for call in await calls(after.client)}
            assert [wrap_up(now[call["activityId"]]) for call in seen] == [wrap_up(call) for call in seen]
            await until(lambda: over(after.client, up))


async def at_work(clients: Clients, server: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], set[int]]:
    """Let the server work, and stop it in mid-work. Calls whose wrap-up was shown, and those that were up."""
    lists = (await clients.client.get("/leads/lists")).json()["items"]
    await fill(clients.client, next(item["id"] for item in lists if item["name"] == "List One"))
    await until(lambda: wrapped_up(clients.client), seconds=120)
    await clients.imports(lists[-1]["id"])
    working = asyncio.create_task(clients.leads(lists[-1]["id"]))
    await until(lambda: under_way(clients))
    seen = await wrapped_up(clients.client)
    up = {call["activityId"] for call in await calls(clients.client) if call["timestamps"]["hangUp"] is None}
    server.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait, 60) == 0
    await asyncio.wait_for(working, 30)
    assert clients.created
    assert seen
    assert up
    return seen, up


def wrap_up(call: dict[str, Any]) -> tuple[object, object]:
    return call["timestamps"]["wrapUp"], call["wrapCode"]


async def fill(client: httpx2.AsyncClient, list_id: int) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        samples.write_csv(Path(file.name), LEADS)
        answer = await client.post(
            f"/leads/bulk?listId={list_id}", content=file.read(), headers={"Content-Type": "text/csv"}
        )
    assert answer.status_code == 202, answer.text
    for user in (await client.get("/users", params={"userType": "agent"})).json()["items"]:
        await client.put("/availability", json={"agentId": user["userId"], "available": True})


async def wrapped_up(client: httpx2.AsyncClient) -> list[dict[str, Any]] | None:
    """Calls whose wrap-up was shown, as soon as there are some while others are talked on."""
    found = await calls(client)
    finished = [call for call in found if call["timestamps"]["wrapUp"] is not None]
    return finished if len(finished) > 5 and len(found) > len(finished) else None


async def under_way(clients: Clients) -> bool:
    """Some of the import is written, and some is not."""
    state = await clients.imported()
    assert state["status"] != "completed"
    return state["result"] is not None and state["result"]["processed"] > 0 and bool(clients.created)


async def done(clients: Clients) -> dict[str, Any] | None:
    state = await clients.imported()
    return state["result"] if state["status"] == "completed" else None


async def over(client: httpx2.AsyncClient, up: set[int]) -> bool:
    """Whether the calls that were up when the server stopped have an end."""
    ended = {call["activityId"] for call in await calls(client) if call["timestamps"]["hangUp"] is not None}
    return up <= ended
