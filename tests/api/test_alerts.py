"""Alerts as supervisors have them: on the live floor, listed, acknowledged, silenced; each sees its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from callfloor.contract.alerts import AlertRule
from callfloor.rules.alerting.conditions import Subject
from callfloor.store.db.pool import Database
from callfloor.store.figures import alerts
from callfloor.store.people import teams
from tests.api.desks import client_of, token_of
from tests.conftest import Centre, make_centre

NOW = datetime.now(UTC)


async def fire(db: Database, centre: Centre, name: str, campaign: int | None = None, agent: int | None = None) -> None:
    subject = Subject("one", name, holds=True, value=5, campaign_id=campaign, agent_id=agent)
    await alerts.fire(db, centre.organisation, AlertRule(name, "callers-waiting"), 3, subject, NOW)


async def test_an_alert_is_listed_acknowledged_by_the_first_and_silenced(
    app: Any, db: Database, centre: Centre
) -> None:
    await fire(db, centre, "Waits", centre.inbound)
    await fire(db, centre, "Over")
    await alerts.clear(db, centre.organisation, "Over", "one", NOW)
    async with client_of(centre, await token_of(db, centre, centre.user)) as client:
        items = (await client.get("/alerts")).json()["items"]
        assert [(each["rule"], each["cleared"] is None) for each in items] == [("Over", False), ("Waits", True)]
        (alert,) = (await client.get("/alerts", params={"open": "true"})).json()["items"]
        assert (alert["value"], alert["threshold"], alert["campaignId"]) == (5, 3, centre.inbound)
        (shown,) = (await client.get("/floor")).json()["alerts"]
        assert (shown["alertId"], shown["acknowledgedBy"]) == (alert["alertId"], None)
        where = f"/alerts/{alert['alertId']}"
        first = (await client.post(f"{where}/acknowledgement")).json()
        assert (first["acknowledgedBy"], first["acknowledgedByName"]) == (centre.user, "John Doe")
        assert (await client.post(f"{where}/acknowledgement")).json()["acknowledged"] == first["acknowledged"]
        assert (await client.post(f"{where}/silence", json={"minutes": 30})).json()["silencedUntil"] is not None
        assert (await client.post(f"{where}/silence", json={"minutes": 0})).json()["silencedUntil"] is None
        other = await make_centre(db, app)
        async with client_of(other, await token_of(db, other, other.user)) as stranger:
            assert (await stranger.post(f"{where}/acknowledgement")).status_code == 404
            assert (await stranger.get("/alerts")).json()["items"] == []
    said = "SELECT action FROM audit_entries WHERE organisation_id = $1 AND action LIKE 'alert.%' ORDER BY action"
    assert {row["action"] for row in await db.fetch(said, centre.organisation)} == {
        "alert.acknowledge", "alert.silence"
    }  # fmt: skip


async def test_a_supervisor_sees_alerts_of_its_teams_and_of_everybody(db: Database, centre: Centre) -> None:
    await teams.put(db, centre.organisation, "Nobody", [centre.user], [])
    await fire(db, centre, "Theirs", centre.inbound)
    await fire(db, centre, "Somebody's", None, centre.agent)
    await fire(db, centre, "Everybody's")
    async with client_of(centre, await token_of(db, centre, centre.user)) as client:
        items = (await client.get("/alerts")).json()["items"]
        assert [each["rule"] for each in items] == ["Everybody's"]
        assert [each["rule"] for each in (await client.get("/floor")).json()["alerts"]] == ["Everybody's"]
        hidden = await db.fetchval("SELECT alert_id FROM alerts WHERE rule = 'Theirs' AND organisation_id = $1",
                                   centre.organisation)  # fmt: skip
        assert (await client.post(f"/alerts/{hidden}/silence", json={"minutes": 5})).status_code == 404


async def test_rules_are_set_as_every_thing_of_the_centre_file(db: Database, centre: Centre) -> None:
    base = "http://callfloor.test/admin/v1/alerts"
    rule = {"name": "Support waits", "kind": "longest-wait", "campaign": "Support Inbound", "threshold": 60}
    assert (await centre.client.post(base, json=rule)).status_code == 201
    (shown,) = (await centre.client.get(base)).json()["items"]
    assert (shown["threshold"], shown["afterSeconds"], shown["mailbox"]) == (60, 60, None)
    file = (
        await centre.client.get("http://callfloor.test/admin/v1/centre", headers={"Accept": "application/toml"})
    ).text
    assert (
        '[[alerts]]\nname = "Support waits"\nkind = "longest-wait"\ncampaign = "Support Inbound"\nthreshold = 60\n'
        in file
    )
    for wrong, where in (
        ({"campaign": "Support Outbound"}, "/campaign"),
        ({"threshold": 100_000}, "/threshold"),
        ({"mailbox": "nobody", "recipients": ["x@example.com"]}, "/mailbox"),
    ):
        answer = await centre.client.patch(f"{base}/Support%20waits", json=wrong)
        assert answer.status_code == 422
        assert where in {each["pointer"] for each in answer.json()["errors"]}
    assert (await centre.client.delete(f"{base}/Support%20waits")).status_code == 204
    assert (await centre.client.get(base)).json()["items"] == []
