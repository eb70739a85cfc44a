"""Alerts, their rules and silences; and who looks at which organisation's floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from asyncpg import Record

from callfloor.contract.alerts import AlertRule
from callfloor.rules.alerting.conditions import Subject
from callfloor.rules.alerting.standing import Standing
from callfloor.store.db.pool import Database
from callfloor.store.people.callers import Supervised, bounds

RULES_SQL = """
SELECT r.name, r.kind, c.name AS campaign, r.threshold, r.after_s, r.clear_s, r.severity, r.active, r.mailbox,
    r.recipients
FROM alert_rules r LEFT JOIN campaigns c ON c.organisation_id = r.organisation_id AND c.campaign_id = r.campaign_id
WHERE r.organisation_id = $1 ORDER BY r.name"""
PUT_RULE_SQL = """
INSERT INTO alert_rules (organisation_id, name, kind, campaign_id, threshold, after_s, clear_s, severity, active,
    mailbox, recipients)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (organisation_id, name) DO UPDATE SET kind = excluded.kind, campaign_id = excluded.campaign_id,
    threshold = excluded.threshold, after_s = excluded.after_s, clear_s = excluded.clear_s,
    severity = excluded.severity, active = excluded.active, mailbox = excluded.mailbox,
    recipients = excluded.recipients"""
REMOVE_RULE_SQL = "DELETE FROM alert_rules WHERE organisation_id = $1 AND name = $2"

# Where something goes on, or did: engines say so, somebody made rules, or an alert is open.
DUE_SQL = """
SELECT o.organisation_id, o.name, o.timezone FROM organisations o
LEFT JOIN alert_watches w ON w.organisation_id = o.organisation_id
WHERE (w.looked_at IS NULL OR w.looked_at <= $1) AND (
    EXISTS (SELECT FROM floor_nodes n WHERE n.organisation_id = o.organisation_id)
    OR EXISTS (SELECT FROM alert_rules r WHERE r.organisation_id = o.organisation_id)
    OR w.standings <> '{}')
