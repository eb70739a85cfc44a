"""`callfloor evidence`, from attempts that were sealed to a file that is checked without a database."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from callfloor.jobs.evidence import seal
from callfloor.postgres.server import EmbeddedServer
from callfloor.rules.evidence.evidence import record
from callfloor.rules.evidence.evidence_file import EvidenceFile, check
from callfloor.store.calls import evidence
from callfloor.store.db.migrate import migrate
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.setup import organisations
from tests.cli.conftest import Run, assert_refused, callfloor

T0 = datetime(2026, 6, 1, 3, 0, tzinfo=UTC)
NUMBER = "+61491570156"


@pytest.fixture
async def db(data: Path) -> AsyncIterator[Database]:
    """The database of the data folder that the commands use."""
    server = EmbeddedServer.start_or_join(data, fsync=False)
    await migrate(server.dsn)
    database = await Database.connect(server.dsn, size=2)
    yield database
    await database.close()
    server.release()


@pytest.fixture
async def name(db: Database) -> str:
    """An organisation with three days of two attempts each, the last of which is not over."""
    made = f"Zentrum Süd {secrets.token_hex(4)}"
    organisation = await organisations.create(db, made, "Australia/Sydney", "AU")
    # whoever has attempts has one
    sql = "INSERT INTO campaigns (organisation_id, name, direction, timezone) VALUES ($1, 'Out', 'outbound', 'UTC')"
    await db.execute(sql, organisation)
    for day in range(3):
        rows = [
            record(secrets.randbits(62), {"campaignId": 7}, {"number": NUMBER}, {"number": secrets.token_bytes(16)})
            for _ in range(2)
        ]
        await evidence.insert(db, organisation, rows, T0 + timedelta(days=day))
    while await seal(db, T0 + timedelta(days=2, minutes=1)):
        pass
    return made


def export(run: Run, name: str, file: Path, *options: str) -> str:
    done = run("evidence", "export", file, "--organisation", name, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def verified(file: Path, *options: str | Path) -> str:
    """What a check says of a file without a fault: with a key it ends with 0, without one nobody knows whose it is."""
    done = callfloor("evidence", "verify", file, *options)
    assert done.returncode == (0 if "--key" in options else 3), done.stderr
    return done.stdout


def test_an_export_is_checked_with_the_key_of_the_organisation(run: Run, name: str, tmp_path: Path) -> None:
    file, key = tmp_path / "evidence.ndjson", tmp_path / "key"
    assert export(run, name, file) == f"6 records and 2 signed days written to {file}\n"
    assert file.stat().st_mode & 0o077 == 0
    key.write_text(run("certificate", "key", "--organisation", name).stdout, "ascii")
    said = verified(file, "--key", key)
    assert said.startswith(f"valid: evidence of {name} up to ")
    assert "6 records from position 1 on, 2 signed days, 2 records of a day not signed yet, 0 sealed late" in said
    assert f"0 erased fields; signed with the expected key: {key.read_text('ascii').strip()}" in said
    unknown = callfloor("evidence", "verify", file)
    assert (unknown.returncode, unknown.stdout.startswith("whole, but not known whose: ")) == (3, True)
    assert "signed with a key that was not compared with any" in unknown.stdout

    key.write_text(base64.b64encode(bytes(32)).decode(), "ascii")
    assert_refused(
        callfloor("evidence", "verify", file, "--key", key), 1, f"{file}:1: the file was signed with another"
    )
    key.write_text("none", "ascii")
    assert_refused(callfloor("evidence", "verify", file, "--key", key), 2, "holds no Ed25519 public key")


def test_the_first_line_that_is_broken_is_named(run: Run, name: str, tmp_path: Path) -> None:
    file = tmp_path / "evidence.ndjson"
    export(run, name, file)
    content = file.read_bytes()
    lines = content.splitlines(keepends=True)
    for changed, line, said in (
        (content.replace(b'"campaignId":7', b'"campaignId":8'), 2, "record 1 was changed"),
        (content.replace(NUMBER.encode(), b"+61491570157"), 2, "personal field 'number' of record 1"),
        (b"".join([*lines[:2], *lines[3:]]), 3, "2026-06-01 has 2 records from 1 to 2, the file has 1 from 1 to 1"),
        (b"".join(lines[:-1]), len(lines), "the file ends before its last line"),
        (content[:-1], len(lines), "the line is not whole"),
        (b"\0" * 3_000_000, 1, "the line is not whole"),
        (b"", 1, "the file ends before its last line"),
    ):
        file.write_bytes(changed)
        assert_refused(callfloor("evidence", "verify", file), 1, f"{file}:{line}: {said}")


async def test_what_is_erased_is_counted_and_breaks_nothing(run: Run, db: Database, name: str, tmp_path: Path) -> None:
    file = tmp_path / "evidence.ndjson"
    row = await organisations.named(db, name)
    assert row is not None
    sql = "UPDATE evidence SET personal = '{}' WHERE organisation_id = $1 AND position IN (1, 2, 5)"
    await db.execute(sql, row["organisation_id"])
    export(run, name, file)
    assert ", 3 erased fields;" in verified(file)
    assert file.read_text("ascii").count(NUMBER) == 3


def test_some_days_are_exported_alone(run: Run, name: str, tmp_path: Path) -> None:
    file = tmp_path / "evidence.ndjson"
    export(run, name, file, "--from", "2026-06-02", "--to", "2026-06-02")
    assert "2 records from position 3 on, 1 signed days, 0 records" in verified(file)
    header = json.loads(file.read_bytes().splitlines()[0])["evidence"]
    assert (header["from"], header["to"]) == ("2026-06-02", "2026-06-02")


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (None, "2026-06-02", [1, 2]),
        (None, "2026-06-03", [1, 2, 3]),
        ("2026-06-03", None, [3]),
        ("2026-06-02", "2026-06-03", [2, 3]),
        ("2026-06-03", "2026-06-03", [3]),
        ("2026-06-04", "2026-06-30", []),
        ("2026-06-04", None, []),
        ("2026-05-01", "2026-05-31", []),
        (None, "2026-05-31", []),
        ("2026-06-01", "2026-06-01", [1]),
    ],
)
@pytest.mark.parametrize("signed", [0, 1, 2])
async def test_exactly_the_days_that_are_asked_for_are_exported_signed_or_not(
    db: Database, name: str, first: str | None, last: str | None, days: list[int], signed: int
) -> None:
    row = await organisations.named(db, name)
    assert row is not None
    await db.execute(
        "DELETE FROM evidence_days WHERE organisation_id = $1 AND day > $2",
        row["organisation_id"],
        T0.date() + timedelta(days=signed - 1),
    )
    writer = EvidenceFile(name, (await keys.current(db, row["organisation_id"], "signing")).secret)
    asked = [None if day is None else date.fromisoformat(day) for day in (first, last)]
    exported = evidence.lines(db, row["organisation_id"], writer, asked[0], asked[1], datetime.now(UTC))
    lines = [line async for line in exported]
    check(iter(lines), None)
    written = [json.loads(line) for line in lines]
    dialled = [each["record"]["dialledAt"][:10] for each in written if "record" in each]
    assert dialled == [f"2026-06-0{day}" for day in days for _ in range(2)]
    assert [each["day"]["day"] for each in written if "day" in each] == [
        f"2026-06-0{day}" for day in days if day <= signed
    ]


async def test_attempts_that_are_not_sealed_yet_are_mentioned(
    run: Run, db: Database, name: str, tmp_path: Path
) -> None:
    row = await organisations.named(db, name)
    assert row is not None
    await evidence.insert(db, row["organisation_id"], [record(secrets.randbits(62), {}, {}, {})], T0)
    assert "\n1 attempts are not sealed yet" in export(run, name, tmp_path / "evidence.ndjson")


def test_what_cannot_be_exported_is_refused_and_leaves_no_file(run: Run, name: str, tmp_path: Path) -> None:
    command = ("evidence", "export", tmp_path / "out", "--organisation", name)
    assert_refused(run(*command, "--from", "yesterday"), 2, "--from must be a day such as 2026-11-24")
    assert_refused(run(*command, "--to", "2026-13-01"), 2, "--to must be a day")
    assert_refused(run(*command, "--from", "2026-06-02", "--to", "2026-06-01"), 2, "--to is a day before --from")
    assert_refused(run(*command[:2], tmp_path / "no" / "out", "--organisation", name), 1, "No such file or directory")
    assert_refused(run(*command[:4], "nobody"), 2, "organisation nobody")
    assert list(tmp_path.iterdir()) == []


def test_an_export_takes_the_place_of_an_older_file_whole(run: Run, name: str, tmp_path: Path) -> None:
    file = tmp_path / "evidence.ndjson"
    file.write_text("old", "ascii")
    export(run, name, file)
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    verified(file)
