"""Receiving a bulk body: split into chunks that are committed before anything is accepted.

Nothing of it is parsed where others wait: small bodies in a thread, large ones and workbooks by a process of their own
(`python -m callfloor.jobs.imports.reception`). The body lies in a file without a name, so that nothing of it is left,
whatever dies.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Iterator
from typing import BinaryIO, Literal
from uuid import UUID

import msgspec

from callfloor.errors import NoSpace, Problem, Unavailable
from callfloor.jobs.imports.rows import How, Reading, RecordsError, Row, read
from callfloor.store.db.pool import Database, acting_for
from callfloor.store.leads import imports
from callfloor.store.leads.imports import Choices

CHUNK_ROWS = 4_000
CHUNK_BYTES = 4 * 1024 * 1024
# A body up to this size is split at once, where it was received.
SMALL = 512 * 1024
# What the splitting process may take: more is a body that was made to take it.
MOST_MEMORY = 3 * 1024**3
MOST_CPU_S = 900


class Order(msgspec.Struct):
    """What the splitting process is told."""

    dsn: str
    organisation: int
    import_id: UUID
    how: How
    choices: Choices


class Outcome(msgspec.Struct):
    """What became of a body: its columns, or what is wrong with it."""

    columns: list[tuple[str, str | None]] | None = None
    kind: Literal["malformed", "invalid", "too-large"] | None = None
    message: str = ""
    parameter: str | None = None
    # the database could not take it, for want of room or for another reason
    away: Literal["full", "unavailable"] | None = None


async def split(db: Database, order: Order, file: BinaryIO, *, small: bool) -> Outcome:
    """Write the import and its chunks, in one transaction. Raises `RecordsError`."""
    chunks = _Chunks(file, order.how)
    # a small body is read before the transaction begins, which then is short
    ready = await asyncio.to_thread(lambda: list(chunks.every())) if small else chunks.every()
    async with db.transaction():
        await imports.begin(db, order.organisation, order.import_id, order.how.form, order.choices)
        first_row = 0
        for number, rows in enumerate(ready):
            lines = [row[0] for row in rows]
            numbers = [row[1] for row in rows] if rows[0][1] else None
            await imports.add_chunk(db, order.organisation, order.import_id, number, first_row, lines, numbers)
            first_row += len(rows)
        columns = chunks.columns
        await imports.received(db, order.organisation, order.import_id, first_row, columns, chunks.form)
    return Outcome(columns)


class _Chunks:
    """The rows of a body, some thousands at a time."""

    def __init__(self, file: BinaryIO, how: How) -> None:
        self._file, self._how = file, how
        self._reading: Reading | None = None

    @property
    def columns(self) -> list[tuple[str, str | None]] | None:
        reading = self._reading
        return None if reading is None or reading.table is None else reading.table.columns

    @property
    def form(self) -> str:
        return self._how.form if self._reading is None else self._reading.form

    def every(self) -> Iterator[list[Row]]:
        """Raises `RecordsError`."""
        self._reading = read(self._file, self._how)
        rows: list[Row] = []
        size = 0
        for row in self._reading.rows():
            rows.append(row)
            size += len(row[0])
            if len(rows) == CHUNK_ROWS or size > CHUNK_BYTES:
                yield rows
                rows, size = [], 0
        if rows:
            yield rows


async def split_apart(order: Order, file: BinaryIO) -> Outcome:
    """`split` in a process of its own. Raises `RecordsError`, or a `Problem` when the process fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callfloor.jobs.imports.reception",
        str(file.fileno()),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        pass_fds=(file.fileno(),),
    )
    try:
        answer, _ = await process.communicate(msgspec.json.encode(order))
    finally:
        if process.returncode is None:
            # whoever waited for it is gone
            process.kill()
    if process.returncode != 0:
        raise Problem("The body could not be split into rows.")
    outcome = msgspec.json.decode(answer, type=Outcome)
    if outcome.away is not None:
        kind = NoSpace if outcome.away == "full" else Unavailable
        raise kind(outcome.message, headers={"Retry-After": "60"})
    if outcome.kind is not None:
        raise RecordsError(outcome.kind, outcome.message, parameter=outcome.parameter)
    return outcome


async def _main(order: Order, file: BinaryIO) -> Outcome:
    try:
        # a large body is one long transaction of short statements
        db = await Database.connect(order.dsn, size=2)
    except Unavailable as problem:
        return _away(problem)
    try:
        with acting_for(order.organisation):
            return await split(db, order, file, small=False)
    except Unavailable as problem:
        return _away(problem)
    except RecordsError as error:
        return Outcome(kind=error.kind, message=str(error), parameter=error.parameter)
    except MemoryError:
        return Outcome(kind="too-large", message="The body takes too much memory to be read: send it in parts.")
    finally:
        await db.close()


def _away(problem: Unavailable) -> Outcome:
    return Outcome(away="full" if isinstance(problem, NoSpace) else "unavailable", message=problem.detail)


if __name__ == "__main__":
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    with os.fdopen(int(sys.argv[1]), "rb") as body:
        sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_main(told, body))))
