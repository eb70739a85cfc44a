"""HTTP functions of a workflow: asked how to go on, with a signature that proves who asks (standardwebhooks.com).

Whoever writes a workflow chooses the address, so that it may not lead into the network that the floor runs in: the name
is resolved here, every address that it has must be a public one, and the connection goes to an address that was looked
at, not to whatever the name means a moment later. There are no redirects, and no more is read than an answer needs.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import httpx2
import msgspec
import structlog

from callfloor.contract.workflows import FunctionAnswer
from callfloor.rules.values.addresses import EVERYWHERE, Networks, may_be_reached
from callfloor.rules.workflow.workflow_events import CallFunction, FunctionAnswered, FunctionFailed
from callfloor.store.privacy.keys import Key

LARGEST_ANSWER = 64 * 1024
MOST_AT_ONCE = 100

log = structlog.get_logger("callfloor.functions")

# From host and port to addresses.
Resolve = Callable[[str, int], Awaitable[list[str]]]


class FunctionRefusedError(Exception):
    """The address may not be asked, or what it answered cannot be used; the message says why."""


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
        self._own: Networks = EVERYWHERE if private_addresses else ()
        # a slow name server holds up no one else's threads
        self._threads = ThreadPoolExecutor(8, "callfloor-functions")
        self._resolve = resolve or self._look_up
        # no connection is kept: the next name may have the same address, and is somebody else
        self._client = httpx2.AsyncClient(
            verify=verify or True,
            trust_env=False,
            follow_redirects=False,
            limits=httpx2.Limits(max_connections=MOST_AT_ONCE, max_keepalive_connections=0),
            timeout=None,
        )

    async def aclose(self) -> None:
        await self._client.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def call(self, ask: CallFunction, key: Key | None) -> FunctionAnswered | FunctionFailed:
        """Ask, once. `key`: the organisation's; None: it cannot be used. Never raises for what the other side does."""
        if key is None:
            return _failed(ask, "the organisation's key cannot be used")
        try:
            async with asyncio.timeout(ask.timeout_s):
                answer = await self._ask(ask, key)
        except TimeoutError:
            return _failed(ask, "no answer in time")
        except (FunctionRefusedError, msgspec.MsgspecError) as error:
            return _failed(ask, str(error))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            # the text may show the address, which may hold a secret
            return _failed(ask, type(error).__name__)
        return FunctionAnswered(ask.turn, answer)

    async def _ask(self, ask: CallFunction, key: Key) -> FunctionAnswer:
        url = httpx2.URL(ask.url)
        body = msgspec.json.encode(ask.request)
        headers = {
            "host": url.netloc.decode("ascii"),
            "content-type": "application/json",
            "accept": "application/json",
            # what is compressed may be larger than it looks
            "accept-encoding": "identity",
            "user-agent": "callfloor",
            "callfloor-key-id": key.id,
            **signed(key.secret, f"msg_{uuid4().hex}", int(self._now()), body),
        }
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = await self._resolve(url.host, port)
        if not addresses:
            raise FunctionRefusedError("the name has no address")
        if not may_be_reached(addresses, self._own):
            raise FunctionRefusedError("the address is not a public one")
        for address in addresses[:-1]:
            try:
                return await self._send(url, address, headers, body)
            except httpx2.ConnectError:
                continue
        return await self._send(url, addresses[-1], headers, body)

    async def _send(self, url: httpx2.URL, address: str, headers: dict[str, str], body: bytes) -> FunctionAnswer:
        request = self._client.build_request(
            "POST",
            url.copy_with(host=address),
            headers=headers,
            content=body,
            # the certificate must be that of the name
            extensions={"sni_hostname": url.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            return await _answer(response)
        finally:
            await response.aclose()

    async def _look_up(self, host: str, port: int) -> list[str]:
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        return list(dict.fromkeys(str(each[4][0]) for each in found))


async def _answer(response: httpx2.Response) -> FunctionAnswer:
    if response.status_code == 204:
        return FunctionAnswer()
    if response.status_code != 200:
        raise FunctionRefusedError(f"it answered with {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FunctionRefusedError("its answer is compressed")
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise FunctionRefusedError("its answer is larger than 64 KiB")
    try:
        return msgspec.json.decode(bytes(content), type=FunctionAnswer)
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
