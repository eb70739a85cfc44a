"""Retention and legal holds over HTTP; a hold refuses deletions and erasures, and is named."""

from __future__ import annotations

from typing import Any

from callfloor.jobs import retention
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.conftest import Centre, client_for

ADMIN = "http://callfloor.test/admin/v1"


async def put(centre: Centre, *rules: dict[str, Any]) -> Any:
    return await centre.client.put(f"{ADMIN}/retention", json={"rules": list(rules)})


async def test_rules_are_set_read_and_recorded(db: Database, centre: Centre) -> None:
    rules = [
        {"kind": "recordings", "days": 90, "campaignId": None},
        {"kind": "recordings", "days": 30, "campaignId": centre.outbound},
    ]
    assert (await put(centre, *rules)).json() == {"rules": rules}
    assert (await centre.client.get(f"{ADMIN}/retention")).json() == {"rules": rules}
    entry = await db.fetchval(
        "SELECT details FROM audit_entries WHERE organisation_id = $1 AND action = 'retention.update'",
        centre.organisation,
    )
    assert '"recordings of the organisation": 90' in entry


async def test_rules_that_cannot_be_are_refused_whole(centre: Centre, other_centre: Centre) -> None:
    twice = {"kind": "leads", "days": 9}
    for wrong, pointer in (
        ([twice, twice], "/rules/1/kind"),
        ([twice | {"campaignId": other_centre.outbound}], "/rules/0/campaignId"),
        ([{"kind": "audit", "days": 9, "campaignId": centre.outbound}], "/rules/0/campaignId"),
        ([{"kind": "leads", "days": 0}], "/rules"),
        ([{"kind": "tapes", "days": 9}], "/rules"),
    ):
        answer = await put(centre, *wrong)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await centre.client.get(f"{ADMIN}/retention")).json() == {"rules": []}


async def test_a_run_is_begun_counted_and_read(db: Database, centre: Centre) -> None:
    dry = await centre.client.post(f"{ADMIN}/retention/runs", json={"dryRun": True})
    assert (dry.status_code, dry.json()["runId"], dry.json()["counts"]) == (200, None, {})
    begun = await centre.client.post(f"{ADMIN}/retention/runs", json={})
    assert begun.status_code == 202
    again = await centre.client.post(f"{ADMIN}/retention/runs", json={})
    assert again.json()["runId"] == begun.json()["runId"]
    await retention.run(db, centre.organisation, (await db.fetchval("SELECT now()")))
    (run,) = (await centre.client.get(f"{ADMIN}/retention/runs")).json()["items"]
    assert run["finished"] is not None


async def test_a_hold_is_named_and_refuses_deletion_and_erasure(centre: Centre) -> None:
    body = {"listId": centre.list_id, "phone1": "0491570156"}
    lead = (await centre.client.post("/leads", json=body)).json()["leadId"]
    hold = {"objectType": "lead", "objectId": lead, "reason": "case 2021/77"}
    placed = (await centre.client.post(f"{ADMIN}/legal-holds", json=hold)).json()
    for answer in (
        await centre.client.delete(f"/leads/{lead}"),
        await centre.client.delete("/customer", params={"phoneNumber": "0491570156"}),
        await centre.client.delete("/customer", params={"phoneNumber": "0491570156", "dryRun": True}),
    ):
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("/problems/legal-hold")
        assert f"hold {placed['holdId']}" in answer.json()["detail"]
    assert (await centre.client.get(f"/leads/{lead}")).status_code == 200
    assert (await centre.client.delete(f"{ADMIN}/legal-holds/{placed['holdId']}")).status_code == 204
    assert (await centre.client.get(f"{ADMIN}/legal-holds")).json()["items"] == []
    shown = (await centre.client.get(f"{ADMIN}/legal-holds", params={"lifted": True})).json()["items"]
    assert [each["holdId"] for each in shown] == [placed["holdId"]]
    assert (await centre.client.delete("/customer", params={"phoneNumber": "0491570156"})).status_code == 200


