"""Campaigns are started, stopped and rationed over HTTP; a dry run says what it would touch and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from callfloor.store.calls import attempts
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.setup import campaigns
from tests.api.desks import wait_in_queue
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"


async def sends(centre: Centre, campaign: int, **command: Any) -> Any:
    answer = await centre.client.post(f"{ADMIN}/campaigns/{campaign}/commands", json=command)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_campaign_is_stopped_and_started(db: Database, centre: Centre) -> None:
    stopped = await sends(centre, centre.outbound, action="stop")
    change = {"field": "active", "listId": None, "before": True, "after": False}
    assert (stopped["active"], stopped["changes"], stopped["letGo"]) == (False, [change], 0)
    setup = await campaigns.get(db, centre.organisation, centre.outbound)
    assert setup is not None
    assert (setup.facts.active, setup.let_go) == (False, False)
    assert (await sends(centre, centre.outbound, action="stop"))["changes"] == []
    assert (await sends(centre, centre.outbound, action="start"))["active"]
    setup = await campaigns.get(db, centre.organisation, centre.outbound)
    assert setup is not None
    assert setup.facts.active


async def test_a_dry_run_says_what_it_touches_and_touches_nothing(db: Database, centre: Centre) -> None:
    lead = (await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": "0491570156"})).json()
    new = attempts.NewAttempt(centre.outbound, lead["leadId"], 1, "+61491570156", "progressive", 0)
    await attempts.start(db, centre.organisation, [new], datetime.now(UTC))
    await wait_in_queue(db, centre, datetime.now(UTC))
    for campaign, ringing, waiting in ((centre.outbound, 1, 0), (centre.inbound, 0, 1)):
        said = await sends(centre, campaign, action="stopAtOnce", dryRun=True)
        assert (said["ringing"], said["waiting"], said["talking"], said["letGo"]) == (ringing, waiting, 0, 1)
        assert (said["active"], said["dryRun"]) == (False, True)
        setup = await campaigns.get(db, centre.organisation, campaign)
        assert setup is not None
        assert setup.facts.active
        # what is let go once the campaign is off already is let go all the same
        await sends(centre, campaign, action="stop")
        assert (await sends(centre, campaign, action="stopAtOnce"))["letGo"] == 1
        setup = await campaigns.get(db, centre.organisation, campaign)
        assert setup is not None
        assert (setup.facts.active, setup.let_go) == (False, True)


@pytest.mark.parametrize("most", [0, 40, None])
async def test_lines_are_set_while_it_runs(db: Database, centre: Centre, most: int | None) -> None:
    await sends(centre, centre.outbound, action="setLines", maxLines=7)
    said = await sends(centre, centre.outbound, action="setLines", maxLines=most)
    assert said["changes"] == [{"field": "maxLines", "listId": None, "before": 7, "after": most}]
    setup = await campaigns.get(db, centre.organisation, centre.outbound)
    assert setup is not None
    assert (setup.dialling.max_lines, setup.dialling.regime) == (most, "none")


async def test_weights_are_set_and_lists_that_are_not_named_stay(centre: Centre) -> None:
    other = {"listName": "Other", "campaignId": centre.outbound, "weight": 4}
    other_id = (await centre.client.post("/leads/lists", json=other)).json()["listId"]
    wanted = [{"listId": centre.list_id, "weight": 9, "inDialler": False}]
    assert len((await sends(centre, centre.outbound, action="setWeights", lists=wanted, dryRun=True))["changes"]) == 2
    assert (await centre.client.get(f"/leads/lists/{centre.list_id}")).json()["weight"] == 1
    assert len((await sends(centre, centre.outbound, action="setWeights", lists=wanted))["changes"]) == 2
    changed = (await centre.client.get(f"/leads/lists/{centre.list_id}")).json()
    assert (changed["weight"], changed["inDialler"], changed["name"]) == (9, False, "List One")
    assert (await centre.client.get(f"/leads/lists/{other_id}")).json()["weight"] == 4


@pytest.mark.parametrize(
    ("inbound", "command", "pointer"),
    [
        (True, {"action": "setLines", "maxLines": 3}, "/maxLines"),
        (True, {"action": "setWeights", "lists": [{"listId": 1, "weight": 1}]}, "/lists"),
        (False, {"action": "setWeights", "lists": [{"listId": 2**40, "weight": 1}]}, "/lists/0/listId"),
        (False, {"action": "setLines", "maxLines": -1}, "/maxLines"),
        (False, {"action": "setWeights", "lists": []}, "/lists"),
        (False, {"action": "explode"}, "/action"),
        (False, {"action": "stop", "now": True}, "/now"),
    ],
)
async def test_what_cannot_be_is_named(centre: Centre, inbound: bool, command: dict[str, Any], pointer: str) -> None:
    campaign = centre.inbound if inbound else centre.outbound
    answer = await centre.client.post(f"{ADMIN}/campaigns/{campaign}/commands", json=command)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_a_repeated_command_is_answered_as_the_first_was(centre: Centre) -> None:
    path, headers = f"{ADMIN}/campaigns/{centre.outbound}/commands", {"Idempotency-Key": "stop it"}
    first = await centre.client.post(path, json={"action": "stop"}, headers=headers)
    await sends(centre, centre.outbound, action="start")
    again = await centre.client.post(path, json={"action": "stop"}, headers=headers)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert (await sends(centre, centre.outbound, action="start", dryRun=True))["changes"] == []


async def test_a_command_needs_its_scope_and_its_own_organisation(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    path = f"{ADMIN}/campaigns/{centre.outbound}/commands"
    assert (await other_centre.client.post(path, json={"action": "stop"})).status_code == 404
    token = await tokens.create(db, centre.organisation, "reader", ["campaigns:read"])
    headers = {"Authorization": f"Bearer {token}"}
    assert (await centre.client.post(path, json={"action": "stop"}, headers=headers)).status_code == 403
    assert (await sends(centre, centre.outbound, action="start", dryRun=True))["changes"] == []
