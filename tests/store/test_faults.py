"""What became of a write when the database answers with an error, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from callfloor.errors import DatabaseBusy, Unavailable, WriteUnknown
from callfloor.store.db.faults import Fate, Stage, fate
from callfloor.store.db.pool import Database

BROKEN = [
    asyncpg.ConnectionDoesNotExistError("gone"),
    asyncpg.ConnectionFailureError("gone"),
    asyncpg.AdminShutdownError("stopped"),
    asyncpg.CrashShutdownError("crashed"),
    asyncpg.InternalClientError("garbled"),
    ConnectionResetError(),
    TimeoutError(),
]
BUSY = [
    asyncpg.QueryCanceledError("statement timeout"),
    asyncpg.LockNotAvailableError("lock"),
    asyncpg.DeadlockDetectedError("deadlock"),
    asyncpg.SerializationError("again"),
    asyncpg.OutOfMemoryError("full"),
]
UNABLE = [
    asyncpg.CannotConnectNowError("starting"),
    asyncpg.TooManyConnectionsError("full"),
    asyncpg.DiskFullError("full"),
    asyncpg.ReadOnlySQLTransactionError("standby"),
]
REFUSED = [
    asyncpg.InterfaceError("the server expects 1 argument for this query, 2 were passed"),
    asyncpg.DataError("invalid input for query argument $1"),
    asyncpg.UniqueViolationError("there already"),
    asyncpg.CheckViolationError("13"),
    asyncpg.UndefinedTableError("no such table"),
    asyncpg.UndefinedFunctionError("no such function"),
]
ANSWERED = [
    *((error, Fate.BUSY) for error in BUSY),
    *((error, Fate.AWAY) for error in UNABLE),
    *((error, Fate.REFUSED) for error in REFUSED),
]


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize(("error", "expected"), ANSWERED, ids=lambda value: type(value).__name__)
def test_an_answer_means_the_same_however_far_it_had_come(error: Exception, expected: Fate, stage: Stage) -> None:
    assert fate(error, stage, closed=False) is expected


@pytest.mark.parametrize("error", [*BROKEN, asyncpg.InterfaceError("connection is closed")], ids=repr)
def test_without_an_answer_only_what_commits_may_have_been_written(error: Exception) -> None:
    assert {stage: fate(error, stage, closed=True) for stage in Stage} == {
        Stage.BEFORE: Fate.AWAY,
        Stage.INSIDE: Fate.AWAY,
        Stage.READING: Fate.AWAY,
        Stage.ALONE: Fate.UNKNOWN,
        Stage.COMMIT: Fate.UNKNOWN,
    }


async def _kill(db: Database, pid: int) -> None:
    other = await asyncpg.connect(db.dsn)
    await other.fetchval("SELECT pg_terminate_backend($1, 5000)", pid)
    await other.close()


async def _together(db: Database, work: Callable[[], Awaitable[object]]) -> None:
    async with db.transaction():
        await work()


async def _pid(db: Database) -> int:
    return await db.fetchval("SELECT pg_backend_pid()")


async def test_a_connection_that_breaks_inside_a_transaction_has_written_nothing(db: Database) -> None:
    async def work() -> None:
        await _kill(db, await _pid(db))
        await db.execute("UPDATE organisations SET updated_at = now() WHERE false")

    with pytest.raises(Unavailable) as raised:
        await _together(db, work)
    assert type(raised.value) is Unavailable
    assert "nothing was written" in str(raised.value)
    assert await db.fetchval("SELECT 1") == 1


async def test_a_commit_without_an_answer_is_never_called_unwritten(db: Database) -> None:
    async def work() -> None:
        await _kill(db, await _pid(db))

    with pytest.raises(WriteUnknown) as raised:
        await _together(db, work)
    assert "nothing was written" not in str(raised.value)
    assert "Retry-After" not in raised.value.headers


async def test_a_statement_that_commits_by_itself_and_is_not_answered_is_unknown(db: Database) -> None:
    async def broken(connection: object) -> None:
        del connection
        raise ConnectionResetError

    with pytest.raises(WriteUnknown):
        await db.run(broken)
    with pytest.raises(Unavailable) as raised:
        await db.run(broken, reads=True)
    assert type(raised.value) is Unavailable


async def test_a_statement_that_takes_too_long_is_busy_and_wrong_arguments_are_refused(db: Database) -> None:
    async def work() -> None:
        await db.execute("SET LOCAL statement_timeout = 20")
        await db.fetchval("SELECT pg_sleep(5)")

    with pytest.raises(DatabaseBusy):
        await _together(db, work)
    with pytest.raises(asyncpg.InterfaceError):
        await db.fetchval("SELECT $1::integer", 1, 2)
    with pytest.raises(asyncpg.DataError):
        await db.fetchval("SELECT $1::integer", "x")
    with pytest.raises(asyncpg.DataError):
        await db.fetchval("SELECT $1::integer", 2**40)


async def test_a_refusal_inside_a_transaction_is_what_the_caller_hears(db: Database) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        await _together(db, lambda: db.execute("SELECT 1 FROM nowhere"))
    assert not db.in_transaction
    assert await asyncio.gather(*(db.fetchval("SELECT 1") for _ in range(20))) == [1] * 20
