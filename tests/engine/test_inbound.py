"""Calls that come in, on a real database, in real time, with people who are quick."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec import structs

from callfloor.clock import LoopClock
from callfloor.contract.workflows import (
    Callback,
    Hangup,
    Menu,
    Prompt,
    Question,
    Queue,
    QueueSettings,
    Survey,
    Voicemail,
    Workflow,
)
from callfloor.contract.workspace import (
    AnyCommand,
    CompleteTransfer,
    Conference,
    Consult,
    Dial,
    HangUp,
    Hold,
    Mute,
    Refusal,
    TakeOver,
    Target,
    Transfer,
    WrapUp,
)
from callfloor.engine import journal
from callfloor.engine.engine import Engine
from callfloor.floor.agents.commands import Work
from callfloor.floor.plan import CampaignKey, Claimed
from callfloor.floor.ports.desk import NobodyAtDesk
from callfloor.floor.ports.records import Claim
from callfloor.media.blobs import open_blobs
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from callfloor.store.setup import workflows
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution
from callfloor.telephony.simulated.carrier import SimulatedCarrier
from tests.api.test_campaigns import compare
from tests.conftest import Centre, alone
from tests.engine.books import equals, staff, states
from tests.store.call_day import add_leads
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")

CALLER = "+61491570156"


def steady(seconds: float) -> Distribution:
    return Distribution("constant", seconds)


# somebody who listens, waits for ever, presses nothing and talks for ever
PATIENT = Behaviour(talk_s=steady(600), patience_s=steady(600), prompt_s=0.02, message_s=steady(0.3))
SETTINGS = {"wrapUpSeconds": 30, "regime": "none"}


class Exchange:
    """An engine, its carrier, and a hand on its plug."""

    def __init__(self, dsn: str, db: Database, location: str, carrier: SimulatedCarrier | None = None) -> None:
        clock = LoopClock(asyncio.get_running_loop())
        self.carrier = carrier or SimulatedCarrier(clock, 1, PATIENT)
        self.dsn = dsn
        self.engine = Engine(dsn, db, clock, self.carrier, open_blobs(location, None), NobodyAtDesk())
        self.floor = self.engine.floor
        self._work = Work(clock, self.floor, self.engine.records)
        self._stop = asyncio.Event()
        self._running = asyncio.create_task(self.engine.run(self._stop))

    def campaigns(self, agent: int) -> int:
        """How many the agent works on here."""
        known = self.floor.team.get(agent)
        return 0 if known is None else len(known.campaigns)

    def state(self, agent: int) -> str | None:
        """What the floor has the agent do."""
        known = self.floor.team.get(agent)
        return None if known is None else known.facts.state

    async def stop(self) -> None:
        self._stop.set()
        await self._running

    async def do(self, agent: int, command: AnyCommand) -> Refusal | None:
        answer: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._work.do(agent, command, answer.set_result)
        return await answer


@pytest.fixture
async def own(dsn: str) -> AsyncGenerator[Database, None]:
    db = await Database.connect(dsn, size=6)
    yield db
    await db.close()


@asynccontextmanager
async def exchange(
    centre: Centre, own: Database, settings: Settings, *steps: Any, queue: QueueSettings | None = None, agents: int = 2
) -> AsyncGenerator[tuple[Exchange, str, list[int]], None]:
    """A floor that takes calls of a number through these steps; how it is called, and its agents."""
    number = f"+6125550{centre.organisation % 10_000:04d}"
    ids = await staff(own, centre, agents)
    for agent in ids:
        await own.execute(
            "INSERT INTO campaign_agents VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            *(centre.organisation, centre.inbound, agent),
        )
    await own.execute(
        "UPDATE campaigns SET dialling = $2, queue = $3, active = direction = 'inbound' WHERE organisation_id = $1",
        *(centre.organisation, msgspec.json.encode(SETTINGS).decode()),
        # what is said here is said in no time
        msgspec.json.encode(structs.replace(queue or QueueSettings(), shortest_voicemail_seconds=0.2)).decode(),
    )
    flow = Workflow(name="Main", numbers=(number,), start=steps[0].name, steps=steps)
    await workflows.insert(own, centre.organisation, flow)
    up = Exchange(own.dsn, own, settings.media_location)
    try:
        await until(lambda: _true(number in up.floor.callers.numbers()))
        await until(lambda: _true(all(up.campaigns(agent) == 2 for agent in ids)))
        yield up, number, ids
    finally:
        await up.stop()


async def _true(what: bool) -> bool:
    return what


async def calls(centre: Centre) -> list[dict[str, Any]]:
    """The campaign's calls, oldest first."""
    answer = await centre.client.get(f"/activities?campaignId={centre.inbound}")
    return [item["data"] for item in reversed(answer.json()["items"])]


