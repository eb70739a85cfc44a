"""Whether `leads` should be partitioned: what a lookup, a page of leads to dial, a number and the start of a call read,
in pages of eight kilobytes, of one table and of one in 16 parts. Pages are exact however loaded the machine is."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from bench.dialling import centre
from bench.floor import numbers, show
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database

PARTS, TRIES = 16, 15
PARTED = f"leads in {PARTS} parts"
FILL_SQL = """
INSERT INTO leads (organisation_id, list_id, uploaded_at, updated_at, phone1, data, status_code, counted)
SELECT $1, $2, now(), now(), ($3::text[])[1 + n % 20000], '{"name": "Jane Doe", "postcode": "2000"}', 0, true
FROM generate_series(1, $4::int) AS n"""
COLUMNS_SQL = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
WHERE attrelid = 'leads'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"""
INDEXES_SQL = "SELECT indexdef FROM pg_indexes WHERE tablename = 'leads' AND indexname <> 'leads_pkey'"
SIZE_SQL = """
SELECT pg_table_size('leads') AS rows, pg_indexes_size('leads') AS indexes, (
    SELECT count(*) FROM pg_index WHERE indrelid = 'leads'::regclass) AS count"""
WHAT = {
    "a lead by its id": "SELECT * FROM {table} WHERE organisation_id = {org} AND lead_id = {lead}",
    "50 leads to dial": "SELECT lead_id FROM {table} WHERE organisation_id = {org} AND list_id = {list} AND dialable"
    " AND in_flight_attempt_id IS NULL AND status_code = 0 AND next_attempt_at IS NULL AND lead_id > {lead}"
    " ORDER BY lead_id LIMIT 50",
    "leads of a number": "SELECT lead_id FROM {table} WHERE organisation_id = {org} AND phone1 = '{phone}'"
    " ORDER BY uploaded_at DESC, lead_id DESC LIMIT 10",
    "the start of a call": "UPDATE {table} SET in_flight_attempt_id = 1, last_attempt_at = now(),"
    " attempts = attempts + 1, status_code = 1,"
    " updated_at = now() + interval '1 s' WHERE organisation_id = {org} AND lead_id = {lead}",
}  # fmt: skip


async def _parted(db: Database) -> None:
    columns = await db.fetchval(COLUMNS_SQL)
    indexes = [row["indexdef"] for row in await db.fetch(INDEXES_SQL)]
    await db.execute(
        "CREATE TABLE parted (LIKE leads INCLUDING DEFAULTS INCLUDING GENERATED,"
        " PRIMARY KEY (organisation_id, lead_id)) PARTITION BY HASH (lead_id)"
    )
    for part in range(PARTS):
        await db.execute(
            f"CREATE TABLE parted_{part} PARTITION OF parted FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {part})"
        )
    await db.execute(f"INSERT INTO parted ({columns}) SELECT {columns} FROM leads")
    for made in indexes:
        await db.execute(made.replace("leads", "parted"))


async def _pages(db: Database, table: str, sql: str, given: list[dict[str, Any]]) -> str:
    """Pages that are read, median of all; and for its plan."""
    found: list[tuple[int, float]] = []
    for each in given:
        statement = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql.format(table=table, **each)
        told: list[dict[str, Any]] = []
        try:
            async with db.transaction():
                told = json.loads(await db.fetchval(statement))
                raise _TakenBack
        except _TakenBack:
            plan: dict[str, int] = told[0]["Plan"]
            found.append((plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], told[0]["Planning Time"]))
    return f"{median(pages for pages, _ in found):.0f} pages, planned in {median(ms for _, ms in found):.1f} ms"


class _TakenBack(Exception):
    """Nothing is to stay."""


async def _measure(dsn: str, size: int) -> None:
    db = await Database.connect(dsn, size=2, statement_timeout_s=3600.0)
    organisation, _ = await centre(db, "predictive", 0)
    list_id = await db.fetchval("SELECT max(list_id) FROM lists WHERE organisation_id = $1", organisation)
    phones = [f"+61{number[1:]}" for number in numbers(20_000)]
    before = await db.fetchval("SELECT count(*) FROM leads")
    await db.execute(FILL_SQL, organisation, list_id, phones, size - before)
    await _parted(db)
    await db.execute("VACUUM ANALYZE leads")
    await db.execute("ANALYZE parted")
    space = await db.fetchrow(SIZE_SQL)
    assert space is not None
    show(
        f"{size:,} leads",
        f"{space['rows'] / size:.0f} bytes a lead, {space['indexes'] / size:.0f} in {space['count']} indexes",
        "",
    )
    first, last = [await db.fetchval(f"SELECT {end}(lead_id) FROM leads") for end in ("min", "max")]
    given = [
        {"org": organisation, "list": list_id, "phone": phones[7 * n], "lead": first + (last - first) * n // TRIES}
        for n in range(TRIES)
    ]
    for what, sql in WHAT.items():
        one, parted = [await _pages(db, table, sql, given) for table in ("leads", "parted")]
        show(f"{what}, {size:,} leads", f"{one}", f"{PARTED}: {parted}")
    await db.close()


def run(size: int) -> None:
    """`size`: leads."""
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedServer.start_or_join(Path(folder) / "data")
        try:
            asyncio.run(migrate(server.dsn))
            asyncio.run(_measure(server.dsn, size))
        finally:
            server.release()
