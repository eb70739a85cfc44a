"""What is recorded of a call: the bridge, where customer and parties meet, in parts.

Nothing here raises: a recording that fails is told by its length, and never keeps a call from going on or from ending.
"""

from __future__ import annotations

import structlog

from callfloor.clock import Clock
from callfloor.telephony.ari import Ari, AriError, AriNotThere, Method, Value
from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.recordings import StoredRecordings
from callfloor.telephony.carrier import CallId

log = structlog.get_logger("callfloor.telephony")


class Tape:
    """`part`: what is recorded, or is as soon as somebody is there. `next_part`: the one that runs or comes next."""

    def __init__(self, ari: Ari, stored: StoredRecordings, clock: Clock, call: CallId) -> None:
        self._ari, self._stored, self._clock, self._call = ari, stored, clock, call
        self.part: int | None = None
        self.next_part = 0
        self._running = self._paused = False
        self._since, self._before = 0.0, 0.0

    def insert(self, part: int) -> None:
        """Record as this part, from `run` on. What ran before is over: `take` it first."""
        self.part, self.next_part = part, max(self.next_part, part)
        self._running = self._paused = False
        self._before = 0.0

    def adopt(self, part: int) -> None:
        """It has been running since before we were there."""
        self.insert(part)
        self._running, self._since = True, self._clock.elapsed()

    async def run(self, bridge: str) -> None:
        """Somebody is there to be recorded."""
        if self.part is None or self._running:
            return
        query: dict[str, Value] = {"name": self._name(self.part), "format": "wav", "ifExists": "overwrite"}
        if await self._ask("POST", f"bridges/{bridge}/record", query):
            self._running, self._since = True, self._clock.elapsed()
        else:
            log.error("recording-failed", call=self._call)
            self.part = None

    async def pause(self, on: bool) -> None:
        if self.part is None or not self._running or self._paused == on:
            return
        if await self._ask("POST" if on else "DELETE", f"recordings/live/{self._name(self.part)}/pause"):
            self._paused = on
            if on:
                self._before += self._clock.elapsed() - self._since
            else:
                self._since = self._clock.elapsed()

    async def take(self) -> tuple[int, float] | None:
        """End the part: its number and length; None when nothing was recorded."""
        part, running, self.part, self._running = self.part, self._running, None, False
        if part is None:
            return None
        self.next_part = max(self.next_part, part + 1)
        if not running:
            return None
        about = self._before + (0.0 if self._paused else self._clock.elapsed() - self._since)
        # answered when the file is closed; it is no error when the bridge was empty, and the recording over
        await self._ask("POST", f"recordings/live/{self._name(part)}/stop")
        seconds = await self.length(part, about)
        return None if seconds is None else (part, seconds)

    async def length(self, part: int, about: float | None = None) -> float | None:
        """How long a part is that is over; `about` where that cannot be asked now."""
        try:
            return await self._stored.seconds(self._name(part))
        except AriError as error:
            log.warning("recording-not-measured", call=self._call, kind=type(error).__name__, detail=str(error))
            return about

    def _name(self, part: int) -> str:
        return names.recording(self._call, part)

    async def _ask(self, method: Method, path: str, query: dict[str, Value] | None = None) -> bool:
        try:
            await self._ari.request(method, path, query or {})
        except AriNotThere:
            return False
        except AriError as error:
            log.warning("recording-request-failed", call=self._call, kind=type(error).__name__, detail=str(error))
            return False
        return True
