"""Saved reports, and alerts, on their way: one row a sending. Each step is claimed, done and settled; a claim that
ran out is anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from asyncpg import Record

from callfloor.contract.saved_reports import Schedule
from callfloor.store.db.pool import Database

# Of all organisations; several, because others look too.
DUE_REPORTS_SQL = """
SELECT organisation_id, report_id FROM saved_reports WHERE next_at <= $1 ORDER BY next_at LIMIT 20"""
LOCK_SQL = """
SELECT r.name, r.schedule::text AS schedule, r.next_at, o.timezone
FROM saved_reports r JOIN organisations o USING (organisation_id)
WHERE r.organisation_id = $1 AND r.report_id = $2 AND r.next_at <= $3 FOR UPDATE OF r SKIP LOCKED"""
ADD_SQL = """
INSERT INTO report_deliveries (organisation_id, report_id, due_at, state, next_try_at, mailbox, recipients, subject)
VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7) ON CONFLICT (organisation_id, report_id, due_at) DO NOTHING"""
MOVE_SQL = "UPDATE saved_reports SET next_at = $3 WHERE organisation_id = $1 AND report_id = $2"
DUE_SQL = """
SELECT organisation_id, delivery_id FROM report_deliveries
WHERE state = $1 AND next_try_at <= $2 ORDER BY next_try_at LIMIT 20"""
CLAIM_SQL = """
UPDATE report_deliveries d SET tries = d.tries + 1, next_try_at = $5
FROM (
    SELECT delivery_id FROM report_deliveries
    WHERE organisation_id = $1 AND delivery_id = $2 AND state = $3 AND next_try_at <= $4 FOR UPDATE SKIP LOCKED
) AS due
WHERE d.organisation_id = $1 AND d.delivery_id = due.delivery_id
RETURNING d.organisation_id, d.delivery_id, d.report_id, d.due_at, d.tries, d.mailbox, d.recipients, d.sent_to,
    d.subject, d.file_name"""
REPORT_SQL = """
SELECT r.owner_id, r.query::text AS query, r.schedule::text AS schedule, o.timezone
FROM saved_reports r JOIN organisations o USING (organisation_id)
WHERE r.organisation_id = $1 AND r.report_id = $2"""
FILE_SQL = "SELECT file FROM report_deliveries WHERE organisation_id = $1 AND delivery_id = $2"
# Only for the claim that it names: another may have taken over.
_CLAIM = "WHERE organisation_id = $1 AND delivery_id = $2 AND tries = $3 AND state IN ('waiting', 'ready') RETURNING 1"
READY_SQL = f"""
UPDATE report_deliveries SET state = 'ready', tries = 0, next_try_at = $4, file_name = $5, file = $6, reason = NULL
{_CLAIM}"""
SENT_TO_SQL = f"UPDATE report_deliveries SET sent_to = array_append(sent_to, $4), next_try_at = $5 {_CLAIM}"
AGAIN_SQL = f"UPDATE report_deliveries SET next_try_at = $4, reason = $5 {_CLAIM}"
FINISH_SQL = f"""
UPDATE report_deliveries SET state = $4, reason = $5, finished_at = $6, file = NULL {_CLAIM}"""
PAGE_SQL = """
SELECT delivery_id, due_at, state, tries, recipients, sent_to, reason, finished_at FROM report_deliveries
WHERE organisation_id = $1 AND report_id = $2 AND ($3::bigint = 0 OR delivery_id < $3)
ORDER BY delivery_id DESC LIMIT $4"""
EXPIRE_SQL = "DELETE FROM report_deliveries WHERE finished_at < $1"


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours for the time being. `report_id`, `file_name` None: of an alert. `tries`: this one
    included, of the step that it is at."""

    organisation: int
    delivery_id: int
    report_id: int | None
    due: datetime
    tries: int
    mailbox: str
    recipients: list[str]
    sent_to: list[str]
    subject: str
    file_name: str | None


async def due_reports(db: Database, at: datetime) -> list[tuple[int, int]]:
    """Organisation and id of reports that are to be sent."""
    return [tuple(row.values()) for row in await db.fetch(DUE_REPORTS_SQL, at)]


async def locked(db: Database, organisation: int, report_id: int, at: datetime) -> Record | None:
    """The report, locked, if it is still due and nobody else's."""
    return await db.fetchrow(LOCK_SQL, organisation, report_id, at)


async def add(
    db: Database, organisation: int, report_id: int, due: Record, schedule: Schedule, following: datetime, at: datetime
) -> None:
    """Note one sending, and when the next one is."""
    given = due["next_at"], at, schedule.mailbox, schedule.recipients, due["name"]
    await db.execute(ADD_SQL, organisation, report_id, *given)
    await db.execute(MOVE_SQL, organisation, report_id, following)


async def claim(db: Database, state: str, at: datetime, lease: timedelta) -> Claim | None:
    """The delivery at a step that is due longest, ours until `at` + `lease`."""
    for due in await db.fetch(DUE_SQL, state, at):
        row = await db.fetchrow(CLAIM_SQL, *due.values(), state, at, at + lease)
        if row is not None:
            return Claim(*row.values())
    return None


async def report(db: Database, claimed: Claim) -> Record | None:
    """What is to be sent, as it is saved now."""
    return await db.fetchrow(REPORT_SQL, claimed.organisation, claimed.report_id)


async def file(db: Database, claimed: Claim) -> bytes | None:
    """What is sent. None: the report was deleted."""
    return await db.fetchval(FILE_SQL, claimed.organisation, claimed.delivery_id)


async def made(db: Database, claimed: Claim, name: str, content: bytes, at: datetime) -> bool:
    """It is ready to be sent. False, as of all that follow: it is not ours any more."""
    return await _settle(db, READY_SQL, claimed, at, name, content)


async def sent_to(db: Database, claimed: Claim, recipient: str, until: datetime) -> bool:
    """One of the recipients has it; the claim goes on."""
    return await _settle(db, SENT_TO_SQL, claimed, recipient, until)


async def again(db: Database, claimed: Claim, reason: str, at: datetime) -> bool:
    """Not now; to be tried again at that time."""
    return await _settle(db, AGAIN_SQL, claimed, at, reason)


async def finish(db: Database, claimed: Claim, state: str, reason: str | None, at: datetime) -> bool:
    """`sent`, or `failed` for a reason."""
    return await _settle(db, FINISH_SQL, claimed, state, reason, at)


async def _settle(db: Database, sql: str, claimed: Claim, *values: object) -> bool:
    where = claimed.organisation, claimed.delivery_id, claimed.tries
    return await db.fetchval(sql, *where, *values) is not None


async def page(db: Database, organisation: int, report_id: int, before: int, count: int) -> list[Record]:
    """At most `count` deliveries of a report with ids below `before` (0: any), the last one first."""
    return await db.fetch(PAGE_SQL, organisation, report_id, before, count)


async def expire(db: Database, before: datetime) -> None:
    """Forget what was over before then."""
    await db.execute(EXPIRE_SQL, before)
