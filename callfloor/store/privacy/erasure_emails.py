"""What e-mails of a customer who is erased say, and what others' e-mails say of the customer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from asyncpg import Record

from callfloor.rules.privacy.customers import Customer
from callfloor.store.calls.media import CUSTOMER_ERASURE
from callfloor.store.db.pool import Database
from callfloor.store.privacy import renewals

# The delivery hash stays: the message may still be in a mailbox elsewhere.
EMPTY_SQL = """
UPDATE emails SET waiting_since = NULL, message_id = NULL, ancestors = NULL, reply_to = NULL, cc = NULL,
    body_text = NULL, html_media_id = NULL, copy_media_ids = NULL, identifiers = NULL, draft = NULL
WHERE organisation_id = $1 AND activity_id = ANY($2::bigint[])"""
UNSEND_SQL = "DELETE FROM outgoing_mail WHERE organisation_id = $1 AND activity_id = ANY($2::bigint[])"
LISTED_SQL = "SELECT activity_id FROM emails WHERE organisation_id = $1 AND identifiers && $2::text[]"
# Of those that are not listed by the present rule yet.
UNLISTED_SQL = """
SELECT e.activity_id FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND e.activity_id <= $2
    AND concat(e.identifiers, a.email, a.contact, e.reply_to, e.cc, e.message_id, e.ancestors, e.body_text,
        e.draft) ~* $3"""
CONTACTS_SQL = """
SELECT a.activity_id, a.contact FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND e.activity_id = ANY($2::bigint[]) AND a.contact IS NOT NULL"""
MENTIONING_SQL = """
SELECT e.activity_id, e.message_id, e.ancestors, e.reply_to, e.cc, e.body_text, e.draft, e.copy_media_ids,
    e.identifiers, a.email, o.recipient
FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
LEFT JOIN outgoing_mail o ON o.organisation_id = e.organisation_id AND o.activity_id = e.activity_id
WHERE e.organisation_id = $1 AND e.activity_id = ANY($2::bigint[]) AND e.activity_id <> ALL($3::bigint[])
ORDER BY e.activity_id FOR UPDATE OF e"""
SCRUB_SQL = """
UPDATE emails SET message_id = $3, ancestors = $4, reply_to = $5, cc = $6, body_text = $7, html_media_id = NULL,
    copy_media_ids = NULL, identifiers = $8, draft = $9
WHERE organisation_id = $1 AND activity_id = $2"""
# They are stored as they came: what mentions somebody else cannot be taken out of them.
COPIES_SQL = """
SELECT media_id, sha256 FROM media
WHERE organisation_id = $1 AND media_id = ANY($2::bigint[]) AND deleted_at IS NULL ORDER BY media_id FOR UPDATE"""
DROP_COPIES_SQL = f"""
UPDATE media SET sha256 = NULL, file_name = NULL, deleted_at = $3, deleted_by = $4,
    deletion_reason = '{CUSTOMER_ERASURE}'
WHERE organisation_id = $1 AND media_id = ANY($2::bigint[])"""


@dataclass(frozen=True, slots=True)
class _Left:
    """What stays of somebody else's message."""

    message_id: str | None
    ancestors: list[str] | None
    reply_to: str | None
    cc: str | None
    body_text: str | None
    identifiers: list[str] | None
    draft: str | None


@dataclass(slots=True)
class EmailsFound:
    """Others' e-mails that mention the customer, locked; `copies`: media that go, with the SHA-256 of their bytes.

    `unsent`: others' answers that were to go to the customer's address.
    """

    scrubbed: dict[int, _Left] = field(default_factory=dict[int, _Left])
    unsent: list[int] = field(default_factory=list[int])
    copies: dict[int, str] = field(default_factory=dict[int, str])


async def candidates(db: Database, organisation: int, customer: Customer) -> list[int]:
    """E-mails that may mention the customer, and few others."""
    rows = await db.fetch(LISTED_SQL, organisation, customer.lookups)
    upto = await renewals.upto(db, organisation, "emails")
    if upto is not None:
        rows += await db.fetch(UNLISTED_SQL, organisation, upto, customer.sought.pattern)
    return sorted({row["activity_id"] for row in rows})


async def of_customer(db: Database, organisation: int, customer: Customer, ids: Sequence[int]) -> list[int]:
    """Those of these e-mails whose contact is the customer, however it is written."""
    rows = await db.fetch(CONTACTS_SQL, organisation, ids)
    return await asyncio.to_thread(lambda: [row["activity_id"] for row in rows if customer.owns(row["contact"])])


async def find(
    db: Database, organisation: int, customer: Customer, ids: Sequence[int], own: Sequence[int]
) -> EmailsFound:
    """Others' e-mails that mention the customer, out of `candidates`. `own`: the customer's activities, locked."""
    found = EmailsFound()
    dropped: list[int] = []
    rows = await db.fetch(MENTIONING_SQL, organisation, ids, own)
    await asyncio.to_thread(_judge, rows, customer, found, dropped)
    rows = await db.fetch(COPIES_SQL, organisation, dropped)
    found.copies = {row["media_id"]: row["sha256"] for row in rows}
    return found


def _judge(rows: Sequence[Record], customer: Customer, found: EmailsFound, dropped: list[int]) -> None:
    """What is left of those of these e-mails that mention the customer, and which of their files go."""
    for row in rows:
        texts = row["body_text"], row["reply_to"], row["cc"], row["message_id"], row["ancestors"], row["draft"]
        listed = customer.sought.listed(row["identifiers"] or ())
        if not listed and not customer.mentioned(list(texts)):
            continue
        body, reply_to, cc, message_id, ancestors, draft = customer.scrubbed(list(texts))
        reply_to = None if customer.owns(row["reply_to"]) else reply_to
        headers = None if row["email"] is None else customer.scrubbed_message(msgspec.json.decode(row["email"]))
        left = customer.identifiers_left((body, reply_to, cc, message_id, ancestors, draft, headers))
        found.scrubbed[row["activity_id"]] = _Left(message_id, ancestors, reply_to, cc, body, left, draft)
        if row["recipient"] is not None and customer.owns(row["recipient"]):
            found.unsent.append(row["activity_id"])
        dropped += row["copy_media_ids"] or ()


async def empty(db: Database, organisation: int, own: Sequence[int], found: EmailsFound, by: int, at: datetime) -> None:
    """Empty the customer's messages, call back what was to be sent, and scrub others'."""
    await db.execute(EMPTY_SQL, organisation, own)
    await db.execute(UNSEND_SQL, organisation, [*own, *found.unsent])
    for activity_id, left in found.scrubbed.items():
        await db.execute(
            SCRUB_SQL,
            organisation,
            activity_id,
            left.message_id,
            left.ancestors,
            left.reply_to,
            left.cc,
            left.body_text,
            left.identifiers,
            left.draft,
        )
    await db.execute(DROP_COPIES_SQL, organisation, list(found.copies), at, by)
