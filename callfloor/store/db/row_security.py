"""The second wall: what a role that does not own the tables sees of them is one organisation's.

The first wall is that every statement names its organisation. Behind it each table with an `organisation_id` has a
policy: its rows are there only for a session that stands for their organisation (`pool.acting_for`). It binds the role
of the API. The owner, who migrates, is not bound by it, nor is the role of the floor, the jobs and the mail, which work
for all organisations (decision 27).
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg
from asyncpg import Record

POLICY = "own_organisation"
# Tables without the wall: partitions are reached through their tables only, nobody but the owner has a right to them.
OPEN_SQL = """
SELECT c.oid::regclass::text AS name FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organisation_id' AND a.attnum > 0)
    AND NOT (c.relrowsecurity AND EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_organisation'))
ORDER BY 1"""
# A view looks with its owner's rights, which no policy binds, unless it is told otherwise.
OPEN_VIEWS_SQL = """
SELECT c.oid::regclass::text AS name FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'v'
    AND NOT coalesce('security_invoker=true' = ANY(c.reloptions), false)"""
# Who has been given the tables, and is not their owner.
GIVEN_SQL = """
SELECT r.rolname AS name, r.rolbypassrls AS works FROM pg_roles r
WHERE r.oid IN (
    SELECT held.grantee FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) AS held
    WHERE c.oid = 'organisations'::regclass AND held.grantee <> c.relowner)
ORDER BY 1"""
LACKING_SQL = """
SELECT c.oid::regclass::text AS name, c.relkind = 'S' AS counts FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND NOT c.relispartition
    AND c.relname <> 'schema_migrations'
    AND NOT CASE WHEN c.relkind = 'S' THEN has_sequence_privilege($1::name, c.oid, 'USAGE')
        ELSE has_table_privilege($1::name, c.oid, 'SELECT') AND has_table_privilege($1::name, c.oid, 'INSERT')
            AND has_table_privilege($1::name, c.oid, 'UPDATE') AND has_table_privilege($1::name, c.oid, 'DELETE') END
ORDER BY 1"""
SCHEMA_SQL = "SELECT current_schema()"
# What erasure and the audit find rows by, in indexes. PostgreSQL uses none for a condition of a role that a policy
# binds unless its functions are known to tell nothing of what they are given but their answer, and only a superuser can
# say so: it holds for these. Elsewhere such searches read the rows of the organisation, and are slower.
PLAIN_SQL = """
SELECT p.oid::regprocedure::text AS name FROM pg_proc p
WHERE NOT p.proleakproof AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND (
    p.pronamespace = 'pg_catalog'::regnamespace
        AND p.proname IN ('arrayoverlap', 'arraycontains', 'byteaoctetlen', 'textcat', 'textin', 'jsonb_out')
    OR p.pronamespace = current_schema()::regnamespace AND p.proname IN ('search_keys', 'answer_keys'))
ORDER BY 1"""
HISTORY_SQL = "SELECT has_table_privilege($1::name, 'schema_migrations', $2)"


async def put_up(connection: asyncpg.Connection[Record]) -> None:
    """Put the wall before every table that has none yet, and give the roles that have the others the new tables too.
    As the owner, under the migrations' lock."""
    for table in await connection.fetch(OPEN_SQL):
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '10s'")
            await connection.execute(f"DROP POLICY IF EXISTS {POLICY} ON {table['name']}")
            await connection.execute(
                f"CREATE POLICY {POLICY} ON {table['name']} USING (organisation_id = current_organisation())"
            )
            await connection.execute(f"ALTER TABLE {table['name']} ENABLE ROW LEVEL SECURITY")
    for view in await connection.fetch(OPEN_VIEWS_SQL):
        await connection.execute(f"ALTER VIEW {view['name']} SET (security_invoker = true)")
    for function in await connection.fetch(PLAIN_SQL):
        await connection.execute(f"ALTER FUNCTION {function['name']} LEAKPROOF")
    for role in await connection.fetch(GIVEN_SQL):
        await give(connection, role["name"], works=role["works"])


async def give(connection: asyncpg.Connection[Record], role: str, *, works: bool) -> None:
    """Give the role what the application does with the tables: rows, and nothing of the tables themselves. `works`: it
    is the role of the floor, the jobs and the mail. As the owner."""
    name = quoted(role)
    await connection.execute(f"GRANT USAGE ON SCHEMA {quoted(await connection.fetchval(SCHEMA_SQL))} TO {name}")
    for each in await connection.fetch(LACKING_SQL, role):
        rights = f"USAGE ON SEQUENCE {each['name']}" if each["counts"] else f"{_ROWS} ON {each['name']}"
        await connection.execute(f"GRANT {rights} TO {name}")
    wanted: Sequence[str] = ("SELECT", "UPDATE") if works else ("SELECT",)
    for right in wanted:
        if not await connection.fetchval(HISTORY_SQL, role, right):
            await connection.execute(f"GRANT {right} ON schema_migrations TO {name}")


_ROWS = "SELECT, INSERT, UPDATE, DELETE"


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'
