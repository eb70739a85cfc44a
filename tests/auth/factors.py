"""Authenticator apps of people in tests."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pyotp

from callfloor.store.db.pool import Database
from tests.auth.people import PASSWORD, browser, sign_in
from tests.conftest import Centre


class App:
    """An authenticator app that has the secret. Each code is taken once: `code(0)`, then `code(1)`."""

    def __init__(self, secret: str) -> None:
        self._app, self._began = pyotp.TOTP(secret), time.time()

    def code(self, later: int = 0) -> str:
        """Of so many steps after the first."""
        return self._app.at(self._began, counter_offset=later)


async def demand(db: Database, centre: Centre, *roles: str) -> None:
    """Let the organisation demand a second factor of holders of these roles."""
    sql = "UPDATE organisations SET second_factor = $2 WHERE organisation_id = $1"
    await db.execute(sql, centre.organisation, list(roles))
    await db.execute("SELECT pg_notify('callfloor_tokens', '')")


async def begin(client: httpx2.AsyncClient) -> App:
    """An app with a secret that is not confirmed yet."""
    answer = await client.post("/auth/v1/factors/totp", json={"currentPassword": PASSWORD})
    assert answer.status_code == 201, answer.text
    return App(answer.json()["secret"])


async def enrol(app: Any, username: str) -> tuple[App, list[str]]:
    """Set up an app for a user; it, having given `code(0)`, and the recovery codes."""
    async with browser(app) as client:
        assert (await sign_in(client, username)).status_code == 200
        device = await begin(client)
        answer = await client.post("/auth/v1/factors/totp/confirm", json={"code": device.code()})
        assert answer.status_code == 200, answer.text
        return device, answer.json()["recoveryCodes"]
