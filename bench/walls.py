"""What row-level security costs: the same requests to two servers of one database, one connected as its owner."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from bench.floor import ratios, served, show, wrk
from bench.requests import fill, scripts
from callfloor.store.db import roles

PASSWORD = "of the benchmark"


@contextmanager
def _api(dsn: str, **environment: str) -> Generator[tuple[str, int]]:
    """An API alone on the database; its address and process."""
    with tempfile.TemporaryDirectory(prefix="cf-bench-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "callfloor", "serve", "--role", "api", "--data", folder, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"CALLFLOOR_DATABASE_URL": dsn, "CALLFLOOR_MASTER_KEY": "00" * 32} | environment,
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line.startswith("address: "):
                raise RuntimeError("the server did not start")
            yield line.removeprefix("address: ").strip(), process.pid
        finally:
            process.terminate()
            process.wait(30)


def _cpu_s(parent: int, dsn: str) -> float:
    """Processor time of the server's processes and of its database's sessions so far."""
    sessions = asyncio.run(_sessions(dsn))
    total = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent or int(process.name) in sessions:
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


async def _sessions(dsn: str) -> set[int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT pid FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend'"
        )
        return {row["pid"] for row in rows}
    finally:
        await connection.close()


def run(size: int, rounds: int = 7, seconds: int = 5) -> None:
    """Print processor time a request with the wall, without it, and the ratio, pair by pair."""
    with served(CALLFLOOR_MASTER_KEY="00" * 32) as given:
        asyncio.run(roles.make(given.dsn, "callfloor_bench", PASSWORD))
        walled = roles.address(given.dsn, "callfloor_bench", PASSWORD)
        first, last = asyncio.run(fill(given, size))
        with _api(given.dsn) as plain, _api(given.dsn, CALLFLOOR_DATABASE_API_URL=walled) as bound:
            for name, script in scripts(given, first, last).items():
                pairs = [
                    (_cost(bound, walled, script, seconds), _cost(plain, given.dsn, script, seconds))
                    for _ in range(rounds)
                ]
                cells = (f"{sorted(side)[rounds // 2] * 1e6:,.0f} µs" for side in zip(*pairs, strict=True))
                show(name, *cells, ratios(pairs))


def _cost(server: tuple[str, int], dsn: str, script: str, seconds: int) -> float:
    """Seconds of processor time a request, in the server and its sessions: what other work on the machine leaves."""
    address, parent = server
    before = _cpu_s(parent, dsn)
    rate, _ = wrk(address, script, seconds=seconds)
    return (_cpu_s(parent, dsn) - before) / (rate * seconds)
