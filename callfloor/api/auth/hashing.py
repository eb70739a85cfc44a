"""Hashing passwords: slow by intent, and so in threads, few at once, and for a bounded number who wait.

argon2id with 64 MiB, three passes (RFC 9106 §4, second recommended option). An unknown user costs the same work as a
known one, so that no answer's time tells who is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from callfloor.errors import Unavailable
from callfloor.rules.people.passwords import LONGEST, check_password

T = TypeVar("T")
HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# 64 MiB and a core each; one takes some 50 ms.
AT_ONCE = 2
MOST_WAITING = 100


class Hashing:
    """`hasher`: with other parameters, for tests."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or HASHER
        self._places = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        # of a password that nobody has, made when it is first needed
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        return await self._work(lambda: self._hasher.hash(password))

    async def check(self, password: str, known: Sequence[str]) -> None:
        """Raise `PasswordError` for a password that is not taken; `known` as in `check_password`."""
        await self._work(lambda: check_password(password, known))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password; as slow for who has none (`password_hash` None)."""
        return await self._work(lambda: self._verify(password, password_hash))

    def outdated(self, password_hash: str) -> bool:
        """Whether it was hashed with other parameters than those of today."""
        return self._hasher.check_needs_rehash(password_hash)

    def _verify(self, password: str, password_hash: str | None) -> bool:
        if self._nobody is None:
            self._nobody = self._hasher.hash("nobody has this password")
        # what is longer cannot be anybody's, and takes as long
        is_right = _matches(self._hasher, password_hash or self._nobody, password[: LONGEST + 1])
        return is_right and password_hash is not None

    async def _work(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise Unavailable("Too many sign in at once; try again in a moment.", headers={"Retry-After": "2"})
        self._waiting += 1
        try:
            async with self._places:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def _matches(hasher: PasswordHasher, password_hash: str, password: str) -> bool:
    try:
        return hasher.verify(password_hash, password)
    except VerificationError:
        return False
