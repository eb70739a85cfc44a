"""Leads that are there already: found by key or phone, and changed as an update of one lead would change them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.api.test_imports import CSV, JSON, accept, faults, finish, leads, run
from tests.conftest import Centre, client_for

ONE, TWO, THREE = "0491570156", "0491570157", "0491570158"


async def bulk(centre: Centre, db: Database, rows: list[Any], query: str) -> tuple[str, dict[str, int]]:
    """Import rows of the centre's list; the import and its counts that are not zero."""
    body = json.dumps({"leads": rows}).encode()
    uuid, result = await run(centre, db, body, JSON, f"listId={centre.list_id}&{query}")
    counts = {name: result[name] for name in ("inserted", "updated", "skipped", "invalid") if result[name]}
    return uuid, counts


async def make(centre: Centre, **lead: Any) -> int:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id} | lead)
    assert answer.status_code == 201, answer.text
    return answer.json()["leadId"]


async def get(centre: Centre, lead_id: int) -> dict[str, Any]:
    return (await centre.client.get(f"/leads/{lead_id}")).json()


def phones_of(lead: dict[str, Any]) -> list[str]:
    return [phone["phoneNumber"][-3:] for phone in lead["phones"]]


async def test_keys_that_look_the_same_are_one_key(centre: Centre, db: Database) -> None:
    lead = await make(centre, customerKey="A 1", phone1=ONE)
    keys = [" A 1 ", "A\u00a01", "\u200bA 1", "A\u3000 1".replace(" ", ""), "A 1\ufeff"]
    rows = [{"customerKey": key, "leadData": {f"k{n}": n}} for n, key in enumerate(keys)]
    _, counts = await bulk(centre, db, rows, "onDuplicate=update")
    assert counts == {"updated": 5}
    assert len((await get(centre, lead))["dataFields"]) == 5


async def test_null_and_empty_clear_as_an_update_does_and_what_is_left_out_stays(centre: Centre, db: Database) -> None:
    full = {"phone1": ONE, "phone2": TWO, "timezone": "Australia/Perth", "leadData": {"a": 1, "b": 2}}
    ids = [await make(centre, customerKey=key, **full) for key in ("null", "empty", "absent", "data")]
    rows = [
        {"customerKey": "null", "phone1": None, "timezone": None, "leadData": {"a": None}},
        {"customerKey": "empty", "phone1": "", "timezone": ""},
        {"customerKey": "absent"},
        {"customerKey": "data", "leadData": None},
    ]
    _, counts = await bulk(centre, db, rows, "onDuplicate=update")
    assert counts == {"updated": 4}
    null, empty, absent, data = [await get(centre, each) for each in ids]
    assert (phones_of(null), null["timezone"], null["dataFields"]) == (["157"], None, {"b": 2})
    assert (phones_of(empty), empty["timezone"], empty["dataFields"]) == (["157"], None, {"a": 1, "b": 2})
    assert (phones_of(absent), absent["timezone"]) == (["156", "157"], "Australia/Perth")
    assert data["dataFields"] == {}


@pytest.mark.parametrize("clears", [False, True])
async def test_an_empty_cell_of_a_table_clears_only_where_that_is_asked_for(
    centre: Centre, db: Database, clears: bool
) -> None:
    lead = await make(centre, customerKey="k", phone1=ONE, phone2=TWO, leadData={"plan": "gold", "n": "1"})
    query = f"listId={centre.list_id}&onDuplicate=update&emptyClears={str(clears).lower()}"
    await run(centre, db, b"customerKey,phone2,plan\nk,,\nnew,,\n", CSV, query)
    found = await get(centre, lead)
    assert phones_of(found) == (["156"] if clears else ["156", "157"])
    assert found["dataFields"] == ({"n": "1"} if clears else {"plan": "gold", "n": "1"})
    assert (await leads(centre))[-1]["dataFields"] == {}


async def test_no_row_lifts_do_not_call_unless_the_import_says_so_and_may(centre: Centre, db: Database) -> None:
    lead = await make(centre, customerKey="k", phone1=ONE, statusCode=11)
    rows: list[dict[str, Any]] = [
        {"customerKey": "k", "statusCode": 0},
        {"customerKey": "k", "statusCode": 12},
        {"customerKey": "k", "nextAttemptTimestamp": "2030-01-07T10:00:00+11:00"},
        {"customerKey": "k", "leadData": {"seen": 1}},
    ]
    uuid, counts = await bulk(centre, db, rows, "onDuplicate=update")
    assert counts == {"updated": 1, "invalid": 3}
    assert await faults(centre, uuid) == {"0": {"statusCode"}, "1": {"statusCode"}, "2": {"statusCode"}}
    assert ((await get(centre, lead))["lastStatusCode"], (await get(centre, lead))["dataFields"]) == (11, {"seen": 1})
    token = await tokens.create(db, centre.organisation, "writer", ["leads:write", "leads:read"])
    async with client_for(centre.app, token) as writer:
        path = f"/leads/bulk?listId={centre.list_id}&onDuplicate=update&liftDoNotCall=true"
        assert (await writer.post(path, json={"leads": rows[:1]})).status_code == 403
    _, counts = await bulk(centre, db, rows[:1], "onDuplicate=update&liftDoNotCall=true")
    assert counts == {"updated": 1}
    assert (await get(centre, lead))["lastStatusCode"] == 0


