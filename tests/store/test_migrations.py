"""Migrations that have landed stay as they are: databases out there remember what they were."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files

import asyncpg
import pytest

from callfloor.store.db.migrate import MigrationError, migrate, migrations, status

SUMS = files("callfloor.store") / "migrations" / "SHA256SUMS"


def landed() -> dict[str, str]:
    lines = [line.split("  ") for line in SUMS.read_text("ascii").splitlines()]
    assert all(len(line) == 2 for line in lines), "a line is a hash, two spaces and a name, as sha256sum writes it"
    return {name.removesuffix(".sql"): sha256 for sha256, name in lines}


def test_no_migration_that_has_landed_was_edited() -> None:
    now = {each.name: each.sha256 for each in migrations()}
    for name, sha256 in landed().items():
        assert now.get(name) == sha256, f"{name} has landed and may not change: put the change into a new migration"


def test_every_migration_is_written_down() -> None:
    missing = [each.name for each in migrations() if each.name not in landed()]
    assert not missing, (
        f"add {missing} with: cd callfloor/store/migrations && sha256sum {' '.join(f'{each}.sql' for each in missing)}"
        " >> SHA256SUMS"
    )


def test_their_numbers_have_no_gap_and_no_two_share_one() -> None:
    assert [each.number for each in migrations()] == list(range(1, len(migrations()) + 1))


async def test_a_database_with_another_migration_is_refused_with_what_to_do(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    true = await connection.fetchval("SELECT sha256 FROM schema_migrations WHERE number = 1")
    await connection.execute("UPDATE schema_migrations SET sha256 = $1 WHERE number = 1", "0" * 64)
    try:
        for look in (migrate, status):
            with pytest.raises(MigrationError, match=r"0001_platform .* never released\. .* begin a new database"):
                await look(dsn)
    finally:
        await connection.execute("UPDATE schema_migrations SET sha256 = $1 WHERE number = 1", true)
        await connection.close()


async def test_an_upgrade_names_each_migration_before_it(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    known = migrations()
    told: list[str] = []
    later = replace(known[-1], number=known[-1].number + 1, name="9999_later", sql="SELECT 1")
    connection = await asyncpg.connect(dsn)
    monkeypatch.setattr("callfloor.store.db.migrate.migrations", lambda: [*known, later])
    try:
        assert await migrate(dsn, told.append) == told == ["9999_later"]
        assert (await migrate(dsn, told.append), told) == ([], ["9999_later"])
    finally:
        await connection.execute("DELETE FROM schema_migrations WHERE number = $1", later.number)
        await connection.close()
