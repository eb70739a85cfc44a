"""Calls, messages and media of a customer who is erased: finding them all, and emptying them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from asyncpg import Record

from callfloor.rules.privacy.customers import Customer
from callfloor.store.calls import media
from callfloor.store.calls.media import CUSTOMER_ERASURE
from callfloor.store.db.pool import Database
from callfloor.store.privacy import erasure_emails
from callfloor.store.privacy.erasure_emails import EmailsFound

ATTEMPTS_SQL = """
SELECT attempt_id, activity_id, root_activity_id FROM attempts WHERE organisation_id = $1 AND phone_number = $2
UNION ALL
SELECT attempt_id, activity_id, root_activity_id FROM attempts
WHERE organisation_id = $1 AND lead_id = ANY($3::bigint[])
UNION ALL
SELECT attempt_id, activity_id, root_activity_id FROM attempts
WHERE organisation_id = $1 AND attempt_id = ANY($4::bigint[])"""
ACTIVITIES_SQL = """
SELECT activity_id, root_activity_id, attempt_id FROM activities
WHERE organisation_id = $1 AND contact = ANY($2::text[])
UNION ALL
SELECT activity_id, root_activity_id, attempt_id FROM activities
WHERE organisation_id = $1 AND lead_id = ANY($3::bigint[])
UNION ALL
SELECT activity_id, root_activity_id, attempt_id FROM activities
WHERE organisation_id = $1 AND activity_id = ANY($4::bigint[])
UNION ALL
SELECT activity_id, root_activity_id, attempt_id FROM activities
WHERE organisation_id = $1 AND root_activity_id = ANY($5::bigint[]) AND root_activity_id <> activity_id"""
LOCK_ATTEMPTS_SQL = """
SELECT attempt_id, phone_number, hang_up_at FROM attempts
WHERE organisation_id = $1 AND attempt_id = ANY($2::bigint[]) ORDER BY attempt_id FOR UPDATE"""
LOCK_ACTIVITIES_SQL = """
SELECT activity_id, type, hang_up_at, erased_at FROM activities
WHERE organisation_id = $1 AND activity_id = ANY($2::bigint[]) ORDER BY activity_id FOR UPDATE"""
EMPTY_ATTEMPTS_SQL = """
UPDATE attempts SET phone_number = NULL WHERE organisation_id = $1 AND attempt_id = ANY($2::bigint[])"""
# Locked in the order in which the sealing job locks them.
EMPTY_EVIDENCE_SQL = """
WITH held AS MATERIALIZED (
    SELECT attempt_id, dialled_at FROM evidence
    WHERE organisation_id = $1 AND attempt_id = ANY($2::bigint[]) AND personal <> '{}'
    ORDER BY dialled_at, attempt_id FOR NO KEY UPDATE
)
UPDATE evidence e SET personal = '{}' FROM held h
WHERE e.organisation_id = $1 AND e.attempt_id = h.attempt_id AND e.dialled_at = h.dialled_at"""
EMPTY_ACTIVITIES_SQL = """
UPDATE activities SET contact = NULL, email = NULL, erased_at = $3,
    survey = CASE WHEN jsonb_typeof(survey) = 'object' THEN survey - ARRAY(
        SELECT name FROM jsonb_object_keys(survey) AS name
        WHERE name NOT IN ('started', 'startTimestamp', 'workflowId', 'workflowName')) END
WHERE organisation_id = $1 AND activity_id = ANY($2::bigint[])"""
# Somebody else was given to this number, or was consulted about.
EMPTY_OUTSIDE_SQL = """
UPDATE activities SET outside_number = NULL WHERE organisation_id = $1 AND outside_number = $2 RETURNING activity_id"""

MEDIA_SQL = """
SELECT media_id, kind, sha256, deleted_at FROM media
WHERE organisation_id = $1 AND activity_id = ANY($2::bigint[]) ORDER BY media_id FOR UPDATE"""
EMPTY_MEDIA_SQL = f"""
UPDATE media SET sha256 = NULL, file_name = NULL, deleted_at = coalesce(deleted_at, $3),
    deleted_by = CASE WHEN deleted_at IS NULL THEN $4 ELSE deleted_by END, deletion_reason = '{CUSTOMER_ERASURE}'
