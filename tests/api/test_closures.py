"""Closures over HTTP: by hand at once, and planned ones, as the floor obeys them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callfloor.cli.closures import meaning
from callfloor.contract.workflows import Hangup, Workflow, straight
from callfloor.engine.campaigns import receptions
from callfloor.rules.workflow.workflow_events import Facts
from callfloor.store.db.pool import Database
from callfloor.store.setup import workflows
from callfloor.store.setup.workflows import Route, Routes
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"
STEPS: list[dict[str, Any]] = [
    {"name": "when", "type": "schedule", "open": "bye", "closed": "bye"},
    {"name": "bye", "type": "hangup"},
]
LONG = {"begins": "2020-01-01T00:00:00Z", "ends": "2090-01-01T00:00:00Z"}


@pytest.fixture
async def workflow(centre: Centre) -> int:
    number = f"+6125551{centre.organisation % 10000:04}"
    body = {"name": "Main", "numbers": [number], "steps": STEPS}
    return (await centre.client.post(f"{ADMIN}/workflows", json=body)).json()["workflowId"]


async def facts(db: Database, centre: Centre) -> Facts:
    """What the floor knows of a caller of the workflow."""
    routes = (await workflows.load(db))[centre.organisation]
    _, by_name = receptions({centre.organisation: routes}, (await db.fetchval("SELECT now()")))
    return by_name[centre.organisation, "Main"].facts


async def test_a_workflow_is_closed_and_opened_by_hand(db: Database, centre: Centre, workflow: int) -> None:
    assert (await centre.client.get(f"{ADMIN}/closures")).json() == {"items": []}
    closed = await centre.client.put(f"{ADMIN}/closures", json={"workflowId": workflow, "closed": True})
    (item,) = closed.json()["items"]
    assert (item["workflowId"], item["workflow"], item["meaning"][0]["refused"]) == (workflow, "Main", False)
    assert (await centre.client.get(f"{ADMIN}/closures")).json() == closed.json()
    assert (await facts(db, centre)).emergency
    await centre.client.put(f"{ADMIN}/closures", json={"workflowId": workflow, "closed": True})
    opened = await centre.client.put(f"{ADMIN}/closures", json={"workflowId": workflow, "closed": False})
    assert opened.json() == {"items": []}
    assert not (await facts(db, centre)).emergency
    rows = await db.fetch(
        "SELECT action, object_ids FROM audit_entries WHERE organisation_id = $1 AND object_type = 'closure'"
        " ORDER BY entry_id",
        centre.organisation,
    )
    assert [tuple(row) for row in rows] == [("closure.close", [workflow]), ("closure.open", [workflow])]


async def test_every_workflow_is_closed_at_once(db: Database, centre: Centre, workflow: int) -> None:
    answer = await centre.client.put(f"{ADMIN}/closures", json={"closed": True})
    (item,) = answer.json()["items"]
    assert (item["workflowId"], item["workflow"]) == (None, None)
    assert "Main" in {each["workflow"] for each in item["meaning"]}
    assert (await facts(db, centre)).emergency
    await centre.client.put(f"{ADMIN}/closures", json={"closed": False})


async def test_a_planned_closure_is_obeyed_while_it_lasts(db: Database, centre: Centre, workflow: int) -> None:
    made = await centre.client.post(
        f"{ADMIN}/planned-closures", json={"name": "Outing", "workflowId": workflow, **LONG}
    )
    assert (made.status_code, made.json()["kind"], made.json()["workflow"]) == (201, "holiday", "Main"), made.text
    where = made.headers["Location"].replace("/admin/v1", ADMIN)
    assert (await facts(db, centre)).holiday
    assert not (await facts(db, centre)).emergency
    read = await centre.client.get(where)
    body = {"name": "Move", "kind": "emergency", **LONG}
    assert (await centre.client.put(where, json=body, headers={"If-Match": '"other"'})).status_code == 412
    changed = await centre.client.put(where, json=body, headers={"If-Match": read.headers["ETag"]})
    assert (changed.status_code, changed.json()["workflowId"]) == (200, None), changed.text
    assert (await facts(db, centre)).emergency
    assert not (await facts(db, centre)).holiday
    over = {"name": "Move", "begins": "2020-01-01", "ends": "2020-01-02"}
    assert (await centre.client.put(where, json=over)).status_code == 200
    assert not (await facts(db, centre)).emergency
    assert (await centre.client.get(f"{ADMIN}/planned-closures")).json()["items"] == []
    past = await centre.client.get(f"{ADMIN}/planned-closures", params={"past": True})
    assert [each["name"] for each in past.json()["items"]] == ["Move"]
    assert (await centre.client.delete(where)).status_code == 204
    assert (await centre.client.get(where)).status_code == 404


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"ends": "2020-01-01T00:00:00Z", "begins": "2020-01-01T00:00:00Z"}, "/ends"),
        ({"begins": "soon"}, "/begins"),
        ({"workflowId": 2**62}, "/workflowId"),
        ({"name": "  "}, "/name"),
    ],
)
async def test_a_closure_that_cannot_be_is_refused(centre: Centre, given: dict[str, Any], pointer: str) -> None:
    body = {"name": "Outing", **LONG} | given
    answer = await centre.client.post(f"{ADMIN}/planned-closures", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text


async def test_closures_stay_in_their_organisation(
    db: Database, centre: Centre, other_centre: Centre, workflow: int
) -> None:
    made = await centre.client.post(f"{ADMIN}/planned-closures", json={"name": "Outing", **LONG})
    where = made.headers["Location"].replace("/admin/v1", ADMIN)
    await centre.client.put(f"{ADMIN}/closures", json={"workflowId": workflow, "closed": True})
    theirs = other_centre.client
    assert (await theirs.get(f"{ADMIN}/closures")).json() == {"items": []}
    assert (await theirs.get(f"{ADMIN}/planned-closures")).json()["items"] == []
    for method, body in (("GET", None), ("PUT", {"name": "x", **LONG}), ("DELETE", None)):
        assert (await theirs.request(method, where, json=body)).status_code == 404
    body = {"workflowId": workflow, "closed": False}
    assert (await theirs.put(f"{ADMIN}/closures", json=body)).status_code == 422
    planned = {"name": "x", "workflowId": workflow, **LONG}
    assert (await theirs.post(f"{ADMIN}/planned-closures", json=planned)).status_code == 422
    assert (await facts(db, centre)).emergency
    assert (await facts(db, centre)).holiday


async def test_a_workflow_that_is_removed_takes_its_closures_with_it(centre: Centre, workflow: int) -> None:
    await centre.client.post(f"{ADMIN}/planned-closures", json={"name": "Outing", "workflowId": workflow, **LONG})
    assert (await centre.client.delete(f"{ADMIN}/workflows/{workflow}")).status_code == 204
    assert (await centre.client.get(f"{ADMIN}/planned-closures")).json()["items"] == []


async def test_the_closure_of_a_workflow_says_nothing_of_a_campaign_of_its_name(centre: Centre, workflow: int) -> None:
    number = f"+6125552{centre.organisation % 10000:04}"
    campaign = {"name": "Main", "direction": "inbound", "numbers": [number]}
    made = await centre.client.post(f"{ADMIN}/campaigns", json=campaign)
    assert made.status_code == 201, made.text
    closed = await centre.client.put(f"{ADMIN}/closures", json={"workflowId": workflow, "closed": True})
    (item,) = closed.json()["items"]
    assert [each["numbers"] for each in item["meaning"]] == [[f"+6125551{centre.organisation % 10000:04}"]]
    every = await centre.client.put(f"{ADMIN}/closures", json={"closed": True})
    meant = every.json()["items"][0]["meaning"]
    assert [number] in [each["numbers"] for each in meant]
    await centre.client.put(f"{ADMIN}/closures", json={"closed": False})


def test_the_command_line_tells_them_apart_too() -> None:
    steps = (Hangup(name="bye"),)
    main = Route(1, Workflow(name="Main", numbers=("+1",), start="bye", steps=steps))
    routes = Routes(
        1, ZoneInfo("UTC"), {"+1": main, "+2": Route(None, straight("Main"))}, {}, {}, {}, {}, None, {}, None
    )
    assert [each.partition(" (")[0] for each in meaning(routes, "Main")] == ["+1"]
    assert sorted(each.partition(" (")[0] for each in meaning(routes, None)) == ["+1", "+2"]
