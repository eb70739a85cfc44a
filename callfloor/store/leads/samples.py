"""Leads of a campaign taken by chance, to judge how all of them stand without reading all.

Which leads are in a sample is decided by a hash of their ids, which has nothing to do with what they are. One in
`INDEXED` of those that are not completed is in an index of its own (leads_sample_idx), which costs a hundredth of what
a whole one would.
"""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg import Record

from callfloor.store.db.pool import Database
from callfloor.store.leads.dial_order import FACTS

INDEXED = 256

COUNTS_SQL = """
SELECT list_id, sum(leads)::bigint AS leads, sum(completed)::bigint AS completed
FROM list_counts WHERE organisation_id = $1 AND list_id = ANY($2::bigint[]) GROUP BY list_id"""
EVERY_SQL = f"""
SELECT {FACTS} FROM leads l
WHERE l.organisation_id = $1 AND l.list_id = ANY($2::bigint[]) AND l.completed_at IS NULL"""
# $3: a power of two less one; the lowest bits are those of the index.
THINNED_SQL = f"""
SELECT {FACTS} FROM leads l
WHERE l.organisation_id = $1 AND l.list_id = ANY($2::bigint[]) AND l.completed_at IS NULL
    AND (hashint8(l.lead_id) & $3::integer) = 0"""
INDEXED_SQL = f"{THINNED_SQL} AND (hashint8(l.lead_id) & {INDEXED - 1}) = 0"


async def counts(db: Database, organisation: int, lists: Sequence[int]) -> tuple[int, int]:
    """How many leads these lists have, and how many of them are completed."""
    rows = await db.fetch(COUNTS_SQL, organisation, list(lists))
    return sum(row["leads"] for row in rows), sum(row["completed"] for row in rows)


async def every(db: Database, organisation: int, lists: Sequence[int]) -> list[Record]:
    """All leads of these lists that are not completed."""
    return await db.fetch(EVERY_SQL, organisation, list(lists))


async def some(db: Database, organisation: int, lists: Sequence[int], one_in: int) -> list[Record]:
    """About one in `one_in` (a power of two) of them, by chance."""
    sql = INDEXED_SQL if one_in >= INDEXED else THINNED_SQL
    return await db.fetch(sql, organisation, list(lists), one_in - 1)
