"""Recordings, voicemails and attachments: what is known of them, and which bytes nobody needs any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from asyncpg import Record

from callfloor.store.db.pool import Database

Kind = Literal["recording", "voicemail", "attachment"]
CUSTOMER_ERASURE = "customer erasure"

GET_SQL = """
SELECT m.*, c.timezone AS campaign_timezone
FROM media m
LEFT JOIN activities a ON a.organisation_id = m.organisation_id AND a.activity_id = m.activity_id
LEFT JOIN campaigns c ON c.organisation_id = a.organisation_id AND c.campaign_id = a.campaign_id
WHERE m.organisation_id = $1 AND m.media_id = $2"""
# Whoever adds, deletes or destroys the same content waits here for the others, until its transaction ends.
LOCK_CONTENT_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor media ' || $2, $1))"
ERASED_SQL = """
SELECT erased_at IS NOT NULL FROM activities WHERE organisation_id = $1 AND activity_id = $2 FOR SHARE"""
# What was recorded of a call is the same when it is entered again. Attachments of a message may be alike.
KNOWN_SQL = """
SELECT media_id FROM media
WHERE organisation_id = $1 AND activity_id = $2 AND kind = $3 AND kind <> 'attachment' AND sha256 = $4"""
ADD_SQL = """
INSERT INTO media (organisation_id, kind, activity_id, sha256, size, content_type, duration_s, file_name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING media_id"""
ADD_ERASED_SQL = f"""
INSERT INTO media (organisation_id, kind, activity_id, size, content_type, duration_s, created_at, deleted_at,
    deletion_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, '{CUSTOMER_ERASURE}') RETURNING media_id"""
MARK_DELETED_SQL = """
UPDATE media SET deleted_at = $5, deleted_by = $3, deletion_reason = $4
WHERE organisation_id = $1 AND media_id = $2 AND deleted_at IS NULL
RETURNING sha256"""
CONTENTS_SQL = """
SELECT DISTINCT ON (organisation_id, sha256) organisation_id, sha256, media_id FROM media
WHERE deleted_at IS NULL AND (organisation_id, sha256) > ($1, $2)
ORDER BY organisation_id, sha256, media_id LIMIT $3"""
COUNT_CONTENTS_SQL = "SELECT count(DISTINCT (organisation_id, sha256)) FROM media WHERE deleted_at IS NULL"
NEEDED_SQL = """
SELECT EXISTS (SELECT FROM media WHERE organisation_id = $1 AND sha256 = $2 AND deleted_at IS NULL)"""
QUEUE_SQL = """
INSERT INTO blob_deletions (organisation_id, sha256, requested_at) VALUES ($1, $2, $3)
ON CONFLICT (organisation_id, sha256) DO NOTHING"""
PENDING_SQL = """
SELECT organisation_id, sha256, requested_at FROM blob_deletions
WHERE (organisation_id, sha256) > ($1, $2) ORDER BY organisation_id, sha256 LIMIT $3"""
IS_PENDING_SQL = "SELECT EXISTS (SELECT FROM blob_deletions WHERE organisation_id = $1 AND sha256 = $2)"
DELETED_SQL = "DELETE FROM blob_deletions WHERE organisation_id = $1 AND sha256 = $2"


@dataclass(frozen=True, slots=True)
class StoredContent:
    """Bytes that are in the media store: SHA-256 in hex, size in bytes."""

    sha256: str
    size: int


async def add(
    db: Database,
    organisation: int,
    kind: Kind,
    activity_id: int | None,
    stored: StoredContent,
    *,
    content_type: str,
    duration_s: int | None,
    file_name: str | None,
    at: datetime,
) -> int:
    """Enter bytes that were put into the media store; returns the media id.

    Bytes of an activity that was erased meanwhile are entered as deleted, and destroyed by the next sweep. A deletion
    of the same content that is still pending is called off; one that was just carried out is not: when the media
    store does not have the content after this, put it there again.
    """
    async with db.transaction():
        # the activity before the content, as an erasure does
        erased = activity_id is not None and await db.fetchval(ERASED_SQL, organisation, activity_id)
        await lock_content(db, organisation, stored.sha256)
        if erased:
            if not await needed(db, organisation, stored.sha256):
                await db.execute(QUEUE_SQL, organisation, stored.sha256, at)
            return int(
                await db.fetchval(
                    ADD_ERASED_SQL, organisation, kind, activity_id, stored.size, content_type, duration_s, at
                )
            )
        known = await db.fetchval(KNOWN_SQL, organisation, activity_id, kind, stored.sha256)
        if known is not None:
            return int(known)
        await blob_deleted(db, organisation, stored.sha256)
        media_id = await db.fetchval(
            ADD_SQL,
            organisation,
            kind,
            activity_id,
            stored.sha256,
            stored.size,
            content_type,
            duration_s,
            file_name,
            at,
        )
        return int(media_id)


async def get(db: Database, organisation: int, media_id: int) -> Record | None:
    """All that is known, with the time zone of the campaign (None without an activity)."""
    return await db.fetchrow(GET_SQL, organisation, media_id)


async def mark_deleted(
    db: Database, organisation: int, media_id: int, by: int | None, reason: str, at: datetime
) -> str | None:
    """Note that media were deleted, and queue the bytes when nothing else needs them. `by` None: retention.

    Returns the SHA-256 of the bytes that are to go now; None when others need them, or the media were deleted before
    (the first deletion stands).
    """
    async with db.transaction():
        sha256 = await db.fetchval(MARK_DELETED_SQL, organisation, media_id, by, reason, at)
        if sha256 is None:
            return None
        await lock_content(db, organisation, sha256)
        if await needed(db, organisation, sha256):
            return None
        await db.execute(QUEUE_SQL, organisation, sha256, at)
        return str(sha256)


async def lock_content(db: Database, organisation: int, sha256: str) -> None:
    """Keep others from adding, deleting or destroying this content until the transaction in progress ends."""
    await db.execute(LOCK_CONTENT_SQL, organisation, sha256)


async def needed(db: Database, organisation: int, sha256: str) -> bool:
    """Whether media that are not deleted have this content. Call it with the content locked."""
    return bool(await db.fetchval(NEEDED_SQL, organisation, sha256))


async def contents(db: Database, after: tuple[int, str], count: int) -> list[tuple[int, str, int]]:
    """Bytes that media need, at most `count` behind `after`: organisation, SHA-256, the first media that have them."""
    rows = await db.fetch(CONTENTS_SQL, *after, count)
    return [(row["organisation_id"], row["sha256"], row["media_id"]) for row in rows]


async def count_contents(db: Database) -> int:
    """How many `contents` there are."""
    return int(await db.fetchval(COUNT_CONTENTS_SQL))


async def pending_blob_deletions(db: Database, after: tuple[int, str], count: int) -> list[tuple[int, str, datetime]]:
    """Bytes that are to go, at most `count` behind `after`: organisation, SHA-256, since when."""
    rows = await db.fetch(PENDING_SQL, *after, count)
    return [(row["organisation_id"], row["sha256"], row["requested_at"]) for row in rows]


async def is_pending(db: Database, organisation: int, sha256: str) -> bool:
    return bool(await db.fetchval(IS_PENDING_SQL, organisation, sha256))


async def blob_deleted(db: Database, organisation: int, sha256: str) -> None:
    """The bytes are gone, or are needed again."""
    await db.execute(DELETED_SQL, organisation, sha256)
