"""Events over the WebSocket: whatever is cut, none is lost and none comes twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from callfloor.api.workspace.socket import Connection
from callfloor.app.api import api
from callfloor.contract.codes import SCOPES
from callfloor.contract.workspace import AtHand, Party
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.api.desks import RINGING, add_agent, client_of, publish, token_of
from tests.api.sockets import read, served, stream
from tests.conftest import Centre, make_centre

SOCKET = "callfloor.api.workspace.socket"


@pytest.fixture(scope="module")
async def addresses(app: Any, dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[list[str]]:
    """Two API processes on one database."""
    of_other = Settings(data=tmp_path_factory.mktemp("other"), requests_per_second=100_000)
    async with api(of_other, dsn) as other, served(app) as first, served(other) as second:
        yield [first, second]


@pytest.fixture
async def token(db: Database, centre: Centre) -> str:
    return await token_of(db, centre, centre.agent)


_NUMBERS = itertools.count()


async def happen(db: Database, centre: Centre, count: int) -> None:
    """Things that happen at the desk, each another than before."""
    for _ in range(count):
        await publish(db, centre, AtHand(wrap_up_seconds=10 * next(_NUMBERS)))


def sequences(messages: list[dict[str, Any]]) -> list[int]:
    return [message["sequence"] for message in messages if message["type"] != "heartbeat"]


async def events(connection: ClientConnection, count: int) -> list[dict[str, Any]]:
    """So many events, whatever else is said between them."""
    got: list[dict[str, Any]] = []
    while len(got) < count:
        got += [each for each in await read(connection, 1) if each["type"] != "heartbeat"]
    return got


async def closed(connection: ClientConnection) -> tuple[int, str, list[int]]:
    """The code and reason with which the server closes the connection, and what it sent before."""
    got: list[int] = []
    while True:
        try:
            got += sequences(await read(connection, 1))
        except ConnectionClosed as end:
            frame = end.rcvd
            break
    assert frame is not None
    return frame.code, frame.reason, got


async def test_a_snapshot_comes_first_and_then_what_happens(
    db: Database, centre: Centre, token: str, addresses: list[str]
) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    async with stream(addresses[0], token) as connection:
        (snapshot,) = await read(connection, 1)
        async with client_of(centre, token) as client:
            assert snapshot["session"] == (await client.get("/session")).json()
            assert (snapshot["type"], snapshot["sequence"]) == ("snapshot", 1)
            await client.put("/session", json={"state": "ready"})
        (event,) = await read(connection, 1)
        assert (event["type"], event["sequence"]) == ("session", 2)
        assert (event["session"]["state"], event["session"]["call"]["state"]) == ("dialling", "ringing")
        assert event["session"]["wanted"] == "ready"
        async with client_of(centre, token) as client:
            assert (await client.get("/events?after=1")).json() == {"events": [event], "sequence": 2}


async def test_who_goes_on_from_a_sequence_is_told_at_once_when_that_is_all(
    db: Database, centre: Centre, token: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # what comes for silence alone does not come in this test
    monkeypatch.setattr(f"{SOCKET}.HEARTBEAT_S", 600.0)
    for happened in (0, 3):
        start = (await db.fetchval("SELECT max(sequence) FROM workspace_events WHERE agent_id = $1", centre.agent)) or 0
        await happen(db, centre, happened)
        async with stream(addresses[0], token, f"?after={start}") as connection:
            messages = await read(connection, happened + 1)
        assert [each["sequence"] for each in messages] == [*range(start + 1, start + happened + 1), start + happened]
        assert [each["type"] for each in messages][-1:] == ["heartbeat"]


async def test_a_stream_that_is_cut_anywhere_goes_on_without_loss(
    db: Database, centre: Centre, token: str, addresses: list[str]
) -> None:
    """At every position of a stream of events, while they go on happening, and at another process."""
    count = 8
    for cut in range(count + 1):
        start = (await db.fetchval("SELECT max(sequence) FROM workspace_events WHERE agent_id = $1", centre.agent)) or 0
        happening = asyncio.create_task(happen(db, centre, count))
        got: list[int] = []
        async with stream(addresses[cut % 2], token, f"?after={start}") as connection:
            got += sequences(await events(connection, cut))
        async with stream(addresses[(cut + 1) % 2], token, f"?after={(got or [start])[-1]}") as connection:
            got += sequences(await events(connection, count - cut))
        await happening
        assert got == list(range(start + 1, start + count + 1))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 6), max_size=8))
async def test_a_stream_that_is_cut_again_and_again_goes_on_without_loss(
    db: Database, app: Any, addresses: list[str], cuts: list[int]
) -> None:
    centre = await make_centre(db, app)
    token = await token_of(db, centre, centre.agent)
    happening = asyncio.create_task(happen(db, centre, 30))
    # the end state must follow from a snapshot and what comes behind it
    async with stream(addresses[0], token) as connection:
        (snapshot,) = await read(connection, 1)
    got = [snapshot["sequence"]]
    last = snapshot["session"]
    for number, cut in enumerate([*cuts, 30]):
        async with stream(addresses[number % 2], token, f"?after={got[-1]}") as connection:
            while cut and got[-1] < 30:
                (event,) = await read(connection, 1)
                if event["type"] != "heartbeat":
                    got.append(event["sequence"])
                    last = event["session"]
                    cut -= 1
    await happening
    assert got == list(range(got[0], 31))
    async with client_of(centre, token) as client:
        now = (await client.get("/session")).json()
    assert now | {"wrapUpSeconds": None} == last | {"wrapUpSeconds": None}
    await centre.client.aclose()


async def test_who_was_away_too_long_begins_again_with_a_snapshot(
    db: Database, centre: Centre, token: str, addresses: list[str]
) -> None:
    await happen(db, centre, 5)
    await db.execute("DELETE FROM workspace_events WHERE agent_id = $1 AND sequence < 4", centre.agent)
    for after, expected in ((2, [("snapshot", 5)]), (3, [("call.changed", 4), ("call.changed", 5)])):
        async with stream(addresses[0], token, f"?after={after}") as connection:
            messages = await read(connection, len(expected))
            assert [(each["type"], each["sequence"]) for each in messages] == expected
    # a sequence that never was: of a database before it was restored
    async with stream(addresses[0], token, "?after=99") as connection:
        assert (await read(connection, 1))[0]["type"] == "snapshot"


async def test_a_lost_database_connection_heals(db: Database, centre: Centre, token: str, addresses: list[str]) -> None:
    async with stream(addresses[0], token, "?after=0") as connection:
        await happen(db, centre, 1)
        await events(connection, 1)
        await db.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
        )
        while True:
            try:
                await happen(db, centre, 3)
                break
            except Exception:  # noqa: BLE001 - connections of this test's pool were cut as well
                await asyncio.sleep(0.01)
        assert sequences(await events(connection, 3)) == [2, 3, 4]


async def test_a_slow_client_is_told_so_and_goes_on_later(
    db: Database, centre: Centre, token: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{SOCKET}.SEND_S", 0.2)
    given_up = asyncio.Event()

    async def close(self: Any, code: int, reason: str) -> None:
        given_up.set()
        await really(self, code, reason)

    really = Connection._close  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(Connection, "_close", close)
    parties = tuple(Party(party=n, agent_id=n, number=None, state="joined") for n in range(60))
    count = 60
    for number in range(count):
        await publish(db, centre, AtHand(call=replace(RINGING, parties=parties, activity_id=number)))
    port = int(addresses[0].split(":")[2].split("/")[0])
    narrow = socket.create_connection(("127.0.0.1", port))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    async with stream(addresses[0], token, "?after=0", sock=narrow, max_queue=1, ping_interval=None) as connection:
        # nothing is read meanwhile
        await asyncio.wait_for(given_up.wait(), 30)
        code, _, got = await closed(connection)
        assert code == 4408
    assert 0 < len(got) < count
    async with stream(addresses[0], token, f"?after={got[-1]}") as connection:
        got += sequences(await events(connection, count - len(got)))
    assert got == list(range(1, count + 1))


async def test_a_quiet_connection_beats_and_ends_with_its_token(
    db: Database, centre: Centre, token: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{SOCKET}.HEARTBEAT_S", 0.05)
    async with stream(addresses[0], token) as connection:
        messages = await read(connection, 3)
        assert [each["type"] for each in messages] == ["snapshot", "heartbeat", "heartbeat"]
        await tokens.revoke(db, centre.organisation, int((await tokens.every(db, centre.organisation))[-1]["token_id"]))
        assert (await closed(connection))[0] == 4401


async def test_the_token_may_come_in_the_first_message(
    db: Database, centre: Centre, token: str, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stream(addresses[0], None) as connection:
        await connection.send(json.dumps({"token": token}))
        assert (await read(connection, 1))[0]["type"] == "snapshot"
        # and nothing after it
        await connection.send("hello")
        assert (await closed(connection))[0] == 4400
    for wrong in ('{"token": "cf_1_x"}', '{"token": 5}', "nonsense", b"\xff"):
        async with stream(addresses[0], None) as connection:
            await connection.send(wrong)
            assert (await closed(connection))[0] == 4401
    monkeypatch.setattr(f"{SOCKET}.SIGN_IN_S", 0.05)
    async with stream(addresses[0], None) as connection:
        assert await closed(connection) == (4401, "No token came in time.", [])


async def test_who_may_not_listen_is_told_why(
    db: Database, centre: Centre, other_centre: Centre, token: str, addresses: list[str]
) -> None:
    other = await add_agent(db, centre, "jane.roe")
    supervisor = await token_of(db, centre, centre.user)
    program = await tokens.create(db, centre.organisation, "program", SCOPES)
    for given_token, query, code in (
        ("cf_1_x", "", 4401),
        (token, "?after=x", 4422),
        (token, "?before=1", 4422),
        (token, f"?agentId={other}", 4403),
        (token, f"?agentId={other_centre.agent}", 4403),
        (program, "", 4403),
        (supervisor, "", 4409),
        (supervisor, f"?agentId={other_centre.agent}", 4404),
        (supervisor, f"?agentId={other_centre.agent}&after=0", 4404),
    ):
        async with stream(addresses[0], given_token, query) as connection:
            assert (await closed(connection))[0] == code, query


async def test_a_supervisor_watches_an_agent(db: Database, centre: Centre, addresses: list[str]) -> None:
    supervisor = await token_of(db, centre, centre.user)
    async with stream(addresses[0], supervisor, f"?agentId={centre.agent}") as connection:
        assert (await read(connection, 1))[0]["session"]["agentId"] == centre.agent
        await publish(db, centre, AtHand(call=RINGING), "call.ringing")
        assert (await read(connection, 1))[0]["session"]["call"]["number"] == RINGING.number


async def test_another_address_takes_no_websocket(addresses: list[str]) -> None:
    with pytest.raises(InvalidStatus):
        await connect(addresses[0].replace("/events", "/session"))
