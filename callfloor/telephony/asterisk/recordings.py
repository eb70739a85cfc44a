"""Recordings where Asterisk keeps them: how long one is, its bytes, and its removal. In the folder, where this process
can read it, or through ARI.

Asterisk writes a WAV's lengths into its header when it closes the file. One that was left open, by a crash, is given
the right ones on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from callfloor.telephony.ari import PIECE, Ari, AriFailed, AriNotThere, StoredFile

HEADER = 44
BYTES_PER_SECOND = 16_000


class StoredRecordings:
    """Of one node."""

    def __init__(self, ari: Ari, folder: Path | None) -> None:
        self._ari, self._folder = ari, folder

    async def seconds(self, name: str) -> float | None:
        """How long a finished recording is; None: there is none, or nothing in it. Raises `AriError`."""
        try:
            async with self._open(name) as file:
                size = file.size
        except AriNotThere:
            return None
        if size is None:
            raise AriFailed(f"Asterisk does not say how long {name} is")
        return (size - HEADER) / BYTES_PER_SECOND if size > HEADER else None

    async def read(self, name: str) -> AsyncGenerator[bytes]:
        """Its bytes, all of them. Raises `AriError`, also when some are missing at the end."""
        async with self._open(name) as file:
            got = 0
            async for piece in _with_lengths(file):
                got += len(piece)
                yield piece
            if file.size is not None and got != file.size:
                raise AriFailed(f"{got} of {file.size} bytes of {name} came")

    async def remove(self, name: str) -> None:
        """Raises `AriError`; it is no error when there is none."""
        if self._folder is not None:
            await asyncio.to_thread((self._folder / f"{name}.wav").unlink, missing_ok=True)
            return
        try:
            await self._ari.delete(f"recordings/stored/{name}")
        except AriNotThere:
            return

    @asynccontextmanager
    async def _open(self, name: str) -> AsyncGenerator[StoredFile]:
        if self._folder is None:
            async with self._ari.file(f"recordings/stored/{name}/file") as file:
                yield file
            return
        path = self._folder / f"{name}.wav"
        try:
            stream = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise AriNotThere(f"{path.name} is not in the folder of recordings") from None
        with stream:
            yield StoredFile(path.stat().st_size, _chunks(stream))


async def _chunks(stream: BinaryIO) -> AsyncGenerator[bytes]:
    while piece := await asyncio.to_thread(stream.read, PIECE):
        yield piece


async def _with_lengths(file: StoredFile) -> AsyncGenerator[bytes]:
    """The file, its header with the lengths that it has."""
    head = b""
    async for piece in file.pieces:
        if len(head) >= HEADER:
            yield piece
            continue
        head += piece
        if len(head) >= HEADER:
            yield _whole_header(head, file.size)
    if len(head) < HEADER:
        yield head


def _whole_header(start: bytes, size: int | None) -> bytes:
    if size is None or start[:4] != b"RIFF" or start[36:40] != b"data":
        return start
    lengths = (size - 8).to_bytes(4, "little"), (size - HEADER).to_bytes(4, "little")
    return start[:4] + lengths[0] + start[8:40] + lengths[1] + start[HEADER:]