WHERE organisation_id = $1 AND media_id = ANY($2::bigint[])"""

MESSAGES_SQL = """
SELECT a.activity_id, a.email FROM emails e
JOIN activities a
    ON a.organisation_id = e.organisation_id AND a.activity_id = e.activity_id AND a.created_at = e.created_at
WHERE e.organisation_id = $1 AND e.activity_id = ANY($2::bigint[]) AND a.activity_id <> ALL($3::bigint[])
    AND a.email IS NOT NULL
ORDER BY a.activity_id FOR UPDATE OF a"""
SCRUB_MESSAGE_SQL = """
UPDATE activities SET email = $3::jsonb WHERE organisation_id = $1 AND activity_id = $2"""
TEXTS_SQL = """
SELECT media_id, file_name, deletion_reason FROM media
WHERE organisation_id = $1 AND (file_name IS NOT NULL OR deletion_reason IS NOT NULL)
    AND search_keys(coalesce(file_name, '') || chr(10) || coalesce(deletion_reason, '')) && $2::text[]
    AND media_id <> ALL($3::bigint[])
ORDER BY media_id FOR UPDATE"""
SCRUB_TEXTS_SQL = """
UPDATE media SET file_name = $3, deletion_reason = $4 WHERE organisation_id = $1 AND media_id = $2"""


# file name and reason of a deletion
Texts = tuple[str | None, str | None]


@dataclass(slots=True)
class CallsFound:
    """Attempts, activities and media of the customer, locked; `texts` are others' rows that mention the customer."""

    attempts: dict[int, Record] = field(default_factory=dict[int, Record])
    activities: dict[int, Record] = field(default_factory=dict[int, Record])
    roots: set[int] = field(default_factory=set[int])
    media: Sequence[Record] = ()
    messages: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    texts: dict[int, Texts] = field(default_factory=dict[int, Texts])
    emails: EmailsFound = field(default_factory=EmailsFound)

    @property
    def in_call(self) -> bool:
        """Whether one of the calls goes on."""
        return any(row["hang_up_at"] is None for row in self.attempts.values()) or any(
            row["hang_up_at"] is None and row["type"].startswith("call.") for row in self.activities.values()
        )

    def count_activities(self, family: str) -> int:
        """How many of `call` or `email` are not empty yet."""
        rows = self.activities.values()
        return sum(row["erased_at"] is None and row["type"].startswith(f"{family}.") for row in rows)

    def count_attempts(self) -> int:
        """How many still have their number."""
        return sum(row["phone_number"] is not None for row in self.attempts.values())

    def count_media(self, kind: media.Kind) -> int:
        """How many still have their bytes."""
        return sum(row["deleted_at"] is None and row["kind"] == kind for row in self.media)

    def contents(self, *, deleted: bool) -> set[str]:
        """SHA-256 of the bytes of the media that were deleted before, or of those that were not."""
        rows = [row for row in self.media if (row["deleted_at"] is not None) is deleted]
        return {row["sha256"] for row in rows if row["sha256"] is not None}


async def grow(
    db: Database,
    organisation: int,
    customer: Customer,
    lead_ids: Iterable[int],
    emails: Iterable[int],
    found: CallsFound,
) -> bool:
    """Add to `found` what belongs to it and lock that; False when nothing more does. `emails`: the customer's own.

    An activity brings its attempt and every leg of its conversation. Attempts are locked before activities, as every
    writer of calls does.
    """
    leads = sorted(lead_ids)
    attempts, activities = set(found.attempts), {*found.activities, *emails}
    while True:
        size = len(attempts), len(activities), len(found.roots)
        for row in await db.fetch(ATTEMPTS_SQL, organisation, customer.number, leads, sorted(attempts)):
            attempts.add(row["attempt_id"])
            activities |= {row["activity_id"]} - {None}
            found.roots |= {row["root_activity_id"]} - {None}
        known, roots = sorted(activities | found.roots), sorted(found.roots)
        for row in await db.fetch(ACTIVITIES_SQL, organisation, customer.contacts, leads, known, roots):
            activities.add(row["activity_id"])
            found.roots.add(row["root_activity_id"])
            attempts |= {row["attempt_id"]} - {None}
        if size == (len(attempts), len(activities), len(found.roots)):
            break
    if attempts <= found.attempts.keys() and activities <= found.activities.keys():
        return False
    rows = await db.fetch(LOCK_ATTEMPTS_SQL, organisation, sorted(attempts))
    found.attempts = {row["attempt_id"]: row for row in rows}
    rows = await db.fetch(LOCK_ACTIVITIES_SQL, organisation, sorted(activities))
    found.activities = {row["activity_id"]: row for row in rows}
    return True


