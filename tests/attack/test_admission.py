"""Sign-ins that fail, tokens of any form, and connections that outlive what let them in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from callfloor.api.rate import FAILURES_AT_ONCE, RateLimits, map_memory
from callfloor.api.token_cache import MOST_UNKNOWN, TokenCache
from callfloor.app.api import api
from callfloor.contract.centre import User
from callfloor.contract.codes import SCOPES
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.setup import centres
from tests.api.desks import token_of
from tests.api.sockets import served, stream
from tests.conftest import Centre

Row = dict[str, Any]


@pytest.fixture(scope="module")
async def strict(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Any]:
    """An API with the limits that a server has by default, but for the rate of a good token."""
    settings = Settings(
        data=tmp_path_factory.mktemp("strict"), requests_per_second=100_000, failed_sign_ins_per_second=0.01,
        sockets_per_token=3,
    )  # fmt: skip
    async with api(settings, dsn) as application:
        yield application


def client(app: Any, token: str, address: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 1)),
        base_url="http://callfloor.test/platform-api/v3.0",
        headers={"Authorization": f"Bearer {token}"},
    )


@pytest.mark.parametrize(
    ("number", "token"), list(enumerate(["cf_1_" + "A" * 43, "x", "", "cf_1_" + "A" * 44, "cf_99999999999999999999_x"]))
)
async def test_an_address_that_keeps_failing_is_told_to_wait(strict: Any, number: int, token: str) -> None:
    async with client(strict, token, f"192.0.2.{number + 1}") as guesser:
        told = [(await guesser.get("/users")).status_code for _ in range(FAILURES_AT_ONCE + 5)]
        refused = await guesser.get("/users")
    assert told == [401] * FAILURES_AT_ONCE + [429] * 5
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["Content-Type"] == "application/problem+json"


async def test_who_shares_an_address_with_a_guesser_goes_on_working(strict: Any, centre: Centre) -> None:
    async with client(strict, centre.token, "192.0.2.50") as good, client(strict, "guess", "192.0.2.50") as guesser:
        assert (await good.get("/users")).status_code == 200
        for _ in range(FAILURES_AT_ONCE + 5):
            await guesser.get("/users")
        assert (await guesser.get("/users")).status_code == 429
        assert (await good.get("/users")).status_code == 200
    async with client(strict, "guess", "192.0.2.51") as elsewhere:
        assert (await elsewhere.get("/users")).status_code == 401


@given(st.lists(st.floats(0, 2), max_size=300))
def test_an_address_is_barred_when_and_as_long_as_its_failures_are_too_many(gaps: list[float]) -> None:
    limits = RateLimits(map_memory(None), 1, failures_per_second=5.0)
    at, heard = 1_000.0, 0
    for gap in gaps:
        at += gap
        wait_s = limits.barred("192.0.2.1", now=at)
        if wait_s:
            assert not limits.barred("192.0.2.1", now=at + wait_s)
        else:
            limits.failed("192.0.2.1", now=at)
            heard += 1
        assert heard <= FAILURES_AT_ONCE + 5.0 * (at - 1_000.0) + 1


async def test_unknown_tokens_of_any_length_take_no_memory(db: Database, centre: Centre) -> None:
    assert tokens.key_of("cf_1_" + "A" * 8_000_000) is None
    cache = TokenCache(db)
    good = tokens.key_of(centre.token)
    assert good is not None
    assert await cache.find(good) is not None
    for number in range(MOST_UNKNOWN + 50):
        unknown = tokens.key_of(f"cf_{centre.organisation}_{number:043d}")
        assert unknown is not None
        assert await cache.find(unknown) is None
    assert len(cache._unknown) == MOST_UNKNOWN  # pyright: ignore[reportPrivateUsage]
    assert cache.seen(good)


async def _end(connection: ClientConnection) -> int | None:
    """The code with which the server closes the connection."""
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            while True:
                await connection.recv()
    return connection.close_code


async def _row(db: Database, centre: Centre, name: str) -> Row:
    (row,) = [row for row in await tokens.every(db, centre.organisation) if row["name"] == name]
    return dict(row)


async def test_a_revoked_token_closes_its_websocket(db: Database, centre: Centre, strict: Any) -> None:
    token = await token_of(db, centre, centre.agent)
    async with served(strict) as address, stream(address, token) as connection:
        await connection.recv()
        await tokens.revoke(db, centre.organisation, (await _row(db, centre, "desk"))["token_id"])
        assert await _end(connection) == 4401


async def test_a_token_that_expires_closes_its_websocket(db: Database, centre: Centre, strict: Any) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    given = {"expires_at": soon, "user_id": centre.agent}
    token = await tokens.create(db, centre.organisation, "brief", ["workspace"], **given)
    async with served(strict) as address, stream(address, token) as connection:
        await connection.recv()
        assert await _end(connection) == 4401
    assert datetime.now(UTC) >= soon


async def test_a_closed_account_closes_its_websocket(db: Database, centre: Centre, strict: Any) -> None:
    token = await token_of(db, centre, centre.agent)
    async with served(strict) as address, stream(address, token) as connection:
        await connection.recv()
        async with db.transaction():
            closed = User("agent.doe", "agent", "John", "Doe", account_active=False)
            await centres.update_user(db, centre.organisation, centre.agent, closed)
        assert await _end(connection) == 4401


@pytest.mark.parametrize("scopes", [["leads:read"], [scope for scope in SCOPES if scope not in ("workspace", "admin")]])
async def test_a_websocket_needs_the_scope_that_the_request_needs(
    db: Database, centre: Centre, strict: Any, scopes: list[str]
) -> None:
    token = await tokens.create(db, centre.organisation, "other", scopes, user_id=centre.agent)
    async with served(strict) as address, stream(address, token) as connection:
        assert await _end(connection) == 4403


async def test_a_token_has_so_many_websockets_at_most(db: Database, centre: Centre, strict: Any) -> None:
    token = await token_of(db, centre, centre.agent)
    async with served(strict) as address:
        async with stream(address, token) as one, stream(address, token) as two, stream(address, token) as three:
            for each in (one, two, three):
                await each.recv()
            async with stream(address, token) as fourth:
                assert await _end(fourth) == 4429
        # those who left make room
        async with asyncio.timeout(30):
            while await _first(address, token) != "snapshot":
                pass


async def _first(address: str, token: str) -> str:
    async with stream(address, token) as connection:
        try:
            return json.loads(await connection.recv())["type"]
        except ConnectionClosed:
            return "closed"
