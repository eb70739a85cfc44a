"""`callfloor evidence`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from callfloor.cli import session
from callfloor.cli.failures import FAILURE, UNKNOWN, CommandError, harmless
from callfloor.cli.files import shown, tell, written
from callfloor.rules.evidence.evidence import Day
from callfloor.rules.evidence.evidence_file import EvidenceError, EvidenceFile, check, head_line, read_key
from callfloor.rules.evidence.evidence_file import heads as read_heads
from callfloor.settings import Settings
from callfloor.store.calls import evidence
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys

# longer than any line that is written; a file without line feeds is not read whole
LONGEST_LINE = 1024 * 1024
LONGEST_KEY = 64 * 1024


def parse_day(text: str | None, option: str) -> date | None:
    """A day such as 2026-11-24. Raises `CommandError`."""
    try:
        day = None if text is None else date.fromisoformat(text)
        # the day after it must be one too
        _ = None if day is None else day + timedelta(days=1)
        return day
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{option} must be a day such as 2026-11-24") from error


def export(settings: Settings, organisation: str | None, first: str | None, last: str | None, path: Path) -> None:
    """Write the evidence of some days to a file, for `verify`. Raises `CommandError`."""
    from_day, to_day = parse_day(first, "--from"), parse_day(last, "--to")
    if from_day is not None and to_day is not None and to_day < from_day:
        raise CommandError("--to is a day before --from")

    async def work(db: Database) -> tuple[int, int, int]:
        row = await session.organisation(db, organisation)
        number = row["organisation_id"]
        key, (_, *older) = await keys.current(db, number, "signing"), await keys.public(db, number)
        writer = EvidenceFile(row["name"], key.secret, older)
        with written(path) as file:
            async for line in evidence.lines(db, number, writer, from_day, to_day, datetime.now(UTC)):
                file.write(line)
        return writer.records, writer.days, await evidence.count_unsealed(db, number, from_day, to_day)

    records, days, unsealed = session.run(settings, work)
    tell(path, f"{records} records and {days} signed days written to {shown(path)}")
    if unsealed:
        days = "" if from_day is None and to_day is None else " of these days"
        tell(path, f"{unsealed} attempts{days} are not sealed yet and stand in no file: a server with jobs seals them")


def heads(settings: Settings, organisation: str | None, first: str | None, last: str | None, path: Path) -> None:
    """Write the heads of signed days to a file that can be given to anybody. Raises `CommandError`."""
    from_day, to_day = parse_day(first, "--from"), parse_day(last, "--to")

    async def work(db: Database) -> int:
        row = await session.organisation(db, organisation)
        days = await evidence.days(db, row["organisation_id"], from_day, to_day)
        with written(path) as file:
            file.writelines(head_line(day, signature) for day, signature in days)
        return len(days)

    many = session.run(settings, work)
    tell(path, f"the heads of {many} signed days written to {shown(path)}; they hold no personal data")


def verify(path: Path, key: Path | None, given: Path | None) -> None:
    """Say whether a file of evidence is what was written, by a key or one of several, and has the days whose heads were
    given away. Needs no database. Raises `CommandError`, also for one that is whole when nobody says whose it is."""
    expected = None if key is None else _keys(key)
    with _faults(given or path):
        known = {} if given is None else _heads(given, expected)
    with path.open("rb") as file, _faults(path):
        checked = check(iter(lambda: file.readline(LONGEST_LINE), b""), expected, known)
    if expected is None:
        print(harmless(f"whole, but not known whose: {checked}"))
        raise CommandError("say whose it is to be: --key FILE, of callfloor certificate key --all", UNKNOWN)
    print(harmless(f"valid: {checked}"))


def _heads(path: Path, expected: list[bytes] | None) -> dict[date, Day]:
    with path.open("rb") as file:
        return read_heads(iter(lambda: file.readline(LONGEST_LINE), b""), expected)


@contextmanager
def _faults(path: Path) -> Generator[None]:
    try:
        yield
    except EvidenceError as error:
        raise CommandError(f"{path}:{error.line}: {error.reason}", FAILURE) from error


def _keys(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        content = file.read(LONGEST_KEY)
    try:
        return [read_key(each) for each in content.decode("ascii").split()]
    except ValueError as error:
        raise CommandError(f"{path} holds no Ed25519 public key in base64") from error
