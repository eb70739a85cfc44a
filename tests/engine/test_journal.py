"""The order of what is written, whatever the database does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from asyncpg.transaction import Transaction

from callfloor.engine import journal as journals
from callfloor.engine.journal import Journal
from callfloor.store.db.pool import Database, unavailable


@pytest.fixture
async def journal(db: Database) -> AsyncGenerator[Journal, None]:
    made = Journal(db)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.wait({running})


# a write that the database gives up on, and one that has the wrong arguments
SLOW, WRONG = 10_000, 10_001


class Writes:
    """Writes into a table, and what was heard of each."""

    def __init__(self, db: Database, journal: Journal) -> None:
        self.db, self.journal = db, journal
        self.heard: list[int] = []
        self.refused: list[int] = []
        self.away = 0

    def write(self, number: int) -> None:
        async def do() -> int:
            if number == SLOW:
                await self.db.execute("SET LOCAL statement_timeout = 10")
                await self.db.fetchval("SELECT pg_sleep(5)")
            if number == WRONG:
                await self.db.execute("INSERT INTO journalled (number) VALUES ($1)", number, "one too many")
            if self.away:
                self.away -= 1
                raise unavailable(ConnectionError())
            await self.db.execute("INSERT INTO journalled (number) VALUES ($1)", number)
            return number

        self.journal.write(do, self.heard.append, lambda: self.refused.append(number))

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
    assert writes.refused == [13]


@pytest.mark.parametrize("bad", [SLOW, WRONG])
async def test_a_write_that_can_never_be_done_holds_nobody_up_and_is_told(
    writes: Writes, bad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "RETRY_S", (0.001, 0.001))
    for number in (1, bad, 2):
        writes.write(number)
    await writes.journal.flushed()
    assert await writes.written() == writes.heard == [1, 2]
    assert writes.refused == [bad]


async def test_a_batch_whose_commit_broke_off_is_written_once_more(
    writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_commits(monkeypatch, committed=False)
    for number in range(5):
        writes.write(number)
    await writes.journal.flushed()
    assert await writes.written() == writes.heard == list(range(5))


async def test_a_batch_that_was_committed_without_an_answer_is_not_repeated(
    writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_commits(monkeypatch, committed=True)
    for number in range(5):
        writes.write(number)
    await writes.journal.flushed()
    assert await writes.written() == writes.heard == list(range(5))


def lose_commits(monkeypatch: pytest.MonkeyPatch, *, committed: bool) -> None:
    """The answer to the next COMMIT is lost; the connection breaks before or after it was done."""
    commit = Transaction.commit
    left = [1]

    async def lost(self: Transaction) -> None:
        if not left:
            await commit(self)
            return
        left.pop()
        await (commit if committed else Transaction.rollback)(self)
        raise ConnectionResetError

    monkeypatch.setattr(Transaction, "commit", lost)


async def test_what_is_queued_when_the_floor_ends_is_written_and_starts_nothing_new(
    writes: Writes, journal: Journal
) -> None:
    for number in range(20, 320):
        writes.write(number)
    await journal.close(within_s=30)
    assert await writes.written() == list(range(20, 320))
    assert writes.heard == []
