"""Connections that say nothing, half of something, or far too much."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from callfloor.api import connections as bounds
from callfloor.api.connections import Connections
from callfloor.settings import networks
from tests.serving import listening


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, then says how long it was; `/large` answers more than a socket holds."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    body = b"x" * 20_000_000 if scope["path"] == "/large" else str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _server(doors: Connections) -> AsyncIterator[int]:
    http, websocket = doors.protocols()
    async with listening(_echo, http=http, ws=websocket) as port:
        watching = asyncio.create_task(doors.watch())
        try:
            yield port
        finally:
            watching.cancel()


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[int]:
    for name, value in {"HEAD_S": 0.3, "BODY_S": 0.3, "UNREAD_S": 0.5, "SWEEP_S": 0.05}.items():
        monkeypatch.setattr(bounds, name, value)
    async with _server(Connections(10, 5)) as port:
        yield port


async def _answer(port: int, *parts: bytes) -> bytes:
    """What the server says until it closes, whether or not it takes everything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
    except ConnectionError:
        pass
    answer = await _rest(reader)
    await _close(writer)
    return answer


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """Nothing when the server closed before it had read everything."""
    try:
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""


async def _close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [b"G"],
        [GET],
        [GET + b"\r\n", b"GET /next HTT"],
        [POST],
        [POST + b"x" * 50],
        [b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n"],
    ],
    ids=["nothing", "a-byte", "half-a-head", "half-of-a-second-head", "no-body", "half-a-body", "half-a-chunked-body"],
)
async def test_whoever_says_half_of_something_is_not_waited_for(port: int, parts: list[bytes]) -> None:
    answer = await _answer(port, *parts)
    assert b"500" not in answer[:20]


async def test_a_drip_of_header_bytes_does_not_buy_time(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(GET)
    closed = asyncio.create_task(_rest(reader))
    for number in range(10_000):
        if closed.done():
            break
        writer.write(b"X-%d: y\r\n" % number if number < 60 else b"")
        await asyncio.sleep(0.02)
    assert (await closed)[:13] in (b"", b"HTTP/1.1 408 ")
    await _close(writer)


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X: " + b"a" * 10_000_000 + b"\r\n\r\n",
        GET + b"X: " + b"a" * 33_000 + b"\r\n\r\n",
        GET + b"".join(b"X-%d: a\r\n" % number for number in range(101)) + b"\r\n",
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        GET + (b"X" * 40_000) + b": a\r\n\r\n",
    ],
    ids=["ten-megabytes", "33-kB-at-once", "101-fields", "a-long-address", "a-long-name"],
)
async def test_a_head_has_bounds(port: int, head: bytes) -> None:
    parts = [head[at : at + 8000] for at in range(0, len(head), 8000)]
    answers = [await _answer(port, head), await _answer(port, *parts)]
    assert all(answer == b"" or answer.startswith(b"HTTP/1.1 431 ") for answer in answers)


async def test_a_large_body_beside_a_small_head_is_taken(port: int) -> None:
    body = b"x" * 300_000
    head = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert (await _answer(port, head + body)).endswith(b"\r\n\r\n300000")


async def test_who_does_not_read_an_answer_is_cut_off(port: int) -> None:
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        # the server's end is gone although not all was read
        async with asyncio.timeout(60):
            while _established(port, client.getsockname()[1]):  # noqa: ASYNC110 - the kernel has no event for it
                await asyncio.sleep(0.05)


def _established(port: int, other: int) -> bool:
    with open("/proc/net/tcp") as table:
        return any(f":{port:04X} 0100007F:{other:04X} 01" in line for line in table)


async def test_one_address_has_a_share_of_the_connections(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    assert (await _answer(port, GET + b"\r\n")).startswith(b"HTTP/1.1 503 ")
    await _close(*(writer for _, writer in held))
    async with asyncio.timeout(30):
        while not (await _answer(port, GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 "):
            pass


UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def test_websockets_count_as_connections_of_their_address(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    for reader, writer in held:
        writer.write(UPGRADE)
        assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")
    assert (await _answer(port, GET + b"\r\n")).startswith(b"HTTP/1.1 503 ")
    await _close(*(writer for _, writer in held))
    async with asyncio.timeout(30):
        while not (await _answer(port, GET + b"Connection: close\r\n\r\n")).startswith(b"HTTP/1.1 200 "):
            pass


def test_a_trusted_proxy_has_no_share_of_its_own_but_all_have_a_limit() -> None:
    doors = Connections(4, 1, networks("10.0.0.0/8, ::1"))
    assert [doors.enter("10.1.2.3") for _ in range(3)] == [True] * 3
    assert [doors.enter("192.0.2.1"), doors.enter("192.0.2.1")] == [True, False]
    assert not doors.enter("::1")
    doors.leave("10.1.2.3")
    assert doors.enter("::1")


def test_a_proxy_that_nobody_named_is_warned_about_once() -> None:
    through = [(b"host", b"a"), (b"x-forwarded-for", b"192.0.2.1")]
    doors = Connections(4, 1, networks("10.0.0.1"))
    with capture_logs() as logs:
        for address, headers in (("127.0.0.1", through[:1]), ("192.0.2.1", through), ("10.0.0.1", through)):
            doors.look_for_a_proxy(address, headers)
        assert not logs
        for _ in range(2):
            doors.look_for_a_proxy("127.0.0.1", through)
    assert [(each["event"], each["address"]) for each in logs] == [("proxy-not-trusted", "127.0.0.1")]


def test_what_is_no_address_is_no_proxy() -> None:
    with pytest.raises(ValueError, match="localhost"):
        networks("localhost")
