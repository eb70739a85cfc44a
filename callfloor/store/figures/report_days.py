"""Sums of whole days of the organisation's zone, made of those of their quarter-hours."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from callfloor.rules.figures.segments import OF_DAY, Span
from callfloor.rules.figures.sums import GREATEST, SUMS
from callfloor.rules.values.times import midnight
from callfloor.store.db.pool import Database
from callfloor.store.figures.definitions import KEYS

# Days that one transaction adds, where history has none of the zone yet.
AT_ONCE = 31

NEAR_SQL = """
SELECT begins_at, coalesce(ends_at, begins_at + interval '1 day') AS ends_at FROM report_days
WHERE organisation_id = $1 AND begins_at > $2::timestamptz - interval '2 days' AND begins_at <= $3"""
FORGET_DAYS_SQL = "DELETE FROM report_days WHERE organisation_id = $1 AND begins_at = ANY($2::timestamptz[])"
FORGET_SUMS_SQL = f"""
DELETE FROM report_sums WHERE organisation_id = $1 AND grain = {OF_DAY} AND begins_at = ANY($2::timestamptz[])"""
# Of the days that begin and end so: those that are over, have no sums yet, and of which nothing waits to be counted,
# the last ones first.
DUE_SQL = """
SELECT d.begins, d.ends FROM unnest($2::timestamptz[], $3::timestamptz[]) AS d (begins, ends)
WHERE d.ends <= (SELECT counted_until FROM report_progress WHERE organisation_id = $1)
    AND NOT EXISTS (SELECT FROM report_days k WHERE k.organisation_id = $1 AND k.begins_at = d.begins)
    AND NOT EXISTS (SELECT FROM report_marks m WHERE m.organisation_id = $1 AND m.begins_at >= d.begins
        AND m.begins_at < d.ends)
ORDER BY d.begins DESC LIMIT $4"""
SUM_SQL = f"""
INSERT INTO report_sums ({", ".join(("organisation_id", "grain", *KEYS))}, {", ".join(SUMS)})
SELECT $1, {OF_DAY}, facet, $2, campaign_id, key_a, key_b, key_c, key_text,
    {", ".join(f"{'max' if name in GREATEST else 'sum'}({name})::bigint" for name in SUMS)}
FROM report_sums
WHERE organisation_id = $1 AND facet = ANY($4::text[]) AND grain = 15 AND begins_at >= $2::timestamptz
    AND begins_at < $3::timestamptz
GROUP BY facet, campaign_id, key_a, key_b, key_c, key_text"""
DONE_SQL = "INSERT INTO report_days (organisation_id, begins_at, ends_at) VALUES ($1, $2, $3)"
HISTORY_SQL = """
SELECT (SELECT min(begins_at) FROM report_quarters WHERE organisation_id = $1) AS first, p.counted_until, p.days_zone
FROM report_progress p WHERE p.organisation_id = $1"""
COMPLETE_SQL = "UPDATE report_progress SET days_zone = $2 WHERE organisation_id = $1"


async def forget(db: Database, organisation: int, quarters: Sequence[datetime]) -> None:
    """Sums of days that these quarter-hours, in order, are of, whatever zone's days they are."""
    near = await db.fetch(NEAR_SQL, organisation, quarters[0], quarters[-1])
    days = [
        row["begins_at"]
        for row in near
        if bisect_left(quarters, row["begins_at"]) < bisect_left(quarters, row["ends_at"])
    ]
    if days:
        await db.execute(FORGET_DAYS_SQL, organisation, days)
        await db.execute(FORGET_SUMS_SQL, organisation, days)


async def add_of(
    db: Database, organisation: int, quarters: Iterable[datetime], zone: ZoneInfo, facets: Sequence[str]
) -> None:
    """Sums of the days that these quarter-hours are of, where they are over, and all of them was counted."""
    await _add(db, organisation, days_of(quarters, zone), facets)


async def add_history(db: Database, organisation: int, zone: ZoneInfo, facets: Sequence[str]) -> bool:
    """Some days of a zone of which history has none yet: the organisation's zone is another one, or they were of UTC.
    Whether there may be more."""
    known = await db.fetchrow(HISTORY_SQL, organisation)
    if known is None or known["days_zone"] == zone.key:
        return False
    spans = [] if known["first"] is None else days_between(known["first"], known["counted_until"], zone)
    if await _add(db, organisation, spans, facets):
        return True
    await db.execute(COMPLETE_SQL, organisation, zone.key)
    return False


async def _add(db: Database, organisation: int, days: Sequence[Span], facets: Sequence[str]) -> bool:
    due = await db.fetch(DUE_SQL, organisation, [day[0] for day in days], [day[1] for day in days], AT_ONCE)
    for row in due:
        await db.execute(SUM_SQL, organisation, row["begins"], row["ends"], facets)
        await db.execute(DONE_SQL, organisation, row["begins"], row["ends"])
    return bool(due)


def days_of(quarters: Iterable[datetime], zone: ZoneInfo) -> list[Span]:
    """The zone's days that these quarter-hours are of, in order."""
    days = sorted({each.astimezone(zone).date() for each in quarters})
    return [(midnight(day, zone), midnight(day + timedelta(days=1), zone)) for day in days]


def days_between(first: datetime, last: datetime, zone: ZoneInfo) -> list[Span]:
    """The zone's days from that of `first` to that of `last`, in order."""
    found: list[Span] = []
    day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    while day <= end:
        found.append((midnight(day, zone), midnight(day + timedelta(days=1), zone)))
        day += timedelta(days=1)
    return found