async def status(centre: Centre, count: int = 1) -> list[str]:
    return [call["activityStatusName"] for call in await calls(centre)][:count]


async def pause(centre: Centre, up: Exchange, *agents: int) -> None:
    """No more calls for these agents, from the moment in which the floor knows of it."""
    for agent in agents:
        await centre.client.put("/availability", json={"agentId": agent, "available": False})
    await until(lambda: _true(all(up.state(agent) == "paused" for agent in agents)))


async def switch_on(centre: Centre, own: Database, up: Exchange) -> None:
    """The outbound campaign is active, from the moment in which the floor knows of it."""
    key = CampaignKey(centre.organisation, centre.outbound)
    await own.execute("UPDATE campaigns SET active = true WHERE organisation_id = $1 AND campaign_id = $2", *key)

    def known() -> bool:
        plan = up.floor.queues.plan(key)
        return plan is not None and plan.active

    await until(lambda: _true(known()))


QUEUE = Queue(name="queue", campaign="Support Inbound")


async def test_a_caller_comes_through_a_menu_to_an_agent_and_leaves_a_call_that_can_be_heard(
    centre: Centre, own: Database, settings: Settings
) -> None:
    menu = Menu(name="menu", prompt="which", options={"1": "queue"}, timeout_seconds=30)
    async with exchange(centre, own, settings, menu, QUEUE, agents=1) as (up, number, (agent,)):
        behaviour = replace(PATIENT, digits="1", digit_s=steady(0.05), talk_s=steady(1.2))
        up.carrier.call_in(number, CALLER, behaviour)
        await until(lambda: equals(states(own, centre), {"on-wrap"}))
        await compare(centre)
        assert await up.do(agent, WrapUp(wrap_code=99)) is not None
        assert await up.do(agent, WrapUp()) is None
        await until(lambda: equals(states(own, centre), {"ready"}))
        await compare(centre)
    (call,) = await calls(centre)
    assert (call["activityStatusName"], call["agentId"], call["source"]) == ("Answered", agent, CALLER)
    assert call["destination"] == number
    assert None not in (call["timestamps"][name] for name in ("joinQueue", "answered", "hangUp", "wrapUp"))
    sound = await centre.client.get(call["recordingMetadata"]["mediaUri"].removeprefix("/platform-api/v3.0"))
    # 8,000 samples of two bytes a second
    assert abs((len(sound.content) - 44) / 16_000 - 1.2) < 0.2


async def test_callers_give_up_in_the_workflow_and_in_the_queue(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, Prompt(name="hello", prompt="hello", next="queue"), QUEUE) as at:
        up, number, agents = at
        await pause(centre, up, *agents)
        up.carrier.call_in(number, CALLER, replace(PATIENT, prompt_s=60.0, patience_s=steady(0.2)))
        await until(lambda: equals(status(centre), ["Abandoned in Workflow"]))
        up.carrier.call_in(number, None, replace(PATIENT, patience_s=steady(0.4)))
        await until(lambda: equals(status(centre, 2), ["Abandoned in Workflow", "Abandoned in Queue"]))
        largest = await compare(centre)
    assert (largest["callsAbandonedInWorkflow"], largest["callsAbandonedInQueue"]) == (1, 1)
    # whoever withheld the number has none here either
    assert (await calls(centre))[1]["source"] is None


