"""`callfloor dnc`: numbers that must not be called."""

from __future__ import annotations

import re
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO, TypeVar

import msgspec
from asyncpg import Record
from rich.console import Console
from rich.progress import Progress

from callfloor import regimes
from callfloor.centre import CentreError
from callfloor.cli import recorded, session
from callfloor.cli.failures import CommandError, harmless
from callfloor.rules.audit.entries import Entry as Recorded
from callfloor.rules.dialling.register_wash import NoRegister, register_name
from callfloor.rules.privacy.do_not_call_file import Entry, EntryError, Mistake, Reading, entries, entry
from callfloor.rules.values.phones import PhoneError, is_known, normalise
from callfloor.rules.values.times import TimestampError, format_timestamp, parse_timestamp, zone
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import do_not_call, registers
from callfloor.store.privacy.do_not_call import OWN_WISH, WHOLE_ORGANISATION, Doing

T = TypeVar("T")
BATCH = 5_000
MOST_MISTAKES = 100
BLOCKED = 3
# as `dnc list` shows a number
_SHOWN = re.compile(r"\+[0-9]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _List:
    """A do-not-call list: that of a campaign, or of the whole organisation."""

    organisation: int
    hash_key: bytes
    country: str
    zone: str
    new_ranges: frozenset[str]
    campaign_id: int
    name: str

    def reading(self, now: datetime) -> Reading:
        return Reading(self.country, zone(self.zone), self.new_ranges, now)


def _on(
    settings: Settings, organisation: str | None, campaign: str | None, work: Callable[[Database, _List], Awaitable[T]]
) -> T:
    async def found(db: Database) -> T:
        row = await session.organisation(db, organisation)
        return await work(db, await _list(db, row, campaign))

    return session.run(settings, found)


async def _list(db: Database, organisation: Record, campaign: str | None) -> _List:
    number, campaign_id = organisation["organisation_id"], WHOLE_ORGANISATION
    name = f"the list of {organisation['name']}"
    if campaign is not None:
        found = await do_not_call.list_of(db, number, campaign)
        if found is None:
            raise CommandError(f"--campaign {harmless(campaign)}: there is no campaign of that name")
        campaign_id, name = found, f"the list of {campaign}"
    key = await do_not_call.key(db, number)
    country, new_ranges = organisation["country"], frozenset(organisation["new_number_ranges"])
    return _List(number, key, country, organisation["timezone"], new_ranges, campaign_id, name)


async def _record(db: Database, of: _List, action: str, **details: object) -> None:
    # counts: numbers are customers'
    campaign = {"campaignId": of.campaign_id} if of.campaign_id else {}
    await recorded.record(db, of.organisation, Recorded(action, "do-not-call", (), None, campaign | details))


def add(
    settings: Settings,
    organisation: str | None,
    campaign: str | None,
    numbers: Sequence[str],
    reason: str | None,
    expires: str | None,
) -> None:
    """Block numbers. Raises `CommandError`; then none is blocked."""

    async def work(db: Database, of: _List) -> None:
        now = datetime.now(UTC)
        given: list[Entry] = []
        for place, number in enumerate(numbers, 1):
            try:
                given.append(entry(number, reason or "", expires or "", of.reading(now)))
            except EntryError as error:
                raise CommandError(f"number {place}: {error}") from error
        async with db.transaction():
            added = await do_not_call.add_many(db, of.organisation, of.hash_key, of.campaign_id, given, now)
            await _record(db, of, "do-not-call.add", added=added)
        print(harmless(f"{added} added to {of.name}, {len({each.number for each in given}) - added} were on it"))
        _warn(sum(not is_known(each) for each in {each.number for each in given}))

    _on(settings, organisation, campaign, work)


def remove(
    settings: Settings,
    organisation: str | None,
    campaign: str | None,
    numbers: Sequence[str],
    reason: str | None,
    register: str | None,
) -> None:
    """Let numbers be dialled again. Raises `CommandError`; then none is."""

    async def work(db: Database, of: _List) -> None:
        named = OWN_WISH if register is None else await _register(db, of, register)
        given = _normal(numbers, of, listed=True)
        now = datetime.now(UTC)
        why = (reason or "").strip() or "callfloor dnc remove"
        async with db.transaction():
            removed = await do_not_call.lift(
                db, of.organisation, of.hash_key, [of.campaign_id], given, now, reason=why, register=named
            )
            await _record(db, of, "do-not-call.lift", removed=len(removed))
        print(harmless(f"{len(removed)} removed from {of.name}, {len(set(given)) - len(removed)} were not on it"))
        for place, number in enumerate(given, 1):
            for row in await do_not_call.find(db, of.organisation, of.hash_key, of.campaign_id, number, now):
                print(harmless(f"number {place}: {_blocked(row, of)}"), file=sys.stderr)
        if leads := await do_not_call.leads_of_status(db, of.organisation, given):
            print(f"{leads} leads have the status Do Not Call and are not dialled either way", file=sys.stderr)

    _on(settings, organisation, campaign, work)


def check(settings: Settings, organisation: str | None, campaign: str | None, number: str) -> int:
    """Say whether a number may be dialled; returns the exit code. Raises `CommandError`."""

    async def work(db: Database, of: _List) -> int:
        (normal,) = _normal([number], of)
        now = datetime.now(UTC)
        rows = await do_not_call.find(db, of.organisation, of.hash_key, of.campaign_id, normal, now)
        for row in rows:
            print(harmless(_blocked(row, of)))
        if not rows:
            print("not blocked")
        _warn(int(not is_known(normal)))
        return BLOCKED if rows else 0

    return _on(settings, organisation, campaign, work)


def _blocked(row: Record, of: _List) -> str:
    where = "the whole organisation" if row["campaign_id"] == 0 else f"campaign {row['campaign']}"
    register = f" by register {row['register']}" if row["register"] else ""
    why = f": {row['reason']}" if row["reason"] else ""
    at = zone(of.zone)
    until = "" if row["expires_at"] is None else f", until {format_timestamp(row['expires_at'], at)}"
    return f"blocked for {where}{register}{why}, since {format_timestamp(row['created_at'], at)}{until}"


async def _register(db: Database, of: _List, text: str, *, new: bool = False, new_by: str = "") -> str:
    used = [row["name"] for row in await registers.every(db, of.organisation)]
    try:
        return register_name(text, regimes.registers(), used, new=new, new_by=new_by)
    except NoRegister as error:
        raise CommandError(f"--register {harmless(text)} {error}") from error


def _normal(numbers: Sequence[str], of: _List, *, listed: bool = False) -> list[str]:
    """`listed`: a number that cannot be one is taken when it is written just as a list shows it."""
    found: list[str] = []
    for place, number in enumerate(numbers, 1):
        try:
            found.append(normalise(number, of.country, of.new_ranges))
        except PhoneError as error:
            if not listed or _SHOWN.fullmatch(number) is None:
                raise CommandError(f"number {place}: phone {error}") from error
            found.append(number)
    return found


def _warn(unknown: int) -> None:
    """Say of how many numbers nobody knows whether they exist."""
    if unknown:
        what = "1 number is" if unknown == 1 else f"{unknown} numbers are"
        print(f"warning: {what} outside the ranges that are known of their countries", file=sys.stderr)


class Shown(msgspec.Struct, rename="camel"):
    """`phone_number` None: it was erased, and stays blocked. `campaign` None: the whole organisation's. `register`
    None: somebody's own wish."""

    phone_number: str | None
    campaign: str | None
    register: str | None
    source: str
    reason: str | None
    created: str
    expires: str | None


def show(settings: Settings, organisation: str | None, campaign: str | None, *, as_json: bool) -> None:
    """Print every entry, a line each."""

    async def work(db: Database, of: _List) -> None:
        only, at = None if campaign is None else of.campaign_id, zone(of.zone)
        async for row in do_not_call.every(db, of.organisation, only):
            expires = None if row["expires_at"] is None else format_timestamp(row["expires_at"], at)
            created = format_timestamp(row["created_at"], at)
            kept = row["register"] or None, row["source"], row["reason"], created, expires
            shown = Shown(row["phone_number"], row["campaign"], *kept)
            print(msgspec.json.encode(shown).decode() if as_json else harmless(_line(shown)))

    _on(settings, organisation, campaign, work)


def _line(shown: Shown) -> str:
    where = "everywhere" if shown.campaign is None else shown.campaign
    where += "" if shown.register is None else f" ({shown.register})"
    until = "" if shown.expires is None else f" until {shown.expires}"
    return f"{shown.phone_number or '(erased)'}  {where}  since {shown.created}{until}  {shown.reason or ''}".rstrip()


def import_file(
    settings: Settings,
    organisation: str | None,
    campaign: str | None,
    path: Path,
    *,
    skip_bad: bool,
    register: str | None = None,
    new_register: bool = False,
    washed: str | None = None,
) -> None:
    """Block the numbers of a file. Raises `CentreError` with the mistakes in it; then none is blocked. `register`: what
    a national register answered, at `washed`."""
    if register is None and (washed is not None or new_register):
        raise CommandError("--washed and --new-register are of a register: name it with --register")
    by = Doing("command-line" if register is None else "register")

    async def work(db: Database, of: _List) -> None:
        named = OWN_WISH
        if register is not None:
            named = await _register(db, of, register, new=new_register, new_by="--new-register")
        counts = {"added": 0, "there": 0, "unknown": 0}
        mistakes: list[str] = []
        wrong = 0
        now = datetime.now(UTC)
        answered = _washed(washed, of, now)
        async with db.transaction():
            batch: list[Entry] = []

            async def write() -> None:
                where = of.organisation, of.hash_key, of.campaign_id
                added = await do_not_call.add_many(db, *where, batch, now, register=named, by=by)
                counts["added"] += added
                counts["there"] += len(batch) - added
                counts["unknown"] += sum(not is_known(each.number) for each in batch)
                batch.clear()

            with _lines(path) as lines:
                for each in entries(lines, of.reading(now)):
                    if isinstance(each, Mistake):
                        wrong += 1
                        if len(mistakes) < MOST_MISTAKES:
                            mistakes.append(f"{path}:{each.line}: {each.message}")
                    elif not wrong or skip_bad:
                        batch.append(each)
                    if len(batch) == BATCH:
                        await write()
            if wrong and not skip_bad:
                more = [f"{path}: and {wrong - len(mistakes)} more"] if wrong > len(mistakes) else []
                raise CentreError([*mistakes, *more])
            await write()
            if named != OWN_WISH:
                await registers.washed(db, of.organisation, named, answered)
            await _record(db, of, "do-not-call.import", register=named or None, **counts)
        for line in mistakes:
            print(harmless(line), file=sys.stderr)
        skipped = f", {wrong} lines skipped" if wrong else ""
        print(harmless(f"{counts['added']} added to {of.name}, {counts['there']} were on it{skipped}"))
        _warn(counts["unknown"])

    _on(settings, organisation, campaign, work)


def _washed(text: str | None, of: _List, now: datetime) -> datetime:
    if text is None:
        return now
    try:
        at = parse_timestamp(text, zone(of.zone))
    except TimestampError as error:
        raise CommandError(f"--washed {error}, or a day such as 2027-01-31") from error
    if at > now:
        raise CommandError("--washed lies in the future: say when the register answered")
    return at


@contextmanager
def _lines(path: Path) -> Generator[Iterator[str]]:
    """The lines of a file, or of standard input for `-`, with a bar for whoever watches."""
    if str(path) == "-":
        sys.stdin.reconfigure(encoding="utf-8-sig", errors="surrogateescape", newline="")  # type: ignore[union-attr]
        yield iter(sys.stdin)
        return
    console = Console(stderr=True)
    try:
        with (
            path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file,
            Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
        ):
            task = progress.add_task("reading", total=path.stat().st_size)
            yield _watched(file, lambda read: progress.advance(task, read))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from error


def _watched(file: TextIO, read: Callable[[int], None]) -> Iterator[str]:
    for line in file:
        read(len(line))
        yield line
