"""What is asked of Asterisk for a call, where a failure must not stop the rest."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

import structlog

from callfloor.telephony.asterisk.ari import (
    Ari,
    AriConflict,
    AriError,
    AriNotThere,
    AriRefused,
    AriUnreachable,
    Method,
    Value,
)
from callfloor.telephony.carrier import CallId

log = structlog.get_logger("callfloor.telephony")

# A request whose answer was not Asterisk's may still be on its way: when it is looked for, seconds after one another.
LOOKS_S = (0.0, 0.1, 0.3, 0.6)


class Requests:
    def __init__(self, ari: Ari, app: str, call: CallId) -> None:
        self._ari, self._app, self._call = ari, app, call

    async def call_phone(
        self, channel: str, endpoint: str, caller: str | None, ring_s: float, variables: dict[str, str] | None = None
    ) -> None:
        """Let a phone ring, as a channel of ours. Raises `AriError` when there is no such channel afterwards,
        `AriUnreachable` when that is not certain."""
        query: dict[str, Value] = {
            "endpoint": endpoint,
            "app": self._app,
            "channelId": channel,
            "timeout": max(1, math.ceil(ring_s)),
        }
        if caller is not None:
            query["callerId"] = caller
        body = {"variables": variables or {}}
        try:
            await self._ari.request("POST", "channels", query, body)
        except (AriRefused, AriNotThere):
            raise
        except AriError as error:
            # the answer may have been lost, or be of another request's trouble: what counts is whether it is there
            if await self._is_there(channel, LOOKS_S if isinstance(error, AriUnreachable) else LOOKS_S[:1]):
                return
            if not isinstance(error, AriConflict):
                raise error from None
            # nobody but us gives out that name
            await self._ari.request("POST", "channels", query, body)

    async def _is_there(self, channel: str, looks_s: Sequence[float]) -> bool:
        """Raises `AriUnreachable`."""
        for rest in looks_s:
            await asyncio.sleep(rest)
            try:
                await self._ari.get(f"channels/{channel}")
            except AriNotThere:
                continue
            return True
        return False

    async def ask(self, method: Method, path: str, **query: Value) -> bool:
        """Ask for something that the call can do without. False: it was not done."""
        try:
            await self._ari.request(method, path, query)
        except AriNotThere:
            return False
        except AriError as error:
            log.warning(
                "ari-request-failed", call=self._call, method=method, kind=type(error).__name__, detail=str(error)
            )
            return False
        return True
