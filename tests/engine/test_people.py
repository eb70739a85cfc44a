"""Who sits down at a simulated agent's desk has it alone, whenever that is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from callfloor.app.floor import engine
from callfloor.settings import Settings
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens, users
from tests.conftest import Centre, alone
from tests.engine.books import set_mode, staff
from tests.engine.test_inbound import QUEUE, exchange, own
from tests.store.call_day import add_leads
from tests.waiting import until

__all__ = ["own"]
pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")


@pytest.fixture
async def floor(dsn: str, db: Database, settings: Settings) -> AsyncGenerator[None]:
    """The floor of a demo: simulated agents, who are quick."""
    quick = settings.model_copy(update={"simulated_agents": True, "carrier_pace": 1000.0, "carrier_seed": 3})
    stop = asyncio.Event()
    async with engine(quick, dsn) as made:
        running = asyncio.create_task(made.run(stop))
        yield
        stop.set()
        await running


async def wrapped_up(db: Database, centre: Centre, agent: int) -> int:
    sql = "SELECT count(*) FROM activities WHERE organisation_id = $1 AND agent_id = $2 AND wrap_code IS NOT NULL"
    return await db.fetchval(sql, centre.organisation, agent)


@pytest.mark.usefixtures("floor")
async def test_a_token_made_while_the_floor_works_takes_its_agent_out_of_the_simulation(
    db: Database, centre: Centre
) -> None:
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 10, 'Solved')", centre.organisation, centre.outbound)
    await tokens.create(db, centre.organisation, "desk", ["workspace"], user_id=centre.agent)
    await set_mode(db, centre, "progressive")
    person, other = await staff(db, centre, 2)
    await add_leads(db, centre, 200)

    async def person_wraps_up() -> bool:
        sql = "SELECT state = 'on-wrap' FROM agent_states WHERE organisation_id = $1 AND agent_id = $2"
        return await db.fetchval(sql, centre.organisation, person)

    await until(person_wraps_up)
    others = await wrapped_up(db, centre, other)

    async def others_go_on() -> bool:
        return await wrapped_up(db, centre, other) > others + 4

    await until(others_go_on)
    assert await wrapped_up(db, centre, person) == 0
    assert await person_wraps_up()


@pytest.mark.usefixtures("floor")
async def test_an_agent_whose_token_ended_works_by_itself_again(db: Database, centre: Centre) -> None:
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 10, 'Solved')", centre.organisation, centre.outbound)
    await tokens.create(db, centre.organisation, "desk", ["workspace"], user_id=centre.agent)
    (row,) = [row for row in await tokens.every(db, centre.organisation) if row["user_id"] == centre.agent]
    await tokens.revoke(db, centre.organisation, row["token_id"])
    await set_mode(db, centre, "progressive")
    await staff(db, centre, 1)
    await add_leads(db, centre, 20)

    async def works() -> bool:
        return await wrapped_up(db, centre, centre.agent) > 2

    await until(works)


@pytest.mark.parametrize("how", ["moved", "removed", "removed from all", "closed"])
async def test_a_lead_is_taken_back_from_an_agent_who_works_elsewhere_from_now_on(
    db: Database, centre: Centre, own: Database, settings: Settings, how: str
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, _):
        await set_mode(db, centre, "preview")
        await db.execute(
            "UPDATE campaigns SET active = true, dialling = dialling || '{\"previewSeconds\": 600}'"
            " WHERE campaign_id = $1",
            centre.outbound,
        )
        await add_leads(db, centre, 1)

        async def looks() -> bool:
            agent = up.floor.team.get(centre.agent)
            return agent is not None and agent.preview is not None

        async def looks_no_more() -> bool:
            return not await looks()

        await until(looks)
        here, now = (db, centre.organisation, centre.agent), datetime.now(UTC)
        if how == "moved":
            await agents.move(*here, centre.inbound, centre.user, now)
        elif how == "closed":
            await users.set_active(*here, False, now)
        else:
            sql = "DELETE FROM campaign_agents WHERE agent_id = $1 AND campaign_id = ANY($2::bigint[])"
            gone = [centre.outbound, centre.inbound] if how == "removed from all" else [centre.outbound]
            await db.execute(sql, centre.agent, gone)
            await db.execute(agents.NOTIFY_SQL)
        await until(looks_no_more)
        lead = "SELECT attempts, in_flight_attempt_id FROM leads WHERE organisation_id = $1"
        assert tuple((await db.fetchrow(lead, centre.organisation) or {}).values()) == (0, None)
