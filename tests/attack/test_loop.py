"""No request, however it is made, keeps an API process from its other requests."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterable

import pytest

from callfloor.api.routes import APIS, AUTH, WORKSPACE
from callfloor.contract.codes import SCOPES
from callfloor.rules.privacy.customers import Customer
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.attack.attacker import send
from tests.attack.hostile_operations import operation_requests, targets
from tests.attack.hostile_requests import Hostile, requests
from tests.attack.loop_meter import measured
from tests.breadth import examples
from tests.conftest import Centre

# Seconds of processor time, twice what `python -m bench hostile` holds it to: other tests' garbage is collected too.
LONGEST_S = 0.1
PLAIN = Hostile("plain", "POST", "/leads", b'{"listId":{list},"phone1":"0491570156","leadData":{"a":"0491570156"}}')


def _quick(requests: list[Hostile]) -> list[Hostile]:
    """One body of a kind to each operation, and every body to one."""
    seen = set[str]()
    found: list[Hostile] = []
    for request in requests:
        name = request.name.partition(" to ")[0]
        if name not in seen or request.name.startswith("90,000"):
            found.append(request)
        seen.add(name)
    return found


async def _attack(centre: Centre, db: Database, corpus: Iterable[Hostile]) -> dict[str, tuple[float, int]]:
    person = await tokens.create(db, centre.organisation, "desk", SCOPES, user_id=centre.agent)
    given = dict.fromkeys(APIS, centre.token) | {WORKSPACE: person, AUTH: person}
    ids = {"list": centre.list_id, "agent": centre.agent, "campaign": centre.inbound}
    found: dict[str, tuple[float, int]] = {}
    with measured() as meter:
        # what is imported at first use is nobody's doing
        for request in (PLAIN, *requests()[:3], PLAIN):
            await send(centre.app, request, given, ids)
        # as a process of the API does once it has begun
        gc.collect()
        gc.freeze()
        for request in corpus:
            meter.take()
            status = await send(centre.app, request, given, ids)
            found[request.name] = meter.take(), status
    return found


def _check(found: dict[str, tuple[float, int]]) -> None:
    assert {name: status for name, (_, status) in found.items() if status >= 500} == {}
    assert {name: longest for name, (longest, _) in found.items() if longest > LONGEST_S} == {}


async def test_hostile_requests_leave_the_loop_to_others(centre: Centre, db: Database) -> None:
    small = [each for each in _quick(requests()) if not each.name.startswith("import: ")]
    _check(await _attack(centre, db, small))


@pytest.mark.long
async def test_the_whole_corpus_leaves_the_loop_to_others(centre: Centre, db: Database) -> None:
    _check(await _attack(centre, db, requests()))


@pytest.mark.long
async def test_no_operation_keeps_the_loop_from_others(centre: Centre, db: Database) -> None:
    found = await _attack(centre, db, operation_requests())
    _check(found)
    attacked = {name.rpartition(" to ")[2] for name in found}
    assert attacked >= {f"{operation.method} {prefix}{operation.path}" for prefix, operation in targets()}


async def test_erasing_among_leads_full_of_numbers_leaves_the_loop_to_others(centre: Centre, db: Database) -> None:
    numbers = " ".join(f"04{n * 7919 % 100_000_000:08d}" for n in range(5_000))
    await db.execute(
        "INSERT INTO leads (organisation_id, list_id, data, identifiers)"
        " SELECT $1, $2, jsonb_build_object('note', $3::text), '{*}' FROM generate_series(1, $4)",
        centre.organisation,
        centre.list_id,
        numbers,
        examples(60, long=200),
    )
    own = "0 4 9 1 5 7 0 1 5 6 " * 3_000
    for text in (own, "0491570156 " * 5_000):
        body = {"listId": centre.list_id, "leadData": {"note": f"x{text}"}}
        assert (await centre.client.post("/leads", json=body)).status_code == 201
    with measured() as meter:
        erased = await centre.client.delete("/customer", params={"phoneNumber": "+61491570156"})
        longest = meter.take()
    assert erased.status_code == 200, erased.text
    assert longest <= LONGEST_S
    kept = await centre.client.get("/leads?limit=500")
    customer = Customer("+61491570156", None, "AU")
    assert not [each for each in kept.json()["items"] if customer.mentioned(each["dataFields"])]


async def test_the_meter_sees_who_keeps_the_loop_and_a_thread_that_does_not_let_go() -> None:
    def work() -> int:
        # in one step of the interpreter
        return sum(range(3_000_000))

    with measured() as meter:
        await asyncio.sleep(0)
        meter.take()
        await asyncio.sleep(0.01)
        idle = meter.take()
        work()
        await asyncio.sleep(0)
        busy = meter.take()
        await asyncio.to_thread(work)
        beside = meter.take()
    assert min(busy, beside) > 3 * idle
