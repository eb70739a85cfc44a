"""Blobs in an S3-compatible object store."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import AsyncIterator, Generator, Hashable, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from callfloor.media.errors import BlobConfigError, BlobMissing, BlobStorageError, BlobStoreWrong
from callfloor.media.storage import Spool, StoredObject

if TYPE_CHECKING:
    from obstore.store import S3Config

# One request a piece, not one a download: a slow listener then holds no connection to the service open.
PIECE = 2 * 1024 * 1024
PART = 8 * 1024 * 1024
PARTS_AT_ONCE = 2
# What obstore's text says of a failure. The rest of it is long, and names objects.
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_STATUS = re.compile(r"status code: ([0-9]{3}[A-Za-z ]{0,40})")
_NETWORK = re.compile(r'"((?:dns|tcp connect) error)"')
_ASKED = re.compile(r"Error performing [A-Z]+ (https?)://(?:[^/\s@]*@)?([^/\s]{1,200})")
# Where machines in AWS are given credentials, if they have none of their own.
_CREDENTIALS = ("/latest/api/token", "/latest/meta-data/", "169.254.170.")
# What a service says of a setting that is wrong, and not of itself.
_WRONG = {"NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidBucketName"}


class S3Storage:
    """Objects in a bucket. Credentials, region and endpoint come from `options`, else from the AWS_ variables."""

    def __init__(self, bucket: str, prefix: str, options: Mapping[str, str]) -> None:
        """`options`: keys of obstore's `S3Config`. Raises `BlobConfigError` for one that it does not know."""
        # Deleting one by one works with every S3-compatible service, the bulk request with some.
        config = cast("S3Config", {"disable_bulk_delete": True, **options})
        endpoint = str(
            options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT", "")
        )
        try:
            self._store = S3Store(
                bucket,
                prefix=prefix or None,
                config=config,
                client_options={"allow_http": allows_clear(endpoint), "timeout": timedelta(seconds=60)},
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
            )
        except (BaseError, ValueError) as error:
            raise BlobConfigError("the settings of the S3 media store are not valid") from error

    def spool(self) -> Spool:
        return Spool(tempfile.TemporaryFile(), None)

    async def commit(self, spool: Spool, name: str) -> None:
        spool.file.seek(0)
        try:
            with _failures("store"):
                await obstore.put_async(self._store, name, spool.file, chunk_size=PART, max_concurrency=PARTS_AT_ONCE)
        except FileNotFoundError as error:
            raise BlobStorageError("the S3 service has no such bucket") from error

    async def reader(self, name: str) -> S3Reader | None:
        try:
            with _failures("find"):
                found = await obstore.head_async(self._store, name)
        except FileNotFoundError:
            return None
        return S3Reader(self._store, name, found["size"], found["e_tag"])

    async def delete(self, name: str) -> bool:
        if await self.reader(name) is None:
            return False
        with _failures("delete"):
            await obstore.delete_async(self._store, name)
        return True

    async def objects(self, prefix: str = "") -> AsyncIterator[StoredObject]:
        with _failures("list"):
            # Its Arrow variants have no types where Arrow is not installed.
            listing = obstore.list(self._store, prefix or None, chunk_size=1000)  # pyright: ignore[reportUnknownMemberType]
            async for page in listing:
                for found in page:
                    yield StoredObject(found["path"], found["last_modified"])

    def path_of(self, name: str) -> Path | None:
        return None

    async def sweep(self, older_than: timedelta) -> int:
        """Nothing to do: uploads wait in unnamed files. For multipart uploads that a crash cut off,
        give the bucket a lifecycle rule (AbortIncompleteMultipartUpload)."""
        return 0


class S3Reader:
    piece = PIECE
    at_hand: bool = False

    def __init__(self, store: S3Store, name: str, size: int, e_tag: str | None) -> None:
        self.size = size
        self._store = store
        self._name = name
        self._e_tag = e_tag
        # without a tag no two versions are known to be the same
        self.version: Hashable = e_tag or object()

    async def read(self, start: int, end: int) -> bytes:
        """Raises `BlobMissing` when the object went away, `BlobStorageError` when it was replaced."""
        if start >= min(end, self.size):
            return b""
        try:
            with _failures("read"):
                found = await obstore.get_async(
                    self._store, self._name, options={"range": (start, end), "if_match": self._e_tag}
                )
                return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise BlobMissing from error

    def close(self) -> None:
        pass


def allows_clear(endpoint: str) -> bool:
    """Whether a service may be spoken to without TLS: on this machine, or where AWS_ALLOW_HTTP says so."""
    if os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true", "yes"):
        return True
    return urlsplit(endpoint).hostname in ("localhost", "127.0.0.1", "::1")


@contextmanager
def _failures(doing: str) -> Generator[None]:
    try:
        yield
    except BaseError as error:
        code, why = _why(str(error), type(error).__name__)
        kind = BlobStoreWrong if code in _WRONG else BlobStorageError
        raise kind(f"the S3 service could not {doing} a blob: {why}") from error


def _why(said: str, kind: str) -> tuple[str, str]:
    """The service's own code for what went wrong, or nothing; and what to say of it, without names of objects."""
    asked = _ASKED.search(said)
    place = "" if asked is None else f" ({asked[1]}://{asked[2]})"
    if any(each in said for each in _CREDENTIALS):
        return "", f"there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY{place}"
    if "source: BadScheme" in said:
        return "", f"only https:// is spoken with other machines, unless AWS_ALLOW_HTTP=true{place}"
    if code := _CODE.search(said):
        return code[1], f"{code[1]}{place}"
    found = _STATUS.search(said) or _NETWORK.search(said)
    return "", f"{kind if found is None else found[1].strip()}{place}"
