"""People who sign in: users with passwords, and clients that hold their cookies."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2

from callfloor.api.auth import hashing
from callfloor.contract.centre import User
from callfloor.contract.users import UserType
from callfloor.store.db.pool import Database
from callfloor.store.people import passwords
from callfloor.store.setup import centres
from tests.conftest import Centre

PASSWORD = "heron lantern quartz"
HASH = hashing.HASHER.hash(PASSWORD)


async def add_user(
    db: Database, centre: Centre, roles: Sequence[str] = (), user_type: UserType = "user", name: str | None = None
) -> tuple[str, int]:
    """Username and id of a new user, whose password is `PASSWORD`."""
    username = name or f"person.{secrets.token_hex(4)}"
    user = User(username, user_type, "Pat", "Person", roles=tuple(roles))
    async with db.transaction():
        user_id = await centres.insert_user(db, centre.organisation, user)
        await passwords.put(db, centre.organisation, user_id, HASH, datetime.now(UTC))
    return username, user_id


def browser(app: Any, address: str = "192.0.2.1", **headers: str) -> httpx2.AsyncClient:
    """A client without a token, that keeps cookies as a page of ours would."""
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 1)),
        base_url="http://callfloor.test",
        headers={"X-Callfloor-CSRF": "1", "Origin": "http://callfloor.test", **headers},
    )


async def sign_in(client: httpx2.AsyncClient, username: str, password: str = PASSWORD) -> httpx2.Response:
    return await client.post("/auth/v1/session", json={"username": username, "password": password})


@asynccontextmanager
async def signed_in(app: Any, username: str, address: str = "192.0.2.1") -> AsyncGenerator[httpx2.AsyncClient]:
    async with browser(app, address) as client:
        answer = await sign_in(client, username)
        assert answer.status_code == 200, answer.text
        yield client
