"""A query that forgets its organisation, through the connection of the API: the second wall stands."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from callfloor.store.db import roles
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database, acting_for
from callfloor.store.leads import leads
from tests.conftest import Centre
from tests.factories import inbound_call

# Every table, view and partition that has an organisation.
WITH_ORGANISATION = """
SELECT c.oid::regclass::text AS name, c.relkind::text AS kind, c.relispartition AS part, c.relrowsecurity AS guarded,
    coalesce('security_invoker=true' = ANY(c.reloptions), false) AS asks_as_caller,
    (SELECT array_agg(pg_get_expr(p.polqual, p.polrelid)) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organisation_id')
ORDER BY 1"""


@pytest.fixture
async def api_db(api_dsn: str) -> AsyncIterator[Database]:
    """As the API has it."""
    database = await Database.connect(api_dsn, size=4)
    yield database
    await database.close()


async def test_every_table_with_an_organisation_has_the_wall(db: Database) -> None:
    found = await db.fetch(WITH_ORGANISATION)
    assert len(found) > 60
    for each in found:
        if each["kind"] == "v":
            assert each["asks_as_caller"], each["name"]
        elif not each["part"]:
            assert each["guarded"], each["name"]
            assert each["policies"] == ["(organisation_id = current_organisation())"], each["name"]


async def test_a_table_that_a_later_migration_makes_gets_the_wall_and_its_rights(
    db: Database, api_db: Database
) -> None:
    await db.execute("CREATE TABLE later (organisation_id bigint NOT NULL, what text)")
    try:
        await db.execute("INSERT INTO later VALUES (1, 'one'), (2, 'two')")
        await migrate(db.dsn)
        with acting_for(2):
            assert [row["what"] for row in await api_db.fetch("SELECT what FROM later")] == ["two"]
    finally:
        await db.execute("DROP TABLE later")


async def test_the_role_of_the_api_is_nobody_and_owns_nothing(api_db: Database, db: Database) -> None:
    role = await api_db.fetchrow("SELECT * FROM pg_roles WHERE rolname = current_user")
    assert role is not None
    assert [name for name, value in role.items() if value is True] == ["rolinherit", "rolcanlogin"]
    assert not await db.fetch("SELECT FROM pg_auth_members WHERE member = $1", role["oid"])
    assert not await db.fetch("SELECT FROM pg_class WHERE relowner = $1", role["oid"])
    assert not await db.fetch("SELECT FROM pg_proc WHERE proowner = $1", role["oid"])
    assert not await api_db.fetchval("SELECT has_schema_privilege(current_schema(), 'CREATE')")
    for other in (roles.WORK, "postgres", "callfloor"):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)):
            await api_db.execute(f"SET ROLE {other}")
    for sql in (
        "ALTER TABLE leads DISABLE ROW LEVEL SECURITY",
        "DROP POLICY own_organisation ON leads",
        "TRUNCATE leads",
        "CREATE TABLE mine (x int)",
        "UPDATE schema_migrations SET identity = 'x'",
        "SELECT pg_read_file('PG_VERSION')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await api_db.execute(sql)


async def test_the_role_of_the_floor_owns_nothing_either(dsn: str, db: Database) -> None:
    role = await db.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", roles.WORK)
    assert role is not None
    held = [name for name, value in role.items() if value is True]
    assert held == ["rolinherit", "rolcanlogin", "rolbypassrls"]
    assert not await db.fetch("SELECT FROM pg_class WHERE relowner = $1", role["oid"])


async def test_what_lies_behind_a_table_is_reached_through_it_only(api_db: Database, db: Database) -> None:
    for each in await db.fetch(WITH_ORGANISATION):
        if each["part"]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await api_db.fetch(f"SELECT FROM {each['name']}")


async def _fill(centre: Centre, db: Database) -> None:
    """Something of the organisation's in the tables that matter most."""
    made = await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": "0491570156"})
    assert made.status_code == 201
    await inbound_call(db, centre.organisation, centre.inbound, "+61491570157", None, datetime.now(UTC))
    asked = await centre.client.post("/leads/bulk", json={"leads": [{"listId": centre.list_id}]})
    assert asked.status_code == 202


async def test_a_query_without_its_organisation_sees_nothing_of_another(
    centre: Centre, other_centre: Centre, db: Database, api_db: Database
) -> None:
    await _fill(centre, db)
    seen: set[str] = set()
    for each in await db.fetch(WITH_ORGANISATION):
        if each["part"]:
            continue
        name = each["name"]
        there = await db.fetchval(f"SELECT count(*) FROM {name} WHERE organisation_id = $1", centre.organisation)
        if there:
            seen.add(name)
        its = f"count(*) FILTER (WHERE organisation_id = {centre.organisation})"
        of = f"SELECT {its} AS its, count(*) AS all FROM {name}"
        for whom in (None, other_centre.organisation):
            with acting_for(whom):
                row = await api_db.fetchrow(of)
            assert row is not None
            assert row["its"] == 0, name
            assert whom is not None or row["all"] == 0, name
        with acting_for(centre.organisation):
            row = await api_db.fetchrow(of)
        assert row is not None
        assert row["its"] == row["all"] == there, name
    assert {"leads", "activities", "users", "tokens", "organisations", "campaigns", "lists", "working_agents"} <= seen


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE leads SET customer_key = 'taken' RETURNING 1",
        "DELETE FROM leads RETURNING 1",
        "SELECT 1 FROM leads FOR UPDATE",
        "SELECT 1 FROM organisations o JOIN leads l ON true",
        "WITH all_leads AS MATERIALIZED (SELECT * FROM leads) SELECT 1 FROM all_leads",
        "SELECT 1 FROM leads WHERE organisation_id IN (SELECT organisation_id FROM organisations)",
        "SELECT l.lead_id FROM users u LEFT JOIN leads l USING (organisation_id) WHERE l.lead_id IS NOT NULL",
    ],
)
async def test_no_kind_of_statement_passes(sql: str, centre: Centre, other_centre: Centre, api_db: Database) -> None:
    made = await centre.client.post("/leads", json={"listId": centre.list_id})
    assert made.status_code == 201
    with acting_for(other_centre.organisation):
        assert await api_db.fetch(sql) == []
    kept = await centre.client.get(f"/leads/{made.json()['leadId']}")
    assert kept.status_code == 200
    assert kept.json()["customerKey"] is None


