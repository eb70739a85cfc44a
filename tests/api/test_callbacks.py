"""Callbacks over the API: made whole, kept or refused, whoever asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from callfloor.centre.apply import apply_text
from callfloor.contract.codes import DialStatus
from callfloor.store.calls import attempts
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from tests.api import test_imports
from tests.api.desks import add_agent, client_of, token_of
from tests.api.test_leads import create, read
from tests.conftest import Centre

# noon on a Wednesday in Sydney, and on the Sunday before; the Monday after that is no holiday
OPEN, SHUT, NEXT = "2027-03-10T12:00:00+11:00", "2027-03-07T12:00:00+11:00", "2027-03-08T09:00:00+11:00"
PHONE = {"phone1": "0491570156", "timezone": "Australia/Sydney"}


async def under_the_law_of_australia(db: Database, centre: Centre) -> None:
    await db.execute(
        """UPDATE campaigns SET dialling = '{"regime": "AU"}' WHERE organisation_id = $1""", centre.organisation
    )


def callback_of(lead: Mapping[str, Any]) -> tuple[str, int | None, str | None]:
    return lead["lastStatusDescription"], lead["agentId"], lead["timestamps"]["nextAttempt"]


async def post(centre: Centre, **fields: Any) -> httpx2.Response:
    return await centre.client.post("/leads", json={"listId": centre.list_id} | PHONE | fields)


async def put(centre: Centre, lead_id: int, **fields: Any) -> httpx2.Response:
    return await centre.client.put(f"/leads/{lead_id}", json=fields)


async def imported(
    db: Database, centre: Centre, rows: list[dict[str, Any]], query: str = "", form: str = "json"
) -> dict[str, int]:
    if form == "json":
        body, headers = json.dumps({"leads": rows}).encode(), test_imports.JSON
    else:
        header = list(rows[0])
        lines = [",".join(header), *(",".join(str(row[name]) for name in header) for row in rows)]
        body, headers = "\n".join(lines).encode(), test_imports.CSV
    _, result = await test_imports.run(centre, db, body, headers, query)
    return result


async def by_post(centre: Centre, db: Database, fields: dict[str, Any]) -> dict[str, Any]:
    return await read(centre, await create(centre, **PHONE, **fields))


async def by_put(centre: Centre, db: Database, fields: dict[str, Any]) -> dict[str, Any]:
    return (await put(centre, await create(centre, **PHONE), **fields)).json()


async def by_bulk(centre: Centre, db: Database, fields: dict[str, Any]) -> dict[str, Any]:
    await imported(db, centre, [{"listId": centre.list_id, "customerKey": "bulk"} | PHONE | fields])
    return await of_key(centre, "bulk")


async def by_bulk_update(centre: Centre, db: Database, fields: dict[str, Any]) -> dict[str, Any]:
    row = {"listId": centre.list_id, "customerKey": "bulk"}
    await imported(db, centre, [row | PHONE])
    await imported(db, centre, [row | fields], "onDuplicate=update")
    return await of_key(centre, "bulk")


async def by_csv(centre: Centre, db: Database, fields: dict[str, Any]) -> dict[str, Any]:
    row = {"listId": centre.list_id, "customerKey": "bulk"} | PHONE | fields
    await imported(db, centre, [row], form="csv")
    return await of_key(centre, "bulk")


async def of_key(centre: Centre, key: str) -> dict[str, Any]:
    (lead,) = (await centre.client.get(f"/leads?customerKey={key}")).json()["items"]
    return lead


WAYS = [by_post, by_put, by_bulk, by_bulk_update, by_csv]


@pytest.mark.parametrize("way", WAYS)
async def test_agent_and_time_are_a_callback_for_the_agent_whoever_writes_them(
    centre: Centre, db: Database, way: Any
) -> None:
    lead = await way(centre, db, {"agentId": centre.agent, "nextAttemptTimestamp": OPEN})
    assert callback_of(lead) == ("Callback - Agent", centre.agent, OPEN)


@pytest.mark.parametrize("way", WAYS)
async def test_a_time_alone_is_a_callback_for_the_queue_whoever_writes(centre: Centre, db: Database, way: Any) -> None:
    assert callback_of(await way(centre, db, {"nextAttemptTimestamp": OPEN})) == ("Callback - Queue", None, OPEN)


async def test_a_later_callback_for_the_queue_takes_the_lead_from_its_agent(centre: Centre) -> None:
    lead_id = await create(centre, **PHONE, agentId=centre.agent, nextAttemptTimestamp=OPEN)
    later = (await put(centre, lead_id, nextAttemptTimestamp="2027-03-11T12:00:00+11:00")).json()
    assert callback_of(later) == ("Callback - Queue", None, "2027-03-11T12:00:00+11:00")


@pytest.mark.parametrize(
    "change",
    [
        {"agentId": None},
        {"nextAttemptTimestamp": None},
        {"agentId": None, "nextAttemptTimestamp": None},
        {"statusCode": 0},
    ],
)
async def test_clearing_half_of_a_callback_clears_all_of_it(centre: Centre, change: dict[str, Any]) -> None:
    lead_id = await create(centre, **PHONE, agentId=centre.agent, nextAttemptTimestamp=OPEN)
    assert callback_of((await put(centre, lead_id, **change)).json()) == ("New", None, None)


async def test_whoever_is_completed_is_not_called_back(centre: Centre) -> None:
    lead_id = await create(centre, **PHONE, agentId=centre.agent, nextAttemptTimestamp=OPEN)
    done = (await put(centre, lead_id, isCompleted=True)).json()
    assert (done["completed"], *callback_of(done)) == (True, "Completed", None, None)


async def refusal_of(answer: httpx2.Response) -> tuple[str, str | None]:
    problem = answer.json()
    assert answer.status_code == 409, answer.text
    assert problem["type"].endswith("/problems/callback-refused")
    assert problem["errors"][0]["pointer"] in ("/agentId", "/nextAttemptTimestamp")
    return problem["code"], problem.get("nextTimestamp")


async def test_an_agent_who_cannot_make_the_callback_is_refused_in_every_way(centre: Centre, db: Database) -> None:
    elsewhere = await add_agent(db, centre, "jane.roe")
    gone = await add_agent(db, centre, "jim.roe")
    await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", centre.organisation, centre.outbound, gone)
    await db.execute("UPDATE users SET account_active = false WHERE user_id = $1", gone)
    lead_id = await create(centre, **PHONE)
    for agent in (elsewhere, gone):
        fields = {"agentId": agent, "nextAttemptTimestamp": OPEN}
        assert await refusal_of(await post(centre, **fields)) == ("agent-unavailable", None)
        assert await refusal_of(await put(centre, lead_id, **fields)) == ("agent-unavailable", None)
        row = {"listId": centre.list_id, "customerKey": "k"} | PHONE | fields
        result = await imported(db, centre, [row, row | {"agentId": centre.agent, "customerKey": "right"}])
        assert (result["inserted"], result["invalid"]) == (1, 1)
    assert callback_of(await read(centre, lead_id)) == ("New", None, None)
    # an agent without a callback only owns the lead
    assert (await put(centre, lead_id, agentId=elsewhere)).status_code == 200


async def test_a_completed_lead_is_not_called_back(centre: Centre) -> None:
    lead_id = await create(centre, **PHONE, statusCode=12)
    assert await refusal_of(await put(centre, lead_id, nextAttemptTimestamp=OPEN)) == ("lead-completed", None)


async def test_a_lead_of_status_do_not_call_is_not_called_back(centre: Centre) -> None:
    lead_id = await create(centre, **PHONE, statusCode=11)
    assert await refusal_of(await put(centre, lead_id, nextAttemptTimestamp=OPEN)) == ("do-not-call", None)
    assert (await read(centre, lead_id))["lastStatusCode"] == 11


async def test_a_blocked_number_is_not_called_back_before_its_block_ends(centre: Centre, db: Database) -> None:
    await under_the_law_of_australia(db, centre)
    key = await do_not_call.key(db, centre.organisation)
    lead_id = await create(centre, **PHONE)

    async def block(until: datetime | None) -> None:
        now = datetime.now(UTC)
        await do_not_call.add(db, centre.organisation, key, "+61491570156", now, expires_at=until)

    # a Sunday: nobody may call at the end of the block itself
    await block(datetime.fromisoformat("2027-03-14T12:00:00+11:00"))
    wanted = {"nextAttemptTimestamp": OPEN}
    assert await refusal_of(await put(centre, lead_id, **wanted)) == ("do-not-call", "2027-03-15T09:00:00+11:00")
    assert (await put(centre, lead_id, nextAttemptTimestamp="2027-03-15T09:00:00+11:00")).status_code == 200
    await block(None)
    assert await refusal_of(await put(centre, lead_id, **wanted)) == ("do-not-call", None)
    assert await refusal_of(await post(centre, **wanted)) == ("do-not-call", None)
    assert (await imported(db, centre, [{"listId": centre.list_id} | PHONE | wanted]))["invalid"] == 1
    # another phone of the lead will do
    assert (await post(centre, phone2="0491570157", **wanted)).status_code == 201


async def test_a_time_when_nobody_may_call_is_refused_with_the_next_one_in_every_way(
    centre: Centre, db: Database
) -> None:
    await under_the_law_of_australia(db, centre)
    lead_id = await create(centre, **PHONE)
    wanted = {"nextAttemptTimestamp": SHUT, "agentId": centre.agent}
    for answer in (await post(centre, **wanted), await put(centre, lead_id, **wanted)):
        assert await refusal_of(answer) == ("outside-hours", NEXT)
        assert NEXT in answer.json()["detail"]
    assert (await imported(db, centre, [{"listId": centre.list_id} | PHONE | wanted]))["invalid"] == 1
    assert (await put(centre, lead_id, nextAttemptTimestamp=NEXT, agentId=centre.agent)).status_code == 200
    # what was offered is what everybody says of the lead
    explained = (await centre.client.get(f"/dialler/leads/{lead_id}/explain")).json()
    assert explained["nextDialTimestamp"] == NEXT
    desk = client_of(centre, await token_of(db, centre, centre.agent))
    (own,) = (await desk.get("/callbacks")).json()["items"]
    assert (own["timestamps"]["nextAttempt"], own["nextDialTimestamp"]) == (NEXT, NEXT)
    await desk.aclose()


async def test_a_holiday_is_no_time_for_a_callback(centre: Centre, db: Database) -> None:
    await under_the_law_of_australia(db, centre)
    # Anzac Day 2028 is a Tuesday
    refused = await post(centre, nextAttemptTimestamp="2028-04-25T12:00:00+10:00")
    assert await refusal_of(refused) == ("outside-hours", "2028-04-26T09:00:00+10:00")


async def test_a_lead_without_a_phone_or_in_an_inbound_list_is_not_called_back(centre: Centre) -> None:
    assert await refusal_of(await post(centre, phone1=None, nextAttemptTimestamp=OPEN)) == ("no-phone", None)
    body = {"listName": "Callers", "campaignId": centre.inbound}
    inbound = (await centre.client.post("/leads/lists", json=body)).json()["listId"]
    refused = await post(centre, listId=inbound, nextAttemptTimestamp=OPEN)
    assert await refusal_of(refused) == ("not-dialled", None)


async def test_a_change_that_would_break_a_standing_callback_is_refused(centre: Centre, db: Database) -> None:
    lead_id = await create(centre, **PHONE, agentId=centre.agent, nextAttemptTimestamp=OPEN)
    assert (await refusal_of(await put(centre, lead_id, phone1=None)))[0] == "no-phone"
    other = await db.fetchval(
        "INSERT INTO campaigns (organisation_id, name, direction, timezone, mode) VALUES ($1, 'Other', 'outbound',"
        " 'Australia/Sydney', 'progressive') RETURNING campaign_id",
        centre.organisation,
    )
    body = {"listName": "Elsewhere", "campaignId": other}
    elsewhere = (await centre.client.post("/leads/lists", json=body)).json()["listId"]
    assert (await refusal_of(await put(centre, lead_id, listId=elsewhere)))[0] == "agent-unavailable"
    moved = await put(centre, lead_id, listId=elsewhere, nextAttemptTimestamp=None)
    assert (moved.status_code, moved.json()["listId"]) == (200, elsewhere)


async def test_a_time_that_has_passed_is_due_at_once(centre: Centre, db: Database) -> None:
    await under_the_law_of_australia(db, centre)
    lead = await by_post(centre, db, {"nextAttemptTimestamp": "2021-08-01T13:55:06+10:00"})
    assert callback_of(lead) == ("Callback - Queue", None, "2021-08-01T13:55:06+10:00")


async def test_a_lead_of_its_own_time_and_status_is_no_callback(centre: Centre, db: Database) -> None:
    lead = await by_post(centre, db, {"nextAttemptTimestamp": OPEN, "statusCode": 0})
    assert callback_of(lead) == ("New", None, OPEN)


@pytest.mark.parametrize("fields", [{"statusCode": 9}, {"statusCode": 10}, {"statusCode": 10, "agentId": 1}])
async def test_a_status_of_a_callback_without_its_time_is_refused(centre: Centre, fields: dict[str, Any]) -> None:
    answer = await post(centre, **fields)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/statusCode"


async def say(db: Database, centre: Centre, text: str) -> None:
    """Apply a centre file that says this of the centre."""
    name = await db.fetchval(NAME_SQL, centre.organisation)
    await apply_text(db, f'[organisation]\nname = "{name}"\n{text}', "centre.toml")


NAME_SQL = "SELECT name FROM organisations WHERE organisation_id = $1"
CLOSED = '[[users]]\nusername = "agent.doe"\naccountActive = false'
LEAVES = '[[campaigns]]\nname = "Support Outbound"\nagents = []'
LEAVES_OTHER = '[[campaigns]]\nname = "Support Inbound"\nagents = []'


@pytest.mark.parametrize(("change", "reason"), [(CLOSED, "agent-inactive"), (LEAVES, "agent-left-campaign")])
async def test_callbacks_of_an_agent_who_is_gone_go_to_the_queue_and_say_so(
    centre: Centre, db: Database, change: str, reason: str
) -> None:
    lead_id = await create(centre, **PHONE, agentId=centre.agent, nextAttemptTimestamp=OPEN)
    owned = await create(centre, **PHONE, agentId=centre.agent)
    done = await create(centre, **PHONE, agentId=centre.agent, statusCode=12)
    with capture_logs() as logs:
        await say(db, centre, change)
    lead = await read(centre, lead_id)
    assert callback_of(lead) == ("Callback - Queue", None, OPEN)
    assert (lead["callbackMoved"]["agentId"], lead["callbackMoved"]["reason"]) == (centre.agent, reason)
    (entry,) = [entry for entry in logs if entry["event"] == "callbacks-to-queue"]
    assert (entry["agent"], entry["count"], entry["reason"]) == (centre.agent, 1, reason.removeprefix("agent-"))
    for other in (owned, done):
        left = await read(centre, other)
        assert (left["agentId"], left["callbackMoved"]) == (centre.agent, None)
    # the next callback has nothing to do with it
    again = await put(centre, lead_id, nextAttemptTimestamp="2027-03-11T12:00:00+11:00")
    assert again.json()["callbackMoved"] is None


async def test_an_agent_who_leaves_one_campaign_keeps_the_callbacks_of_others(centre: Centre, db: Database) -> None:
    lead_id = await create(centre, **PHONE, agentId=centre.agent, nextAttemptTimestamp=OPEN)
    await say(db, centre, LEAVES_OTHER)
    assert callback_of(await read(centre, lead_id)) == ("Callback - Agent", centre.agent, OPEN)


async def test_a_status_of_a_callback_takes_no_time_that_nobody_was_promised(centre: Centre, db: Database) -> None:
    lead_id = await create(centre, **PHONE)
    await put(centre, lead_id, statusCode=2, nextAttemptTimestamp=OPEN)
    refused = await put(centre, lead_id, statusCode=9)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/statusCode")
    promised = await put(centre, lead_id, nextAttemptTimestamp=OPEN)
    assert callback_of(promised.json())[1] is None
    of_agent = await put(centre, lead_id, statusCode=10, agentId=centre.agent)
    assert callback_of(of_agent.json()) == ("Callback - Agent", centre.agent, callback_of(promised.json())[2])


async def test_a_number_that_was_called_too_often_by_other_leads_is_not_called_back(
    centre: Centre, db: Database
) -> None:
    limits = '{"regime": "none", "maxAttemptsPerNumber": 1}'
    change = "UPDATE campaigns SET dialling = $2::text::jsonb WHERE organisation_id = $1"
    await db.execute(change, centre.organisation, limits)
    other, now = await create(centre, **PHONE), datetime.now(UTC)
    given = attempts.NewAttempt(centre.outbound, other, 1, "+61491570156", "manual")
    (started,) = await attempts.start(db, centre.organisation, [given], now)
    assert started is not None
    await attempts.finish(db, centre.organisation, started.attempt_id, attempts.Ended(DialStatus.NO_ANSWER), now)
    lead_id = await create(centre, **PHONE)
    soon = (now + timedelta(days=2)).isoformat()
    refused = await put(centre, lead_id, nextAttemptTimestamp=soon)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "no-phone")
    two = await put(centre, lead_id, nextAttemptTimestamp=soon, phone2="0491570157")
    assert two.status_code == 200
    await put(centre, lead_id, phone2=None, nextAttemptTimestamp=None)
    # calls of thirty days count
    later = await put(centre, lead_id, nextAttemptTimestamp=(now + timedelta(days=40)).isoformat())
    assert later.status_code == 200, later.text
