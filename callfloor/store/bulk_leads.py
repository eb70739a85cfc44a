"""Leads by the thousand: COPY, and what to do with those that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import asyncpg
import msgspec
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy
from msgspec import UNSET

from callfloor.contract.codes import LeadStatus
from callfloor.rules.callbacks import Standing, Wish, settle, status_without
from callfloor.rules.leads import PHONES, each_once, merged_data
from callfloor.store.leads import NewLead
from callfloor.store.pool import Database

COLUMNS = (
    "organisation_id", "list_id", "uploaded_at", "updated_at", "customer_key", "timezone", "phone1", "phone2", "phone3",
    "next_attempt_at", "status_code", "completed_at", "agent_id", "data", "identifiers",
)  # fmt: skip
# The newest of several leads with one key is the one that counts.
EXISTING_SQL = """
SELECT DISTINCT ON (l.list_id, l.customer_key) l.list_id, l.customer_key, l.lead_id
FROM leads l
JOIN (SELECT DISTINCT * FROM unnest($2::bigint[], $3::text[])) AS k (list_id, customer_key)
    ON l.list_id = k.list_id AND l.customer_key = k.customer_key
WHERE l.organisation_id = $1
ORDER BY l.list_id, l.customer_key, l.uploaded_at DESC, l.lead_id DESC"""
CURRENT_SQL = """
SELECT lead_id, timezone, phone1, phone2, phone3, next_attempt_at, status_code, completed_at, agent_id, data,
    identifiers, attempts, last_dial_status
FROM leads WHERE organisation_id = $1 AND lead_id = ANY($2::bigint[]) ORDER BY lead_id FOR NO KEY UPDATE"""
MERGE_SQL = """
UPDATE leads SET timezone = $3, phone1 = $4, phone2 = $5, phone3 = $6, next_attempt_at = $7, status_code = $8,
    completed_at = $9, agent_id = $10, data = $11::jsonb, identifiers = $12, updated_at = now()
