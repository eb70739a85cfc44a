"""Saved reports that are due: noted once, made by what their owners may see then, and ready for the mail process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from asyncpg import Record

from callfloor.errors import Problem
from callfloor.jobs.reporting.answers import figures_of, file_name, file_of
from callfloor.jobs.reporting.saved import asked_by
from callfloor.jobs.reporting.viewer import Viewer
from callfloor.rules.figures.schedules import next_due
from callfloor.rules.values.retries import rest_after
from callfloor.rules.values.times import zone
from callfloor.store.db.faults import REFUSALS
from callfloor.store.db.pool import Database
from callfloor.store.figures import report_deliveries as deliveries
from callfloor.store.figures import saved_reports
from callfloor.store.figures.report_deliveries import Claim

log = structlog.get_logger("callfloor.reports")

# Whoever makes one has so long; after that another does.
LEASE = timedelta(minutes=5)
MOST_TRIES = 5
# What a mail server is sure to take.
MOST_BYTES = 8_000_000
KEPT = timedelta(days=90)


async def send_due(db: Database, now: datetime) -> bool:
    """Note what is due, and make one of what was noted; whether there may be more to do. Any number of processes may
    do so at once, and end at any moment."""
    for organisation, report_id in await deliveries.due_reports(db, now):
        try:
            await _note(db, organisation, report_id, now)
        except REFUSALS as error:
            # those of others are sent
            log.error("report-not-noted", organisation=organisation, report=report_id, kind=type(error).__name__)
    claimed = await deliveries.claim(db, "waiting", now, LEASE)
    if claimed is None:
        return False
    await _make(db, claimed, now)
    return True


async def _note(db: Database, organisation: int, report_id: int, now: datetime) -> None:
    async with db.transaction():
        due = await deliveries.locked(db, organisation, report_id, now)
        schedule = None if due is None else saved_reports.schedule_of(due)
        if due is not None and schedule is not None:
            # of those that were missed while nothing ran, the first is sent, and not one a day
            following = next_due(schedule, now, zone(due["timezone"]))
            await deliveries.add(db, organisation, report_id, due, schedule, following, now)


@dataclass(frozen=True, slots=True)
class _Failed(Exception):
    """It cannot be made, as people read it; trying again does not help."""

    reason: str


async def _make(db: Database, claimed: Claim, now: datetime) -> None:
    where = {"organisation": claimed.organisation, "report": claimed.report_id, "delivery": claimed.delivery_id}
    if claimed.tries > MOST_TRIES:
        # one that ends the process that makes it must not do so for ever
        reason = "It could not be made: the process that tried ended each time."
        await deliveries.finish(db, claimed, "failed", reason, now)
        log.error("report-not-made", tries=claimed.tries, **where)
        return
    try:
        name, content = await _content(db, claimed, now)
        await deliveries.made(db, claimed, name, content, now)
    except _Failed as failed:
        await deliveries.finish(db, claimed, "failed", failed.reason, now)
        log.warning("report-not-made", **where)
    except REFUSALS as error:
        # it would say so again
        await deliveries.finish(db, claimed, "failed", "The database refused it; the log says more.", now)
        log.error("report-refused", kind=type(error).__name__, **where)
    except Problem as problem:
        if claimed.tries >= MOST_TRIES or problem.status < 500:
            await deliveries.finish(db, claimed, "failed", problem.detail, now)
        else:
            await deliveries.again(db, claimed, problem.detail, now + rest_after(claimed.tries))
        log.warning("report-not-made", problem=problem.slug, **where)


async def _content(db: Database, claimed: Claim, now: datetime) -> tuple[str, bytes]:
    """File name and bytes. Raises `_Failed`, problems."""
    saved = await deliveries.report(db, claimed)
    schedule = None if saved is None else saved_reports.schedule_of(saved)
    if saved is None or schedule is None:
        raise _Failed("The report is not sent any more.")
    viewer = await _viewer(db, claimed, saved, now)
    allowed = await saved_reports.allowed(db, claimed.organisation, claimed.recipients)
    if any(each.lower() not in allowed for each in claimed.recipients):
        raise _Failed("Not all recipients may get reports any more: change the schedule.")
    report = await asked_by(viewer, saved_reports.query_of(saved), claimed.due)
    content = await file_of(await figures_of(viewer, report), schedule.format)
    if len(content) > MOST_BYTES:
        raise _Failed(f"The file has {len(content):,} bytes, and at most {MOST_BYTES:,} are sent.")
    return file_name(report, schedule.format), content


async def _viewer(db: Database, claimed: Claim, saved: Record, now: datetime) -> Viewer:
    """What the owner may see now. Raises `_Failed`."""
    seen = None
    if saved["owner_id"] is not None:
        owner = await saved_reports.owner(db, claimed.organisation, saved["owner_id"])
        if owner is None or not owner[0]:
            raise _Failed("Whom the report belongs to may not read reports any more.")
        seen = owner[1]
    return Viewer(db, claimed.organisation, zone(saved["timezone"]), now, saved["owner_id"], seen)
