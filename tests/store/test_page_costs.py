"""A page reads about the rows that it shows, wherever it is, with every filter and pair of filters, also by the plan
that a connection keeps from the sixth time on."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from itertools import combinations
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from callfloor.store.audit import reading
from callfloor.store.calls import activities, attempts
from callfloor.store.db.migrate import migrate
from callfloor.store.db.paging import size_for
from callfloor.store.leads import dial_order, lead_pages, leads
from callfloor.store.privacy import do_not_call

ROWS, COUNT, MOST = 24_000, 11, 1500
FROM, TO = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
VALUES: dict[str, object] = {
    "campaign_id": 2, "list_id": 3, "status_code": 4, "customer_key": "77", "phone": "+61491570007", "agent_id": 3,
    "completed": True, "uploaded_from": FROM, "uploaded_to": TO, "updated_from": FROM, "updated_to": TO,
    "type": "call.outbound", "lead_id": 7, "contact": "+61491570007", "wrap_code": 2, "created_from": FROM,
    "created_to": TO, "phone_number": "+61491570007", "ended_status": 4, "answered_status": 1, "dialling_status": 0,
    "dialled_from": FROM, "dialled_to": TO,
}  # fmt: skip
# Few of them, so that pages of all lists can be told from pages of one; leads of a list were uploaded together.
SETUP = (
    "INSERT INTO organisations (organisation_id, name, timezone, country, hash_key)"
    " VALUES (1, 'Pages', 'UTC', 'AU', '')",
    "INSERT INTO campaigns (organisation_id, campaign_id, name, direction, timezone, mode)"
    " VALUES (1, 1, 'One', 'outbound', 'UTC', 'preview'), (1, 2, 'Two', 'outbound', 'UTC', 'preview')",
    "INSERT INTO lists (organisation_id, list_id, campaign_id, name)"
    " SELECT 1, n, 1 + n % 2, 'List ' || n FROM generate_series(1, 6) AS n",
    f"""INSERT INTO leads (counted, organisation_id, lead_id, list_id, customer_key, phone1, agent_id, status_code,
        completed_at, uploaded_at, updated_at)
    SELECT true, 1, n, 1 + n * 6 / ({ROWS} + 1), n % 9000, '+6149157' || lpad((n % 97)::text, 4, '0'),
        CASE WHEN n % 3 = 0 THEN 1 + n % 7 END, CASE WHEN n % 8 = 0 THEN 4 ELSE n % 3 END,
        CASE WHEN n % 23 = 0 THEN now() END,
        now() - ({ROWS} - n) * interval '3 seconds',
        CASE WHEN n % 5 = 0 THEN now() - ({ROWS} - n) * interval '3 seconds'
            ELSE now() - (n * 7919 % 24007) * interval '1 second' END
    FROM generate_series(1, {ROWS}) AS n""",
    f"""INSERT INTO activities (organisation_id, activity_id, created_at, type, root_activity_id, status_id,
        campaign_id, lead_id, contact, agent_id, wrap_code, attempt_id)
    SELECT 1, n, now() - ({ROWS} - n) * interval '2 seconds', (ARRAY['call.inbound', 'call.outbound'])[1 + n % 2], n,
        3, 1 + n % 2, n % 9000, '+6149157' || lpad((n % 97)::text, 4, '0'), 1 + n % 7, 1 + n % 5, n
    FROM generate_series(1, {ROWS}) AS n""",
    """INSERT INTO attempts (organisation_id, attempt_id, dialled_at, campaign_id, lead_id, mode, phone_index,
        phone_number, dial_status, hang_up_at, activity_id, root_activity_id)
    SELECT 1, attempt_id, created_at, campaign_id, lead_id, 'preview', 1, contact,
        CASE WHEN activity_id % 11 = 0 THEN 4 ELSE 1 END, created_at, activity_id, activity_id FROM activities""",
    f"""INSERT INTO audit_entries (organisation_id, happened_at, actor_type, actor_id, action, object_type, object_ids,
        request_id, details)
    SELECT 1, now() - ({ROWS} - n) * interval '3 seconds', (ARRAY['user', 'token'])[1 + n % 2], n % 7,
        (ARRAY['lead.read', 'lead.update', 'campaign.change'])[1 + n % 3],
        (ARRAY['lead', 'lead', 'campaign'])[1 + n % 3], ARRAY[n % 900], md5(n::text)::uuid, '{{}}'
    FROM generate_series(1, {ROWS}) AS n""",
    f"""INSERT INTO do_not_call (organisation_id, number_hash, campaign_id, register, phone_number, reason, source,
        created_at)
    SELECT 1, sha256(n::text::bytea), n % 3, 'national', '+6149157' || lpad((n % 97)::text, 4, '0'), NULL, 'import',
        now() FROM generate_series(1, {ROWS}) AS n""",
    "VACUUM ANALYZE audit_entries", "VACUUM ANALYZE do_not_call",
    "VACUUM ANALYZE leads", "VACUUM ANALYZE activities", "VACUUM ANALYZE attempts", "ANALYZE lists",
)  # fmt: skip
TABLES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "leads": ((*lead_pages.FILTERS, "campaign_id"), "uploaded_at", "lead_id"),
    "activities": (tuple(activities.FILTERS), "created_at", "activity_id"),
    "attempts": ((*attempts.FILTERS, "agent_id"), "dialled_at", "attempt_id"),
}
# Where a page begins: nowhere, in the middle, and near the end, where few rows are left.
PLACES = {"first": None, "middle": 2, "end": 20}


@pytest.fixture(scope="module")
async def filled(dsn: str) -> AsyncIterator[str]:
    """A database of some size, of which the server knows what it holds."""
    name = f"callfloor_pages_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(dsn)
    await admin.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    head, _, tail = dsn.partition("?")
    url = f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{tail}" if tail else "")
    await migrate(url)
    connection = await asyncpg.connect(url)
    for statement in SETUP:
        await connection.execute(statement)
    await connection.close()
    yield url
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def statement(table: str, chosen: tuple[str, ...], *, after: bool) -> tuple[str, list[object]]:
    """A page's statement and its parameters before those of the cursor."""
    names, size = frozenset(chosen), size_for(COUNT)
    if table == "leads":
        rest = names - {"campaign_id"}
        by_campaign = "campaign_id" in names
        sql = leads.lead_page_sql(rest, size, by_campaign=by_campaign, after=after)
        given = (["campaign_id"] if by_campaign else []) + list(lead_pages.used(rest, after=after))
    else:
        make = activities.activity_page_sql if table == "activities" else attempts.attempt_page_sql
        sql = make(names, size, after=after)
        given = [name for name in TABLES[table][0] if name in names]
    return sql, [1, COUNT, *(VALUES[name] for name in given)]