async def test_status_0_sets_new_and_rows_complete_leads_but_open_none(centre: Centre, db: Database) -> None:
    lead = await make(centre, customerKey="k", phone1=ONE, statusCode=2)
    done = await make(centre, customerKey="done", phone1=TWO)
    rows = [
        {"customerKey": "k", "statusCode": 0},
        {"customerKey": "done", "isCompleted": True},
        {"customerKey": "done", "isCompleted": False},
        {"customerKey": "new", "isCompleted": True},
    ]
    uuid, counts = await bulk(centre, db, rows, "onDuplicate=update")
    assert counts == {"inserted": 1, "updated": 2, "invalid": 1}
    assert await faults(centre, uuid) == {"2": {"isCompleted"}}
    assert (await get(centre, lead))["lastStatusCode"] == 0
    assert (await get(centre, done))["completed"] is True
    assert (await leads(centre))[-1]["completed"] is True


async def test_an_update_keeps_the_limits_of_a_lead(centre: Centre, db: Database) -> None:
    lead = await make(centre, customerKey="k", leadData={f"f{n}": n for n in range(150)})
    big = await make(centre, customerKey="b", leadData={"x": "y" * 60_000})
    rows = [
        {"customerKey": "k", "leadData": {f"g{n}": n for n in range(51)}},
        {"customerKey": "b", "leadData": {"z": "y" * 6_000}},
        {"customerKey": "k", "leadData": {f"g{n}": n for n in range(50)}},
    ]
    uuid, counts = await bulk(centre, db, rows, "onDuplicate=update")
    assert (counts, await faults(centre, uuid)) == (
        {"updated": 1, "invalid": 2}, {"0": {"leadData"}, "1": {"leadData"}}
    )  # fmt: skip
    assert (len((await get(centre, lead))["dataFields"]), len((await get(centre, big))["dataFields"])) == (200, 1)


