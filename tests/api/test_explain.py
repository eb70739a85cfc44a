"""Why a lead may or may not be dialled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from callfloor.contract.codes import DialStatus
from callfloor.engine.leads.explain import MOST_COUNTED
from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call
from tests.conftest import Centre
from tests.factories import inbound_call
from tests.store.call_day import add_leads, new_attempt

SYDNEY = ZoneInfo("Australia/Sydney")
EVERY_RULE = [
    "completion",
    "phone",
    "do-not-call",
    "callback-agent",
    "destination",
    "list",
    "campaign",
    "strategy",
    "attempts",
    "in-flight",
    "next-attempt",
    "abandoned",
    "window",
    "contact-window",
]


async def explained(centre: Centre, lead_id: int) -> dict[str, Any]:
    answer = await centre.client.get(f"/dialler/leads/{lead_id}/explain")
    assert answer.status_code == 200, answer.text
    return answer.json()


def failed(shown: dict[str, Any]) -> list[str]:
    return [rule["rule"] for rule in shown["rules"] if not rule["passed"]]


async def create(centre: Centre, **fields: Any) -> int:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": "0491 570 156"} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()["leadId"]


async def set_hours(db: Database, centre: Centre, hours: dict[str, list[str]]) -> None:
    await db.execute(
        "UPDATE campaigns SET calling_hours = $3 WHERE organisation_id = $1 AND campaign_id = $2",
        centre.organisation,
        centre.outbound,
        msgspec.json.encode(hours).decode(),
    )


async def block(db: Database, centre: Centre, number: str, campaign_id: int) -> None:
    key = await db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", centre.organisation)
    now = datetime.now(UTC)
    await do_not_call.add(db, centre.organisation, key, number, now, campaign_id=campaign_id)


async def test_a_lead_that_nothing_keeps_back_is_dialable_now(centre: Centre) -> None:
    lead_id = await create(centre)
    before = datetime.now(UTC).replace(microsecond=0)
    shown = await explained(centre, lead_id)
    assert [rule["rule"] for rule in shown["rules"]] == EVERY_RULE
    assert failed(shown) == []
    assert all(rule["detail"] for rule in shown["rules"])
    at = datetime.fromisoformat(shown["nextDialTimestamp"])
    assert before <= at <= datetime.now(UTC)
    assert at.utcoffset() == at.astimezone(SYDNEY).utcoffset()
    assert {name: shown[name] for name in ("leadId", "dialable", "phoneIndex", "position")} == {
        "leadId": lead_id,
        "dialable": True,
        "phoneIndex": 1,
        "position": 1,
    }


async def test_every_rule_that_fails_is_named(db: Database, centre: Centre) -> None:
    completed = await create(centre)
    await centre.client.put(f"/leads/{completed}", json={"isCompleted": True})
    assert failed(await explained(centre, completed)) == ["completion"]
    assert failed(await explained(centre, await create(centre, phone1=None))) == ["phone"]
    stopped = await create(centre, phone1="0491 570 157", statusCode=11)
    assert failed(await explained(centre, stopped)) == ["do-not-call"]
    lead_id = await create(centre)
    await centre.client.patch(f"/leads/lists/{centre.list_id}", json={"inDialler": False})
    assert failed(await explained(centre, lead_id)) == ["list"]
    await centre.client.patch(f"/leads/lists/{centre.list_id}", json={"inDialler": True})
    await db.execute("UPDATE campaigns SET active = false WHERE campaign_id = $1", centre.outbound)
    shown = await explained(centre, lead_id)
    assert failed(shown) == ["campaign"]
    assert (shown["dialable"], shown["nextDialTimestamp"], shown["position"]) == (False, None, None)


async def test_a_lead_being_dialled_and_one_out_of_attempts_are_kept_back(db: Database, centre: Centre) -> None:
    await db.execute("UPDATE campaigns SET max_attempts = 1 WHERE campaign_id = $1", centre.outbound)
    (lead_id,) = await add_leads(db, centre, 1)
    now = datetime.now(UTC)
    (call,) = await attempts.start(db, centre.organisation, [new_attempt(centre, lead_id)], now)
    assert call is not None
    assert failed(await explained(centre, lead_id)) == ["attempts", "in-flight"]
    await attempts.finish(db, centre.organisation, call.attempt_id, attempts.Ended(DialStatus.NO_ANSWER), now)
    assert failed(await explained(centre, lead_id)) == ["attempts"]


async def test_a_blocked_number_is_passed_over_for_the_next_phone(db: Database, centre: Centre) -> None:
    lead_id = await create(centre, phone3="0491 570 157")
    await block(db, centre, "+61491570156", centre.inbound)
    assert (await explained(centre, lead_id))["phoneIndex"] == 1
    await block(db, centre, "+61491570156", centre.outbound)
    shown = await explained(centre, lead_id)
    assert (shown["dialable"], shown["phoneIndex"]) == (True, 3)
    await block(db, centre, "+61491570157", do_not_call.WHOLE_ORGANISATION)
    shown = await explained(centre, lead_id)
    assert (failed(shown), shown["phoneIndex"], shown["nextDialTimestamp"]) == (["do-not-call"], None, None)


async def test_outside_calling_hours_the_next_opening_is_told_in_the_campaign_s_zone(
    db: Database, centre: Centre
) -> None:
    today = datetime.now(SYDNEY)
    # open the day after tomorrow only, 09:00 to 20:00
    day = (today + timedelta(days=2)).strftime("%A").lower()
    await set_hours(db, centre, {day: ["09:00-20:00"]})
    shown = await explained(centre, await create(centre))
    assert failed(shown) == ["window"]
    opening = datetime.fromisoformat(shown["nextDialTimestamp"])
    assert opening.date() == (today + timedelta(days=2)).date()
    assert (opening.hour, opening.minute) == (9, 0)
    assert shown["nextDialTimestamp"] == opening.astimezone(SYDNEY).isoformat(timespec="seconds")
    assert shown["position"] is None


async def test_a_later_next_attempt_is_told(centre: Centre) -> None:
    shown = await explained(centre, await create(centre, nextAttemptTimestamp="2031-07-02T03:04:05Z"))
    assert failed(shown) == ["next-attempt"]
    assert (shown["dialable"], shown["nextDialTimestamp"]) == (False, "2031-07-02T13:04:05+10:00")


async def test_due_leads_come_first_by_time_then_the_others_by_id(db: Database, centre: Centre) -> None:
    first, second = await create(centre, phone1="02 5550 0001"), await create(centre, phone1="02 5550 0002")
    late = await create(centre, phone1="02 5550 0003", nextAttemptTimestamp="2021-08-01T11:00:00Z")
    early = await create(centre, nextAttemptTimestamp="2021-08-01T10:00:00Z")
    same = await create(centre, phone1="02 5550 0004", nextAttemptTimestamp="2021-08-01T10:00:00Z")
    await create(centre, nextAttemptTimestamp="2031-08-01T10:00:00Z")
    await create(centre, statusCode=12)
    other = (await centre.client.post("/leads/lists", json={"listName": "Two", "campaignId": centre.outbound})).json()
    alone = await create(centre, listId=other["listId"])
    order = [early, same, late, first, second]
    assert [(await explained(centre, lead_id))["position"] for lead_id in order] == [1, 2, 3, 4, 5]
    assert (await explained(centre, alone))["position"] == 1
    # a lead that is being dialled gives up its place
    now = datetime.now(UTC)
    await attempts.start(db, centre.organisation, [new_attempt(centre, early)], now)
    assert (await explained(centre, second))["position"] == 4


async def test_which_call_a_number_is_on_is_told_for_all_its_leads_and_then_how_long_it_rests(
    db: Database, centre: Centre
) -> None:
    mine, other = await create(centre), await create(centre, phone1=None, phone2="0491570156")
    now = datetime.now(UTC)
    (call,) = await attempts.start(db, centre.organisation, [new_attempt(centre, mine)], now)
    assert call is not None
    shown = await explained(centre, other)
    assert failed(shown) == ["in-flight"]
    assert f"attempt {call.attempt_id}, to lead {mine}" in detail(shown, "in-flight")
    await attempts.finish(db, centre.organisation, call.attempt_id, attempts.Ended(DialStatus.NO_ANSWER), now)
    shown = await explained(centre, other)
    assert failed(shown) == ["next-attempt"]
    due = datetime.fromisoformat(shown["nextDialTimestamp"])
    assert abs(due - now - timedelta(minutes=60)) < timedelta(minutes=1)
    # a lead of another number knows nothing of it
    assert failed(await explained(centre, await create(centre, phone1="02 5550 0009"))) == []


async def test_a_caller_on_the_line_is_not_dialled(db: Database, centre: Centre) -> None:
    lead_id, now = await create(centre), datetime.now(UTC)
    call = (centre.inbound, "+61491570156", "+61255501234")
    leg = await inbound_call(db, centre.organisation, *call, now)
    shown = await explained(centre, lead_id)
    assert failed(shown) == ["in-flight"]
    assert f"activity {leg}" in detail(shown, "in-flight")
    await activities.hang_up(db, centre.organisation, leg, now)
    assert failed(await explained(centre, lead_id)) == []


def detail(shown: dict[str, Any], rule: str) -> str:
    return next(each["detail"] for each in shown["rules"] if each["rule"] == rule)


async def test_a_position_is_counted_among_the_first_of_a_list(db: Database, centre: Centre) -> None:
    ids = await add_leads(db, centre, MOST_COUNTED + 1)
    assert (await explained(centre, ids[-2]))["position"] == MOST_COUNTED
    shown = await explained(centre, ids[-1])
    assert (shown["dialable"], shown["position"]) == (True, None)


@pytest.mark.parametrize("which", ["unknown", "another organisation's"])
async def test_a_lead_that_is_not_there_has_no_explanation(centre: Centre, other_centre: Centre, which: str) -> None:
    lead_id = 2**40 if which == "unknown" else await create(other_centre)
    assert (await centre.client.get(f"/dialler/leads/{lead_id}/explain")).status_code == 404
