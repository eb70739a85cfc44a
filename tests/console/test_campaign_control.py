"""Campaigns are started, stopped and weighed from their page, after a look at what that touches."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

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

ACTIVE = "SELECT active FROM campaigns WHERE organisation_id = $1 AND campaign_id = $2"
WEIGHT = "SELECT weight, in_dialler FROM lists WHERE organisation_id = $1 AND list_id = $2"


async def test_a_campaign_is_stopped_after_what_that_touches_was_shown_and_started_again(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.goto(f"{address}/campaigns/{centre.outbound}")
        await page.says("The campaign is on")
        # why it dials nobody, and by which rule
        waits = page.page.get_by_role("listitem").filter(has_text="No agent of the campaign is signed in.")
        await expect(waits).to_contain_text("(rule: agents)", timeout=FIRST_MS)
        await page.button("Stop at once").click()
        dialog = page.page.get_by_role("dialog")
        await expect(dialog).to_contain_text("0 lines that ring, and callers who wait, are let go.", timeout=FIRST_MS)
        assert await page.faults() == []
        await dialog.get_by_role("button", name="Cancel").click()
        assert await db.fetchval(ACTIVE, centre.organisation, centre.outbound) is True
        await page.button("Stop, let calls finish").click()
        await dialog.get_by_role("button", name="Stop, let calls finish").dblclick()
        await page.says("The campaign is off")
        assert await db.fetchval(ACTIVE, centre.organisation, centre.outbound) is False
        await page.page.reload()
        await page.says("The campaign is off")
        await page.button("Start").click()
        await dialog.get_by_role("button", name="Start").click()
        await page.says("The campaign is on")
        assert await db.fetchval(ACTIVE, centre.organisation, centre.outbound) is True


async def test_weights_are_set_and_a_list_is_taken_out_while_the_campaign_runs(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.goto(f"{address}/campaigns/{centre.outbound}")
        weight = page.page.get_by_label("Weight of List One")
        await weight.wait_for()
        await expect(page.button("Save weights")).to_have_attribute("aria-disabled", "true")
        await weight.fill("7")
        await page.page.get_by_label("Dial List One").uncheck()
        assert await page.faults() == []
        await page.button("Save weights").click()
        said = page.page.get_by_text("The weights hold for calls that are placed from now on")
        await expect(said.first).to_be_attached(timeout=FIRST_MS)
        await expect(weight).to_have_value("7")
        assert tuple(await db.fetchrow(WEIGHT, centre.organisation, centre.list_id) or ()) == (7, False)


async def test_a_queue_has_its_figures_too(app: Any, db: Database, centre: Centre, context: BrowserContext) -> None:
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.goto(f"{address}/campaigns/{centre.inbound}")
        await page.shows("Support Inbound")
        await page.says("Service level")
        assert await page.faults() == []
