"""What a dialled call and a caller cost the database: rows and bytes of WAL written, transactions, statements.

Counted by PostgreSQL itself over a minute of a floor at work, with everything that production does of a call: dialling,
agents' states, recordings' rows, evidence with its seals. Simulated carrier, embedded PostgreSQL as it comes.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asyncpg import Record

from bench.dialling import centre, floor
from bench.floor import show
from callfloor.jobs import evidence
from callfloor.postgres.cluster import wheel
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database

WARM_UP_S, MEASURED_S = 120.0, 60.0
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
CALLS_SQL = """
SELECT count(*) AS ended, count(*) FILTER (WHERE connect_delay_ms IS NOT NULL) AS connected
FROM attempts WHERE organisation_id = $1 AND hang_up_at >= $2 AND hang_up_at < $3"""


async def _tables(db: Database) -> Mapping[str, Record]:
    await db.execute("SELECT pg_stat_force_next_flush()")
    return {row["name"]: row for row in await db.fetch(TABLES_SQL)}


async def _per_call(dsn: str, data: Path, folder: Path, agents: int) -> None:
    db = await Database.connect(dsn, size=10)
    organisation, _ = await centre(db, "predictive", agents)
    async with floor(dsn, db, folder):
        await asyncio.sleep(WARM_UP_S)
        # the next checkpoint is far away: what is written whole is written whole before
        await db.execute("CHECKPOINT")
        await asyncio.sleep(WARM_UP_S / 3)
        await evidence.seal(db, datetime.now(UTC))
        await asyncio.sleep(2)
        before, tables, begin = await db.fetchrow(SERVER_SQL), await _tables(db), datetime.now(UTC)
        await asyncio.sleep(MEASURED_S)
        await evidence.seal(db, datetime.now(UTC))
        end = datetime.now(UTC)
        # a backend tells its counts once a second at most
        await asyncio.sleep(2)
        after, then = await db.fetchrow(SERVER_SQL), await _tables(db)
        calls = await db.fetchrow(CALLS_SQL, organisation, begin, end)
    assert before is not None
    assert after is not None
    assert calls is not None
    ended = max(calls["ended"], 1)
    rows = 0
    for name, row in sorted(then.items()):
        was = tables.get(name)
        made, changed, hot, gone = (
            row[kind] - (was[kind] if was else 0) for kind in ("inserted", "updated", "hot", "deleted")
        )
        rows += made + changed + gone
        if made + changed + gone >= ended / 50:
            show(
                f"{name} rows per dialled call",
                f"{made / ended:.2f} in, {changed / ended:.2f} changed ({hot / max(changed, 1):.0%} HOT),"
                f" {gone / ended:.2f} out",
                "",
            )
    took = (end - begin) / timedelta(seconds=1)
    whole = after["wal_fpi"] - before["wal_fpi"]
    show(
        f"written per dialled call, {agents} agents",
        f"{rows / ended:.1f} rows, {(after['wal_bytes'] - before['wal_bytes']) / ended / 1000:.1f} kB of WAL"
        f" ({(after['wal_records'] - before['wal_records']) / ended:.0f} records, {whole / ended:.2f} whole pages),"
        f" {(after['transactions'] - before['transactions']) / ended:.1f} transactions",
        f"{ended} calls, {calls['connected'] / ended:.0%} connected, {ended / took:.1f}/s; goals 10 rows, 6 kB",
    )
    await _wal_by_table(db, data / "postgres" / "pg_wal", before["lsn"], after["lsn"], ended)
    await db.close()


def _lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


async def _wal_by_table(db: Database, folder: Path, first: int, last: int, calls: int) -> None:
    """Which tables and indexes the bytes are of."""
    names = {str(row["node"]): row["name"] for row in await db.fetch(NODES_SQL)}
    dump = await asyncio.create_subprocess_exec(
        *(wheel()[1] / "bin" / "pg_waldump", "-p", folder, "-s", _lsn(first), "-e", _lsn(last)),
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
    for name, count in bytes_of.most_common(24):
        show(f"  WAL of {name} per dialled call", f"{count / calls:.0f} bytes", "")


def run(size: int) -> None:
    """`size`: agents."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer.start_or_join(Path(folder) / "data")
        try:
            asyncio.run(migrate(server.dsn))
            asyncio.run(_per_call(server.dsn, Path(folder) / "data", Path(folder) / "media", size))
        finally:
            server.release()
