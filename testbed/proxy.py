"""A proxy before ARI, for tests of what goes wrong between: connections cut, answers late, requests that fail."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

PIECE = 1 << 16
FAILED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


class Proxy:
    """`down`: nobody gets through. `delay_s`: before every piece that Asterisk says. `fail`: how many requests to call
    somebody are answered by an error; `forwarding` them all the same, or not."""

    def __init__(self, port: int, target: int) -> None:
        self.url = f"http://127.0.0.1:{port}/ari"
        self._port, self._target = port, target
        self.delay_s = 0.0
        self.fail = 0
        self.forwarding = False
        self.down = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncGenerator[Proxy]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        try:
            yield self
        finally:
            server.close()
            self.cut()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(set(self._tasks))

    def cut(self) -> None:
        """End every connection. New ones get through unless `down`."""
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.down:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        for pump in (self._ask(reader, there_writer, writer), self._answer(there_reader, writer)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask(self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if self.fail and piece.startswith(b"POST /ari/channels?"):
                    self.fail -= 1
                    if self.forwarding:
                        there.write(piece)
                        await there.drain()
                    back.write(FAILED)
                    await back.drain()
                    back.close()
                    break
                there.write(piece)
                await there.drain()
        await self._close(there)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                writer.write(piece)
                await writer.drain()
        await self._close(writer)

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        self._writers.discard(writer)
        with contextlib.suppress(OSError):
            writer.close()