async def test_nothing_is_written_for_another_organisation(
    centre: Centre, other_centre: Centre, api_db: Database
) -> None:
    insert = "INSERT INTO lists (organisation_id, campaign_id, name) VALUES ($1, $2, 'Not mine')"
    move = "UPDATE lists SET organisation_id = $1, campaign_id = $2"
    with acting_for(other_centre.organisation):
        for sql in (insert, move):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await api_db.execute(sql, centre.organisation, centre.outbound)
    with acting_for(None), pytest.raises(asyncpg.InsufficientPrivilegeError):
        await api_db.execute(insert, centre.organisation, centre.outbound)


async def test_a_connection_never_stands_for_whom_it_stood_before(
    centre: Centre, other_centre: Centre, api_db: Database
) -> None:
    """Few connections, many tasks: transactions that commit, fail, are cancelled, and statements alone."""
    mine = "SELECT array_agg(organisation_id) FROM organisations"
    chance = random.Random(7)

    async def fails() -> None:
        async with api_db.transaction():
            with acting_for(other_centre.organisation):
                await api_db.fetchval("SELECT 1/0")

    async def one(organisation: int | None, way: int) -> None:
        with acting_for(organisation):
            wanted = None if organisation is None else [organisation]
            if way == 0:
                assert await api_db.fetchval(mine) == wanted
            elif way == 1:
                async with api_db.transaction():
                    assert await api_db.fetchval(mine) == wanted
                    with acting_for(other_centre.organisation):
                        assert await api_db.fetchval(mine) == [other_centre.organisation]
                    assert await api_db.fetchval(mine) == wanted
            elif way == 2:
                with pytest.raises(asyncpg.DivisionByZeroError):
                    await fails()
            else:
                asked = asyncio.create_task(api_db.fetchval("SELECT pg_sleep(0.01)"))
                await asyncio.sleep(0)
                asked.cancel()
                await asyncio.gather(asked, return_exceptions=True)
            assert await api_db.fetchval(mine) == wanted

    whom = (None, centre.organisation, other_centre.organisation)
    await asyncio.gather(*(one(chance.choice(whom), chance.randrange(4)) for _ in range(200)))


async def test_whom_a_request_stands_for_is_said_by_its_token_and_not_by_its_statement(
    centre: Centre, other_centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation that takes the organisation from elsewhere finds nothing."""
    made = await centre.client.post("/leads", json={"listId": centre.list_id})
    monkeypatch.setattr(
        leads, "GET_MANY_SQL", leads.GET_MANY_SQL.replace("l.organisation_id = $1", "l.organisation_id <> -$1::bigint")
    )
    address = f"/leads/{made.json()['leadId']}"
    assert (await centre.client.get(address)).status_code == 200
    assert (await other_centre.client.get(address)).status_code == 404
