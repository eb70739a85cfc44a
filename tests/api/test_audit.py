"""What is done over HTTP is recorded: by whom, whence, by which request, and what it was before."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from asyncpg import Record

from callfloor.api.read_log import ReadLog
from callfloor.errors import Unavailable
from callfloor.jobs.audit import LAG, seal
from callfloor.rules.audit.entries import SYSTEM, Entry
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.api.desks import client_of
from tests.conftest import Centre
from tests.waiting import until

ADMIN = "http://callfloor.test/admin/v1"


async def recorded(db: Database, organisation: int, action: str = "") -> list[Record]:
    return await db.fetch(
        "SELECT * FROM audit_entries WHERE organisation_id = $1 AND starts_with(action, $2) ORDER BY entry_id",
        organisation,
        action,
    )


async def make_lead(centre: Centre) -> int:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": "0491570156"})
    return answer.json()["leadId"]


async def test_a_change_is_recorded_as_it_was_before_and_after(db: Database, centre: Centre) -> None:
    asked = str(uuid.uuid4())
    answer = await centre.client.patch(
        f"/leads/lists/{centre.list_id}", json={"weight": 7, "inDialler": True}, headers={"X-Request-Id": asked}
    )
    assert answer.status_code == 200
    (entry,) = await recorded(db, centre.organisation, "list.")
    assert (entry["action"], entry["object_type"], entry["object_ids"]) == ("list.update", "list", [centre.list_id])
    assert json.loads(entry["details"]) == {"before": {"weight": 1}, "after": {"weight": 7}}
    assert (entry["actor_type"], str(entry["request_id"])) == ("token", asked)
    assert entry["actor_id"] == entry["token_id"]


async def test_what_is_refused_changed_nothing_and_is_not_recorded(db: Database, centre: Centre) -> None:
    answer = await centre.client.patch(f"/leads/lists/{centre.list_id}", json={"listName": " "})
    assert answer.status_code == 422
    assert await recorded(db, centre.organisation, "list.") == []


async def test_what_is_answered_again_for_its_key_is_recorded_once(db: Database, centre: Centre) -> None:
    for _ in range(2):
        answer = await centre.client.post(
            "/leads/lists", json={"listName": "Once", "campaignId": centre.outbound}, headers={"Idempotency-Key": "k"}
        )
        assert answer.status_code == 201
    assert len(await recorded(db, centre.organisation, "list.create")) == 1


async def test_readings_are_recorded_together_with_every_id(db: Database, centre: Centre) -> None:
    leads = [await make_lead(centre) for _ in range(3)]
    requests = {(await centre.client.get(f"/leads/{lead}")).headers["x-request-id"] for lead in leads}

    async def all_of_them() -> list[Record] | None:
        found = await recorded(db, centre.organisation, "lead.read")
        return found if sum(len(each["object_ids"]) for each in found) == len(leads) else None

    found: list[Record] = await until(all_of_them)
    assert {lead for each in found for lead in each["object_ids"]} == set(leads)
    said = {request for each in found for request in json.loads(each["details"]).get("requests", ())}
    assert said | {str(each["request_id"]) for each in found if each["request_id"]} == requests


async def test_a_page_is_recorded_with_the_ids_that_it_shows(db: Database, centre: Centre) -> None:
    leads = [await make_lead(centre) for _ in range(3)]
    page = (await centre.client.get("/leads", params={"limit": 2, "phoneNumber": "0491570156"})).json()
    shown = [each["leadId"] for each in page["items"]]

    async def there() -> list[Record]:
        return await recorded(db, centre.organisation, "lead.read")

    (entry,) = await until(there)
    assert entry["object_ids"] == shown
    assert len(shown) == 2
    assert set(shown) < set(leads)
    # whom was searched for is a customer's
    assert "491570156" not in str(dict(entry))


async def test_a_command_for_a_campaign_is_recorded_and_a_dry_run_is_not(db: Database, centre: Centre) -> None:
    for dry in (True, False):
        body = {"action": "stop", "dryRun": dry}
        answer = await centre.client.post(f"{ADMIN}/campaigns/{centre.outbound}/commands", json=body)
        assert answer.status_code == 200
    (entry,) = await recorded(db, centre.organisation, "campaign.")
    assert (entry["action"], entry["object_ids"]) == ("campaign.stop", [centre.outbound])
    assert json.loads(entry["details"])["changes"][0]["after"] is False


async def test_a_person_is_recorded_with_the_token_that_it_came_by(db: Database, centre: Centre) -> None:
    token = await tokens.create(db, centre.organisation, "desk", ["leads:write"], user_id=centre.user)
    async with client_of(centre, token) as client:
        await client.patch(f"http://callfloor.test/platform-api/v3.0/leads/lists/{centre.list_id}", json={"weight": 2})
    (entry,) = await recorded(db, centre.organisation, "list.update")
    assert (entry["actor_type"], entry["actor_id"]) == ("user", centre.user)
    assert entry["token_id"] not in (None, centre.user)


async def test_numbers_blocked_and_lifted_are_recorded_without_them(db: Database, centre: Centre) -> None:
    await centre.client.post("/admin/do-not-call", json={"phoneNumber": "0491570156", "reason": "Jane asked"})
    params = {"phoneNumber": "0491570156", "reason": "Jane called again"}
    assert (await centre.client.delete("/admin/do-not-call", params=params)).status_code == 200
    added, lifted = await recorded(db, centre.organisation, "do-not-call.")
    assert (added["action"], lifted["action"]) == ("do-not-call.add", "do-not-call.lift")
    assert added["object_ids"] == lifted["object_ids"] != []
    assert "Jane" not in f"{dict(added)} {dict(lifted)}"
    assert "49157" not in f"{dict(added)} {dict(lifted)}"


async def test_a_deletion_and_an_erasure_are_recorded(db: Database, centre: Centre) -> None:
    lead = await make_lead(centre)
    assert (await centre.client.delete(f"/leads/{lead}")).status_code == 204
    erased = await centre.client.delete("/customer", params={"phoneNumber": "0491570156"})
    assert erased.status_code == 200
    (deleted,) = await recorded(db, centre.organisation, "lead.delete")
    assert deleted["object_ids"] == [lead]
    (erasure,) = await recorded(db, centre.organisation, "customer.erase")
    assert erasure["object_name"] == erased.json()["certificate"]["id"]


async def test_readings_inside_a_transaction_are_written_after_it(db: Database, centre: Centre) -> None:
    log = ReadLog(db)
    async with db.transaction():
        log.put(centre.organisation, SYSTEM, datetime.now(UTC), Entry("lead.read", "lead", (1,)))
    log.put(centre.organisation, SYSTEM, datetime.now(UTC), Entry("lead.read", "lead", (2,)))
    await log.close()
    (entry,) = await recorded(db, centre.organisation, "lead.read")
    assert entry["object_ids"] == [1, 2]


async def full(log: ReadLog, organisation: int, most: int) -> Any:
    for number in range(most):
        log.put(organisation, SYSTEM, datetime.now(UTC), Entry("lead.read", "lead", (number,)))
    with pytest.raises(Unavailable) as refused:
        log.put(organisation, SYSTEM, datetime.now(UTC), Entry("lead.read", "lead", (most,)))
    return refused.value


async def test_what_cannot_be_recorded_is_not_shown_and_nothing_is_lost(db: Database, centre: Centre) -> None:
    log = ReadLog(db, most=5)
    problem = await full(log, centre.organisation, 5)
    assert problem.headers["Retry-After"] == "1"
    await log.close()
    (entry,) = await recorded(db, centre.organisation, "lead.read")
    assert entry["object_ids"] == [0, 1, 2, 3, 4]


async def test_an_auditor_lists_filters_exports_and_checks(db: Database, centre: Centre) -> None:
    for weight in (2, 3):
        await centre.client.patch(f"/leads/lists/{centre.list_id}", json={"weight": weight})
    await centre.client.post("/leads/lists", json={"listName": "=Two", "campaignId": centre.outbound})
    await seal(db, datetime.now(UTC) + LAG)
    token = await tokens.create(db, centre.organisation, "auditor", ["audit:read"])
    async with client_of(centre, token) as client:
        page = (await client.get(f"{ADMIN}/audit", params={"action": "list", "limit": 2})).json()
        assert [each["action"] for each in page["items"]] == ["list.create", "list.update"]
        behind = (await client.get(f"http://callfloor.test{page['metadata']['nextUri']}")).json()
        assert [each["details"]["after"] for each in behind["items"]] == [{"weight": 2}]
        of_list = {"objectType": "list", "objectId": centre.list_id, "actorType": "token", "from": "2026-01-01"}
        found = (await client.get(f"{ADMIN}/audit", params=of_list)).json()["items"]
        assert [each["action"] for each in found] == ["list.update", "list.update"]
        assert found[0]["actor"]["name"] == "test"
        by_request = {"requestId": found[0]["requestId"]}
        assert (await client.get(f"{ADMIN}/audit", params=by_request)).json()["items"] == found[:1]
        lines = (await client.get(f"{ADMIN}/audit/export", params={"format": "jsonl", **of_list})).text.splitlines()
        assert [json.loads(line) for line in lines] == found
        table = (await client.get(f"{ADMIN}/audit/export", params={"action": "list.create"})).text.splitlines()
        assert table[0].startswith("timestamp,actor_type")
        assert len(table) == 2
        checked = (await client.get(f"{ADMIN}/audit/verify")).json()
        assert (checked["whole"], checked["faults"], checked["first"]) == (True, [], 1)
    assert {"audit.export", "audit.verify"} <= {each["action"] for each in await recorded(db, centre.organisation)}


async def test_the_audit_of_others_is_not_seen(db: Database, centre: Centre, other_centre: Centre) -> None:
    await centre.client.patch(f"/leads/lists/{centre.list_id}", json={"weight": 2})
    for path in ("audit", "audit/export"):
        answer = await other_centre.client.get(f"{ADMIN}/{path}", params={"objectId": centre.list_id})
        assert answer.status_code == 200
        assert str(centre.list_id) not in answer.text.replace("\r", "").partition("\n")[2]
        assert "list.update" not in answer.text
    assert (await other_centre.client.get(f"{ADMIN}/audit/verify")).json()["faultCount"] == 0
