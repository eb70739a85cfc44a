"""Bulk imports: what was accepted, how far it is, and which rows were wrong."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from callfloor.contract.imports import DuplicatePhoneIn, OnDuplicate, OnDuplicatePhone
from callfloor.rules.dialling.destinations import ANYWHERE, Policy
from callfloor.rules.values.times import zone
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import Organisation
from callfloor.store.setup import organisations

CHANNEL = "callfloor_imports"
# The name of a column and what it becomes; None: it is left out.
Column = tuple[str, str | None]
# A row in which nothing stood.
EMPTY = b""
# A line that an erasure took out of a chunk: no JSON value, so no row can look like it.
ERASED = b"-"

RECEIVE_SQL = """
INSERT INTO imports (organisation_id, import_id, status, format, list_id, on_duplicate, on_duplicate_phone,
    duplicate_phone_in, empty_clears, lift_do_not_call, dry_run)
VALUES ($1, $2, 'receiving', $3, $4, $5, $6, $7, $8, $9, $10)"""
CHUNK_SQL = """
INSERT INTO import_chunks (organisation_id, import_id, chunk_no, first_row, payload, line_numbers)
VALUES ($1, $2, $3, $4, $5, $6)"""
RECEIVED_SQL = """
UPDATE imports SET row_count = $3, header = $4::jsonb, format = $5 WHERE organisation_id = $1 AND import_id = $2"""
ACCEPT_SQL = """
UPDATE imports SET status = 'queued', created_at = now()
WHERE organisation_id = $1 AND import_id = $2 AND status = 'receiving'"""
WAKE_SQL = f"SELECT pg_notify('{CHANNEL}', '')"
ABANDONED_SQL = "DELETE FROM imports WHERE status = 'receiving' AND created_at < now() - $1::interval"
# What waits, as it lies on disk.
HELD_SQL = """
SELECT
    (SELECT coalesce(sum(pg_column_size(payload)), 0)::bigint FROM import_chunks WHERE organisation_id = $1) AS waiting,
    (SELECT coalesce(sum(leads), 0)::bigint FROM list_counts WHERE organisation_id = $1) AS leads"""
GET_SQL = "SELECT * FROM imports WHERE organisation_id = $1 AND import_id = $2 AND status <> 'receiving'"
OPEN_SQL = """
SELECT i.organisation_id, i.import_id, i.format, i.list_id, i.on_duplicate, i.on_duplicate_phone,
    i.duplicate_phone_in, i.empty_clears, i.lift_do_not_call, i.dry_run, o.name, o.timezone, o.country,
    o.new_number_ranges, o.hash_key, o.destinations
FROM imports i JOIN organisations o USING (organisation_id)
WHERE i.status IN ('queued', 'running') ORDER BY i.created_at, i.import_id"""
# Rows that look for duplicates must be taken in order, and see those of other imports: one chunk at a time of an
# organisation.
ORDER_SQL = "SELECT pg_try_advisory_xact_lock(hashtextextended($1::text, 0))"
CLAIM_SQL = """
SELECT chunk_no, first_row, payload, line_numbers, tries, not_before > now() AS rests FROM import_chunks
WHERE organisation_id = $1 AND import_id = $2 AND ($3 OR not_before IS NULL OR not_before <= now())
ORDER BY chunk_no LIMIT 1 FOR UPDATE SKIP LOCKED"""
REFUSED_SQL = """
UPDATE import_chunks SET tries = tries + 1, not_before = now() + interval '1 second' * $4
WHERE organisation_id = $1 AND import_id = $2 AND chunk_no = $3"""
FAILURE_SQL = """
UPDATE imports SET failure = coalesce(failure, $3) WHERE organisation_id = $1 AND import_id = $2"""
STOP_SQL = """
UPDATE imports SET status = 'failed', failure = $3, finished_at = now() WHERE organisation_id = $1 AND import_id = $2"""
DONE_SQL = "DELETE FROM import_chunks WHERE organisation_id = $1 AND import_id = $2 AND chunk_no = $3"
COUNT_SQL = """
UPDATE imports SET status = 'running', started_at = coalesce(started_at, $13), inserted = inserted + $3,
    updated = updated + $4, skipped = skipped + $5, invalid = invalid + $6, without_phone = without_phone + $7,
    empty_rows = empty_rows + $8, absent_phones = absent_phones + $9, duplicate_phones = duplicate_phones + $10,
    unknown_ranges = unknown_ranges + $11, not_called = not_called + $12
