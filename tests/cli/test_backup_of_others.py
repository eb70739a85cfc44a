"""A backup of an operator's own PostgreSQL is given back to one whose user is no superuser, whatever its version."""

from __future__ import annotations

import secrets
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from callfloor.store.db import roles
from tests.cli.conftest import assert_refused, callfloor
from tests.conftest import SERVERS, Centre


@pytest.mark.parametrize("dsn", [f"{server} backups" for server in SERVERS], indirect=True, scope="session")
async def test_who_owns_an_empty_database_loads_a_dump_into_it(dsn: str, centre: Centre, tmp_path: Path) -> None:
    owner = f"callfloor_test_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(dsn)
    empty = urlsplit(dsn)._replace(path=f"/{owner}").geturl()
    try:
        await admin.execute(f"CREATE ROLE {owner} LOGIN PASSWORD 'of a test'")
        await admin.execute(f"CREATE DATABASE {owner} OWNER {owner}")
        dump, url = tmp_path / "backup.dump", roles.address(empty, owner, "of a test")
        done = callfloor("db", "dump", dump, "--database-url", dsn)
        assert done.returncode == 0, done.stderr
        # cut off anywhere, it leaves the database as it was
        part = tmp_path / "part.dump"
        part.write_bytes(dump.read_bytes()[: dump.stat().st_size * 2 // 3])
        assert_refused(callfloor("db", "load", part, "--database-url", url), 1, "the dump could not be loaded: ")
        done = callfloor("db", "load", dump, "--database-url", url)
        assert done.returncode == 0, done.stderr
        loaded = await asyncpg.connect(url)
        try:
            names = [row["name"] for row in await loaded.fetch("SELECT name FROM organisations ORDER BY 1")]
        finally:
            await loaded.close()
        there = await admin.fetch("SELECT name FROM organisations ORDER BY 1")
        assert names == [row["name"] for row in there] != []
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {owner} WITH (FORCE)")
        await admin.execute(f"DROP ROLE IF EXISTS {owner}")
        await admin.close()
