"""Every filter and pair of filters finds what a look at every lead, activity or call finds, page by page."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from callfloor.contract.codes import DialStatus
from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from tests.conftest import Centre

NUMBERS = ("+61491570156", "+61491570157", "+61491570158")
WRITTEN = {"+61491570156": "0491 570 156", "+61491570157": "0061491570157", "+61491570158": "+61 491 570 158"}
T0 = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
Row = dict[str, Any]
Check = Callable[[Row], bool]


async def every(centre: Centre, path: str, query: dict[str, Any]) -> list[Row]:
    """All items, three a page."""
    found: list[Row] = []
    answer = await centre.client.get(path, params=query | {"limit": 3})
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        uri = page["metadata"]["nextUri"]
        if uri is None:
            return found
        answer = await centre.client.get(uri.removeprefix("/platform-api/v3.0"))


@pytest.fixture
async def leads(centre: Centre, db: Database) -> Centre:
    """Leads of two lists, with numbers in any place (also twice), agents, statuses and times."""
    chance = random.Random(11)
    second = (await centre.client.post("/leads/lists", json={"listName": "Two", "campaignId": centre.outbound})).json()
    other = await db.fetchval(
        "INSERT INTO campaigns (organisation_id, name, direction, timezone) VALUES ($1, 'Other', 'outbound', 'UTC')"
        " RETURNING campaign_id",
        centre.organisation,
    )
    third = (await centre.client.post("/leads/lists", json={"listName": "Three", "campaignId": other})).json()
    for number in range(40):
        phones = {f"phone{n}": chance.choice((*NUMBERS, None)) for n in (1, 2, 3)}
        body = {
            "listId": chance.choice((centre.list_id, second["listId"], third["listId"])),
            "customerKey": f"key {number % 3}",
            "statusCode": chance.choice((0, 4)),
        }
        lead = (await centre.client.post("/leads", json=body | phones)).json()["leadId"]
        # production sets these by dialling and callbacks; what counts is what a page makes of any of them
        await db.execute(
            "UPDATE leads SET uploaded_at = $3, updated_at = $4, agent_id = $5, completed_at = $6"
            " WHERE organisation_id = $1 AND lead_id = $2",
            centre.organisation, lead, T0 + timedelta(hours=chance.randrange(20)),
            T0 + timedelta(hours=chance.randrange(20, 40)), chance.choice((centre.agent, None)),
            chance.choice((T0, None)),
        )  # fmt: skip
    return centre


def at(row: Row, name: str) -> datetime:
    return datetime.fromisoformat(row["timestamps"][name])


def number_of(row: Row, number: str) -> bool:
    return number in [phone["phoneNumber"] for phone in row["phones"]]


async def test_leads_are_found_by_every_pair_of_filters(leads: Centre) -> None:
    middle, late = T0 + timedelta(hours=8), T0 + timedelta(hours=30)
    filters: dict[str, tuple[Any, Check]] = {
        "campaignId": (leads.outbound, lambda row: row["campaignId"] == leads.outbound),
        "listId": (leads.list_id, lambda row: row["listId"] == leads.list_id),
        "statusCode": (4, lambda row: row["lastStatusCode"] == 4),
        "customerKey": ("key 1", lambda row: row["customerKey"] == "key 1"),
        "phoneNumber": (WRITTEN[NUMBERS[0]], lambda row: number_of(row, NUMBERS[0])),
        "agentId": (leads.agent, lambda row: row["agentId"] == leads.agent),
        "completed": ("true", lambda row: row["completed"]),
        "uploadedTimestampFrom": (middle.isoformat(), lambda row: at(row, "uploaded") >= middle),
        "uploadedTimestampTo": (middle.isoformat(), lambda row: at(row, "uploaded") <= middle),
        "updatedTimestampFrom": (late.isoformat(), lambda row: at(row, "updated") >= late),
        "updatedTimestampTo": (late.isoformat(), lambda row: at(row, "updated") <= late),
    }
    everything = await every(leads, "/leads", {})
    assert len(everything) == 40
    for size in (1, 2, 3):
        for names in combinations(filters, size):
            found = await every(leads, "/leads", {name: filters[name][0] for name in names})
            wanted = [row["leadId"] for row in everything if all(filters[name][1](row) for name in names)]
            assert sorted(row["leadId"] for row in found) == sorted(wanted), names
            updated = any(name.startswith("updated") for name in names)
            by = "updated" if updated and not {"phoneNumber", "customerKey", "agentId"} & set(names) else "uploaded"
            order = [(at(row, by), row["leadId"]) for row in found]
            assert order == sorted(order, reverse=True), names
    for number in NUMBERS:
        found = await every(leads, "/leads", {"phoneNumber": WRITTEN[number], "completed": "false"})
        assert {row["leadId"] for row in found} == {
            row["leadId"] for row in everything if number_of(row, number) and not row["completed"]
        }


async def test_calls_and_activities_are_found_by_every_pair_of_filters(centre: Centre, db: Database) -> None:
    chance = random.Random(12)
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 7, 'Sold')", centre.organisation, centre.outbound)
    outcomes = (DialStatus.ANSWERED, DialStatus.BUSY, DialStatus.NO_ANSWER)
    now = datetime.now(UTC)
    for hour in range(30):
        dialled = now - timedelta(minutes=60 - hour // 2)
        # the last call still rings
        number, outcome = chance.choice(NUMBERS), chance.choice(outcomes) if hour < 29 else None
        lead = (await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": number})).json()["leadId"]
        new = attempts.NewAttempt(centre.outbound, lead, 1, number, "progressive")
        (call,) = await attempts.start(db, centre.organisation, [new], dialled)
        assert call is not None
        if outcome is DialStatus.ANSWERED:
            await attempts.answered(db, centre.organisation, call.attempt_id, dialled)
            await attempts.connected(db, centre.organisation, call.attempt_id, centre.agent, dialled)
        if outcome is not None:
            await attempts.finish(db, centre.organisation, call.attempt_id, attempts.Ended(outcome), dialled)
        if outcome is DialStatus.ANSWERED:
            wrap = activities.WrapUp(chance.choice((7, None)))
            await activities.wrap_up(db, centre.organisation, call.activity_id, wrap, dialled)
    middle = (now - timedelta(minutes=52)).replace(microsecond=0)
    common: dict[str, tuple[Any, Check]] = {
        "campaignId": (centre.outbound, lambda row: True),
        "phoneNumber": (WRITTEN[NUMBERS[1]], lambda row: row["phoneNumber"] == NUMBERS[1]),
    }
    of_calls: dict[str, tuple[Any, Check]] = common | {
        "dialStatusId": (1, lambda row: row["dialStatusId"] == 1),
        "agentId": (centre.agent, lambda row: row["dialStatusId"] == 1),
        "dialledTimestampFrom": (middle.isoformat(), lambda row: at(row, "dialled") >= middle),
        "dialledTimestampTo": (middle.isoformat(), lambda row: at(row, "dialled") <= middle),
    }
    of_activities: dict[str, tuple[Any, Check]] = common | {
        "agentId": (centre.agent, lambda row: row["agentId"] == centre.agent),
        "wrapCode": (7, lambda row: row["wrapCode"] == 7),
        "activityType": ("call.outbound", lambda row: True),
        "createdTimestampFrom": (middle.isoformat(), lambda row: at(row, "created") >= middle),
        "createdTimestampTo": (middle.isoformat(), lambda row: at(row, "created") <= middle),
    }
    for path, filters, key in (
        ("/dialler/calls", of_calls, "attemptId"),
        ("/activities", of_activities, "activityId"),
    ):
        everything = [row.get("data", row) for row in await every(centre, path, {})]
        assert len(everything) == 30
        for size in (1, 2, 3):
            for names in combinations(filters, size):
                found = await every(centre, path, {name: filters[name][0] for name in names})
                wanted = [row[key] for row in everything if all(filters[name][1](row) for name in names)]
                assert [row.get("data", row)[key] for row in found] == wanted, (path, names)
        if path == "/dialler/calls":
            for status in DialStatus:
                found = await every(centre, path, {"dialStatusId": int(status)})
                assert [r[key] for r in found] == [r[key] for r in everything if r["dialStatusId"] == status]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/leads", {"phoneNumber": "12"}),
        ("/leads", {"completed": "perhaps"}),
        ("/leads", {"agentId": "Jane"}),
        ("/leads", {"updatedTimestampTo": "soon"}),
        ("/activities", {"phoneNumber": "0491570156x3"}),
        ("/activities", {"wrapCode": "-1"}),
        ("/dialler/calls", {"dialStatusId": "10"}),
        ("/dialler/calls", {"phoneNumber": "0000000000"}),
    ],
)
async def test_a_filter_that_cannot_be_one_is_told_by_its_name(
    path: str, query: dict[str, str], centre: Centre
) -> None:
    answer = await centre.client.get(path, params=query)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == list(query)