WHERE organisation_id = $1 AND import_id = $2"""
# A statement of its own behind the count: it waits there for other workers' chunks and then sees that they are gone.
FINISH_SQL = """
UPDATE imports SET status = CASE WHEN failure IS NULL THEN 'completed' ELSE 'failed' END, finished_at = now()
WHERE organisation_id = $1 AND import_id = $2
    AND NOT EXISTS (SELECT FROM import_chunks WHERE organisation_id = $1 AND import_id = $2)"""
ERRORS_SQL = """
SELECT row_no, line_no, errors, source FROM import_errors WHERE organisation_id = $1 AND import_id = $2
ORDER BY row_no LIMIT $3 OFFSET $4"""
ERRORS_AFTER_SQL = """
SELECT row_no, line_no, errors, source FROM import_errors WHERE organisation_id = $1 AND import_id = $2 AND row_no > $3
ORDER BY row_no LIMIT $4"""
REWRITE_SQL = """
UPDATE import_chunks SET payload = $4 WHERE organisation_id = $1 AND import_id = $2 AND chunk_no = $3"""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a sender wants done with the rows. `list_id` is the list of those that name none."""

    list_id: int | None
    on_duplicate: OnDuplicate = "insert"
    on_duplicate_phone: OnDuplicatePhone = "insert"
    duplicate_phone_in: DuplicatePhoneIn = "list"
    # an empty cell of a table clears what the lead has
    empty_clears: bool = False
    lift_do_not_call: bool = False
    dry_run: bool = False

    @property
    def in_order(self) -> bool:
        """Whether a row depends on those before it."""
        return self.on_duplicate != "insert" or self.on_duplicate_phone != "insert"


@dataclass(frozen=True, slots=True)
class OpenImport:
    """An import that still has chunks."""

    organisation: Organisation
    import_id: UUID
    format: str
    choices: Choices
    # where the organisation calls
    policy: Policy = ANYWHERE


@dataclass(frozen=True, slots=True)
class Chunk:
    number: int
    first_row: int
    lines: list[bytes]
    line_numbers: list[int] | None
    # how often the database refused it
    tries: int = 0

    def line_of(self, row_no: int) -> int | None:
        """The line of the file in which a row of the request stands."""
        return None if self.line_numbers is None else self.line_numbers[row_no - self.first_row]


@dataclass(slots=True)
class Counts:
    inserted: int = 0
    updated: int = 0
    skipped: int = 0
    invalid: int = 0
    without_phone: int = 0
    empty_rows: int = 0
    absent_phones: int = 0
    duplicate_phones: int = 0
    unknown_ranges: int = 0
    not_called: int = 0


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not imported: what was wrong with it, and the row as it was sent (JSON)."""

    row_no: int
    line_no: int | None
    errors: list[dict[str, Any]]
    source: bytes


async def begin(db: Database, organisation: int, import_id: UUID, form: str, choices: Choices) -> None:
    """Start receiving; nobody sees the import before it is accepted."""
    await db.execute(
        RECEIVE_SQL,
        organisation,
        import_id,
        form,
        choices.list_id,
        choices.on_duplicate,
        choices.on_duplicate_phone,
        choices.duplicate_phone_in,
        choices.empty_clears,
        choices.lift_do_not_call,
        choices.dry_run,
    )


async def add_chunk(
    db: Database,
    organisation: int,
    import_id: UUID,
    number: int,
    first_row: int,
    lines: Sequence[bytes],
    line_numbers: Sequence[int] | None,
) -> None:
    await db.execute(CHUNK_SQL, organisation, import_id, number, first_row, b"\n".join(lines), line_numbers)


async def received(
    db: Database, organisation: int, import_id: UUID, rows: int, header: Sequence[Column] | None, form: str
) -> None:
    """Every chunk is there: `rows` in all, of a table with this header (None: no table), in the form that it had."""
    encoded = None if header is None else msgspec.json.encode(header).decode()
    await db.execute(RECEIVED_SQL, organisation, import_id, rows, encoded, form)


async def held(db: Database, organisation: int) -> tuple[int, int]:
    """Bytes of an organisation's imports that wait to become leads, and its leads."""
    row = await db.fetchrow(HELD_SQL, organisation)
    if row is None:
        raise AssertionError("a statement of sums has a row")
    return row["waiting"], row["leads"]


