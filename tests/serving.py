"""An application behind a socket, in this process' event loop.

A listening socket must never be closed behind the loop's back: epoll forgets it, the loop's own table does not, and
whoever gets the number of its descriptor next fails with `FileNotFoundError` as it connects. So however a test ends,
the server closes its socket itself.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from callfloor.process import Server


@asynccontextmanager
async def serving(application: Any, bound: socket.socket, **options: Any) -> AsyncGenerator[uvicorn.Server]:
    """Serve on a bound socket meanwhile; `options` are uvicorn's."""
    server = Server(uvicorn.Config(application, lifespan="off", log_config=None, **options))
    task = asyncio.create_task(server.serve([bound]))
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        yield server
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def listening(application: Any, **options: Any) -> AsyncGenerator[int]:
    """Serve on any free port meanwhile, which it gives."""
    bound = socket.create_server(("127.0.0.1", 0))
    port: int = bound.getsockname()[1]
    async with serving(application, bound, **options):
        yield port
