"""Recordings, voicemails and attachments as answers show them, from rows of `media`."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from asyncpg import Record

from callfloor.contract.media import Attachment, Recording, Voicemail
from callfloor.rules.values.times import format_timestamp


def media_uri(prefix: str, media_id: int) -> str:
    """The link under which the bytes are; `prefix` is the one that the request came by."""
    return f"{prefix}/media/{media_id}"


def recording_of(row: Record, prefix: str, zone: ZoneInfo) -> Recording:
    return Recording(
        media_id=row["media_id"],
        media_uri=media_uri(prefix, row["media_id"]),
        duration=row["duration_s"] or 0,
        deleted=row["deleted_at"] is not None,
        deleted_timestamp=None if row["deleted_at"] is None else format_timestamp(row["deleted_at"], zone),
        deleted_by=row["deleted_by"],
        deletion_reason=row["deletion_reason"],
        content_type=row["content_type"],
        size=row["size"],
        sha256=row["sha256"],
        activity_id=row["activity_id"],
    )


def voicemail_of(row: Record, prefix: str) -> Voicemail:
    return Voicemail(
        media_id=row["media_id"],
        media_uri=media_uri(prefix, row["media_id"]),
        duration=row["duration_s"] or 0,
        content_type=row["content_type"],
        size=row["size"],
        sha256=row["sha256"],
        activity_id=row["activity_id"],
    )


def attachment_of(row: Record, prefix: str) -> Attachment:
    return Attachment(
        media_id=row["media_id"],
        media_uri=media_uri(prefix, row["media_id"]),
        file_name=row["file_name"],
        content_type=row["content_type"],
        size=row["size"],
    )
