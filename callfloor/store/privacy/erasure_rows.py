"""Leads, import rows, stored answers and blocked numbers of a customer who is erased."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from callfloor.rules.privacy.customers import Customer
from callfloor.rules.values.leads import contacts
from callfloor.store.db.pool import Database
from callfloor.store.leads import imports
from callfloor.store.privacy import renewals
from callfloor.store.privacy.do_not_call import number_hash

LEAD_IDS_SQL = """
SELECT lead_id FROM leads WHERE organisation_id = $1 AND phone1 = $2
UNION SELECT lead_id FROM leads WHERE organisation_id = $1 AND phone2 = $2
UNION SELECT lead_id FROM leads WHERE organisation_id = $1 AND phone3 = $2
UNION SELECT lead_id FROM leads WHERE organisation_id = $1 AND customer_key = ANY($3::text[])
UNION SELECT lead_id FROM leads WHERE organisation_id = $1 AND identifiers && $4::text[]"""
# Of those that are not listed by the present rule yet.
UNLISTED_LEADS_SQL = """
SELECT lead_id FROM leads
WHERE organisation_id = $1 AND lead_id <= $2 AND concat(data, chr(10), customer_key) ~* $3"""
LEADS_SQL = """
SELECT lead_id, phone1, phone2, phone3, customer_key, data, in_flight_attempt_id FROM leads
WHERE organisation_id = $1 AND lead_id = ANY($2::bigint[]) ORDER BY lead_id"""
LOCK_LEADS_SQL = f"{LEADS_SQL} FOR UPDATE"
DELETE_LEADS_SQL = "DELETE FROM leads WHERE organisation_id = $1 AND lead_id = ANY($2::bigint[])"
SCRUB_LEAD_SQL = """
UPDATE leads SET customer_key = $3, data = $4::jsonb, identifiers = $5, updated_at = now()
WHERE organisation_id = $1 AND lead_id = $2"""

DELETE_ANSWERS_SQL = "DELETE FROM idempotency_keys WHERE organisation_id = $1 AND lead_id = ANY($2::bigint[])"
ANSWERS_SQL = """
SELECT key_hash, body FROM idempotency_keys
WHERE organisation_id = $1 AND octet_length(body) > 2
    AND answer_keys(body) && $2::text[]"""
DELETE_ANSWER_SQL = "DELETE FROM idempotency_keys WHERE organisation_id = $1 AND key_hash = $2"

EMPTY_BLOCKED_SQL = """
UPDATE do_not_call SET phone_number = NULL, reason = NULL WHERE organisation_id = $1 AND number_hash = $2"""
EMPTY_LIFTED_SQL = """
UPDATE do_not_call_lifted SET phone_number = NULL, reason = NULL, lift_reason = ''
WHERE organisation_id = $1 AND number_hash = $2"""
SKIPS_SQL = """
SELECT lead_id, skipped_at, reason FROM lead_skips WHERE organisation_id = $1 AND search_keys(reason) && $2::text[]"""
SCRUB_SKIP_SQL = """
UPDATE lead_skips SET reason = $4 WHERE organisation_id = $1 AND lead_id = $2 AND skipped_at = $3"""
REASONS_SQL = """
SELECT number_hash, campaign_id, register, reason FROM do_not_call
WHERE organisation_id = $1 AND reason IS NOT NULL AND search_keys(reason) && $2::text[]"""
SCRUB_REASON_SQL = """
UPDATE do_not_call SET reason = $5
WHERE organisation_id = $1 AND number_hash = $2 AND campaign_id = $3 AND register = $4"""
LIFTED_REASONS_SQL = """
SELECT lifted_at, entry_id, reason, lift_reason FROM do_not_call_lifted
WHERE organisation_id = $1
    AND search_keys(coalesce(reason, '') || chr(10) || lift_reason) && $2::text[]"""
SCRUB_LIFTED_SQL = """
UPDATE do_not_call_lifted SET reason = $4, lift_reason = $5
WHERE organisation_id = $1 AND lifted_at = $2 AND entry_id = $3"""

ERROR_ROWS_SQL = """
SELECT import_id, row_no, errors, source FROM import_errors
WHERE organisation_id = $1 AND search_keys(source || chr(10) || errors::text) && $2::text[]
ORDER BY import_id, row_no FOR UPDATE"""
DELETE_ERROR_ROW_SQL = """
DELETE FROM import_errors WHERE organisation_id = $1 AND import_id = $2 AND row_no = $3"""
SCRUB_ERROR_ROW_SQL = """
UPDATE import_errors SET errors = $4::jsonb, source = $5
WHERE organisation_id = $1 AND import_id = $2 AND row_no = $3"""
IMPORTS_SQL = """
SELECT import_id, header, failure FROM imports
WHERE organisation_id = $1 AND concat(header, chr(10), failure) ~* $2"""
SCRUB_IMPORT_SQL = """
UPDATE imports SET header = $3::jsonb, failure = $4 WHERE organisation_id = $1 AND import_id = $2"""
CHUNKS_SQL = """
SELECT import_id, chunk_no FROM import_chunks WHERE organisation_id = $1 ORDER BY import_id, chunk_no FOR UPDATE"""
CHUNK_SQL = "SELECT payload FROM import_chunks WHERE organisation_id = $1 AND import_id = $2 AND chunk_no = $3"


# customer key, data, identifiers
LeadLeft = tuple[str | None, dict[str, Any], list[str] | None]


@dataclass(slots=True)
class LeadsFound:
    """Locked leads: those to delete, and of those that only mention the customer what they will be."""

    own: set[int] = field(default_factory=set[int])
    in_flight: bool = False
    scrubbed: dict[int, LeadLeft] = field(default_factory=dict[int, LeadLeft])


async def find_leads(db: Database, organisation: int, customer: Customer, *, lock: bool) -> LeadsFound:
    """Leads that are the customer's, and leads that mention the customer in free text."""
    ids = await db.fetch(LEAD_IDS_SQL, organisation, customer.number, customer.keys, customer.lookups)
    upto = await renewals.upto(db, organisation, "leads")
    if upto is not None:
        ids += await db.fetch(UNLISTED_LEADS_SQL, organisation, upto, customer.sought.pattern)
    found = LeadsFound()
    # looked at again when locked: another writer may have changed them meanwhile
    sql = LOCK_LEADS_SQL if lock else LEADS_SQL
    rows = await db.fetch(sql, organisation, [row["lead_id"] for row in ids])
    await asyncio.to_thread(_judge, rows, customer, found)
    return found


