"""People add a passkey on their page and use it at sign-in, in a real Chromium with its virtual authenticator."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import BrowserContext, CDPSession, Page, expect

from callfloor.app.api import api
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.api.sockets import served
from tests.auth.factors import demand
from tests.auth.people import PASSWORD
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage, person_of

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]


@asynccontextmanager
async def named(settings: Settings, api_dsn: str) -> AsyncGenerator[str]:
    """Where people reach a server by a name: browsers make no passkeys for a number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"
    async with api(settings.model_copy(update={"public_url": address}), api_dsn) as app, served(app, port):
        yield address


async def authenticator(page: Page) -> tuple[CDPSession, str]:
    """Put a device into the browser that unlocks itself."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session, made["authenticatorId"]


async def test_a_passkey_is_added_on_ones_own_page_and_asked_for_from_then_on(
    settings: Settings, api_dsn: str, db: Database, centre: Centre, context: BrowserContext
) -> None:
    await db.execute("UPDATE users SET roles = '{supervisor}' WHERE user_id = $1", centre.user)
    async with named(settings, api_dsn) as address:
        page = DeskPage(await context.new_page(), address)
        session, device = await authenticator(page.page)
        await page.page.goto(address)
        person = await person_of(db, centre, centre.user)
        await page.sign_in(person)
        await page.shows("Floor")
        await page.page.goto(f"{address}/account")
        await page.button("Add a passkey").click()
        dialog = page.page.get_by_role("dialog")
        await dialog.get_by_label("Current password").fill(PASSWORD)
        await page.press("Enter")
        await dialog.get_by_label("Name of the passkey").fill("work laptop")
        assert await page.faults() == []
        await page.press("Enter")
        await page.button("I have kept them").click()
        await expect(page.page.get_by_role("cell", name="work laptop", exact=True)).to_be_visible(timeout=FIRST_MS)
        assert await page.faults() == []
        await context.clear_cookies()
        await page.page.goto(address)
        await page.sign_in(person)
        use = page.button("Use a passkey")
        await use.wait_for()
        assert await page.faults() == []
        # somebody who does not unlock it is told what to do
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
        await use.click()
        await page.says("No passkey was shown. Try again, or use a code.")
        await session.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": True})
        await use.click()
        await page.shows("Floor")
        await page.page.goto(f"{address}/account")
        await page.button("Remove work laptop").click()
        await page.page.get_by_role("dialog").get_by_label("Current password").fill(PASSWORD)
        await page.press("Enter")
        await expect(page.page.get_by_text("Only your password is asked for.")).to_be_visible(timeout=FIRST_MS)


async def test_who_needs_a_second_factor_may_take_a_passkey(
    settings: Settings, api_dsn: str, db: Database, centre: Centre, context: BrowserContext
) -> None:
    await db.execute("UPDATE users SET roles = '{supervisor}' WHERE user_id = $1", centre.user)
    await demand(db, centre, "supervisor")
    async with named(settings, api_dsn) as address:
        page = DeskPage(await context.new_page(), address)
        await authenticator(page.page)
        await page.page.goto(address)
        await page.sign_in(await person_of(db, centre, centre.user))
        await page.button("Add a passkey").click()
        await page.page.get_by_label("Name of the passkey").fill("blue key")
        await page.press("Enter")
        await page.button("I have kept them").click()
        await page.shows("Floor")
