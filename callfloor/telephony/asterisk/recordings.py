"""Recordings where Asterisk keeps them: how long one is, its bytes, and its removal. In the folder, where this process
can read it, or through ARI.

Asterisk writes a WAV's lengths into its header when it closes the file. One that was left open, by a crash, is given
the right ones on its way.
"""

from __future__ import annotations

import asyncio
import io
import wave
from array import array
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from callfloor.telephony.ari import PIECE, Ari, AriFailed, AriNotThere, StoredFile
from callfloor.telephony.asterisk import names
from callfloor.telephony.carrier import CallId

HEADER = 44
BYTES_PER_SECOND = 16_000
# Asterisk says that it stops before it has. How often, and after what rest, the header is looked at.
LOOKS, LOOK_AGAIN_S = 75, 0.02


class StoredRecordings:
    """Of one node."""

    def __init__(self, ari: Ari, folder: Path | None) -> None:
        self._ari, self._folder = ari, folder

    async def seconds(self, call: CallId, part: int) -> float | None:
        """How long a finished part is; None: there is none, or nothing in it. Raises `AriError`."""
        sizes = [await self._size(names.recording(call, part))]
        if sizes[0] is None:
            sizes = [await self._size(names.recording_side(call, part, side)) for side in names.SIDES]
        longest = max((size for size in sizes if size is not None), default=0)
        return (longest - HEADER) / BYTES_PER_SECOND if longest > HEADER else None

    async def _size(self, name: str) -> int | None:
        """The size of a recording, as soon as it is closed; None: there is none."""
        size = 0
        for _ in range(LOOKS):
            try:
                async with self._open(name) as file:
                    size, head = file.size or 0, await anext(aiter(file.pieces), b"")
            except AriNotThere:
                return None
            if HEADER <= size == HEADER + int.from_bytes(head[40:HEADER], "little"):
                return size
            await asyncio.sleep(LOOK_AGAIN_S)
        # left open by a crash: what is there is all that will be
        return size

    async def read(self, call: CallId, part: int) -> AsyncGenerator[bytes]:
        """The bytes of a part, all of them; of two sides, what the customer says on the left. Raises `AriError`, also
        when some are missing at the end."""
        begun = False
        try:
            async for piece in self._read(names.recording(call, part)):
                begun = True
                yield piece
        except AriNotThere:
            if begun:
                raise
        else:
            return
        sides = [
            b"".join([piece async for piece in self._read(names.recording_side(call, part, side))])
            for side in names.SIDES
        ]
        whole = await asyncio.to_thread(_stereo, *sides)
        for start in range(0, len(whole), PIECE):
            yield whole[start : start + PIECE]

    async def _read(self, name: str) -> AsyncGenerator[bytes]:
        async with self._open(name) as file:
            got = 0
            async for piece in _with_lengths(file):
                got += len(piece)
                yield piece
            if file.size is not None and got != file.size:
                raise AriFailed(f"{got} of {file.size} bytes of {name} came")

    async def kept(self) -> set[tuple[CallId, int]]:
        """Call and part of every recording that is there, also of those that are being made. Raises `AriError`."""
        found = (names.read_recording(name) for name in await self._names())
        return {each for each in found if each is not None}

    async def _names(self) -> list[str]:
        if self._folder is not None:
            return await asyncio.to_thread(_wav_files, self._folder)
        return [each.name for each in await self._ari.recordings()]

    async def remove(self, call: CallId, part: int) -> None:
        """Raises `AriError`; it is no error when there is none."""
        sides = [names.recording_side(call, part, side) for side in names.SIDES]
        for name in (names.recording(call, part), *sides):
            await self._remove(name)

    async def _remove(self, name: str) -> None:
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


def _wav_files(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("*.wav")]


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


def _stereo(left: bytes, right: bytes) -> bytes:
    """Two files of one channel as one of two; the shorter is silent at its end."""
    sides = [array("h", side[HEADER : HEADER + (len(side) - HEADER) // 2 * 2]) for side in (left, right)]
    frames = max(len(side) for side in sides)
    mixed = array("h", bytes(4 * frames))
    for channel, side in enumerate(sides):
        side.extend([0] * (frames - len(side)))
        mixed[channel::2] = side
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((2, 2, BYTES_PER_SECOND // 2, frames, "NONE", ""))
        file.writeframes(mixed.tobytes())
    return target.getvalue()