def read(plan: Mapping[str, Any]) -> Iterator[float]:
    """Rows that the scans of a plan looked at."""
    if "Relation Name" in plan:
        each = sum(
            plan.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        )
        yield each * plan["Actual Loops"]
    for below in plan.get("Plans", ()):
        yield from read(below)


async def cost(connection: asyncpg.Connection[asyncpg.Record], sql: str, arguments: list[object]) -> tuple[float, int]:
    """Rows and pages that a statement reads."""
    (answer,) = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", *arguments))
    plan = answer["Plan"]
    return sum(read(plan)), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_a_page_reads_about_what_it_shows(filled: str, plan: str, table: str) -> None:
    names, at, row_id = TABLES[table]
    settings = {"plan_cache_mode": plan, "jit": "off"}
    connection = await asyncpg.connect(filled, server_settings=settings, statement_cache_size=0)
    begins: dict[tuple[str, int], asyncpg.Record] = {}
    for order in {at, "updated_at"} if table == "leads" else {at}:
        for share in filter(None, PLACES.values()):
            cursor = f"SELECT {order}, {row_id} FROM {table} ORDER BY 1 LIMIT 1 OFFSET {ROWS} / {share}"
            found = await connection.fetchrow(cursor)
            assert found is not None
            begins[order, share] = found
    too_much: dict[str, tuple[float, int]] = {}
    for chosen in (each for size in range(3) for each in combinations(names, size)):
        order = lead_pages.page_order(frozenset(chosen) - {"campaign_id"}) if table == "leads" else at
        for place, share in PLACES.items():
            sql, arguments = statement(table, chosen, after=share is not None)
            rows, pages = await cost(connection, sql, [*arguments, *(begins[order, share] if share else ())])
            if rows > MOST or pages > MOST:
                too_much[f"{place} page of {' and '.join(chosen) or 'all'}"] = rows, pages
    await connection.close()
    assert too_much == {}


AUDIT: dict[str, object] = {
    "action": "lead.read", "actions": "lead", "actor_id": 3, "actor_type": "user", "object_type": "lead",
    "object_id": 77, "object_name": "nothing", "request_id": UUID(int=0),
}  # fmt: skip
# Few entries have these, and no index knows them: a page is as long as the way to them.
SELDOM = {"object_name", "request_id"}


def others() -> Iterator[tuple[str, str, list[object]]]:
    """What else is shown or walked a part at a time: first parts, and parts from the middle."""
    half = TO.replace(year=2026)
    for chosen in (each for size in range(3) for each in combinations(reading.FILTERS, size)):
        if not SELDOM & {*chosen} and not {"action", "actions"} <= {*chosen}:
            sql, given = reading.page_sql(chosen, size_for(COUNT)), [AUDIT[name] for name in chosen]
            yield f"audit by {chosen}", sql, [1, TO, 2**62, FROM, *given]
    for list_id in (None, 0, 2):
        for before in (2**62, ROWS // 2):
            yield f"do not call {list_id} {before}", do_not_call.PAGE_SQL, [1, before, list_id, COUNT]
    yield "every do not call", do_not_call.EVERY_SQL, [1, b"\x80", 0, "", None, COUNT]
    for after in (0, ROWS // 2):
        walk = [1, 3, [0, 1, 2], [3, 2, 1], half, [FROM] * 3, [0] * 3, [after] * 3, COUNT]
        yield f"leads to dial behind {after}", dial_order.WALK_SQL, walk
    yield "callbacks that are due", dial_order.CALLBACKS_SQL, [1, [1, 2, 3], half, [1], COUNT, []]
    yield "callbacks of an agent", leads.CALLBACKS_SQL, [1, 3, FROM, 0, COUNT]


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
async def test_what_else_is_read_in_parts_reads_no_more(filled: str, plan: str) -> None:
    settings = {"plan_cache_mode": plan, "jit": "off"}
    connection = await asyncpg.connect(filled, server_settings=settings, statement_cache_size=0)
    found = {name: await cost(connection, sql, arguments) for name, sql, arguments in others()}
    await connection.close()
    assert {name: each for name, each in found.items() if max(each) > MOST} == {}
