"""Lists over the API."""

from __future__ import annotations

import pytest

from tests.conftest import Centre


async def test_a_list_is_created_read_and_changed(centre: Centre) -> None:
    body = {"listName": "Winter", "campaignId": centre.outbound}
    made = await centre.client.post("/leads/lists", json=body)
    assert made.status_code == 201
    assert made.json() == body | {"listId": made.json()["listId"]}
    path = f"/leads/lists/{made.json()['listId']}"
    assert made.headers["Location"] == f"/platform-api/v3.0{path}"
    shown = (await centre.client.get(path)).json()
    assert (shown["name"], shown["inDialler"], shown["weight"]) == ("Winter", True, 1)
    assert shown["campaignName"] == "Support Outbound"
    changed = await centre.client.patch(path, json={"listName": "Summer", "inDialler": False, "weight": 0})
    assert changed.status_code == 200
    assert changed.json() == (await centre.client.get(path)).json()
    assert (changed.json()["name"], changed.json()["inDialler"], changed.json()["weight"]) == ("Summer", False, 0)


async def test_a_list_can_be_created_not_to_be_dialled(centre: Centre) -> None:
    body = {"listName": "To be filled", "campaignId": centre.outbound, "inDialler": False, "weight": 7}
    made = (await centre.client.post("/leads/lists", json=body)).json()
    shown = (await centre.client.get(f"/leads/lists/{made['listId']}")).json()
    assert (shown["inDialler"], shown["weight"]) == (False, 7)
    lead = {"listId": made["listId"], "phone1": "0491570156"}
    assert (await centre.client.post("/leads", json=lead)).json()["inDialler"] is False
    usual = await centre.client.post("/leads/lists", json=body | {"listName": "n", "inDialler": None, "weight": None})
    shown = (await centre.client.get(f"/leads/lists/{usual.json()['listId']}")).json()
    assert (shown["inDialler"], shown["weight"]) == (True, 1)
    assert (await centre.client.post("/leads/lists", json=body | {"weight": 101})).status_code == 422


async def test_a_name_is_taken_only_inside_its_campaign(centre: Centre) -> None:
    body = {"listName": "List One", "campaignId": centre.outbound}
    taken = await centre.client.post("/leads/lists", json=body)
    assert taken.status_code == 409
    assert taken.json()["type"].endswith("list-name-taken")
    assert (await centre.client.post("/leads/lists", json=body | {"campaignId": centre.inbound})).status_code == 201
    two = (await centre.client.post("/leads/lists", json=body | {"listName": "Two"})).json()["listId"]
    assert (await centre.client.patch(f"/leads/lists/{two}", json={"listName": "List One"})).status_code == 409


async def test_space_around_a_name_does_not_count(centre: Centre) -> None:
    body = {"listName": " Cafe\u0301\u200b ", "campaignId": centre.outbound}
    made = await centre.client.post("/leads/lists", json=body)
    assert made.json()["listName"] == "Café"
    assert (await centre.client.post("/leads/lists", json=body | {"listName": "Café"})).status_code == 409
    for empty in (" ", "\u00a0", "\u200b\ufeff"):
        refused = await centre.client.post("/leads/lists", json=body | {"listName": empty})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/listName")


async def test_a_taken_name_under_an_idempotency_key_is_409_too(centre: Centre) -> None:
    body = {"listName": "List One", "campaignId": centre.outbound}
    answer = await centre.client.post("/leads/lists", json=body, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 409


@pytest.mark.parametrize("change", [{"weight": 101}, {"weight": -1}, {"listName": ""}, {"inDialler": 1}, {"name": "x"}])
async def test_a_change_that_cannot_be_is_refused(centre: Centre, change: dict[str, object]) -> None:
    assert (await centre.client.patch(f"/leads/lists/{centre.list_id}", json=change)).status_code == 422


async def test_lists_are_paged_by_id(centre: Centre) -> None:
    for number in range(5):
        await centre.client.post("/leads/lists", json={"listName": f"L{number}", "campaignId": centre.inbound})
    found, uri = [], "/platform-api/v3.0/leads/lists?limit=2"
    while uri:
        page = (await centre.client.get(f"http://callfloor.test{uri}")).json()
        found += [item["id"] for item in page["items"]]
        uri = page["metadata"]["nextUri"]
    assert found == sorted(found)
    assert len(found) == 6
    of_campaign = (await centre.client.get(f"/leads/lists?campaignId={centre.outbound}")).json()["items"]
    assert [item["id"] for item in of_campaign] == [centre.list_id]