def _judge(rows: Sequence[Record], customer: Customer, found: LeadsFound) -> None:
    """Which of these leads are the customer's, and what is left of those that mention the customer."""
    for row in rows:
        data = msgspec.json.decode(row["data"])
        if _is_own(row, data, customer):
            found.own.add(row["lead_id"])
            found.in_flight |= row["in_flight_attempt_id"] is not None
        elif customer.mentioned(data) or customer.mentioned_in_key(row["customer_key"]):
            key = row["customer_key"] if row["customer_key"] is None else customer.key_left(row["customer_key"])
            left = customer.scrubbed(data)
            found.scrubbed[row["lead_id"]] = key, left, contacts(left, key)


def _is_own(row: Record, data: dict[str, Any], customer: Customer) -> bool:
    if customer.number is not None and customer.number in (row["phone1"], row["phone2"], row["phone3"]):
        return True
    return customer.owns(row["customer_key"]) or any(customer.owns(value) for value in data.values())


async def erase_leads(db: Database, organisation: int, customer: Customer, found: LeadsFound) -> None:
    """Delete and scrub what was found, and the stored answers that show it or the customer."""
    await db.execute(DELETE_LEADS_SQL, organisation, list(found.own))
    for lead_id, (key, data, left) in found.scrubbed.items():
        encoded = msgspec.json.encode(data).decode()
        await db.execute(SCRUB_LEAD_SQL, organisation, lead_id, key, encoded, left)
    await db.execute(DELETE_ANSWERS_SQL, organisation, [*found.own, *found.scrubbed])
    # a lead that was changed since may be shown by an older answer
    answers = await db.fetch(ANSWERS_SQL, organisation, customer.lookups)
    for key_hash in await asyncio.to_thread(_answers_with, answers, customer):
        await db.execute(DELETE_ANSWER_SQL, organisation, key_hash)


def _answers_with(answers: Sequence[Record], customer: Customer) -> list[bytes]:
    """The keys of those answers that mention the customer."""
    return [each["key_hash"] for each in answers if customer.mentioned(msgspec.json.decode(each["body"]))]


