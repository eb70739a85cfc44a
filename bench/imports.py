"""Bulk import against a raw COPY of the same rows into a table like `leads`, and that against one into a narrow table
with the key and three indexes."""

from __future__ import annotations

import asyncio
import csv
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles

import asyncpg
import httpx2
import msgspec

from bench.floor import PREFIX, Served, served, show
from callfloor import samples

# With all indexes; its triggers do nothing for rows that are counted by whoever writes them.
LEADS_TABLE = "CREATE TABLE bench_copy (LIKE leads INCLUDING ALL)"
TABLE = """
CREATE UNLOGGED TABLE bench_copy (organisation_id bigint, lead_id bigserial, list_id bigint, customer_key text,
    phone1 text, phone2 text, timezone text, data jsonb, uploaded_at timestamptz DEFAULT now(),
    PRIMARY KEY (organisation_id, lead_id));
ALTER TABLE bench_copy SET LOGGED;
CREATE INDEX ON bench_copy (organisation_id, list_id, uploaded_at);
CREATE INDEX ON bench_copy (organisation_id, phone1);
CREATE INDEX ON bench_copy (organisation_id, customer_key)"""


def _files(folder: Path, size: int) -> tuple[Path, Path]:
    """The same leads as CSV and as JSON."""
    as_csv, as_json = folder / "leads.csv", folder / "leads.json"
    with as_csv.open("w", newline="") as left, as_json.open("wb") as right:
        writer = csv.writer(left)
        writer.writerow(samples.COLUMNS)
        right.write(b'{"leads": [')
        for number, row in enumerate(samples.rows(size)):
            writer.writerow([row[name] for name in samples.COLUMNS])
            lead = {name: row[name] or None for name in ("customerKey", "phone1", "phone2", "timezone")}
            lead["leadData"] = {name: row[name] for name in ("firstName", "lastName", "plan")}
            right.write((b"," if number else b"") + msgspec.json.encode(lead))
        right.write(b"]}")
    return as_csv, as_json


def _narrow(row: dict[str, str]) -> dict[str, object]:
    return {
        "organisation_id": 1,
        "list_id": 1,
        "customer_key": row["customerKey"],
        "phone1": row["phone1"],
        "phone2": row["phone2"] or None,
        "timezone": row["timezone"] or None,
        "data": '{"plan": "gold"}',
    }


def _as_lead(row: dict[str, str]) -> dict[str, object]:
    """As the import writes it."""
    now = datetime.now(UTC)
    return _narrow(row) | {"status_code": 0, "uploaded_at": now, "updated_at": now, "counted": True}


async def _copy(dsn: str, table: str, row_of: Callable[[dict[str, str]], dict[str, object]], size: int) -> float:
    """Rows a second of a raw COPY."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("DROP TABLE IF EXISTS bench_copy")
        await connection.execute(table)
        made = [row_of(row) for row in samples.rows(size)]
        rows = [tuple(row.values()) for row in made]
        started = time.perf_counter()
        await connection.copy_records_to_table("bench_copy", records=rows, columns=list(made[0]))
        taken = time.perf_counter() - started
        await connection.execute("DROP TABLE bench_copy")
        return size / taken
    finally:
        await connection.close()


async def _latency(client: httpx2.AsyncClient, path: str, stop: asyncio.Event) -> list[float]:
    times: list[float] = []
    while not stop.is_set():
        started = time.perf_counter()
        (await client.get(path)).raise_for_status()
        times.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0.01)
    return times


def _memory_mb(pid: int) -> float:
    """Resident memory of the server's processes, without PostgreSQL's."""
    total, pending = 0, [pid]
    while pending:
        each = pending.pop()
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            pending += [int(child) for child in Path(f"/proc/{each}/task/{each}/children").read_text().split()]
        except FileNotFoundError:
            continue
    return total / 2**20


async def _import(given: Served, path: Path, content_type: str, size: int) -> tuple[float, float, float, float]:
    """Rows a second from the first byte sent to `completed`, memory over idle (MB), p99 before and meanwhile (ms)."""
    async with httpx2.AsyncClient(base_url=given.address, headers=given.headers, timeout=600) as client:
        quiet = asyncio.Event()
        probe = asyncio.create_task(_latency(client, f"{PREFIX}/users?limit=1", quiet))
        await asyncio.sleep(5)
        quiet.set()
        before = quantiles(await probe, n=100)[98]
        idle = most = _memory_mb(given.pid)
        stop = asyncio.Event()
        probe = asyncio.create_task(_latency(client, f"{PREFIX}/users?limit=1", stop))
        started = time.perf_counter()
        accepted = await client.post(
            f"{PREFIX}/leads/bulk?listId={given.list_id}",
            content=_chunks(path),
            headers={"Content-Type": content_type},
        )
        accepted.raise_for_status()
        while True:
            state = (await client.get(f"{PREFIX}/leads/bulk/{accepted.json()['uuid']}")).raise_for_status().json()
            most = max(most, _memory_mb(given.pid))
            if state["status"] in ("completed", "failed"):
                break
            await asyncio.sleep(0.1)
        taken = time.perf_counter() - started
        stop.set()
        meanwhile = quantiles(await probe, n=100)[98]
        result = state["result"]
        assert state["status"] == "completed", state
        assert result["rows"] == size == result["inserted"] + result["invalid"], result
        return size / taken, most - idle, before, meanwhile


async def _chunks(path: Path) -> AsyncGenerator[bytes, None]:
    with path.open("rb") as file:
        while chunk := file.read(256 * 1024):
            yield chunk


def run(size: int) -> None:
    """Print a row a format."""
    with served("imports") as given, tempfile.TemporaryDirectory() as folder:
        as_csv, as_json = _files(Path(folder), size)
        for name, path, content_type in (("CSV", as_csv, "text/csv"), ("JSON", as_json, "application/json")):
            narrow = asyncio.run(_copy(given.dsn, TABLE, _narrow, min(size, 300_000)))
            bound = asyncio.run(_copy(given.dsn, LEADS_TABLE, _as_lead, min(size, 300_000)))
            show(f"COPY into leads, {name}", f"{bound:,.0f} rows/s", f"{narrow:,.0f} rows/s", f"{bound / narrow:.2f}")
            rate, memory, before, meanwhile = asyncio.run(_import(given, path, content_type, size))
            show(
                f"import of {size:,} leads, {name}",
                f"{rate:,.0f} rows/s",
                f"{bound:,.0f} rows/s",
                f"{rate / bound:.2f}",
                f"+{memory:.0f} MB; other requests' p99 {before:.1f} → {meanwhile:.1f} ms",
            )
