"""A request whose end two readers could see at two places is refused, so that no second one hides in it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callfloor.api.connections import Connections
from tests.serving import listening

HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
# after a chunk of nothing, or as a body of as many bytes as it has
CHUNKED = b"0\r\n\r\n" + HIDDEN
HEADS = {
    "length and chunks": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n",
    "two lengths in one": b"Content-Length: 0, %d\r\n",
    "a signed length": b"Content-Length: +%d\r\n",
    "a negative length": b"Content-Length: -%d\r\n",
    "a length in hexadecimal": b"Content-Length: 0x%x\r\n",
    "a length with a space in it": b"Content-Length: 0 %d\r\n",
    "a length after a space": b"Content-Length : %d\r\n",
    "chunks after a space": b"Transfer-Encoding : chunked\r\nContent-Length: %d\r\n",
    "chunks after a tab": b"Transfer-Encoding:\tchunked\r\nContent-Length: %d\r\n",
    "chunks that are none": b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n",
    "chunks that are not last": b"Transfer-Encoding: chunked, identity\r\nContent-Length: %d\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n",
    "chunks on a folded line": b"Transfer-Encoding:\r\n chunked\r\nContent-Length: %d\r\n",
    "a line feed alone": b"X: y\nContent-Length: %d\r\n",
    "a carriage return alone": b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: %d\r\n",
    "a NUL": b"X: \x00\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n",
    "a vertical tab": b"Transfer-Encoding: \x0bchunked\r\nContent-Length: %d\r\n",
}
CHUNKS = {
    "a length with a sign": b"+0\r\n\r\n",
    "a length in another form": b"0x0\r\n\r\n",
    "a length that wraps round": b"10000000000000000\r\n",
    "no line end behind a chunk": b"1\r\nx0\r\n\r\n",
    "a line feed alone behind a length": b"1\nx\r\n0\r\n\r\n",
    "an underscore": b"0_0\r\n\r\n",
}


async def _seen(*pieces: bytes) -> list[str]:
    """The paths that the application was asked for by what was sent on one connection."""
    paths: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    http, websocket = Connections(10, 10).protocols()
    async with listening(application, http=http, ws=websocket) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 30)
        except ConnectionError:
            pass
        finally:
            writer.close()
    return paths


async def test_two_plain_requests_on_one_connection_are_two() -> None:
    assert await _seen(b"POST /first HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" + HIDDEN) == [
        "/first",
        "/smuggled",
    ]


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("body", [HIDDEN, CHUNKED])
async def test_no_request_hides_behind_a_head_that_can_be_read_in_two_ways(name: str, body: bytes) -> None:
    head = b"POST /first HTTP/1.1\r\nHost: a\r\n" + HEADS[name] % len(body) + b"\r\n"
    assert "/smuggled" not in await _seen(head + body)


@pytest.mark.parametrize("name", CHUNKS)
async def test_no_request_hides_behind_chunks_that_can_be_read_in_two_ways(name: str) -> None:
    head = b"POST /first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert "/smuggled" not in await _seen(head + CHUNKS[name] + HIDDEN)


@pytest.mark.parametrize("line", [b"GET /first HTTP/0.9\r\n", b"GET /first HTTP/9.9\r\n",
                                  b"GE\x00T /first HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n"])  # fmt: skip
async def test_no_request_hides_behind_a_line_that_is_none(line: bytes) -> None:
    assert "/smuggled" not in await _seen(line + b"Host: a\r\n\r\n" + HIDDEN)
