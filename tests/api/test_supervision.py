"""Supervisors' commands over HTTP, as far as they need no floor; what a floor does of them is tested there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime

import httpx2
import pytest

from callfloor.api.workspace import commands
from callfloor.centre.apply import apply_text
from callfloor.contract.workspace import EndCall, LetCallerGo, MoveCallerUp, Target, TransferCall, TransferCaller
from callfloor.floor.plan import CampaignKey
from callfloor.rules.routing.agents import AgentState
from callfloor.store.agents import agents
from callfloor.store.calls import activities, tasks
from callfloor.store.db.pool import Database
from callfloor.store.people import teams, users
from tests.api.desks import client_of, token_of, wait_in_queue
from tests.conftest import Centre
from tests.engine.link import Linked
from tests.factories import inbound_call
from tests.waiting import until


@pytest.fixture
async def boss(db: Database, centre: Centre) -> AsyncGenerator[httpx2.AsyncClient]:
    async with client_of(centre, await token_of(db, centre, centre.user)) as client:
        yield client


async def test_an_agent_is_paused_made_ready_and_signed_out(centre: Centre, boss: httpx2.AsyncClient) -> None:
    path = f"/agents/{centre.agent}/commands"
    paused = (await boss.post(path, json={"action": "pause", "reason": "training"})).json()
    assert (paused["state"], paused["reason"]) == ("paused", "training")
    assert (await boss.post(path, json={"action": "ready"})).json()["state"] == "ready"
    assert (await boss.post(path, json={"action": "forceSignOut"})).json()["state"] == "signed-out"


async def test_an_agent_is_moved_and_moved_back(db: Database, centre: Centre, boss: httpx2.AsyncClient) -> None:
    path = f"/agents/{centre.agent}/commands"
    await boss.post(path, json={"action": "ready"})

    async def works_for() -> list[int]:
        async with client_of(centre, await token_of(db, centre, centre.agent)) as agent:
            campaigns = (await agent.get("/campaigns")).json()["campaigns"]
        floor = (await boss.get("/floor")).json()["agents"]
        assert floor == [] or {*floor[0]["campaignIds"]} <= {centre.inbound, centre.outbound}
        return [each["campaignId"] for each in campaigns]

    assert (await boss.post(path, json={"action": "moveToCampaign", "campaignId": centre.inbound})).status_code == 200
    assert await works_for() == [centre.inbound]
    assert (await boss.post(path, json={"action": "moveToCampaign", "campaignId": None})).status_code == 200
    assert await works_for() == sorted([centre.inbound, centre.outbound])
    unknown = await boss.post(path, json={"action": "moveToCampaign", "campaignId": 2**40})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/campaignId")


async def test_an_agent_whose_account_is_closed_in_mid_call_is_seen_until_it_is_over(
    db: Database, centre: Centre, boss: httpx2.AsyncClient
) -> None:
    await boss.post(f"/agents/{centre.agent}/commands", json={"action": "ready"})
    await db.execute("UPDATE agent_states SET state = 'on-call' WHERE agent_id = $1", centre.agent)
    await db.execute("UPDATE users SET account_active = false WHERE user_id = $1", centre.agent)

    async def seen() -> list[object]:
        floor = [each["agentId"] for each in (await boss.get("/floor")).json()["agents"]]
        listed = [each["agentId"] for each in (await boss.get("/agents")).json()["items"]]
        return [
            centre.agent in floor,
            centre.agent in listed,
            (await boss.get(f"/agents/{centre.agent}/session")).status_code,
        ]

    await until(lambda: _is(seen, [True, True, 200]))
    await db.execute("UPDATE agent_states SET state = 'signed-out' WHERE agent_id = $1", centre.agent)
    await until(lambda: _is(seen, [False, False, 404]))


async def _is(seen: Callable[[], Awaitable[list[object]]], wanted: list[object]) -> bool:
    return await seen() == wanted


async def test_commands_reach_the_floor_that_has_the_agent_or_leads_the_queue(
    dsn: str, db: Database, centre: Centre, boss: httpx2.AsyncClient
) -> None:
    waiting = await wait_in_queue(db, centre, datetime.now(UTC))
    link = Linked(dsn, db, centre, led=[CampaignKey(centre.organisation, centre.inbound)])
    try:
        to = {"campaignId": centre.inbound}
        for path, body in (
            (f"/agents/{centre.agent}/commands", {"action": "endCall"}),
            (f"/agents/{centre.agent}/commands", {"action": "transferCall", "to": to}),
        ):
            assert (await boss.post(path, json=body)).status_code == 200
        for body in ({"action": "moveUp"}, {"action": "transfer", "to": to}, {"action": "hangUp"}):
            answer = await boss.post(f"/callers/{waiting}/commands", json=body)
            assert answer.status_code == 204, answer.text
    finally:
        await link.stop()
    target = Target(campaign_id=centre.inbound)
    assert link.work.done == [
        (centre.user, EndCall(agent_id=centre.agent)),
        (centre.user, TransferCall(agent_id=centre.agent, to=target)),
        (centre.user, MoveCallerUp(activity_id=waiting)),
        (centre.user, TransferCaller(activity_id=waiting, to=target)),
        (centre.user, LetCallerGo(activity_id=waiting)),
    ]


async def test_a_queue_that_nobody_leads_is_said_to_be_so(
    db: Database, centre: Centre, boss: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "CLAIMED_S", 0.05)
    answer = await boss.post(
        f"/callers/{await wait_in_queue(db, centre, datetime.now(UTC))}/commands", json={"action": "moveUp"}
    )
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (503, "no-floor")


async def test_who_does_not_wait_is_not_there(db: Database, centre: Centre, boss: httpx2.AsyncClient) -> None:
    activity = await wait_in_queue(db, centre, datetime.now(UTC))
    await activities.hang_up(db, centre.organisation, activity, datetime.now(UTC))
    assert (await boss.post(f"/callers/{activity}/commands", json={"action": "moveUp"})).status_code == 404


async def test_a_replay_is_for_whoever_supervises_still(db: Database, centre: Centre, boss: httpx2.AsyncClient) -> None:
    """The answer to a command shows an agent, and that a move was made says where work lies."""
    at = datetime.now(UTC)
    activity = await inbound_call(db, centre.organisation, centre.inbound, "+61491570156", None, at)
    await tasks.add(db, centre.organisation, centre.inbound, "voicemail", activity, at)
    task_id = (await boss.get("/work/tasks")).json()["items"][0]["taskId"]
    asked = [
        (f"/agents/{centre.agent}/commands", {"action": "pause", "reason": "training"}),
        (f"/work/tasks/{task_id}/move", {"agentId": centre.agent}),
    ]

    async def ask() -> list[httpx2.Response]:
        return [await boss.post(path, json=body, headers={"Idempotency-Key": path}) for path, body in asked]

    assert [each.status_code for each in await ask()] == [200, 204]
    assert [each.headers.get("Idempotent-Replayed") for each in await ask()] == ["true", "true"]
    # from now on the supervisor leads a team, and the agent is in none
    await teams.put(db, centre.organisation, "Others", [centre.user], [])

    async def refused() -> bool:
        answers = await ask()
        return [each.status_code for each in answers] == [404, 422]

    # as soon as the process hears of the change
    await until(refused)


@pytest.mark.parametrize("by_file", [False, True])
@pytest.mark.parametrize(
    ("before", "after"), [("ready", "signed-out"), ("paused", "signed-out"), ("dialling", "dialling")]
)
async def test_an_account_that_is_closed_and_opened_again_makes_nobody_ready(
    db: Database, centre: Centre, by_file: bool, before: str, after: str
) -> None:
    now = datetime.now(UTC)
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    await db.execute("UPDATE agent_states SET state = $2 WHERE agent_id = $1", centre.agent, before)
    for active in (False, True):
        if by_file:
            name = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
            user = f'[[users]]\nusername = "agent.doe"\naccountActive = {str(active).lower()}'
            await apply_text(db, f'[organisation]\nname = "{name}"\n{user}', "centre.toml")
        else:
            await users.set_active(db, centre.organisation, centre.agent, active, now)
        if not active:
            # the floor is told of whoever is in a call: nobody is made ready behind it
            known = await agents.members(db, [(centre.organisation, centre.outbound)])
            wished = [(row["state"], row["wanted_state"]) for row in known if row["agent_id"] == centre.agent]
            assert wished == ([("dialling", "signed-out")] if after == "dialling" else [])
    assert await agents.state(db, centre.organisation, centre.agent) == after
    if after == "dialling":
        assert await agents.call_ended(db, centre.organisation, centre.agent, now) == "signed-out"


async def test_who_is_moved_in_a_wrap_up_has_the_codes_of_its_call(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    here = db, centre.organisation, centre.agent
    await agents.make_ready(*here, now)
    await agents.move(*here, centre.inbound, centre.user, now)
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        own, both = [centre.inbound], sorted([centre.inbound, centre.outbound])
        states: list[tuple[AgentState, list[int]]] = [("on-wrap", both), ("ready", own)]
        for state, campaigns in states:
            await agents.show(*here, state, None, now, centre.outbound)
            offered = (await desk.get("/campaigns")).json()["campaigns"]
            assert [each["campaignId"] for each in offered] == campaigns
