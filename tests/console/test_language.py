"""The console speaks the language of the browser, or the one that a person chose."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from callfloor.store.db.pool import Database
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]


@pytest.mark.parametrize(("locale", "speaks", "button"), [("de-AT", "de", "Anmelden"), ("fr-FR", "en", "Sign in")])
async def test_the_first_page_is_in_the_browsers_language_where_it_is_known(
    app: Any, db: Database, centre: Centre, browser: Browser, locale: str, speaks: str, button: str
) -> None:
    context = await browser.new_context(locale=locale, reduced_motion="reduce")
    try:
        async with served(app) as events:
            page = DeskPage(
                await context.new_page(), events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
            )
            await page.page.goto(page.address)
            await expect(page.button(button)).to_be_visible(timeout=FIRST_MS)
            assert await page.page.evaluate("document.documentElement.lang") == speaks
            assert await page.faults() == []
    finally:
        await context.close()


async def test_a_language_that_was_chosen_stays(app: Any, db: Database, centre: Centre, browser: Browser) -> None:
    context = await browser.new_context(locale="en-AU", reduced_motion="reduce")
    try:
        async with served(app) as events:
            page = DeskPage(
                await context.new_page(), events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
            )
            await page.page.goto(page.address)
            await page.page.get_by_label("Language").select_option("Deutsch")
            await expect(page.button("Anmelden")).to_be_visible(timeout=FIRST_MS)
            await page.page.reload()
            await expect(page.button("Anmelden")).to_be_visible(timeout=FIRST_MS)
    finally:
        await context.close()
