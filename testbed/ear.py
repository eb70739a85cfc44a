"""What a customer hears, on the wire: the sound of calls to `scenarios.LISTENS`, one at a time.

Asterisk's own means do not tell. A channel that it snoops while that is in a bridge gives silence for the music that
the channel hears afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from types import TracebackType
from typing import Self

from testbed import audio

# An RTP packet without extensions: the header, and 20 ms of G.711.
HEADER, LOAD = 12, 160
PACKETS = 5


class Ear:
    """Use as a context: sound is received inside."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", port))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def tenth(self) -> list[int]:
        """The next tenth of a second of sound, as linear samples. Waits for ever while nothing comes."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(2_048)
        loop = asyncio.get_running_loop()
        sound: list[int] = []
        while len(sound) < PACKETS * LOAD:
            packet = await loop.sock_recv(self._socket, 2_048)
            if len(packet) == HEADER + LOAD:
                sound += [audio.decode(code) for code in packet[HEADER:]]
        return sound
