"""How many bytes each organisation keeps, counted over every table that has an organisation, new ones too.

A row counts with its values as they are stored (compressed, also where they stand outside of the row) and its header; a
recording or an attachment with its bytes. Indexes and what is dead but not vacuumed are not counted. Of a table of more
than `PAGES` blocks a random sample of so many is read and multiplied: the cost of a count does not grow with what there
is. An organisation with a small part of a large table may be in few blocks of the sample, so that its figure is a poor
one; `at_least` is what it is short of by no more than three standard deviations of the number of blocks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import sqrt
from typing import Literal, get_args

from asyncpg import Record

from callfloor.store.db.pool import Database

Part = Literal["leads", "imports", "calls", "emails", "media", "other"]
PARTS: tuple[Part, ...] = get_args(Part)
# Blocks of 8 KiB of one table that a count reads at most, about.
PAGES = 1_000
BLOCK = 8192
# Of a row's header, its line pointer and its alignment.
ROW = 32
_OF: Mapping[str, Part] = {
    "leads": "leads", "list_counts": "leads", "import_chunks": "imports", "import_errors": "imports",
    "imports": "imports", "attempts": "calls", "activities": "calls", "evidence": "calls", "agent_states": "calls",
    "agent_times": "calls", "call_drafts": "calls", "call_diagnoses": "calls", "emails": "emails",
    "outgoing_mail": "emails", "media": "media",
}  # fmt: skip

# Tables of organisations with the columns whose size differs from row to row, the bytes of the others, and blocks.
TABLES_SQL = """
SELECT c.relname::text AS name, a.varying, a.fixed, (
    SELECT sum(pg_relation_size(coalesce(i.inhrelid, c.oid)))
    FROM (SELECT) AS one LEFT JOIN pg_inherits i ON i.inhparent = c.oid)::bigint / 8192 AS blocks
FROM pg_class c CROSS JOIN LATERAL (
    SELECT array_agg(attname::text ORDER BY attnum) FILTER (WHERE attlen = -1) AS varying,
        coalesce(sum(attlen) FILTER (WHERE attlen > 0), 0)::integer AS fixed
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
) AS a
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attname = 'organisation_id' AND NOT attisdropped)"""
SAY_SQL = """
INSERT INTO organisation_storage (
    organisation_id, counted_at, at_least, leads, imports, calls, emails, media, other)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (organisation_id) DO UPDATE SET
    counted_at = excluded.counted_at, at_least = excluded.at_least, leads = excluded.leads,
    imports = excluded.imports, calls = excluded.calls, emails = excluded.emails, media = excluded.media,
    other = excluded.other"""
ORGANISATIONS_SQL = "SELECT organisation_id FROM organisations"
NEWEST_SQL = "SELECT max(counted_at) FROM organisation_storage"
GET_SQL = "SELECT * FROM organisation_storage WHERE organisation_id = $1"
AT_LEAST_SQL = "SELECT at_least FROM organisation_storage WHERE organisation_id = $1"


@dataclass(slots=True)
class Kept:
    """What one organisation keeps: bytes of each part, and of all that it keeps with all but certainty."""

    parts: dict[Part, int]
    at_least: int = 0

    @property
    def bytes(self) -> int:
        return sum(self.parts.values())


def kept_sql_of(name: str, varying: list[str] | None, fixed: int, share: float) -> str:
    """Rows of one table by organisation: bytes, and in how many blocks of the sample they are. `share` of the blocks,
    up to 1."""
    sizes = [str(ROW + fixed), *(f'coalesce(pg_column_size("{each}"), 0)' for each in varying or ())]
    if name == "media":
        sizes.append("CASE WHEN deleted_at IS NULL THEN size ELSE 0 END")
    sample = f" TABLESAMPLE SYSTEM ({100 * share:.6f})" if share < 1 else ""
    blocks = "count(DISTINCT (ctid::text::point)[0])" if share < 1 else "0"
    return (
        f"SELECT organisation_id, sum({' + '.join(sizes)})::bigint AS bytes, {blocks}::bigint AS blocks"
        f' FROM "{name}"{sample} GROUP BY organisation_id'
    )


async def statements(db: Database, pages: int = PAGES) -> AsyncIterator[tuple[Part, float, str]]:
    """For each table: the part that it belongs to, the share of it that is read, and the statement."""
    for row in await db.fetch(TABLES_SQL):
        share = min(1.0, pages / row["blocks"]) if row["blocks"] else 1.0
        yield _OF.get(row["name"], "other"), share, kept_sql_of(row["name"], row["varying"], row["fixed"], share)


async def count(db: Database, pages: int = PAGES) -> dict[int, Kept]:
    """What every organisation keeps now. No more than about `pages` blocks of a table are read."""
    kept: dict[int, Kept] = {}
    # failed sign-ins of an address, whose organisation nobody knows, are of none
    organisations = {row["organisation_id"] for row in await db.fetch(ORGANISATIONS_SQL)}
    async for part, share, sql in statements(db, pages):
        for row in await db.fetch(sql):
            if row["organisation_id"] not in organisations:
                continue
            found = kept.setdefault(row["organisation_id"], Kept(dict.fromkeys(PARTS, 0)))
            size = round(row["bytes"] / share)
            found.parts[part] += size
            found.at_least += size if share == 1 else round(size * max(0.0, 1 - 3 / sqrt(row["blocks"])))
    return kept


async def say(db: Database, organisation: int, at: datetime, kept: Kept) -> None:
    """Write down what the organisation kept."""
    await db.execute(SAY_SQL, organisation, at, kept.at_least, *(kept.parts[each] for each in PARTS))


async def newest(db: Database) -> datetime | None:
    """When anything was counted last."""
    at: datetime | None = await db.fetchval(NEWEST_SQL)
    return at


async def get(db: Database, organisation: int) -> Record | None:
    """What was counted last; None: nothing was."""
    return await db.fetchrow(GET_SQL, organisation)


async def at_least(db: Database, organisation: int) -> int:
    """Bytes that the organisation kept with all but certainty when they were counted last."""
    return int(await db.fetchval(AT_LEAST_SQL, organisation) or 0)
