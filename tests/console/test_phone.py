"""An agent's phone in a real browser, on a real Asterisk: what becomes of a call when the page does what pages do."""

from __future__ import annotations

import asyncio
import wave
from array import array
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from callfloor.app.api import api
from callfloor.clock import LoopClock
from callfloor.contract.workflows import QueueSettings, Workflow
from callfloor.rules.people import phone_accounts
from callfloor.settings import Settings
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.setup import workflows
from callfloor.telephony.asterisk.carrier import AsteriskCarrier
from testbed import audio, scenarios
from testbed.bed import Bed
from testbed.config import browser as browser_phone
from tests.api.sockets import served
from tests.asterisk.exchange import setup_for
from tests.asterisk.sound import hears, samples, seconds
from tests.asterisk.test_conversations import hears_soon
from tests.chromium import ALONE
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage, Person, person_of
from tests.engine import test_inbound as inbound
from tests.engine.books import staff
from tests.waiting import until

pytestmark = [
    pytest.mark.asterisk,
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    pytest.mark.timeout(240),
]

SECRET = "the phones of this test"
SOUND = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)
READY = "The next call comes by itself. You will hear it."


@dataclass
class Place:
    centre: Centre
    bed: Bed
    up: inbound.Exchange
    number: str
    person: Person
    address: str
    browser: Browser

    async def desk(self, context: BrowserContext, *, able: str = "Pause") -> DeskPage:
        desk = await DeskPage.signed_in(context, self.address, self.person, able=able)
        desk.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        return desk

    async def ready(self, context: BrowserContext) -> DeskPage:
        """Somebody who has signed in, checked the sound and takes calls."""
        desk = await self.desk(context)
        await desk.button("Check sound").click()
        await desk.says("The phone is ready.")
        await plain(desk)
        await desk.button("Done").click()
        await desk.press("Alt+y")
        await desk.says(READY)
        return desk

    async def dials(self, desk: DeskPage) -> None:
        """Call somebody who listens; what that hears goes to the testbed's ear."""
        await desk.button("Call a number").click()
        await desk.page.get_by_role("textbox", name="Number").fill(scenarios.number(scenarios.LISTENS))
        await desk.press("Enter")
        await desk.says("Connected")
        await hears_soon(self.bed, audio.AGENT_HZ)

    async def calls(self) -> list[dict[str, Any]]:
        """All legs, the oldest first."""
        answer = await self.centre.client.get("/activities")
        return [item["data"] for item in reversed(answer.json()["items"])]


async def plain(desk: DeskPage) -> None:
    """What keeps voices clear takes a steady tone for noise."""
    await desk.page.get_by_label("Take noise and echo out of my voice").uncheck()


