"""Erasing a customer, to the last copy. docs/erasure.md says what happens to every column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from callfloor.contract.customers import CallData, EmailData, LeadErasure
from callfloor.rules.privacy.customers import Customer
from callfloor.store.agents import desk_commands, desk_events, drafts
from callfloor.store.calls import diagnoses
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import Organisation
from callfloor.store.privacy import erasure_calls, erasure_emails, erasure_rows, legal_holds
from callfloor.store.privacy.erasure_calls import CallsFound

# One erasure at a time an organisation: two that meet in one lead or conversation would wait for each other.
LOCK_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor erasure', $1))"
RECORD_SQL = """
INSERT INTO erasures (organisation_id, erasure_id, erased_at, certificate) VALUES ($1, $2, $3, $4::jsonb)"""
FORGET_BLOB_SQL = "DELETE FROM blob_deletions WHERE organisation_id = $1 AND sha256 = ANY($2::text[])"


class InCallError(Exception):
    """The customer is in a call now; nothing was written."""

    def __init__(self) -> None:
        super().__init__("the customer is in a call")


class HeldError(Exception):
    """Something of the customer's is under a legal hold; nothing was written. `holds`: which."""

    def __init__(self, holds: list[int]) -> None:
        super().__init__("under a legal hold")
        self.holds = holds


@dataclass(frozen=True, slots=True)
class Erased:
    """How many were erased, and the SHA-256 of the bytes that are to be destroyed."""

    call_data: CallData
    email_data: EmailData
    lead_data: LeadErasure
    contents: list[str]


async def erase(
    db: Database, organisation: Organisation, customer: Customer, *, by: int, at: datetime, dry_run: bool
) -> Erased:
    """Erase everything but the bytes of media, or only count. Call it in a transaction. Raises `InCallError`,
    `HeldError`.

    `contents` stay locked until the transaction ends: destroy them before. What others write of the customer and
    commit after this looked is a later write and stays.
    """
    number = organisation.organisation_id
    await db.execute(LOCK_SQL, number)
    # first, because it waits for chunks that become leads meanwhile
    import_rows = await erasure_rows.erase_import_rows(db, number, customer, dry_run=dry_run)
    emails = await erasure_emails.candidates(db, number, customer)
    own_emails = await erasure_emails.of_customer(db, number, customer, emails)
    found = CallsFound()
    leads = await erasure_rows.find_leads(db, number, customer, lock=False)
    while True:
        grown = await erasure_calls.grow(db, number, customer, leads.own, own_emails, found)
        locked = await erasure_rows.find_leads(db, number, customer, lock=True)
        if locked.own == leads.own and not grown:
            break
        if locked.own != leads.own:
            found = CallsFound()
        leads = locked
    # who only counts is told; what comes of the call is counted when it is over
    if not dry_run and (found.in_call or locked.in_flight):
        raise InCallError
    if holds := await legal_holds.held(db, number, sorted(locked.own), sorted(found.activities)):
        raise HeldError(holds)
    await erasure_calls.find_media_and_texts(db, number, customer, emails, found)
    contents: list[str] = []
    erased = Erased(
        CallData(
            activities=found.count_activities("call"),
            attempts=found.count_attempts(),
            recordings=found.count_media("recording"),
            voicemails=found.count_media("voicemail"),
        ),
        EmailData(messages=found.count_activities("email"), attachments=found.count_media("attachment")),
        LeadErasure(leads=len(locked.own), import_rows=import_rows),
        contents,
    )
    if not dry_run:
        contents += await erasure_calls.empty(db, number, customer, found, by, at)
        await erasure_rows.erase_leads(db, number, customer, locked)
        await erasure_rows.erase_blocked(db, number, organisation.hash_key, customer)
        await erasure_rows.erase_skips(db, number, customer)
        await desk_events.erase(db, number, customer)
        await drafts.erase(db, number, customer)
        await legal_holds.erase(db, number, customer)
        await diagnoses.erase(db, number, customer)
        await desk_commands.erase(db, number, customer)
    return erased


async def destroyed(db: Database, organisation: int, contents: list[str]) -> None:
    """The bytes are gone: no deletion of them is pending any more."""
    await db.execute(FORGET_BLOB_SQL, organisation, contents)


async def record(db: Database, organisation: int, erasure_id: UUID, at: datetime, certificate: bytes) -> None:
    """Keep a certificate (JSON)."""
    await db.execute(RECORD_SQL, organisation, erasure_id, at, certificate.decode())