WHERE organisation_id = $1 AND lead_id = $2"""

Numbered = tuple[int, NewLead]


@dataclass(frozen=True, slots=True)
class Settled:
    """Rows to insert, existing leads to change, and how many rows were passed over."""

    new: list[Numbered]
    changes: list[tuple[int, NewLead]]
    skipped: int
    updated: int


async def copy(db: Database, leads: Sequence[NewLead]) -> list[int]:
    """Insert leads by COPY, in their order; returns the positions of those that PostgreSQL refuses."""
    if not leads:
        return []
    now = datetime.now(UTC)
    rows = [_row(lead, now) for lead in leads]

    async def work(connection: PoolConnectionProxy[Record]) -> list[int]:
        return await _copied(connection, rows, 0)

    return await db.run(work)


async def _copied(connection: PoolConnectionProxy[Record], rows: list[tuple[object, ...]], first: int) -> list[int]:
    try:
        # a savepoint: what one row spoils is halved until that row is found
        async with connection.transaction():
            await connection.copy_records_to_table("leads", records=rows, columns=list(COLUMNS))
    except asyncpg.DataError:
        if len(rows) == 1:
            return [first]
        half = len(rows) // 2
        left = await _copied(connection, rows[:half], first)
        return left + await _copied(connection, rows[half:], first + half)
    return []


def _row(lead: NewLead, now: datetime) -> tuple[object, ...]:
    return (
        lead.organisation_id,
        lead.list_id,
        now,
        now,
        lead.customer_key,
        lead.timezone,
        lead.phone1,
        lead.phone2,
        lead.phone3,
        lead.next_attempt_at,
        lead.status_code,
        now if lead.status_code == LeadStatus.COMPLETED else None,
        lead.agent_id,
        bytes(lead.data).decode(),
        lead.identifiers,
    )


async def settle_duplicates(
    db: Database, organisation: int, rows: Sequence[Numbered], mode: Literal["skip", "update"]
) -> Settled:
    """Sort rows into new ones and those whose customerKey their list has already, or had in an earlier row.

    Rows without a key are new. With `skip` the first of several rows of one key counts, with `update` each is merged
    over the earlier ones.
    """
    keyed = [(row.list_id, row.customer_key) for _, row in rows if row.customer_key is not None]
    known: dict[tuple[int, str], int] = {
        (found["list_id"], found["customer_key"]): found["lead_id"]
        for found in await db.fetch(EXISTING_SQL, organisation, [k[0] for k in keyed], [k[1] for k in keyed])
    }
    new: list[Numbered] = []
    fresh: dict[tuple[int, str], NewLead] = {}
    changes: list[tuple[int, NewLead]] = []
    again = 0
    for number, row in rows:
        key = None if row.customer_key is None else (row.list_id, row.customer_key)
        if key is None or (key not in known and key not in fresh):
            new.append((number, row))
            if key is not None:
                fresh[key] = row
        elif mode == "skip":
            again += 1
        elif key in known:
            changes.append((known[key], row))
        else:
            _merge_new(fresh[key], row)
            again += 1
    if mode == "skip":
        return Settled(new, [], again, 0)
    return Settled(new, changes, 0, len(changes) + again)


def _merge_new(first: NewLead, later: NewLead) -> None:
    for name in ("timezone", "phone1", "phone2", "phone3"):
        if getattr(later, name) is not None:
            setattr(first, name, getattr(later, name))
    once = each_once({name: getattr(first, name) for name in PHONES})
    first.phone1, first.phone2, first.phone3 = (once[name] for name in PHONES)
    after = settle(Standing(first.agent_id, first.next_attempt_at, first.status_code), _wish(later))
    first.agent_id, first.next_attempt_at, first.status_code = after.agent_id, after.at, after.status_code
    first.data = msgspec.Raw(_merged(bytes(first.data), bytes(later.data)))
    first.identifiers = _joined(first.identifiers, later.identifiers)


async def apply_changes(db: Database, organisation: int, changes: Sequence[tuple[int, NewLead]]) -> None:
    """Merge rows over existing leads, in order: what a row leaves out or empty stays as it is."""
    if not changes:
        return
    found = await db.fetch(CURRENT_SQL, organisation, sorted({lead_id for lead_id, _ in changes}))
    current: dict[int, dict[str, Any]] = {row["lead_id"]: dict(row) for row in found}
    for lead_id, row in changes:
        if lead_id in current:
            _merge_current(current[lead_id], row)
    arguments = [
        (
            organisation,
            lead_id,
            *(lead[name] for name in ("timezone", "phone1", "phone2", "phone3", "next_attempt_at", "status_code")),
            *(lead[name] for name in ("completed_at", "agent_id", "data", "identifiers")),
        )
        for lead_id, lead in current.items()
    ]

    async def work(connection: PoolConnectionProxy[Record]) -> None:
        await connection.executemany(MERGE_SQL, arguments)

    await db.run(work)


def _merge_current(lead: dict[str, Any], row: NewLead) -> None:
    for name in ("timezone", "phone1", "phone2", "phone3"):
        if getattr(row, name) is not None:
            lead[name] = getattr(row, name)
    lead |= each_once({name: lead[name] for name in PHONES})
    standing = Standing(lead["agent_id"], lead["next_attempt_at"], lead["status_code"])
    after = settle(standing, _wish(row), status_without(lead["attempts"], lead["last_dial_status"]))
    lead |= {"agent_id": after.agent_id, "next_attempt_at": after.at, "status_code": after.status_code}
    if lead["status_code"] == LeadStatus.COMPLETED and lead["completed_at"] is None:
        lead["completed_at"] = datetime.now(UTC)
    lead["data"] = _merged(lead["data"].encode(), bytes(row.data)).decode()
    lead["identifiers"] = _joined(lead["identifiers"], row.identifiers)


def _wish(row: NewLead) -> Wish:
    """What a row leaves out stays as it is."""
    return Wish(
        UNSET if row.agent_id is None else row.agent_id,
        UNSET if row.next_attempt_at is None else row.next_attempt_at,
        row.status_code or UNSET,
    )


def _merged(old: bytes, new: bytes) -> bytes:
    return msgspec.json.encode(merged_data(msgspec.json.decode(old), msgspec.json.decode(new)))


def _joined(old: list[str] | None, new: list[str] | None) -> list[str] | None:
    # one that no longer stands in the data only makes an erasure look at the lead once more
    return sorted({*(old or ()), *(new or ())}) or None
