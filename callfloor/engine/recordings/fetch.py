"""Recordings on their way from the carrier to the media store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import structlog

from callfloor.errors import Problem
from callfloor.media.blobs import Blobs
from callfloor.store.calls import activities, media
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import CallId, Carrier, CarrierLostError

log = structlog.get_logger("callfloor.floor")

TRIES = 6
FIRST_REST_S = 0.5
# A WAV begins so, and says how many bytes of sound a second has and how many there are.
HEADER, RATE_AT, LENGTH_AT = 44, 28, 40

RecordingKind = Literal["recording", "voicemail"]


class NotWhole(Exception):
    """The sound is not as long as its header says."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording that is in the media store. `seconds`: of the sound that is there."""

    content: media.StoredContent
    seconds: float


class Recordings:
    def __init__(self, carrier: Carrier, blobs: Blobs) -> None:
        self._carrier, self._blobs = carrier, blobs

    async def store(self, organisation: int, call: CallId, part: int = 0, tries: int = TRIES) -> Stored | None:
        """Put the recording where media are kept; trouble on either side is waited out for half a minute. None: it
        stays with the carrier, to be fetched another time."""
        rest = FIRST_REST_S
        for left in range(tries - 1, -1, -1):
            try:
                measured = _Measured(self._carrier.recording(call, part))
                blob = await self._blobs.put(organisation, measured.pieces())
            except (CarrierLostError, Problem, OSError, NotWhole) as error:
                log.warning("recording-waits", call=call, kind=type(error).__name__)
                if left:
                    await asyncio.sleep(rest)
                    rest *= 2
            else:
                return Stored(media.StoredContent(blob.sha256, blob.size), measured.seconds)
        log.error("recording-not-fetched", call=call)
        return None

    async def forget(self, call: CallId, part: int = 0) -> None:
        """The carrier need not keep it any more."""
        try:
            await self._carrier.forget_recording(call, part)
        except CarrierLostError:
            log.info("recording-kept-by-carrier", call=call)


class _Measured:
    """A WAV on its way: how long its sound is. `pieces` raises `NotWhole` at its end when that is not what it says."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._head, self._size = b"", 0

    async def pieces(self) -> AsyncIterator[bytes]:
        async for piece in self._source:
            self._head += piece[: HEADER - len(self._head)]
            self._size += len(piece)
            yield piece
        if self._head[:4] != b"RIFF" or self._size != HEADER + self._number(LENGTH_AT):
            raise NotWhole(f"{self._size} bytes, which are no whole WAV")

    def _number(self, at: int) -> int:
        return int.from_bytes(self._head[at : at + 4], "little")

    @property
    def seconds(self) -> float:
        return (self._size - HEADER) / max(1, self._number(RATE_AT))


async def enter(
    db: Database, organisation: int, activity: int, kind: RecordingKind, stored: Stored | None, at: datetime
) -> None:
    """Note what became of a leg's recording. Once more changes nothing."""
    if kind == "recording":
        kept = "failed" if stored is None else "enabled"
        await activities.set_recording_status(db, organisation, activity, kept)
    if stored is not None:
        await media.add(
            db,
            organisation,
            kind,
            activity,
            stored.content,
            content_type="audio/wav",
            duration_s=round(stored.seconds),
            file_name=f"{activity}.wav" if kind == "recording" else f"{activity}-message.wav",
            at=at,
        )
