"""What can go wrong with stored media. No text of these holds a key or credentials."""

from __future__ import annotations


class BlobConfigError(ValueError):
    """The media store or its key is set to something that cannot be used."""


class BlobMissing(LookupError):
    """The organisation has no blob of this address."""

    def __init__(self) -> None:
        super().__init__("no blob is stored under this address")


class BlobUnreadable(Exception):
    """The blob is, or may be, encrypted with a key other than the one in use."""


class BlobDamaged(BlobUnreadable):
    """The stored bytes are not the ones that were put: changed, cut off, reordered or swapped."""


class BlobStorageError(OSError):
    """The S3 service failed or refused. A folder raises plain `OSError`, so `OSError` covers both."""


class BlobStoreWrong(BlobStorageError):
    """It refused for what no time mends: there is no such bucket, or nobody of these credentials."""
