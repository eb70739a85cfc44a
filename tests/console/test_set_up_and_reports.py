"""An administrator changes the centre on a page, and a supervisor reads figures of a period with a plot."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS
from tests.console.test_floor import supervisor
from tests.engine.test_inbound import CALLER, PATIENT, QUEUE, calls, exchange, own
from tests.waiting import until

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]

__all__ = ["own"]

TEAM = "SELECT name FROM teams WHERE organisation_id = $1"


async def test_a_centre_file_is_mended_looked_at_and_put_into_effect(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.get_by_role("link", name="Set-up", exact=True).click()
        text = page.page.get_by_label("Centre file (TOML)")
        await expect(text).not_to_have_value("", timeout=FIRST_MS)
        assert await page.faults() == []
        as_it_is = await text.input_value()
        await text.fill(f'{as_it_is}\n[[teams]]\nname = "Night shift"\nmembres = ["agent.doe"]\n')
        await page.button("Show what changes").click()
        await page.says("1 mistake")
        assert await page.faults() == []
        line = as_it_is.count("\n") + 4
        await page.button(f"line {line}").click()
        marked = "el => el.value.slice(el.selectionStart, el.selectionEnd)"
        assert await text.evaluate(marked) == 'membres = ["agent.doe"]'
        await text.fill(f'{as_it_is}\n[[teams]]\nname = "Night shift"\nmembers = ["agent.doe"]\n')
        await page.button("Show what changes").click()
        await page.says("1 change would be made")
        assert await page.faults() == []
        assert await db.fetchval(TEAM, centre.organisation) is None
        await page.button("Put into effect").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Put into effect").dblclick()
        await page.says("Look at the changes first")
        assert await db.fetchval(TEAM, centre.organisation) == "Night shift"
        await page.button("Show what changes").click()
        await page.says("Nothing would change")


async def test_figures_of_a_week_are_plotted_and_grouped(
    app: Any, db: Database, centre: Centre, own: Database, settings: Settings, context: BrowserContext
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _), served(app) as events:
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: _one(centre))
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.get_by_role("link", name="Reports", exact=True).click()
        await page.page.get_by_label("Report", exact=True).select_option("Callers")
        total = page.page.locator("tfoot tr")
        await expect(total.locator("td").first).to_have_text("1", timeout=FIRST_MS)
        await expect(page.page.get_by_role("img", name="Calls received")).to_be_visible(timeout=FIRST_MS)
        assert await page.faults() == []
        await page.page.get_by_label("By", exact=True).select_option("queue")
        await expect(page.page.get_by_role("cell", name="Support Inbound")).to_have_count(1, timeout=FIRST_MS)
        assert await page.faults() == []
        # the address has the report: whoever opens it sees the same
        await page.page.reload()
        await expect(page.page.get_by_role("cell", name="Support Inbound")).to_have_count(1, timeout=FIRST_MS)


async def test_a_figure_opens_what_it_counts_and_a_report_is_saved_opened_and_deleted(
    app: Any, db: Database, centre: Centre, own: Database, settings: Settings, context: BrowserContext
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _), served(app) as events:
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: _one(centre))
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.get_by_role("link", name="Reports", exact=True).click()
        await page.page.get_by_label("Report", exact=True).select_option("Callers")
        await page.page.get_by_label("By", exact=True).select_option("queue")
        figure = page.page.get_by_role("link", name="1: show what Calls received counts")
        await expect(figure).to_have_count(1, timeout=FIRST_MS)
        await page.button("Save this report").click()
        dialog = page.page.get_by_role("dialog")
        await dialog.get_by_label("Name").fill("Callers <b>today</b>")
        await dialog.get_by_label("Period").select_option("today")
        assert await page.faults() == []
        await dialog.get_by_role("button", name="Save this report").dblclick()
        opens = page.button("Open Callers <b>today</b>")
        await expect(opens).to_have_count(1, timeout=FIRST_MS)
        # whatever is shown meanwhile
        await page.page.get_by_label("Report", exact=True).select_option("E-mails")
        await expect(figure).to_have_count(0, timeout=FIRST_MS)
        await opens.click()
        await expect(page.page.get_by_role("heading", name="Callers <b>today</b>")).to_have_count(1, timeout=FIRST_MS)
        assert await page.faults() == []
        await figure.click()
        await page.shows("Calls received")
        await expect(page.page.locator("tbody tr")).to_have_count(1, timeout=FIRST_MS)
        await page.says("1 in all")
        assert await page.faults() == []
        await page.page.locator("tbody a").click()
        await expect(page.page.get_by_role("heading", level=1)).not_to_have_text("Calls received", timeout=FIRST_MS)
        await page.page.goto(f"{address}/reports")
        await page.button("Delete Callers <b>today</b>").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
        await page.says("None yet: choose what to see, and save it.")
        assert (
            await db.fetchval("SELECT count(*) FROM saved_reports WHERE organisation_id = $1", centre.organisation) == 0
        )


async def _one(centre: Centre) -> bool:
    return len(await calls(centre)) == 1
