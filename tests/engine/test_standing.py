"""What an engine says of itself and its carrier stands where those who watch the floor look."""

from __future__ import annotations

from uuid import uuid4

import pytest

from callfloor.engine import standing
from callfloor.engine.standing import Standing
from callfloor.floor.plan import CampaignKey
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import CarrierNode, CarrierStanding, CarrierTrunk
from tests.conftest import Centre
from tests.floor.room import Room


async def said(db: Database, centre: Centre) -> dict[tuple[str, str], tuple[bool, int]]:
    rows = await db.fetch(
        "SELECT kind, name, up, calls FROM floor_nodes WHERE organisation_id = $1", centre.organisation
    )
    return {(row["kind"], row["name"].split()[0]): (row["up"], row["calls"]) for row in rows}


async def test_an_engine_says_how_its_servers_and_trunks_are(
    db: Database, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room()
    led = {CampaignKey(centre.organisation, centre.inbound)}
    its = Standing(db, room.clock, room.carrier, uuid4(), led, room.floor)

    def carrier_is(*nodes: CarrierNode) -> None:
        monkeypatch.setattr(room.carrier, "standing", lambda: CarrierStanding(nodes, (CarrierTrunk("out", 3),)))

    carrier_is(CarrierNode("one", True, 4), CarrierNode("two", True, 0))
    await its.say()
    expected = {("telephony", "one"): (True, 4), ("telephony", "two"): (True, 0), ("trunk", "out"): (True, 3)}
    assert await said(db, centre) == expected | {("engine", "engine"): (True, 0)}
    room.caller()
    # a server went down, another was taken out of the settings
    carrier_is(CarrierNode("one", False, 0))
    await its.say()
    expected = {("telephony", "one"): (False, 0), ("trunk", "out"): (True, 3)}
    assert await said(db, centre) == expected | {("engine", "engine"): (True, 1)}


async def test_nothing_is_written_while_nothing_changes_until_it_is_time(db: Database, centre: Centre) -> None:
    room = Room()
    its = Standing(
        db, room.clock, room.carrier, uuid4(), {CampaignKey(centre.organisation, centre.inbound)}, room.floor
    )
    times: list[object] = []
    for _ in range(6):
        await its.say()
        times.append(
            await db.fetchval("SELECT max(said_at) FROM floor_nodes WHERE organisation_id = $1", centre.organisation)
        )
        room.clock.run(room.clock.elapsed() + standing.LOOK_S)
    assert len(set(times)) == 2
