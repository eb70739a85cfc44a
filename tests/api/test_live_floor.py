"""The live floor: one picture and its changes, the same whatever is cut and whoever watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed

from callfloor.api.workspace.floor import readings
from callfloor.app.api import api
from callfloor.contract.alerts import AlertRule
from callfloor.contract.workspace import AtHand
from callfloor.rules.alerting.conditions import Subject
from callfloor.settings import Settings
from callfloor.store.agents import agents
from callfloor.store.calls import attempts
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts, floor_nodes, live_floor
from callfloor.store.figures.floor_alarms import Alarm, raise_alarm
from callfloor.store.figures.floor_nodes import Node
from callfloor.store.people import tokens
from tests.api.desks import RINGING, client_of, publish, token_of, wait_in_queue
from tests.api.sockets import read, served, stream
from tests.conftest import Centre, make_centre

NUMBER = "+61491570156"
KEYS = {
    "agents": "agentId", "callers": "activityId", "queues": "campaignId", "campaigns": "campaignId", "trunks": "name",
    "nodes": "name", "alerts": "alertId",
}  # fmt: skip


@pytest.fixture(scope="module")
async def addresses(app: Any, dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[list[str]]:
    """Two API processes on one database."""
    of_other = Settings(data=tmp_path_factory.mktemp("other"), requests_per_second=100_000)
    async with api(of_other, dsn) as other, served(app) as first, served(other) as second:
        yield [first.removesuffix("/events") + "/floor/events", second.removesuffix("/events") + "/floor/events"]


@pytest.fixture
async def token(db: Database, centre: Centre) -> str:
    return await token_of(db, centre, centre.user)


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The floor is read as often as anybody looks."""
    monkeypatch.setattr(readings, "READ_S", 0.0)


def applied(floor: dict[str, Any], message: dict[str, Any]) -> dict[str, Any]:
    """The floor as a client has it that got this message."""
    if message["type"] == "snapshot":
        return message["floor"]
    floor = dict(floor)
    for part, key in KEYS.items():
        if part in message:
            items = {item[key]: item for item in floor[part]}
            for item in message[part]["changed"]:
                items[item[key]] = item
            for gone in message[part]["gone"]:
                del items[gone]
            floor[part] = [items[name] for name in sorted(items)]
    return floor


async def now_of(centre: Centre, token: str) -> dict[str, Any]:
    async with client_of(centre, token) as client:
        answer = await client.get("/floor")
        assert answer.status_code == 200, answer.text
        return answer.json()


async def something(db: Database, centre: Centre, chosen: int) -> None:
    """One of the things that happen on a floor."""
    now = datetime.now(UTC)
    match chosen % 7:
        case 0:
            await agents.make_ready(db, centre.organisation, centre.agent, now)
        case 1:
            await publish(db, centre, AtHand(call=RINGING))
        case 2:
            await publish(db, centre, AtHand(call=replace(RINGING, state="connected", connected_timestamp=now)))
        case 3:
            await agents.show(db, centre.organisation, centre.agent, "paused", f"tea {chosen}", now)
        case 4:
            await wait_in_queue(db, centre, now)
        case 5:
            await db.execute(
                "UPDATE activities SET left_queue_at = now(), hang_up_at = now() WHERE organisation_id = $1",
                centre.organisation,
            )
        case _:
            node = Node("telephony", "pbx", chosen % 2 == 0, now, chosen)
            await floor_nodes.say(db, [centre.organisation], uuid4(), [node], now)


