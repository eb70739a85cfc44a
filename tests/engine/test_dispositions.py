"""What agents wish of customers is kept or refused, and callers are known as leads."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.contract.workspace import (
    Call,
    Callback,
    CallerLead,
    ChooseLead,
    Consult,
    Dial,
    Refusal,
    Target,
    Transfer,
    WrapUp,
)
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from tests.conftest import Centre, alone
from tests.engine.books import equals, states
from tests.engine.test_inbound import CALLER, PATIENT, QUEUE, Exchange, calls, exchange, pause, steady, switch_on
from tests.engine.test_recovery import another
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")

# noon on a Wednesday in Sydney, and on the Sunday before
OPEN, SHUT = "2027-03-10T12:00:00+11:00", "2027-03-07T12:00:00+11:00"
QUICK = replace(PATIENT, talk_s=steady(0.3))


@pytest.fixture
async def own(dsn: str) -> AsyncGenerator[Database, None]:
    db = await Database.connect(dsn, size=6)
    yield db
    await db.close()


async def add(centre: Centre, **fields: Any) -> int:
    body = {"listId": centre.list_id, "phone1": CALLER, "timezone": "Australia/Sydney"} | fields
    answer = await centre.client.post("/leads", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["leadId"]


async def read(centre: Centre, lead_id: int) -> dict[str, Any]:
    return (await centre.client.get(f"/leads/{lead_id}")).json()


def callback_of(lead: dict[str, Any]) -> tuple[str, int | None, str | None]:
    return lead["lastStatusDescription"], lead["agentId"], lead["timestamps"]["nextAttempt"]


async def _callback(centre: Centre, lead_id: int) -> tuple[str, int | None, str | None]:
    return callback_of(await read(centre, lead_id))


async def setting(own: Database, centre: Centre, campaign: int, name: str, value: str) -> None:
    await own.execute(
        "UPDATE campaigns SET dialling = dialling || jsonb_build_object($3::text, $4::jsonb)"
        " WHERE organisation_id = $1 AND campaign_id = $2",
        *(centre.organisation, campaign, name, value),
    )


async def name_a_list(own: Database, centre: Centre, campaign: int) -> None:
    await setting(own, centre, campaign, "newLeads", '{"campaign": "Support Outbound", "list": "List One"}')


async def talked(up: Exchange, own: Database, centre: Centre, number: str, caller: str | None = CALLER) -> Call:
    """Somebody called, and the agent wraps up."""
    up.carrier.call_in(number, caller, QUICK)
    await until(lambda: equals(states(own, centre), {"on-wrap"}))
    return shown(up, centre)


def shown(up: Exchange, centre: Centre) -> Call:
    agent = up.floor.team.get(centre.agent)
    assert agent is not None
    call = up.floor.desk_updates.session(agent).call
    assert call is not None
    return call


async def wrap(up: Exchange, centre: Centre, **fields: Any) -> Refusal | None:
    return await up.do(centre.agent, WrapUp(**fields))


async def refused(up: Exchange, centre: Centre, **fields: Any) -> str:
    refusal = await wrap(up, centre, **fields)
    assert refusal is not None
    assert up.state(centre.agent) == "on-wrap"
    return refusal.code


WISHES = [
    {"callback": Callback(timestamp=OPEN)},
    {"callback": Callback(timestamp=OPEN, own=True)},
    {"lead_status": 4},
    {"lead_data": {"note": "likes tea"}},
]


@pytest.mark.parametrize("wish", WISHES)
async def test_what_is_wished_of_a_caller_without_a_lead_is_refused_or_makes_one_where_the_campaign_says(
    centre: Centre, own: Database, settings: Settings, wish: dict[str, Any]
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        await talked(up, own, centre, number)
        refusal = await wrap(up, centre, **wish)
        assert refusal is not None
        assert refusal.code == "no-lead"
        assert "newLeads" in refusal.detail
        assert up.state(centre.agent) == "on-wrap"
        assert (await centre.client.get("/leads")).json()["items"] == []
        await name_a_list(own, centre, centre.inbound)
        assert await wrap(up, centre, **wish) is None
        await until(lambda: equals(states(own, centre), {"ready"}))
    (lead,) = (await centre.client.get("/leads")).json()["items"]
    assert (lead["listId"], [phone["phoneNumber"] for phone in lead["phones"]]) == (centre.list_id, [CALLER])
    (found,) = (await centre.client.get(f"/activities?leadId={lead['leadId']}")).json()["items"]
    assert found["data"]["activityId"] == (await calls(centre))[0]["activityId"]
    own_callback = "callback" in wish and wish["callback"].own
    status = {9: "Callback - Queue", 10: "Callback - Agent"}[10 if own_callback else 9] if "callback" in wish else "New"
    status = "No Answer" if "lead_status" in wish else status
    at = OPEN if "callback" in wish else None
    assert callback_of(lead) == (status, centre.agent if own_callback else None, at)
    assert lead["dataFields"] == wish.get("lead_data", {})


async def test_a_caller_without_a_lead_who_is_not_to_be_called_needs_none(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        await talked(up, own, centre, number)
        assert await wrap(up, centre, lead_status=11) is None
        await until(lambda: equals(states(own, centre), {"ready"}))
    key = await do_not_call.key(own, centre.organisation)
    now = datetime.now(UTC)
    assert await do_not_call.blocked(own, centre.organisation, key, centre.outbound, [CALLER], now) == {CALLER}
    # and is not to be called back from now on
    assert (await centre.client.get("/leads")).json()["items"] == []


async def test_whoever_shows_no_number_cannot_be_called_back(centre: Centre, own: Database, settings: Settings) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        await name_a_list(own, centre, centre.inbound)
        await talked(up, own, centre, number, caller=None)
        assert await refused(up, centre, callback=Callback(timestamp=OPEN)) == "no-lead"
        assert await wrap(up, centre) is None


async def test_a_caller_is_known_as_a_lead_and_its_callback_is_closed_when_it_was_helped(
    centre: Centre, own: Database, settings: Settings
) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        lead = await add(centre, phone1="0491570157", phone3=CALLER, nextAttemptTimestamp=soon.isoformat())
        call = await talked(up, own, centre, number)
        expected = CallerLead(
            lead_id=lead,
            campaign_id=centre.outbound,
            campaign_name="Support Outbound",
            list_name="List One",
            callback_timestamp=soon,
        )
        assert (call.leads, call.lead_id) == ((expected,), lead)
        assert await wrap(up, centre) is None
        await until(lambda: equals(_callback(centre, lead), ("Contacted", None, None)))
    (call_shown,) = (await centre.client.get(f"/activities?leadId={lead}")).json()["items"]
    assert call_shown["type"] == "call.inbound"


async def test_who_was_helped_may_be_promised_another_call(centre: Centre, own: Database, settings: Settings) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        lead = await add(centre, nextAttemptTimestamp="2027-03-09T12:00:00+11:00")
        await talked(up, own, centre, number)
        assert await wrap(up, centre, callback=Callback(timestamp=OPEN, own=True)) is None
        await until(lambda: equals(states(own, centre), {"ready"}))
    assert callback_of(await read(centre, lead)) == ("Callback - Agent", centre.agent, OPEN)


async def test_of_several_leads_of_a_number_one_is_chosen(centre: Centre, own: Database, settings: Settings) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        first = await add(centre, nextAttemptTimestamp=OPEN)
        second = await add(centre, nextAttemptTimestamp="2027-03-09T12:00:00+11:00", agentId=centre.agent)
        plain = await add(centre)
        stranger = await add(centre, phone1="0491570157")
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(states(own, centre), {"on-call"}))
        call = shown(up, centre)
        assert ([lead.lead_id for lead in call.leads], call.lead_id) == ([second, first, plain], None)
        assert call.leads[0].callback_agent_id == centre.agent
        for wrong in (stranger, 2**40):
            refusal = await up.do(centre.agent, ChooseLead(lead_id=wrong))
            assert refusal is not None
            assert refusal.code == "unknown-target"
        assert await up.do(centre.agent, ChooseLead(lead_id=first)) is None
        assert shown(up, centre).lead_id == first
        up.carrier.hang_up(next(iter(up.floor.contacts.everyone())).call)
        await until(lambda: equals(states(own, centre), {"on-wrap"}))
        # the wrap-up is time enough to choose, and to choose again
        assert await up.do(centre.agent, ChooseLead(lead_id=None)) is None
        assert shown(up, centre).lead_id is None
        assert await up.do(centre.agent, ChooseLead(lead_id=second)) is None
        assert await wrap(up, centre, lead_data={"note": "helped"}) is None
        await until(lambda: equals(_callback(centre, second), ("Contacted", None, None)))
    assert (await read(centre, second))["dataFields"] == {"note": "helped"}
    assert callback_of(await read(centre, first)) == ("Callback - Queue", None, OPEN)
    assert (await calls(centre))[0]["activityId"] in [
        item["data"]["activityId"] for item in (await centre.client.get(f"/activities?leadId={second}")).json()["items"]
    ]


async def test_one_callback_among_several_leads_is_the_one(centre: Centre, own: Database, settings: Settings) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        await add(centre)
        promised = await add(centre, nextAttemptTimestamp=OPEN)
        assert (await talked(up, own, centre, number)).lead_id == promised
        assert await wrap(up, centre) is None


async def test_another_organisations_leads_are_nobodys(
    centre: Centre, other_centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        theirs = await add(other_centre)
        call = await talked(up, own, centre, number)
        assert (call.leads, call.lead_id) == ((), None)
        refusal = await up.do(centre.agent, ChooseLead(lead_id=theirs))
        assert refusal is not None
        assert await wrap(up, centre) is None


async def dialled_by_hand(up: Exchange, own: Database, centre: Centre, lead: int | None) -> None:
    await pause(centre, up, centre.agent)
    await switch_on(centre, own, up)
    up.carrier.behaviour = replace(PATIENT, live=1.0, answer_s=steady(0.05), talk_s=steady(0.3))
    assert await up.do(centre.agent, Dial(centre.outbound, CALLER, lead)) is None


async def wrapping_up(own: Database, centre: Centre) -> None:
    await until(lambda: equals(states(own, centre), {"on-wrap"}))


async def test_a_call_by_hand_without_a_lead_keeps_wishes_where_its_campaign_says(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, _):
        await dialled_by_hand(up, own, centre, None)
        await wrapping_up(own, centre)
        assert await refused(up, centre, callback=Callback(timestamp=OPEN)) == "no-lead"
        await setting(own, centre, centre.outbound, "newLeads", '{"list": "List One"}')
        assert await wrap(up, centre, callback=Callback(timestamp=OPEN)) is None
        await until(lambda: equals(states(own, centre), {"paused"}))
    (lead,) = (await centre.client.get("/leads")).json()["items"]
    assert callback_of(lead) == ("Callback - Queue", None, OPEN)


@pytest.mark.parametrize("wish", [WISHES[0], WISHES[1], WISHES[2], {"lead_status": 12}])
async def test_do_not_call_that_comes_while_the_lead_rings_is_not_lifted_by_a_wrap_up(
    centre: Centre, own: Database, settings: Settings, wish: dict[str, Any]
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, _):
        lead = await add(centre)
        await dialled_by_hand(up, own, centre, lead)
        answer = await centre.client.put(f"/leads/{lead}", json={"statusCode": 11})
        assert answer.json()["lastStatusCode"] == 11
        await wrapping_up(own, centre)
        assert await refused(up, centre, **wish) == "do-not-call"
        # what else there is to say is kept
        assert await wrap(up, centre, lead_data={"note": "said"}) is None
        await until(lambda: equals(states(own, centre), {"paused"}))
    found = await read(centre, lead)
    assert (found["lastStatusCode"], found["timestamps"]["nextAttempt"], found["completed"]) == (11, None, False)
    assert found["dataFields"] == {"note": "said"}


async def test_a_callback_that_would_not_be_kept_is_refused_with_the_next_time_that_would_do(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, _):
        lead = await add(centre)
        await dialled_by_hand(up, own, centre, lead)
        await wrapping_up(own, centre)
        await setting(own, centre, centre.outbound, "regime", '"AU"')
        refusal = await wrap(up, centre, callback=Callback(timestamp=SHUT, own=True))
        assert refusal is not None
        assert (refusal.code, refusal.next_timestamp) == ("outside-hours", "2027-03-08T09:00:00+11:00")
        key = await do_not_call.key(own, centre.organisation)
        await do_not_call.add(own, centre.organisation, key, CALLER, datetime.now(UTC))
        assert await refused(up, centre, callback=Callback(timestamp=OPEN)) == "do-not-call"
        await centre.client.put(f"/leads/{lead}", json={"isCompleted": True})
        assert await refused(up, centre, callback=Callback(timestamp=OPEN)) == "lead-completed"
        assert await wrap(up, centre) is None
        await until(lambda: equals(states(own, centre), {"paused"}))
    assert (await read(centre, lead))["timestamps"]["nextAttempt"] is None


async def test_lead_data_over_the_limit_is_told_to_the_agent_and_nothing_is_lost(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, _):
        lead = await add(centre, leadData={"old": "x" * 40_000})
        await dialled_by_hand(up, own, centre, lead)
        await wrapping_up(own, centre)
        for data in ({"new": "y" * 40_000}, {f"field {number}": number for number in range(200)}):
            assert await refused(up, centre, lead_data=data) == "too-large"
        assert await wrap(up, centre, lead_data={"old": None, "new": "y" * 40_000}) is None
        await until(lambda: equals(states(own, centre), {"paused"}))
    assert list((await read(centre, lead))["dataFields"]) == ["new"]


async def test_a_lead_keeps_the_outcome_that_its_agent_gives_it_and_no_half_of_a_callback(
    centre: Centre, own: Database, settings: Settings
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, _):
        lead = await add(centre, agentId=centre.agent, nextAttemptTimestamp="2021-03-10T12:00:00+11:00")
        await dialled_by_hand(up, own, centre, lead)
        await wrapping_up(own, centre)
        assert await refused(up, centre, callback=Callback(timestamp=OPEN), lead_status=12) == "contradiction"
        assert await wrap(up, centre, callback=Callback(timestamp=OPEN)) is None
        await until(lambda: equals(states(own, centre), {"paused"}))
    assert callback_of(await read(centre, lead)) == ("Callback - Queue", None, OPEN)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"lead_status": 9}, "callback.timestamp"),
    ({"lead_status": 10}, "callback.timestamp"),
    ({"lead_status": 9, "callback": Callback(timestamp=OPEN, own=True)}, "callback.own"),
    ({"lead_status": 10, "callback": Callback(timestamp=OPEN)}, "own true"),
    ({"lead_status": 11, "callback": Callback(timestamp=OPEN)}, "leave callback or leadStatus out"),
    ({"lead_status": 12, "callback": Callback(timestamp=OPEN, own=True)}, "leave callback or leadStatus out"),
]


@pytest.mark.parametrize("lead_there", [False, True])
async def test_what_contradicts_itself_in_a_wrap_up_is_refused_in_the_words_of_the_desk(
    centre: Centre, own: Database, settings: Settings, lead_there: bool
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, _, _):
        await setting(own, centre, centre.outbound, "newLeads", '{"list": "List One"}')
        lead = await add(centre) if lead_there else None
        await dialled_by_hand(up, own, centre, lead)
        await wrapping_up(own, centre)
        for wish, said in CONTRADICTIONS:
            refusal = await wrap(up, centre, **wish)
            assert refusal is not None
            assert refusal.code == "contradiction"
            assert said in refusal.detail
            for field in ("nextAttemptTimestamp", "agentId", "statusCode"):
                assert field not in refusal.detail
        assert await wrap(up, centre) is None
        await until(lambda: equals(states(own, centre), {"paused"}))
    leads = (await centre.client.get("/leads")).json()["items"]
    assert [each["lastStatusDescription"] for each in leads] == (["Contacted"] if lead_there else [])


@pytest.mark.parametrize("command", [Transfer, Consult])
async def test_no_call_is_given_to_a_number_on_a_do_not_call_list(
    centre: Centre, own: Database, settings: Settings, command: type[Transfer | Consult]
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        up.carrier.call_in(number, CALLER, PATIENT)
        await until(lambda: equals(states(own, centre), {"on-call"}))
        other = "+61491570157"
        key = await do_not_call.key(own, centre.organisation)
        await do_not_call.add(own, centre.organisation, key, other, datetime.now(UTC))
        refusal = await up.do(centre.agent, command(Target(number=other)))
        assert refusal is not None
        assert (refusal.code, up.state(centre.agent)) == ("refused-number", "on-call")
        assert "do-not-call" in refusal.detail
        assert await up.do(centre.agent, command(Target(number="+61491570158"))) is None


@pytest.mark.parametrize("promised_again", [False, True])
async def test_a_caller_who_was_helped_is_not_called_back_though_the_engine_died_before_the_wrap_up(
    centre: Centre, own: Database, settings: Settings, promised_again: bool
) -> None:
    async with exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _):
        lead = await add(centre, nextAttemptTimestamp=OPEN)
        assert (await talked(up, own, centre, number)).lead_id == lead
        if promised_again:
            later = {"nextAttemptTimestamp": "2027-03-11T12:00:00+11:00"}
            assert (await centre.client.put(f"/leads/{lead}", json=later)).status_code == 200
        async with another(up, settings):
            await until(lambda: equals(_wrapped(own, centre), 1))
            await until(lambda: equals(states(own, centre), {"ready"}))
    expected = ("Callback - Queue", None, "2027-03-11T12:00:00+11:00") if promised_again else ("Contacted", None, None)
    assert callback_of(await read(centre, lead)) == expected


async def _wrapped(own: Database, centre: Centre) -> int:
    wrapped = "SELECT count(*) FROM activities WHERE organisation_id = $1 AND wrap_up_at IS NOT NULL"
    return await own.fetchval(wrapped, centre.organisation)
