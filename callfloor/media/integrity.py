"""Whether stored bytes are still those that were put, where nothing else tells: content that is not encrypted.

Its SHA-256 is its address, so it needs no signature. Reading it all before the first byte goes out would cost a
download as much as the download, so that each version of a file is checked once a process and then known by what the
file system says of it: its inode, size and times, of which the time of the last change (ctime) cannot be set by those
who may write the file.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing

from callfloor.media.errors import BlobDamaged
from callfloor.media.storage import Reader

MOST = 100_000
_CHANGED = "the stored blob does not have the SHA-256 that it is stored under"


class Checked:
    """Versions of objects whose SHA-256 was found right."""

    def __init__(self) -> None:
        self._right: OrderedDict[tuple[str, Hashable], None] = OrderedDict()

    async def check(self, name: str, reader: Reader, sha256: str) -> None:
        """Read the whole object unless this version was read before. Raises `BlobDamaged`."""
        if (name, reader.version) in self._right:
            return
        digest, at = hashlib.sha256(), 0
        while at < reader.size and (data := await reader.read(at, min(at + reader.piece, reader.size))):
            await asyncio.to_thread(digest.update, data)
            at += len(data)
        if digest.hexdigest() != sha256:
            raise BlobDamaged(_CHANGED)
        self._remember(name, reader)

    async def checking(
        self, chunks: AsyncGenerator[bytes], name: str, reader: Reader, sha256: str
    ) -> AsyncGenerator[bytes]:
        """The whole object's chunks; in place of the last one `BlobDamaged` when it is not what it should be."""
        known = (name, reader.version) in self._right
        digest = hashlib.sha256()
        held: bytes | None = None
        async with aclosing(chunks):
            async for chunk in chunks:
                if held is not None:
                    yield held
                held = chunk
                if not known:
                    digest.update(chunk)
        if not known and digest.hexdigest() != sha256:
            raise BlobDamaged(_CHANGED)
        if not known:
            self._remember(name, reader)
        if held is not None:
            yield held

    def _remember(self, name: str, reader: Reader) -> None:
        self._right[name, reader.version] = None
        if len(self._right) > MOST:
            self._right.popitem(last=False)
