"""Leads over the API."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest

from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.conftest import Centre, client_for


async def create(centre: Centre, **fields: Any) -> int:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()["leadId"]


async def read(centre: Centre, lead_id: int) -> dict[str, Any]:
    answer = await centre.client.get(f"/leads/{lead_id}")
    assert answer.status_code == 200
    return answer.json()


async def test_a_created_lead_reads_back_as_the_contract_spells_it(centre: Centre) -> None:
    answer = await centre.client.post(
        "/leads",
        json={
            "listId": centre.list_id,
            "customerKey": "10000001",
            "timezone": "Australia/Perth",
            "phone1": "0491 570 156",
            "phone2": None,
            "phone3": "+44 7700 900123",
            "nextAttemptTimestamp": "2031-01-02T03:04:05Z",
            "leadData": {"plan": "gold", "age": 41, "score": 1.5, "vip": True, "note": None},
            "statusCode": 0,
            "agentId": centre.agent,
        },
    )
    assert answer.status_code == 201
    assert answer.json()["inDialler"] is True
    assert answer.headers["Location"] == f"/platform-api/v3.0/leads/{answer.json()['leadId']}"
    lead = await read(centre, answer.json()["leadId"])
    assert lead["campaignName"] == "Support Outbound"
    assert lead["listName"] == "List One"
    assert lead["dataFields"] == {"plan": "gold", "age": 41, "score": 1.5, "vip": True, "note": None}
    assert [(p["phoneIndex"], p["phoneNumber"]) for p in lead["phones"]] == [(1, "+61491570156"), (3, "+447700900123")]
    assert (lead["agentId"], lead["agentFullName"]) == (centre.agent, "John Doe")
    assert (lead["lastStatusCode"], lead["lastStatusDescription"], lead["outcomeType"]) == (0, "New", None)
    assert lead["timestamps"]["nextAttempt"] == "2031-01-02T14:04:05+11:00"
    assert lead["completed"] is False


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("phone1", "12", 422),
        ("phone2", "call me", 422),
        ("timezone", "Mars/Olympus", 422),
        ("timezone", "../../etc/passwd", 422),
        ("nextAttemptTimestamp", "soon", 422),
        ("statusCode", 50, 422),
        ("statusCode", 100, 422),
        ("agentId", 2**40, 422),
        ("listId", 2**40, 422),
        ("leadData", {f"f{n}": n for n in range(201)}, 422),
        ("leadData", {"a": "x" * 70_000}, 422),
        ("leadData", [1], 422),
    ],
)
async def test_a_field_that_cannot_be_is_refused_by_name(
    centre: Centre, db: Database, field: str, value: Any, status: int
) -> None:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id} | {field: value})
    assert answer.status_code == status
    (fault,) = answer.json()["errors"]
    assert fault["pointer"].startswith(f"/{field}")
    # what was sent may be a number: it is never repeated
    assert str(value) not in fault["message"] or field == "listId"
    assert await db.fetchval("SELECT count(*) FROM leads WHERE organisation_id = $1", centre.organisation) == 0


async def test_every_field_that_cannot_be_is_named_at_once(centre: Centre) -> None:
    body = {"phone1": "1", "phone3": "x", "timezone": "Mars/Olympus", "statusCode": 50, "nextAttemptTimestamp": "soon"}
    answer = await centre.client.post("/leads", json={"listId": centre.list_id} | body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {f"/{name}" for name in body}


async def test_a_user_who_is_not_an_agent_cannot_own_a_lead(centre: Centre) -> None:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id, "agentId": centre.user})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/agentId")


async def test_in_dialler_says_whether_anything_keeps_the_lead_out(centre: Centre) -> None:
    async def in_dialler(**fields: Any) -> bool:
        answer = await centre.client.post("/leads", json={"listId": centre.list_id} | fields)
        return answer.json()["inDialler"]

    assert await in_dialler(phone1="0491570156")
    assert not await in_dialler()
    assert not await in_dialler(phone1="0491570156", statusCode=11)
    assert not await in_dialler(phone1="0491570156", statusCode=12)
    await centre.client.patch(f"/leads/lists/{centre.list_id}", json={"inDialler": False})
    assert not await in_dialler(phone1="0491570156")


async def test_an_update_changes_only_what_it_names_and_null_clears(centre: Centre) -> None:
    lead_id = await create(centre, customerKey="a", phone1="0491570156", phone2="0491570157", leadData={"x": 1, "y": 2})
    answer = await centre.client.put(
        f"/leads/{lead_id}", json={"phone2": None, "leadData": {"x": None, "z": 3}, "timezone": "Australia/Perth"}
    )
    assert answer.status_code == 200
    lead = await read(centre, lead_id)
    assert answer.json() == lead
    assert lead["customerKey"] == "a"
    assert [phone["phoneNumber"] for phone in lead["phones"]] == ["+61491570156"]
    assert lead["dataFields"] == {"y": 2, "z": 3}
    assert lead["timezone"] == "Australia/Perth"
    cleared = await centre.client.put(f"/leads/{lead_id}", json={"customerKey": None, "leadData": None})
    assert (cleared.json()["customerKey"], cleared.json()["dataFields"]) == (None, {})


async def test_a_lead_can_be_completed_and_never_opened_again(centre: Centre) -> None:
    lead_id = await create(centre, phone1="0491570156")
    assert (await centre.client.put(f"/leads/{lead_id}", json={"isCompleted": False})).status_code == 200
    done = await centre.client.put(f"/leads/{lead_id}", json={"isCompleted": True})
    assert done.json()["completed"] is True
    assert done.json()["timestamps"]["completed"] is not None
    again = await centre.client.put(f"/leads/{lead_id}", json={"isCompleted": False})
    assert again.status_code == 409
    assert (await centre.client.put(f"/leads/{lead_id}", json={"isCompleted": True})).status_code == 200


async def test_a_next_attempt_is_a_callback_for_the_agent_or_the_queue(centre: Centre) -> None:
    lead_id = await create(centre, phone1="0491570156")
    at = "2031-01-02T10:00:00+10:00"
    queue = await centre.client.put(f"/leads/{lead_id}", json={"nextAttemptTimestamp": at})
    assert queue.json()["lastStatusDescription"] == "Callback - Queue"
    own = await centre.client.put(f"/leads/{lead_id}", json={"nextAttemptTimestamp": at, "agentId": centre.agent})
    assert own.json()["lastStatusDescription"] == "Callback - Agent"


async def test_moving_to_another_campaign_while_being_dialled_is_409(centre: Centre, db: Database) -> None:
    lead_id = await create(centre, phone1="0491570156")
    body = {"listName": "Elsewhere", "campaignId": centre.inbound}
    elsewhere = (await centre.client.post("/leads/lists", json=body)).json()["listId"]
    await db.execute("UPDATE leads SET in_flight_attempt_id = 1 WHERE lead_id = $1", lead_id)
    path = f"/leads/{lead_id}"
    assert (await centre.client.put(path, json={"listId": elsewhere})).status_code == 409
    assert (await centre.client.delete(path)).status_code == 409
    await db.execute("UPDATE leads SET in_flight_attempt_id = NULL WHERE lead_id = $1", lead_id)
    assert (await centre.client.put(path, json={"listId": elsewhere})).json()["campaignId"] == centre.inbound


async def test_counts_of_a_list_follow_every_write(centre: Centre, db: Database) -> None:
    async def counts() -> tuple[int, int, int]:
        row = await db.fetchrow(
            "SELECT coalesce(sum(leads), 0)::int, coalesce(sum(dialable), 0)::int, coalesce(sum(completed), 0)::int"
            " FROM list_counts WHERE list_id = $1",
            centre.list_id,
        )
        assert row is not None
        return tuple(row)

    first = await create(centre, phone1="0491570156")
    second = await create(centre)
    assert await counts() == (2, 1, 0)
    await centre.client.put(f"/leads/{first}", json={"isCompleted": True})
    assert await counts() == (2, 0, 1)
    await centre.client.put(f"/leads/{second}", json={"phone1": "0491570157"})
    assert await counts() == (2, 1, 1)
    await centre.client.delete(f"/leads/{first}")
    assert await counts() == (1, 1, 0)


@pytest.mark.parametrize("empty", [None, ""])
async def test_null_and_an_empty_text_clear_what_can_be_empty(centre: Centre, empty: str | None) -> None:
    fields = {"customerKey": "k", "timezone": "Australia/Perth", "phone1": "0491570156", "phone2": "0491570157"}
    lead_id = await create(centre, **fields, agentId=centre.agent, nextAttemptTimestamp="2031-01-02T10:00:00Z")
    change = dict.fromkeys(("customerKey", "timezone", "phone2", "nextAttemptTimestamp"), empty)
    lead = (await centre.client.put(f"/leads/{lead_id}", json=change)).json()
    assert (lead["customerKey"], lead["timezone"], lead["agentId"]) == (None, None, None)
    assert [phone["phoneIndex"] for phone in lead["phones"]] == [1]
    assert (lead["lastStatusDescription"], lead["timestamps"]["nextAttempt"]) == ("New", None)


@pytest.mark.parametrize("written", ["K 1", " K 1 ", "K\u00a01", "\ufeffK\u200b 1\u3000"])
async def test_a_customer_key_is_found_however_space_stands_in_it(centre: Centre, written: str) -> None:
    created, changed = await create(centre, customerKey=written), await create(centre)
    await centre.client.put(f"/leads/{changed}", json={"customerKey": written})
    for asked in ("K 1", written):
        items = (await centre.client.get("/leads", params={"customerKey": asked})).json()["items"]
        assert {item["leadId"] for item in items} == {created, changed}
        assert {item["customerKey"] for item in items} == {"K 1"}


async def test_status_zero_is_new(centre: Centre) -> None:
    lead_id = await create(centre, phone1="0491570156", statusCode=4)
    assert (await centre.client.put(f"/leads/{lead_id}", json={"statusCode": 0})).json()["lastStatusCode"] == 0


@pytest.mark.parametrize("change", [{"statusCode": 0}, {"statusCode": 4}, {"statusCode": 12}, {"statusCode": 100}])
async def test_no_update_lifts_do_not_call_unless_it_says_so_and_may(
    centre: Centre, db: Database, change: dict[str, Any]
) -> None:
    await db.execute("INSERT INTO lead_statuses VALUES ($1, 100, 'Own')", centre.organisation)
    lead_id = await create(centre, phone1="0491570156", statusCode=11)
    for path in (f"/leads/{lead_id}", f"/leads/{lead_id}?liftDoNotCall=false"):
        refused = await centre.client.put(path, json=change)
        assert refused.status_code == 409
        assert refused.json()["type"].endswith("/do-not-call-stays")
    lifting = f"/leads/{lead_id}?liftDoNotCall=true"
    async with client_for(centre.app, await tokens.create(db, centre.organisation, "crm", ["leads:write"])) as crm:
        assert (await crm.put(lifting, json=change)).status_code == 403
        # what has nothing to do with it is changed as ever
        assert (await crm.put(f"/leads/{lead_id}", json={"customerKey": "x", "statusCode": 11})).status_code == 200
    assert (await read(centre, lead_id))["lastStatusCode"] == 11
    lifted = await centre.client.put(lifting, json=change)
    assert (lifted.status_code, lifted.json()["lastStatusCode"]) == (200, change["statusCode"])


async def test_completing_a_lead_does_not_lift_do_not_call(centre: Centre) -> None:
    lead_id = await create(centre, phone1="0491570156", statusCode=11)
    done = (await centre.client.put(f"/leads/{lead_id}", json={"isCompleted": True})).json()
    assert (done["completed"], done["lastStatusCode"]) == (True, 11)


async def walk(centre: Centre, query: str) -> list[int]:
    found: list[int] = []
    uri = f"/platform-api/v3.0/leads?{query}"
    while uri:
        page = (await centre.client.get(f"http://callfloor.test{uri}")).json()
        found += [item["leadId"] for item in page["items"]]
        uri = page["metadata"]["nextUri"]
    return found


async def test_every_filter_and_pair_of_filters_finds_exactly_its_leads(centre: Centre) -> None:
    body = {"listName": "Two", "campaignId": centre.outbound}
    two = (await centre.client.post("/leads/lists", json=body)).json()["listId"]
    three = (await centre.client.post("/leads/lists", json={"listName": "In", "campaignId": centre.inbound})).json()
    for number in range(24):
        await create(
            centre,
            listId=(centre.list_id, two, three["listId"])[number % 3],
            statusCode=(0, 4)[number % 2],
            customerKey=f"k{number % 5}",
        )
    everything = [await read(centre, lead_id) for lead_id in await walk(centre, "limit=7")]
    assert len(everything) == 24
    assert [lead["leadId"] for lead in everything] == sorted((lead["leadId"] for lead in everything), reverse=True)
    middle = everything[12]["timestamps"]["uploaded"]
    filters: dict[str, Any] = {
        f"campaignId={centre.outbound}": lambda lead: lead["campaignId"] == centre.outbound,
        f"listId={two}": lambda lead: lead["listId"] == two,
        "statusCode=4": lambda lead: lead["lastStatusCode"] == 4,
        "customerKey=k3": lambda lead: lead["customerKey"] == "k3",
        f"uploadedTimestampFrom={middle}": lambda lead: lead["timestamps"]["uploaded"] >= middle,
        f"uploadedTimestampTo={middle}": lambda lead: lead["timestamps"]["uploaded"] <= middle,
    }
    for size in (1, 2):
        for chosen in combinations(filters, size):
            expected = [lead["leadId"] for lead in everything if all(filters[name](lead) for name in chosen)]
            assert await walk(centre, "&".join((*chosen, "limit=3"))) == expected, chosen


async def test_a_bare_date_as_an_upper_bound_is_all_of_that_day(centre: Centre, db: Database) -> None:
    lead_id = await create(centre)
    # eleven at night in Sydney on the last day of February
    at = datetime(2027, 2, 28, 12, 0, tzinfo=UTC)
    await db.execute("UPDATE leads SET uploaded_at = $2 WHERE lead_id = $1", lead_id, at)
    for bounds, found in (
        ("uploadedTimestampTo=2027-02-28", [lead_id]),
        ("uploadedTimestampTo=2027-02-27", []),
        ("uploadedTimestampFrom=2027-02-28&uploadedTimestampTo=2027-02-28", [lead_id]),
        ("uploadedTimestampFrom=2027-03-01", []),
        ("uploadedTimestampTo=2027-02-28T23:00", [lead_id]),
        ("uploadedTimestampTo=2027-02-28T22:59", []),
    ):
        assert await walk(centre, bounds) == found, bounds


async def test_a_page_is_stable_while_leads_are_added(centre: Centre) -> None:
    before = {await create(centre) for _ in range(6)}
    first = (await centre.client.get("/leads?limit=3")).json()
    await create(centre)
    rest = (await centre.client.get(f"http://callfloor.test{first['metadata']['nextUri']}")).json()
    assert {item["leadId"] for item in first["items"] + rest["items"]} == before


async def test_a_cursor_with_other_filters_or_altered_is_400(centre: Centre, other_centre: Centre) -> None:
    for _ in range(3):
        await create(centre)
    uri = (await centre.client.get("/leads?limit=1")).json()["metadata"]["nextUri"]
    cursor = uri.split("cursor=")[1]
    assert (await centre.client.get(f"/leads?cursor={cursor}")).status_code == 200
    assert (await centre.client.get(f"/leads?cursor={cursor}&statusCode=0")).status_code == 400
    assert (await centre.client.get(f"/leads/lists?cursor={cursor}")).status_code == 400
    assert (await other_centre.client.get(f"/leads?cursor={cursor}")).status_code == 400
    for position in range(len(cursor)):
        changed = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]
        assert (await centre.client.get(f"/leads?cursor={changed}")).status_code == 400


async def test_another_organisation_sees_none_of_it(centre: Centre, other_centre: Centre) -> None:
    lead_id = await create(centre, customerKey="secret", phone1="0491570156")
    client = other_centre.client
    for method, path, body in (
        ("GET", f"/leads/{lead_id}", None),
        ("PUT", f"/leads/{lead_id}", {"customerKey": "x"}),
        ("DELETE", f"/leads/{lead_id}", None),
        ("GET", f"/leads/lists/{centre.list_id}", None),
        ("PATCH", f"/leads/lists/{centre.list_id}", {"weight": 2}),
        ("POST", "/leads", {"listId": centre.list_id}),
        ("POST", "/leads/lists", {"listName": "x", "campaignId": centre.outbound}),
    ):
        answer = await client.request(method, path, json=body)
        assert answer.status_code == (404 if "/leads/" in path and path != "/leads/lists" else 422), (method, path)
    for query in ("", f"?listId={centre.list_id}", f"?campaignId={centre.outbound}", "?customerKey=secret"):
        assert (await client.get(f"/leads{query}")).json()["items"] == []
    own = await create(other_centre)
    moved = await client.put(f"/leads/{own}", json={"listId": centre.list_id})
    assert moved.status_code == 422
    assert (await client.put(f"/leads/{own}", json={"agentId": centre.agent})).status_code == 422


async def test_the_organisations_own_status_has_its_name(centre: Centre, db: Database) -> None:
    await db.execute("INSERT INTO lead_statuses VALUES ($1, 100, 'Asked for a brochure')", centre.organisation)
    lead = await read(centre, await create(centre, statusCode=100))
    assert lead["lastStatusDescription"] == "Asked for a brochure"