@pytest.fixture
async def sounding(chromium: str, tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser whose microphone hears the agents' tone."""
    microphone = tmp_path / "agent.wav"
    with wave.open(str(microphone), "wb") as file:
        file.setparams((1, 2, audio.RATE, 0, "NONE", ""))
        file.writeframes(array("h", map(audio.decode, audio.tone(audio.AGENT_HZ, 1.0))).tobytes())
    arguments = ["--no-sandbox", *ALONE, *SOUND, f"--use-file-for-fake-audio-capture={microphone}"]
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        await started.close()


@pytest.fixture
async def place(
    dsn: str, db: Database, centre: Centre, settings: Settings, bed: Bed, sounding: Browser
) -> AsyncIterator[Place]:
    (agent,) = await staff(db, centre, 1)
    # none of the testbed's own
    name = f"desk-{agent}"
    bed.asterisk.set_phones(browser_phone(name, phone_accounts.password(SECRET, name)))
    number = f"+6125550{centre.organisation % 10_000:04d}"
    await db.execute(
        "INSERT INTO campaign_agents VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        *(centre.organisation, centre.inbound, agent),
    )
    await db.execute(
        "UPDATE campaigns SET dialling = $2, queue = $3, active = true,"
        " mode = CASE direction WHEN 'outbound' THEN 'preview' END WHERE organisation_id = $1",
        *(centre.organisation, msgspec.json.encode(inbound.SETTINGS).decode()),
        msgspec.json.encode(QueueSettings()).decode(),
    )
    steps = (inbound.QUEUE,)
    await workflows.insert(
        db, centre.organisation, Workflow(name="Main", numbers=(number,), start=steps[0].name, steps=steps)
    )
    person = await person_of(db, centre, agent)
    with_phones = settings.model_copy(
        update={
            "phone_url": f"ws://127.0.0.1:{bed.asterisk.node.ports.http}/ws",
            "phone_secret": SECRET,
            "phone_user": "desk-{agent}",
        }
    )
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(api(with_phones, dsn))
        events = await stack.enter_async_context(served(app))
        own = await Database.connect(dsn, size=6)
        stack.push_async_callback(own.close)
        clock = LoopClock(asyncio.get_running_loop())
        setup = setup_for(bed, country="AU", agent="PJSIP/desk-{agent}")
        carrier = await stack.enter_async_context(AsteriskCarrier(setup, clock))
        up = inbound.Exchange(dsn, own, settings.media_location, carrier)  # type: ignore[arg-type]
        stack.push_async_callback(up.stop)
        await until(lambda: _true(number in up.floor.callers.numbers() and up.campaigns(agent) == 2))
        await agents.sign_out(db, centre.organisation, agent, datetime.now(UTC))
        address = events.replace("ws:", "http:").removesuffix("/workspace/v1/events")
        yield Place(centre, bed, up, number, person, address, sounding)


@pytest.fixture
async def context(sounding: Browser) -> AsyncIterator[BrowserContext]:
    opened = await sounding.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-AU", reduced_motion="reduce", permissions=["microphone"]
    )
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


async def _true(what: bool) -> bool:
    return what


async def test_a_reload_in_mid_call_keeps_the_call_and_its_recording(place: Place, context: BrowserContext) -> None:
    desk = await place.ready(context)
    await place.dials(desk)
    await expect(desk.page.get_by_role("meter", name="Level of your microphone")).to_be_visible()
    await desk.page.get_by_label("Note").fill("half a sente")
    assert await desk.faults() == []
    # a page that is back at once leaves too little of the music to be heard
    await desk.page.goto("about:blank")
    await hears_soon(place.bed, audio.MUSIC_HZ)
    await desk.page.goto(desk.address)
    await desk.says("Connected")
    await hears_soon(place.bed, audio.AGENT_HZ)
    await expect(desk.page.get_by_label("Note")).to_have_value("half a sente")
    await desk.press("Alt+x")
    await desk.says("Call ended")
    (call,) = await place.calls()
    assert (call["legType"], call["phoneLosses"], call["parentActivityId"]) == ("first", 1, None)
    # one recording from before the reload to after it
    await until(lambda: _recorded(place))
    (call,) = await place.calls()
    uri = call["recordingMetadata"]["mediaUri"].removeprefix("/platform-api/v3.0")
    sound = (await place.centre.client.get(uri)).content
    # the agent was heard for half a second before and after; who listens sends nothing that could be recorded between
    assert seconds(sound) > 1.0
    assert hears(samples(sound), audio.AGENT_HZ)


async def test_an_agent_whose_browser_died_loses_the_caller_to_the_queue_and_no_call_ends(
    place: Place, context: BrowserContext
) -> None:
    place.up.floor.lost_phones.grace_s = 2.0
    desk = await place.ready(context)
    caller = place.bed.parties.call(place.number, "")
    await desk.says("Connected")
    await desk.page.close(run_before_unload=False)
    await until(lambda: _waits(place))
    assert caller.poll() is None
    back = await place.desk(context, able="Finish")
    await back.says("Call ended")
    await back.press("Alt+Enter")
    # whoever is back takes the call again
    await back.says("phone lost")
    # a call that came before the phone is back would be one that was missed
    await back.button("Sound").click()
    await back.says("The phone is ready.")
    await back.button("Done").click()
    await back.press("Alt+y")
    await back.says("Connected")
    assert caller.poll() is None
    first, again = await place.calls()
    assert (first["phoneLosses"], again["legType"], again["parentActivityId"]) == (1, "return", first["activityId"])
    await back.press("Alt+x")
    await back.says("Call ended")


