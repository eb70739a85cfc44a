"""An administrator writes and publishes a workflow, uploads and hears prompts, closes, and lets a program in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.store.db.pool import Database
from callfloor.telephony.sound import tone
from tests.api.sockets import served
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage
from tests.console.test_floor import supervisor

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]
ADMIN = "http://callfloor.test/admin/v1"
STEPS = [{"name": "bye", "type": "hangup"}]
FIRST_STEP = "SELECT steps->0->>'name' FROM workflows WHERE organisation_id = $1"


def address_of(events: str) -> str:
    return events.replace("ws:", "http:").removesuffix("/workspace/v1/events")


async def part(page: DeskPage, name: str) -> None:
    await page.page.get_by_role("link", name="Set-up", exact=True).click()
    await page.page.get_by_role("navigation", name="Parts of the set-up").get_by_role("link", name=name).click()
    await page.shows(name)


async def test_a_workflow_is_written_checked_published_and_brought_back(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    await centre.client.post(f"{ADMIN}/workflows", json={"name": "Main line", "steps": STEPS})
    async with served(app) as events:
        page = await supervisor(db, centre, context, address_of(events))
        await part(page, "Workflows")
        await page.page.get_by_role("link", name="Main line").click()
        text = page.page.get_by_label("Draft (TOML)")
        await expect(text).to_have_value('numbers = []\nstart = "bye"\n\n[[steps]]\nname = "bye"\ntype = "hangup"\n')
        assert await page.faults() == []
        await text.fill('[[steps]]\nname = "hello"\ntype = "prompt"\nprompt = "nobody"\n')
        await page.button("Save and check").click()
        await page.says("1 fault")
        assert await page.faults() == []
        await page.button("line 4").click()
        marked = "el => el.value.slice(el.selectionStart, el.selectionEnd)"
        assert await text.evaluate(marked) == 'prompt = "nobody"'
        await expect(page.button("Publish")).to_have_attribute("aria-disabled", "true")

        await text.fill('[[steps]]\nname = "later"\ntype = "hangup"\n')
        await page.button("Save and check").click()
        await page.says("No faults")
        assert await db.fetchval(FIRST_STEP, centre.organisation) == "bye"
        await page.button("Publish").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Publish").click()
        await page.says("Version 2 is in force")
        assert await db.fetchval(FIRST_STEP, centre.organisation) == "later"
        await page.button("Bring back: 1").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Bring back").click()
        await page.says("in force · brought back 1")
        assert await db.fetchval(FIRST_STEP, centre.organisation) == "bye"
        assert await page.faults() == []


DRAFT = """\
[[steps]]
name = "hello"
type = "queue"
campaign = "Support Inbound"
options = { 1 = "bye", 2 = "hello" }

