"""Supervisors move work and callers who wait; administrators help people to sign in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage
from tests.console.test_floor import MARKUP, SHOWN, supervisor
from tests.engine.test_inbound import CALLER, PATIENT, QUEUE, exchange, own, pause

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]

__all__ = ["own"]


def http(events: str) -> str:
    return events.replace("ws:", "http:").removesuffix("/workspace/v1/events")


async def test_a_promised_callback_is_given_to_an_agent_and_back_to_the_queue(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    at = (datetime.now(UTC) + timedelta(days=1)).replace(hour=1).isoformat(timespec="seconds")
    lead = {"listId": centre.list_id, "phone1": CALLER, "customerKey": MARKUP, "nextAttemptTimestamp": at}
    lead |= {"agentId": centre.agent}
    (await centre.client.post("/leads", json=lead)).raise_for_status()
    async with served(app) as events:
        page = await supervisor(db, centre, context, http(events))
        await page.page.get_by_role("link", name="Work", exact=True).click()
        row = page.page.get_by_role("row").filter(has_text=MARKUP)
        await expect(row).to_contain_text("John Doe", timeout=FIRST_MS)
        assert await page.faults() == []
        await row.get_by_role("button", name="Give to").click()
        assert await page.faults() == []
        await page.page.get_by_role("dialog").get_by_role("button", name="Move").dblclick()
        await expect(row).to_contain_text("whoever is free", timeout=FIRST_MS)
        await expect(row).to_contain_text("moved by a supervisor")
        for kind, nothing in (("E-mails", "No e-mails wait"), ("What callers left", "Nothing is left to do")):
            await page.button(kind).click()
            await page.says(nothing)
        assert await page.faults() == []


async def test_a_caller_who_waits_is_let_go_from_the_wallboard(
    app: Any, db: Database, centre: Centre, own: Database, settings: Settings, context: BrowserContext
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, agents), served(app) as events:
        await pause(centre, up, *agents)
        page = await supervisor(db, centre, context, http(events))
        up.carrier.call_in(number, CALLER, PATIENT)
        waiting = page.page.get_by_role("button", name=f"What to do with {SHOWN}")
        await waiting.click(timeout=FIRST_MS)
        assert await page.faults() == []
        await page.page.get_by_role("dialog").get_by_role("button", name="Hang up").click()
        await expect(waiting).to_have_count(0, timeout=FIRST_MS)
        await expect(page.page.get_by_role("dialog")).to_have_count(0)


async def test_a_person_gets_a_link_that_sets_a_password_and_is_signed_out_everywhere(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        page = await supervisor(db, centre, context, http(events))
        await page.page.get_by_role("link", name="People", exact=True).click()
        await page.page.get_by_label("Find by name").fill("agent.doe")
        row = page.page.get_by_role("row").filter(has_text="agent.doe")
        await expect(row).to_have_count(1, timeout=FIRST_MS)
        assert await page.faults() == []
        await row.get_by_role("link").click()
        await page.shows("John Doe")
        await page.says("Nowhere")
        await page.button("Make a link").click()
        link = await page.page.locator("code").inner_text(timeout=FIRST_MS)
        assert "/#/set-password/" in link
        assert await page.faults() == []
        # the agent's own browser
        other = await context.browser.new_context(reduced_motion="reduce")  # type: ignore[union-attr]
        agent = DeskPage(await other.new_page(), http(events))
        await agent.page.goto(f"{http(events)}/#{link.partition('#')[2]}")
        await agent.page.get_by_label("New password").fill("quartz lantern heron")
        await agent.page.get_by_label("The same again").fill("quartz lantern heron")
        await agent.press("Enter")
        await agent.says("Your password is set. Sign in with it.")
        name = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
        await agent.page.get_by_label("User name").fill("agent.doe")
        await agent.page.get_by_label("Password").fill("quartz lantern heron")
        if await agent.page.get_by_label("Organisation").count():
            await agent.page.get_by_label("Organisation").fill(name)
        await agent.press("Enter")
        await agent.shows("Desk")
        await page.page.reload()
        await page.button("Sign out everywhere").click()
        assert await page.faults() == []
        await page.page.get_by_role("dialog").get_by_role("button", name="Sign out everywhere").click()
        await page.says("Nowhere")
        await other.close()
