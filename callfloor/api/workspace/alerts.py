"""Alerts for supervisors: those that are open and those that are over, acknowledged and silenced."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.call import Call, not_found
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.workspace.people import SUPERVISED, still_supervises, supervisor_of
from callfloor.contract.alerts import Alert, AlertsQuery, Silence
from callfloor.contract.fields import Page
from callfloor.rules.values.times import local_time
from callfloor.store.figures import alerts

_EXAMPLE: dict[str, Any] = {
    "alertId": 31,
    "rule": "Support waits",
    "kind": "longest-wait",
    "severity": "warning",
    "about": "Support",
    "campaignId": 1,
    "agentId": None,
    "value": 124.0,
    "threshold": 120.0,
    "fired": "2021-08-01T13:55:06+10:00",
    "cleared": None,
    "acknowledged": "2021-08-01T13:56:10+10:00",
    "acknowledgedBy": 1001,
    "acknowledgedByName": "Sam Lead",
    "silencedUntil": None,
}


@operation(
    "GET",
    "/alerts",
    scope="workspace:supervise",
    summary="Alerts",
    tag="supervision",
    example={"metadata": {"nextUri": None}, "items": [_EXAMPLE]},
    query={"open": True},
    problems=SUPERVISED,
)
async def list_alerts(call: Call, query: AlertsQuery) -> Page[Alert]:
    """What the rules of the organisation (`/admin/v1/alerts`) found on the floor, the last one first: what is open, and
    what was over within 90 days. Those of campaigns and agents whom you see; what is of neither is everybody's."""
    supervisor_of(call.caller)
    before = page_start(call, query)
    given = before[1] if before else 0, query.open, query.campaign_id, page_limit(query) + 1
    rows = await alerts.page(call.db, call.organisation, call.now, call.caller.supervised, *given)
    return page_of(call, query, rows, lambda row: _shown(call, row), lambda row: (EPOCH, row["alert_id"]))


@operation(
    "POST",
    "/alerts/{alertId}/acknowledgement",
    scope="workspace:supervise",
    summary="Acknowledge an alert",
    tag="supervision",
    example=_EXAMPLE,
    problems=SUPERVISED,
    audits=changes("alert.acknowledge", "alert"),
    replayable=still_supervises,
)
async def acknowledge_alert(call: Call, alert_id: int) -> Alert:
    """Say that you see to it. Whoever was first stays the one who did."""
    person = supervisor_of(call.caller)
    await _seen(call, alert_id)
    await alerts.acknowledge(call.db, call.organisation, alert_id, person, call.now)
    return _shown(call, await _seen(call, alert_id))


@operation(
    "POST",
    "/alerts/{alertId}/silence",
    scope="workspace:supervise",
    summary="Silence an alert's rule",
    tag="supervision",
    example=_EXAMPLE,
    request={"minutes": 60},
    problems=SUPERVISED,
    audits=changes("alert.silence", "alert"),
    replayable=still_supervises,
)
async def silence_alert(call: Call, alert_id: int, body: Silence) -> Alert:
    """Let nobody be told of what the alert's rule finds, of whatever it is, for so many minutes. It is looked at and
    written down all the same, and what is open when the silence ends is told then."""
    person = supervisor_of(call.caller)
    rule = (await _seen(call, alert_id))["rule"]
    until = call.now + timedelta(minutes=body.minutes)
    await alerts.silence(call.db, call.organisation, rule, until, person)
    call.audit.entry(after={"rule": rule, "minutes": body.minutes})
    return _shown(call, await _seen(call, alert_id))


async def _seen(call: Call, alert_id: int) -> Record:
    row = await alerts.get(call.db, call.organisation, call.now, call.caller.supervised, alert_id)
    if row is None:
        raise not_found("alert")
    return row


def _shown(call: Call, row: Record) -> Alert:
    def at(name: str) -> datetime | None:
        return None if row[name] is None else local_time(row[name], call.zone)

    return Alert(
        alert_id=row["alert_id"],
        rule=row["rule"],
        kind=row["kind"],
        severity=row["severity"],
        about=row["about"],
        campaign_id=row["campaign_id"],
        agent_id=row["agent_id"],
        value=row["value"],
        threshold=row["threshold"],
        fired=local_time(row["fired_at"], call.zone),
        cleared=at("cleared_at"),
        acknowledged=at("acknowledged_at"),
        acknowledged_by=row["acknowledged_by"],
        acknowledged_by_name=row["acknowledged_by_name"],
        silenced_until=at("until_at"),
    )
