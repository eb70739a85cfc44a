"""What is recorded of a call, in parts: the bridge, where customer and parties meet, or each side of the customer's
channel for itself.

Nothing here raises, and nothing that Asterisk has yet to do keeps a call from going on or from ending: a part is over
when it is taken, and whoever reads it waits until Asterisk has closed it.
"""

from __future__ import annotations

import asyncio

import structlog

from callfloor.clock import Clock
from callfloor.telephony.asterisk import names
from callfloor.telephony.asterisk.ari import Ari, AriConflict, AriError, AriNotThere, Method, Value
from callfloor.telephony.asterisk.recordings import StoredRecordings
from callfloor.telephony.asterisk.setup import Setup
from callfloor.telephony.carrier import CallId

log = structlog.get_logger("callfloor.telephony")

AS_WAV: dict[str, Value] = {"format": "wav", "ifExists": "overwrite"}
# How often, and after what rest, a channel that was just made is asked to record.
TRIES, AGAIN_S = 50, 0.02
# How often, and after what rest, Asterisk is asked whether it has closed a recording. Of a bridge's it does not say so.
LOOKS, LOOK_AGAIN_S = 50, 0.02


class Tape:
    """`part`: what is recorded, or is as soon as somebody is there. `next_part`: the one that runs or comes next."""

    def __init__(
        self, ari: Ari, stored: StoredRecordings, clock: Clock, setup: Setup, call: CallId, channel: str
    ) -> None:
        self._ari, self._stored, self._clock, self._call = ari, stored, clock, call
        self._channel, self._app, self._stereo = channel, setup.app, setup.stereo
        self.part: int | None = None
        self.next_part = 0
        self._running = self._paused = self._adopted = False
        self._since, self._before = 0.0, 0.0

    def insert(self, part: int) -> None:
        """Record as this part, from `run` on. What ran before is over: `take` it first."""
        self.part, self.next_part = part, max(self.next_part, part)
        self._running = self._paused = self._adopted = False
        self._before = 0.0

    def adopt(self, part: int) -> None:
        """It has been running since before we were there."""
        self.insert(part)
        self._running = self._adopted = True
        self._since = self._clock.elapsed()

    async def run(self, bridge: str) -> None:
        """Somebody is there to be recorded."""
        part = self.part
        if part is None or self._running:
            return
        self._running, self._since = True, self._clock.elapsed()
        if not await (self._record_sides(part) if self._stereo else self._record_bridge(part, bridge)):
            log.error("recording-failed", call=self._call)
            if self.part == part:
                self.part, self._running = None, False

    async def _record_bridge(self, part: int, bridge: str) -> bool:
        return await self._ask(
            "POST", f"bridges/{bridge}/record", {**AS_WAV, "name": names.recording(self._call, part)}
        )

    async def _record_sides(self, part: int) -> bool:
        for side in names.SIDES:
            tape = names.tape(self._call, part, side)
            query: dict[str, Value] = {"spy": side, "app": self._app}
            if not await self._ask("POST", f"channels/{self._channel}/snoop/{tape}", query):
                return False
        return all([await self._record_side(part, side) for side in names.SIDES])

    async def _record_side(self, part: int, side: names.Side) -> bool:
        path = f"channels/{names.tape(self._call, part, side)}/record"
        query: dict[str, Value] = {**AS_WAV, "name": names.recording_side(self._call, part, side)}
        for _ in range(TRIES):
            try:
                await self._ari.request("POST", path, query)
            except (AriConflict, AriNotThere):
                # it is not in our application yet
                await asyncio.sleep(AGAIN_S)
            except AriError as error:
                log.warning("recording-request-failed", call=self._call, detail=str(error))
                return False
            else:
                return True
        return False

    async def pause(self, on: bool) -> None:
        if self.part is None or not self._running or self._paused == on:
            return
        method: Method = "POST" if on else "DELETE"
        before = self._clock.elapsed()
        if all([await self._ask(method, f"recordings/live/{name}/pause") for name in self._names(self.part)]):
            self._paused = on
            if on:
                self._before += self._clock.elapsed() - self._since
            else:
                # what is cut off at the end must not be too much
                self._since = before

    def take(self) -> tuple[int, float] | None:
        """End the part: its number and about how long it is; None when nothing was recorded. It is to be closed."""
        part, running, self.part, self._running = self.part, self._running, None, False
        if part is None:
            return None
        self.next_part = max(self.next_part, part + 1)
        if not running:
            return None
        seconds = self._before + (0.0 if self._paused else self._clock.elapsed() - self._since)
        self._stored.closes(self._names(part), None if self._adopted else seconds)
        return part, seconds

    async def close(self, part: int) -> None:
        """Have Asterisk end and close a part that was taken."""
        await self.close_files(self._names(part))
        if self._stereo:
            for side in names.SIDES:
                await self._ask("DELETE", f"channels/{names.tape(self._call, part, side)}")

    async def close_files(self, files: list[str]) -> None:
        going = [name for name in files if await self._ask("POST", f"recordings/live/{name}/stop")]
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_AGAIN_S)
            going = [name for name in going if await self._ask("GET", f"recordings/live/{name}")]
            if not going:
                break
        for name in files:
            self._stored.closed(name)

    def _names(self, part: int) -> list[str]:
        if self._stereo:
            return [names.recording_side(self._call, part, side) for side in names.SIDES]
        return [names.recording(self._call, part)]

    async def _ask(self, method: Method, path: str, query: dict[str, Value] | None = None) -> bool:
        try:
            await self._ari.request(method, path, query or {})
        except AriNotThere:
            return False
        except AriError as error:
            log.warning("recording-request-failed", call=self._call, kind=type(error).__name__, detail=str(error))
            return False
        return True
