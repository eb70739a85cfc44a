"""What a place for blobs has to offer: a folder (`folder.py`) or an S3 service (`s3.py`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    name: str
    modified: datetime


@dataclass(slots=True)
class Spool:
    """A local file that takes an upload until its name is known.

    `file` must be a buffered file: those lock, so that closing waits for a thread that still writes
    although its caller was cancelled. `path` is None for a file without a name.
    """

    file: IO[bytes]
    path: Path | None

    def discard(self) -> None:
        try:
            self.file.close()
        finally:  # closing writes what is buffered, which fails on a full disk
            if self.path is not None:
                self.path.unlink(missing_ok=True)


class Reader(Protocol):
    """One version of one object: a replacement or deletion meanwhile is never mixed into what it reads."""

    size: int
    piece: int
    """Bytes that are best asked for at once."""
    version: Hashable
    """Another one whenever the object's bytes may be others."""
    at_hand: bool
    """Reading it all is as cheap as reading a part."""

    async def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end), fewer only where the object ends."""
        ...

    def close(self) -> None: ...


class Storage(Protocol):
    def spool(self) -> Spool:
        """Blocking: call it in a thread."""
        ...

    async def commit(self, spool: Spool, name: str) -> None:
        """Make the spooled bytes durable under `name`, atomically, in place of what was there."""
        ...

    async def reader(self, name: str) -> Reader | None:
        """None when there is no such object."""
        ...

    async def delete(self, name: str) -> bool:
        """True when there was such an object."""
        ...

    def objects(self, prefix: str = "") -> AsyncIterator[StoredObject]:
        """Every object, or those under a prefix that ends in a slash."""
        ...

    def path_of(self, name: str) -> Path | None:
        """The file of an object, where objects are files."""
        ...

    async def sweep(self, older_than: timedelta) -> int:
        """Remove what uploads that died left behind; the answer is how many."""
        ...
