"""Rows listed under the keys of an older rule (rules/privacy/identifiers.py), until a job has listed them anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from asyncpg import Record

from callfloor.store.db.pool import Database

Source = Literal["leads", "emails"]
# What a row says, and under which keys it is to be listed from now on.
Keys = Callable[[Record], Sequence[str] | None]

UPTO_SQL = "SELECT upto FROM identifier_renewals WHERE organisation_id = $1 AND source = $2"
NEXT_SQL = "SELECT organisation_id, source, upto FROM identifier_renewals ORDER BY organisation_id, source LIMIT 1"
REACHED_SQL = """
UPDATE identifier_renewals SET upto = least(upto, $3) WHERE organisation_id = $1 AND source = $2"""
DONE_SQL = "DELETE FROM identifier_renewals WHERE organisation_id = $1 AND source = $2"
LEADS_SQL = """
SELECT lead_id AS row_id, data, customer_key, identifiers FROM leads
WHERE organisation_id = $1 AND lead_id <= $2 ORDER BY lead_id DESC LIMIT $3"""
# What was changed since it was read has new keys already.
LIST_LEAD_SQL = """
UPDATE leads SET identifiers = $3
WHERE organisation_id = $1 AND lead_id = $2 AND data = $4::jsonb AND customer_key IS NOT DISTINCT FROM $5"""
EMAILS_SQL = """
SELECT e.activity_id AS row_id, e.identifiers, a.email, e.reply_to, e.cc, e.message_id, e.ancestors, e.body_text,
    e.draft
FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND e.activity_id <= $2 ORDER BY e.activity_id DESC LIMIT $3"""
LIST_EMAIL_SQL = """
UPDATE emails SET identifiers = $3
WHERE organisation_id = $1 AND activity_id = $2 AND identifiers IS NOT DISTINCT FROM $4::text[]"""


async def upto(db: Database, organisation: int, source: Source) -> int | None:
    """The highest id (of a lead, of an e-mail's activity) that is not listed anew yet; None: all are."""
    return await db.fetchval(UPTO_SQL, organisation, source)


async def renew(db: Database, keys: dict[Source, Keys], count: int) -> bool:
    """List at most `count` rows of one organisation anew; False when nothing is left to be listed anywhere.

    May be cut off and repeated at any point, and done by any number of processes at once.
    """
    waiting = await db.fetchrow(NEXT_SQL)
    if waiting is None:
        return False
    organisation, source = waiting["organisation_id"], waiting["source"]
    rows = await db.fetch(LEADS_SQL if source == "leads" else EMAILS_SQL, organisation, waiting["upto"], count)
    for row in rows:
        listed = keys[source](row)
        if listed != row["identifiers"]:
            found = None if not listed else list(listed)
            await db.execute(*_listing(source, organisation, row, found))
    if rows:
        await db.execute(REACHED_SQL, organisation, source, rows[-1]["row_id"] - 1)
    else:
        await db.execute(DONE_SQL, organisation, source)
    return True


def _listing(source: Source, organisation: int, row: Record, keys: list[str] | None) -> tuple[Any, ...]:
    if source == "leads":
        return LIST_LEAD_SQL, organisation, row["row_id"], keys, row["data"], row["customer_key"]
    return LIST_EMAIL_SQL, organisation, row["row_id"], keys, row["identifiers"]
