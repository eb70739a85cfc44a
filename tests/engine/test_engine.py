"""The engine on a real database, in real time, with customers who are quick."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from callfloor.clock import LoopClock
from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.engine.engine import Engine
from callfloor.media.blobs import open_blobs
from callfloor.settings import Settings
from callfloor.simulation.agents import SimulatedAgents
from callfloor.store.agents import agents
from callfloor.store.db import installation
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from callfloor.store.setup import campaigns
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier
from tests.conftest import Centre, alone
from tests.engine.books import all_dialled, check_books, equals, set_mode, staff, states
from tests.store.call_day import add_leads
from tests.waiting import until

# minutes on each kind of server would be too many: on the local one where there is one
pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")

QUICK = Behaviour(
    live=0.5,
    answer_s=Distribution("normal", 0.2, sd=0.1, least=0.05),
    ring_out_s=Distribution("constant", 0.4),
    talk_s=Distribution("exponential", 0.4, least=0.02),
)


class Floor:
    """An engine at work, its carrier, and a hand on its plug."""

    def __init__(self, dsn: str, db: Database, location: str, seed: int, behaviour: Behaviour) -> None:
        clock = LoopClock(asyncio.get_running_loop())
        self.carrier = SimulatedCarrier(clock, seed, behaviour)
        desk = SimulatedAgents(clock, seed, Distribution("constant", 0.1))
        blobs = open_blobs(location, None)
        self.engine = Engine(dsn, db, clock, self.carrier, blobs, desk)
        desk.work(self.engine.floor.previews, self.engine.floor.presence.wrap_up)
        self._stop = asyncio.Event()
        self._running = asyncio.create_task(self.engine.run(self._stop))

    async def stop(self) -> None:
        self._stop.set()
        await self._running


@pytest.fixture
async def floors(dsn: str, settings: Settings) -> AsyncGenerator[Callable[..., Any], None]:
    """Makes engines, each with its own connections, and stops them."""
    db = await Database.connect(dsn, size=6)
    up: list[Floor] = []

    def make(seed: int = 1, behaviour: Behaviour = QUICK) -> Floor:
        up.append(Floor(dsn, db, settings.media_location, seed, behaviour))
        return up[-1]

    yield make
    for floor in up:
        await floor.stop()
    await db.close()


@asynccontextmanager
async def dialled(
    db: Database, centre: Centre, floors: Callable[..., Floor], mode: str, leads: int, behaviour: Behaviour = QUICK
) -> AsyncGenerator[Floor, None]:
    """A floor at work on fresh leads."""
    await staff(db, centre)
    await set_mode(db, centre, mode)
    await add_leads(db, centre, leads)
    yield floors(behaviour=behaviour)


@pytest.mark.parametrize("mode", ["preview", "progressive", "predictive"])
async def test_a_list_is_dialled_to_its_end_in_every_mode(
    db: Database, centre: Centre, floors: Callable[..., Floor], mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callfloor.simulation.agents.LOOKS_S", Distribution("constant", 0.02))
    async with dialled(db, centre, floors, mode, 16):
        await until(lambda: _dialled_or_skipped(db, centre))
        # whoever is on a wrap-up ends it
        await until(lambda: equals(states(db, centre), {"ready"}))
    await check_books(db, centre)
    talked = await db.fetch(
        "SELECT activity_id FROM attempts WHERE organisation_id = $1 AND connect_delay_ms IS NOT NULL",
        centre.organisation,
    )
    assert talked
    # who was talked to is not called again, and nobody else is completed
    completed = await db.fetch(
        "SELECT status_code, completed_at IS NOT NULL AS completed FROM leads WHERE organisation_id = $1",
        centre.organisation,
    )
    assert {row["completed"] for row in completed if row["status_code"] == LeadStatus.CONTACTED} == {True}
    assert {row["completed"] for row in completed if row["status_code"] != LeadStatus.CONTACTED} <= {False}
    # each can be listened to
    for call in talked:
        recording = (await centre.client.get(f"/activities/{call['activity_id']}")).json()["data"]["recordingMetadata"]
        sound = await centre.client.get(recording["mediaUri"].removeprefix("/platform-api/v3.0"))
        assert (sound.status_code, sound.content[:4]) == (200, b"RIFF")


async def _dialled_or_skipped(db: Database, centre: Centre) -> bool:
    left = await db.fetchval(
        """SELECT count(*) FROM leads l WHERE organisation_id = $1 AND (in_flight_attempt_id IS NOT NULL
            OR attempts = 0 AND NOT EXISTS (SELECT 1 FROM lead_skips s WHERE s.lead_id = l.lead_id))""",
        centre.organisation,
    )
    return left == 0


async def test_a_number_on_the_do_not_call_list_is_never_dialled(
    db: Database, centre: Centre, floors: Callable[..., Floor]
) -> None:
    await staff(db, centre)
    await set_mode(db, centre, "progressive")
    ids = await add_leads(db, centre, 10)
    key = await db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", centre.organisation)
    await do_not_call.add(db, centre.organisation, key, "+61491570157", datetime.now(UTC))
    await db.execute("UPDATE leads SET phone1 = '+61491570157' WHERE lead_id = ANY($1::bigint[])", ids[:5])
    floors()
    await until(lambda: equals(_dialled(db, centre), set(ids[5:])))
    assert await _dialled(db, centre) == set(ids[5:])


async def _dialled(db: Database, centre: Centre) -> set[int]:
    rows = await db.fetch("SELECT lead_id FROM attempts WHERE organisation_id = $1", centre.organisation)
    return {row["lead_id"] for row in rows}


async def test_availability_drives_the_agents(db: Database, centre: Centre, floors: Callable[..., Floor]) -> None:
    await set_mode(db, centre, "progressive")
    (agent,) = await staff(db, centre, 1)
    floors(behaviour=replace(QUICK, live=1.0, talk_s=Distribution("constant", 0.5)))
    await add_leads(db, centre, 3)
    await until(lambda: equals(states(db, centre), {"on-call"}))
    answer = await centre.client.put("/availability", json={"agentId": agent, "available": False})
    assert answer.status_code == 200, answer.text
    # the call is not cut; the agent is paused after it
    await until(lambda: equals(states(db, centre), {"paused"}))
    await until(lambda: _no_call(db, centre))
    before = await _dialled(db, centre)
    await centre.client.put("/availability", json={"agentId": agent, "available": True})
    await until(lambda: equals(states(db, centre), {"on-call"}))
    assert len(before) < len(await _dialled(db, centre))


async def test_an_agent_who_signs_out_during_a_call_leaves_when_it_ends(
    db: Database, centre: Centre, floors: Callable[..., Floor]
) -> None:
    await set_mode(db, centre, "progressive")
    (agent,) = await staff(db, centre, 1)
    floors(behaviour=replace(QUICK, live=1.0, talk_s=Distribution("constant", 0.5)))
    await add_leads(db, centre, 3)
    await until(lambda: equals(states(db, centre), {"on-call"}))
    await agents.sign_out(db, centre.organisation, agent, datetime.now(UTC))
    await until(lambda: equals(states(db, centre), {"signed-out"}))
    await until(lambda: _no_call(db, centre))
    assert len(await _dialled(db, centre)) < 3
    # and comes back
    await centre.client.put("/availability", json={"agentId": agent, "available": True})
    await until(lambda: all_dialled(db, centre))


async def test_a_campaign_that_is_stopped_at_once_lets_its_lines_go_on_a_running_floor(
    db: Database, centre: Centre, floors: Callable[..., Floor]
) -> None:
    await staff(db, centre)
    await set_mode(db, centre, "progressive")
    slow = replace(QUICK, live=0.0, ring_out_s=Distribution("constant", 60.0))
    await add_leads(db, centre, 20)
    floors(behaviour=slow)

    async def ringing() -> bool:
        return len(await _dialled(db, centre)) == 4

    await until(ringing)
    await campaigns.switch(db, centre.organisation, centre.outbound, active=False, let_go=True)
    await until(lambda: _no_call(db, centre))
    ends = await db.fetch("SELECT dial_status FROM attempts WHERE organisation_id = $1", centre.organisation)
    assert {row["dial_status"] for row in ends} == {DialStatus.CANCELLED}
    await until(lambda: equals(states(db, centre), {"ready"}))
    await campaigns.switch(db, centre.organisation, centre.outbound, active=True)

    async def again() -> bool:
        return len(await _dialled(db, centre)) == 8

    await until(again)


async def _no_call(db: Database, centre: Centre) -> bool:
    sql = "SELECT count(*) FROM attempts WHERE organisation_id = $1 AND hang_up_at IS NULL"
    return await db.fetchval(sql, centre.organisation) == 0


async def test_two_engines_share_the_work_and_one_takes_over_what_the_other_leaves(
    db: Database, centre: Centre, floors: Callable[..., Floor]
) -> None:
    await staff(db, centre)
    await set_mode(db, centre, "progressive")
    first, second = floors(1), floors(2)
    await add_leads(db, centre, 40)

    async def begun() -> bool:
        return len(await _dialled(db, centre)) >= 10

    await until(begun)
    leading = first if first.engine.floor.diallers else second
    await leading.stop()
    await until(lambda: all_dialled(db, centre))
    await until(lambda: equals(states(db, centre), {"ready"}))
    await check_books(db, centre)


async def test_a_copy_of_an_installation_dials_nobody_before_it_is_adopted(
    db: Database, centre: Centre, floors: Callable[..., Floor], monkeypatch: pytest.MonkeyPatch
) -> None:
    await installation.hold(db, "it was loaded from a backup", datetime.now(UTC))
    looked = 0

    async def held(database: Database) -> installation.Hold | None:
        nonlocal looked
        looked += 1
        return await true(database)

    true = installation.held
    monkeypatch.setattr(installation, "held", held)
    with capture_logs() as said:
        async with dialled(db, centre, floors, "progressive", 6):

            async def has_looked() -> bool:
                return looked > 3

            await until(has_looked)
            assert await _dialled(db, centre) == set()
            # of its inbound campaign callers are served
            of_outbound = [each["event"] for each in said if each.get("campaign") == centre.outbound]
            assert of_outbound == ["campaign-held"]
            assert await installation.adopt(db, None)
            await until(lambda: all_dialled(db, centre))