async def test_holds_and_rules_of_others_are_not_seen_or_lifted(centre: Centre, other_centre: Centre) -> None:
    hold = {"objectType": "campaign", "objectId": centre.outbound, "reason": "case 2021/77"}
    placed = (await centre.client.post(f"{ADMIN}/legal-holds", json=hold)).json()
    await put(centre, {"kind": "leads", "days": 9})
    assert (await other_centre.client.post(f"{ADMIN}/legal-holds", json=hold)).status_code == 422
    assert (await other_centre.client.delete(f"{ADMIN}/legal-holds/{placed['holdId']}")).status_code == 404
    assert (await other_centre.client.get(f"{ADMIN}/legal-holds")).json()["items"] == []
    assert (await other_centre.client.get(f"{ADMIN}/retention")).json() == {"rules": []}
    assert (await other_centre.client.get(f"{ADMIN}/retention/runs")).json() == {"items": []}


async def test_retention_in_the_centre_file_is_what_the_requests_set(db: Database, centre: Centre) -> None:
    headers = {"Accept": "application/json"}
    await put(
        centre,
        {"kind": "recordings", "days": 90},
        {"kind": "audit", "days": 730},
        {"kind": "recordings", "days": 30, "campaignId": centre.outbound},
    )
    file = (await centre.client.get(f"{ADMIN}/centre", headers=headers)).json()
    assert file["organisation"]["retention"] == {"audit": 730, "recordings": 90}
    kept = {each["name"]: each.get("retention") for each in file["campaigns"]}
    assert kept == {"Support Outbound": {"recordings": 30}, "Support Inbound": None}
    plan = await centre.client.post(f"{ADMIN}/centre/plan", json=file)
    assert plan.json()["changes"] == []

    changed = {
        "organisation": {"retention": {"leads": 10, "recordings": "never"}},
        "campaigns": [{"name": "Support Outbound", "retention": {}}],
    }
    applied = await centre.client.post(f"{ADMIN}/centre/apply", json=changed)
    assert applied.status_code == 200, applied.text
    rules = (await centre.client.get(f"{ADMIN}/retention")).json()["rules"]
    assert rules == [{"kind": "leads", "days": 10, "campaignId": None}]
    again = (await centre.client.get(f"{ADMIN}/centre", headers=headers)).json()
    assert again["organisation"]["retention"] == {"leads": 10}


async def test_retention_that_cannot_be_is_refused_in_a_file(centre: Centre) -> None:
    for given, pointer in (
        ({"organisation": {"retention": {"tapes": 9}}}, "/organisation/retention/tapes"),
        ({"organisation": {"retention": {"calls": 0}}}, "/organisation/retention/calls"),
        ({"campaigns": [{"name": "Support Outbound", "retention": {"audit": 9}}]}, "/campaigns/0/retention/audit"),
    ):
        answer = await centre.client.post(f"{ADMIN}/centre/apply", json=given)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text


async def test_a_file_changes_retention_only_for_whom_may_change_it(db: Database, centre: Centre) -> None:
    token = await tokens.create(db, centre.organisation, "setup", ["setup:read", "setup:write"])
    async with client_for(centre.app, token) as client:
        body = {"organisation": {"retention": {"calls": 9}}}
        refused = await client.post(f"{ADMIN}/centre/apply", json=body)
        assert (refused.status_code, refused.json()["type"]) == (403, "/admin/v1/problems/scope-missing")
        await put(centre, {"kind": "recordings", "days": 30, "campaignId": centre.outbound})
        where = f"{ADMIN}/campaigns/{centre.outbound}"
        # a PUT that leaves it out would take it away
        whole = {"name": "Support Outbound", "direction": "outbound", "regime": "none"}
        assert (await client.put(where, json=whole)).status_code == 403
        assert (await client.patch(where, json={"maxAttempts": 3})).status_code == 200
