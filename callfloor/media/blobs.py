"""Media bytes by the SHA-256 of their content, kept apart by organisation, in a folder or in S3.

{organisation_id}/{sha256[:2]}/{sha256}            in plain
{organisation_id}/{name[:2]}/{name}.{key id}       encrypted; the name reveals nothing of the content
.keys/{key id}                                     which keys were ever used here
.encrypted                                         there is nothing in plain here: what is, was not put by us
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from callfloor.media.encryption import FRAME, HEADER_SIZE, SEALED_FRAME, Cipher, Unsealer
from callfloor.media.errors import BlobConfigError, BlobDamaged, BlobMissing, BlobUnreadable
from callfloor.media.folder import FolderStorage
from callfloor.media.integrity import Checked
from callfloor.media.s3 import S3Storage
from callfloor.media.storage import Reader, Spool, Storage, StoredObject
from callfloor.settings import is_address

CHUNK = 4 * FRAME
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"([1-9][0-9]{0,18})/([0-9a-f]{2})/(\2[0-9a-f]{62})(?:\.([0-9a-f]{16}))?")
_KEYS = ".keys/"
_ENCRYPTED = ".encrypted"
_HEADERS_AT_ONCE = 32
_BUCKET = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)((?:/[^?#]*)?)")


@dataclass(frozen=True, slots=True)
class StoredBlob:
    sha256: str
    """Hex, of the content as it was given."""
    size: int
    """Bytes of the content as it was given."""
    location: str
    """Name of the object within the store."""


def open_blobs(url: str, key: bytes | None = None, *, options: Mapping[str, str] = MappingProxyType({})) -> Blobs:
    """The media store at `url`: a folder, `file:///path`, or `s3://bucket/prefix`.

    `key`: 32 bytes; what is put is then encrypted. `options`: settings of S3 (`endpoint`, `region`,
    `access_key_id`, …) that win over the AWS_ environment variables. Raises `BlobConfigError`.
    """
    return Blobs(_storage(url, options), key)


class Blobs:
    """A media store. Safe to use from any number of tasks and processes at once."""

    def __init__(self, storage: Storage, key: bytes | None = None) -> None:
        self._storage = storage
        self._cipher = None if key is None else Cipher(key)
        self._key_is_marked = False
        self._all_encrypted = False
        self._checked = Checked()

    @property
    def is_folder(self) -> bool:
        """Whether the bytes are files of this machine."""
        return self._storage.path_of("") is not None

    async def check(self) -> None:
        """See that the store can be written and that its blobs can be read with the key in use: a store that was ever
        written with keys needs one of them. Raises `BlobUnreadable`, `OSError`."""
        spool = await asyncio.to_thread(self._storage.spool)
        await asyncio.to_thread(spool.discard)
        own = None if self._cipher is None else self._cipher.key_id
        marks = [mark.name.removeprefix(_KEYS) async for mark in self._storage.objects(_KEYS)]
        if marks and own not in marks:
            raise _other_key(marks[0], own)

    async def put(self, organisation_id: int, source: AsyncIterable[bytes] | bytes) -> StoredBlob:
        """Store the content and return once a crash can no longer lose it.

        Nothing is visible before, and nothing stays of a source that fails. Content that is already there is
        replaced by its like, which renews its time in `keys` and mends it should it be damaged.
        """
        _check(organisation_id)
        await self._mark_key()
        spool = await asyncio.to_thread(self._storage.spool)
        try:
            blob = await self._fill(spool, organisation_id, source)
            await self._storage.commit(spool, blob.location)
        finally:
            await asyncio.to_thread(spool.discard)
        return blob

    async def open(
        self, organisation_id: int, sha256: str, start: int = 0, end: int | None = None
    ) -> AsyncGenerator[bytes]:
        """The bytes [start, end) in chunks of at most 256 KiB; like a slice, clipped to the content.

        Raises `BlobMissing`, `BlobUnreadable` before the first chunk. A chunk that fails its check raises
        `BlobDamaged` in its place. What is in plain is checked as a whole: in a folder before the first chunk, in S3
        with the last one of a full read. Leave early with `aclose()`.
        """
        if start < 0 or (end is not None and end < 0):
            raise ValueError("a range of bytes starts and ends at 0 or later")
        reader, unsealer = await self._find(organisation_id, sha256)
        size = reader.size if unsealer is None else unsealer.size
        stop = size if end is None else min(end, size)
        if unsealer is not None:
            return _unsealed(reader, unsealer, start, stop)
        name, whole = self._names(organisation_id, sha256)[-1], (start, stop) == (0, size)
        if reader.at_hand:
            try:
                await self._checked.check(name, reader, sha256)
            except BaseException:
                reader.close()
                raise
        elif whole:
            return self._checked.checking(_plain(reader, start, stop), name, reader, sha256)
        return _plain(reader, start, stop)

    def local_path(self, organisation_id: int, sha256: str) -> Path | None:
        """The file that holds exactly the content, where there is one: in a folder that is not encrypted."""
        if self._cipher is not None:
            _check(organisation_id, sha256)
            return None
        path = self._storage.path_of(self._names(organisation_id, sha256)[0])
        return path if path is not None and path.is_file() else None

    async def delete(self, organisation_id: int, sha256: str) -> bool:
        """Remove the content, encrypted and in plain. False when it was not there.

        Raises `BlobUnreadable` when it may be there under another key: it would not be gone.
        """
        gone = [await self._storage.delete(name) for name in self._names(organisation_id, sha256)]
        if not any(gone):
            await self._refuse_other_keys()
        return any(gone)

    async def verify(self, organisation_id: int, sha256: str) -> bool:
        """Whether the stored content still has its SHA-256. Raises `BlobMissing`, `BlobUnreadable`."""
        digest = hashlib.sha256()
        try:
            async with aclosing(await self.open(organisation_id, sha256)) as chunks:
                async for chunk in chunks:
                    await asyncio.to_thread(digest.update, chunk)
        except BlobDamaged:
            return False
        return digest.hexdigest() == sha256

    async def in_plain(self) -> AsyncGenerator[tuple[int, str]]:
        """Organisation and SHA-256 of every blob that is not encrypted, in no order."""
        async for found in self._storage.objects():
            match = _NAME.fullmatch(found.name)
            if match is not None and match[4] is None:
                yield int(match[1]), match[3]

    async def encrypt(self, organisation_id: int, sha256: str) -> None:
        """Replace what was put in plain by its encrypted form.

        Raises like `open`, and `BlobConfigError` without a key.
        """
        if self._cipher is None:
            raise BlobConfigError("no media key is set")
        await self.put(organisation_id, await self.open(organisation_id, sha256))
        await self._storage.delete(self._names(organisation_id, sha256)[-1])

    async def mark_encrypted(self) -> None:
        """From now on nothing in plain is read here. Call it when nothing is."""
        await self._mark(_ENCRYPTED)
        self._all_encrypted = True

    async def keys(self) -> AsyncGenerator[tuple[int, str, datetime]]:
        """Organisation, SHA-256 and time of the last put of every blob, in no order.

        What is encrypted with another key, or damaged in its header, is left out: nothing is known of it.
        """
        sealed: list[tuple[int, StoredObject]] = []
        async for found in self._storage.objects():
            match = _NAME.fullmatch(found.name)
            if match is None:
                continue
            organisation_id, key_id = int(match[1]), match[4]
            if key_id is None:
                yield organisation_id, match[3], found.modified
            elif self._cipher is not None and key_id == self._cipher.key_id:
                sealed.append((organisation_id, found))
            if len(sealed) == _HEADERS_AT_ONCE:
                for key in await self._sealed_keys(sealed):
                    yield key
                sealed.clear()
        for key in await self._sealed_keys(sealed):
            yield key

    async def sweep_temporary(self, older_than: timedelta) -> int:
        """Remove what uploads that died left behind and that was last written `older_than` ago; how many."""
        return await self._storage.sweep(older_than)

    async def _fill(self, spool: Spool, organisation_id: int, source: AsyncIterable[bytes] | bytes) -> StoredBlob:
        digest = hashlib.sha256()
        sealer = None if self._cipher is None else self._cipher.seal()
        size = 0

        def take(piece: bytes, last: bool) -> None:
            digest.update(piece)
            spool.file.write(piece if sealer is None else sealer.frames(piece, last))

        if sealer is not None:
            spool.file.write(bytes(HEADER_SIZE))
        async with aclosing(_pieces(source)) as pieces:
            async for piece, last in pieces:
                await asyncio.to_thread(take, piece, last)
                size += len(piece)
        sha256 = digest.hexdigest()
        if sealer is not None:
            spool.file.seek(0)
            spool.file.write(sealer.header(organisation_id, sha256, size))
        return StoredBlob(sha256, size, self._names(organisation_id, sha256)[0])

    def _names(self, organisation_id: int, sha256: str) -> list[str]:
        """Where the content goes, and where else it may be: put in plain before there was a key."""
        _check(organisation_id, sha256)
        plain = f"{organisation_id}/{sha256[:2]}/{sha256}"
        if self._cipher is None:
            return [plain]
        name = self._cipher.name(organisation_id, sha256)
        return [f"{organisation_id}/{name[:2]}/{name}.{self._cipher.key_id}", plain]

    async def _find(self, organisation_id: int, sha256: str) -> tuple[Reader, Unsealer | None]:
        for name in self._names(organisation_id, sha256):
            reader = await self._storage.reader(name)
            if reader is None:
                continue
            if self._cipher is None or not name.endswith("." + self._cipher.key_id):
                if await self._is_all_encrypted():
                    reader.close()
                    raise BlobDamaged("the stored blob is in plain, and everything here is encrypted")
                return reader, None
            unsealer = await self._unseal(self._cipher, reader, organisation_id)
            if unsealer.sha256 != sha256:
                raise BlobDamaged("the stored blob was put in the place of another")
            return reader, unsealer
        await self._refuse_other_keys()
        raise BlobMissing

    async def _unseal(self, cipher: Cipher, reader: Reader, organisation_id: int) -> Unsealer:
        return cipher.unseal(await reader.read(0, HEADER_SIZE), organisation_id, reader.size)

    async def _sealed_keys(self, found: list[tuple[int, StoredObject]]) -> list[tuple[int, str, datetime]]:
        """The blobs that encrypted objects hold, as their headers tell."""

        async def key(organisation_id: int, item: StoredObject) -> tuple[int, str, datetime] | None:
            reader = await self._storage.reader(item.name)
            if reader is None or self._cipher is None:
                return None
            try:
                unsealer = await self._unseal(self._cipher, reader, organisation_id)
            except (BlobMissing, BlobUnreadable):
                return None
            finally:
                reader.close()
            return organisation_id, unsealer.sha256, item.modified

        keys = await asyncio.gather(*(key(*each) for each in found))
        return [each for each in keys if each is not None]

    async def _mark_key(self) -> None:
        if self._cipher is None or self._key_is_marked:
            return
        is_new = not await self._has_blobs()
        await self._mark(_KEYS + self._cipher.key_id)
        self._key_is_marked = True
        if is_new:
            await self.mark_encrypted()

    async def _has_blobs(self) -> bool:
        async with aclosing(self.in_plain()) as found:
            return await anext(found, None) is not None

    async def _is_all_encrypted(self) -> bool:
        if not self._all_encrypted:
            mark = await self._storage.reader(_ENCRYPTED)
            if mark is not None:
                mark.close()
                self._all_encrypted = True
        return self._all_encrypted

    async def _mark(self, name: str) -> None:
        spool = await asyncio.to_thread(self._storage.spool)
        try:
            await self._storage.commit(spool, name)
        finally:
            await asyncio.to_thread(spool.discard)

    async def _refuse_other_keys(self) -> None:
        """Tell a blob that was never put from one whose name another key has hidden."""
        own = None if self._cipher is None else self._cipher.key_id
        async for mark in self._storage.objects(_KEYS):
            other = mark.name.removeprefix(_KEYS)
            if other != own:
                raise _other_key(other, own)


def _other_key(other: str, own: str | None) -> BlobUnreadable:
    return BlobUnreadable(
        f"this media store has blobs encrypted with the key of id {other}, and "
        + ("no key is set" if own is None else f"the key in use has the id {own}")
    )


def folder_of(url: str) -> Path | None:
    """The folder that a store's URL names; None: it names none."""
    scheme, separator, place = url.partition("://")
    if not separator and is_address(url):
        return None
    folder = unquote(place) if separator else url
    if (separator and (scheme.lower() != "file" or not folder.startswith("/"))) or not folder:
        return None
    return Path(folder)


