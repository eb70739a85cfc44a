"""Listening sockets are closed by the server that has them."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

from tests.serving import listening

TESTS = Path(__file__).parents[1]


def test_tests_start_servers_in_one_place() -> None:
    found = {path.relative_to(TESTS).as_posix() for path in TESTS.rglob("*.py") if _starts_one(path)}
    assert found == {"serving.py"}


def _starts_one(path: Path) -> bool:
    return re.search(
        r"\bServer\(uvicorn\.Config|uvicorn\.Server\(", path.read_text("utf-8")
    ) is not None and path != Path(__file__)


async def _nothing(scope: object, receive: object, send: object) -> None:
    raise AssertionError


async def test_who_gets_the_descriptor_of_a_server_that_ended_badly_can_connect() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(ZeroDivisionError):
            async with listening(_nothing):
                raise ZeroDivisionError
        # one of these gets the number that the server's socket had
        for client in (clients := [socket.socket() for _ in range(8)]):
            client.setblocking(False)
            await loop.sock_connect(client, other.getsockname())
        for client in clients:
            client.close()