async def test_who_waited_for_too_long_leaves_a_message_and_the_queue_a_task(
    centre: Centre, own: Database, settings: Settings
) -> None:
    queue = Queue(name="queue", campaign="Support Inbound", max_wait_seconds=0.2, on_timeout="message")
    message = Voicemail(name="message", prompt="speak", campaign="Support Inbound")
    async with exchange(centre, own, settings, queue, message, agents=1) as (up, number, (agent,)):
        await pause(centre, up, agent)
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(_tasks(own, centre), ["voicemail"]))
        await until(lambda: _true(not up.floor.contacts.everyone()))
        await until(lambda: _heard(centre))
        await compare(centre)
    (call,) = await calls(centre)
    assert call["activityStatusName"] == "Voicemail"
    (voicemail,) = call["voicemailMetadata"]
    assert (await centre.client.get(f"/media/{voicemail['mediaId']}")).content[:4] == b"RIFF"


async def test_who_is_hung_up_on_after_the_longest_wait_counts_and_lowers_the_service_level(
    centre: Centre, own: Database, settings: Settings
) -> None:
    queue = Queue(name="queue", campaign="Support Inbound", max_wait_seconds=0.2)
    async with exchange(centre, own, settings, queue, agents=1) as (up, number, (agent,)):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre), ["Answered"]))
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre, 2), ["Answered", "Missed"]))
        await compare(centre)
        shown = (await centre.client.get(f"/campaign/{centre.inbound}/statistics/inbound")).json()
    assert (shown["callsReceived"], shown["callsMissed"], shown["serviceLevel"]) == (2, 1, 0.5)
    assert (await calls(centre))[0]["agentId"] == agent


@pytest.mark.parametrize("hangs_up", [False, True])
async def test_a_message_of_less_than_the_shortest_is_none(
    centre: Centre, own: Database, settings: Settings, hangs_up: bool
) -> None:
    message = Voicemail(name="message", prompt="speak", campaign="Support Inbound", longest_seconds=0.1, next="bye")
    bye = Hangup(name="bye", prompt="bye")
    async with exchange(centre, own, settings, message, bye, agents=1) as (up, number, (agent,)):
        await pause(centre, up, agent)
        said = replace(PATIENT, message_s=steady(0.05 if hangs_up else 9.0), prompt_s=0.02)
        up.carrier.call_in(number, CALLER, said)
        await until(lambda: _true(not up.floor.contacts.everyone()))
        await until(lambda: equals(status(centre), ["Missed"]))
        await until(lambda: _nothing_kept(up))
        await compare(centre)
    assert await _tasks(own, centre) == []
    assert (await calls(centre))[0]["voicemailMetadata"] == []


async def _nothing_kept(up: Exchange) -> bool:
    return not await up.carrier.kept_recordings()


async def _heard(centre: Centre) -> bool:
    return bool((await calls(centre))[0]["voicemailMetadata"])


async def _tasks(own: Database, centre: Centre) -> list[str]:
    rows = await own.fetch("SELECT kind FROM tasks WHERE organisation_id = $1", centre.organisation)
    return [row["kind"] for row in rows]


