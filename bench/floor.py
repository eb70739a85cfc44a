"""What every row stands on: a served product on an embedded PostgreSQL, and the tools that measure it."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from callfloor import samples
from callfloor.contract.codes import SCOPES
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.setup import organisations

FOLDER = Path(os.environ.get("CALLFLOOR_BENCH_DATA", Path(__file__).parent / ".data"))
PREFIX = "/platform-api/v3.0"
UNLIMITED = 1_000_000


class ToolMissing(RuntimeError):
    """A program that a row needs is not installed."""


def tool(name: str, package: str) -> str:
    """The path of a program. Raises `ToolMissing` naming the Debian package that has it."""
    found = shutil.which(name)
    if found is None:
        raise ToolMissing(f"{name} is needed: apt-get install {package}")
    return found


@dataclass(frozen=True)
class Served:
    """A running server and an organisation in it with one campaign each way and one list."""

    address: str
    dsn: str
    token: str
    organisation: int
    outbound: int
    inbound: int
    list_id: int
    pid: int

    @property
    def api(self) -> str:
        return self.address + PREFIX

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def _centre(dsn: str) -> dict[str, object]:
    """The benchmark's organisation, made once a data folder, with a fresh token."""
    await migrate(dsn)
    db = await Database.connect(dsn, size=2)
    try:
        known = [row["organisation_id"] for row in await organisations.every(db) if row["name"] == "Benchmark"]
        organisation = known[0] if known else await organisations.create(db, "Benchmark", "Australia/Sydney", "AU")
        if not known:
            for name, direction, mode in (("In", "inbound", None), ("Out", "outbound", "progressive")):
                await db.execute(
                    "INSERT INTO campaigns (organisation_id, name, direction, timezone, mode)"
                    " VALUES ($1, $2, $3, 'Australia/Sydney', $4)",
                    organisation,
                    name,
                    direction,
                    mode,
                )
            await db.execute(
                "INSERT INTO lists (organisation_id, campaign_id, name) SELECT $1, campaign_id, 'List One'"
                " FROM campaigns WHERE organisation_id = $1 AND direction = 'outbound'",
                organisation,
            )
        campaigns = {
            row["direction"]: row["campaign_id"]
            for row in await db.fetch(
                "SELECT direction, campaign_id FROM campaigns WHERE organisation_id = $1", organisation
            )
        }
        list_id = await db.fetchval("SELECT min(list_id) FROM lists WHERE organisation_id = $1", organisation)
        token = await tokens.create(db, organisation, "benchmark", SCOPES, requests_per_second=UNLIMITED)
        return {"organisation": organisation, "list_id": list_id, "token": token} | campaigns
    finally:
        await db.close()


@contextmanager
def served(folder: str = "main", **environment: str) -> Iterator[Served]:
    """`callfloor serve` on a data folder that is kept from run to run, as an operator would start it."""
    data = FOLDER / folder
    data.mkdir(parents=True, exist_ok=True)
    stack = ExitStack()
    database = EmbeddedServer.start_or_join(data)
    process = None
    log_path = data / "serve.log"
    try:
        centre = asyncio.run(_centre(database.dsn))
        log = stack.enter_context(log_path.open("w"))
        process = subprocess.Popen(
            [sys.executable, "-m", "callfloor", "serve", "--data", str(data), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=os.environ | environment,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("address: "):
            raise RuntimeError(f"the server did not start; see {log_path}")
        yield Served(
            address=line.removeprefix("address: ").strip(),
            dsn=database.dsn,
            token=str(centre["token"]),
            organisation=int(str(centre["organisation"])),
            outbound=int(str(centre["outbound"])),
            inbound=int(str(centre["inbound"])),
            list_id=int(str(centre["list_id"])),
            pid=process.pid,
        )
    finally:
        if process is not None:
            process.terminate()
            process.wait(30)
        database.release()
        stack.close()


def pgbench(dsn: str, script: str, *, seconds: int, clients: int = 32) -> float:
    """Statements a second of one prepared statement: the bound."""
    program = tool("pgbench", "postgresql-contrib")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [program, "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", file.name, dsn],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"pgbench failed: {done.stderr[-500:]}")
    return float(re.findall(r"tps = ([0-9.]+)", done.stdout)[0])


def wrk(url: str, script: str, *, seconds: int, connections: int = 32) -> tuple[float, str]:
    """Requests a second and the 99th percentile, from a Lua script. Any answer that is not 2xx is a failure."""
    program = tool("wrk", "wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [program, "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--latency", "-s", file.name, url],
            capture_output=True,
            text=True,
            check=True,
        )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"the server did not answer every request with 2xx: {done.stdout}")
    rate = float(re.findall(r"Requests/sec:\s+([0-9.]+)", done.stdout)[0])
    return rate, re.findall(r"99%\s+(\S+)", done.stdout)[0]


def ratios(pairs: list[tuple[float, float]]) -> str:
    """Product ÷ bound, pair by pair: median (least to most)."""
    found = sorted(product / bound for product, bound in pairs)
    return f"{median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"


def show(row: str, *cells: str) -> None:
    """One line of results, as a row of a Markdown table."""
    print(f"| {row} | " + " | ".join(cells) + " |", flush=True)


def now_ms() -> float:
    return time.perf_counter() * 1000


def numbers(count: int) -> Iterator[str]:
    """Numbers of the ranges kept for fiction, again from the start when they run out."""
    for index in range(count):
        yield samples.fiction_number(index)
