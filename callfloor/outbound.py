"""Requests to addresses that somebody of an organisation chose: the one policy for all of them.

Such an address may not lead into the network that the server runs in: the name is resolved here, every address that it
has must be a public one, and the connection goes to an address that was looked at, not to whatever the name means a
moment later. There are no redirects, no proxies of the environment, and no more is read than was allowed for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import httpx2

from callfloor.rules.values.addresses import EVERYWHERE, Networks, may_be_reached

MOST_AT_ONCE = 100
# From host and port to addresses.
Resolve = Callable[[str, int], Awaitable[list[str]]]


class OutboundError(Exception):
    """The address may not be asked, did not answer in time, or answered more than is read; the message says why, and
    never the address, which may hold a secret."""


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content: bytes


class Outbound:
    """`name`: of its threads. `private_addresses`: addresses that are not public may be asked as well."""

    def __init__(
        self,
        name: str,
        *,
        private_addresses: bool = False,
        resolve: Resolve | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._own: Networks = EVERYWHERE if private_addresses else ()
        # a slow name server holds up no one else's threads
        self._threads = ThreadPoolExecutor(8, name)
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

    async def ask(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        *,
        largest: int,
        timeout_s: float,
    ) -> Reply:
        """Ask, once; at most `largest` bytes are read. Raises `OutboundError`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(method, httpx2.URL(address), headers, body, largest)
        except TimeoutError as error:
            raise OutboundError("no answer in time") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            # the text may show the address
            raise OutboundError(type(error).__name__) from error

    async def _ask(self, method: str, url: httpx2.URL, headers: Mapping[str, str], body: bytes, largest: int) -> Reply:
        sent = {
            "host": url.netloc.decode("ascii"),
            # what is compressed may be larger than it looks
            "accept-encoding": "identity",
            "user-agent": "callfloor",
            **headers,
        }
        addresses = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        if not addresses:
            raise OutboundError("the name has no address")
        if not may_be_reached(addresses, self._own):
            raise OutboundError("the address is not a public one")
        for address in addresses[:-1]:
            try:
                return await self._send(method, url, address, sent, body, largest)
            except httpx2.ConnectError:
                continue
        return await self._send(method, url, addresses[-1], sent, body, largest)

    async def _send(
        self, method: str, url: httpx2.URL, address: str, headers: Mapping[str, str], body: bytes, largest: int
    ) -> Reply:
        request = self._client.build_request(
            method,
            url.copy_with(host=address),
            headers=dict(headers),
            content=body or None,
            # the certificate must be that of the name
            extensions={"sni_hostname": url.host},
        )
        response = await self._client.send(request, stream=True)
        try:
            return Reply(response.status_code, await _content(response, largest))
        finally:
            await response.aclose()

    async def _look_up(self, host: str, port: int) -> list[str]:
        look = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        return list(dict.fromkeys(str(each[4][0]) for each in found))


async def _content(response: httpx2.Response, largest: int) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise OutboundError("its answer is compressed")
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > largest:
            raise OutboundError(f"its answer is larger than {largest // 1024} KiB")
    return bytes(content)
