"""Rate limits: a bucket a token, shared by the server's processes on one machine.

The algorithm is GCRA (ITU-T I.371): one number a token, the theoretical arrival time. It lies in memory that the
processes share; two of them that serve one token in the same microsecond may lose one count, which is harmless.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from dataclasses import dataclass

SLOTS = 65_536
_DOUBLE = struct.Struct("d")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`retry_after_s` is 0 when allowed. `remaining` requests could follow at once; full again in `reset_s`."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class RateLimits:
    """`per_second` requests, and bursts of `burst_s` seconds' worth."""

    def __init__(self, memory: mmap.mmap, per_second: int, burst_s: float = 2.0) -> None:
        self._memory = memory
        self._per_second = per_second
        self._burst_s = burst_s

    def take(self, token_id: int, per_second: int | None, now: float | None = None) -> Verdict:
        """Count one request. `now` is on the machine's monotonic clock, in seconds."""
        at = time.monotonic() if now is None else now
        rate = per_second or self._per_second
        interval = 1.0 / rate
        tolerance = max(self._burst_s, interval)
        offset = (token_id % SLOTS) * _DOUBLE.size
        arrival: float = max(_DOUBLE.unpack_from(self._memory, offset)[0], at)
        limit = max(1, int(rate * self._burst_s))
        ahead = arrival + interval - at
        if ahead > tolerance + 1e-9:
            wait = ahead - tolerance
            return Verdict(False, limit, 0, int(ahead) + 1, int(wait) + 1)
        _DOUBLE.pack_into(self._memory, offset, arrival + interval)
        return Verdict(True, limit, int((tolerance - ahead) * rate + 1e-6), int(ahead) + 1, 0)

    def policy(self, per_second: int | None) -> bytes:
        """The RateLimit-Policy header (draft-ietf-httpapi-ratelimit-headers)."""
        rate = per_second or self._per_second
        return b'"token";q=%d;w=%d' % (max(1, int(rate * self._burst_s)), max(1, int(self._burst_s)))


def shared_memory() -> int:
    """A file descriptor of zeroed memory that child processes may inherit."""
    fd = os.memfd_create("callfloor-rate-limits")
    os.ftruncate(fd, SLOTS * _DOUBLE.size)
    return fd


def map_memory(fd: int | None) -> mmap.mmap:
    """Map memory made by `shared_memory`, or private memory for a process alone."""
    return mmap.mmap(-1 if fd is None else fd, SLOTS * _DOUBLE.size)
