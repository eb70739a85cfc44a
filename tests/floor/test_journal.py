"""The order of what is written, whatever the database does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from callfloor.floor.journal import Journal
from callfloor.store.pool import Database, unavailable


@pytest.fixture
async def journal(db: Database) -> AsyncGenerator[Journal, None]:
    made = Journal(db)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.wait({running})


class Writes:
    """Writes into a table, and what was heard of each."""

    def __init__(self, db: Database, journal: Journal) -> None:
        self.db, self.journal = db, journal
        self.heard: list[int] = []
        self.away = 0

    def write(self, number: int) -> None:
        async def do() -> int:
            if self.away:
                self.away -= 1
                raise unavailable(ConnectionError())
            await self.db.execute("INSERT INTO journalled (number) VALUES ($1)", number)
            return number

        self.journal.write(do, self.heard.append)

    async def written(self) -> list[int]:
        return [row["number"] for row in await self.db.fetch("SELECT number FROM journalled ORDER BY place")]


@pytest.fixture
async def writes(db: Database, journal: Journal) -> AsyncGenerator[Writes, None]:
    await db.execute(
        "CREATE TABLE journalled (place bigint GENERATED ALWAYS AS IDENTITY, number integer CHECK (number <> 13))"
    )
    yield Writes(db, journal)
    await db.execute("DROP TABLE journalled")


async def test_what_is_queued_is_written_in_order_and_heard_of(writes: Writes) -> None:
    for number in range(520, 20, -1):
        writes.write(number)
    await writes.journal.flushed()
    assert await writes.written() == writes.heard == list(range(520, 20, -1))


async def test_a_database_that_is_away_is_waited_for(writes: Writes) -> None:
    writes.away = 2
    for number in range(5):
        writes.write(number)
    await writes.journal.flushed()
    assert await writes.written() == writes.heard == list(range(5))


async def test_a_write_that_is_refused_costs_the_others_nothing(writes: Writes) -> None:
    for number in (11, 12, 13, 14, 15):
        writes.write(number)
    await writes.journal.flushed()
    assert await writes.written() == writes.heard == [11, 12, 14, 15]
