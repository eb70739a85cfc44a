"""Agent availability over the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from tests.conftest import Centre

NOW = datetime.now(UTC)


async def put(centre: Centre, agent_id: Any, available: Any) -> httpx2.Response:
    return await centre.client.put("/availability", json={"agentId": agent_id, "available": available})


async def counted(centre: Centre) -> dict[str, int]:
    return (await centre.client.get(f"/campaign/{centre.inbound}/statistics/inbound")).json()["agents"]


async def test_true_signs_an_agent_in_and_false_pauses_it(centre: Centre) -> None:
    none = {"loggedIn": 0, "ready": 0, "dialling": 0, "onCall": 0, "onWrap": 0, "paused": 0}
    assert await counted(centre) == none
    for _ in range(2):
        answer = await put(centre, centre.agent, True)
        assert answer.status_code == 200
        assert answer.json() == {"agentId": centre.agent, "available": True}
        assert await counted(centre) == none | {"loggedIn": 1, "ready": 1}
    answer = await put(centre, centre.agent, False)
    assert answer.json() == {"agentId": centre.agent, "available": False}
    assert await counted(centre) == none | {"loggedIn": 1, "paused": 1}


@pytest.mark.parametrize("during", ["dialling", "on-call", "on-wrap"])
async def test_during_a_call_the_last_wish_takes_effect_when_it_ends(
    db: Database, centre: Centre, during: agents.AgentState
) -> None:
    org, agent = centre.organisation, centre.agent
    await agents.show(db, org, agent, during, None, NOW)
    for wishes, outcome in (([False], "paused"), ([False, True], "ready"), ([True, False], "paused")):
        for available in wishes:
            assert (await put(centre, agent, available)).status_code == 200
            assert await agents.state(db, org, agent) == during
        assert await agents.call_ended(db, org, agent, NOW) == outcome
        await agents.show(db, org, agent, during, None, NOW)


async def test_an_agent_whose_phone_cannot_be_reached_is_not_signed_in(db: Database, centre: Centre) -> None:
    await agents.set_phone_reachable(db, centre.organisation, centre.agent, False, NOW)
    answer = await put(centre, centre.agent, True)
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/agent-phone-unreachable")
    assert (await counted(centre))["loggedIn"] == 0
    assert (await put(centre, centre.agent, False)).status_code == 200
    assert (await counted(centre))["loggedIn"] == 0
    await agents.set_phone_reachable(db, centre.organisation, centre.agent, True, NOW)
    assert (await put(centre, centre.agent, True)).status_code == 200


@pytest.mark.parametrize("available", [True, False])
async def test_a_user_and_an_inactive_agent_have_no_presence(db: Database, centre: Centre, available: bool) -> None:
    answer = await put(centre, centre.user, available)
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/not-an-agent")
    await db.execute("UPDATE users SET account_active = false WHERE user_id = $1", centre.agent)
    assert (await put(centre, centre.agent, available)).status_code == 409


async def test_an_unknown_agent_is_refused_by_field(centre: Centre, other_centre: Centre) -> None:
    for agent in (2**40, other_centre.agent):
        answer = await put(centre, agent, True)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/agentId")
    assert (await counted(other_centre))["loggedIn"] == 0


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/agentId", "/available"}),
        ({"agentId": 0, "available": True}, {"/agentId"}),
        ({"agentId": 1, "available": "yes"}, {"/available"}),
        ({"agentId": 1, "available": None}, {"/available"}),
        ({"agentId": 1, "available": True, "until": 5}, {"/until"}),
    ],
)
async def test_a_wrong_body_is_refused_field_by_field(centre: Centre, body: dict[str, Any], pointers: set[str]) -> None:
    answer = await centre.client.put("/availability", json=body)
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == pointers


async def test_a_repeated_request_with_its_key_is_answered_from_the_first(db: Database, centre: Centre) -> None:
    body = {"agentId": centre.agent, "available": True}
    first = await centre.client.put("/availability", json=body, headers={"Idempotency-Key": "a"})
    await agents.show(db, centre.organisation, centre.agent, "paused", None, NOW)
    again = await centre.client.put("/availability", json=body, headers={"Idempotency-Key": "a"})
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await agents.state(db, centre.organisation, centre.agent) == "paused"
