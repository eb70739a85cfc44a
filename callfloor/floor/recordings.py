"""Recordings on their way from the carrier to the media store."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from callfloor.errors import Problem
from callfloor.media.blobs import Blobs
from callfloor.store.media import StoredContent
from callfloor.telephony.carrier import CallId, Carrier, CarrierLostError

log = structlog.get_logger("callfloor.floor")

TRIES = 6
FIRST_REST_S = 0.5


@dataclass(frozen=True, slots=True)
class Recording:
    """What became of a recording of `seconds`. `content` None: it could not be stored."""

    content: StoredContent | None
    seconds: float


class Recordings:
    def __init__(self, carrier: Carrier, blobs: Blobs) -> None:
        self._carrier, self._blobs = carrier, blobs

    async def store(self, organisation: int, call: CallId, seconds: float, part: int = 0) -> Recording:
        """Put the recording where media are kept; trouble on either side is waited out for half a minute."""
        rest = FIRST_REST_S
        for _ in range(TRIES):
            try:
                blob = await self._blobs.put(organisation, self._carrier.recording(call, part))
            except (CarrierLostError, Problem, OSError) as error:
                log.warning("recording-waits", call=call, kind=type(error).__name__)
                await asyncio.sleep(rest)
                rest *= 2
            else:
                return Recording(StoredContent(blob.sha256, blob.size), seconds)
        log.error("recording-lost", call=call)
        return Recording(None, seconds)

    async def forget(self, call: CallId, part: int = 0) -> None:
        """The carrier need not keep it any more."""
        try:
            await self._carrier.forget_recording(call, part)
        except CarrierLostError:
            # it stays where it is, and costs space only
            log.info("recording-kept-by-carrier", call=call)
