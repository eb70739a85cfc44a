"""A real browser for every test of the console, that reaches nothing but the server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from tests.chromium import ALONE
from tests.console.desk_page import FIRST_MS

# what is expected may take as long as any page: half of these would otherwise have five seconds
expect.set_options(timeout=FIRST_MS)


@pytest.fixture(scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", *ALONE])
        yield started
        await started.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A person's browser: its own storage. Whatever the policy forbids, or a script fails at, fails the test."""
    opened = await browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-AU", reduced_motion="reduce")
    opened.set_default_timeout(FIRST_MS)
    faults: list[str] = []
    opened.on("weberror", lambda error: faults.append(str(error.error)))
    opened.on(
        "console",
        lambda said: faults.append(said.text) if said.type == "error" and "Content Security" in said.text else None,
    )
    yield opened
    await opened.close()
    assert not faults
