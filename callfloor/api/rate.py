"""Rate limits: a bucket a token, and one an address for sign-ins that fail, shared by the server's processes on one
machine.

The algorithm is GCRA (ITU-T I.371): one number a token, the theoretical arrival time. It lies in memory that the
processes share; two of them that serve one token in the same microsecond may lose one count, which is harmless.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
import time
from dataclasses import dataclass

SLOTS = 65_536
_DOUBLE = struct.Struct("d")
# Buckets of addresses lie behind those of tokens, and behind them the salt of their places: nobody can choose an
# address that shares a bucket with another's.
_ADDRESSES = SLOTS * _DOUBLE.size
_SALT = 2 * _ADDRESSES
_SALT_BYTES = 16
SIZE = _SALT + _SALT_BYTES
# Sign-ins of an address that may fail at once.
FAILURES_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    """`retry_after_s` is 0 when allowed. `remaining` requests could follow at once; full again in `reset_s`."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class RateLimits:
    """`per_second` requests a token, and bursts of `burst_s` seconds' worth; `failures_per_second` sign-ins that
    fail an address."""

    def __init__(
        self, memory: mmap.mmap, per_second: int, burst_s: float = 2.0, failures_per_second: float = 5.0
    ) -> None:
        self._memory = memory
        self._per_second = per_second
        self._burst_s = burst_s
        self._failures_per_second = failures_per_second
        self._failures_burst_s = FAILURES_AT_ONCE / failures_per_second
        self._salt = memory[_SALT : _SALT + _SALT_BYTES]

    def take(self, token_id: int, per_second: int | None, now: float | None = None) -> Verdict:
        """Count one request. `now` is on the machine's monotonic clock, in seconds."""
        rate = per_second or self._per_second
        return self._take((token_id % SLOTS) * _DOUBLE.size, rate, self._burst_s, now)

    def failed(self, address: str, now: float | None = None) -> None:
        """Count a sign-in of the address that failed."""
        self._take(self._address(address), self._failures_per_second, self._failures_burst_s, now)

    def barred(self, address: str, now: float | None = None) -> int:
        """Seconds until a sign-in of the address is heard again that may fail; 0: at once. Counts nothing."""
        at = time.monotonic() if now is None else now
        arrival: float = _DOUBLE.unpack_from(self._memory, self._address(address))[0]
        over = arrival + 1.0 / self._failures_per_second - at - self._failures_burst_s
        return int(over) + 1 if over > 1e-9 else 0

    def _address(self, address: str) -> int:
        digest = hashlib.blake2b(address.encode(), key=self._salt, digest_size=4).digest()
        return _ADDRESSES + (int.from_bytes(digest, "big") % SLOTS) * _DOUBLE.size

    def _take(self, offset: int, rate: float, burst_s: float, now: float | None) -> Verdict:
        at = time.monotonic() if now is None else now
        interval = 1.0 / rate
        tolerance = max(burst_s, interval)
        arrival: float = max(_DOUBLE.unpack_from(self._memory, offset)[0], at)
        limit = max(1, int(rate * burst_s))
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
    os.ftruncate(fd, SIZE)
    os.pwrite(fd, os.urandom(_SALT_BYTES), _SALT)
    return fd


def map_memory(fd: int | None) -> mmap.mmap:
    """Map memory made by `shared_memory`, or private memory for a process alone."""
    memory = mmap.mmap(-1 if fd is None else fd, SIZE)
    if fd is None:
        memory[_SALT:] = os.urandom(_SALT_BYTES)
    return memory
