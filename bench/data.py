"""Leads, activities and attempts by the million, made inside PostgreSQL. What is there already is kept."""

from __future__ import annotations

import asyncpg

from bench.floor import Served

CHUNK = 50_000

# One number in ten is this, one agent in twenty this one, so that their pages are deep too.
OFTEN, AGENT = "+61255500001", 3
# 40,000 numbers that ACMA keeps for fiction, one in four leads an e-mail address too
# counted once, as the import does it
LEADS_SQL = f"""
WITH added AS (
INSERT INTO leads (counted, organisation_id, list_id, customer_key, timezone, phone1, agent_id, status_code,
    completed_at, uploaded_at, updated_at, data, identifiers)
SELECT true, $1, ($2::bigint[])[1 + n % cardinality($2::bigint[])], n::text, 'Australia/Sydney', number,
    CASE WHEN n % 20 = 3 THEN 3 END,
    (ARRAY[0, 0, 0, 2, 4, 5, 8, 12])[1 + n % 8], CASE WHEN n % 8 = 7 THEN now() END,
    now() - (10000000 - n) * interval '3 seconds', now() - (n::bigint * 7919 % 10000019) * interval '1 second',
    jsonb_build_object('plan', 'gold', 'n', n),
    CASE WHEN n % 4 = 0 THEN ARRAY['customer' || n || '@example.com'] END
FROM generate_series($3::int, $4::int) AS n CROSS JOIN LATERAL (SELECT CASE WHEN n % 10 = 1 THEN '{OFTEN}' ELSE
    '+61' || (ARRAY['2', '3', '7', '8'])[1 + n / 10000 % 4] || '5550' || lpad((n % 10000)::text, 4, '0')
    END AS number) AS p
RETURNING organisation_id, list_id, dialable, completed_at
)
INSERT INTO list_counts AS c (organisation_id, list_id, shard, leads, dialable, completed)
SELECT organisation_id, list_id, 0, count(*), count(*) FILTER (WHERE dialable), count(completed_at)
FROM added GROUP BY organisation_id, list_id
ON CONFLICT (organisation_id, list_id, shard) DO UPDATE SET leads = c.leads + excluded.leads,
    dialable = c.dialable + excluded.dialable, completed = c.completed + excluded.completed"""
# and the attempt of each call that was dialled
ACTIVITIES_SQL = f"""
WITH legs AS (
INSERT INTO activities (organisation_id, activity_id, created_at, type, root_activity_id, status_id, campaign_id,
    lead_id, join_queue_at, answered_at, hang_up_at, wrap_up_at, contact, own_contact, agent_id, wrap_code, attempt_id)
SELECT $1, id, at, type, id, CASE WHEN n % 10 = 0 THEN 5 ELSE 3 END,
    CASE WHEN type = 'call.inbound' THEN $2::bigint ELSE $3::bigint END, CASE WHEN type = 'call.outbound' THEN n END,
    CASE WHEN type = 'call.inbound' THEN at + interval '5 seconds' END,
    CASE WHEN n % 10 > 0 THEN at + interval '15 seconds' END, at + interval '95 seconds',
    CASE WHEN n % 10 > 0 THEN at + interval '105 seconds' END,
    CASE WHEN n % 10 = 1 THEN '{OFTEN}' ELSE
        '+61' || (ARRAY['2', '3', '7', '8'])[1 + n / 10000 % 4] || '5550' || lpad((n % 10000)::text, 4, '0') END,
    '+61255500100', CASE WHEN n % 10 > 0 THEN 1 + n % 20 END, CASE WHEN n % 10 > 0 THEN 1 + n % 5 END,
    attempt
FROM (
    SELECT n, nextval('activity_ids') AS id, CASE WHEN n % 4 IN (1, 2) THEN nextval('attempt_ids') END AS attempt,
        now() - (($5::int - n) * 2) * interval '1 second' AS at,
        (ARRAY['call.inbound', 'call.outbound', 'call.outbound', 'email.inbound'])[1 + n % 4] AS type
    FROM generate_series($4::int, least($4::int + $6::int - 1, $5::int)) AS n
) AS made RETURNING *
)
INSERT INTO attempts (organisation_id, attempt_id, dialled_at, campaign_id, lead_id, mode, phone_index, phone_number,
    dial_status, answered_at, hang_up_at, activity_id, root_activity_id)
SELECT organisation_id, attempt_id, created_at, campaign_id, lead_id, 'predictive', 1, contact,
    CASE WHEN answered_at IS NULL THEN 4 ELSE 1 END, answered_at, hang_up_at, activity_id, root_activity_id
FROM legs WHERE attempt_id IS NOT NULL"""


async def fill(given: Served, leads: int, activities: int) -> None:
    """Bring the organisation to at least so many leads and activities."""
    connection = await asyncpg.connect(given.dsn)
    try:
        await connection.execute("SELECT ensure_partitions(now() - interval '16 months', now() + interval '2 months')")
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(
            "INSERT INTO lists (organisation_id, campaign_id, name)"
            " SELECT $1, $2, 'Bench ' || n FROM generate_series(1, 9) AS n ON CONFLICT DO NOTHING",
            given.organisation,
            given.outbound,
        )
        lists = [
            row[0]
            for row in await connection.fetch(
                "SELECT list_id FROM lists WHERE organisation_id = $1 ORDER BY 1", given.organisation
            )
        ]
        have = await connection.fetchval(
            "SELECT coalesce(sum(leads), 0)::int FROM list_counts WHERE organisation_id = $1", given.organisation
        )
        for first in range(have + 1, leads + 1, CHUNK):
            print(f"  leads {first:,} of {leads:,}", end="\r", flush=True)
            last = min(first + CHUNK - 1, leads)
            await connection.execute(LEADS_SQL, given.organisation, lists, first, last)
        have = await connection.fetchval(
            "SELECT count(*)::int FROM activities WHERE organisation_id = $1", given.organisation
        )
        for first in range(have + 1, activities + 1, CHUNK):
            print(f"  activities {first:,} of {activities:,}", end="\r", flush=True)
            await connection.execute(
                ACTIVITIES_SQL, given.organisation, given.inbound, given.outbound, first, activities, CHUNK
            )
        print(" " * 60, end="\r", flush=True)
        await connection.execute("VACUUM (ANALYZE) leads, activities, attempts")
    finally:
        await connection.close()
