"""HTTP functions of a workflow: asked how to go on, with a signature that proves who asks (standardwebhooks.com).

Whoever writes a workflow chooses the address: where it may lead is decided in `callfloor/outbound.py`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
from collections.abc import Callable
from uuid import uuid4

import msgspec
import structlog

from callfloor.contract.workflows import FunctionAnswer
from callfloor.outbound import Outbound, OutboundError, Reply, Resolve
from callfloor.rules.workflow.workflow_events import CallFunction, FunctionAnswered, FunctionFailed
from callfloor.store.privacy.keys import Key

LARGEST_ANSWER = 64 * 1024

log = structlog.get_logger("callfloor.functions")


class FunctionRefusedError(Exception):
    """What it answered cannot be used; the message says why."""


class Functions:
    """`now`: seconds since 1970. `private_addresses`: addresses that are not public may be asked as well."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        private_addresses: bool = False,
        resolve: Resolve | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._now = now
        self._outbound = Outbound(
            "callfloor-functions", private_addresses=private_addresses, resolve=resolve, verify=verify
        )

    async def aclose(self) -> None:
        await self._outbound.aclose()

    async def call(self, ask: CallFunction, key: Key | None) -> FunctionAnswered | FunctionFailed:
        """Ask, once. `key`: the organisation's; None: it cannot be used. Never raises for what the other side does."""
        if key is None:
            return _failed(ask, "the organisation's key cannot be used")
        body = msgspec.json.encode(ask.request)
        headers = {
            "content-type": "application/json",
            "accept": "application/json",
            "callfloor-key-id": key.id,
            **signed(key.secret, f"msg_{uuid4().hex}", int(self._now()), body),
        }
        try:
            reply = await self._outbound.ask(
                "POST", ask.url, headers, body, largest=LARGEST_ANSWER, timeout_s=ask.timeout_s
            )
            return FunctionAnswered(ask.turn, _answer(reply))
        except (OutboundError, FunctionRefusedError, msgspec.MsgspecError) as error:
            return _failed(ask, str(error))


def _answer(reply: Reply) -> FunctionAnswer:
    if reply.status == 204:
        return FunctionAnswer()
    if reply.status != 200:
        raise FunctionRefusedError(f"it answered with {reply.status}")
    try:
        return msgspec.json.decode(reply.content, type=FunctionAnswer)
    except RecursionError as error:
        raise FunctionRefusedError("its answer is nested too deeply") from error


def _failed(ask: CallFunction, reason: str) -> FunctionFailed:
    log.warning("function-failed", workflow=ask.request.workflow, step=ask.request.step, reason=reason)
    return FunctionFailed(ask.turn)


def signed(key: bytes, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that sign a body. `message`: its id; `timestamp`: seconds since 1970."""
    content = f"{message}.{timestamp}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