async def erase_skips(db: Database, organisation: int, customer: Customer) -> None:
    """Take the customer out of why agents skipped others' leads; those of the customer's own went with the leads."""
    for row in await db.fetch(SKIPS_SQL, organisation, customer.lookups):
        reason = await asyncio.to_thread(customer.scrubbed, row["reason"])
        await db.execute(SCRUB_SKIP_SQL, organisation, row["lead_id"], row["skipped_at"], reason)


async def erase_blocked(db: Database, organisation: int, hash_key: bytes, customer: Customer) -> None:
    """Empty the blocked number, whose hash stays blocked, and others' reasons that mention the customer."""
    if customer.number is not None:
        hashed = number_hash(hash_key, customer.number)
        await db.execute(EMPTY_BLOCKED_SQL, organisation, hashed)
        await db.execute(EMPTY_LIFTED_SQL, organisation, hashed)
    for row in await db.fetch(REASONS_SQL, organisation, customer.lookups):
        scrubbed = await asyncio.to_thread(customer.scrubbed, row["reason"])
        place = row["number_hash"], row["campaign_id"], row["register"]
        await db.execute(SCRUB_REASON_SQL, organisation, *place, scrubbed)
    for row in await db.fetch(LIFTED_REASONS_SQL, organisation, customer.lookups):
        left = await asyncio.to_thread(customer.scrubbed, [row["reason"], row["lift_reason"]])
        await db.execute(SCRUB_LIFTED_SQL, organisation, row["lifted_at"], row["entry_id"], *left)


async def erase_import_rows(db: Database, organisation: int, customer: Customer, *, dry_run: bool) -> int:
    """Take the customer out of rows not imported yet and of rows that could not be imported; returns how many were
    the customer's own. Waits for the chunks that are being imported now, so that their leads are seen afterwards.
    """
    count = 0
    for key in await db.fetch(CHUNKS_SQL, organisation):
        place = organisation, key["import_id"], key["chunk_no"]
        payload: bytes = await db.fetchval(CHUNK_SQL, *place)
        lines, left = await asyncio.to_thread(_lines_left, payload, customer)
        count += sum(new == imports.ERASED != old for new, old in zip(left, lines, strict=True))
        if not dry_run and left != lines:
            await db.execute(imports.REWRITE_SQL, *place, b"\n".join(left))
    for row in await db.fetch(ERROR_ROWS_SQL, organisation, customer.lookups):
        place = organisation, row["import_id"], row["row_no"]
        source = msgspec.json.decode(row["source"])
        own = await asyncio.to_thread(customer.owns_lead, source)
        count += own
        if not dry_run:
            await (db.execute(DELETE_ERROR_ROW_SQL, *place) if own else _scrub_error_row(db, place, row, customer))
    if not dry_run:
        await _scrub_imports(db, organisation, customer)
    return count


def _lines_left(payload: bytes, customer: Customer) -> tuple[list[bytes], list[bytes]]:
    """The rows of a chunk, and what stays of them; none where the customer is in none."""
    if not customer.may_stand_in(payload.decode()):
        return [], []
    lines = payload.split(b"\n")
    return lines, [_line_left(line, customer) for line in lines]


def _line_left(line: bytes, customer: Customer) -> bytes:
    """What stays of a pending row."""
    if line == imports.ERASED or not customer.may_stand_in(line.decode()):
        return line
    value = msgspec.json.decode(line)
    if customer.owns_lead(value):
        return imports.ERASED
    return msgspec.json.encode(customer.scrubbed(value)) if customer.mentioned(value) else line


async def _scrub_error_row(db: Database, place: tuple[int, UUID, int], row: Record, customer: Customer) -> None:
    errors, source = await asyncio.to_thread(
        lambda: [customer.scrubbed(msgspec.json.decode(row[name])) for name in ("errors", "source")]
    )
    await db.execute(
        SCRUB_ERROR_ROW_SQL,
        *place,
        msgspec.json.encode(errors).decode(),
        msgspec.json.encode(source).decode(),
    )


async def _scrub_imports(db: Database, organisation: int, customer: Customer) -> None:
    """A CSV file without a header row gives its first row as names of columns."""
    for row in await db.fetch(IMPORTS_SQL, organisation, customer.sought.pattern):
        names = None if row["header"] is None else msgspec.json.decode(row["header"])
        header, failure = await asyncio.to_thread(customer.scrubbed, [names, row["failure"]])
        encoded = None if header is None else msgspec.json.encode(header).decode()
        await db.execute(SCRUB_IMPORT_SQL, organisation, row["import_id"], encoded, failure)
