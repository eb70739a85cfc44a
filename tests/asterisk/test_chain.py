"""The whole chain with real calls: an import is dialled, recorded, downloaded and erased; callers come through a menu
and a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from callfloor.clock import LoopClock
from callfloor.contract.codes import DialStatus
from callfloor.contract.workflows import Menu, Queue, QueueSettings, Workflow
from callfloor.contract.workspace import HangUp, WrapUp
from callfloor.engine import engine as engines
from callfloor.engine.engine import Engine
from callfloor.jobs.imports.chunks import import_next
from callfloor.media.blobs import open_blobs
from callfloor.settings import Settings
from callfloor.simulation.agents import SimulatedAgents
from callfloor.store.db.pool import Database
from callfloor.store.setup import workflows
from callfloor.telephony.asterisk.carrier import AsteriskCarrier
from callfloor.telephony.simulated.behaviour import Distribution
from testbed import audio, scenarios
from testbed.bed import Bed
from tests.asterisk.exchange import setup_for
from tests.asterisk.sound import hears, samples, seconds
from tests.conftest import Centre, alone
from tests.engine import test_inbound as inbound
from tests.engine.books import all_dialled, check_books, equals, staff, states
from tests.waiting import until

pytestmark = [pytest.mark.asterisk, pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")]

API = "/platform-api/v3.0"
WHO = {
    "left": scenarios.PERSON,
    "busy": scenarios.BUSY,
    "gone": scenarios.INVALID,
    "machine": scenarios.MACHINE,
    "away": scenarios.RINGS_OUT,
    "failed": next(each for each in scenarios.REFUSING if each.refuses == 503),
}


@asynccontextmanager
async def engine(dsn: str, bed: Bed, settings: Settings) -> AsyncGenerator[Engine]:
    """The floor on the testbed, with agents who wrap up by themselves."""
    clock = LoopClock(asyncio.get_running_loop())
    desk = SimulatedAgents(clock, 1, Distribution("constant", 0.1))
    db = await Database.connect(dsn, size=6)
    stop = asyncio.Event()
    try:
        async with AsteriskCarrier(setup_for(bed), clock) as carrier:
            made = Engine(dsn, db, clock, carrier, open_blobs(settings.media_location, None), desk)
            desk.work(made.floor.previews, made.floor.presence.wrap_up)
            running = asyncio.create_task(made.run(stop))
            yield made
            stop.set()
            await running
    finally:
        await db.close()


async def test_an_import_is_dialled_recorded_downloaded_and_erased(
    db: Database, dsn: str, centre: Centre, settings: Settings, bed: Bed
) -> None:
    await _progressive(db, centre)
    lines = [f"{key},{scenarios.number(who)}" for key, who in WHO.items()]
    body = "\n".join(["customerKey,phone1", *lines]).encode()
    answer = await centre.client.post(
        f"/leads/bulk?listId={centre.list_id}", content=body, headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 202, answer.text
    while await import_next(db):
        pass
    await staff(db, centre, 2)
    async with engine(dsn, bed, settings):
        await until(lambda: all_dialled(db, centre))
        await until(lambda: equals(states(db, centre), {"ready"}))
        # the next test's engine would dial it again
        await db.execute("UPDATE campaigns SET active = false WHERE organisation_id = $1", centre.organisation)
    await check_books(db, centre)
    rows = await db.fetch(
        """SELECT customer_key, dial_status, activity_id FROM attempts JOIN leads USING (organisation_id, lead_id)
        WHERE organisation_id = $1""",
        centre.organisation,
    )
    assert {row["customer_key"]: DialStatus(row["dial_status"]).name for row in rows} == {
        "left": "ANSWERED",
        "busy": "BUSY",
        "gone": "DISCONNECTED",
        "machine": "ANSWERING_MACHINE",
        "away": "NO_ANSWER",
        "failed": "TELCO_ERROR",
    }
    talked = next(row["activity_id"] for row in rows if row["customer_key"] == "left")
    uri = await _can_be_heard(centre, talked)
    erased = await centre.client.delete("/customer", params={"phoneNumber": scenarios.number(WHO["left"])})
    assert (erased.status_code, erased.json()["callData"]["recordings"]) == (200, 1), erased.text
    assert (await centre.client.get(uri)).status_code == 410
    assert not list(bed.asterisk.node.recordings.glob("*.wav"))


async def test_a_recording_whose_engine_died_is_fetched_by_the_next(
    db: Database, dsn: str, centre: Centre, settings: Settings, bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "SWEEP_S", 0.1)
    await _progressive(db, centre)
    lead = {"listId": centre.list_id, "phone1": scenarios.number(scenarios.HUMAN)}
    made = await centre.client.post("/leads", json=lead)
    assert made.status_code == 201, made.text
    await staff(db, centre, 1)
    async with engine(dsn, bed, settings):
        await until(lambda: equals(states(db, centre), {"on-call"}))
        await until(lambda: equals(_recorded(bed), True))
    bed.asterisk.command("channel request hangup all")
    async with engine(dsn, bed, settings):
        await until(lambda: equals(_kept(bed), 0))
        await db.execute("UPDATE campaigns SET active = false WHERE organisation_id = $1", centre.organisation)
    talked = await db.fetchval("SELECT activity_id FROM attempts WHERE organisation_id = $1", centre.organisation)
    call: dict[str, Any] = (await centre.client.get(f"/activities/{talked}")).json()["data"]
    assert (call["recordingStatus"], call["activityStatusName"]) == ("enabled", "Answered")
    uri = call["recordingMetadata"]["mediaUri"].removeprefix(API)
    sound = (await centre.client.get(uri)).content
    assert seconds(sound) > 1.0
    assert hears(samples(sound), audio.AGENT_HZ)


async def _progressive(db: Database, centre: Centre) -> None:
    dialling = {"regime": "none", "ringSeconds": 5, "abandonmentCap": 0.5}
    await db.execute(
        "UPDATE campaigns SET mode = 'progressive', dialling = $2 WHERE campaign_id = $1",
        *(centre.outbound, msgspec.json.encode(dialling).decode()),
    )


async def _kept(bed: Bed) -> int:
    return len(list(bed.asterisk.node.recordings.glob("*.wav")))


async def _can_be_heard(centre: Centre, activity: int) -> str:
    """The recording, whole and in ranges."""
    call: dict[str, Any] = (await centre.client.get(f"/activities/{activity}")).json()["data"]
    uri = call["recordingMetadata"]["mediaUri"].removeprefix(API)
    whole = (await centre.client.get(uri)).content
    half = len(whole) // 2
    parts = [
        await centre.client.get(uri, headers={"Range": f"bytes={first}-{last}"})
        for first, last in ((0, half - 1), (half, len(whole)))
    ]
    assert [part.status_code for part in parts] == [206, 206]
    assert b"".join(part.content for part in parts) == whole
    assert hears(samples(whole), audio.AGENT_HZ)
    # the customer said hello, which took detection a while to believe, and hung up after so long
    assert 2.0 < seconds(whole) < scenarios.TALKS_MS / 1_000
    assert call["callQualityScore"] > 4
    return uri


async def test_a_caller_comes_through_menu_and_queue_to_an_agent(
    db: Database, dsn: str, centre: Centre, settings: Settings, bed: Bed
) -> None:
    number = f"+6125550{centre.organisation % 10_000:04d}"
    (agent,) = await staff(db, centre, 1)
    await db.execute(
        "INSERT INTO campaign_agents VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        *(centre.organisation, centre.inbound, agent),
    )
    await db.execute(
        "UPDATE campaigns SET dialling = $2, queue = $3, active = direction = 'inbound' WHERE organisation_id = $1",
        *(centre.organisation, msgspec.json.encode(inbound.SETTINGS).decode()),
        msgspec.json.encode(QueueSettings()).decode(),
    )
    menu = Menu(name="menu", prompt="which", options={"1": "queue"}, timeout_seconds=30)
    steps = (menu, Queue(name="queue", campaign="Support Inbound"))
    await workflows.insert(db, centre.organisation, Workflow(name="Main", numbers=(number,), start="menu", steps=steps))
    clock = LoopClock(asyncio.get_running_loop())
    own = await Database.connect(dsn, size=6)
    async with AsteriskCarrier(setup_for(bed, country="AU"), clock) as carrier:
        up = inbound.Exchange(dsn, own, settings.media_location, carrier)  # type: ignore[arg-type]
        try:
            await until(lambda: equals(_numbers(up), True))
            await until(lambda: equals(_works(up, agent), True))
            caller = bed.parties.call(number, "1")
            await until(lambda: equals(states(db, centre), {"on-call"}))
            await until(lambda: equals(_recorded(bed), True))
            assert await up.do(agent, HangUp()) is None
            await until(lambda: equals(states(db, centre), {"on-wrap"}))
            assert await up.do(agent, WrapUp()) is None
            await until(lambda: equals(states(db, centre), {"ready"}))
            assert caller.wait(10) == 0
        finally:
            await up.stop()
            await own.close()
    (call,) = await inbound.calls(centre)
    assert (call["activityStatusName"], call["agentId"], call["source"]) == ("Answered", agent, inbound.CALLER)
    assert call["callQualityScore"] > 4


async def _numbers(up: inbound.Exchange) -> bool:
    return bool(up.floor.callers.numbers())


async def _works(up: inbound.Exchange, agent: int) -> bool:
    return up.campaigns(agent) == 2


async def _recorded(bed: Bed) -> bool:
    return any(file.stat().st_size > 32_000 for file in bed.asterisk.node.recordings.glob("*.wav"))