async def until_current(connection: Any, floor: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The floor once the client is told that it has everything, that message, and the types that came."""
    types: list[str] = []
    while True:
        (message,) = await read(connection, 1)
        types.append(message["type"])
        floor = applied(floor, message)
        if message["type"] == "current":
            return floor, message, types


def without_time(floor: dict[str, Any]) -> dict[str, Any]:
    return {part: floor[part] for part in KEYS}


async def test_the_floor_shows_agents_callers_campaigns_and_nodes(db: Database, centre: Centre, token: str) -> None:
    now = datetime.now(UTC)
    await publish(db, centre, AtHand(call=replace(RINGING, number=NUMBER, campaign_id=centre.inbound)))
    waiting = await wait_in_queue(db, centre, now - timedelta(seconds=90))
    lead = (await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": NUMBER})).json()["leadId"]
    new = attempts.NewAttempt(centre.outbound, lead, 1, NUMBER, "progressive", 0)
    await attempts.start(db, centre.organisation, [new], now)
    nodes = [Node("engine", "engine 1", True, now, 2), Node("trunk", "SIP/one", True, now, 1)]
    await floor_nodes.say(db, [centre.organisation], uuid4(), nodes, now)
    floor = await now_of(centre, token)
    (agent,) = floor["agents"]
    assert (agent["agentId"], agent["state"], agent["call"]["state"]) == (centre.agent, "dialling", "ringing")
    assert agent["campaignIds"] == sorted([centre.inbound, centre.outbound])
    (caller,) = floor["callers"]
    assert (caller["activityId"], caller["campaignId"]) == (waiting, centre.inbound)
    (queue,) = floor["queues"]
    assert (queue["waiting"], queue["longestSince"]) == (1, caller["since"])
    assert queue["agents"] == {"signedIn": 1, "ready": 0, "dialling": 1, "onCall": 0, "onWrap": 0, "paused": 0}
    (campaign,) = floor["campaigns"]
    assert (campaign["ringing"], campaign["talking"], campaign["dialableLeads"]) == (1, 0, 1)
    assert campaign["leadsRunOutTimestamp"] is not None
    assert [node["name"] for node in floor["nodes"]] == ["engine 1"]
    assert floor["trunks"] == [{"name": "SIP/one", "lines": 1}]


async def test_numbers_are_shown_to_those_who_may_see_them_elsewhere(db: Database, centre: Centre, token: str) -> None:
    await publish(db, centre, AtHand(call=replace(RINGING, number=NUMBER)))
    await wait_in_queue(db, centre, datetime.now(UTC))
    hidden = await now_of(centre, token)
    assert NUMBER not in json.dumps(hidden)
    assert hidden["callers"][0]["number"] == "+61*******56"
    scopes = ["workspace:supervise", "leads:read"]
    clear = await now_of(centre, await tokens.create(db, centre.organisation, "wall", scopes, user_id=centre.user))
    assert clear["callers"][0]["number"] == clear["agents"][0]["call"]["number"] == NUMBER


async def test_an_agent_does_not_watch_the_floor(db: Database, centre: Centre, addresses: list[str]) -> None:
    scopes = ["workspace", "workspace:supervise"]
    token = await tokens.create(db, centre.organisation, "agent", scopes, user_id=centre.agent)
    async with client_of(centre, token) as client:
        assert (await client.get("/floor")).status_code == 403
    async with stream(addresses[0], token) as connection:
        with pytest.raises(ConnectionClosed) as refused:
            await connection.recv()
        assert refused.value.rcvd is not None
        assert refused.value.rcvd.code == 4403


async def test_a_snapshot_comes_first_and_then_it_is_said_that_one_has_everything(
    db: Database, centre: Centre, token: str, addresses: list[str]
) -> None:
    async with stream(addresses[0], token) as connection:
        floor, current, types = await until_current(connection, {})
        assert types == ["snapshot", "current"]
        await agents.make_ready(db, centre.organisation, centre.agent, datetime.now(UTC))
        (changes,) = await read(connection, 1)
        assert (changes["type"], changes["sequence"]) == ("changes", current["sequence"] + 1)
        assert [agent["state"] for agent in changes["agents"]["changed"]] == ["ready"]
        assert set(changes) == {"type", "sequence", "cursor", "timestamp", "agents", "queues", "campaigns"}
        assert floor["agents"] == []


async def test_whoever_comes_back_is_told_what_was_missed(
    db: Database, centre: Centre, token: str, addresses: list[str]
) -> None:
    async with stream(addresses[0], token) as connection:
        floor, current, _ = await until_current(connection, {})
    for chosen in range(5):
        await something(db, centre, chosen)
    async with stream(addresses[0], token, f"?after={current['cursor']}") as connection:
        floor, current, types = await until_current(connection, floor)
        assert "snapshot" not in types
    assert without_time(floor) == without_time(await now_of(centre, token))
    # another process knows nothing of that cursor
    async with stream(addresses[1], token, f"?after={current['cursor']}") as connection:
        floor, _, types = await until_current(connection, floor)
        assert types == ["snapshot", "current"]
    assert without_time(floor) == without_time(await now_of(centre, token))


@pytest.mark.parametrize("cursor", ["nonsense", "12345678-0", "-1", "5f3a9c01-99999999999999999999", "a-²"])
async def test_a_cursor_that_names_nothing_begins_anew(
    centre: Centre, token: str, addresses: list[str], cursor: str
) -> None:
    async with stream(addresses[0], token, f"?after={cursor}") as connection:
        _, _, types = await until_current(connection, {})
        assert types == ["snapshot", "current"]


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happens=st.lists(st.integers(0, 20), min_size=1, max_size=12), cuts=st.lists(st.integers(0, 4), max_size=6))
async def test_changes_end_in_the_snapshot_however_often_the_stream_is_cut(
    db: Database, app: Any, addresses: list[str], happens: list[int], cuts: list[int]
) -> None:
    centre = await make_centre(db, app)
    token = await token_of(db, centre, centre.user)

    async def happening() -> None:
        for chosen in happens:
            await something(db, centre, chosen)

    happened = asyncio.create_task(happening())
    floor: dict[str, Any] = {}
    cursor = ""
    for index, cut in enumerate(cuts):
        async with stream(addresses[index % 2], token, f"?after={cursor}") as connection:
            for message in await read(connection, 1 + min(cut, 1)):
                floor, cursor = applied(floor, message), message["cursor"]
    await happened
    async with stream(addresses[0], token, f"?after={cursor}") as connection:
        floor, _, _ = await until_current(connection, floor)
    assert without_time(floor) == without_time(await now_of(centre, token))


async def test_many_watchers_cost_one_reading(
    db: Database, centre: Centre, token: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "READ_S", 30.0)
    counted = 0
    really = live_floor.read

    async def read_once(*given: Any) -> Any:
        nonlocal counted
        counted += 1
        return await really(*given)

    monkeypatch.setattr(live_floor, "read", read_once)
    async with AsyncExitStack() as stack:
        for _ in range(8):
            connection = await stack.enter_async_context(stream(addresses[0], token))
            await until_current(connection, {})
    assert counted == 1


async def test_live_answers_and_abandonment_are_those_of_the_whole_window(
    db: Database, centre: Centre, token: str
) -> None:
    """What is summed up now and then, and what is added each second, is everything, once."""
    now = datetime.now(UTC)
    ages = (timedelta(minutes=1), timedelta(minutes=9), timedelta(minutes=11), timedelta(hours=5), timedelta(days=400))
    for index, age in enumerate(ages):
        await db.execute(
            "INSERT INTO campaign_minutes (organisation_id, campaign_id, minute, attempts, live_answers, abandoned)"
            " VALUES ($1, $2, date_trunc('minute', $3::timestamptz), 20, $4, 1)",
            centre.organisation,
            centre.outbound,
            now - age,
            10**index,
        )
    (campaign,) = (await now_of(centre, token))["campaigns"]
    assert (campaign["liveAnswers"], campaign["abandoned"]) == (1111, 4)


async def test_alerts_come_and_go_and_are_the_organisations_own(
    app: Any, db: Database, centre: Centre, token: str, addresses: list[str]
) -> None:
    other = await make_centre(db, app)
    others_token = await token_of(db, other, other.user)
    now = datetime.now(UTC)
    rule, of = AlertRule("Trunks", "node-down", severity="critical"), Subject("trunk", "trunk", holds=True)
    async with stream(addresses[0], token) as connection, stream(addresses[1], others_token) as elsewhere:
        floor, _, _ = await until_current(connection, {})
        assert floor["alerts"] == []
        await until_current(elsewhere, {})
        await alerts.fire(db, centre.organisation, rule, None, of, now)
        (message,) = await read(connection, 1)
        (seen,) = message["alerts"]["changed"]
        assert (seen["rule"], seen["kind"], seen["about"]) == ("Trunks", "node-down", "trunk")
        # another process finds the same
        await alerts.fire(db, centre.organisation, rule, None, of, now)
        await alerts.acknowledge(db, centre.organisation, seen["alertId"], centre.user, now)
        (message,) = await read(connection, 1)
        assert [each["acknowledgedBy"] for each in message["alerts"]["changed"]] == ["John Doe"]
        await alerts.clear(db, centre.organisation, "Trunks", "trunk", now)
        (message,) = await read(connection, 1)
        assert message["alerts"] == {"changed": [], "gone": [seen["alertId"]]}
        # the next thing that the others hear is their own
        await alerts.fire(db, other.organisation, rule, None, of, now)
        (message,) = await read(elsewhere, 1)
        assert len(message["alerts"]["changed"]) == 1


async def test_what_the_destination_policy_did_is_kept_for_a_day(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    for minutes in (1500, 80, 20, 0):
        await raise_alarm(
            db, centre.organisation, Alarm("near", "calls-per-day", None), now - timedelta(minutes=minutes)
        )
    kept = "SELECT count(*) FROM floor_alarms WHERE organisation_id = $1"
    assert await db.fetchval(kept, centre.organisation) == 3