ORDER BY w.looked_at NULLS FIRST"""
# Nothing: another process looks.
CLAIM_SQL = """
INSERT INTO alert_watches AS w (organisation_id, looked_at) VALUES ($1, $2)
ON CONFLICT (organisation_id) DO UPDATE SET looked_at = excluded.looked_at WHERE w.looked_at <= $3
RETURNING 1"""
# Nothing: another process has taken over since.
LOCK_SQL = """
SELECT standings::text AS standings FROM alert_watches WHERE organisation_id = $1 AND looked_at = $2 FOR UPDATE"""
KEEP_SQL = "UPDATE alert_watches SET standings = $2::text::jsonb WHERE organisation_id = $1"
FIRE_SQL = """
INSERT INTO alerts (organisation_id, rule, kind, severity, subject, about, campaign_id, agent_id, value, threshold,
    fired_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (organisation_id, rule, subject) WHERE cleared_at IS NULL DO UPDATE SET about = excluded.about
RETURNING alert_id"""
CLEAR_SQL = """
UPDATE alerts SET cleared_at = $4 WHERE organisation_id = $1 AND rule = $2 AND subject = $3 AND cleared_at IS NULL"""
OPEN_SQL = """
SELECT alert_id FROM alerts WHERE organisation_id = $1 AND rule = $2 AND subject = $3 AND cleared_at IS NULL"""
SILENCES_SQL = "SELECT rule, until_at FROM alert_silences WHERE organisation_id = $1 AND until_at > $2"
# Of the last hour: callers who were served in time, of those who were or waited too long; and what failed.
FIGURES_SQL = """
SELECT (
    SELECT coalesce(json_object_agg(campaign_id, share), '{}')::text FROM (
        SELECT campaign_id, sum(in_time)::float8 / sum(in_time + too_late) AS share FROM campaign_minutes
        WHERE organisation_id = $1 AND minute > $2::timestamptz - interval '1 hour'
        GROUP BY campaign_id HAVING sum(in_time + too_late) > 0) AS each) AS service_levels,
    (SELECT count(*) FROM imports WHERE organisation_id = $1 AND status = 'failed'
        AND finished_at > $2::timestamptz - interval '1 hour')
    + (SELECT count(*) FROM report_deliveries WHERE organisation_id = $1 AND state = 'failed'
        AND finished_at > $2::timestamptz - interval '1 hour') AS failed"""
MAIL_SQL = """
INSERT INTO report_deliveries (organisation_id, alert_id, due_at, state, next_try_at, mailbox, recipients, subject,
    file)
VALUES ($1, $2, $3, 'ready', $3, $4, $5, $6, $7) ON CONFLICT (organisation_id, alert_id) DO NOTHING"""

_SHOWN = """
SELECT a.alert_id, a.rule, a.kind, a.severity, a.about, a.campaign_id, a.agent_id, a.value, a.threshold, a.fired_at,
    a.cleared_at, a.acknowledged_at, a.acknowledged_by, by.full_name AS acknowledged_by_name, s.until_at
FROM alerts a
LEFT JOIN users by ON by.organisation_id = a.organisation_id AND by.user_id = a.acknowledged_by
LEFT JOIN alert_silences s ON s.organisation_id = a.organisation_id AND s.rule = a.rule AND s.until_at > $2"""
# $3, $4: the agents and campaigns that are seen, null: all
_SEEN = """($3::bigint[] IS NULL OR (a.agent_id IS NULL OR a.agent_id = ANY($3))
    AND (a.campaign_id IS NULL OR a.campaign_id = ANY($4)))"""
PAGE_SQL = f"""{_SHOWN}
WHERE a.organisation_id = $1 AND {_SEEN} AND ($5::bigint = 0 OR a.alert_id < $5)
    AND ($6::boolean IS NULL OR (a.cleared_at IS NULL) = $6) AND ($7::bigint IS NULL OR a.campaign_id = $7)
ORDER BY a.alert_id DESC LIMIT $8"""
GET_SQL = f"{_SHOWN} WHERE a.organisation_id = $1 AND {_SEEN} AND a.alert_id = $5"
# Whoever was first has done it.
ACKNOWLEDGE_SQL = """
UPDATE alerts SET acknowledged_at = $3, acknowledged_by = $4
WHERE organisation_id = $1 AND alert_id = $2 AND acknowledged_at IS NULL"""
SILENCE_SQL = """
INSERT INTO alert_silences (organisation_id, rule, until_at, silenced_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (organisation_id, rule) DO UPDATE SET until_at = excluded.until_at, silenced_by = excluded.silenced_by"""
EXPIRE_SQL = "DELETE FROM alerts WHERE cleared_at < $1"

# By rule and subject.
Standings = dict[str, dict[str, Standing]]
_standings = msgspec.json.Decoder(Standings)


@dataclass(frozen=True, slots=True)
class Figures:
    """`service_levels` by campaign; `failed_jobs`: of the last hour."""

    service_levels: Mapping[int, float]
    failed_jobs: int


async def rules(db: Database, organisation: int) -> dict[str, AlertRule]:
    """By name."""
    return {row["name"]: _rule(row) for row in await db.fetch(RULES_SQL, organisation)}


def _rule(row: Record) -> AlertRule:
    given: dict[str, Any] = {**row, "recipients": tuple(row["recipients"])}
    return AlertRule(**given)


async def put_rule(db: Database, organisation: int, rule: AlertRule, campaigns: Mapping[str, int]) -> None:
    """Make or change a rule. `campaigns`: ids by name."""
    campaign = None if rule.campaign is None else campaigns[rule.campaign]
    timing = rule.after_s, rule.clear_s, rule.severity, rule.active
    given = rule.name, rule.kind, campaign, rule.threshold, *timing, rule.mailbox, list(rule.recipients)
    await db.execute(PUT_RULE_SQL, organisation, *given)


async def remove_rule(db: Database, organisation: int, name: str) -> None:
    await db.execute(REMOVE_RULE_SQL, organisation, name)


async def due(db: Database, before: datetime) -> list[tuple[int, str, str]]:
    """Organisations at whose floor nobody has looked since then, their names and zones."""
    return [tuple(row.values()) for row in await db.fetch(DUE_SQL, before)]


async def claim(db: Database, organisation: int, at: datetime, before: datetime) -> bool:
    """Whether it is ours to look now: nobody has since `before`."""
    return await db.fetchval(CLAIM_SQL, organisation, at, before) is not None


async def locked(db: Database, organisation: int, at: datetime) -> Standings | None:
    """How everything stood, until the transaction's end; None: what was claimed at `at` is another's by now."""
    found = await db.fetchval(LOCK_SQL, organisation, at)
    return None if found is None else _standings.decode(found)


async def keep(db: Database, organisation: int, standings: Standings) -> None:
    await db.execute(KEEP_SQL, organisation, msgspec.json.encode(standings).decode())


async def figures(db: Database, organisation: int, at: datetime) -> Figures:
    row = await db.fetchrow(FIGURES_SQL, organisation, at)
    assert row is not None  # noqa: S101 one row
    return Figures(msgspec.json.decode(row["service_levels"], type=dict[int, float]), row["failed"])


async def silences(db: Database, organisation: int, at: datetime) -> dict[str, datetime]:
    """Until when, by the name of the rule."""
    return {row["rule"]: row["until_at"] for row in await db.fetch(SILENCES_SQL, organisation, at)}


async def fire(
    db: Database, organisation: int, rule: AlertRule, threshold: float | None, of: Subject, at: datetime
) -> None:
    """An alert begins; one that is open already goes on."""
    given = of.key, of.about, of.campaign_id, of.agent_id, of.value, threshold, at
    await db.execute(FIRE_SQL, organisation, rule.name, rule.kind, rule.severity, *given)


async def clear(db: Database, organisation: int, rule: str, subject: str, at: datetime) -> None:
    await db.execute(CLEAR_SQL, organisation, rule, subject, at)


async def mail(
    db: Database,
    organisation: int,
    rule: AlertRule,
    subject: str,
    at: datetime,
    recipients: Sequence[str],
    text: tuple[str, str],
) -> None:
    """Have the open alert of a subject sent, once. `text`: subject and body."""
    alert_id = await db.fetchval(OPEN_SQL, organisation, rule.name, subject)
    if alert_id is not None:
        given = at, rule.mailbox, list(recipients), text[0], text[1].encode()
        await db.execute(MAIL_SQL, organisation, alert_id, *given)


async def page(
    db: Database,
    organisation: int,
    at: datetime,
    supervised: Supervised | None,
    before: int,
    is_open: bool | None,
    campaign_id: int | None,
    count: int,
) -> list[Record]:
    """At most `count` that are seen, with ids below `before` (0: any), the last one first."""
    given = before, is_open, campaign_id, count
    return await db.fetch(PAGE_SQL, organisation, at, *bounds(supervised), *given)


async def get(
    db: Database, organisation: int, at: datetime, supervised: Supervised | None, alert_id: int
) -> Record | None:
    """The alert, where it is seen."""
    return await db.fetchrow(GET_SQL, organisation, at, *bounds(supervised), alert_id)


async def acknowledge(db: Database, organisation: int, alert_id: int, person: int, at: datetime) -> None:
    await db.execute(ACKNOWLEDGE_SQL, organisation, alert_id, at, person)


async def silence(db: Database, organisation: int, rule: str, until: datetime, person: int) -> None:
    await db.execute(SILENCE_SQL, organisation, rule, until, person)


async def expire(db: Database, before: datetime) -> None:
    """Forget what was over before then."""
    await db.execute(EXPIRE_SQL, before)
