"""`callfloor db distribute` against functions that are called as Citus's are and ask of tables what Citus asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from callfloor.cli import databases, session
from callfloor.cli.failures import CommandError
from callfloor.settings import Settings
from callfloor.store.db import distribution
from callfloor.store.db.distribution import KINDS, DistributionError, Step
from tests.databases import Databases

CITUS_SQL = """
CREATE SCHEMA citus_like;
CREATE TABLE citus_like.pg_dist_partition (
    logicalrelid regclass PRIMARY KEY, partmethod "char", beside text, shards integer);
CREATE TABLE citus_like.done (what text);
-- as ErrorIfUnsupportedForeignConstraintExists: what a foreign key names is placed before
CREATE FUNCTION citus_like.check_keys(placed regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = placed AND k.contype = 'f' AND k.confrelid <> placed
            AND NOT EXISTS (SELECT FROM citus_like.pg_dist_partition p WHERE p.logicalrelid = k.confrelid)) THEN
        RAISE EXCEPTION 'referenced table must be a distributed table or a reference table';
    END IF;
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = placed AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'what is copied would be counted again';
    END IF;
    IF EXISTS (SELECT FROM citus_like.pg_dist_partition WHERE logicalrelid = placed) THEN
        RAISE EXCEPTION 'table "%" is already distributed', placed;
    END IF;
