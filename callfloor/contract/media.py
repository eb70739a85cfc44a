"""Recordings, voicemails and attachments."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from callfloor.contract.fields import Request, Struct


class Recording(Struct):
    media_id: int
    media_uri: str
    duration: Annotated[int, Meta(description="Whole seconds.")]
    deleted: bool
    deleted_timestamp: str | None
    deleted_by: Annotated[int | None, Meta(description="Id of the user, or of the token, that deleted it.")]
    deletion_reason: str | None
    content_type: str
    size: Annotated[int, Meta(description="Bytes.")]
    sha256: str | None
    activity_id: int | None


class Voicemail(Struct):
    media_id: int
    media_uri: str
    duration: Annotated[int, Meta(description="Whole seconds.")]
    content_type: str
    size: Annotated[int, Meta(description="Bytes.")]
    sha256: str | None
    activity_id: int | None


class Attachment(Struct):
    media_id: int
    media_uri: str
    file_name: str | None
    content_type: str
    size: Annotated[int, Meta(description="Bytes.")]


class MediaDeletionQuery(Request):
    reason: Annotated[str, Meta(min_length=1, max_length=500, description="Why; kept with the metadata.")]
