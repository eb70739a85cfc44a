"""Receiving a bulk body: split into chunks that are committed before anything is accepted.

Large bodies are split by a process of their own (`python -m callfloor.jobs.reception`), so that the API keeps
answering meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import BinaryIO, Literal
from uuid import UUID

import msgspec

from callfloor.errors import Problem
from callfloor.jobs.records import Form, RecordsError, read_records
from callfloor.store import imports
from callfloor.store.pool import Database

CHUNK_ROWS = 4_000
CHUNK_BYTES = 4 * 1024 * 1024
# A body up to this size is split at once, where it was received.
SMALL = 512 * 1024


class Order(msgspec.Struct):
    """What the splitting process is told."""

    dsn: str
    organisation: int
    import_id: UUID
    form: Form
    list_id: int | None
    on_duplicate: str
    dry_run: bool
    path: str


class Outcome(msgspec.Struct):
    """What it answers: the number of rows, or what is wrong with the body."""

    rows: int = 0
    kind: Literal["malformed", "invalid", "too-large"] | None = None
    message: str = ""


async def split(db: Database, order: Order, file: BinaryIO) -> int:
    """Write the import and its chunks, in one transaction; returns the number of rows. Raises `RecordsError`."""
    new = imports.NewImport(order.import_id, order.form, order.list_id, order.on_duplicate, order.dry_run)
    async with db.transaction():
        await imports.begin(db, order.organisation, new)
        records = read_records(file, order.form)
        header, first_row, number = None, 0, 0
        lines: list[bytes] = []
        size = 0
        while True:
            try:
                line = next(records)
            except StopIteration as end:
                header = end.value
                break
            lines.append(line)
            size += len(line)
            if len(lines) == CHUNK_ROWS or size > CHUNK_BYTES:
                await imports.add_chunk(db, order.organisation, order.import_id, number, first_row, lines)
                first_row += len(lines)
                number, lines, size = number + 1, [], 0
        if lines:
            await imports.add_chunk(db, order.organisation, order.import_id, number, first_row, lines)
        rows = first_row + len(lines)
        await imports.received(db, order.organisation, order.import_id, rows, header)
    return rows


async def split_apart(order: Order) -> int:
    """`split` in a process of its own. Raises `RecordsError`, or a `Problem` when the process fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callfloor.jobs.reception",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await process.communicate(msgspec.json.encode(order))
    if process.returncode != 0:
        raise Problem("The body could not be split into rows.")
    outcome = msgspec.json.decode(answer, type=Outcome)
    if outcome.kind is not None:
        raise RecordsError(outcome.kind, outcome.message)
    return outcome.rows


async def _main(order: Order, file: BinaryIO) -> Outcome:
    # a large body is one long transaction of short statements
    db = await Database.connect(order.dsn, size=2)
    try:
        return Outcome(rows=await split(db, order, file))
    except RecordsError as error:
        return Outcome(kind=error.kind, message=str(error))
    finally:
        await db.close()


if __name__ == "__main__":
    os.nice(10)
    told = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    with Path(told.path).open("rb") as body:
        sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_main(told, body))))
