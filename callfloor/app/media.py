"""The media store of a process."""

from __future__ import annotations

from callfloor.media.blobs import Blobs, open_blobs
from callfloor.media.encryption import parse_key
from callfloor.settings import Settings


def open_media(settings: Settings) -> Blobs:
    """The media store that the settings name. Raises `ValueError` when they name none."""
    key = parse_key(settings.media_key) if settings.media_key else None
    return open_blobs(settings.media_location, key)
