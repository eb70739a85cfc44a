"""Ports of 127.0.0.1 for one testbed: a block that no other testbed of this machine uses."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

# Below the ports that the kernel gives out by itself.
FIRST, BLOCK, BLOCKS = 10_000, 2_000, 5
# SIPp takes new ports for the sound of every call, upwards without an end, until it is started anew. So each block has
# room above, apart from where an Asterisk listens.
SOUND, SOUND_BLOCK, SOUND_OF_AGENTS = 33_000, 6_000, 4_500
LOCKS = Path(tempfile.gettempdir())


class NoFreePorts(Exception):
    """Every block is taken by other testbeds or programs."""


class Ports:
    """Held until `release`, or until the process that took it is gone."""

    def __init__(self) -> None:
        for number in range(BLOCKS):
            # one file a user: that of another could not be opened
            path = LOCKS / f"callfloor-testbed-{os.geteuid()}-{number}.lock"
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            self._lock, self._base, self._sound = lock, FIRST + number * BLOCK, SOUND + number * SOUND_BLOCK
            if self._free():
                return
            os.close(lock)
        raise NoFreePorts(f"no {BLOCK} free ports between {FIRST} and {FIRST + BLOCK * BLOCKS}")

    def _free(self) -> bool:
        udp = (
            self.sip,
            self.ear,
            self.customers,
            self.agents,
            *self.callers,
            self.rtp,
            self.customers_rtp,
            self.agents_rtp,
        )
        return all(_can_bind(port, socket.SOCK_DGRAM) for port in udp) and _can_bind(self.http, socket.SOCK_STREAM)

    def release(self) -> None:
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def sip(self) -> int:
        return self._base

    @property
    def http(self) -> int:
        return self._base + 1

    @property
    def closed(self) -> int:
        """Nobody listens there."""
        return self._base + 2

    @property
    def proxy(self) -> int:
        """For tests that put something between the driver and ARI."""
        return self._base + 3

    @property
    def https(self) -> int:
        return self._base + 4

    @property
    def ear(self) -> int:
        return self._base + 6

    @property
    def customers(self) -> int:
        return self._base + 10

    @property
    def agents(self) -> int:
        return self._base + 20

    @property
    def callers(self) -> range:
        return range(self._base + 30, self._base + 50)

    @property
    def control(self) -> range:
        """SIPp opens a port for remote control, wanted or not."""
        return range(self._base + 50, self._base + 90)

    @property
    def rtp(self) -> int:
        return self._base + 100

    @property
    def rtp_last(self) -> int:
        return self._base + 1_199

    @property
    def customers_rtp(self) -> int:
        return self._sound

    @property
    def agents_rtp(self) -> int:
        return self._sound + SOUND_OF_AGENTS

    @property
    def callers_rtp(self) -> int:
        return self._base + 1_800


def _can_bind(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
