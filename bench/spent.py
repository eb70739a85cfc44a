"""What happens meanwhile costs the database and the process: rows, bytes of WAL, transactions, statements, CPU.

Counted by PostgreSQL itself, and by the kernel. Rows, bytes and statements are exact however loaded the machine is; CPU
nearly so.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from asyncpg import Record

from bench.floor import show
from callfloor.postgres.cluster import wheel
from callfloor.store.db.pool import Database

TABLES_SQL = """
SELECT coalesce(p.inhparent::regclass::text, s.relid::regclass::text) AS name, sum(n_tup_ins)::bigint AS inserted,
    sum(n_tup_upd)::bigint AS updated, sum(n_tup_hot_upd)::bigint AS hot, sum(n_tup_del)::bigint AS deleted
FROM pg_stat_user_tables s LEFT JOIN pg_inherits p ON p.inhrelid = s.relid GROUP BY 1"""
# pages that are written whole for the first change after a checkpoint are counted apart: they are the same few pages
# however many calls there are
SERVER_SQL = """
SELECT xact_commit AS transactions, wal_bytes, wal_records, wal_fpi, pg_current_wal_insert_lsn() AS lsn
FROM pg_stat_database, pg_stat_wal WHERE datname = current_database()"""
# a partition goes by the name of its table
NODES_SQL = """
SELECT pg_relation_filenode(c.oid) AS node, regexp_replace(c.relname, '_(p_?)?[0-9]{4}_?[0-9]{2}', '') AS name
FROM pg_class c WHERE c.relkind IN ('r', 'i', 't', 'S')"""
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# tables and indexes that are named, those with the most
NAMED = 40

_asked = 0


@contextmanager
def counted() -> Generator[None]:
    """Count what this process asks of a database, every statement, BEGIN and COMMIT among them."""
    whole: tuple[Any, Any] = asyncpg.Connection._execute, asyncpg.Connection.execute  # type: ignore[attr-defined]

    async def _execute(*args: Any, **given: Any) -> Any:
        global _asked
        _asked += 1
        return await whole[0](*args, **given)

    async def execute(self: Any, query: str, *args: Any, **given: Any) -> Any:
        global _asked
        # with arguments it comes to the other one
        _asked += not args
        return await whole[1](self, query, *args, **given)

    asyncpg.Connection._execute, asyncpg.Connection.execute = _execute, execute  # type: ignore[attr-defined,method-assign]
    try:
        yield
    finally:
        asyncpg.Connection._execute, asyncpg.Connection.execute = whole  # type: ignore[attr-defined,method-assign]


def load() -> str:
    """What else the machine does: processes that want a core, the last minute's mean."""
    return f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"


@dataclass(frozen=True, slots=True)
class _Reading:
    server: Record
    tables: Mapping[str, Record]
    at: datetime
    asked: int
    process_s: float
    postgres_s: float


class Meter:
    """`data`: the data folder of the embedded PostgreSQL. `begin`, then `end`, then what one of `count` calls cost."""

    def __init__(self, db: Database, data: Path) -> None:
        self._db, self._postgres = db, data / "postgres"
        self._before: _Reading | None = None
        self._after: _Reading | None = None

    async def begin(self) -> datetime:
        """The moment from which is counted."""
        self._before = await self._read()
        return self._before.at

    async def end(self) -> datetime:
        """The moment up to which was counted."""
        self._after = await self._read()
        return self._after.at

    async def _read(self) -> _Reading:
        at = datetime.now(UTC)
        # a backend tells its counts once a second at most
        await asyncio.sleep(2)
        await self._db.execute("SELECT pg_stat_force_next_flush()")
        server = await self._db.fetchrow(SERVER_SQL)
        assert server is not None
        tables = {row["name"]: row for row in await self._db.fetch(TABLES_SQL)}
        used = postgres_s(self._postgres / "postmaster.pid")
        return _Reading(server, tables, at, _asked, time.process_time(), used)

    async def show(self, what: str, count: int, about: str) -> None:
        """Of each of `count` things: what they are called, and what else is to be said of them."""
        before, after = self._before, self._after
        assert before is not None
        assert after is not None
        count = max(count, 1)
        rows = 0
        for name, row in sorted(after.tables.items()):
            was = before.tables.get(name)
            made, changed, hot, gone = (
                row[kind] - (was[kind] if was else 0) for kind in ("inserted", "updated", "hot", "deleted")
            )
            rows += made + changed + gone
            if made + changed + gone >= count / 50:
                show(
                    f"{name} rows per {what}",
                    f"{made / count:.2f} in, {changed / count:.2f} changed ({hot / max(changed, 1):.0%} HOT),"
                    f" {gone / count:.2f} out",
                    "",
                )

        def each(name: str) -> float:
            return (after.server[name] - before.server[name]) / count

        took = (after.at - before.at) / timedelta(seconds=1)
        show(
            f"written per {what}",
            f"{rows / count:.1f} rows, {each('wal_bytes') / 1000:.1f} kB of WAL"
            f" ({each('wal_records'):.0f} records, {each('wal_fpi'):.2f} whole pages),"
            f" {each('transactions'):.1f} transactions, {(after.asked - before.asked) / count:.1f} statements",
            f"{count} of them, {count / took:.1f}/s{about}",
        )
        show(
            f"CPU per {what}",
            f"{1000 * (after.process_s - before.process_s) / count:.1f} ms of the engine with its carrier,"
            f" {1000 * (after.postgres_s - before.postgres_s) / count:.1f} ms of PostgreSQL",
            load(),
        )
        await self._by_table(before.server["lsn"], after.server["lsn"], count, what)

    async def _by_table(self, first: int, last: int, count: int, what: str) -> None:
        """Which tables and indexes the bytes are of."""
        names = {str(row["node"]): row["name"] for row in await self._db.fetch(NODES_SQL)}
        dump = await asyncio.create_subprocess_exec(
            *(wheel()[1] / "pg_waldump", "-p", self._postgres / "pg_wal", "-s", _lsn(first), "-e", _lsn(last)),
            stdout=asyncio.subprocess.PIPE,
        )
        dumped, _ = await dump.communicate()
        bytes_of: Counter[str] = Counter()
        for line in dumped.decode().splitlines():
            length = re.search(r"len \(rec/tot\): +(\d+)/ +(\d+)", line)
            relation = re.search(r"blkref #0: rel \d+/\d+/(\d+)|rel \d+/\d+/(\d+)", line)
            if length is not None:
                kind = line.split("rmgr: ", 1)[1].split()[0]
                found = relation and (relation[1] or relation[2])
                bytes_of[names.get(found, found) if found else kind] += int(length[1])
                if "FPW" in line:
                    bytes_of["whole pages"] += int(length[2]) - int(length[1])
        for name, number in bytes_of.most_common(NAMED):
            show(f"  WAL of {name} per {what}", f"{number / count:.0f} bytes", "")


def _lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def postgres_s(pid_file: Path) -> float:
    """CPU seconds that PostgreSQL has used, those of processes that are gone too."""
    parent = int(pid_file.read_text().split()[0])
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    ticks = sum(_ticks(parent, own=slice(11, 15)))
    for child in children:
        try:
            ticks += sum(_ticks(int(child), own=slice(11, 13)))
        except FileNotFoundError:
            # gone since; its parent has its time now
            continue
    return ticks / TICKS_PER_S


def _ticks(pid: int, own: slice) -> list[int]:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return [int(each) for each in fields[own]]
