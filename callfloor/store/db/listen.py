"""What the database tells (LISTEN), heard in one way by whoever wants to know at once: a hint, never the message.

A connection that broke without a word (a machine, a firewall or a proxy between that went away) says nothing of
itself: it is asked every few seconds, and one that does not answer is given up. Whoever listens looks for itself
whenever it begins to hear again, for what was told meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import asyncpg
import structlog

from callfloor.cancellation import cancelled
from callfloor.store.db.faults import ERRORS

log = structlog.get_logger("callfloor.listener")

BEAT_SQL = "SELECT 1"
NOTIFY_SQL = "SELECT pg_notify($1, $2)"
# A connection is asked so often whether it is there, and has so long to answer.
BEAT_S, ANSWER_S = 2.0, 3.0
CONNECT_S = 5.0
# Between two tries to connect: from the first to the second, twice as long each time.
AGAIN_S, AGAIN_MOST_S = 0.2, 5.0
APPLICATION = "callfloor listener"

# By channel: what is done with each message.
Channels = Mapping[str, Callable[[str], None]]


class Listener:
    """Hears the channels from `run` on. `name`: of the log's lines. `again`: called each time that it begins to hear,
    because of what was told before."""

    def __init__(self, dsn: str, name: str, channels: Channels, again: Callable[[], None] = lambda: None) -> None:
        self._dsn, self._name, self._channels, self._again = dsn, name, channels, again
        self.hears = False

    async def run(self) -> None:
        """Until cancelled."""
        wait_s = AGAIN_S
        while True:
            try:
                await self._hear()
            except ERRORS as error:
                if self.hears:
                    log.warning("listener-lost", name=self._name, kind=type(error).__name__)
                    wait_s = AGAIN_S
                else:
                    log.info("listener-waits", name=self._name, kind=type(error).__name__)
            self.hears = False
            await asyncio.sleep(wait_s)
            wait_s = min(AGAIN_MOST_S, 2 * wait_s)

    async def _hear(self) -> None:
        """Hear until the connection breaks. Raises what it broke with."""
        settings = {"application_name": APPLICATION}
        connection = await asyncpg.connect(self._dsn, timeout=CONNECT_S, server_settings=settings)
        gone = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: gone.set())
            for channel, hear in self._channels.items():
                told = _told(hear)
                async with asyncio.timeout(ANSWER_S):
                    await connection.add_listener(channel, told)
            self.hears = True
            log.debug("listener-hears", name=self._name)
            self._again()
            while True:
                with suppress(TimeoutError):
                    await asyncio.wait_for(gone.wait(), BEAT_S)
                await connection.fetchval(BEAT_SQL, timeout=ANSWER_S)
        finally:
            # to say good-bye to somebody who does not answer takes for ever
            connection.terminate()


def _told(hear: Callable[[str], None]) -> Callable[..., None]:
    def told(_connection: object, _pid: int, _channel: str, message: object) -> None:
        hear(str(message))

    return told


@asynccontextmanager
async def listening(*listeners: Listener) -> AsyncGenerator[None]:
    """They hear for as long as this is open."""
    tasks = [asyncio.create_task(listener.run()) for listener in listeners]
    try:
        yield
    finally:
        await cancelled(tasks)
