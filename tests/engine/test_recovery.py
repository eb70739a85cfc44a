"""An engine dies with people on the line; another one finds each of them where it was, and in the books."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from callfloor.contract.workflows import Question, QueueSettings, Survey, Workflow
from callfloor.contract.workspace import Dial, HangUp, Monitor, Target, Transfer
from callfloor.engine import engine
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.setup import workflows
from tests.api.test_campaigns import compare
from tests.conftest import Centre, alone
from tests.engine.books import equals, states
from tests.engine.test_inbound import (
    CALLER,
    PATIENT,
    QUEUE,
    Exchange,
    calls,
    consulted,
    exchange,
    own,
    pause,
    status,
    steady,
    switch_on,
)
from tests.store.call_day import add_leads
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")
__all__ = ["own"]


@asynccontextmanager
async def another(up: Exchange, settings: Settings) -> AsyncGenerator[Exchange]:
    """The engine is gone, the carrier holds its calls, and a new one comes."""
    await up.stop()
    db = await Database.connect(up.dsn, size=6)
    after = Exchange(up.dsn, db, settings.media_location, up.carrier)
    try:
        yield after
    finally:
        await after.stop()
        await db.close()


async def _true(what: bool) -> bool:
    return what


async def test_a_dialled_customer_who_waits_after_a_transfer_goes_on_waiting(
    centre: Centre, own: Database, settings: Settings
) -> None:
    (lead_id,) = await add_leads(own, centre, 1)
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, (agent,)):
        await pause(centre, up, agent)
        await switch_on(centre, own, up)
        up.carrier.behaviour = replace(PATIENT, live=1.0, answer_s=steady(0.1))
        await switch_on(centre, own, up)
        assert await up.do(agent, Dial(centre.outbound, "0491 570 156", lead_id)) is None
        await until(lambda: equals(states(own, centre), {"on-call"}))
        assert await up.do(agent, Transfer(Target(campaign_id=centre.inbound))) is None
        await until(lambda: equals(status(centre), ["In Queue"]))
        async with another(up, settings) as after:
            await until(lambda: _true(len(after.floor.contacts.everyone()) == 1))
            await centre.client.put("/availability", json={"agentId": agent, "available": True})
            await until(lambda: equals(status(centre), ["Answered"]))
            (call,) = after.floor.contacts.everyone()
            assert call.direction == "manual"
            after.carrier.hang_up(call.call)
            ended = "SELECT dial_status FROM attempts WHERE organisation_id = $1 AND hang_up_at IS NOT NULL"
            await until(lambda: equals(own.fetchval(ended, centre.organisation), 1))
            await until(lambda: equals(states(own, centre), {"on-wrap"}))
    assert (await calls(centre))[0]["timestamps"]["hangUp"] is not None


async def test_who_was_consulted_is_let_go_and_the_customer_taken_off_hold(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE) as (up, number, agents):
        has_it, other = await consulted(centre, up, number, agents)
        assert await up.do(centre.user, Monitor(agent_id=has_it)) is None
        async with another(up, settings) as after:
            await until(lambda: _true((after.state(has_it), after.state(other)) == ("on-call", "ready")))
            (live,) = await after.carrier.calls()
            # a supervisor whom the agent could not be told of any more listens no longer
            assert (live.agent, live.others, live.listeners) == (has_it, (), ())
            assert after.carrier.is_held(live.call) is False
            await compare(centre)


async def test_an_answer_that_was_not_written_down_is_found_out(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre), ["Answered"]))
        await up.stop()
        await own.execute(
            "UPDATE activities SET status_id = 2, answered_at = NULL, agent_id = NULL, agent_interaction_id = NULL"
            " WHERE organisation_id = $1",
            centre.organisation,
        )
        async with another(up, settings):
            await until(lambda: equals(status(centre), ["Answered"]))
            assert (await calls(centre))[0]["agentId"] == agent


async def test_a_customer_whose_agent_is_gone_gets_another(centre: Centre, own: Database, settings: Settings) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre), ["Answered"]))
        await up.stop()
        (live,) = await up.carrier.calls()
        up.carrier.leave(live.call, agent)
        async with another(up, settings):
            await until(lambda: equals(status(centre, 2), ["Answered", "Answered"]))
    first, second = await calls(centre)
    assert second["parentActivityId"] == first["activityId"]


async def test_customers_whom_nobody_knows_any_more_are_let_go(
    centre: Centre, own: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "AUDIT_S", 0.1)
    monkeypatch.setattr(engine, "UNKNOWN_S", 0.5)
    survey = Survey(name="ask", questions=(Question(name="nice", prompt="nice?"),), timeout_seconds=60)
    await workflows.insert(own, centre.organisation, Workflow(name="How was it", start="ask", steps=(survey,)))
    asks = QueueSettings(survey="How was it")
    async with exchange(centre, own, settings, QUEUE, queue=asks, agents=1) as (up, number, (agent,)):
        up.carrier.call_in(number, CALLER, replace(PATIENT, prompt_s=60.0))
        await until(lambda: equals(status(centre), ["Answered"]))
        assert await up.do(agent, HangUp()) is None
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre, 2), ["Answered", "In Queue"]))
        await up.stop()
        assert len(await up.carrier.calls()) == 2
        # a crash before the second was written down
        await own.execute(
            "DELETE FROM activities WHERE organisation_id = $1 AND answered_at IS NULL", centre.organisation
        )
        async with another(up, settings):
            await until(lambda: _none(up))


async def _none(up: Exchange) -> bool:
    return not await up.carrier.calls()


async def test_a_customer_with_a_number_outside_is_left_with_it_until_it_hangs_up(
    centre: Centre, own: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "AUDIT_S", 0.1)
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        up.carrier.behaviour = replace(PATIENT, live=1.0, answer_s=steady(0.0))
        up.carrier.call_in(number, CALLER)
        await until(lambda: equals(status(centre), ["Answered"]))
        assert await up.do(agent, Transfer(Target(number="+61491570157"))) is None
        await until(lambda: equals(states(own, centre), {"on-wrap"}))
        async with another(up, settings) as after:
            await until(lambda: _true(after.state(agent) == "ready"))
            await until(lambda: _true(after.campaigns(agent) == 2))
            (live,) = await after.carrier.calls()
            assert live.others
            after.carrier.party_hangs_up(live.call, live.others[0])
            await until(lambda: _none(after))