async def test_one_tab_has_the_phone_and_a_second_device_asks_for_it(place: Place, context: BrowserContext) -> None:
    first = await place.ready(context)
    second = await place.desk(context)
    await second.says("Your phone is in another tab. Calls are shown here too.")
    await place.dials(first)
    await second.says("Connected")
    await second.press("Alt+h")
    await first.says("On hold")
    await second.says("On hold")
    await second.can("Hold")
    await second.press("Alt+h")
    await hears_soon(place.bed, audio.AGENT_HZ)
    elsewhere = await place.browser.new_context(locale="en-AU", reduced_motion="reduce", permissions=["microphone"])
    other = await place.desk(elsewhere, able="Hold")
    await other.says("Your phone is at another device.")
    await other.button("Sound").click()
    await plain(other)
    await other.button("Done").click()
    await other.button("Use the phone here").click()
    # the same call goes on at the device that took over
    await expect(other.page.get_by_role("meter", name="Level of your microphone")).to_be_visible(timeout=FIRST_MS)
    await hears_soon(place.bed, audio.AGENT_HZ)
    await first.says("Your phone is at another device.")
    await expect(first.page.get_by_role("meter", name="Level of your microphone")).to_be_hidden()
    await other.press("Alt+x")
    await first.says("Call ended")
    await elsewhere.close()


async def test_the_tab_that_has_the_phone_goes_and_another_one_takes_the_call_on(
    place: Place, context: BrowserContext
) -> None:
    first = await place.ready(context)
    second = await place.desk(context)
    await place.dials(first)
    await first.page.close()
    await second.says("Connected")
    await expect(second.page.get_by_role("meter", name="Level of your microphone")).to_be_visible(timeout=FIRST_MS)
    await hears_soon(place.bed, audio.AGENT_HZ)
    await second.press("Alt+x")
    await second.says("Call ended")


async def test_who_checks_the_sound_hears_an_echo_and_who_complains_leaves_a_diagnosis(
    place: Place, context: BrowserContext
) -> None:
    desk = await place.desk(context)
    await desk.button("Check sound").click()
    await desk.says("The phone is ready.")
    await plain(desk)
    await desk.button("Hear myself").click()
    await desk.says("Sound came back: the phone works.")
    assert await desk.faults() == []
    await desk.button("End the test").click()
    await desk.can("Hear myself")
    await desk.button("Done").click()
    await desk.press("Alt+y")
    await desk.says(READY)
    await place.dials(desk)
    await desk.says("Sound good")
    await desk.button("Bad sound…").click()
    await desk.page.get_by_label("What do you hear?").fill("like a robot")
    assert await desk.faults() == []
    await desk.press("Enter")
    await expect(desk.page.get_by_role("dialog")).to_be_hidden()
    (call,) = await place.calls()
    answer = await place.centre.client.get(f"/activities/{call['activityId']}/diagnoses")
    (kept,) = answer.json()["items"]
    assert (kept["complaint"], kept["codec"]) == ("like a robot", "audio/PCMU")
    assert any(sample["microphone"] > 0.3 for sample in kept["samples"])
    await desk.press("Alt+x")
    await desk.says("Call ended")


async def _recorded(place: Place) -> bool:
    return all(call["recordingMetadata"] is not None for call in await place.calls())


async def _waits(place: Place) -> bool:
    return any(call["legType"] == "return" for call in await place.calls())
