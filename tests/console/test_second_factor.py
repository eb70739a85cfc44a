"""People set up an authenticator app on their page, and are asked for its code."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.store.db.pool import Database
from tests.api.sockets import served
from tests.auth.factors import App, demand
from tests.auth.people import PASSWORD
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage, person_of
from tests.console.test_floor import supervisor

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]


async def enrol(page: DeskPage) -> App:
    """From the button to the recovery codes, which are kept."""
    code = page.page.locator("code").first
    app = App((await code.inner_text(timeout=FIRST_MS)).replace(" ", ""))
    await page.page.get_by_label("Then enter the code that it shows").fill(app.code())
    assert await page.faults() == []
    await page.button("Go on").click()
    await page.button("I have kept them").click()
    return app


async def test_an_app_is_set_up_on_ones_own_page_and_asked_for_from_then_on(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.goto(f"{address}/account")
        await page.button("Set up an authenticator app").click()
        dialog = page.page.get_by_role("dialog")
        await dialog.get_by_label("Current password").fill(PASSWORD)
        await page.press("Enter")
        await dialog.get_by_role("button", name="Set up an authenticator app").click()
        device = await enrol(page)
        await expect(page.page.get_by_text("10 recovery codes are left.")).to_be_visible(timeout=FIRST_MS)
        assert await page.faults() == []
        await context.clear_cookies()
        await page.page.goto(address)
        await page.sign_in(await person_of(db, centre, centre.user))
        code = page.page.get_by_label("Code", exact=True)
        await code.wait_for()
        assert await page.faults() == []
        # who reloads here is asked for the code, not for the password again
        await page.page.reload()
        await code.fill("000000")
        await page.press("Enter")
        await page.says("The code is wrong, too old, or was used before.")
        await code.fill(device.code(1))
        await page.press("Enter")
        await page.shows("Floor")


async def test_who_needs_a_second_factor_sets_it_up_before_anything_else(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    await db.execute("UPDATE users SET roles = '{administrator}' WHERE user_id = $1", centre.user)
    await demand(db, centre, "administrator")
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = DeskPage(await context.new_page(), address)
        await page.page.goto(address)
        await page.sign_in(await person_of(db, centre, centre.user))
        await page.button("Set up an authenticator app").click()
        await enrol(page)
        await page.shows("Floor")