def _storage(url: str, options: Mapping[str, str]) -> Storage:
    scheme, separator, place = url.partition("://")
    if separator and scheme.lower() == "s3" and (parts := _BUCKET.fullmatch(place)):
        return S3Storage(parts[1], parts[2].strip("/"), options)
    folder = folder_of(url)
    if folder is None:
        # The URL is not repeated: it may hold credentials where none belong.
        raise BlobConfigError(
            "a media store is a folder (path or file:///path) or s3://bucket/prefix,"
            " with the credentials of S3 in the AWS_ environment variables"
        )
    try:
        return FolderStorage(folder)
    except OSError as error:
        raise BlobConfigError(f"the media folder {folder} cannot be used: {error.strerror}") from error


def _check(organisation_id: int, sha256: str = "0" * 64) -> None:
    if organisation_id < 1:
        raise ValueError("an organisation's id is 1 or more")
    if not _SHA256.fullmatch(sha256):
        raise ValueError("a blob's address is a SHA-256 in 64 lower-case hex digits")


async def _pieces(source: AsyncIterable[bytes] | bytes) -> AsyncGenerator[tuple[bytes, bool]]:
    """The source in pieces of `CHUNK` bytes, each with whether it is the last; an empty source is one piece."""
    held = bytearray()
    async for given in _one(source) if isinstance(source, bytes) else source:
        view = memoryview(given)
        for start in range(0, len(view), CHUNK):
            held += view[start : start + CHUNK]
            if len(held) > CHUNK:
                yield bytes(memoryview(held)[:CHUNK]), False
                del held[:CHUNK]
    yield bytes(held), True


