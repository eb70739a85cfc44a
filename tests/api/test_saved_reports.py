"""Saved reports over HTTP: whose they are, who sees them, and what cannot be saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from callfloor.contract.mailboxes import Account
from callfloor.store.db.pool import Database
from callfloor.store.people import teams, tokens
from tests.conftest import Centre, client_for
from tests.mail.post import make_mailbox
from tests.store.call_day import put_agents

SAVED = "http://callfloor.test/reports/v1/saved"
QUERY = {"period": "yesterday", "groupBy": "agent", "measures": "handled,occupancy"}


async def post(client: httpx2.AsyncClient, **given: Any) -> httpx2.Response:
    return await client.post(SAVED, json={"name": "Agents", "query": QUERY, **given})


async def saved(client: httpx2.AsyncClient, **given: Any) -> dict[str, Any]:
    answer = await post(client, **given)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
async def schedule(db: Database, centre: Centre) -> dict[str, Any]:
    mailbox = await make_mailbox(db, centre, send=Account("127.0.0.1", 9, tls="none"))
    await db.execute("UPDATE users SET email_address = 'Jo.Lee@example.com' WHERE user_id = $1", centre.user)
    return {
        "every": "day", "time": "07:30", "mailbox": mailbox.name, "recipients": ["jo.lee@example.com"],
    }  # fmt: skip


async def person(db: Database, centre: Centre, user: int, *scopes: str) -> httpx2.AsyncClient:
    given = list(scopes or ("reports:read", "reports:write"))
    return client_for(centre.app, await tokens.create(db, centre.organisation, "person", given, user_id=user))


@pytest.fixture
async def people(db: Database, centre: Centre) -> AsyncIterator[tuple[httpx2.AsyncClient, httpx2.AsyncClient, int]]:
    """Two people, the second of whom is an agent of its own."""
    (other,) = await put_agents(db, centre, ["signed-out"], datetime.now(UTC))
    async with await person(db, centre, centre.user) as one, await person(db, centre, other) as two:
        yield one, two, other


async def seen(client: httpx2.AsyncClient) -> list[str]:
    answer = await client.get(SAVED)
    assert answer.status_code == 200
    return [each["name"] for each in answer.json()["items"]]


async def test_a_report_is_saved_run_changed_and_deleted(centre: Centre, schedule: dict[str, Any]) -> None:
    made = await saved(centre.client, schedule=schedule)
    path = f"{SAVED}/{made['reportId']}"
    got = await centre.client.get(path)
    assert got.json() == made
    assert made["schedule"]["format"] == "xlsx"
    assert made["nextTimestamp"][11:] in ("07:30:00+11:00", "07:30:00+10:00")
    found = (await centre.client.get(f"{path}/figures")).json()
    assert (found["groupBy"], list(found["total"])) == ("agent", ["handled", "occupancy"])
    table = await centre.client.get(f"{path}/figures", params={"format": "csv"})
    assert table.headers["Content-Type"].startswith("text/csv")
    body = {"name": "Queues", "query": {"period": "thisWeek", "groupBy": "queue"}}
    stale = await centre.client.put(path, json=body, headers={"If-Match": '"0000"'})
    assert stale.status_code == 412
    changed = await centre.client.put(path, json=body, headers={"If-Match": got.headers["ETag"]})
    assert changed.status_code == 200, changed.text
    now = changed.json()
    assert (now["name"], now["schedule"], now["nextTimestamp"]) == ("Queues", None, None)
    assert (await centre.client.delete(path)).status_code == 204
    assert (await centre.client.get(path)).status_code == 404


async def test_a_report_is_seen_by_whom_it_is_shared_with(
    db: Database, centre: Centre, people: tuple[httpx2.AsyncClient, httpx2.AsyncClient, int]
) -> None:
    one, two, other = people
    await teams.put(db, centre.organisation, "Day", [centre.user], [other])
    team = (await teams.ids(db, centre.organisation))["Day"]
    own = await saved(one, name="own")
    await saved(one, name="all", shared="organisation")
    await saved(one, name="team", shared="team", teamId=team)
    assert await seen(one) == ["own", "all", "team"]
    assert await seen(two) == ["all", "team"]
    # a program sees what is everybody's
    assert await seen(centre.client) == ["all"]
    await teams.put(db, centre.organisation, "Day", [centre.user], [])
    assert await seen(two) == ["all"]
    for method, path in (("GET", ""), ("GET", "/figures"), ("GET", "/deliveries"), ("DELETE", "")):
        assert (await two.request(method, f"{SAVED}/{own['reportId']}{path}")).status_code == 404
    refused = await post(two, shared="team", teamId=team)
    assert refused.json()["errors"][0]["pointer"] == "/teamId"


async def test_only_its_owner_changes_a_report_or_an_administrator(
    db: Database, centre: Centre, people: tuple[httpx2.AsyncClient, httpx2.AsyncClient, int]
) -> None:
    one, two, other = people
    made = await saved(one, shared="organisation")
    path, body = f"{SAVED}/{made['reportId']}", {"name": "Mine now", "query": QUERY, "shared": "organisation"}
    for answer in (await two.put(path, json=body), await two.delete(path)):
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "not-yours")
    async with await person(db, centre, other, "admin") as administrator:
        assert (await administrator.put(path, json=body)).json()["ownerId"] == centre.user


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"name": "  "}, "/name"),
        ({"shared": "team"}, "/teamId"),
        ({"teamId": 1}, "/teamId"),
        ({"query": QUERY | {"campaignId": 2**40}}, "/query/campaignId"),
        ({"query": QUERY | {"measures": "luck"}}, "/query/measures"),
        ({"query": {"period": "lastMonth", "interval": "quarter-hour", "groupBy": "hourOfDay"}}, "/query/interval"),
        ({"schedule": {"weekday": 1}}, "/schedule/weekday"),
        ({"schedule": {"every": "month"}}, "/schedule/day"),
        ({"schedule": {"mailbox": "nowhere"}}, "/schedule/mailbox"),
        ({"schedule": {"recipients": ["jo.lee@example.com", "stranger@example.com"]}}, "/schedule/recipients/1"),
        ({"schedule": {"recipients": ["jo.lee@example.com", "JO.LEE@example.com"]}}, "/schedule/recipients/1"),
    ],
)
async def test_what_cannot_be_saved_is_named(
    centre: Centre, schedule: dict[str, Any], given: dict[str, Any], pointer: str
) -> None:
    if "schedule" in given:
        given = {"schedule": schedule | given["schedule"]}
    answer = await post(centre.client, **given)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_addresses_that_the_organisation_allows_get_it(
    db: Database, centre: Centre, schedule: dict[str, Any]
) -> None:
    await db.execute(
        "UPDATE organisations SET report_recipients = '{@example.org,board@example.net}' WHERE organisation_id = $1",
        centre.organisation,
    )
    good = {"schedule": schedule | {"recipients": ["Anyone@example.org", "board@example.net", "jo.lee@example.com"]}}
    await saved(centre.client, **good)
    for hostile in (
        "a b@example.org",
        "a,b@example.org",
        "a@example.com@example.org",
        "a@example.org\n",
        "@example.org",
    ):
        answer = await post(centre.client, schedule=schedule | {"recipients": [hostile]})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/schedule/recipients/0"), hostile
    for stranger in ("other@example.net", "board@sub.example.org", "board@example.net.example.info"):
        answer = await post(centre.client, schedule=schedule | {"recipients": [stranger]})
        assert answer.json()["errors"][0]["pointer"] == "/schedule/recipients/0"


async def test_another_organisation_neither_sees_nor_changes_it(centre: Centre, other_centre: Centre) -> None:
    made = await saved(centre.client, shared="organisation")
    path = f"{SAVED}/{made['reportId']}"
    assert await seen(other_centre.client) == []
    body = {"name": "Mine", "query": QUERY}
    for method, under, sent in (
        ("GET", "", None), ("PUT", "", body), ("DELETE", "", None), ("GET", "/figures", None),
        ("GET", "/deliveries", None),
    ):  # fmt: skip
        answer = await other_centre.client.request(method, f"{path}{under}", json=sent)
        assert answer.status_code == 404, (method, under)
    assert (await centre.client.get(path)).json() == made


async def test_saving_is_recorded_without_addresses(db: Database, centre: Centre, schedule: dict[str, Any]) -> None:
    await saved(centre.client, schedule=schedule)
    rows = await db.fetch(
        "SELECT action, details::text AS details FROM audit_entries"
        " WHERE organisation_id = $1 AND action LIKE 'report.%'",
        centre.organisation,
    )
    assert [row["action"] for row in rows] == ["report.create"]
    assert "example.com" not in rows[0]["details"]