async def accept(db: Database, organisation: int, import_id: UUID) -> None:
    """From now on the import is durable and under way."""
    async with db.transaction():
        await db.execute(ACCEPT_SQL, organisation, import_id)
        await db.execute(WAKE_SQL)


async def drop_abandoned(db: Database, older_than: timedelta) -> int:
    """Remove what was received for longer than that and never accepted; returns how many imports."""
    return int((await db.execute(ABANDONED_SQL, older_than)).rsplit(" ", 1)[1])


async def get(db: Database, organisation: int, import_id: UUID) -> Record | None:
    return await db.fetchrow(GET_SQL, organisation, import_id)


async def every_open(db: Database) -> list[OpenImport]:
    """Imports with work left, the oldest first."""
    return [
        OpenImport(
            Organisation(
                row["organisation_id"],
                row["name"],
                zone(row["timezone"]),
                row["country"],
                row["hash_key"],
                frozenset(row["new_number_ranges"]),
            ),
            row["import_id"],
            row["format"],
            Choices(
                row["list_id"],
                row["on_duplicate"],
                row["on_duplicate_phone"],
                row["duplicate_phone_in"],
                row["empty_clears"],
                row["lift_do_not_call"],
                row["dry_run"],
            ),
            organisations.policy(row),
        )
        for row in await db.fetch(OPEN_SQL)
    ]


async def claim(db: Database, given: OpenImport) -> Chunk | None:
    """The next chunk, locked until the transaction in progress ends; None when others have them all."""
    organisation = given.organisation.organisation_id
    if given.choices.in_order and not await db.fetchval(ORDER_SQL, f"imports of {organisation}"):
        return None
    row = await db.fetchrow(CLAIM_SQL, organisation, given.import_id, given.choices.in_order)
    if row is None or row["rests"]:
        return None
    return Chunk(row["chunk_no"], row["first_row"], row["payload"].split(b"\n"), row["line_numbers"], row["tries"])


async def refused(db: Database, given: OpenImport, chunk: Chunk) -> None:
    """The database would not take the chunk: it rests, each time for longer."""
    await db.execute(REFUSED_SQL, given.organisation.organisation_id, given.import_id, chunk.number, 2.0**chunk.tries)


async def note_failure(db: Database, given: OpenImport, failure: str) -> None:
    """The import will end as failed; the first reason stays."""
    await db.execute(FAILURE_SQL, given.organisation.organisation_id, given.import_id, failure)


async def stop(db: Database, given: OpenImport, failure: str) -> None:
    """End an import of which not even the rows can be reported; what was not imported of it is kept."""
    await db.execute(STOP_SQL, given.organisation.organisation_id, given.import_id, failure)


async def finish_chunk(db: Database, given: OpenImport, chunk: Chunk, counts: Counts, bad: Iterable[BadRow]) -> None:
    """Record what became of a chunk's rows and remove it, in the transaction that wrote its leads."""
    organisation = given.organisation.organisation_id
    rows = [
        (
            organisation,
            given.import_id,
            row.row_no,
            row.line_no,
            msgspec.json.encode(row.errors).decode(),
            row.source.decode(),
        )
        for row in bad
    ]
    if rows:
        columns = ("organisation_id", "import_id", "row_no", "line_no", "errors", "source")
        await db.copy("import_errors", columns, rows)
    await db.execute(DONE_SQL, organisation, given.import_id, chunk.number)
    await db.execute(
        COUNT_SQL,
        organisation,
        given.import_id,
        counts.inserted,
        counts.updated,
        counts.skipped,
        counts.invalid,
        counts.without_phone,
        counts.empty_rows,
        counts.absent_phones,
        counts.duplicate_phones,
        counts.unknown_ranges,
        counts.not_called,
        datetime.now(UTC),
    )
    await db.execute(FINISH_SQL, organisation, given.import_id)


async def errors(db: Database, organisation: int, import_id: UUID, count: int, offset: int) -> list[Record]:
    """Wrong rows by their position in the request."""
    return await db.fetch(ERRORS_SQL, organisation, import_id, count, offset)


async def every_error(db: Database, organisation: int, import_id: UUID) -> AsyncGenerator[list[Record], None]:
    """All wrong rows, in parts."""
    after = -1
    while rows := await db.fetch(ERRORS_AFTER_SQL, organisation, import_id, after, 1000):
        yield rows
        after = rows[-1]["row_no"]
