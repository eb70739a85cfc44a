"""What a product costs that has nothing to do: memory, CPU, transactions."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench.floor import FOLDER, served, show
from bench.spent import TICKS_PER_S, load
from bench.watchers import tree
from callfloor.store.db.pool import Database

TRANSACTIONS_SQL = "SELECT sum(xact_commit + xact_rollback) FROM pg_stat_database"


def run(size: int) -> None:
    """A product as `callfloor serve` starts it, with an organisation and nobody in it. `size`: seconds."""
    with served("idle") as given:
        time.sleep(size / 2)
        # PostgreSQL is the bench's own, which started first
        postmaster = int((FOLDER / "idle" / "postgres" / "postmaster.pid").read_text().split()[0])
        processes = [*tree(given.pid), *tree(postmaster)]
        before, asked = {pid: _used_s(pid) for pid in processes}, _transactions(given.dsn)
        time.sleep(size)
        after = (_transactions(given.dsn) - asked) / size
        for kind, ours in (("the product's processes", False), ("PostgreSQL", True)):
            pids = [pid for pid in processes if _is_postgres(pid) == ours]
            cpu = sum(_used_s(pid) - before[pid] for pid in pids) / size
            memory = sum(_own_kb(pid) for pid in pids) / 1000
            show(f"idle: {kind}", f"{memory:.0f} MB, {100 * cpu:.1f} % of a core", f"{len(pids)} processes; {load()}")
        show("idle: transactions a second", f"{after:.1f}", "")


def _transactions(dsn: str) -> int:
    async def ask() -> int:
        db = await Database.connect(dsn, size=1)
        try:
            return int(await db.fetchval(TRANSACTIONS_SQL))
        finally:
            await db.close()

    return asyncio.run(ask())


def _used_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _is_postgres(pid: int) -> bool:
    return "postgres" in Path(f"/proc/{pid}/comm").read_text()


def _own_kb(pid: int) -> int:
    """Memory, with its part of what it shares with others (PSS)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
