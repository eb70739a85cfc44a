"""Quarter-hours counted once and kept, and counted again when they were written to.

A writer marks a quarter-hour that was counted (triggers, migration 0036) unless it finds a mark that no count has
taken yet. So a count begins only when every transaction is over that may have found the mark which it takes: those that
were there when the taking was committed. Until it is done the mark stands, and readers count for themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from callfloor.rules.figures.intervals import QUARTER
from callfloor.rules.figures.measures import FACET_OF
from callfloor.rules.figures.sums import SUMS
from callfloor.store.db.pool import Database
from callfloor.store.figures import report_days
from callfloor.store.figures.definitions import FACTS, KEYS

# Quarter-hours that one transaction counts.
AT_ONCE = 96
# A mark that was taken by a process which then died is taken again.
TAKEN_AGAIN = timedelta(minutes=1)
PATIENCE_S, LOOK_AGAIN_S = 5.0, 0.02
FACETS = sorted({*FACET_OF.values(), "pause"})

# Nobody else counts for the organisation meanwhile; who comes too late tries again later.
LOCK_SQL = "SELECT pg_try_advisory_xact_lock(hashtextextended('callfloor reports', $1))"
ORGANISATIONS_SQL = "SELECT organisation_id, timezone FROM organisations WHERE organisation_id > 0 ORDER BY 1"
# A writer that is not done now writes of no call of more than a day ago that is the organisation's first.
BEGIN_SQL = """
INSERT INTO report_progress (organisation_id, counted_until)
SELECT $1, quarter_of(least($2::timestamptz - interval '1 day',
    (SELECT min(created_at) FROM activities WHERE organisation_id = $1),
    (SELECT min(began_at) FROM agent_times WHERE organisation_id = $1)))
ON CONFLICT DO NOTHING"""
# $2 until when; at most {AT_ONCE} more.
ADVANCE_SQL = """
WITH before AS (
    SELECT counted_until, least(counted_until + $4::integer * interval '15 minutes', $2::timestamptz) AS following
    FROM report_progress WHERE organisation_id = $1 AND counted_until < $2 FOR UPDATE
), moved AS (
    UPDATE report_progress p SET counted_until = b.following FROM before b WHERE p.organisation_id = $1
), marked AS (
    INSERT INTO report_marks (organisation_id, begins_at, batch, taken_at)
    SELECT $1, q, $3, $5::timestamptz FROM before b
    CROSS JOIN LATERAL generate_series(b.counted_until, b.following - interval '15 minutes', interval '15 minutes') q
)
SELECT following FROM before"""
TAKE_SQL = """
UPDATE report_marks SET batch = $2, taken_at = $3
WHERE organisation_id = $1 AND (batch IS NULL OR taken_at < $4) AND begins_at IN (
    SELECT DISTINCT begins_at FROM report_marks WHERE organisation_id = $1 AND (batch IS NULL OR taken_at < $4)
    ORDER BY begins_at LIMIT $5)"""
BATCH_SQL = "SELECT nextval('report_batches')"
# Whoever may have found a mark was there when its taking was committed, a moment ago.
THERE_SQL = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
OVER_SQL = "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8"
TAKEN_SQL = """
SELECT DISTINCT begins_at FROM report_marks WHERE organisation_id = $1 AND batch = $2 ORDER BY begins_at"""
CLEAR_SQL = "DELETE FROM report_marks WHERE organisation_id = $1 AND batch = $2"
FORGET_SQL = "DELETE FROM report_sums WHERE organisation_id = $1 AND grain = 15 AND begins_at = ANY($2::timestamptz[])"
_COLUMNS = ", ".join(SUMS)
COUNT_SQL = f"""
INSERT INTO report_sums ({", ".join(("organisation_id", "grain", *KEYS))}, {_COLUMNS})
SELECT $1, 15, {", ".join(KEYS)}, {", ".join(f"nullif({name}, 0)" for name in SUMS)} FROM ({FACTS}) AS facts"""
_OPEN = """EXISTS (SELECT FROM activities a WHERE a.organisation_id = $1 AND a.created_at >= q
    AND a.created_at < q + interval '15 minutes' AND CASE WHEN a.type LIKE 'call.%'
        THEN a.hang_up_at IS NULL OR a.answered_at IS NOT NULL AND a.agent_id IS NOT NULL AND a.wrap_up_at IS NULL
        ELSE a.type = 'email.inbound' AND a.wrap_up_at IS NULL AND a.hang_up_at IS NULL END)"""
# A count of what was closed that comes to something else is a revision.
NOTE_SQL = f"""
INSERT INTO report_quarters AS k (organisation_id, begins_at, digest, closed)
SELECT $1, q, coalesce((SELECT md5(string_agg(s::text, '' ORDER BY s::text)) FROM report_sums s
    WHERE s.organisation_id = $1 AND s.grain = 15 AND s.begins_at = q
        AND s.facet = ANY($4::text[])), ''), NOT {_OPEN}
