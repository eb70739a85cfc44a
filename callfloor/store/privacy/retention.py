"""Retention: rules, what is due, and its deletion in batches. docs/retention.md says what goes.

Every batch is a transaction under the erasure's lock, so that the two never wait for each other in a circle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from callfloor.rules.audit.entries import REMOVED, SYSTEM, Entry
from callfloor.rules.privacy.retention import Due, Part, Rule
from callfloor.store.audit import entries
from callfloor.store.calls import media
from callfloor.store.db.pool import Database
from callfloor.store.privacy import erasure_calls, erasure_emails, legal_holds

RULES_SQL = """
SELECT campaign_id, kind, days FROM retention_rules WHERE organisation_id = $1 ORDER BY campaign_id, kind"""
DROP_RULES_SQL = "DELETE FROM retention_rules WHERE organisation_id = $1"
ADD_RULE_SQL = "INSERT INTO retention_rules (organisation_id, campaign_id, kind, days) VALUES ($1, $2, $3, $4)"
DROP_RULES_OF_SQL = "DELETE FROM retention_rules WHERE organisation_id = $1 AND campaign_id = $2"
LOCK_RULES_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('callfloor retention', $1))"
CAMPAIGNS_SQL = "SELECT campaign_id FROM campaigns WHERE organisation_id = $1 AND campaign_id = ANY($2::bigint[])"
WITH_RULES_SQL = """
SELECT organisation_id FROM retention_rules UNION SELECT organisation_id FROM retention_runs WHERE finished_at IS NULL
ORDER BY organisation_id"""

_FREE = """NOT EXISTS (SELECT FROM legal_holds h WHERE h.organisation_id = $1 AND h.lifted_at IS NULL AND (
        (h.object_type = 'campaign' AND h.object_id = {0}.campaign_id)
        OR (h.object_type = 'lead' AND h.object_id = {1}.lead_id){2}))"""
_OF_CALL = _FREE.format("a", "a", "\n        OR (h.object_type = 'call' AND h.object_id = a.root_activity_id)")
_OF_LEAD = _FREE.format("s", "l", "")
_COVERED = "({0}.campaign_id = ANY($3::bigint[])) <> $4"
_OLD_MEDIA = f"""
FROM activities a JOIN media m ON m.organisation_id = a.organisation_id AND m.activity_id = a.activity_id
WHERE a.organisation_id = $1 AND a.created_at < $2 AND {_COVERED.format("a")} AND m.kind = $5
    AND m.deleted_at IS NULL AND a.hang_up_at IS NOT NULL AND {_OF_CALL}"""
OLD_MEDIA_SQL = f"SELECT m.media_id {_OLD_MEDIA} ORDER BY m.media_id LIMIT $6"
COUNT_MEDIA_SQL = f"SELECT count(*) {_OLD_MEDIA}"
_OLD_CALLS = f"""
FROM activities a
WHERE a.organisation_id = $1 AND a.created_at < $2 AND {_COVERED.format("a")} AND a.erased_at IS NULL
    AND (a.hang_up_at IS NOT NULL OR (a.wrap_up_at IS NOT NULL AND $5 = 'email.') OR a.type = 'email.outbound')
    AND starts_with(a.type, $5) AND {_OF_CALL}"""
OLD_CALLS_SQL = f"SELECT a.activity_id {_OLD_CALLS} ORDER BY a.activity_id LIMIT $6"
COUNT_CALLS_SQL = f"SELECT count(*) {_OLD_CALLS}"
_OLD_ATTEMPTS = f"""
FROM attempts a
WHERE a.organisation_id = $1 AND a.dialled_at < $2 AND {_COVERED.format("a")} AND a.phone_number IS NOT NULL
    AND a.hang_up_at IS NOT NULL AND {_OF_CALL}"""
OLD_ATTEMPTS_SQL = f"SELECT a.attempt_id {_OLD_ATTEMPTS} ORDER BY a.attempt_id LIMIT $5"
COUNT_ATTEMPTS_SQL = f"SELECT count(*) {_OLD_ATTEMPTS}"
_OLD_LEADS = f"""
FROM leads l JOIN lists s ON s.organisation_id = l.organisation_id AND s.list_id = l.list_id
WHERE l.organisation_id = $1 AND l.completed_at < $2 AND l.updated_at < $2 AND {_COVERED.format("s")}
    AND l.in_flight_attempt_id IS NULL AND {_OF_LEAD}"""
OLD_LEADS_SQL = f"SELECT l.lead_id {_OLD_LEADS} ORDER BY l.lead_id LIMIT $5 FOR UPDATE OF l SKIP LOCKED"
COUNT_LEADS_SQL = f"SELECT count(*) {_OLD_LEADS}"
DELETE_LEADS_SQL = "DELETE FROM leads WHERE organisation_id = $1 AND lead_id = ANY($2::bigint[])"
DELETE_ANSWERS_SQL = "DELETE FROM idempotency_keys WHERE organisation_id = $1 AND lead_id = ANY($2::bigint[])"
EMPTY_OUTSIDE_SQL = """
UPDATE activities SET outside_number = NULL WHERE organisation_id = $1 AND activity_id = ANY($2::bigint[])"""
# Whole signed days only, so that the chain can be checked from a signature on.
AUDIT_DAY_SQL = """
SELECT last, head FROM audit_days WHERE organisation_id = $1 AND (day + 1)::timestamp AT TIME ZONE 'UTC' < $2
ORDER BY day DESC LIMIT 1"""
COUNT_AUDIT_SQL = "SELECT count(*) FROM audit_entries WHERE organisation_id = $1 AND position <= $2"
ALLOW_AUDIT_SQL = "SELECT set_config('callfloor.audit_retention', $1::bigint::text, true)"
DELETE_AUDIT_SQL = "DELETE FROM audit_entries WHERE organisation_id = $1 AND position <= $2"

OPEN_RUN_SQL = """
SELECT run_id, started_at FROM retention_runs WHERE organisation_id = $1 AND finished_at IS NULL
ORDER BY run_id DESC LIMIT 1"""
LAST_RUN_SQL = "SELECT max(started_at) FROM retention_runs WHERE organisation_id = $1 AND finished_at IS NOT NULL"
BEGIN_RUN_SQL = "INSERT INTO retention_runs (organisation_id, started_at) VALUES ($1, $2) RETURNING run_id"
COUNT_RUN_SQL = """
UPDATE retention_runs SET
    counts = jsonb_set(counts, ARRAY[$3::text], (coalesce((counts ->> $3::text)::bigint, 0) + $4::bigint)::text::jsonb)
