"""Recordings, voicemails and attachments: the bytes, and what is known of them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import structlog
from asyncpg import Record
from starlette.responses import Response

from callfloor.api.audits import reads
from callfloor.api.call import Call, matches, not_found
from callfloor.api.downloads import (
    OCTETS,
    Download,
    base64_json,
    base64_json_size,
    disposition,
    safe_type,
    wants_json,
)
from callfloor.api.operation import operation
from callfloor.api.platform.media_items import recording_of, voicemail_of
from callfloor.api.ranges import Span, UnsatisfiableError, wanted_span
from callfloor.contract.media import Recording, Voicemail
from callfloor.errors import MediaDeleted, RangeNotSatisfiable, Unavailable
from callfloor.media.errors import BlobMissing, BlobUnreadable
from callfloor.rules.values.times import zone
from callfloor.store.calls import media

VOICEMAIL_EXAMPLE: dict[str, Any] = {
    "mediaId": 5364,
    "mediaUri": "/platform-api/v3.0/media/5364",
    "duration": 23,
    "contentType": "audio/wav",
    "size": 368044,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "activityId": 110,
}
RECORDING_EXAMPLE: dict[str, Any] = VOICEMAIL_EXAMPLE | {
    "deleted": True,
    "deletedTimestamp": "2021-08-02T09:00:00+10:00",
    "deletedBy": 1002,
    "deletionReason": "The caller asked for it.",
}

log = structlog.get_logger("callfloor.api")


@operation(
    "GET",
    "/media/{mediaId}",
    scope="media:read",
    summary="Download media",
    tag="media",
    etag=True,
    example="UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=",
    answers=("audio/wav", "audio/x-wav", "audio/mpeg", "audio/ogg", OCTETS, "*/*"),
    problems=[MediaDeleted, RangeNotSatisfiable],
    audits=reads("media.read", "media"),
)
async def download_media(call: Call, media_id: int) -> Response:
    """The bytes of a recording, voicemail or attachment, in their own content type.

    Takes `Range` (one range; several are answered with everything), `If-Range` and `If-None-Match`. A client that
    accepts only `application/json` gets a JSON string of base64, to which ranges do not apply.
    """
    row = await media.get(call.db, call.organisation, media_id)
    if row is None:
        raise not_found("media")
    if row["deleted_at"] is not None:
        raise MediaDeleted("These media were deleted.")
    kind = safe_type(row["content_type"])
    as_json = wants_json(_header(call, b"accept"), kind)
    etag = f'"{row["sha256"]}{".json" if as_json else ""}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept",
        "X-Content-Type-Options": "nosniff",
    }
    known = call.headers.get(b"if-none-match")
    if known is not None and matches(known, etag.encode(), weak=True):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = disposition(row["file_name"], row["kind"], media_id, kind)
    size = row["size"]
    if as_json:
        headers |= {
            "Content-Type": "application/json",
            "Content-Length": str(base64_json_size(size)),
            "Content-Disposition": "inline",
        }
        return Download(200, headers, base64_json(await _open(call, row, Span(0, size))))
    span = _span(call, etag, size)
    part = span or Span(0, size)
    headers |= {"Content-Type": kind, "Content-Length": str(part.end - part.start), "Accept-Ranges": "bytes"}
    if span is not None:
        headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
    return Download(200 if span is None else 206, headers, await _open(call, row, part))


@operation(
    "GET",
    "/media/{mediaId}/voicemail",
    scope="media:read",
    summary="Voicemail metadata",
    tag="media",
    etag=True,
    example=VOICEMAIL_EXAMPLE,
)
async def get_voicemail(call: Call, media_id: int) -> Voicemail:
    """What is known of a voicemail; still answered when its bytes were deleted."""
    return voicemail_of(await _of_kind(call, media_id, "voicemail"), call.prefix)


@operation(
    "GET",
    "/media/{mediaId}/recording",
    scope="media:read",
    summary="Recording metadata",
    tag="media",
    etag=True,
    example=RECORDING_EXAMPLE,
)
async def get_recording(call: Call, media_id: int) -> Recording:
    """What is known of a recording; still answered when its bytes were deleted."""
    row = await _of_kind(call, media_id, "recording")
    return recording_of(row, call.prefix, _zone_of(call, row))


async def _of_kind(call: Call, media_id: int, kind: media.Kind) -> Record:
    row = await media.get(call.db, call.organisation, media_id)
    if row is None or row["kind"] != kind:
        raise not_found(kind)
    return row


def _zone_of(call: Call, row: Record) -> ZoneInfo:
    return call.zone if row["campaign_timezone"] is None else zone(row["campaign_timezone"])


def _header(call: Call, name: bytes) -> str | None:
    value = call.headers.get(name)
    return None if value is None else value.decode("latin-1")


def _span(call: Call, etag: str, size: int) -> Span | None:
    # a date never matches: there is no Last-Modified to compare it with (RFC 9110 §13.1.5)
    condition = call.headers.get(b"if-range")
    if condition is not None and condition.strip() != etag.encode():
        return None
    try:
        return wanted_span(_header(call, b"range"), size)
    except UnsatisfiableError as error:
        headers = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        raise RangeNotSatisfiable(f"The media have {size:,} bytes.", headers=headers) from error


async def _open(call: Call, row: Record, span: Span) -> Any:
    """The bytes. Raises `Unavailable` when the media store does not give them."""
    try:
        return await call.services.blobs.open(call.organisation, row["sha256"], span.start, span.end)
    except (BlobMissing, BlobUnreadable, OSError) as error:
        log.error("media-unreadable", organisation=call.organisation, media=row["media_id"], kind=type(error).__name__)
        raise Unavailable("The media store does not give these bytes now.", headers={"Retry-After": "60"}) from error