[[steps]]
name = "bye"
type = "hangup"
"""


async def test_a_workflow_is_drawn_while_it_is_written_and_a_test_call_goes_through_it(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    await centre.client.post(f"{ADMIN}/workflows", json={"name": "Main line", "steps": STEPS})
    async with served(app) as events:
        page = await supervisor(db, centre, context, address_of(events))
        await part(page, "Workflows")
        await page.page.get_by_role("link", name="Main line").click()
        picture = page.page.get_by_role("region", name="The workflow as a picture")
        await expect(picture.get_by_role("button", name="bye, Hang up")).to_be_visible(timeout=FIRST_MS)
        text = page.page.get_by_label("Draft (TOML)")
        await text.fill(DRAFT.replace('2 = "hello"', '2 = "<b>nobody</b>"'))
        wrong = picture.get_by_role("button", name="hello, Queue; step <b>nobody</b>")
        await expect(wrong).to_be_visible(timeout=FIRST_MS)
        assert await page.faults() == []
        # a box leads to its line, by keyboard too
        await wrong.focus()
        await page.press("Enter")
        marked = "el => el.value.slice(el.selectionStart, el.selectionEnd)"
        await expect(text).to_be_focused()
        assert await text.evaluate(marked) == "[[steps]]"
        # what cannot be read leaves the picture as it was
        await text.fill(f"{DRAFT}[[steps]\n")
        await page.says("The text cannot be read: what you see is what it was before.")
        await expect(wrong).to_be_visible()
        await text.fill(DRAFT)
        await expect(picture.get_by_role("button", name="hello, Queue", exact=True)).to_be_visible(timeout=FIRST_MS)

        await page.page.get_by_label("Keys").fill("2s,1")
        await page.button("Call").click()
        await page.says("The workflow ends the call")
        rows = page.page.get_by_role("table", name="Where the caller went").locator("tbody tr")
        await expect(rows).to_have_text(["0:00hellocame to it", "0:02hellopressed 1", "0:02byecame to it"])
        await expect(picture.get_by_role("button", name="bye, Hang up; the test call went through it")).to_be_visible()
        await page.page.get_by_text("As a list").click()
        assert await page.faults() == []
        # the call was of another text
        await text.fill(DRAFT.replace("hello", "hi"))
        await expect(page.page.get_by_role("table", name="Where the caller went")).to_have_count(0)


async def test_a_sound_is_uploaded_heard_and_not_removed_while_it_is_played(
    app: Any, db: Database, centre: Centre, context: BrowserContext, tmp_path: Path
) -> None:
    file = tmp_path / "greeting.wav"
    file.write_bytes(tone())
    async with served(app) as events:
        page = await supervisor(db, centre, context, address_of(events))
        await part(page, "Prompts")
        await page.says("There are no prompts yet")
        await page.page.get_by_label("Name of the prompt").fill("greeting")
        await page.page.locator("input[type=file]").set_input_files(file)
        await page.button("Upload").click()
        await page.says("prompts/greeting.wav")
        assert await page.faults() == []
        await page.button("Listen to greeting").click()
        sound = page.page.locator("audio")
        await expect(sound).to_be_visible(timeout=FIRST_MS)
        await sound.evaluate("el => new Promise(done => el.readyState ? done() : (el.onloadedmetadata = done))")
        assert round(await sound.evaluate("el => el.duration"), 1) == 1.0

        steps = [{"name": "hello", "type": "prompt", "prompt": "greeting"}]
        await centre.client.post(f"{ADMIN}/workflows", json={"name": "Main line", "steps": steps})
        await page.button("Who plays it? greeting").click()
        await page.says("step hello of workflow Main line")
        await page.button("Remove: greeting").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(page.page.get_by_role("dialog")).to_contain_text("is still used by", timeout=FIRST_MS)
        assert await page.faults() == []


async def test_the_centre_is_closed_and_opened_and_a_closure_is_planned(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    await centre.client.post(f"{ADMIN}/workflows", json={"name": "Main line", "steps": STEPS})
    async with served(app) as events:
        page = await supervisor(db, centre, context, address_of(events))
        await part(page, "Closures")
        await page.button("Close: Main line").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).last.click()
        await expect(page.button("Open again: Main line")).to_be_visible(timeout=FIRST_MS)
        assert await page.faults() == []
        await page.button("Open again: Main line").click()
        await expect(page.button("Close: Main line")).to_be_visible(timeout=FIRST_MS)
        await page.page.get_by_label("Occasion").fill("Staff outing")
        await page.page.get_by_label("Begins").fill("2090-12-10T13:00")
        await page.page.get_by_label("Ends").fill("2090-12-10T18:00")
        await page.button("Plan it").click()
        await expect(page.page.get_by_role("cell", name="Staff outing", exact=True)).to_be_visible(timeout=FIRST_MS)
        begins = "SELECT begins_at::text FROM planned_closures WHERE organisation_id = $1"
        # the organisation's zone, in summer
        assert await db.fetchval(begins, centre.organisation) == "2090-12-10 02:00:00+00"
        assert await page.faults() == []
        await page.button("Remove: Staff outing").click()
        await page.says("Nothing is planned")


async def test_a_program_is_let_in_and_shut_out(
    app: Any, db: Database, centre: Centre, context: BrowserContext
) -> None:
    async with served(app) as events:
        page = await supervisor(db, centre, context, address_of(events))
        await part(page, "Tokens of programs")
        await page.page.get_by_label("What it is for").fill("crm")
        await page.page.get_by_label("leads:read").check()
        await page.button("Make a token").click()
        await page.says("Copy it now")
        secret = await page.page.get_by_role("dialog").locator("code").inner_text()
        assert secret.startswith(f"cf_{centre.organisation}_")
        assert await page.faults() == []
        await page.button("Done").click()
        await expect(page.page.get_by_role("cell", name="crm", exact=True)).to_be_visible(timeout=FIRST_MS)
        assert secret not in await page.page.content()
        await page.button("Revoke: crm").click()
        await page.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        row = page.page.get_by_role("row").filter(has=page.page.get_by_role("cell", name="crm", exact=True))
        await expect(row).to_contain_text("revoked", timeout=FIRST_MS)
        assert await page.faults() == []