async def _one(content: bytes) -> AsyncGenerator[bytes]:
    yield content


async def _plain(reader: Reader, start: int, end: int) -> AsyncGenerator[bytes]:
    try:
        while start < end:
            data = await reader.read(start, min(start + reader.piece, end))
            if not data:
                raise BlobDamaged("the stored blob was cut off")
            start += len(data)
            for at in range(0, len(data), CHUNK):
                yield data[at : at + CHUNK]
    finally:
        reader.close()


async def _unsealed(reader: Reader, unsealer: Unsealer, start: int, end: int) -> AsyncGenerator[bytes]:
    at_once = -(-reader.piece // SEALED_FRAME)
    frame, beyond = start // FRAME, -(-end // FRAME)
    try:
        while start < end:
            count = min(at_once, beyond - frame)
            where = HEADER_SIZE + frame * SEALED_FRAME
            to = min(where + count * SEALED_FRAME, reader.size)
            sealed = await reader.read(where, to)
            if len(sealed) < to - where:
                raise BlobDamaged("the stored blob was cut off")
            for at in range(0, len(sealed), 4 * SEALED_FRAME):
                plain = unsealer.frames(frame, sealed[at : at + 4 * SEALED_FRAME])
                base = frame * FRAME
                yield plain[max(start - base, 0) : end - base]
                frame += 4
                start = min(frame * FRAME, end)
    finally:
        reader.close()
