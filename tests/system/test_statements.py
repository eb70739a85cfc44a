"""Every statement of the store is understood by PostgreSQL, and the hot ones use the indexes made for them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import AsyncIterator
from itertools import combinations

import asyncpg
import pytest

import callfloor.store
from callfloor.store.db.pool import WRITERS, Database, reads
from callfloor.store.leads import lead_pages, leads


def constants() -> list[tuple[str, str]]:
    """Every module constant that ends in _SQL, by its full name."""
    found: list[tuple[str, str]] = []
    for module in pkgutil.walk_packages(callfloor.store.__path__, "callfloor.store."):
        if module.ispkg:
            continue
        names = vars(importlib.import_module(module.name))
        found += [(f"{module.name}.{name}", text) for name, text in names.items() if name.endswith("_SQL")]
    return found


# statements that cannot be prepared: they make or lock tables, or are understood where Citus is (test_distribution.py)
UTILITY = {
    "callfloor.store.db.migrate.HISTORY_SQL",
    *(f"callfloor.store.db.distribution.{name}_SQL" for name in ("PLACED", "REFERENCE", "FIRST", "OTHER")),
    *(f"callfloor.store.db.distribution.{name}_SQL" for name in ("TRUNCATE", "FUNCTION", "ON_WORKERS")),
}
STATEMENTS = dict(constants())


@pytest.fixture(scope="module")
async def connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(dsn)
    yield opened
    await opened.close()


@pytest.mark.parametrize("name", [name for name in STATEMENTS if name not in UTILITY])
async def test_a_statement_of_the_store_can_be_prepared(name: str, connection: asyncpg.Connection) -> None:
    await connection.prepare(STATEMENTS[name])


async def test_no_statement_that_is_taken_for_a_reading_one_calls_what_writes(db: Database) -> None:
    ours = await db.fetch(
        """SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = current_schema() AND p.provolatile = 'v' AND p.prorettype <> 'trigger'::regtype
          AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')"""
    )
    writing = {*WRITERS, "set_val", "lo_create", "pg_logical_emit_message", *(row["proname"] for row in ours)}
    for name, sql in STATEMENTS.items():
        if reads(sql):
            assert not [each for each in writing if f"{each}(" in sql], name


@pytest.mark.parametrize(
    ("sql", "reading"),
    [
        ("SELECT 1", True),
        ("  select nextval('x')", False),
        ("SELECT pg_notify ($1, $2)", False),
        ("SELECT max(nextval_of) FROM x", True),
        ("WITH gone AS (DELETE FROM x RETURNING 1) SELECT * FROM gone", False),
        ("INSERT INTO x SELECT 1", False),
    ],
)
def test_a_statement_that_may_write_is_none_that_reads(sql: str, reading: bool) -> None:
    assert reads(sql) is reading


async def test_every_page_of_leads_can_be_prepared(connection: asyncpg.Connection) -> None:
    for size in range(4):
        for chosen in combinations(lead_pages.FILTERS, size):
            for by_campaign in (False, True):
                for after in (False, True):
                    sql = leads.lead_page_sql(frozenset(chosen), 11, by_campaign=by_campaign, after=after)
                    await connection.prepare(sql)


async def test_every_table_is_keyed_by_organisation_first(db: Database) -> None:
    rows = await db.fetch(
        """
        SELECT c.relname AS table, a.attname AS first
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE i.indisprimary AND n.nspname = current_schema()"""
    )
    tables = {row["table"]: row["first"] for row in rows}
    assert len(tables) > 20
    # how the schema came to be belongs to the installation, not to an organisation
    assert {table for table, first in tables.items() if first != "organisation_id"} == {"schema_migrations"}
    without = await db.fetch(
        """
        SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
            AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)"""
    )
    assert without == []
