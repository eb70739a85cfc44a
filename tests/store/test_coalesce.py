"""Requests that arrive together share a statement, and each gets its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from callfloor.store.db.coalesce import Coalesced
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from tests.conftest import Centre


async def test_what_arrives_in_one_turn_goes_in_one_batch_in_order() -> None:
    batches: list[list[int]] = []

    async def run(_organisation: int, items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        await asyncio.sleep(0)
        return [item * 2 for item in items]

    coalesced = Coalesced(run, at_once=1, most=4)
    assert await asyncio.gather(*(coalesced.get(1, n) for n in range(10))) == [n * 2 for n in range(10)]
    assert batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_an_error_reaches_those_of_its_batch_and_no_others() -> None:
    async def run(_organisation: int, items: Sequence[int]) -> list[int]:
        if 1 in items:
            raise ValueError("no")
        return list(items)

    coalesced = Coalesced(run)
    found = await asyncio.gather(coalesced.get(1, 1), coalesced.get(1, 2), return_exceptions=True)
    assert all(isinstance(each, ValueError) for each in found)
    assert await coalesced.get(1, 3) == 3


async def test_one_who_leaves_does_not_take_the_others_along() -> None:
    gate = asyncio.Event()

    async def run(_organisation: int, items: Sequence[int]) -> list[int]:
        await gate.wait()
        return list(items)

    coalesced = Coalesced(run)
    leaving, staying = (asyncio.create_task(coalesced.get(1, n)) for n in (1, 2))
    await asyncio.sleep(0)
    leaving.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == 2


async def test_organisations_never_share_a_statement() -> None:
    batches: list[tuple[int, list[int]]] = []

    async def run(organisation: int, items: Sequence[int]) -> list[int]:
        batches.append((organisation, list(items)))
        return list(items)

    coalesced = Coalesced(run)
    assert await asyncio.gather(*(coalesced.get(n % 2, n) for n in range(6))) == list(range(6))
    assert sorted(batches) == [(0, [0, 2, 4]), (1, [1, 3, 5])]


async def test_a_lead_is_found_by_its_organisation_alone(centre: Centre, other_centre: Centre, db: Database) -> None:
    made = await centre.client.post("/leads", json={"listId": centre.list_id})
    lead_id = made.json()["leadId"]
    assert await leads.get_many(db, other_centre.organisation, [lead_id]) == [None]
    found = await leads.get_many(db, centre.organisation, [2**60, lead_id])
    assert [row and row["lead_id"] for row in found] == [None, lead_id]


async def test_a_row_that_postgresql_refuses_does_not_take_the_others_with_it(centre: Centre, db: Database) -> None:
    import msgspec

    def lead(data: bytes) -> leads.NewLead:
        return leads.NewLead(centre.organisation, centre.list_id, msgspec.Raw(data), 0)

    found = await leads.insert_together(db, [lead(b'{"a": 1}'), lead(b'{"a": "\\u0000"}'), lead(b'{"b": 2}')])
    assert [isinstance(outcome, leads.InsertOutcome) for outcome in found] == [True, False, True]
    count = await db.fetchval("SELECT count(*) FROM leads WHERE organisation_id = $1", centre.organisation)
    assert count == 2


async def test_a_transaction_is_lent_to_nobody_who_waits_beside_it(db: Database) -> None:
    gate, held = asyncio.Event(), asyncio.Event()

    async def run(_organisation: int, items: Sequence[int]) -> list[int]:
        held.set()
        await gate.wait()
        mine = await db.fetchval("SELECT pg_backend_pid()")
        return [mine for _ in items]

    coalesced = Coalesced(run)
    async with db.transaction():
        inside = await db.fetchval("SELECT pg_backend_pid()")
        waiting = asyncio.create_task(coalesced.get(1, 1))
        await held.wait()
        gate.set()
        assert await waiting != inside
