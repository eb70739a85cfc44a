"""Sessions and commands over the API, with a floor that does as the test says, with a dying one and with none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from msgspec.structs import replace

from callfloor.contract.workspace import (
    AtHand,
    Callback,
    CallerLead,
    Consult,
    Dial,
    Hold,
    Monitor,
    Refusal,
    Target,
    Transfer,
    WrapUp,
)
from callfloor.settings import Settings
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.api.desks import RINGING, add_agent, client_of, publish
from tests.conftest import Centre
from tests.engine.link import Linked

REFUSED = Refusal(code="no-call", detail="There is no call.")
Done = Callable[[Refusal | None], None]


@pytest.fixture
async def link(dsn: str, db: Database, centre: Centre) -> AsyncGenerator[Linked]:
    linked = Linked(dsn, db, centre)
    yield linked
    await linked.stop()


async def command(client: httpx2.AsyncClient, action: str, status: int = 200, **fields: Any) -> dict[str, Any]:
    answer = await client.post("/session/commands", json={"action": action, **fields})
    assert answer.status_code == status, answer.text
    return answer.json()


async def rows_left(db: Database, centre: Centre) -> int:
    return await db.fetchval("SELECT count(*) FROM workspace_commands WHERE organisation_id = $1", centre.organisation)


async def test_an_agent_signs_in_pauses_and_signs_out(desk: httpx2.AsyncClient, centre: Centre) -> None:
    first = (await desk.get("/session")).json()
    assert (first["agentId"], first["state"], first["sequence"]) == (centre.agent, "signed-out", 0)
    for number, (state, reason) in enumerate((("ready", None), ("paused", "lunch"), ("ready", None)), 1):
        answer = await desk.put("/session", json={"state": state, "reason": reason})
        assert answer.status_code == 200, answer.text
        shown = answer.json()
        assert (shown["state"], shown["reason"], shown["sequence"]) == (state, reason, number)
        assert shown["since"].endswith(("+10:00", "+11:00"))
        assert (await desk.get("/session")).json() == shown
    assert (await desk.put("/session", json={"state": "signed-out"})).json()["state"] == "signed-out"


async def test_the_same_is_done_by_commands_without_a_floor(desk: httpx2.AsyncClient) -> None:
    assert (await command(desk, "ready"))["state"] == "ready"
    assert (await command(desk, "pause", reason="lunch"))["reason"] == "lunch"
    assert (await command(desk, "signOut"))["state"] == "signed-out"


async def test_what_is_asked_for_during_a_call_is_shown_as_wanted(
    desk: httpx2.AsyncClient, db: Database, centre: Centre
) -> None:
    await agents.show(db, centre.organisation, centre.agent, "on-call", None, datetime.now(UTC))
    await publish(db, centre, AtHand(call=replace(RINGING, state="connected", connected_timestamp=datetime.now(UTC))))
    shown = (await desk.put("/session", json={"state": "signed-out"})).json()
    assert (shown["state"], shown["wanted"], shown["call"]["state"]) == ("on-call", "signed-out", "connected")
    assert shown["call"]["connectedTimestamp"].endswith(("+10:00", "+11:00"))


async def test_an_agent_whose_phone_is_away_is_not_signed_in(
    desk: httpx2.AsyncClient, db: Database, centre: Centre
) -> None:
    await agents.set_phone_reachable(db, centre.organisation, centre.agent, False, datetime.now(UTC))
    assert (await desk.put("/session", json={"state": "ready"})).status_code == 409
    assert (await command(desk, "ready", 409))["type"].endswith("/agent-phone-unreachable")
    assert (await desk.put("/session", json={"state": "paused"})).status_code == 409
    assert (await desk.get("/session")).json()["state"] == "signed-out"


@pytest.mark.parametrize("by_command", [False, True])
@pytest.mark.parametrize("before", ["never", "signed-out", "ready", "paused"])
async def test_whoever_pauses_before_the_first_call_is_signed_in_paused(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, by_command: bool, before: str
) -> None:
    if before != "never":
        await agents.show(db, centre.organisation, centre.agent, before, None, datetime.now(UTC))  # type: ignore[arg-type]
    if by_command:
        shown = await command(desk, "pause", reason="training")
    else:
        shown = (await desk.put("/session", json={"state": "paused", "reason": "training"})).json()
    assert (shown["state"], shown["reason"], shown["wanted"]) == ("paused", "training", None)
    last = shown["sequence"]
    assert (await command(desk, "pause", reason="training"))["sequence"] == last, "an event without a change"


@pytest.mark.parametrize("number", ["12345", "+12345", "000", "0491 570", "+61 12345"])
async def test_what_is_no_number_is_not_dialled(
    desk: httpx2.AsyncClient, centre: Centre, link: Linked, number: str
) -> None:
    await command(desk, "dial", 422, campaignId=centre.outbound, number=number)
    for action in ("transfer", "consult"):
        await command(desk, action, 422, to={"number": number})
    assert link.work.done == []


async def test_a_command_reaches_the_floor_and_its_effect_is_in_the_answer(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, link: Linked
) -> None:
    def hold(done: Done) -> None:
        link.journal.write(lambda: publish(db, centre, AtHand(call=replace(RINGING, held=True))))
        asyncio.get_running_loop().call_soon(done, None)

    link.work.answer = hold
    shown = await command(desk, "hold", on=True)
    assert shown["call"]["held"] is True
    assert link.work.done == [(centre.agent, Hold(on=True))]
    assert await rows_left(db, centre) == 0


async def test_a_refusal_is_a_conflict_with_its_code(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, link: Linked
) -> None:
    link.work.answer = lambda done: done(REFUSED)
    problem = await command(desk, "hangUp", 409)
    assert problem["type"] == "/workspace/v1/problems/command-refused"
    assert (problem["code"], problem["detail"]) == ("no-call", "There is no call.")
    assert (await desk.get("/problems/command-refused")).status_code == 200
    assert await rows_left(db, centre) == 0


async def test_without_a_floor_a_command_is_withdrawn(
    desk: httpx2.AsyncClient, db: Database, dsn: str, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callfloor.api.workspace.commands.CLAIMED_S", 0.1)
    answer = await desk.post("/session/commands", json={"action": "hangUp"})
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/no-floor")
    assert answer.headers["Retry-After"] == "1"
    assert await rows_left(db, centre) == 0
    # a floor that comes up later does the next one only
    late = Linked(dsn, db, centre)
    monkeypatch.undo()
    await command(desk, "hold", on=True)
    assert late.work.done == [(centre.agent, Hold(on=True))]
    await late.stop()


async def test_an_engine_that_dies_with_a_command_leaves_its_outcome_unknown(
    desk: httpx2.AsyncClient, db: Database, dsn: str, centre: Centre, link: Linked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callfloor.api.workspace.commands.DONE_S", 0.5)
    monkeypatch.setattr("callfloor.api.workspace.commands.CLAIMED_S", 0.4)
    link.work.answer = lambda _done: None
    problem = await command(desk, "hold", 503, on=True)
    assert problem["type"].endswith("/outcome-unknown")
    await link.stop()
    # and the engine after it does not do it again
    other = Linked(dsn, db, centre)
    monkeypatch.undo()
    await command(desk, "hold", on=False)
    assert other.work.done == [(centre.agent, Hold(on=False))]
    await other.stop()


async def test_of_two_engines_one_obeys(
    desk: httpx2.AsyncClient, db: Database, dsn: str, centre: Centre, link: Linked
) -> None:
    other = Linked(dsn, db, centre)
    await asyncio.gather(*(command(desk, "hold", on=True) for _ in range(10)))
    assert len(link.work.done) + len(other.work.done) == 10
    await other.stop()


async def test_with_a_key_a_command_is_done_once(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, link: Linked
) -> None:
    body, headers = {"action": "hold", "on": True}, {"Idempotency-Key": "a"}
    answers = [await desk.post("/session/commands", json=body, headers=headers) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(link.work.done) == 1
    wrong = await desk.post("/session/commands", json={"action": "hold", "on": False}, headers=headers)
    assert wrong.status_code == 422
    # an API process that died before it stored the answer
    await db.execute("DELETE FROM idempotency_keys WHERE organisation_id = $1", centre.organisation)
    again = await desk.post("/session/commands", json=body, headers=headers)
    assert again.status_code == 200
    assert len(link.work.done) == 1


async def test_a_refused_command_may_use_its_key_again(desk: httpx2.AsyncClient, link: Linked) -> None:
    headers = {"Idempotency-Key": "b"}
    link.work.answer = lambda done: done(REFUSED)
    assert (await desk.post("/session/commands", json={"action": "hangUp"}, headers=headers)).status_code == 409
    link.work.answer = lambda done: done(None)
    assert (await desk.post("/session/commands", json={"action": "hangUp"}, headers=headers)).status_code == 200
    assert len(link.work.done) == 2


async def test_more_keyed_commands_at_once_than_connections_are_all_done(
    desk: httpx2.AsyncClient, settings: Settings, link: Linked
) -> None:
    count = 3 * settings.database_connections

    async def hold(number: int) -> int:
        headers = {"Idempotency-Key": f"many-{number}"}
        answer = await desk.post("/session/commands", json={"action": "hold", "on": True}, headers=headers)
        return answer.status_code

    assert set(await asyncio.gather(*map(hold, range(count)))) == {200}
    assert len(link.work.done) == count


async def test_the_floor_gets_numbers_and_times_in_one_form(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, link: Linked
) -> None:
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 10, 'Sold')", centre.organisation, centre.inbound)
    await publish(db, centre, AtHand(call=replace(RINGING, campaign_id=centre.inbound)))
    await command(desk, "dial", campaignId=centre.outbound, number="0491 570 157")
    await command(desk, "transfer", to={"campaignId": centre.inbound})
    await command(desk, "consult", to={"number": "0491 570 157"})
    callback = {"timestamp": "2030-01-02T10:00:00", "own": True}
    await command(desk, "wrapUp", wrapCode=10, leadStatus=2, leadData={"plan": "gold"}, callback=callback)
    assert [each for _, each in link.work.done] == [
        Dial(campaign_id=centre.outbound, number="+61491570157"),
        Transfer(to=Target(campaign_id=centre.inbound)),
        Consult(to=Target(number="+61491570157")),
        WrapUp(
            wrap_code=10, lead_status=2, lead_data={"plan": "gold"},
            callback=Callback(timestamp="2030-01-01T23:00:00+00:00", own=True),
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "warning"), [(None, "Nobody is signed in"), ("paused", "is paused"), ("ready", None), ("on-call", None)]
)
async def test_a_call_that_is_given_to_a_queue_where_nobody_works_is_given_with_a_warning(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, link: Linked, state: str | None, warning: str | None
) -> None:
    other = await add_agent(db, centre, "jane.roe")
    await db.execute("DELETE FROM campaign_agents WHERE campaign_id = $1", centre.inbound)
    await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", centre.organisation, centre.inbound, other)
    if state is not None:
        await agents.show(db, centre.organisation, other, state, None, datetime.now(UTC))  # type: ignore[arg-type]
    (queue,) = (await desk.get("/campaigns")).json()["queues"]
    assert queue["agents"] == (0 if warning else 1)
    shown = await command(desk, "transfer", to={"campaignId": centre.inbound})
    assert len(link.work.done) == 1
    assert shown["warning"] is None if warning is None else warning in shown["warning"]
    assert (await desk.get("/session")).json()["warning"] is None


async def test_a_callback_in_the_minute_that_runs_is_one_for_now(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, link: Linked
) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    at = datetime.now(UTC).replace(second=0, microsecond=0).isoformat()
    await command(desk, "wrapUp", callback={"timestamp": at})
    assert len(link.work.done) == 1


async def test_every_time_of_a_session_is_in_the_organisation_s_zone(
    desk: httpx2.AsyncClient, supervisor: httpx2.AsyncClient, db: Database, centre: Centre
) -> None:
    at = datetime(2026, 7, 1, 3, 4, 5, 678_901, UTC)
    lead = CallerLead(
        lead_id=1, campaign_id=2, campaign_name="Sales", list_name="List One", callback_timestamp=at,
        callback_agent_id=None,
    )  # fmt: skip
    call = replace(RINGING, state="wrap-up", connected_timestamp=at, ended_timestamp=at, seconds=0, leads=(lead,))
    await agents.show(db, centre.organisation, centre.agent, "on-wrap", None, at)
    await publish(db, centre, AtHand(call=call, wrap_up_seconds=20.0))
    page = (await supervisor.get("/agents")).json()
    watched = next(each for each in page["items"] if each["agentId"] == centre.agent)
    events = (await desk.get("/events?after=0")).json()["events"]
    sessions = [(await desk.get("/session")).json(), watched["session"], events[-1]["session"]]
    for session in sessions:
        shown = session["call"]
        times = [shown["connectedTimestamp"], shown["endedTimestamp"], shown["leads"][0]["callbackTimestamp"]]
        assert times == ["2026-07-01T13:04:05+10:00"] * 3
        assert session["since"].endswith("+10:00")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/action"),
        ({"action": "juggle"}, "/action"),
        ({"action": 5}, "/action"),
        ({"action": "hold"}, "/on"),
        ({"action": "hold", "on": True, "of": 1}, "/of"),
        ({"action": "sendDigits", "digits": "12a"}, "/digits"),
        ({"action": "transfer", "to": {}}, "/to"),
        ({"action": "transfer", "to": {"agentId": 1, "number": "0491 570 157"}}, "/to"),
        ({"action": "transfer", "to": {"number": "12"}}, "/to/number"),
        ({"action": "consult", "to": {"campaignId": 1}}, "/to"),
        ({"action": "dial", "campaignId": 1, "number": "x"}, "/number"),
        ({"action": "wrapUp", "leadStatus": 99}, "/leadStatus"),
        ({"action": "wrapUp", "wrapCode": 77}, "/wrapCode"),
        ({"action": "wrapUp", "callback": {"timestamp": "soon"}}, "/callback/timestamp"),
        ({"action": "wrapUp", "callback": {"timestamp": "2021-03-10T12:00:00"}}, "/callback/timestamp"),
        ({"action": "pause", "reason": ""}, "/reason"),
        ({"action": "monitor", "agentId": 1}, "/action"),
    ],
)
async def test_a_wrong_command_is_refused_by_field(
    desk: httpx2.AsyncClient, db: Database, centre: Centre, body: dict[str, Any], pointer: str
) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    own = {"campaignId": centre.outbound} if "campaignId" in body else {}
    answer = await desk.post("/session/commands", json=body | own)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


async def test_the_lead_at_hand_is_shown(desk: httpx2.AsyncClient, db: Database, centre: Centre) -> None:
    assert (await desk.get("/lead")).status_code == 404
    body = {"listId": centre.list_id, "phone1": "+61491570156", "leadData": {"plan": "gold"}}
    lead = (await centre.client.post("/leads", json=body)).json()["leadId"]
    await publish(db, centre, AtHand(call=replace(RINGING, lead_id=lead)))
    answer = await desk.get("/lead")
    assert (answer.json()["leadId"], answer.json()["dataFields"]) == (lead, {"plan": "gold"})


async def test_own_callbacks_come_in_pages_soonest_first(
    desk: httpx2.AsyncClient, db: Database, centre: Centre
) -> None:
    other = await add_agent(db, centre, "jane.roe")
    await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", centre.organisation, centre.outbound, other)
    soon = datetime.now(UTC) + timedelta(hours=1)

    async def lead(agent: int | None, hours: int) -> int:
        at = (soon + timedelta(hours=hours)).isoformat()
        body = {"listId": centre.list_id, "phone1": "0491570156", "nextAttemptTimestamp": at, "agentId": agent}
        return (await centre.client.post("/leads", json=body)).json()["leadId"]

    mine = [await lead(centre.agent, hours) for hours in (3, 1, 2, 2)]
    await lead(other, 0)
    await lead(None, 0)
    found: list[int] = []
    link: str | None = "/callbacks?limit=1"
    while link is not None:
        page = (await desk.get(link.removeprefix("/workspace/v1"))).json()
        found += [item["leadId"] for item in page["items"]]
        link = page["metadata"]["nextUri"]
    assert found == [mine[1], mine[2], mine[3], mine[0]]


async def test_an_agent_sees_what_may_be_chosen_from(desk: httpx2.AsyncClient, db: Database, centre: Centre) -> None:
    other = await add_agent(db, centre, "jane.roe")
    await agents.make_ready(db, centre.organisation, other, datetime.now(UTC))
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 10, 'Sold')", centre.organisation, centre.outbound)
    await db.execute("INSERT INTO lead_statuses VALUES ($1, 100, 'Sold')", centre.organisation)
    shown = (await desk.get("/campaigns")).json()
    assert [(each["campaignId"], each["wrapCodes"]) for each in shown["campaigns"]] == [
        (centre.inbound, []),
        (centre.outbound, [{"code": 10, "description": "Sold"}]),
    ]
    assert [each["campaignId"] for each in shown["queues"]] == [centre.inbound]
    assert shown["colleagues"] == [{"agentId": other, "fullName": "Jane Roe", "state": "ready"}]
    assert shown["leadStatuses"] == [{"code": 100, "description": "Sold"}]


async def test_a_supervisor_sees_agents_and_listens_to_them(
    supervisor: httpx2.AsyncClient, db: Database, centre: Centre, link: Linked
) -> None:
    other = await add_agent(db, centre, "jane.roe")
    await publish(db, centre, AtHand(call=RINGING))
    first = (await supervisor.get("/agents?limit=1")).json()
    rest = (await supervisor.get(first["metadata"]["nextUri"].removeprefix("/workspace/v1"))).json()
    assert [each["agentId"] for each in first["items"] + rest["items"]] == sorted([centre.agent, other])
    session = (await supervisor.get(f"/agents/{centre.agent}/session")).json()
    assert session["call"]["number"] == RINGING.number
    answer = await supervisor.post(f"/agents/{centre.agent}/commands", json={"action": "monitor", "how": "barge"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["agentId"] == centre.agent
    assert link.work.done == [(centre.user, Monitor(agent_id=centre.agent, how="barge"))]


async def test_a_supervisor_signs_an_agent_out_without_a_floor(
    supervisor: httpx2.AsyncClient, db: Database, centre: Centre
) -> None:
    now = datetime.now(UTC)
    await agents.make_ready(db, centre.organisation, centre.agent, now)
    path = f"/agents/{centre.agent}/commands"
    assert (await supervisor.post(path, json={"action": "forceSignOut"})).json()["state"] == "signed-out"
    await agents.show(db, centre.organisation, centre.agent, "on-call", None, now)
    shown = (await supervisor.post(path, json={"action": "forceSignOut"})).json()
    assert (shown["state"], shown["wanted"]) == ("on-call", "signed-out")


async def test_who_may_not_see_what(
    desk: httpx2.AsyncClient, supervisor: httpx2.AsyncClient, db: Database, centre: Centre, other_centre: Centre
) -> None:
    for path in ("/agents", f"/agents/{centre.agent}/session", f"/events?agentId={other_centre.agent}"):
        assert (await desk.get(path)).status_code == 403, path
    # scopes alone make no supervisor of an agent, and nobody of a program
    scopes = ["workspace", "workspace:supervise"]
    mighty = await tokens.create(db, centre.organisation, "agent", scopes, user_id=centre.agent)
    program = await tokens.create(db, centre.organisation, "program", scopes)
    for token, slug, paths in (
        (mighty, "not-a-supervisor", ("/agents", f"/events?agentId={centre.user}")),
        (program, "not-signed-in", ("/agents", "/session", "/events", "/callbacks", "/campaigns", "/lead")),
    ):
        async with client_of(centre, token) as client:
            for path in paths:
                answer = await client.get(path)
                assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (403, slug), path
    assert (await supervisor.get("/session")).status_code == 409
    for path in (f"/agents/{other_centre.agent}/session", f"/agents/{centre.user}/session"):
        assert (await supervisor.get(path)).status_code == 404
    assert (await supervisor.get(f"/events?agentId={other_centre.agent}")).status_code == 404
    gone = await supervisor.post(f"/agents/{other_centre.agent}/commands", json={"action": "forceSignOut"})
    assert gone.status_code == 404


async def test_whose_account_is_closed_is_signed_in_no_more(
    db: Database, centre: Centre, desk: httpx2.AsyncClient
) -> None:
    await db.execute("UPDATE users SET account_active = false WHERE user_id = $1", centre.agent)
    assert (await desk.get("/session")).status_code == 401