async def test_update_only_adds_nothing(centre: Centre, db: Database) -> None:
    lead = await make(centre, customerKey="k", phone1=ONE)
    rows = [
        {"customerKey": "k", "phone2": TWO},
        {"customerKey": "other", "phone1": THREE},
        {"phone1": THREE},
        {"customerKey": "k", "isCompleted": True},
    ]
    uuid, counts = await bulk(centre, db, rows, "onDuplicate=updateOnly")
    assert (counts, await faults(centre, uuid)) == (
        {"updated": 2, "skipped": 1, "invalid": 1}, {"2": {"customerKey"}}
    )  # fmt: skip
    assert len(await leads(centre)) == 1
    found = await get(centre, lead)
    assert (phones_of(found), found["completed"]) == (["156", "157"], True)
    _, counts = await bulk(
        centre,
        db,
        [{"phone3": TWO, "leadData": {"n": 1}}, {"phone1": THREE}],
        "onDuplicate=updateOnly&onDuplicatePhone=update",
    )
    assert counts == {"updated": 1, "skipped": 1}
    assert (await get(centre, lead))["dataFields"] == {"n": 1}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("insert", {"inserted": 4}), ("skip", {"inserted": 1, "skipped": 3}), ("update", {"inserted": 1, "updated": 3}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dry", [False, True])
async def test_duplicates_by_phone_are_found_in_any_of_the_phones(
    centre: Centre, db: Database, mode: str, expected: dict[str, int], dry: bool
) -> None:
    old = await make(centre, phone2=ONE, leadData={"x": 1})
    rows = [
        {"phone1": "+61 491 570 156", "leadData": {"y": 1}},
        {"phone3": TWO},
        {"phone1": TWO, "leadData": {"z": 1}},
        {"phone1": THREE, "phone2": ONE},
    ]
    _, counts = await bulk(centre, db, rows, f"onDuplicatePhone={mode}&dryRun={str(dry).lower()}")
    assert counts == expected
    if dry or mode != "update":
        assert (await get(centre, old))["dataFields"] == {"x": 1}
        return
    assert (await get(centre, old))["dataFields"] == {"x": 1, "y": 1}
    assert phones_of(await get(centre, old)) == ["158", "156"]
    assert (phones_of((await leads(centre))[-1]), (await leads(centre))[-1]["dataFields"]) == (["157"], {"z": 1})


@pytest.mark.parametrize(("place", "found"), [("list", 0), ("campaign", 1), ("organisation", 2)])
async def test_a_phone_is_looked_for_where_it_is_said(
    centre: Centre, other_centre: Centre, db: Database, place: str, found: int
) -> None:
    names = {"beside": centre.outbound, "elsewhere": centre.inbound}
    for (name, campaign), phone in zip(names.items(), (ONE, TWO), strict=True):
        made = await centre.client.post("/leads/lists", json={"listName": name, "campaignId": campaign})
        await make(centre, listId=made.json()["listId"], phone1=phone)
    await make(other_centre, phone1=THREE)
    rows = [{"phone1": ONE}, {"phone1": TWO}, {"phone1": THREE}]
    _, counts = await bulk(centre, db, rows, f"onDuplicatePhone=skip&duplicatePhoneIn={place}")
    assert (counts.get("skipped", 0), counts["inserted"]) == (found, 3 - found)


async def test_a_known_key_decides_before_a_phone(centre: Centre, db: Database) -> None:
    by_key, by_phone = await make(centre, customerKey="k"), await make(centre, phone1=ONE)
    row = {"customerKey": "k", "phone1": ONE, "leadData": {"n": 1}}
    _, counts = await bulk(centre, db, [row], "onDuplicate=update&onDuplicatePhone=skip")
    assert counts == {"updated": 1}
    assert ((await get(centre, by_key))["dataFields"], (await get(centre, by_phone))["dataFields"]) == ({"n": 1}, {})
    _, counts = await bulk(centre, db, [row | {"customerKey": "new"}], "onDuplicate=update&onDuplicatePhone=skip")
    assert counts == {"skipped": 1}


async def test_two_imports_at_once_find_each_others_leads(centre: Centre, db: Database) -> None:
    rows = [{"phone1": f"+44770090{n:04}", "customerKey": f"k{n}"} for n in range(1000)]
    body = json.dumps({"leads": rows}).encode()
    for query in ("onDuplicatePhone=skip", "onDuplicatePhone=skip", "onDuplicate=skip"):
        await accept(centre, body, JSON, f"listId={centre.list_id}&{query}")
    await asyncio.gather(*(finish(db) for _ in range(4)))
    await finish(db)
    assert len(await leads(centre)) == 1000


async def test_a_callback_of_a_row_is_kept_or_refused(centre: Centre, db: Database) -> None:
    lead = await make(centre, customerKey="k", phone1=ONE)
    done = await make(centre, customerKey="done", phone1=TWO, statusCode=12)
    at = {"nextAttemptTimestamp": "2030-01-07T10:00:00+11:00"}
    rows = [
        {"customerKey": "k", "agentId": centre.agent} | at,
        {"customerKey": "done"} | at,
        {"customerKey": "nobody"} | at,
        {"customerKey": "new", "phone1": THREE} | at,
    ]
    uuid, counts = await bulk(centre, db, rows, "onDuplicate=update")
    assert (counts, set(await faults(centre, uuid))) == ({"inserted": 1, "updated": 1, "invalid": 2}, {"1", "2"})
    assert (await get(centre, lead))["lastStatusCode"] == 10
    assert (await get(centre, done))["timestamps"]["nextAttempt"] is None
    _, counts = await bulk(centre, db, [{"customerKey": "k", "nextAttemptTimestamp": None}], "onDuplicate=update")
    found = await get(centre, lead)
    assert (found["agentId"], found["timestamps"]["nextAttempt"], found["lastStatusCode"]) == (None, None, 0)


async def on_list(centre: Centre, number: str) -> list[dict[str, Any]]:
    return (await centre.client.get("/admin/do-not-call", params={"phoneNumber": number})).json()["items"]


async def test_an_import_that_lifts_do_not_call_lifts_what_its_leads_brought_onto_the_list(
    centre: Centre, db: Database
) -> None:
    lead = await make(centre, customerKey="k", phone1=ONE, statusCode=11)
    row = {"customerKey": "k", "nextAttemptTimestamp": "2030-01-07T10:00:00+11:00"}
    for dry in ("&dryRun=true", ""):
        _, counts = await bulk(centre, db, [row], f"onDuplicate=update&liftDoNotCall=true{dry}")
        assert counts == {"updated": 1}
    assert (await get(centre, lead))["lastStatusCode"] == 9
    assert await on_list(centre, ONE) == []
    (lifted,) = (await centre.client.get("/admin/do-not-call/lifted")).json()["items"]
    assert (lifted["lifted"]["source"], str(lead) in lifted["lifted"]["reason"]) == ("import", True)


async def test_a_row_that_is_refused_or_sets_do_not_call_again_lifts_nothing(centre: Centre, db: Database) -> None:
    for key, number in (("refused", ONE), ("again", TWO)):
        await make(centre, customerKey=key, phone1=number, statusCode=11)
    rows = [
        {"customerKey": "refused", "nextAttemptTimestamp": "2030-01-07T10:00:00+11:00", "agentId": centre.agent,
         "phone1": None},
        {"customerKey": "again", "statusCode": 0},
        {"customerKey": "again", "doNotCall": True},
    ]  # fmt: skip
    _, counts = await bulk(centre, db, rows, "onDuplicate=update&liftDoNotCall=true")
    assert counts == {"updated": 2, "invalid": 1}
    assert [len(await on_list(centre, number)) for number in (ONE, TWO)] == [1, 1]
