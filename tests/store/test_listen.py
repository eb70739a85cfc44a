"""Hearing what the database tells, over connections that break with a word or without one."""

from __future__ import annotations

import ast
import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import pytest

import callfloor
from callfloor.store.db import listen
from callfloor.store.db.listen import APPLICATION, NOTIFY_SQL, Listener, listening
from callfloor.store.db.pool import Database
from tests.waiting import until

CHANNEL = "callfloor_listen_test"


class Way:
    """A way to the database that can be cut without a word: what is sent on it then goes nowhere, and nobody is told.
    `down`: nobody gets on it."""

    def __init__(self, connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]) -> None:
        self._connect = connect
        self.connections = 0
        self.down = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._cut = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if self.down:
            writer.close()
            return
        self.connections += 1
        there_reader, there_writer = await self._connect()
        self._writers.add(there_writer)
        cut = self._cut
        for pump in (self._pump(reader, there_writer, cut), self._pump(there_reader, writer, cut)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(1 << 16):
                if not cut.is_set():
                    writer.write(piece)
                    await writer.drain()
        if not cut.is_set():
            writer.close()

    def cut(self) -> None:
        """Nothing gets through on what is connected now; who connects after it is a way of its own."""
        self._cut.set()
        self._cut = asyncio.Event()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks))
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def way_to(dsn: str) -> AsyncGenerator[tuple[Way, str]]:
    """The way, and the address of the database over it."""
    parts = urlsplit(dsn)
    folder, port = parse_qs(parts.query).get("host", [None])[0], parts.port or 5432

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if folder is not None:
            return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{port}")
        return await asyncio.open_connection(parts.hostname, port)

    way = Way(connect)
    server = await asyncio.start_server(way.taken, "127.0.0.1", 0)
    here = server.sockets[0].getsockname()[1]
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    try:
        yield way, urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{here}", query=""))
    finally:
        server.close()
        await way.close()


class Heard:
    def __init__(self, dsn: str) -> None:
        self.messages: list[str] = []
        self.begun = 0
        self.listener = Listener(dsn, "test", {CHANNEL: self.messages.append}, self._again)

    def _again(self) -> None:
        self.begun += 1

    async def hears(self, db: Database, message: str) -> None:
        async def told() -> bool:
            await db.execute(NOTIFY_SQL, CHANNEL, message)
            return message in self.messages

        await until(told)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "BEAT_S", 0.1)
    monkeypatch.setattr(listen, "ANSWER_S", 1.0)


async def test_a_connection_that_breaks_without_a_word_is_given_up_and_made_again(dsn: str, db: Database) -> None:
    async with way_to(dsn) as (way, over):
        heard = Heard(over)
        async with listening(heard.listener):
            await heard.hears(db, "before")
            way.cut()

            async def again() -> bool:
                return heard.begun >= 2

            # nobody says that it is gone
            await until(again)
            await heard.hears(db, "after")
            assert way.connections >= 2


async def test_a_connection_that_the_server_ends_is_made_again(dsn: str, db: Database) -> None:
    heard = Heard(dsn)
    async with listening(heard.listener):
        await heard.hears(db, "before")
        await db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = $1",
            APPLICATION,
        )
        await heard.hears(db, "after")
        assert heard.begun >= 2


async def test_a_database_that_is_away_is_waited_for(db: Database, dsn: str) -> None:
    async with way_to(dsn) as (way, over):
        way.down = True
        heard = Heard(over)
        async with listening(heard.listener):
            with pytest.raises((OSError, asyncpg.PostgresError)):
                await asyncpg.connect(over, timeout=1)
            assert not heard.listener.hears
            way.down = False
            await heard.hears(db, "here")


async def test_who_stops_listening_leaves_no_connection(dsn: str, db: Database) -> None:
    heard = Heard(dsn)
    async with listening(heard.listener):
        await heard.hears(db, "here")
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"

    async def gone() -> bool:
        return await db.fetchval(f"{count} AND query LIKE '%{CHANNEL}%'") == 0

    await until(gone)


def test_everybody_who_listens_does_it_in_this_way(dsn: str) -> None:
    """So that no loop of its own forgets what this one knows. The command that asks for one answer is none."""
    root = Path(callfloor.__file__).parent
    callers = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "add_listener"
    }
    assert callers == {"store/db/listen.py", "cli/scripted_calls.py"}
