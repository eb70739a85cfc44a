"""A supervisor asks what a campaign would come to, sees it as a plot and a table, and cancels another question."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.jobs import what_ifs as jobs
from callfloor.store.db.pool import Database
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS
from tests.console.test_floor import supervisor

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]
LEFT = "SELECT count(*) FROM what_ifs WHERE organisation_id = $1"


async def test_a_campaign_is_simulated_and_a_question_is_cancelled(
    app: Any, db: Database, centre: Centre, context: BrowserContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "WALL_S", 0.0)
    async with served(app) as events:
        page = await supervisor(
            db, centre, context, events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        )
        await page.page.get_by_role("link", name="What if", exact=True).click()
        await page.says("Nothing has been simulated yet")
        assert await page.faults() == []
        agents = page.page.get_by_label("Agents", exact=True)
        await agents.fill("two")
        await page.button("Simulate").click()
        await page.says("Enter one to twelve whole numbers from 1 to 200, with commas.")
        await agents.fill("2, 3")
        await page.page.get_by_label("Predictive").uncheck()
        await page.page.locator("summary").click()
        await page.page.get_by_label("Instead: Talk").fill("60")
        assert await page.faults() == []

        await page.button("Simulate").click()
        await page.says("Waits for its turn…")
        assert await page.faults() == []
        # nobody works on it yet
        await page.button("Cancel the simulation").click()
        await page.says("Nothing has been simulated yet")
        assert await db.fetchval(LEFT, centre.organisation) == 0

        await page.button("Simulate").dblclick()
        await page.says("Waits for its turn…")
        work = asyncio.create_task(jobs.simulate_next(db))
        await page.shows("What it would come to")
        assert await work
        await expect(page.page.get_by_role("img")).to_have_count(2, timeout=FIRST_MS)
        table = page.page.get_by_role("table", name="What it would come to")
        await expect(table.locator("tbody tr")).to_have_count(2)
        await expect(table.locator("tbody tr").first).to_contain_text("Progressive")
        await expect(table.locator("tbody tr").first).to_contain_text("±")
        assert await page.faults() == []
        assert await db.fetchval(LEFT, centre.organisation) == 1
        await page.page.get_by_role("button", name="Delete the one of").click()
        await page.says("Nothing has been simulated yet")
