"""Recordings where Asterisk keeps them: their bytes, and their removal. In the folder, where this process can read it,
or through ARI.

Asterisk writes a WAV's lengths into its header when it closes the file. One that was left open, by a crash, is given
the right ones on its way.
"""

from __future__ import annotations

import asyncio
import io
import wave
from array import array
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import PIECE, Ari, AriFailed, AriNotThere, StoredFile
from callfloor.telephony.carrier import CallId

HEADER = 44
BYTES_PER_SECOND = 16_000
# How long a reader waits for a recording that is just being ended.
CLOSED_S = 20.0


class StoredRecordings:
    """Of one node."""

    def __init__(self, ari: Ari, folder: Path | None) -> None:
        self._ari, self._folder = ari, folder
        # files that are just being ended
        self._closing: dict[str, asyncio.Event] = {}
        # bytes of sound after which nothing is wanted
        self._ends: dict[str, int] = {}

    def closes(self, names: Iterable[str], longest_s: float | None = None) -> None:
        """These are just being ended: whoever reads one waits until it is `closed`. What was recorded after `longest_s`
        seconds, before Asterisk had ended it, is left out."""
        for name in names:
            self._closing.setdefault(name, asyncio.Event())
            if longest_s is not None:
                self._ends[name] = 2 * round(longest_s * BYTES_PER_SECOND / 2)

    def closed(self, name: str) -> None:
        """Asterisk has closed the file."""
        closing = self._closing.pop(name, None)
        if closing is not None:
            closing.set()

    async def until_closed(self, name: str, seconds: float) -> None:
        """Raises `TimeoutError`."""
        closing = self._closing.get(name)
        if closing is not None:
            async with asyncio.timeout(seconds):
                await closing.wait()

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
        try:
            await self.until_closed(name, CLOSED_S)
        except TimeoutError:
            raise AriFailed(f"{name} is still being ended") from None
        async with self._open(name) as file:
            got = 0
            size, end = file.size, self._ends.get(name)
            if size is not None and end is not None:
                size = min(size, HEADER + end)
            async for piece in _with_lengths(file.pieces, size):
                got += len(piece)
                yield piece
            if size is not None and got != size:
                raise AriFailed(f"{got} of {size} bytes of {name} came")

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
        self._ends.pop(name, None)
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


async def _with_lengths(pieces: AsyncIterator[bytes], size: int | None) -> AsyncGenerator[bytes]:
    """The file's first `size` bytes, its header with the lengths of that."""
    head, got = b"", 0
    async for piece in pieces:
        if len(head) < HEADER:
            head += piece
            if len(head) < HEADER:
                continue
            piece = _whole_header(head, size)
        if size is not None:
            piece = piece[: size - got]
        got += len(piece)
        if piece:
            yield piece
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
