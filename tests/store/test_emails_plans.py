"""What agents and senders ask all the time walks small indexes, however many messages there are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from callfloor.store.email import arrivals, emails, outbox
from tests.databases import Databases

FILL_SQL = """
INSERT INTO organisations (organisation_id, name, timezone, country, hash_key, signing_key)
VALUES (1, 'One', 'UTC', 'AU', '', '');
INSERT INTO activities (organisation_id, activity_id, created_at, type, root_activity_id, status_id, campaign_id,
    contact)
SELECT 1, n, now() - n * interval '1 second', 'email.inbound', n, 2, n % 10, n || '@example.com'
FROM generate_series(1, 5000) AS n;
INSERT INTO emails (organisation_id, activity_id, created_at, campaign_id, waiting_since, media_activity_id, message_id,
    delivery_hash, identifiers, body_text)
SELECT 1, activity_id, created_at, campaign_id, CASE WHEN activity_id % 200 = 1 THEN created_at END, activity_id,
    '<' || activity_id || '@example.com>', int8send(activity_id), ARRAY[contact], repeat('x', 500)
FROM activities;
INSERT INTO outgoing_mail (organisation_id, activity_id, mailbox_id, recipient, state, next_try_at, created_at)
SELECT 1, activity_id, 1, contact, CASE WHEN activity_id % 500 = 1 THEN 'waiting' ELSE 'sent' END, created_at,
    created_at
FROM activities;
ANALYZE;
"""


@pytest.fixture(scope="module")
async def filled(dsn: str, databases: Databases) -> AsyncIterator[str]:
    async with databases.fresh(dsn) as url:
        connection = await asyncpg.connect(url)
        await connection.execute(FILL_SQL)
        await connection.close()
        yield url


@pytest.mark.parametrize(
    ("sql", "arguments", "index"),
    [
        (emails.WAITING_SQL, "1, 1, 100", "emails_waiting_idx"),
        (emails.NEXT_SQL, "1, '{1, 3}', NULL", "emails_waiting_idx"),
        (emails.READ_SQL, "1, 77", "emails_pkey"),
        (arrivals.KNOWN_SQL, r"1, '\x00000001'", "emails_delivery_idx"),
        (arrivals.PARENT_SQL, "1, '{<7@example.com>}'", "emails_message_idx"),
        (outbox.DUE_SQL, "now()", "outgoing_mail_due_idx"),
    ],
)
async def test_a_statement_that_is_asked_often_reads_no_table_whole(
    filled: str, sql: str, arguments: str, index: str
) -> None:
    connection = await asyncpg.connect(filled)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            await connection.execute(f"PREPARE asked AS {sql}")
            rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) EXECUTE asked({arguments})")
            await connection.execute("DEALLOCATE asked")
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert index in plan, plan
    # the partitions of other months are empty
    whole = [row[0] for row in rows if "Seq Scan" in row[0]]
    assert all("never executed" in line or "(actual rows=0" in line for line in whole), plan
    assert "Rows Removed by Filter" not in plan
