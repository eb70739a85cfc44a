"""The API behind a socket, and clients that lose their connection."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.serving import serving


@asynccontextmanager
async def served(app: Any, port: int = 0) -> AsyncGenerator[str]:
    """The address of an API that is served in this process, with small buffers."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    address = f"ws://127.0.0.1:{bound.getsockname()[1]}/workspace/v1/events"
    async with serving(app, bound, ws="websockets-sansio", ws_per_message_deflate=False):
        yield address


@asynccontextmanager
async def stream(address: str, token: str | None, query: str = "", **options: Any) -> AsyncGenerator[ClientConnection]:
    """A connection to the events; `token` None: it signs in by itself."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    connection = await connect(address + query, additional_headers=headers, compression=None, **options)
    try:
        yield connection
    finally:
        # a connection that is lost says no goodbye
        connection.transport.abort()


async def read(connection: ClientConnection, count: int) -> list[dict[str, Any]]:
    return [json.loads(await asyncio.wait_for(connection.recv(), 30)) for _ in range(count)]