@pytest.mark.parametrize("takes_over", [False, True])
async def test_a_call_is_consulted_on_handed_over_and_each_agent_has_a_leg(
    centre: Centre, own: Database, settings: Settings, takes_over: bool
) -> None:
    async with exchange(centre, own, settings, QUEUE) as (up, number, (first, second)):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre), ["Answered"]))
        has_it = (await calls(centre))[0]["agentId"]
        other = second if has_it == first else first
        assert (await up.do(other, HangUp())) is not None
        assert await up.do(has_it, Hold(True)) is None
        assert await up.do(has_it, Consult(Target(agent_id=other))) is None
        refused = await up.do(has_it, Hold(False))
        assert refused is not None
        assert refused.code == "wrong-state"
        await until(lambda: equals(_state_of(own, other), "on-call"))
        assert await up.do(other, Mute(True)) is None
        assert await up.do(other if takes_over else has_it, TakeOver() if takes_over else CompleteTransfer()) is None
        await until(lambda: equals(_state_of(own, has_it), "on-wrap"))
        await until(lambda: equals(status(centre, 3), ["Answered"] * 3))
        assert await up.do(other, HangUp()) is None
        await until(lambda: equals(_state_of(own, other), "on-wrap"))
        for agent in (has_it, other):
            assert await up.do(agent, WrapUp()) is None
        await until(lambda: equals(states(own, centre), {"ready"}))
        await until(lambda: _both_recorded(centre))
        await compare(centre)
    parent, beside, child = await calls(centre)
    for leg in (beside, child):
        assert (leg["parentActivityId"], leg["rootActivityId"]) == (parent["activityId"], parent["activityId"])
        assert leg["agentId"] == other
    assert parent["agentId"] == has_it
    assert [leg["legType"] for leg in (parent, beside, child)] == ["first", "consult", "transfer"]
    ended = parent["timestamps"]["hangUp"]
    assert (beside["timestamps"]["hangUp"], beside["timestamps"]["wrapUp"]) == (ended, ended)
    assert child["timestamps"]["created"] == ended
    assert child["timestamps"]["wrapUp"] is not None


async def test_a_customer_whom_a_number_outside_does_not_take_comes_back_and_the_activities_say_so(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE) as (up, number, agents):
        up.carrier.behaviour = replace(PATIENT, live=0.0, machine=0.0, busy=0.0, answer_s=steady(0.1))
        up.carrier.call_in(number, CALLER)
        await until(lambda: equals(status(centre), ["Answered"]))
        has_it = (await calls(centre))[0]["agentId"]
        assert await up.do(has_it, Transfer(Target(number="+61491570157"))) is None
        await until(lambda: equals(status(centre, 3), ["Answered", "Not Answered", "Answered"]))
        first, outside, back = await calls(centre)
        assert [leg["legType"] for leg in (first, outside, back)] == ["first", "outside", "return"]
        assert (outside["outsideNumber"], outside["agentId"]) == ("+61491570157", None)
        assert back["agentId"] in agents
        assert (first["source"], back["source"]) == (CALLER, CALLER)
        await compare(centre)
    # another customer's erasure takes the number out
    answer = await centre.client.delete("/customer?phoneNumber=0491570157")
    assert answer.status_code == 200
    shown = (await centre.client.get(f"/activities/{outside['activityId']}")).json()["data"]
    assert (shown["outsideNumber"], shown["source"]) == (None, CALLER)


async def consulted(centre: Centre, up: Exchange, number: str, agents: list[int]) -> tuple[int, int]:
    """A customer whose agent has brought another one in: who has the customer, and the other."""
    up.carrier.call_in(number, CALLER, PATIENT)
    await until(lambda: equals(status(centre), ["Answered"]))
    has_it = (await calls(centre))[0]["agentId"]
    (other,) = [agent for agent in agents if agent != has_it]
    assert await up.do(has_it, Consult(Target(agent_id=other))) is None
    await until(lambda: _true(up.state(other) == "on-call"))
    return has_it, other


async def _state_of(own: Database, agent: int) -> str:
    return await own.fetchval("SELECT state FROM agent_states WHERE agent_id = $1", agent)


async def _both_recorded(centre: Centre) -> bool:
    return all(call["recordingMetadata"] is not None for call in await calls(centre) if call["legType"] != "consult")