WHERE organisation_id = $1 AND run_id = $2"""
FINISH_RUN_SQL = """
UPDATE retention_runs SET finished_at = $3 WHERE organisation_id = $1 AND run_id = $2 AND finished_at IS NULL
RETURNING counts"""
RUNS_SQL = """
SELECT run_id, started_at, finished_at, counts FROM retention_runs WHERE organisation_id = $1
ORDER BY run_id DESC LIMIT $2"""

_MEDIA: dict[str, str] = {"recordings": "recording", "voicemails": "voicemail"}
_TYPES: dict[str, str] = {"calls": "call.", "emails": "email."}


async def rules(db: Database, organisation: int) -> list[Rule]:
    return [Rule(row["campaign_id"], row["kind"], row["days"]) for row in await db.fetch(RULES_SQL, organisation)]


async def put_rules(db: Database, organisation: int, wanted: Sequence[Rule]) -> list[Rule]:
    """Make these the only rules; returns those that were. Call it in a transaction."""
    await db.execute(LOCK_RULES_SQL, organisation)
    before = await rules(db, organisation)
    await db.execute(DROP_RULES_SQL, organisation)
    for rule in wanted:
        await db.execute(ADD_RULE_SQL, organisation, rule.campaign_id, rule.kind, rule.days)
    return before


async def put_rules_of(db: Database, organisation: int, campaign_id: int, days: Mapping[str, int]) -> None:
    """Make these, by kind, the only rules of a campaign, or of the whole organisation (`WHOLE_ORGANISATION`). Call it
    in a transaction."""
    await db.execute(LOCK_RULES_SQL, organisation)
    await db.execute(DROP_RULES_OF_SQL, organisation, campaign_id)
    for kind, each in days.items():
        await db.execute(ADD_RULE_SQL, organisation, campaign_id, kind, each)


async def known_campaigns(db: Database, organisation: int, ids: Sequence[int]) -> frozenset[int]:
    """Those of these that are campaigns of the organisation."""
    return frozenset(row["campaign_id"] for row in await db.fetch(CAMPAIGNS_SQL, organisation, list(ids)))


async def with_rules(db: Database) -> list[int]:
    """Organisations that have any, or a run to end."""
    return [row["organisation_id"] for row in await db.fetch(WITH_RULES_SQL)]


async def count(db: Database, organisation: int, each: Due, part: Part) -> int:
    """How many are due."""
    given = organisation, each.before, list(each.campaigns), each.others
    match part:
        case "recordings" | "voicemails":
            return await db.fetchval(COUNT_MEDIA_SQL, *given, _MEDIA[part])
        case "emails" | "calls":
            return await db.fetchval(COUNT_CALLS_SQL, *given, _TYPES[part])
        case "attempts":
            return await db.fetchval(COUNT_ATTEMPTS_SQL, *given)
        case "leads":
            return await db.fetchval(COUNT_LEADS_SQL, *given)
        case "audit":
            day = await db.fetchrow(AUDIT_DAY_SQL, organisation, each.before)
            return 0 if day is None else await db.fetchval(COUNT_AUDIT_SQL, organisation, day["last"])


async def delete_some(
    db: Database, organisation: int, run_id: int, each: Due, part: Part, most: int, at: datetime
) -> int:
    """Delete at most `most` of what is due, and count it in the run, in one transaction; 0: nothing is left."""
    async with db.transaction():
        await legal_holds.lock(db, organisation)
        gone = await _delete(db, organisation, each, part, most, at)
        if gone:
            await db.execute(COUNT_RUN_SQL, organisation, run_id, part, gone)
        return gone


async def _delete(db: Database, organisation: int, each: Due, part: Part, most: int, at: datetime) -> int:
    given = organisation, each.before, list(each.campaigns), each.others
    match part:
        case "recordings" | "voicemails":
            rows = await db.fetch(OLD_MEDIA_SQL, *given, _MEDIA[part], most)
            await _delete_media(db, organisation, [row["media_id"] for row in rows], each, at)
            return len(rows)
        case "emails" | "calls":
            ids = [row["activity_id"] for row in await db.fetch(OLD_CALLS_SQL, *given, _TYPES[part], most)]
            await _empty(db, organisation, each, ids, at)
            return len(ids)
        case "attempts":
            ids = [row["attempt_id"] for row in await db.fetch(OLD_ATTEMPTS_SQL, *given, most)]
            await db.execute(erasure_calls.EMPTY_ATTEMPTS_SQL, organisation, ids)
            await db.execute(erasure_calls.EMPTY_EVIDENCE_SQL, organisation, ids)
            return len(ids)
        case "leads":
            ids = [row["lead_id"] for row in await db.fetch(OLD_LEADS_SQL, *given, most)]
            await db.execute(DELETE_LEADS_SQL, organisation, ids)
            await db.execute(DELETE_ANSWERS_SQL, organisation, ids)
            return len(ids)
        case "audit":
            return await _delete_audit(db, organisation, each, at)


async def _delete_media(db: Database, organisation: int, ids: Sequence[int], each: Due, at: datetime) -> None:
    """Their bytes go with the next sweep."""
    for media_id in ids:
        reason = f"retention: {each.kind} are kept for {each.days} days"
        await media.mark_deleted(db, organisation, media_id, None, reason, at)


async def _empty(db: Database, organisation: int, each: Due, activities: list[int], at: datetime) -> None:
    # of a leg to a number outside the evidence is under its activity's id, negative
    await db.execute(erasure_calls.EMPTY_EVIDENCE_SQL, organisation, [-activity for activity in activities])
    await db.execute(EMPTY_OUTSIDE_SQL, organisation, activities)
    await db.execute(erasure_calls.EMPTY_ACTIVITIES_SQL, organisation, activities, at)
    if each.kind == "emails":
        await db.execute(erasure_emails.EMPTY_SQL, organisation, activities)
        rows = await db.fetch(erasure_calls.MEDIA_SQL, organisation, activities)
        live = [row["media_id"] for row in rows if row["deleted_at"] is None]
        await _delete_media(db, organisation, live, each, at)


async def _delete_audit(db: Database, organisation: int, each: Due, at: datetime) -> int:
    day = await db.fetchrow(AUDIT_DAY_SQL, organisation, each.before)
    if day is None or not await db.fetchval(COUNT_AUDIT_SQL, organisation, day["last"]):
        return 0
    await db.execute(ALLOW_AUDIT_SQL, organisation)
    gone = int((await db.execute(DELETE_AUDIT_SQL, organisation, day["last"])).rsplit(" ", 1)[1])
    told = {"last": day["last"], "head": day["head"].hex(), "days": each.days, "entries": gone}
    await entries.record(db, organisation, SYSTEM, at, [Entry(REMOVED, "audit", (), None, told)])
    return gone


async def begin(db: Database, organisation: int, at: datetime) -> int:
    """Go on with the run that is open, or died, else begin one; returns its id. Call it in a transaction."""
    await db.execute(LOCK_RULES_SQL, organisation)
    row = await db.fetchrow(OPEN_RUN_SQL, organisation)
    return int(await db.fetchval(BEGIN_RUN_SQL, organisation, at)) if row is None else int(row["run_id"])


async def is_open(db: Database, organisation: int) -> bool:
    """Whether a run was begun that has not come to its end."""
    return await db.fetchrow(OPEN_RUN_SQL, organisation) is not None


async def last_run(db: Database, organisation: int) -> datetime | None:
    """When the last run that came to its end began."""
    return await db.fetchval(LAST_RUN_SQL, organisation)


async def finish(db: Database, organisation: int, run_id: int, at: datetime) -> dict[str, int] | None:
    """The run is over; None: another process has said so."""
    counts = await db.fetchval(FINISH_RUN_SQL, organisation, run_id, at)
    return None if counts is None else json.loads(counts)


async def runs(db: Database, organisation: int, count: int) -> list[dict[str, Any]]:
    """The last runs, newest first."""
    return [{**row, "counts": json.loads(row["counts"])} for row in await db.fetch(RUNS_SQL, organisation, count)]
