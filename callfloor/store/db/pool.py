"""Connections to PostgreSQL, the transaction in progress, and what a lost database looks like to a caller."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import Context, ContextVar
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg
from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from callfloor.errors import DatabaseBusy, NoSpace, Problem, Unavailable, WriteUnknown
from callfloor.store.db.faults import ERRORS, LOST, Fate, Stage, fate

Connection = PoolConnectionProxy  # what store functions see of a connection

T = TypeVar("T")
__all__ = ["LOST", "Connection", "Database", "act_for", "acting_for", "unavailable"]

ACQUIRE_TIMEOUT_S = 5.0


def unavailable(cause: BaseException, *, full: bool = False) -> Problem:
    """The problem that a database which cannot be used is to a client. The cause's text stays out of it. `full`: its
    disk is, which a server that stopped for it cannot say."""
    if full or isinstance(cause, asyncpg.DiskFullError):
        problem = NoSpace(
            "No space is left on the disk of the database; nothing was written.", headers={"Retry-After": "60"}
        )
    else:
        problem = Unavailable("The database cannot be reached now; nothing was written.", headers={"Retry-After": "1"})
    problem.__cause__ = cause
    return problem


def _raised(cause: BaseException, stage: Stage, *, closed: bool, is_full: Callable[[], bool]) -> BaseException:
    """What to raise instead of an error of the database."""
    match fate(cause, stage, closed=closed):
        case Fate.REFUSED:
            return cause
        case Fate.AWAY:
            return unavailable(cause, full=is_full())
        case Fate.BUSY:
            return DatabaseBusy(
                "The database is too busy for this now; nothing was written.", headers={"Retry-After": "1"}
            )
        case Fate.UNKNOWN:
            return WriteUnknown(
                "The database was lost before it answered: whether this was written is not known. Look before you send "
                "it again, or send it with the same Idempotency-Key."
            )


# Functions that a SELECT may call and that write.
WRITERS = ("nextval", "setval", "pg_notify", "ensure_partitions", "block_as_asked")
_WRITES = re.compile(rf"\b(?:{'|'.join(WRITERS)})\s*\(", re.IGNORECASE)


@lru_cache(maxsize=2048)
def reads(sql: str) -> bool:
    """Whether a statement by itself writes nothing, so that nothing is in doubt when its answer is lost. One that may
    write is taken for one that does."""
    return sql.lstrip()[:6].upper() == "SELECT" and _WRITES.search(sql) is None


async def _keep_session(_connection: object) -> None:
    """Skip asyncpg's reset query: of session state (SET, LISTEN, session lock) a pooled connection carries whom it
    stands for, and nothing else."""


_acting: ContextVar[int | None] = ContextVar("organisation", default=None)
STAND_SQL = "SELECT set_config('callfloor.organisation', $1, false)"
# Whether a policy binds this role.
BOUND_SQL = "SELECT coalesce(row_security_active(to_regclass('organisations')), false)"


@contextmanager
def acting_for(organisation: int | None) -> Generator[None]:
    """What is asked of a database inside is asked for this organisation: where row-level security binds, nothing else
    is seen, whatever a statement says. None: for nobody."""
    token = _acting.set(organisation)
    try:
        yield
    finally:
        _acting.reset(token)


def act_for(organisation: int) -> None:
    """As `acting_for`, until the end of the `acting_for` around it."""
    _acting.set(organisation)


def apart() -> Context:
    """For a task that goes on when whoever starts it is done (`create_task(..., context=apart())`): it stands for
    nobody and is in nobody's transaction, whose connection would be another's by the time that it writes."""
    return Context()


if TYPE_CHECKING:
    _Plain = asyncpg.Connection[Record]
else:
    _Plain = asyncpg.Connection


class _Session(_Plain):
    """A connection that knows for which organisation it stands."""

    __slots__ = ("_stands_for",)

    async def stand_for(self, organisation: int | None) -> None:
        """None: for nobody. A transaction that rolls back takes back what was set inside it: see `forget`."""
        wanted = "" if organisation is None else str(organisation)
        if getattr(self, "_stands_for", None) != wanted:
            self._stands_for = None
            await self.execute(STAND_SQL, wanted)
            self._stands_for = wanted

    def forget(self) -> None:
        self._stands_for = None


class Database:
    """A pool of connections. Statements run on the transaction in progress, where there is one."""

    def __init__(self, pool: asyncpg.Pool, dsn: str, *, bound: bool = False) -> None:
        """`bound`: row-level security binds its role."""
        self._pool, self._bound = pool, bound
        self._current: ContextVar[Connection[Record] | None] = ContextVar("transaction", default=None)
        self.dsn = dsn
        # whether its disk is, where that is a disk of this machine
        self.is_full: Callable[[], bool] = lambda: False

    @classmethod
    async def connect(cls, dsn: str, *, size: int = 10, statement_timeout_s: float = 30.0) -> Database:
        """Open a pool of at most `size` connections. Raises `Unavailable` when the server cannot be reached."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                reset=_keep_session,
                connection_class=_Session,
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
            bound = await pool.fetchval(BOUND_SQL)
        except LOST as cause:
            raise unavailable(cause) from cause
        return cls(pool, dsn, bound=bound)

    async def close(self) -> None:
        """Close every connection; those still busy after five seconds are cut."""
        try:
            await asyncio.wait_for(self._pool.close(), 5)
        except TimeoutError:
            self._pool.terminate()

    @property
    def in_transaction(self) -> bool:
        return self._current.get() is not None

    async def run(self, work: Callable[[Connection[Record]], Awaitable[T]], *, reads: bool = False) -> T:
        """Run `work` on the transaction's connection, else on one of the pool. `reads`: it writes nothing.

        Raises `Unavailable` and its kinds for a database that gives no answer; what it refuses passes through
        (`faults.REFUSALS`).
        """
        current = self._current.get()
        if current is not None:
            await self._stand(current, Stage.INSIDE)
            return await self._on(current, work, Stage.INSIDE)
        async with self._connection() as connection:
            await self._stand(connection, Stage.BEFORE)
            return await self._on(connection, work, Stage.READING if reads else Stage.ALONE)

    async def _stand(self, connection: Connection[Record], stage: Stage) -> None:
        """Have the connection stand for whom this is asked: no round trip where it did before."""
        if self._bound:
            await self._on(connection, lambda _: _open(connection).stand_for(_acting.get()), stage)

    async def _on(
        self, connection: Connection[Record], work: Callable[[Connection[Record]], Awaitable[T]], stage: Stage
    ) -> T:
        try:
            return await work(connection)
        except ERRORS as cause:
            raised = _raised(cause, stage, closed=_is_closed(connection), is_full=self.is_full)
            if raised is cause:
                raise
            raise raised from cause

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection[Record], None]:
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
        except ERRORS as cause:
            # none could be had, whatever the reason
            raise unavailable(cause, full=self.is_full()) from cause
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    async def fetch(self, sql: str, *arguments: object) -> list[Record]:
        return await self.run(lambda connection: connection.fetch(sql, *arguments), reads=reads(sql))

    async def fetchrow(self, sql: str, *arguments: object) -> Record | None:
        return await self.run(lambda connection: connection.fetchrow(sql, *arguments), reads=reads(sql))

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        return await self.run(lambda connection: connection.fetchval(sql, *arguments), reads=reads(sql))

    async def execute(self, sql: str, *arguments: object) -> str:
        return await self.run(lambda connection: connection.execute(sql, *arguments), reads=reads(sql))

    async def copy(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """COPY rows into a table."""
        await self.run(lambda c: c.copy_records_to_table(table, columns=list(columns), records=rows))

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[None, None]:
        """Make the statements inside one transaction. Inside another transaction: part of that one."""
        if self._current.get() is not None:
            yield
            return
        async with self._connection() as connection:
            await self._stand(connection, Stage.BEFORE)
            transaction = connection.transaction()
            await self._on(connection, lambda _: transaction.start(), Stage.BEFORE)
            token = self._current.set(connection)
            try:
                yield
            except BaseException:
                # a server that is lost rolls back by itself, and what happened first is what matters
                with suppress(*ERRORS):
                    _open(connection).forget()
                    await transaction.rollback()
                raise
            finally:
                self._current.reset(token)
            await self._on(connection, lambda _: transaction.commit(), Stage.COMMIT)


def _open(connection: Connection[Record]) -> _Session:
    """Raises `asyncpg.InterfaceError` for one that broke: the pool takes those back at once."""
    if _is_closed(connection):
        raise asyncpg.InterfaceError("the connection is closed")
    # what the pool gives passes on whatever it does not know to the connection behind it
    return cast("_Session", connection)


def _is_closed(connection: Connection[Record]) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # given back to the pool already, which does that with broken ones
        return True
