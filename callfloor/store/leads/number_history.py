"""Which calls a number has had lately, and which it is on: over all its leads, whoever dialled."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from asyncpg import Record

from callfloor.rules.dialling.number_facts import COUNTED
from callfloor.store.db.pool import Database

# The longest that the same calendar day can have begun ago: 25 hours where the clock is put back.
DAY = timedelta(hours=25)
# A caller is not on the line for longer than that.
LONGEST_CALL = timedelta(hours=12)

# Who is about to dial a number keeps all others from it until the attempt is committed. Nobody waits, so that two who
# want many numbers never wait for each other.
LOCK_NUMBERS_SQL = """
SELECT n FROM unnest($2::text[]) AS n WHERE pg_try_advisory_xact_lock(hashtextextended('callfloor number ' || n, $1))"""
CALLS_SQL = """
WITH dialled AS (
    SELECT phone_number AS number, count(*) AS attempts, max(attempt_id) FILTER (WHERE hang_up_at IS NULL) AS up,
        max(lead_id) FILTER (WHERE hang_up_at IS NULL) AS up_lead,
        array_agg(dialled_at) FILTER (WHERE dialled_at >= $4) AS of_day,
        max(hang_up_at) FILTER (WHERE dial_status = 7) AS abandoned_at,
        (array_agg(ROW(dialled_at, hang_up_at, dial_status, lead_id) ORDER BY dialled_at DESC, attempt_id DESC))[1]
            AS last
    FROM attempts WHERE organisation_id = $1 AND phone_number = ANY($2::text[]) AND dialled_at >= $3
    GROUP BY phone_number
), on_line AS (
    SELECT number, max(activity_id) AS activity_id FROM (
        SELECT contact AS number, activity_id FROM activities
        WHERE organisation_id = $1 AND contact = ANY($2::text[]) AND created_at >= $5 AND type = 'call.inbound'
            AND hang_up_at IS NULL
        UNION ALL
        SELECT outside_number, activity_id FROM activities
        WHERE organisation_id = $1 AND outside_number = ANY($2::text[]) AND created_at >= $5 AND hang_up_at IS NULL
    ) AS legs GROUP BY number
)
SELECT number, coalesce(attempts, 0) AS attempts, up, up_lead, of_day, abandoned_at, last, activity_id
FROM dialled FULL JOIN on_line USING (number)"""


async def lock_numbers(db: Database, organisation: int, numbers: Iterable[str]) -> frozenset[str]:
    """Keep numbers (E.164) for the transaction in progress; those that another one has are left out."""
    rows = await db.fetch(LOCK_NUMBERS_SQL, organisation, sorted(set(numbers)))
    return frozenset(row["n"] for row in rows)


async def calls(db: Database, organisation: int, numbers: Iterable[str], now: datetime) -> dict[str, Record]:
    """What is known of those numbers (E.164) that have attempts that count or are on a call: how many `attempts`,
    `up` and `up_lead` of the attempt that is up, `of_day` when it was dialled within `DAY`, `abandoned_at`, and of the
    `last` attempt when it was dialled and ended, its dial status and its lead; `activity_id` of a caller on the
    line, or of a leg to the number outside."""
    rows = await db.fetch(CALLS_SQL, organisation, list(set(numbers)), now - COUNTED, now - DAY, now - LONGEST_CALL)
    return {row["number"]: row for row in rows}
