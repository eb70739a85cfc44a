"""kill -9 of the server, of a worker and of PostgreSQL in the middle of an import: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from callfloor.contract.codes import SCOPES
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.setup import organisations
from tests.breadth import examples
from tests.store.postgres_processes import living
from tests.waiting import until

# as many as are still at work when the kill comes
ROWS = examples(24_000, long=60_000)
WRONG = ROWS // 100


class Server:
    """`callfloor serve` as an operator runs it, on an embedded PostgreSQL with its usual settings."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.log = data.parent / "serve.log"
        self.process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> None:
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "callfloor", "serve", "--data", str(self.data), "--port", "0"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=os.environ | {"CALLFLOOR_WORKERS": "2"},
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("address: "), self.log.read_text()
        self.address = line.removeprefix("address: ").strip()

    def kill(self) -> None:
        """kill -9 of the parent; its children notice and stop."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None

    def children(self) -> list[int]:
        assert self.process is not None
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def job_process(self) -> int:
        return next(pid for pid in self.children() if b"\0jobs\0" in Path(f"/proc/{pid}/cmdline").read_bytes())

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def postmaster(self) -> int:
        return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])


@pytest.fixture(scope="module")
def installed() -> Iterator[Server]:
    """A server's folder. What it costs to make one and to start eight processes is paid once."""
    # pytest's own folders are closed to the user that PostgreSQL runs as
    with tempfile.TemporaryDirectory(prefix="cf-crash-") as folder:
        Path(folder).chmod(0o755)
        made = Server(Path(folder) / "data")
        yield made
        if made.process is not None:
            made.stop()


@pytest.fixture
def server(installed: Server) -> Server:
    """It runs, whatever the test before did to it."""
    if installed.process is None:
        installed.start()
    return installed


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "zombie" not in status.read_text()


async def prepared(data: Path) -> tuple[str, int]:
    """A token and a list of a new organisation in the folder's database."""
    embedded = await asyncio.to_thread(EmbeddedServer.start_or_join, data)
    try:
        await migrate(embedded.dsn)
        db = await Database.connect(embedded.dsn, size=1)
        try:
            organisation = await organisations.create(db, f"Crash {secrets.token_hex(4)}", "Australia/Sydney", "AU")
            list_id = await db.fetchval(
                "WITH c AS (INSERT INTO campaigns (organisation_id, name, direction, timezone, mode)"
                " VALUES ($1, 'C', 'outbound', 'Australia/Sydney', 'progressive') RETURNING campaign_id)"
                " INSERT INTO lists (organisation_id, campaign_id, name) SELECT $1, campaign_id, 'L' FROM c"
                " RETURNING list_id",
                organisation,
            )
            token = await tokens.create(db, organisation, "crash", SCOPES, requests_per_second=10_000)
            return token, list_id
        finally:
            await db.close()
    finally:
        await asyncio.to_thread(embedded.release)


def body() -> bytes:
    lines = [f"k{n},{'12' if n % (ROWS // WRONG) == 0 else '0491570156'}" for n in range(ROWS)]
    return ("customerKey,phone1\n" + "\n".join(lines)).encode()


class Client:
    def __init__(self, server: Server, token: str, list_id: int) -> None:
        self._server, self._headers, self.list_id = server, {"Authorization": f"Bearer {token}"}, list_id

    async def request(self, method: str, path: str, **given: Any) -> httpx2.Response:
        base = f"{self._server.address}/platform-api/v3.0"
        headers = self._headers | given.pop("headers", {})
        async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=30) as client:
            return await client.request(method, path, **given)

    async def accept(self) -> str:
        answer = await self.request(
            "POST", f"/leads/bulk?listId={self.list_id}", content=body(), headers={"Content-Type": "text/csv"}
        )
        assert answer.status_code == 202
        return answer.json()["uuid"]

    async def state(self, uuid: str) -> dict[str, Any]:
        answer = await self.request("GET", f"/leads/bulk/{uuid}")
        assert answer.status_code == 200
        return answer.json()

    async def begun(self, uuid: str) -> bool:
        state = await self.state(uuid)
        return 0 < state["result"]["processed"] < ROWS or state["status"] == "completed"

    async def completed(self, uuid: str) -> dict[str, Any] | None:
        state = await self.state(uuid)
        return state["result"] if state["status"] == "completed" else None

    async def check(self, result: dict[str, Any]) -> None:
        """The counts are exact, and so is what is in the list."""
        counts = {name: result[name] for name in ("rows", "inserted", "updated", "skipped", "invalid", "processed")}
        assert counts == {
            "rows": ROWS, "inserted": ROWS - WRONG, "updated": 0, "skipped": 0, "invalid": WRONG, "processed": ROWS,
        }  # fmt: skip
        seen: set[str] = set()
        uri: str | None = f"/leads?listId={self.list_id}&limit=1000"
        leads = 0
        while uri:
            page = (await self.request("GET", re.sub(r"^/platform-api/v3\.0", "", uri))).json()
            leads += len(page["items"])
            seen |= {item["customerKey"] for item in page["items"]}
            uri = page["metadata"]["nextUri"]
        assert leads == len(seen) == ROWS - WRONG


@pytest.mark.parametrize("victim", ["server", "worker", "postgres"])
async def test_an_import_survives_a_kill(server: Server, victim: str) -> None:
    token, list_id = await prepared(server.data)
    client = Client(server, token, list_id)
    uuid = await client.accept()
    await until(lambda: client.begun(uuid))
    if victim == "server":
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
    elif victim == "worker":
        os.kill(server.job_process(), signal.SIGKILL)
    else:
        os.kill(server.postmaster(), signal.SIGKILL)
    await client.check(await until(lambda: client.completed(uuid), 120))
    assert "+61491570156" not in server.log.read_text()


async def test_a_database_that_is_away_is_503_and_comes_back(server: Server) -> None:
    token, list_id = await prepared(server.data)
    client = Client(server, token, list_id)
    assert (await client.request("GET", "/users")).status_code == 200
    # its parent, which would start it again, stands still meanwhile
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        os.kill(server.postmaster(), signal.SIGKILL)

        async def gone() -> bool:
            return not living(server.data)

        await until(gone)
        answer = await client.request("GET", "/leads")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)

    async def back() -> bool:
        return (await client.request("GET", "/leads")).status_code == 200

    assert await until(back)


async def test_a_second_server_of_one_role_on_one_folder_gets_a_clear_error(server: Server) -> None:
    second = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "callfloor", "serve", "--data", str(server.data), "--port", "0", "--role", "jobs"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode != 0
    # root is warned where it cannot become the service user
    (error,) = (line for line in second.stderr.splitlines() if not line.startswith("callfloor: warning: "))
    assert "role jobs" in error


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_everything_cleanly(server: Server, number: int) -> None:
    """The first comes after the kills above."""
    assert server.process is not None
    postmaster = server.postmaster()
    children = server.children()
    server.process.send_signal(number)
    assert await asyncio.to_thread(server.process.wait, 60) == 0
    assert not [pid for pid in (postmaster, *children) if alive(pid)]
    assert server.process.stdout is not None
    server.process.stdout.close()
    server.process = None
