"""A part of an import that PostgreSQL keeps refusing ends with its reason, and nobody waits for it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from callfloor.jobs.imports.chunks import MOST_TRIES, import_next
from callfloor.store.db.pool import Database
from tests.api.test_imports import JSON, accept, count, finish, state
from tests.conftest import Centre

BAD = "poison"


@asynccontextmanager
async def refusing(db: Database, table: str, code: str, when: str) -> AsyncIterator[None]:
    """The database refuses what is so."""
    await db.execute(
        f"CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {when} THEN"
        f" RAISE EXCEPTION 'secret 0491570156' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$"
    )
    await db.execute(
        f"CREATE TRIGGER test_refuse BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION test_refuse()"
    )
    try:
        yield
    finally:
        await db.execute(f"DROP TRIGGER test_refuse ON {table}")
        await db.execute("DROP FUNCTION test_refuse()")


async def send(centre: Centre, keys: list[str], query: str = "") -> str:
    rows = [{"customerKey": key, "phone1": "0491570156"} for key in keys]
    return await accept(centre, json.dumps({"leads": rows}).encode(), JSON, f"listId={centre.list_id}{query}")


async def rested(db: Database) -> None:
    await db.execute("UPDATE import_chunks SET not_before = now() WHERE not_before IS NOT NULL")


def counts(found: dict[str, Any]) -> tuple[int, int, int]:
    result = found["result"]
    return result["inserted"], result["updated"], result["invalid"]


@pytest.mark.parametrize("code", ["XX000", "57014", "40P01", "53200", "54000"])
async def test_a_chunk_that_is_refused_again_and_again_fails_alone(centre: Centre, db: Database, code: str) -> None:
    bad = await send(centre, ["a", BAD, "b"])
    good = await send(centre, ["c", "d"])
    async with refusing(db, "leads", code, f"NEW.customer_key = '{BAD}'"):
        for number in range(MOST_TRIES):
            await finish(db)
            assert counts(await state(centre, good)) == (2, 0, 0), "the one behind it does not wait"
            assert (await state(centre, bad))["status"] == ("failed" if number == MOST_TRIES - 1 else "queued")
            await rested(db)
    found = await state(centre, bad)
    assert counts(found) == (0, 0, 3)
    assert code in found["result"]["failure"]
    assert "0491570156" not in json.dumps(found)
    report = await centre.client.get(f"/leads/bulk/{bad}/errors", headers={"Accept": "text/csv"})
    headers = {"Content-Type": "text/csv"}
    uuid = await accept(centre, report.content, headers, f"listId={centre.list_id}")
    await finish(db)
    assert counts(await state(centre, uuid)) == (3, 0, 0)


async def test_a_chunk_that_is_refused_once_is_imported_the_next_time(centre: Centre, db: Database) -> None:
    uuid = await send(centre, [BAD])
    async with refusing(db, "leads", "40P01", "true"):
        assert await import_next(db)
        assert not await import_next(db), "it rests"
    await rested(db)
    await finish(db)
    assert ((await state(centre, uuid))["status"], counts(await state(centre, uuid))) == ("completed", (1, 0, 0))


@pytest.mark.parametrize("code", ["23514", "P0001", "22003"])
async def test_a_single_row_that_is_refused_does_not_take_the_others_with_it(
    centre: Centre, db: Database, code: str
) -> None:
    uuid = await send(centre, ["a", BAD, "b"])
    async with refusing(db, "leads", code, f"NEW.customer_key = '{BAD}'"):
        await finish(db)
    assert ((await state(centre, uuid))["status"], counts(await state(centre, uuid))) == ("completed", (2, 0, 1))


async def test_the_chunks_of_an_import_in_order_wait_for_the_refused_one(
    centre: Centre, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callfloor.jobs.imports.reception.CHUNK_ROWS", 2)
    uuid = await send(centre, [BAD, "a", "a", "b"], "&onDuplicate=update")
    async with refusing(db, "leads", "XX000", f"NEW.customer_key = '{BAD}'"):
        for _ in range(MOST_TRIES - 1):
            await finish(db)
            assert counts(await state(centre, uuid)) == (0, 0, 0)
            await rested(db)
        await finish(db)
    found = await state(centre, uuid)
    assert (found["status"], counts(found)) == ("failed", (2, 0, 2))


async def test_an_import_whose_rows_cannot_even_be_reported_is_stopped(centre: Centre, db: Database) -> None:
    bad, good = await send(centre, [BAD]), await send(centre, ["a"])
    async with refusing(db, "leads", "XX000", f"NEW.customer_key = '{BAD}'"):
        await db.execute(
            "CREATE TRIGGER test_report BEFORE INSERT ON import_errors FOR EACH ROW EXECUTE FUNCTION"
            " suppress_redundant_updates_trigger()"
        )
        try:
            for _ in range(MOST_TRIES):
                await finish(db)
                await rested(db)
        finally:
            await db.execute("DROP TRIGGER test_report ON import_errors")
    found = await state(centre, bad)
    assert (found["status"], (await state(centre, good))["status"]) == ("failed", "completed")
    assert await count(db, centre) == 1
    assert found["result"]["failure"]