FROM unnest($2::timestamptz[]) AS q
ON CONFLICT (organisation_id, begins_at) DO UPDATE SET digest = excluded.digest,
    closed = k.closed OR excluded.closed,
    revision = k.revision + (k.closed AND k.digest <> excluded.digest)::int,
    revised_at = CASE WHEN k.closed AND k.digest <> excluded.digest THEN $3::timestamptz ELSE k.revised_at END"""


async def organisations(db: Database) -> Mapping[int, str]:
    """Their zones, by id."""
    return {row["organisation_id"]: row["timezone"] for row in await db.fetch(ORGANISATIONS_SQL)}


async def count_some(
    db: Database, organisation: int, zone: ZoneInfo, now: datetime, until: datetime, patience_s: float = PATIENCE_S
) -> bool:
    """Count what was marked, and quarter-hours before `until` that were never counted; whether there may be more to do.
    May be done by several processes at once, and end at any moment. `zone`: whose days are summed up; `patience_s`: how
    long writers are waited for."""
    taken = await _take(db, organisation, now, until)
    if taken is None:
        return False
    batch, there = taken
    if not await _over(db, there, patience_s):
        # what was taken is taken again, later
        return False
    async with db.transaction():
        if not await db.fetchval(LOCK_SQL, organisation):
            return False
        quarters = [row["begins_at"] for row in await db.fetch(TAKEN_SQL, organisation, batch)]
        if quarters:
            await _count(db, organisation, quarters, now)
            await db.execute(CLEAR_SQL, organisation, batch)
            await report_days.add_of(db, organisation, quarters, zone, FACETS)
        more = await report_days.add_history(db, organisation, zone, FACETS)
    return more or bool(quarters)


async def _over(db: Database, there: str, patience_s: float) -> bool:
    """Whether every transaction that was there is over; most are in a moment."""
    waited = 0.0
    while not await db.fetchval(OVER_SQL, there):
        if waited >= patience_s:
            return False
        await asyncio.sleep(LOOK_AGAIN_S)
        waited += LOOK_AGAIN_S
    return True


async def _take(db: Database, organisation: int, now: datetime, until: datetime) -> tuple[int, str] | None:
    """Take what is to be counted, as a batch, and who was there then; None: somebody else counts."""
    batch = await db.fetchval(BATCH_SQL)
    async with db.transaction():
        if not await db.fetchval(LOCK_SQL, organisation):
            return None
        await db.execute(BEGIN_SQL, organisation, until)
        await db.execute(TAKE_SQL, organisation, batch, now, now - TAKEN_AGAIN, AT_ONCE)
        await db.fetchval(ADVANCE_SQL, organisation, until, batch, AT_ONCE, now)
    return batch, await db.fetchval(THERE_SQL)


async def _count(db: Database, organisation: int, quarters: Sequence[datetime], now: datetime) -> None:
    await report_days.forget(db, organisation, quarters)
    await db.execute(FORGET_SQL, organisation, quarters)
    begins, ends = runs_of(quarters)
    await db.execute(COUNT_SQL, organisation, begins, ends, now, FACETS)
    await db.execute(NOTE_SQL, organisation, quarters, now, [each for each in FACETS if each != "pause"])


def runs_of(quarters: Sequence[datetime]) -> tuple[list[datetime], list[datetime]]:
    """Where runs of quarter-hours, which are in order, begin and end."""
    begins, ends = list[datetime](), list[datetime]()
    for at in quarters:
        if ends and ends[-1] == at:
            ends[-1] = at + QUARTER
        else:
            begins.append(at)
            ends.append(at + QUARTER)
    return begins, ends
