"""Waiting for what another process or task does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2


async def until(what: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """Ask until there is an answer; the server may be away meanwhile."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                answer = await what()
            except (httpx2.HTTPError, AssertionError):
                answer = None
            if answer:
                return answer
            await asyncio.sleep(0.02)
