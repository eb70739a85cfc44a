"""One reading of everything that goes on in an organisation, in one statement: one moment for all of it.

Its cost grows with what goes on now, not with history: long windows of live answers are summed up apart, less often.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from asyncpg import Record

from callfloor.contract.alerts import AlertKind, Severity
from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.codes import AgentState, Wanted
from callfloor.contract.destinations import DestinationReason
from callfloor.contract.live_floor import AlarmKind
from callfloor.contract.workspace import AtHand
from callfloor.store.agents.conditions import SEEN
from callfloor.store.db.pool import Database
from callfloor.store.figures.statistics import UNDECIDED

# Callers of one queue that are listed, those who wait longest.
MOST_CALLERS = 200
# What the destination policy did within the hour, the newest.
MOST_ALARMS = 50
# Open alerts that are listed, the newest.
MOST_ALERTS = 100
# An engine says that it lives every few seconds; after so long it is down, and after so much longer forgotten.
SILENT_S, FORGOTTEN_S = 10, 600

# $2 now; $3 from when minutes are summed up here: what lies before is in `WINDOWS_SQL`.
READ_SQL = f"""
SELECT
    (SELECT coalesce(json_agg(json_build_array(u.user_id, u.username, u.full_name, s.state, s.since, s.reason,
        s.wanted_state, (SELECT coalesce(array_agg(m.campaign_id ORDER BY m.campaign_id), '{{}}') FROM working_agents m
            WHERE m.organisation_id = $1 AND m.agent_id = u.user_id), coalesce(w.at_hand, '{{}}'))
        ORDER BY u.user_id), '[]')::text
     FROM agent_states s
     JOIN users u ON u.organisation_id = s.organisation_id AND u.user_id = s.agent_id AND {SEEN}
     LEFT JOIN workspace_sessions w ON w.organisation_id = s.organisation_id AND w.agent_id = s.agent_id
     WHERE s.organisation_id = $1 AND s.state <> 'signed-out') AS agents,
    (SELECT coalesce(json_agg(json_build_array(activity_id, campaign_id, contact, lead_id, join_queue_at, place, total)
        ORDER BY join_queue_at, activity_id), '[]')::text
     FROM (
        SELECT activity_id, a.campaign_id, contact, lead_id, join_queue_at,
            row_number() OVER (PARTITION BY a.campaign_id ORDER BY join_queue_at, activity_id) AS place,
            count(*) OVER (PARTITION BY a.campaign_id) AS total
        FROM open_legs JOIN activities a USING (organisation_id, activity_id, created_at)
        WHERE organisation_id = $1 AND type LIKE 'call.%' AND join_queue_at IS NOT NULL AND answered_at IS NULL
            AND left_queue_at IS NULL AND hang_up_at IS NULL AND created_at >= $2::timestamptz - interval '31 days'
     ) AS waiting WHERE place <= {MOST_CALLERS}) AS callers,
    (SELECT coalesce(json_agg(json_build_array(c.campaign_id, c.name, c.direction, coalesce(c.mode, 'progressive'),
        c.active, EXISTS (
            SELECT FROM campaign_leases l JOIN floor_nodes n ON n.organisation_id = l.organisation_id
                AND n.engine = l.engine AND n.kind = 'engine'
            WHERE l.organisation_id = $1 AND l.campaign_id = c.campaign_id
                AND n.said_at > $2::timestamptz - interval '{SILENT_S} seconds'),
        (c.dialling ->> 'maxLines')::integer, coalesce(f.ringing, 0), coalesce(f.talking, 0), coalesce(k.dialable, 0),
        coalesce(r.live, 0) + coalesce(f.undecided_live, 0), coalesce(r.abandoned, 0),
        coalesce(h.attempts, 0) + coalesce(f.undecided, 0)) ORDER BY c.campaign_id), '[]')::text
     FROM campaigns c
     LEFT JOIN (
        SELECT campaign_id, count(*) FILTER (WHERE answered_at IS NULL) AS ringing, count(answered_at) AS talking,
            count(*) FILTER (WHERE {UNDECIDED} AND mode <> 'manual') AS undecided,
            count(answered_at) FILTER (WHERE {UNDECIDED} AND mode <> 'manual') AS undecided_live
        FROM attempts WHERE organisation_id = $1 AND hang_up_at IS NULL
            AND dialled_at >= $2::timestamptz - interval '31 days'
        GROUP BY campaign_id) AS f USING (campaign_id)
     LEFT JOIN (
        SELECT l.campaign_id, sum(n.dialable) AS dialable
        FROM lists l JOIN list_counts n USING (organisation_id, list_id)
        WHERE l.organisation_id = $1 AND l.in_dialler AND l.weight > 0 GROUP BY l.campaign_id) AS k USING (campaign_id)
     LEFT JOIN LATERAL (
        SELECT sum(live_answers) AS live, sum(abandoned) AS abandoned FROM campaign_minutes m
        WHERE m.organisation_id = $1 AND m.campaign_id = c.campaign_id AND m.minute >= $3) AS r ON true
     LEFT JOIN LATERAL (
        SELECT sum(attempts) AS attempts FROM campaign_minutes m
        WHERE m.organisation_id = $1 AND m.campaign_id = c.campaign_id
            AND m.minute > $2::timestamptz - interval '1 hour') AS h ON true
     WHERE c.organisation_id = $1) AS campaigns,
    (SELECT coalesce(json_agg(json_build_array(kind, name, up, since, calls) ORDER BY kind, name), '[]')::text
     FROM (
        SELECT kind, name, bool_or(alive AND up) AS up,
            max(CASE WHEN alive THEN since ELSE said_at END) AS since,
            sum(CASE WHEN alive THEN calls ELSE 0 END) AS calls
        FROM (
            SELECT kind, name, up, since, calls, said_at,
                said_at > $2::timestamptz - interval '{SILENT_S} seconds' AS alive
            FROM floor_nodes WHERE organisation_id = $1
                AND said_at > $2::timestamptz - interval '{FORGOTTEN_S} seconds'
        ) AS each GROUP BY kind, name
     ) AS node) AS nodes,
    (SELECT coalesce(json_agg(json_build_array(kind, reason, agent_id, full_name, raised_at, quarter)
        ORDER BY raised_at DESC, kind, reason, agent_id), '[]')::text
     FROM (
        SELECT a.kind, a.reason, nullif(a.agent_id, 0) AS agent_id, u.full_name, a.raised_at, a.quarter
        FROM floor_alarms a
        LEFT JOIN users u ON u.organisation_id = a.organisation_id AND u.user_id = a.agent_id
        WHERE a.organisation_id = $1 AND a.quarter > $2::timestamptz - interval '1 hour'
        ORDER BY a.raised_at DESC LIMIT {MOST_ALARMS}
     ) AS alarm) AS alarms,
    (SELECT coalesce(json_agg(json_build_array(alert_id, rule, kind, severity, about, campaign_id, agent_id, full_name,
        value, threshold, fired_at, acknowledged_by, until_at) ORDER BY fired_at DESC, alert_id DESC), '[]')::text
     FROM (
        SELECT a.alert_id, a.rule, a.kind, a.severity, a.about, a.campaign_id, a.agent_id, u.full_name, a.value,
            a.threshold, a.fired_at, by.full_name AS acknowledged_by, s.until_at
        FROM alerts a
        LEFT JOIN users u ON u.organisation_id = a.organisation_id AND u.user_id = a.agent_id
        LEFT JOIN users by ON by.organisation_id = a.organisation_id AND by.user_id = a.acknowledged_by
        LEFT JOIN alert_silences s ON s.organisation_id = a.organisation_id AND s.rule = a.rule AND s.until_at > $2
        WHERE a.organisation_id = $1 AND a.cleared_at IS NULL
        ORDER BY a.fired_at DESC, a.alert_id DESC LIMIT {MOST_ALERTS}
     ) AS alert) AS alerts"""
# Live answers and abandoned calls before $5, of each campaign's window and of its day; and when dialling began today.
WINDOWS_SQL = """
SELECT w.campaign_id, coalesce(sum(m.live_answers), 0) AS live, coalesce(sum(m.abandoned), 0) AS abandoned,
    coalesce(sum(m.live_answers) FILTER (WHERE m.minute >= w.day), 0) AS today_live,
    coalesce(sum(m.abandoned) FILTER (WHERE m.minute >= w.day), 0) AS today_abandoned,
    min(m.minute) FILTER (WHERE m.minute >= w.day AND m.attempts > 0) AS began
FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[]) AS w (campaign_id, begins, day)
LEFT JOIN campaign_minutes m ON m.organisation_id = $1 AND m.campaign_id = w.campaign_id
    AND m.minute >= least(w.begins, w.day) AND m.minute < $5 AND (m.minute >= w.begins OR m.minute >= w.day)
GROUP BY w.campaign_id"""


class AgentRow(msgspec.Struct, array_like=True, frozen=True):
    agent_id: int
    username: str
    full_name: str
    state: AgentState
    since: datetime
    reason: str | None
    wanted: Wanted | None
    campaigns: tuple[int, ...]
    at_hand: AtHand


class CallerRow(msgspec.Struct, array_like=True, frozen=True):
    """`total`: callers who wait in the queue, whether they are listed or not."""

    activity_id: int
    campaign_id: int
    number: str | None
    lead_id: int | None
    since: datetime
    place: int
    total: int


class CampaignRow(msgspec.Struct, array_like=True, frozen=True):
    """`live`, `abandoned`: of the minutes since the one that was asked for; `attempts`: of the last hour."""

    campaign_id: int
    name: str
    direction: Literal["inbound", "outbound"]
    mode: CampaignMode
    active: bool
    led: bool
    max_lines: int | None
    ringing: int
    talking: int
    dialable: int
    live: int
    abandoned: int
    attempts: int


class NodeRow(msgspec.Struct, array_like=True, frozen=True):
    kind: Literal["engine", "telephony", "trunk"]
    name: str
    up: bool
    since: datetime
    calls: int


class AlarmRow(msgspec.Struct, array_like=True, frozen=True):
    kind: AlarmKind
    reason: DestinationReason
    agent_id: int | None
    full_name: str | None
    raised_at: datetime
    quarter: datetime


class AlertRow(msgspec.Struct, array_like=True, frozen=True):
    """`acknowledged_by`: the name of who did. `silenced_until`: still to come."""

    alert_id: int
    rule: str
    kind: AlertKind
    severity: Severity
    about: str
    campaign_id: int | None
    agent_id: int | None
    full_name: str | None
    value: float | None
    threshold: float | None
    fired_at: datetime
    acknowledged_by: str | None
    silenced_until: datetime | None


class Rows(msgspec.Struct, frozen=True):
    agents: list[AgentRow]
    callers: list[CallerRow]
    campaigns: list[CampaignRow]
    nodes: list[NodeRow]
    alarms: list[AlarmRow]
    alerts: list[AlertRow]


_AGENTS = msgspec.json.Decoder(list[AgentRow])
_CALLERS = msgspec.json.Decoder(list[CallerRow])
_CAMPAIGNS = msgspec.json.Decoder(list[CampaignRow])
_NODES = msgspec.json.Decoder(list[NodeRow])
_ALARMS = msgspec.json.Decoder(list[AlarmRow])
_ALERTS = msgspec.json.Decoder(list[AlertRow])


async def read(db: Database, organisation: int, now: datetime, since: datetime) -> Rows:
    """Everything as it is. `since`: from which minute on live answers and abandoned calls are summed up."""
    (row,) = await db.fetch(READ_SQL, organisation, now, since)
    return Rows(
        _AGENTS.decode(row["agents"]),
        _CALLERS.decode(row["callers"]),
        _CAMPAIGNS.decode(row["campaigns"]),
        _NODES.decode(row["nodes"]),
        _ALARMS.decode(row["alarms"]),
        _ALERTS.decode(row["alerts"]),
    )


async def windows(
    db: Database, organisation: int, of: Sequence[tuple[int, datetime, datetime]], until: datetime
) -> list[Record]:
    """What came before `until` of each campaign: its id, when its window begins, and when its day did."""
    given = [each[0] for each in of], [each[1] for each in of], [each[2] for each in of]
    return await db.fetch(WINDOWS_SQL, organisation, *given, until)
