"""Dialler calls over the API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from callfloor.contract.codes import DialStatus
from callfloor.store.calls import attempts
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.store.call_day import CallDay, add_leads, new_attempt

T0 = datetime(2026, 6, 1, 0, 0, 0, 600_000, tzinfo=UTC)


async def walk(centre: Centre, query: str) -> list[dict[str, Any]]:
    """Every item of every page."""
    items: list[dict[str, Any]] = []
    uri: str | None = f"/platform-api/v3.0/dialler/calls?{query}"
    while uri is not None:
        answer = await centre.client.get(f"http://callfloor.test{uri}")
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        uri = answer.json()["metadata"]["nextUri"]
    return items


async def test_an_attempt_shows_every_field_of_the_contract(db: Database, centre: Centre) -> None:
    org = centre.organisation
    (lead_id,) = await add_leads(db, centre, 1)
    follows: dict[str, Any] = {"parent_activity_id": 109, "root_activity_id": 108}
    (call,) = await attempts.start(db, org, [new_attempt(centre, lead_id, **follows)], T0)
    assert call is not None
    expected = {
        "attemptId": call.attempt_id,
        "dialStatusId": 0,
        "dialStatusName": "Dialling",
        "phoneIndex": 1,
        "phoneNumber": "+61491570156",
        "leadId": lead_id,
        "timestamps": {"dialled": "2026-06-01T10:00:00+10:00", "answered": None, "hangUp": None},
        "type": "call.outbound",
        "campaignId": centre.outbound,
        "campaignName": "Support Outbound",
        "activityId": call.activity_id,
        "parentActivityId": 109,
        "rootActivityId": 108,
    }
    assert (await centre.client.get(f"/dialler/calls/{call.attempt_id}")).json() == expected
    await attempts.answered(db, org, call.attempt_id, T0 + timedelta(seconds=9))
    await attempts.finish(
        db, org, call.attempt_id, attempts.Ended(DialStatus.ANSWERING_MACHINE), T0 + timedelta(seconds=12)
    )
    expected |= {
        "dialStatusId": 6,
        "dialStatusName": "Answering Machine",
        "timestamps": {
            "dialled": "2026-06-01T10:00:00+10:00",
            "answered": "2026-06-01T10:00:09+10:00",
            "hangUp": "2026-06-01T10:00:12+10:00",
        },
    }
    answer = await centre.client.get(f"/dialler/calls/{call.attempt_id}")
    assert answer.json() == expected
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert (await centre.client.get(f"/dialler/calls/{call.attempt_id}", headers=tag)).status_code == 304


async def test_an_attempt_outlives_its_lead(db: Database, centre: Centre) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    (call,) = await attempts.start(db, centre.organisation, [new_attempt(centre, lead_id)], T0)
    assert call is not None
    assert (await centre.client.delete(f"/leads/{lead_id}")).status_code == 409
    await attempts.finish(db, centre.organisation, call.attempt_id, attempts.Ended(DialStatus.BUSY), T0)
    assert (await centre.client.delete(f"/leads/{lead_id}")).status_code == 204
    assert (await centre.client.get(f"/dialler/calls/{call.attempt_id}")).json()["leadId"] == lead_id
    assert [each["attemptId"] for each in await walk(centre, f"leadId={lead_id}")] == [call.attempt_id]


async def test_attempts_of_another_organisation_are_not_found(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    (lead_id,) = await add_leads(db, centre, 1)
    (call,) = await attempts.start(db, centre.organisation, [new_attempt(centre, lead_id)], T0)
    assert call is not None
    assert (await other_centre.client.get(f"/dialler/calls/{call.attempt_id}")).status_code == 404
    assert await walk(other_centre, "limit=10") == []
    assert await walk(other_centre, f"leadId={lead_id}&campaignId={centre.outbound}") == []


@pytest.mark.parametrize("query", ["dialledTimestampFrom=yesterday", "campaign=1", "campaignId=0"])
async def test_a_wrong_parameter_is_named(centre: Centre, query: str) -> None:
    answer = await centre.client.get(f"/dialler/calls?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == query.split("=")[0]


def matches(attempt: dict[str, Any], name: str, value: Any) -> bool:
    dialled = datetime.fromisoformat(attempt["timestamps"]["dialled"])
    if name == "dialledTimestampFrom":
        return dialled >= datetime.fromisoformat(value)
    if name == "dialledTimestampTo":
        return dialled <= datetime.fromisoformat(value)
    return attempt[name] == value


async def test_every_filter_and_every_pair_gives_what_a_filter_of_all_gives(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    day = CallDay(db, centre, now - timedelta(days=1), now, seed=12)
    leads = await add_leads(db, centre, 50)
    day.plan(0, leads)
    await day.run_until(now)
    everything = await walk(centre, "limit=1000")
    assert len(everything) == 50
    times = [each["timestamps"]["dialled"] for each in everything]
    filters = {
        "campaignId": [centre.outbound, centre.inbound],
        "leadId": leads[:2],
        "dialledTimestampFrom": [times[40], times[10]],
        "dialledTimestampTo": [times[5], times[20]],
    }
    pairs: list[tuple[str, ...]] = [(name,) for name in filters]
    pairs += list(combinations(filters, 2))
    for names in pairs:
        for choice in range(2):
            wanted = {name: filters[name][choice] for name in names}
            query = "&".join(f"{name}={value}" for name, value in wanted.items()).replace("+", "%2B")
            found = await walk(centre, f"{query}&limit=7")
            assert found == [a for a in everything if all(matches(a, n, v) for n, v in wanted.items())], names


async def test_a_walk_shows_each_attempt_once_while_calls_are_dialled(db: Database, centre: Centre) -> None:
    ids = await add_leads(db, centre, 40)
    first = [new_attempt(centre, lead_id) for lead_id in ids[:20]]
    await attempts.start(db, centre.organisation, first, T0)
    before = {each["attemptId"] for each in await walk(centre, "limit=1000")}
    seen: list[int] = []
    uri: str | None = "/platform-api/v3.0/dialler/calls?limit=3"
    fresh = iter(ids[20:])
    while uri is not None:
        page = (await centre.client.get(f"http://callfloor.test{uri}")).json()
        seen += [each["attemptId"] for each in page["items"]]
        new = new_attempt(centre, next(fresh))
        await attempts.start(db, centre.organisation, [new], T0 + timedelta(seconds=5))
        uri = page["metadata"]["nextUri"]
    assert len(seen) == 20
    assert set(seen) == before
