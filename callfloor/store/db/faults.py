"""What became of what was asked of the database when it answers with an error, or not at all: decided here alone."""

from __future__ import annotations

from enum import Enum

import asyncpg


class Stage(Enum):
    """How far it had come."""

    BEFORE = "before"  # no connection yet, or nothing sent on it but BEGIN
    INSIDE = "inside"  # a statement of a transaction that was not committed yet
    READING = "reading"  # a statement by itself that writes nothing
    ALONE = "alone"  # a statement that commits by itself
    COMMIT = "commit"


class Fate(Enum):
    """REFUSED: the database said no, and will say so again. BUSY: it gave up for now (time, a lock, a deadlock).
    AWAY: it cannot be used now. Nothing was written in these three. UNKNOWN: it may have been written or not."""

    REFUSED = "refused"
    BUSY = "busy"
    AWAY = "away"
    UNKNOWN = "unknown"


# The way to the server broke, or the server went away: it did not get to an answer.
_BROKEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
    OSError,  # and so TimeoutError: a wait of ours that ended before the answer
)
_BUSY = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    # of this statement: another one may fit
    asyncpg.OutOfMemoryError,
)
# It answers that it cannot: not yet, no room, or another server is the one that writes.
_UNABLE = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DiskFullError,
    asyncpg.ReadOnlySQLTransactionError,
)
# What the driver and the server raise: `fate` is for these.
ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
# For whoever has a connection of his own, and waits until it can be had again.
LOST = (*_BROKEN, *_BUSY, *_UNABLE, asyncpg.InterfaceError)
# Those that pass through as they are, because repeating changes nothing. A statement with the wrong number of arguments
# is an InterfaceError of the driver.
REFUSALS = (asyncpg.PostgresError, asyncpg.InterfaceError)
# Of these: a value has no place in its column.
UNSTORABLE = asyncpg.DataError


def fate(error: BaseException, stage: Stage, *, closed: bool) -> Fate:
    """`closed`: the connection is: the driver's own errors say so in words only."""
    if isinstance(error, _BROKEN) or (isinstance(error, asyncpg.InterfaceError) and closed):
        return Fate.UNKNOWN if stage in (Stage.ALONE, Stage.COMMIT) else Fate.AWAY
    if isinstance(error, _BUSY):
        return Fate.BUSY
    return Fate.AWAY if isinstance(error, _UNABLE) else Fate.REFUSED