async def test_a_conference_goes_on_when_a_party_leaves_and_ends_when_the_customer_does(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE) as (up, number, agents):
        has_it, other = await consulted(centre, up, number, agents)
        assert await up.do(has_it, Conference()) is None
        assert await up.do(other, HangUp()) is None
        await until(lambda: equals(_state_of(own, other), "ready"))
        assert await _state_of(own, has_it) == "on-call"
        (contact,) = up.floor.contacts.everyone()
        up.carrier.hang_up(contact.call)
        await until(lambda: equals(_state_of(own, has_it), "on-wrap"))


async def test_callers_keep_their_place_when_an_engine_dies(
    centre: Centre, own: Database, settings: Settings, dsn: str
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        await pause(centre, up, agent)
        for caller in range(3):
            up.carrier.call_in(number, f"+6149157015{6 + caller}", PATIENT)
            await until(lambda caller=caller: equals(status(centre, 3), ["In Queue"] * (caller + 1)))
        # it says nothing to anybody; the carrier holds the callers
        await up.stop()
        db = await Database.connect(dsn, size=6)
        after = Exchange(dsn, db, settings.media_location, up.carrier)
        try:
            await until(lambda: _true(len(after.floor.contacts.everyone()) == 3))
            await centre.client.put("/availability", json={"agentId": agent, "available": True})
            await until(lambda: equals(status(centre, 3), ["Answered", "In Queue", "In Queue"]))
            assert await after.do(agent, HangUp()) is None
            await until(lambda: equals(states(own, centre), {"on-wrap"}))
            assert await after.do(agent, WrapUp()) is None
            await until(lambda: equals(status(centre, 3), ["Answered", "Answered", "In Queue"]))
        finally:
            await after.stop()
            await db.close()


async def test_calls_that_died_with_their_carrier_are_closed_and_their_agents_freed(
    centre: Centre, own: Database, settings: Settings, dsn: str
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre), ["Answered"]))
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(status(centre, 2), ["Answered", "In Queue"]))
        await up.stop()
        db = await Database.connect(dsn, size=6)
        after = Exchange(dsn, db, settings.media_location)
        try:
            await until(lambda: equals(status(centre, 2), ["Answered", "Failed"]))
            await until(lambda: equals(states(own, centre), {"ready"}))
            await compare(centre)
        finally:
            await after.stop()
            await db.close()
    assert all(call["timestamps"]["hangUp"] is not None for call in await calls(centre))


async def test_who_asks_to_be_called_back_becomes_a_lead(centre: Centre, own: Database, settings: Settings) -> None:
    wish = Callback(name="wish", campaign="Support Outbound", list="List One", prompt="we will call", next="bye")
    async with exchange(centre, own, settings, wish, QUEUE, Hangup(name="bye"), agents=1) as (up, number, _):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: _true(not up.floor.contacts.everyone() and bool(up.carrier)))
        await until(lambda: equals(_tasks(own, centre), ["callback"]))
    (lead,) = (await centre.client.get(f"/leads?listId={centre.list_id}")).json()["items"]
    assert (lead["phones"][0]["phoneNumber"], lead["lastStatusDescription"]) == (CALLER, "Callback - Queue")


async def test_a_survey_follows_the_talk(centre: Centre, own: Database, settings: Settings) -> None:
    survey = Survey(name="ask", questions=(Question(name="nice", prompt="nice?"),))
    after = Workflow(name="How was it", start="ask", steps=(survey,))
    await workflows.insert(own, centre.organisation, after)
    settings_ = QueueSettings(survey="How was it")
    async with exchange(centre, own, settings, QUEUE, queue=settings_, agents=1) as (up, number, (agent,)):
        up.carrier.call_in(number, CALLER, replace(PATIENT, digits="4", digit_s=steady(0.05)))
        await until(lambda: equals(status(centre), ["Answered"]))
        assert await up.do(agent, HangUp()) is None
        await until(lambda: equals(states(own, centre), {"on-wrap"}))
        answered = "SELECT answer FROM survey_answers WHERE organisation_id = $1 AND question = 'nice'"
        await until(lambda: equals(own.fetchval(answered, centre.organisation), 4))
        await until(lambda: _true(not up.floor.contacts.everyone()))
    (call,) = await calls(centre)
    assert (call["survey"]["started"], call["survey"]["workflowName"]) == (True, "How was it")
    assert call["activityStatusName"] == "Answered"


