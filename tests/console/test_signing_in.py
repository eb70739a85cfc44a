"""Who signs in is asked for all that the server needs, however fast they are and however slow it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Route

from callfloor.store.db.pool import Database
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import DeskPage, person_of

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]


async def test_nobody_is_asked_for_less_than_the_server_needs(
    app: Any, db: Database, centre: Centre, other_centre: Centre, context: BrowserContext
) -> None:
    """Both organisations have somebody of this name: without the organisation the right password would be refused."""
    await person_of(db, other_centre, other_centre.user)
    await db.execute("UPDATE users SET roles = '{supervisor}' WHERE user_id = $1", centre.user)
    person = await person_of(db, centre, centre.user)
    answered = asyncio.Event()

    async def late(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    async with served(app) as events:
        page = DeskPage(await context.new_page(), events.replace("ws:", "http:").removesuffix("/workspace/v1/events"))
        await page.page.route("**/auth/v1/options*", late)
        async with page.page.expect_request("**/auth/v1/options*"):
            await page.page.goto(page.address)
        await page.says("Loading…")
        assert await page.page.get_by_label("User name").count() == 0
        assert await page.faults() == []
        answered.set()
        await page.sign_in(person)
        await page.shows("Floor")
