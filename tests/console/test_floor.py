"""Pages of supervisors and administrators in a real browser, on a real floor with a simulated carrier."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.jobs.watching.alerts import Watch
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.figures.floor_alarms import Alarm, raise_alarm
from callfloor.store.people import passwords
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage, person_of
from tests.engine.test_inbound import CALLER, PATIENT, QUEUE, exchange, own
from tests.waiting import until

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]

__all__ = ["own"]

MARKUP = '<img src=x onerror="document.title=1"><b>Jane</b>'
SHOWN = "+61 491 570 156"


async def supervisor(db: Database, centre: Centre, context: BrowserContext, address: str) -> DeskPage:
    """An administrator, at the first page."""
    await db.execute("UPDATE users SET roles = '{administrator}' WHERE user_id = $1", centre.user)
    page = DeskPage(await context.new_page(), address)
    await page.page.goto(address)
    await page.sign_in(await person_of(db, centre, centre.user))
    await page.shows("Floor")
    return page


async def _how(page: DeskPage, path: str, wanted: list[str]) -> bool:
    """Whether these supervisors are shown to the agent, by how they listen."""
    session = await page.page.evaluate("path => fetch(path).then(answer => answer.json())", path)
    return [each["how"] for each in session["call"]["monitoredBy"]] == wanted


async def test_the_floor_is_pushed_and_every_page_of_a_call_leads_to_the_next(
    app: Any, db: Database, centre: Centre, own: Database, settings: Settings, context: BrowserContext
) -> None:
    lead = {"listId": centre.list_id, "phone1": CALLER, "leadData": {"firstName": MARKUP, "plan": MARKUP}}
    (await centre.client.post("/leads", json=lead)).raise_for_status()
    await db.execute(
        "UPDATE users SET last_name = $2 WHERE organisation_id = $1 AND user_type = 'agent'",
        centre.organisation,
        MARKUP,
    )
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)), served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        row = page.page.get_by_role("row").filter(has_text=f"John {MARKUP}")
        await expect(row).to_contain_text("Ready", timeout=FIRST_MS)
        up.carrier.call_in(number, CALLER, PATIENT)
        await expect(row).to_contain_text("On a call", timeout=FIRST_MS)
        await expect(row).to_contain_text(SHOWN)
        assert await page.faults() == []
        # supervisors who are heard: by the agent at once, by the customer after a question
        await row.get_by_role("button", name="Whisper to").click()
        await page.says(f"Your phone rings: you are put through to John {MARKUP}'s call. The agent sees it.")
        await row.get_by_role("button", name="Talk in").click()
        await page.says(
            "Your phone rings, and from then on everybody in the call hears you, the customer too. The agent is told."
        )
        assert await page.faults() == []
        await page.button("Talk in the call").click()
        shown = f"/workspace/v1/agents/{agent}/session"
        await until(lambda: _how(page, shown, ["barge"]))
        await row.get_by_role("button", name="Leave").click()
        await until(lambda: _how(page, shown, []))
        await raise_alarm(
            db, centre.organisation, Alarm("near", "agent-calls-per-day", centre.agent), datetime.now(UTC)
        )
        await Watch(db).round(datetime.now(UTC))
        alerts = page.page.get_by_role("region", name="Alerts")
        await expect(alerts).to_contain_text("Nearly used up: the agent's calls of today.", timeout=FIRST_MS)
        await expect(alerts).to_contain_text(f"John {MARKUP}")
        assert await page.faults() == []
        await page.page.get_by_role("link", name="Calls", exact=True).click()
        await page.shows("Calls and e-mails")
        assert await page.faults() == []
        await page.page.locator("tbody a").first.click()
        await page.shows(SHOWN)
        await page.says("What happened")
        assert await page.faults() == []
        for path, heading in (("/campaigns", "Campaigns"), (f"/campaigns/{centre.outbound}", "Support Outbound")):
            await page.page.goto(address + path)
            await page.shows(heading)
            assert await page.faults() == []
        await page.page.goto(f"{address}/leads")
        await page.page.get_by_role("link", name=MARKUP).click()
        await page.shows(MARKUP)
        await page.says("Is it called, and why?")
        await page.says("The lead is not completed.")
        assert await page.faults() == []
        assert "Callfloor" in await page.page.title()


async def test_a_file_is_checked_imported_and_its_mistakes_are_named(
    app: Any, db: Database, centre: Centre, context: BrowserContext, tmp_path: Path
) -> None:
    file = tmp_path / "leads.csv"
    file.write_text(f"Cell,name\n+61491570006,{MARKUP}\n12,Bad\n")
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.goto(f"{address}/imports")
        await page.shows("Import leads")
        assert await page.faults() == []
        await page.page.locator("input[type=file]").set_input_files(file)
        await expect(page.button("Import")).to_have_attribute("aria-disabled", "true")
        await page.button("Check").click()
        # nobody imports in this test: what was taken in is what can be seen without a worker
        await expect(page.page.get_by_label("What Cell becomes")).to_have_value("phone1", timeout=FIRST_MS)
        assert await page.faults() == []


async def test_a_number_is_blocked_found_and_lifted_with_a_reason(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.get_by_role("link", name="Do not call", exact=True).click()
        await page.says("No number is blocked")
        assert await page.faults() == []
        await page.page.get_by_label("Block a number").fill("0491 570 156")
        await page.page.get_by_label("Reason", exact=True).fill(MARKUP)
        await page.button("Block").dblclick()
        row = page.page.get_by_role("row").filter(has_text=SHOWN)
        await expect(row).to_have_count(1, timeout=FIRST_MS)
        await expect(row).to_contain_text(MARKUP)
        await row.get_by_role("button", name="Lift").click()
        await page.page.get_by_label("Why may the number be called again?").fill("asked for it")
        assert await page.faults() == []
        await page.page.get_by_role("dialog").get_by_role("button", name="Lift").click()
        await page.says("No number is blocked")


async def test_a_customer_is_erased_after_a_look_and_the_certificate_is_kept(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    lead = {"listId": centre.list_id, "phone1": CALLER}
    (await centre.client.post("/leads", json=lead)).raise_for_status()
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = await supervisor(db, centre, context, address)
        await page.page.goto(f"{address}/privacy")
        await page.page.get_by_label("Number").fill(CALLER)
        await page.button("Show what there is").click()
        await page.says("This would be erased")
        assert (await centre.client.get(f"/leads?listId={centre.list_id}")).json()["items"] != []
        assert await page.faults() == []
        await page.button("Erase for good").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Erase for good").click()
        await page.says("This was erased")
        async with page.page.expect_download() as download:
            await page.button("Download the certificate").click()
        assert (await download.value).suggested_filename.startswith("erasure-")
        assert (await centre.client.get(f"/leads?listId={centre.list_id}")).json()["items"] == []


async def test_a_password_is_set_by_a_link_changed_and_its_sessions_are_shown(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    await db.execute("UPDATE users SET roles = '{supervisor}' WHERE user_id = $1", centre.user)
    person = await person_of(db, centre, centre.user)
    link = await passwords.add_link(db, centre.organisation, centre.user, datetime.now(UTC) + timedelta(hours=1))
    async with served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        page = DeskPage(await context.new_page(), address)
        await page.page.goto(f"{address}/#/set-password/{link}")
        await page.page.get_by_label("New password").fill("quartz lantern heron")
        await page.page.get_by_label("The same again").fill("quartz lantern heron")
        assert await page.faults() == []
        await page.press("Enter")
        await page.says("Your password is set. Sign in with it.")
        await page.sign_in(person, "quartz lantern heron")
        await page.page.get_by_role("navigation").wait_for()
        await page.page.goto(f"{address}/account")
        await page.shows("Your account")
        await page.says("here")
        assert await page.faults() == []
        await page.page.get_by_label("Name of the token").fill("report")
        await page.button("Make a token").click()
        await expect(page.page.get_by_text("Copy it now, it is shown only once:")).to_be_visible(timeout=FIRST_MS)
