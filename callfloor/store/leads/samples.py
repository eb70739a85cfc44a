"""Leads of a campaign taken by chance, to judge how all of them stand without reading all.

Which leads are in a sample is decided by a hash of their ids, which has nothing to do with what they are: those whose
hash is among the smallest. One in `INDEXED` of those that are not completed is in an index of its own, in the order of
the hash (leads_hash_idx), which costs a thirty-second of what a whole one would, and out of which a sample of any size
is read without a look at another lead.
"""

from __future__ import annotations

from collections.abc import Sequence

from asyncpg import Record

from callfloor.store.db.pool import Database
from callfloor.store.leads.dial_order import FACTS

INDEXED = 32
# hashint8 gives 32 bits with a sign
_LEAST, _HASHES = -(2**31), 2**32

COUNTS_SQL = """
SELECT list_id, sum(leads)::bigint AS leads, sum(completed)::bigint AS completed
FROM list_counts WHERE organisation_id = $1 AND list_id = ANY($2::bigint[]) GROUP BY list_id"""
EVERY_SQL = f"""
SELECT {FACTS} FROM leads l
WHERE l.organisation_id = $1 AND l.list_id = ANY($2::bigint[]) AND l.completed_at IS NULL"""
# $3: what the hash is less than.
SAMPLE_SQL = f"""{EVERY_SQL} AND hashint8(l.lead_id) < $3::integer"""
INDEXED_SQL = f"{SAMPLE_SQL} AND hashint8(l.lead_id) < {_LEAST + _HASHES // INDEXED}"


async def counts(db: Database, organisation: int, lists: Sequence[int]) -> tuple[int, int]:
    """How many leads these lists have, and how many of them are completed."""
    rows = await db.fetch(COUNTS_SQL, organisation, list(lists))
    return sum(row["leads"] for row in rows), sum(row["completed"] for row in rows)


async def every(db: Database, organisation: int, lists: Sequence[int]) -> list[Record]:
    """All leads of these lists that are not completed."""
    return await db.fetch(EVERY_SQL, organisation, list(lists))


async def some(db: Database, organisation: int, lists: Sequence[int], one_in: float) -> list[Record]:
    """About one in `one_in` of them, by chance."""
    sql = INDEXED_SQL if one_in >= INDEXED else SAMPLE_SQL
    return await db.fetch(sql, organisation, list(lists), _LEAST + int(_HASHES / one_in))
