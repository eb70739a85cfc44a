"""A rule is made on a page; what it finds stands above the floor, is silenced and acknowledged, and is found again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.jobs.watching.alerts import Watch
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts
from tests.api.desks import wait_in_queue
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS
from tests.console.test_floor import supervisor

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]


async def test_a_rule_finds_a_caller_who_waits_and_a_supervisor_sees_to_it(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.goto(f"{address}/set-up/alerts")
        await page.says("There are no rules yet")
        assert await page.faults() == []
        # by keyboard alone
        await page.page.get_by_label("Name", exact=True).focus()
        await page.page.keyboard.type("Nobody <b>waits</b>")
        await page.page.get_by_label("When", exact=True).select_option("Callers waiting")
        await page.page.get_by_label("Limit", exact=True).fill("1")
        await page.page.get_by_label("After (seconds)", exact=True).fill("0")
        await page.page.keyboard.press("Enter")
        row = page.page.get_by_role("row").filter(has_text="Nobody <b>waits</b>")
        await expect(row).to_contain_text("Every campaign", timeout=FIRST_MS)
        assert await page.faults() == []
        now = datetime.now(UTC)
        await wait_in_queue(db, centre, now - timedelta(seconds=30))
        await Watch(db).round(now)
        await page.page.get_by_role("link", name="Floor", exact=True).click()
        banner = page.page.get_by_role("region", name="Alerts")
        await expect(banner).to_contain_text("Support Inbound: 1 callers wait.", timeout=FIRST_MS)
        # nobody is startled
        await expect(banner.get_by_role("button", name="Sound off")).to_be_visible()
        assert await page.faults() == []
        await banner.get_by_role("button", name="Silence: Support Inbound").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Silence…").click()
        await expect(banner).to_have_count(0, timeout=FIRST_MS)
        await page.page.get_by_role("link", name="Alerts", exact=True).click()
        found = page.page.get_by_role("row").filter(has_text="Support Inbound: 1 callers wait.")
        await expect(found).to_contain_text("silenced until", timeout=FIRST_MS)
        assert await page.faults() == []
        await page.button("End the silence").click()
        await page.button("Acknowledge: Support Inbound: 1 callers wait.").click()
        await expect(found).to_contain_text("acknowledged by John Doe", timeout=FIRST_MS)
        await alerts.clear(db, centre.organisation, "Nobody <b>waits</b>", str(centre.inbound), now)
        await page.button("Over").click()
        await expect(found).to_contain_text("acknowledged by John Doe", timeout=FIRST_MS)
        assert await page.faults() == []
