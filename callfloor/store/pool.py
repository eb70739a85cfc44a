"""Connections to PostgreSQL, the transaction in progress, and what a lost database looks like to a caller."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import asyncpg
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from callfloor.errors import Problem, Unavailable

Connection = PoolConnectionProxy  # what store functions see of a connection

T = TypeVar("T")

# Faults of the database or the way to it, not of the statement.
LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.OutOfMemoryError,
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
ACQUIRE_TIMEOUT_S = 5.0


def unavailable(cause: BaseException) -> Problem:
    """The problem that a lost database is to a client. The cause's text stays out of it."""
    problem = Unavailable("The database cannot be reached now; nothing was written.", headers={"Retry-After": "1"})
    problem.__cause__ = cause
    return problem


async def _keep_session(_connection: object) -> None:
    """Skip asyncpg's reset query: no pooled connection ever carries session state (no SET, LISTEN, session lock)."""


class Database:
    """A pool of connections. Statements run on the transaction in progress, where there is one."""

    def __init__(self, pool: asyncpg.Pool, dsn: str) -> None:
        self._pool = pool
        self._current: ContextVar[Connection[Record] | None] = ContextVar("transaction", default=None)
        self.dsn = dsn

    @classmethod
    async def connect(cls, dsn: str, *, size: int = 10, statement_timeout_s: float = 30.0) -> Database:
        """Open a pool of at most `size` connections. Raises `Unavailable` when the server cannot be reached."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                reset=_keep_session,
                timeout=ACQUIRE_TIMEOUT_S,
                max_inactive_connection_lifetime=0,
                statement_cache_size=500,
                server_settings={
                    "application_name": "callfloor",
                    "jit": "off",
                    "timezone": "UTC",
                    "statement_timeout": str(int(statement_timeout_s * 1000)),
                },
            )
        except LOST as cause:
            raise unavailable(cause) from cause
        return cls(pool, dsn)

    async def close(self) -> None:
        """Close every connection; those still busy after five seconds are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @property
    def in_transaction(self) -> bool:
        return self._current.get() is not None

    async def run(self, work: Callable[[Connection[Record]], Awaitable[T]]) -> T:
        """Run `work` on the transaction's connection, else on one of the pool."""
        current = self._current.get()
        try:
            if current is not None:
                return await work(current)
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
                return await work(connection)
        except LOST as cause:
            raise unavailable(cause) from cause

    async def fetch(self, sql: str, *arguments: object) -> list[Record]:
        return await self.run(lambda connection: connection.fetch(sql, *arguments))

    async def fetchrow(self, sql: str, *arguments: object) -> Record | None:
        return await self.run(lambda connection: connection.fetchrow(sql, *arguments))

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        return await self.run(lambda connection: connection.fetchval(sql, *arguments))

    async def execute(self, sql: str, *arguments: object) -> str:
        return await self.run(lambda connection: connection.execute(sql, *arguments))

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """COPY rows into a table."""
        await self.run(lambda c: c.copy_records_to_table(table, columns=list(columns), records=rows))

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None, None]:
        """Make the statements inside one transaction. Inside another transaction: part of that one."""
        if self._current.get() is not None:
            yield
            return
        try:
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction():
                token = self._current.set(connection)
                try:
                    yield
                finally:
                    self._current.reset(token)
        except LOST as cause:
            raise unavailable(cause) from cause
