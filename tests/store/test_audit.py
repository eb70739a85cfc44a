"""The audit in the database: it can only grow, and it is sealed in order and signed by day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from callfloor.jobs.audit import LAG, seal
from callfloor.rules.audit.entries import SYSTEM, Actor, Entry
from callfloor.store.audit import chain, entries, reading
from callfloor.store.db.pool import Database
from tests.conftest import Centre

# far from the present, so that the days of these tests are over
T0 = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)


async def write(db: Database, organisation: int, at: datetime, *names: str) -> None:
    await entries.record(db, organisation, SYSTEM, at, [Entry("list.update", "list", (1,), name) for name in names])


async def seal_all(db: Database, at: datetime) -> None:
    while await seal(db, at):
        pass


async def test_an_entry_is_part_of_the_transaction_of_what_it_records(db: Database, centre: Centre) -> None:
    async def fail() -> None:
        async with db.transaction():
            await write(db, centre.organisation, T0, "undone")
            raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        await fail()
    assert await chain.count_unsealed(db, centre.organisation) == 0


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET action = 'other' WHERE organisation_id = $1",
        """UPDATE audit_entries SET object_ids = '{}', position = 7, previous_hash = '', hash = ''
            WHERE organisation_id = $1""",
        "UPDATE audit_entries SET position = position + 1 WHERE organisation_id = $1",
        "DELETE FROM audit_entries WHERE organisation_id = $1",
        "DELETE FROM audit_days WHERE organisation_id = $1",
        "UPDATE audit_days SET count = 2 WHERE organisation_id = $1",
    ],
)
async def test_nothing_of_it_can_be_changed_or_removed(
    db: Database, centre: Centre, statement: str, *, sealed: bool
) -> None:
    await write(db, centre.organisation, T0, "a", "b")
    if sealed:
        await seal_all(db, T0 + 2 * DAY)
    if not sealed and ("audit_days" in statement or "position + 1" in statement):
        # there is none yet
        return
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await db.execute(statement, centre.organisation)


@pytest.mark.parametrize("table", ["audit_entries", "audit_days"])
async def test_it_cannot_be_emptied(db: Database, table: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
        await db.execute(f"TRUNCATE {table}")


async def test_entries_get_their_places_in_order_and_days_their_signatures(db: Database, centre: Centre) -> None:
    await write(db, centre.organisation, T0, "a", "b")
    await write(db, centre.organisation, T0 + DAY, "c")
    await seal_all(db, T0 + DAY + LAG + timedelta(seconds=1))
    linked = await chain.linked(db, centre.organisation, 0, 9)
    assert [(each.link.position, each.written.entry.object_name) for each in linked] == [(1, "a"), (2, "b"), (3, "c")]
    assert [each.previous for each in linked][1:] == [each.link.hash for each in linked][:-1]
    head = await chain.head(db, centre.organisation)
    assert head is not None
    assert (head[0].position, head[0].hash) == (3, linked[-1].link.hash.hex())
    (day,) = await chain.days(db, centre.organisation, 0)
    assert (day[0].first, day[0].last, day[0].head) == (1, 2, linked[1].link.hash.hex())


async def test_an_entry_that_comes_late_is_sealed_behind_the_others(db: Database, centre: Centre) -> None:
    await write(db, centre.organisation, T0 + timedelta(hours=1), "in time")
    await seal_all(db, T0 + timedelta(hours=2))
    await write(db, centre.organisation, T0, "late")
    await seal_all(db, T0 + timedelta(hours=2))
    linked = await chain.linked(db, centre.organisation, 0, 9)
    assert [each.written.entry.object_name for each in linked] == ["in time", "late"]


async def test_an_entry_comes_back_as_it_was_written(db: Database, centre: Centre) -> None:
    by = Actor("user", 5, None, 7, "192.0.2.1", "6f0d2b3c-1b1a-4c39-9d63-0a4f0f3c2b11")
    given = Entry("list.update", "list", (3, 4), None, {"before": {"weight": 1}, "after": {"weight": 2.5}})
    await entries.record(db, centre.organisation, by, T0, [given])
    await seal_all(db, T0 + LAG + timedelta(seconds=1))
    (linked,) = await chain.linked(db, centre.organisation, 0, 9)
    assert (linked.written.by, linked.written.entry, linked.written.at) == (by, given, T0)


async def tamper(db: Database, *statements: str) -> None:
    """As the owner of the tables could, with the triggers out of the way."""
    async with db.transaction():
        for table in ("audit_entries", "audit_days"):
            await db.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            await db.execute(statement)
        for table in ("audit_entries", "audit_days"):
            await db.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


SWAP = """UPDATE audit_entries e SET object_name = o.object_name, happened_at = o.happened_at, hash = o.hash
    FROM audit_entries o
    WHERE e.organisation_id = {0} AND o.organisation_id = {0} AND e.position IN (2, 3) AND o.position = 5 - e.position
"""


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit_entries SET object_name = 'other' WHERE organisation_id = {0} AND position = 2", 2),
        ("DELETE FROM audit_entries WHERE organisation_id = {0} AND position = 2", 2),
        ("DELETE FROM audit_entries WHERE organisation_id = {0} AND position >= 3", 3),
        ("DELETE FROM audit_entries WHERE organisation_id = {0} AND position = 1", 1),
        (SWAP, 2),
        ("DELETE FROM audit_heads WHERE organisation_id = {0}", None),
        ("DELETE FROM audit_days WHERE organisation_id = {0} AND day = '2026-06-01'", None),
        ("UPDATE audit_days SET head = previous WHERE organisation_id = {0}", None),
    ],
)
async def test_what_the_owner_of_the_database_changes_is_named(
    db: Database, centre: Centre, statement: str, named: int | None
) -> None:
    await write(db, centre.organisation, T0, "a", "b", "c")
    await write(db, centre.organisation, T0 + DAY, "d")
    await seal_all(db, T0 + 3 * DAY)
    whole = await reading.verify(db, centre.organisation)
    assert (whole.whole, whole.entries, whole.days) == (True, 4, 2)
    await tamper(db, statement.format(centre.organisation))
    found = await reading.verify(db, centre.organisation)
    if "DELETE FROM audit_days" in statement:
        # the days behind it say what was before them, and the entries follow from one another
        assert found.days == 1
        return
    assert not found.whole
    assert named is None or found.faults[0].position == named
