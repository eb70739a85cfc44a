"""An agent's desk in a real browser, on a real floor with a simulated carrier."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Request, expect

from callfloor.settings import Settings
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.people import sessions
from tests.api.sockets import served
from tests.auth.people import PASSWORD
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage, Person, person_of
from tests.engine.test_inbound import CALLER, PATIENT, QUEUE, Exchange, exchange, own
from tests.waiting import until

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]

__all__ = ["own"]

MARKUP = '<img src=x onerror="document.title=1"><b>Jane</b>'
SHOWN = "+61 491 570 156"


@dataclass
class Place:
    """A floor with one agent, and the server that its desk speaks to."""

    app: Any
    db: Database
    centre: Centre
    up: Exchange
    number: str
    person: Person
    address: str
    server: AsyncExitStack

    def calls_in(self) -> None:
        self.up.carrier.call_in(self.number, CALLER, PATIENT)

    async def server_goes(self) -> None:
        await self.server.aclose()

    async def server_comes_back(self) -> None:
        await self.server.enter_async_context(served(self.app, int(self.address.rpartition(":")[2])))

    async def keeps_on_the_server(self, draft: dict[str, Any]) -> bool:
        found = await self.db.fetchval(
            "SELECT 1 FROM call_drafts WHERE organisation_id = $1 AND content @> $2::text::jsonb",
            self.centre.organisation,
            json.dumps(draft),
        )
        return found is not None

    async def last_call(self) -> dict[str, Any]:
        answer = await self.centre.client.get(f"/activities?campaignId={self.centre.inbound}")
        return answer.json()["items"][0]["data"]


@pytest.fixture
async def place(app: Any, db: Database, centre: Centre, own: Database, settings: Settings) -> AsyncIterator[Place]:
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 10, 'Solved')", centre.organisation, centre.inbound)
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 11, $3)", centre.organisation, centre.inbound, MARKUP)
    lead = {"listId": centre.list_id, "phone1": CALLER, "leadData": {"firstName": MARKUP, "plan": MARKUP}}
    (await centre.client.post("/leads", json=lead)).raise_for_status()
    person = await person_of(db, centre, centre.agent)
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _), AsyncExitStack() as server:
        events = await server.enter_async_context(served(app))
        await agents.sign_out(db, centre.organisation, centre.agent, datetime.now(UTC))
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        yield Place(app, db, centre, up, number, person, address, server)


async def test_a_wrong_password_is_refused_in_words_and_a_right_one_opens_the_desk(
    place: Place, context: BrowserContext
) -> None:
    page = DeskPage(await context.new_page(), place.address)
    await page.page.goto(place.address)
    assert await page.faults() == []
    await page.sign_in(place.person, "not the password")
    await page.says("The name or the password is wrong, or the account is closed.")
    await page.sign_in(place.person)
    await page.shows("Desk")
    await page.says("Press Ready to take calls.")
    assert await page.faults() == []


async def test_a_call_is_taken_and_wrapped_up_by_keyboard_alone(place: Place, context: BrowserContext) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+y")
    await desk.says("The next call comes by itself. You will hear it.")
    place.calls_in()
    await desk.shows(SHOWN)
    await desk.says("Connected")
    # text of others is text
    await desk.shows(MARKUP)
    assert await desk.page.title() == "Desk · Callfloor"
    assert await desk.faults() == []
    await desk.press("Alt+h")
    await desk.says("On hold")
    await desk.can("Hold")
    await desk.press("Alt+h")
    await desk.says("Connected")
    await desk.can("Transfer")
    await desk.press("Alt+t")
    await desk.shows("Give the call to somebody, or ask first")
    assert await desk.faults() == []
    await desk.press("Escape", "Alt+x")
    await desk.says("Call ended")
    await expect(desk.page.get_by_role("radio", name="Solved")).to_be_focused()
    assert await desk.faults() == []
    # four keys at most for the common case: these are two
    await desk.press("1", "Enter")
    await desk.says("The next call comes by itself. You will hear it.")
    assert (await place.last_call())["wrapCode"] == 10


async def test_a_reload_in_mid_call_keeps_call_page_and_what_was_typed(place: Place, context: BrowserContext) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+y")
    await desk.says("The next call comes by itself. You will hear it.")
    place.calls_in()
    await desk.says("Connected")
    await desk.page.get_by_label("Note").fill("wants a brochure")
    await desk.page.get_by_text("Solved").click()
    # a page that has a call asks before it goes
    desk.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await desk.page.reload()
    await desk.shows(SHOWN)
    await desk.says("Connected")
    await expect(desk.page.get_by_label("Note")).to_have_value("wants a brochure")
    await expect(desk.page.get_by_role("radio", name="Solved")).to_be_checked()
    await desk.press("Alt+x")
    await desk.says("Call ended")
    await desk.press("Alt+Enter")
    await desk.says("The next call comes by itself. You will hear it.")
    call = await place.last_call()
    assert call["wrapCode"] == 10
    leads = (await place.centre.client.get(f"/leads?listId={place.centre.list_id}")).json()["items"]
    assert leads[0]["dataFields"]["note"] == "wants a brochure"


async def test_what_was_typed_is_there_in_another_browser_though_the_tab_went_at_once(
    place: Place, context: BrowserContext, browser: Browser
) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+y")
    await desk.says("The next call comes by itself. You will hear it.")
    place.calls_in()
    await desk.says("Connected")
    await desk.page.get_by_label("Note").press_sequentially("wants a brochure")
    await desk.page.get_by_text("Solved").click()
    desk.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    # no pause in typing comes before the tab is gone
    await desk.page.close(run_before_unload=True)
    # the tab's last request outlives it; whoever looks before it is there would not ask again
    await until(lambda: place.keeps_on_the_server({"note": "wants a brochure", "wrapCode": 10}))
    elsewhere = await browser.new_context(locale="en-AU", reduced_motion="reduce")
    other = await DeskPage.signed_in(elsewhere, place.address, place.person, able="Hold")
    await expect(other.page.get_by_label("Note")).to_have_value("wants a brochure", timeout=FIRST_MS)
    await expect(other.page.get_by_role("radio", name="Solved")).to_be_checked()
    # both go on typing: neither loses anything to the other
    back = await DeskPage.signed_in(context, place.address, place.person, able="Hold")
    await expect(back.page.get_by_label("Note")).to_have_value("wants a brochure", timeout=FIRST_MS)
    await other.page.get_by_label("Note").fill("wants a brochure by mail")
    await other.says("What you type is kept on the server.")
    await back.page.get_by_label("Note").fill("wants a brochure today")
    note = back.page.get_by_label("Note")
    await expect(note).to_have_value("wants a brochure by mail\ntoday", timeout=FIRST_MS)
    await back.says("What you type is kept on the server.")
    await elsewhere.close()


async def test_a_lost_line_is_said_and_what_was_missed_comes_when_it_is_back(
    place: Place, context: BrowserContext
) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+y")
    await desk.says("The next call comes by itself. You will hear it.")
    await place.server_goes()
    lost = desk.page.get_by_text("Not connected since")
    await expect(lost).to_be_visible(timeout=FIRST_MS)
    await expect(desk.button("Pause")).to_have_attribute("aria-disabled", "true")
    place.calls_in()
    await place.server_comes_back()
    await expect(lost).to_be_hidden(timeout=FIRST_MS)
    await desk.says("Connected")
    await expect(desk.button("Hold")).not_to_have_attribute("aria-disabled", "true")


async def test_a_double_click_does_nothing_twice(place: Place, context: BrowserContext) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.post_data or "")

    desk.page.on("request", note)
    await desk.button("Ready").first.dblclick()
    await desk.says("The next call comes by itself. You will hear it.")
    place.calls_in()
    await desk.says("Connected")
    await desk.button("Hold").dblclick()
    await desk.says("On hold")
    await desk.button("Hang up").dblclick()
    await desk.says("Call ended")
    assert [each.split('"')[3] for each in sent] == ["ready", "hold", "hangUp"]


async def test_every_tab_shows_the_call_and_any_can_act(place: Place, context: BrowserContext) -> None:
    first = await DeskPage.signed_in(context, place.address, place.person)
    second = await DeskPage.signed_in(context, place.address, place.person)
    await second.press("Alt+y")
    await first.says("The next call comes by itself. You will hear it.")
    place.calls_in()
    await first.says("Connected")
    await second.says("Connected")
    await first.press("Alt+h")
    await second.says("On hold")
    await second.press("Alt+x")
    await first.says("Call ended")


async def test_a_session_that_ended_asks_to_sign_in_over_the_page_and_keeps_what_was_typed(
    place: Place, context: BrowserContext, db: Database
) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+y")
    await desk.says("The next call comes by itself. You will hear it.")
    place.calls_in()
    await desk.says("Connected")
    await desk.page.get_by_label("Note").fill("wants a brochure")
    await sessions.end_all(db, place.centre.organisation, place.centre.agent)
    await desk.shows("Sign in again")
    assert await desk.faults() == []
    dialog = desk.page.get_by_role("dialog")
    await dialog.get_by_label("Password").fill(PASSWORD)
    organisation = dialog.get_by_label("Organisation")
    if await organisation.count() > 0:
        await organisation.fill(place.person.organisation)
    await desk.press("Enter")
    await desk.can("Hold")
    await expect(desk.page.get_by_label("Note")).to_have_value("wants a brochure")
    await desk.says("Connected")


async def test_who_signs_out_is_out_in_every_tab(place: Place, context: BrowserContext) -> None:
    first = await DeskPage.signed_in(context, place.address, place.person)
    second = await DeskPage.signed_in(context, place.address, place.person)
    await first.button("Sign out").click()
    await first.page.get_by_role("dialog").get_by_role("button", name="Sign out").click()
    await expect(first.page.get_by_label("Password")).to_be_visible(timeout=FIRST_MS)
    await second.shows("Sign in again")