async def test_an_agent_dials_by_hand_what_may_be_called_and_nothing_else(
    centre: Centre, own: Database, settings: Settings
) -> None:
    (lead_id,) = await add_leads(own, centre, 1)
    key = await do_not_call.key(own, centre.organisation)
    await do_not_call.add(own, centre.organisation, key, "+61491570157", datetime.now(UTC))
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, (agent,)):
        await pause(centre, up, agent)
        await switch_on(centre, own, up)
        up.carrier.behaviour = replace(PATIENT, live=1.0, answer_s=steady(0.1))
        for number, lead in (("0491 570 157", None), (CALLER, 999_999), ("0491570158", lead_id)):
            refused = await up.do(agent, Dial(centre.outbound, number, lead))
            assert refused is not None, number
        assert await up.do(agent, Dial(centre.outbound, "0491 570 156", lead_id)) is None
        await until(lambda: equals(states(own, centre), {"on-call"}))
        assert await up.do(agent, Transfer(Target(campaign_id=centre.inbound))) is None
        await until(lambda: equals(states(own, centre), {"on-wrap"}))
        assert await up.do(agent, WrapUp(lead_data={"note": "call the other office"})) is None
        await until(lambda: equals(states(own, centre), {"paused"}))
        (contact,) = up.floor.contacts.everyone()
        up.carrier.hang_up(contact.call)
        await until(lambda: _true(not up.floor.contacts.everyone()))
        await until(lambda: _free(own, lead_id))
    items = (await centre.client.get("/activities")).json()["items"]
    child, first = items[0]["data"], items[1]["data"]
    assert [item["type"] for item in items] == ["call.manual", "call.manual"]
    assert (child["parentActivityId"], child["campaignId"]) == (first["activityId"], centre.inbound)
    lead = (await centre.client.get(f"/leads/{lead_id}")).json()
    assert (lead["dataFields"], lead["outcomeType"]) == ({"note": "call the other office"}, "manual")


async def _free(own: Database, lead_id: int) -> bool:
    return await own.fetchval("SELECT in_flight_attempt_id IS NULL FROM leads WHERE lead_id = $1", lead_id)


async def test_nobody_new_is_taken_while_the_database_is_far_behind(
    centre: Centre, own: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, (agent,)):
        await add_leads(own, centre, 1)
        up.carrier.call_in(number, CALLER, replace(PATIENT, talk_s=steady(0.4)))
        await until(lambda: equals(states(own, centre), {"on-call"}))
        monkeypatch.setattr(journal, "FULL", 0)
        there = len(up.floor.contacts.everyone())
        up.carrier.call_in(number, CALLER)
        assert len(up.floor.contacts.everyone()) == there
        plan = up.floor.queues.plan(CampaignKey(centre.organisation, centre.outbound))
        assert plan is not None
        claimed: list[list[Claimed]] = []
        up.engine.records.claim(Claim(plan, 1, [], reserved=False, why=None), claimed.append)
        assert claimed == [[]]
        # who talked goes on, and is written down to the end
        await until(lambda: equals(states(own, centre), {"on-wrap"}))
        monkeypatch.undo()
        assert await up.do(agent, WrapUp()) is None
        up.carrier.call_in(number, CALLER)
        await until(lambda: equals(states(own, centre), {"on-call"}))
    assert len(await calls(centre)) == 2
