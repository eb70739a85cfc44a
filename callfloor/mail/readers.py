"""Processes that read messages (`mail.reading`): asked one message at a time, killed when one takes too long.

Whoever has a small message does not wait for those with large ones that came before: what reading costs is in
proportion to the size, and each waits as if it had come later by what it costs.
"""

from __future__ import annotations

import asyncio
import heapq
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import BinaryIO

import msgspec
import structlog

from callfloor.mail.message import ParsedMessage, unread
from callfloor.mail.reading import LENGTH, MOST_CPU_S, MOST_REQUEST, decoded
from callfloor.mail.structure import Excess

log = structlog.get_logger("callfloor.mail")

PROCESSES = 2
# Messages that are read and stored at once.
AT_ONCE = 4
# What is read in a second at worst, in bytes.
WORST_PACE = 100_000
# A process that is given no processor is not waited for any longer, in seconds.
PATIENCE_S = 60.0
_LONGEST_SENDER = 1000
_OUT_OF_MEMORY = frozenset({os.EX_SOFTWARE, -signal.SIGKILL})


class _Dead(Exception):
    """The process ended at a message. `excess`: of what it took too much."""

    def __init__(self, excess: Excess) -> None:
        super().__init__(excess)
        self.excess: Excess = excess


class _Process:
    """A process that reads. All here blocks."""

    def __init__(self, most_s: int) -> None:
        self._mine, theirs = socket.socketpair()
        self._mine.settimeout(PATIENCE_S)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this program, no shell
                [sys.executable, "-m", "callfloor.mail.reading", str(theirs.fileno()), str(most_s)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # what stops us is not to stop it at a message
                start_new_session=True,
            )

    def read(self, file: BinaryIO, sender: str | None) -> ParsedMessage:
        """Raises `_Dead`; the process is of no more use then."""
        request = msgspec.msgpack.encode(None if sender is None else sender[:_LONGEST_SENDER])
        try:
            socket.send_fds(self._mine, [request[:MOST_REQUEST]], [file.fileno()])
            answer = self._received(int.from_bytes(self._received(LENGTH)))
            return decoded(answer, file)
        except (OSError, EOFError, msgspec.DecodeError) as error:
            code = self.end()
            if isinstance(error, TimeoutError) or code == -signal.SIGXCPU:
                raise _Dead("time") from error
            raise _Dead("memory" if code in _OUT_OF_MEMORY else "fault") from error

    def _received(self, length: int) -> bytes:
        content = bytearray()
        while len(content) < length:
            piece = self._mine.recv(min(length - len(content), 1024 * 1024))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)

    def end(self) -> int:
        """End it; returns its exit code."""
        self._mine.close()
        with suppress(subprocess.TimeoutExpired):
            # one that was killed by the system, or is between two messages, ends by itself
            return self._process.wait(1)
        self._process.kill()
        return self._process.wait()


class Readers:
    """Reads messages, and says whose turn it is to be read and stored.

    `most_s`: seconds of processor time that a message may take.
    """

    def __init__(self, processes: int = PROCESSES, most_s: int = MOST_CPU_S) -> None:
        self._most_s = most_s
        self._free: list[_Process] = []
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="reader")
        self._turns = Turns(AT_ONCE)

    def turn(self, size: int) -> AbstractAsyncContextManager[None]:
        """A turn to read and store a message of that many bytes."""
        return self._turns.turn(size / WORST_PACE)

    async def read(self, file: BinaryIO, sender: str | None = None) -> ParsedMessage:
        """The message in the file (as `message.read`), which is to stay open as long as it is used."""
        file.flush()
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, file, sender)

    def _read(self, file: BinaryIO, sender: str | None) -> ParsedMessage:
        process = self._free.pop() if self._free else _Process(self._most_s)
        try:
            parsed = process.read(file, sender)
        except _Dead as dead:
            parsed = unread(file, dead.excess)
        else:
            self._free.append(process)
        if parsed.excess:
            log.warning("message-not-read-whole", excess=parsed.excess)
        return parsed

    def close(self) -> None:
        """End the processes; what is being read is finished first."""
        self._threads.shutdown()
        while self._free:
            self._free.pop().end()


class Turns:
    """Some at once. Of those who wait, the one goes first whose time of coming and whose cost are least in sum.

    So nobody waits for ever: who comes later by more than what one costs goes after it.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    @asynccontextmanager
    async def turn(self, cost_s: float) -> AsyncGenerator[None]:
        """Wait for a turn that takes so many seconds, and have it meanwhile."""
        await self._enter(cost_s)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, cost_s: float) -> None:
        if self._free:
            self._free -= 1
            return
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        self._count += 1
        heapq.heappush(self._waiting, (loop.time() + cost_s, self._count, mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                # it was our turn already
                self._leave()
            raise

    def _leave(self) -> None:
        while self._waiting:
            _, _, next_ = heapq.heappop(self._waiting)
            if not next_.done():
                next_.set_result(None)
                return
        self._free += 1