END $$;
CREATE FUNCTION citus_like.create_reference_table(table_name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM citus_like.check_keys(table_name);
    INSERT INTO citus_like.pg_dist_partition VALUES (table_name, 'n', NULL, NULL);
END $$;
CREATE FUNCTION citus_like.create_distributed_table(table_name regclass, distribution_column text,
    distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default', shard_count integer DEFAULT NULL)
    RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM citus_like.check_keys(table_name);
    IF colocate_with <> 'none' AND NOT EXISTS (
            SELECT FROM citus_like.pg_dist_partition WHERE logicalrelid = colocate_with::regclass) THEN
        RAISE EXCEPTION 'relation % is not distributed', colocate_with;
    END IF;
    INSERT INTO citus_like.pg_dist_partition VALUES (table_name, 'h', colocate_with, shard_count);
END $$;
CREATE FUNCTION citus_like.create_distributed_function(function regprocedure) RETURNS void
    LANGUAGE sql AS $$ INSERT INTO citus_like.done VALUES (function::text) $$;
CREATE FUNCTION citus_like.truncate_local_data_after_distributing_table(function_name regclass) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('TRUNCATE %s CASCADE', function_name);
    INSERT INTO citus_like.done VALUES ('truncated ' || function_name);
END $$;
CREATE FUNCTION citus_like.run_command_on_workers(command text)
    RETURNS TABLE (nodename text, nodeport integer, success boolean, result text)
    LANGUAGE sql AS $$ SELECT 'worker', 5432, command NOT LIKE '%refused%', 'must be owner of database' $$;
"""


@pytest.fixture
async def plain(dsn: str, databases: Databases) -> AsyncIterator[str]:
    """A migrated database without a Citus."""
    async with databases.fresh(dsn) as url:
        yield url


@pytest.fixture
async def citus(plain: str) -> str:
    connection = await asyncpg.connect(plain)
    await connection.execute(CITUS_SQL)
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    await connection.execute(f"ALTER DATABASE {database} SET search_path = public, citus_like")
    await connection.close()
    return plain


async def placed(dsn: str) -> dict[str, tuple[str, str | None, int | None]]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(
        "SELECT logicalrelid::text AS t, partmethod::text AS m, beside, shards FROM pg_dist_partition"
    )
    await connection.close()
    return {row["t"]: (row["m"], row["beside"], row["shards"]) for row in rows}


async def done(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT what FROM done")
    await connection.close()
    return {row["what"] for row in rows}


async def triggers(dsn: str) -> set[tuple[str, str]]:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch("SELECT tgrelid::regclass::text AS t, tgname FROM pg_trigger WHERE NOT tgisinternal")
    await connection.close()
    return {(row["t"], row["tgname"]) for row in rows}


async def test_every_table_is_placed_as_the_table_says(citus: str) -> None:
    told: list[Step] = []
    before = await triggers(citus)
    assert ("leads", "leads_counted_inserted") in before
    assert await distribution.distribute(citus, 48, told.append) == len(KINDS) - 1
    found = await placed(citus)
    assert found.keys() == {name for name, kind in KINDS.items() if kind != "local"}
    assert found["organisations"] == ("n", None, None)
    assert found["users"] == ("h", "none", 48)
    assert {each for name, each in found.items() if name not in ("organisations", "users")} == {("h", "users", None)}
    assert await triggers(citus) == before
    # what was here is on the nodes now, and so is what triggers call
    assert {f"truncated {name}" for name in found} <= await done(citus)
    assert {"count_lead()", "number_hash(bytea,text)"} <= await done(citus)


async def test_it_may_be_done_again(citus: str) -> None:
    await distribution.distribute(citus, 32, lambda _: None)
    assert await distribution.distribute(citus, 32, lambda _: None) == 0
    assert await distribution.plan(citus) == []


async def test_it_goes_on_where_it_was_cut_off(citus: str) -> None:
    class Killed(Exception):
        pass

    def told(step: Step) -> None:
        if step.name == "leads":
            raise Killed

    with pytest.raises(Killed):
        await distribution.distribute(citus, 32, told)
    left = [step.name for step in await distribution.plan(citus)]
    assert left[0] == "leads"
    assert await distribution.distribute(citus, 32, lambda _: None) == len(left)


async def test_rows_that_have_to_be_copied_are_told_beforehand(citus: str) -> None:
    connection = await asyncpg.connect(citus)
    await connection.execute(
        """INSERT INTO attempts (organisation_id, dialled_at, campaign_id, mode) SELECT 1, now(), 1, 'manual'
        FROM generate_series(1, 500);
        ANALYZE"""
    )
    await connection.close()
    assert {step.name: step.rows for step in await distribution.plan(citus)}["attempts"] == 500


async def test_what_a_migration_adds_is_placed_by_it(citus: str) -> None:
    await distribution.distribute(citus, 32, lambda _: None)
    connection = await asyncpg.connect(citus)
    await connection.execute("DELETE FROM pg_dist_partition WHERE logicalrelid = 'teams'::regclass")
    await distribution.keep(connection)
    await connection.close()
    assert (await placed(citus))["teams"] == ("h", "users", None)


async def test_a_database_that_is_not_distributed_is_left_so_by_migrations(citus: str) -> None:
    connection = await asyncpg.connect(citus)
    await distribution.keep(connection)
    await connection.close()
    assert await placed(citus) == {}


async def test_a_table_that_stands_elsewhere_is_named(citus: str) -> None:
    connection = await asyncpg.connect(citus)
    await connection.execute(
        "SELECT create_reference_table('schema_migrations'), create_reference_table('organisations')"
    )
    await connection.execute("SELECT create_reference_table('users')")
    await connection.close()
    with pytest.raises(DistributionError, match="table users is placed in another way"):
        await distribution.plan(citus)


def settings(dsn: str, folder: Path) -> Settings:
    return session.settings(data=folder, database_url=dsn)


async def test_the_command_says_what_it_would_do_and_does_it(
    citus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await asyncio.to_thread(databases.distribute, settings(citus, tmp_path), 8, True)
    printed = capsys.readouterr().out
    assert printed.startswith("would place organisations whole on every node\nwould place users by organisation\n")
    assert await placed(citus) == {}
    await asyncio.to_thread(databases.distribute, settings(citus, tmp_path), 8, False)
    printed = capsys.readouterr()
    assert "placing leads by organisation\n" in printed.err
    assert printed.out == f"placed {len(KINDS) - 1} tables\n"
    await asyncio.to_thread(databases.distribute, settings(citus, tmp_path), 8, False)
    assert capsys.readouterr().out == "all tables are placed\n"


async def test_without_a_citus_the_command_says_what_is_missing(plain: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="CREATE EXTENSION citus"):
        await asyncio.to_thread(databases.distribute, settings(plain, tmp_path), 8, False)
