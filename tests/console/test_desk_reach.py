"""The desk from elsewhere: links that call, another page that shows it, a window above others, keys of one's own, a tab
that the browser froze."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
from playwright.async_api import Browser, BrowserContext, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from callfloor.app.api import api
from callfloor.cli.demo import free_port
from callfloor.settings import Settings
from tests.api.sockets import served
from tests.conftest import alone
from tests.console import test_desk
from tests.console.desk_page import FIRST_MS, DeskPage
from tests.console.test_desk import SHOWN, Place
from tests.engine.test_inbound import own
from tests.waiting import until

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    pytest.mark.timeout(120),
]

place = test_desk.place
__all__ = ["own", "place"]
READY = "The next call comes by itself. You will hear it."
NUMBER = "+61 491 570 157"


async def test_a_chord_that_a_person_changed_works_and_the_old_one_does_not(
    place: Place, context: BrowserContext
) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+/")
    await desk.page.get_by_role("button", name="Change the keys for: Ready").click()
    await desk.press("q")
    await desk.says("Hold Alt or Ctrl with it: single keys are for typing.")
    await desk.press("Alt+p")
    await desk.says("Alt+P is taken: Pause.")
    await desk.press("Alt+Shift+q")
    await expect(desk.page.get_by_role("row", name="Ready")).to_contain_text("Alt+Shift+Q")
    assert await desk.faults() == []
    await desk.press("Escape")
    await desk.page.reload()
    await desk.can("Pause")
    await desk.press("Alt+y")
    await expect(desk.page.get_by_text("Press Ready to take calls.")).to_be_visible()
    await desk.press("Alt+Shift+q")
    await desk.says(READY)


async def test_chords_that_are_switched_off_do_nothing(place: Place, context: BrowserContext) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+/")
    await desk.page.get_by_label("Use keyboard shortcuts").uncheck()
    await desk.press("Escape", "Alt+y", "Alt+/")
    await expect(desk.page.get_by_role("dialog")).to_be_hidden()
    await expect(desk.page.get_by_text("Press Ready to take calls.")).to_be_visible()


async def test_a_link_to_a_number_opens_the_dialog_and_calls_nobody_by_itself(
    place: Place, context: BrowserContext
) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    posted: list[str] = []
    desk.page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    await desk.page.goto(f"{place.address}/desk?dial=tel:{NUMBER.replace(' ', '')};ext=9")
    number = desk.page.get_by_role("textbox", name="Number")
    await expect(number).to_have_value(NUMBER.replace(" ", ""), timeout=FIRST_MS)
    assert posted == []
    # loaded again it does not open once more
    assert "dial" not in desk.page.url


async def test_the_floating_bar_shows_the_call_and_acts_on_it(place: Place, context: BrowserContext) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+y")
    await desk.says(READY)
    place.calls_in()
    await desk.says("Connected")
    async with context.expect_page() as opened:
        await desk.button("Float the call above other windows").click()
    bar = await opened.value
    await expect(bar.get_by_text("Connected")).to_be_visible(timeout=FIRST_MS)
    await bar.get_by_role("button", name="Hold").click()
    await desk.says("On hold")
    await bar.get_by_role("button", name="Hang up").click()
    await desk.says("Call ended")


async def test_a_page_that_may_shows_the_desk_hears_of_calls_and_offers_numbers(
    place: Place, context: BrowserContext, settings: Settings, dsn: str
) -> None:
    # the desk has to know who may show it before that page can name the desk
    port = free_port()
    allowed = settings.model_copy(update={"embed_origins": f"http://127.0.0.1:{port}"})
    async with api(allowed, dsn) as app, served(app) as events:
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        await DeskPage.signed_in(context, address, place.person)
        async with crm_at(address, port) as at:
            page = await context.new_page()
            await page.goto(at)
            desk = page.frame_locator("iframe")
            await desk.get_by_role("button", name="Ready").first.click(timeout=FIRST_MS)
            await expect(desk.get_by_text(READY)).to_be_visible(timeout=FIRST_MS)
            await page.evaluate(
                "([to, number]) => desk().postMessage({callfloor: 1, type: 'dial', number}, to)",
                [address, "0491570157"],
            )
            await expect(desk.get_by_role("textbox", name="Number")).to_have_value("0491570157", timeout=FIRST_MS)
            await page.keyboard.press("Escape")
            place.calls_in()
            await expect(page.locator("#said")).to_contain_text('"type":"connected"', timeout=FIRST_MS)
            await expect(page.locator("#said")).to_contain_text(SHOWN.replace(" ", ""))


@asynccontextmanager
async def crm_at(address: str, port: int) -> AsyncGenerator[str]:
    """A page of somebody else that shows the desk, and writes down what that tells it."""
    text = f"""<!doctype html><title>CRM</title><pre id=said></pre>
    <iframe title=Desk src="{address}/desk?embed" width=900 height=700></iframe>
    <script>
      const desk = () => document.querySelector("iframe").contentWindow;
      addEventListener("message", (event) => {{
        if (event.origin === "{address}") said.textContent += JSON.stringify(event.data) + "\\n";
      }});
    </script>"""

    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse(text)

    async with served(Starlette(routes=[Route("/", page)]), port) as at:
        yield at.replace("ws:", "http:").removesuffix("/workspace/v1/events")


async def test_a_tab_that_the_browser_froze_counts_down_right_and_the_server_ends_the_wrap_up(
    place: Place, context: BrowserContext
) -> None:
    desk = await DeskPage.signed_in(context, place.address, place.person)
    await desk.press("Alt+y")
    await desk.says(READY)
    place.calls_in()
    await desk.says("Connected")
    await desk.press("Alt+x")
    await desk.says("Call ended")
    session = await context.new_cdp_session(desk.page)
    await session.send("Page.enable")  # pyright: ignore[reportUnknownMemberType]
    await session.send("Page.setWebLifecycleState", {"state": "frozen"})  # pyright: ignore[reportUnknownMemberType]
    agent = place.up.floor.team.get(place.centre.agent)
    assert agent is not None
    clock = asyncio.get_running_loop().time

    async def later() -> bool:
        return agent.until - clock() < 24

    await until(later)
    await session.send("Page.setWebLifecycleState", {"state": "active"})  # pyright: ignore[reportUnknownMemberType]
    left = desk.page.get_by_title("Time left")
    await expect(left).to_contain_text(re.compile(r"0:(2[0-4]|1\d)"), timeout=FIRST_MS)
    shown = int((await left.text_content() or "").rpartition(":")[2])
    assert abs(shown - (agent.until - clock())) < 3
    # nobody finishes it: it ends where it began, whatever a page does
    await expect(desk.page.get_by_text(READY, exact=True)).to_be_visible(timeout=2 * FIRST_MS)


@pytest.mark.parametrize("colours", ["active", "none"])
async def test_every_state_of_the_desk_fits_a_page_at_400_percent(
    place: Place, browser: Browser, colours: Literal["active", "none"]
) -> None:
    """WCAG 1.4.10: 1280 pixels at 400 % are 320, and nothing is beside them; with the system's colours too."""
    context = await browser.new_context(
        viewport={"width": 320, "height": 640}, forced_colors=colours, reduced_motion="reduce", locale="en-AU"
    )
    context.set_default_timeout(FIRST_MS)
    desk = await DeskPage.signed_in(context, place.address, place.person)

    async def fits(state: str) -> None:
        wide = await desk.page.evaluate("document.scrollingElement.scrollWidth")
        assert (state, wide) == (state, 320)
        assert (state, await desk.faults()) == (state, [])

    await fits("signed out")
    for keys, heading in (("Alt+/", "Keyboard shortcuts"), ("Alt+p", "Pause")):
        await desk.press(keys)
        await desk.page.get_by_role("dialog", name=heading).wait_for()
        await fits(heading)
        await desk.press("Escape")
    await desk.button("Sound").click()
    await desk.page.get_by_role("dialog", name="Sound").wait_for()
    await fits("sound")
    await desk.press("Escape", "Alt+y")
    await desk.says(READY)
    place.calls_in()
    await desk.says("Connected")
    await fits("connected")
    await desk.press("Alt+x")
    await desk.says("Call ended")
    await fits("wrap-up")
    await context.close()
