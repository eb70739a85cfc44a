"""Who sits down at a simulated agent's desk has it alone, whenever that is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from callfloor.app.floor import engine
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.conftest import Centre, alone
from tests.engine.books import set_mode, staff
from tests.store.call_day import add_leads
from tests.waiting import until

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