async def find_media_and_texts(
    db: Database, organisation: int, customer: Customer, emails: Sequence[int], found: CallsFound
) -> None:
    """Add the media of the activities, and others' messages (out of `emails`) and media that mention the customer."""
    own = sorted(found.activities)
    found.media = await db.fetch(MEDIA_SQL, organisation, own)
    messages = await db.fetch(MESSAGES_SQL, organisation, emails, own)
    media_ids = [row["media_id"] for row in found.media]
    files = await db.fetch(TEXTS_SQL, organisation, customer.lookups, media_ids)
    await asyncio.to_thread(_judge, messages, files, customer, found)
    found.emails = await erasure_emails.find(db, organisation, customer, emails, own)


def _judge(messages: Sequence[Record], files: Sequence[Record], customer: Customer, found: CallsFound) -> None:
    """What is left of others' messages and names of files that mention the customer."""
    for row in messages:
        headers = msgspec.json.decode(row["email"])
        if customer.mentioned(headers):
            found.messages[row["activity_id"]] = customer.scrubbed_message(headers)
    for row in files:
        texts = row["file_name"], row["deletion_reason"]
        if customer.mentioned(list(texts)):
            found.texts[row["media_id"]] = customer.scrubbed(texts[0]), customer.scrubbed(texts[1])


async def empty(
    db: Database, organisation: int, customer: Customer, found: CallsFound, by: int, at: datetime
) -> list[str]:
    """Empty what was found; returns the SHA-256 of bytes that nobody needs any more, locked."""
    await db.execute(EMPTY_ATTEMPTS_SQL, organisation, list(found.attempts))
    outside = await db.fetch(EMPTY_OUTSIDE_SQL, organisation, customer.number)
    # of a leg to a number outside the evidence is under its activity's id, negative
    explained = [*found.attempts, *(-row["activity_id"] for row in outside)]
    await db.execute(EMPTY_EVIDENCE_SQL, organisation, explained)
    await db.execute(EMPTY_ACTIVITIES_SQL, organisation, list(found.activities), at)
    await erasure_emails.empty(db, organisation, list(found.activities), found.emails, by, at)
    live, deleted = found.contents(deleted=False) | set(found.emails.copies.values()), found.contents(deleted=True)
    media_ids = [row["media_id"] for row in found.media]
    await db.execute(EMPTY_MEDIA_SQL, organisation, media_ids, at, by)
    await _scrub(db, organisation, found.messages, found.texts)
    unneeded: list[str] = []
    for sha256 in sorted(live | deleted):
        await media.lock_content(db, organisation, sha256)
        # bytes of media that were deleted before are gone, unless the media store failed
        there = sha256 in live or await media.is_pending(db, organisation, sha256)
        if there and not await media.needed(db, organisation, sha256):
            unneeded.append(sha256)
    return unneeded


async def _scrub(
    db: Database,
    organisation: int,
    messages: Mapping[int, dict[str, Any]],
    texts: Mapping[int, Texts],
) -> None:
    for activity_id, headers in messages.items():
        await db.execute(SCRUB_MESSAGE_SQL, organisation, activity_id, msgspec.json.encode(headers).decode())
    for media_id, (file_name, reason) in texts.items():
        await db.execute(SCRUB_TEXTS_SQL, organisation, media_id, file_name, reason)
