"""What a customer hears from us: which file a message is, and one prompt at a time."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import structlog

from callfloor.telephony.asterisk.ari import Ari, AriError, AriFailed, AriNotThere, AriRefused
from callfloor.telephony.asterisk.setup import PromptSource, Setup
from callfloor.telephony.carrier import CallId

log = structlog.get_logger("callfloor.telephony")

INFORMATION = "information"
_PROMPT = re.compile(r"prompt:(?P<organisation>[0-9]{1,18})/(?P<hash>[0-9a-f]{64})", re.ASCII)
_COUNTED = re.compile(r"(?P<what>position|wait):(?P<number>[0-9]{1,4})", re.ASCII)
IN_ONE_WORD = 20
_RATES = {8_000: "wav", 16_000: "wav16"}
# How often, and after what rest, a prompt is told to stop.
STOPS, STOP_AGAIN_S = 50, 0.02
_serial = count(1)


class Prompts:
    """Of one node. A prompt of the media store is written where Asterisk reads it, once."""

    def __init__(self, setup: Setup, source: PromptSource | None) -> None:
        self._setup, self._source = setup, source

    async def media(self, message: str) -> str:
        """What Asterisk calls the message. Raises `AriError` when it has none, and what the source raises."""
        if message == INFORMATION:
            return self._setup.information
        if (counted := _COUNTED.fullmatch(message)) is not None:
            return _spoken(counted["what"], int(counted["number"]))
        found = _PROMPT.fullmatch(message)
        if found is None:
            raise AriRefused(f"there is no message {message[:40]}")
        if self._setup.prompts is None or self._source is None:
            raise AriRefused("no folder for prompts is set up: asterisk_prompts")
        stem = self._setup.prompts / f"{int(found['organisation'])}-{found['hash']}"
        if not any(stem.with_suffix(f".{kind}").exists() for kind in _RATES.values()):
            content = b"".join([piece async for piece in self._source(int(found["organisation"]), found["hash"])])
            await asyncio.to_thread(_write, stem, content)
        return f"sound:{stem}"


def _spoken(what: str, number: int) -> str:
    """The words of Asterisk's own queues, in the language of the channel. Each is a file that can be stopped in the
    middle; a number that Asterisk puts together itself cannot."""
    if what == "position":
        said = ["queue-youarenext"] if number <= 1 else ["queue-thereare", *_digits(number), "queue-callswaiting"]
    else:
        said = ["queue-holdtime", *_digits(number), "queue-minute" if number == 1 else "queue-minutes"]
    return ",".join(f"sound:{file}" for file in said)


def _digits(number: int) -> list[str]:
    """A number as files: in one word up to twenty, digit by digit above."""
    return [f"digits/{number}"] if number <= IN_ONE_WORD else [f"digits/{digit}" for digit in str(number)]


def _write(stem: Path, content: bytes) -> None:
    """Under the ending that tells Asterisk its rate; whole or not at all."""
    kind = _RATES.get(int.from_bytes(content[24:28], "little")) if content[:4] == b"RIFF" else None
    mono_16_bit = content[20:24] == b"\x01\x00\x01\x00" and content[34:36] == b"\x10\x00"
    if kind is None or not mono_16_bit:
        raise AriRefused("a prompt must be a WAV of one channel, 16 bits, 8,000 or 16,000 Hz")
    stem.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=stem.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    # Asterisk is another user
    Path(part).chmod(0o644)
    Path(part).rename(stem.with_suffix(f".{kind}"))


class Player:
    """The prompts of one channel. `playing`: the one that counts, from the command on. `_sounding`: what Asterisk was
    last told to play and may still be playing."""

    def __init__(self, ari: Ari, prompts: Prompts, call: CallId, channel: str, over: Callable[[], None]) -> None:
        self._ari, self._prompts, self._call, self._channel, self._over = ari, prompts, call, channel, over
        self.playing: str | None = None
        self._sounding: str | None = None

    def next(self, message: str) -> Callable[[], Awaitable[None]]:
        """Play this one in place of what is played; what is to be done for it."""
        self.playing = playback = f"cf-{self._call}-play-{next(_serial)}"

        async def start() -> None:
            if self.playing == playback:
                await self._start(playback, message)

        return start

    async def _start(self, playback: str, message: str) -> None:
        await self.silence()
        try:
            media = await self._prompts.media(message)
            self._sounding = playback
            await self._ari.post(f"channels/{self._channel}/play/{playback}", media=media)
        except (AriError, OSError) as error:
            log.warning("prompt-not-played", call=self._call, kind=type(error).__name__, detail=str(error))
            self.ended(playback)

    def stop(self) -> None:
        """It is of no more interest, nor is its end. `silence` makes it stop."""
        self.playing = None

    async def silence(self) -> None:
        sounding, self._sounding = self._sounding, None
        if sounding is None or sounding == self.playing:
            return
        for _ in range(STOPS):
            try:
                await self._ari.delete(f"playbacks/{sounding}")
            except AriNotThere:
                return
            except AriFailed:
                # it has not begun yet: Asterisk cannot stop what waits
                await asyncio.sleep(STOP_AGAIN_S)
            except AriError as error:
                log.info("prompt-not-stopped", call=self._call, kind=type(error).__name__, detail=str(error))
                return
            else:
                return

    async def look(self) -> None:
        """Whether it came to its end while nobody could tell us."""
        playback = self._sounding
        if playback is None or playback != self.playing:
            return
        try:
            await self._ari.get(f"playbacks/{playback}")
        except AriNotThere:
            self.ended(playback)

    def ended(self, playback: str) -> None:
        """A prompt came to its end, or could not be played."""
        if self._sounding == playback:
            self._sounding = None
        if self.playing == playback:
            self.playing = None
            self._over()
