"""What a WebSocket's client sends, however it is made, ends that connection and no other."""

from __future__ import annotations

import asyncio
import base64
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from callfloor.api.connections import MOST_SAID, Connections
from callfloor.api.workspace import socket as sockets
from callfloor.api.workspace.desk_stream import DeskStream
from callfloor.api.workspace.floor.stream import FloorStream
from callfloor.contract.workspace import AtHand
from callfloor.process import WS_LARGEST
from callfloor.store.db.pool import Database
from tests.api.desks import publish, token_of
from tests.attack.hostile_frames import PING, TEXT, frame, frames
from tests.attack.loop_meter import measured
from tests.conftest import SERVERS, Centre
from tests.serving import listening

one_server = pytest.mark.parametrize("dsn", SERVERS[-1:], indirect=True, scope="session")

LONGEST_S = 0.1
STREAMS = (DeskStream.path, FloorStream.path)
# of whom nothing more need be said once they are known: they may go on
GOES_ON = {"many pongs", "half a frame"}


@pytest.fixture
async def port(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[int]:
    monkeypatch.setattr(sockets, "SIGN_IN_S", 0.5)
    http, websocket = Connections(1000, 1000).protocols()
    options = {"ws_max_size": WS_LARGEST, "ws_per_message_deflate": False}
    async with listening(centre.app, http=http, ws=websocket, **options) as port:
        yield port


@asynccontextmanager
async def _open(port: int, path: str, token: str | None) -> AsyncGenerator[tuple[Any, Any]]:
    """A connection behind its upgrade."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        key = base64.b64encode(b"0123456789abcdef").decode()
        head = f"GET {path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        head += "" if token is None else f"Authorization: Bearer {token}\r\n"
        writer.write(head.encode() + b"\r\n")
        assert b" 101 " in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The server's next frame: its opcode, and what is in it."""
    first, length = await reader.readexactly(2)
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    elif length == 127:
        (length,) = struct.unpack("!Q", await reader.readexactly(8))
    return first & 15, await reader.readexactly(length)


async def _end(reader: asyncio.StreamReader) -> int | None:
    """The code with which the server ends the connection; None: it ends without one."""
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            opcode, content = await _frame(reader)
            if opcode == 8:
                return int.from_bytes(content[:2]) if content else None
    return None


async def _attack(port: int, path: str, token: str | None, pieces: list[bytes], *, ends: bool) -> int | None:
    async with _open(port, path, token) as (reader, writer):
        if token is not None:
            assert (await asyncio.wait_for(_frame(reader), 30))[0] == TEXT
        with suppress(ConnectionError):
            for piece in pieces:
                writer.write(piece)
                await asyncio.wait_for(writer.drain(), 30)
        return await asyncio.wait_for(_end(reader), 30) if ends else None


@one_server
@pytest.mark.parametrize("signed_in", [False, True], ids=["a stranger", "an agent"])
@pytest.mark.parametrize("path", STREAMS)
async def test_no_frames_keep_the_loop_or_reach_another_connection(
    path: str, signed_in: bool, port: int, centre: Centre, db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    agent, supervisor = await token_of(db, centre, centre.agent), await token_of(db, centre, centre.user)
    token = (agent if path == DeskStream.path else supervisor) if signed_in else None
    codes, longest = dict[str, int | None](), dict[str, float]()
    async with _open(port, DeskStream.path, agent) as (other, _):
        assert (await asyncio.wait_for(_frame(other), 30))[0] == TEXT
        with measured() as meter:
            # what is imported at first use is nobody's doing
            await _attack(port, path, token, [frame(TEXT, b"x")], ends=True)
            for name, pieces in frames():
                meter.take()
                ends = not (signed_in and name in GOES_ON)
                codes[name] = await _attack(port, path, token, pieces, ends=ends)
                longest[name] = meter.take()
        await publish(db, centre, AtHand())
        assert (await asyncio.wait_for(_frame(other), 30))[0] == TEXT
    # 1011: a fault of ours
    assert {name: code for name, code in codes.items() if code == 1011} == {}
    assert {name: each for name, each in longest.items() if each > LONGEST_S} == {}
    assert codes["text that is not UTF-8"] == codes["UTF-8 that is cut off"] == codes["a surrogate in UTF-8"] == 1007
    # no traceback for what a client sends: whoever likes could fill the log
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@one_server
async def test_who_says_more_than_a_client_has_to_say_is_cut_off_and_pings_of_a_minute_are_not(
    port: int, centre: Centre, db: Database
) -> None:
    token = await token_of(db, centre, centre.agent)
    async with _open(port, DeskStream.path, token) as (reader, writer):
        writer.write(frame(PING, b"x" * 100) * 60)
        while (await asyncio.wait_for(_frame(reader), 30))[0] != 10:
            pass
        # a message that never ends costs nothing on the wire, and a place each in memory
        writer.write(frame(TEXT, b"", last=False) + frame(0, b"", last=False) * (MOST_SAID // 6))
        assert await asyncio.wait_for(_end(reader), 30) is None


def test_every_address_of_websockets_is_attacked(centre: Centre) -> None:
    assert set(_streams(centre.app)) == set(STREAMS)


def _streams(app: Any) -> list[str]:
    """The addresses of an application's WebSockets, which stand around its other parts."""
    while not isinstance(app, sockets.Sockets):
        app = next(each for each in vars(app).values() if callable(each) and hasattr(each, "__dict__"))
    return list(app._streams)
