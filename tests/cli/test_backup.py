"""A backup is taken and given back by two commands, and what comes back does not act by itself."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callfloor import samples
from callfloor.postgres import dumps
from callfloor.postgres.server import EmbeddedServer
from callfloor.store.db import installation
from callfloor.store.db.pool import Database
from tests.cli.conftest import assert_refused, callfloor


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cf-backup-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


async def looked(data: Path) -> tuple[list[str], installation.Hold | None]:
    """Who works there, and whether a server that starts would be held."""
    server = await asyncio.to_thread(EmbeddedServer.start_or_join, data, fsync=False)
    try:
        db = await Database.connect(server.dsn, size=1)
        try:
            names = [row["username"] for row in await db.fetch("SELECT username FROM users ORDER BY username")]
            return names, await installation.recognise(db, data, datetime.now(UTC))
        finally:
            await db.close()
    finally:
        await asyncio.to_thread(server.release)


async def test_what_was_dumped_is_loaded_and_held_until_it_is_adopted(folder: Path) -> None:
    centre, first, dump, second = folder / "centre.toml", folder / "first", folder / "backup.dump", folder / "second"
    centre.write_text(samples.centre(), "utf-8")
    assert callfloor("apply", centre, "--data", first).returncode == 0
    names, hold = await looked(first)
    assert names
    assert hold is None
    done = callfloor("db", "dump", dump, "--data", first)
    assert done.returncode == 0, done.stderr
    assert "writing users" in done.stderr
    assert dump.stat().st_mode & 0o077 == 0
    nowhere = folder / "none/backup.dump"
    assert_refused(
        callfloor("db", "dump", nowhere, "--data", first), 1, f"callfloor: {nowhere}: No such file or directory"
    )
    done = callfloor("db", "load", dump, "--data", second)
    assert done.returncode == 0, done.stderr
    assert "reading users" in done.stderr
    assert f": callfloor db adopt --data {second}\n" in done.stdout
    again, hold = await looked(second)
    assert again == names
    assert hold is not None
    assert hold.why == "it was loaded from backup.dump"
    # a database with something in it is not filled again
    assert_refused(callfloor("db", "load", dump, "--data", second), 1, "is not empty")
    assert callfloor("db", "adopt", "--data", second).returncode == 0
    assert (await looked(second))[1] is None
    # nor does a file that is no dump leave half a database
    third = folder / "third"
    done = callfloor("db", "load", centre, "--data", third)
    assert_refused(done, 1, "the dump could not be loaded: ")


async def test_a_copied_folder_is_held(folder: Path) -> None:
    centre, first, second = folder / "centre.toml", folder / "first", folder / "second"
    centre.write_text(samples.centre(), "utf-8")
    assert callfloor("apply", centre, "--data", first).returncode == 0
    assert (await looked(first))[1] is None
    shutil.copytree(first, second)
    for path in (second, *second.rglob("*")):
        shutil.chown(path, (first / "postgres").stat().st_uid, (first / "postgres").stat().st_gid)
    _, hold = await looked(second)
    assert hold is not None
    assert hold.why == "this is a copy of another installation's database"
    # the original is none
    assert (await looked(first))[1] is None
    # and a folder that was moved is the same
    moved = folder / "moved"
    first.rename(moved)
    assert (await looked(moved))[1] is None


@pytest.mark.parametrize(
    "words",
    [
        ("db", "status"), ("db", "dump", "x.dump"), ("db", "adopt"), ("token", "list"), ("export",), ("dnc", "list"),
        ("closure", "show"), ("certificate", "key"), ("evidence", "export", "x"), ("function", "key"),
    ],
)  # fmt: skip
def test_a_command_that_finds_no_database_makes_none(folder: Path, words: tuple[str, ...]) -> None:
    assert_refused(callfloor(*words, "--data", folder / "typo"), 2, "--data (CALLFLOOR_DATA): there is no database in")
    assert not (folder / "typo").exists()


def test_a_dump_that_nobody_reads_on_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "pg_dump"
    program.write_text("#!/bin/sh\nkill -s PIPE $$\n", "ascii")
    program.chmod(0o755)
    monkeypatch.setattr(dumps, "binaries", lambda: folder)
    with pytest.raises(dumps.DumpError, match=r"^pg_dump failed: who was to read it ended before it was whole$"):
        dumps.dump("postgresql://127.0.0.1/x", None, print)
