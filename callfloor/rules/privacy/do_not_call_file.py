"""A file of numbers that must not be called: CSV with a phone, and `reason` and `expires` where they are given. Names
of columns and separators are read as in an import of leads."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from callfloor.rules.imports.import_text import separator_line, separator_of
from callfloor.rules.imports.import_words import cleaned, phone_words
from callfloor.rules.values.names import unknown
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.rules.values.times import midnight, parse_timestamp

COLUMNS = ("phone", "reason", "expires")
LONGEST_REASON = 500


class EntryError(ValueError):
    """The message says what is wrong and what to write instead; it never has the number in it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """`number` in E.164. `expires_at` None: for good."""

    number: str
    reason: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Mistake:
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How an organisation writes: its country, its zone, and the countries of which it takes numbers outside the known
    ranges (`rules.phones`). `now`: expiries lie behind it."""

    country: str
    zone: ZoneInfo
    new_ranges: Collection[str]
    now: datetime


def entry(phone: str, reason: str, expires: str, reading: Reading) -> Entry:
    """One number as somebody wrote it; `reason` and `expires` may be empty. Raises `EntryError`."""
    try:
        number = normalise(phone, reading.country, reading.new_ranges)
    except PhoneError as error:
        raise EntryError(f"phone {error}") from error
    why = reason.strip()
    if len(why) > LONGEST_REASON:
        raise EntryError(f"reason has {len(why)} characters; at most {LONGEST_REASON} are taken")
    if any(not each.isprintable() for each in why):
        raise EntryError("reason has characters that cannot be shown")
    return Entry(number, why or None, _expires(expires.strip(), reading.zone, reading.now) if expires.strip() else None)


def _expires(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The end of a day in the organisation's zone, or a moment."""
    try:
        if len(text) == len("2027-01-31"):
            at = midnight(date.fromisoformat(text) + timedelta(days=1), zone)
        else:
            at = parse_timestamp(text, zone)
    except (ValueError, OverflowError) as error:
        raise EntryError("expires must be a day such as 2027-01-31, or a time such as 2027-01-31T17:00:00Z") from error
    if at <= now:
        raise EntryError("expires lies in the past: leave the number out, or give a later day")
    return at


def entries(lines: Iterable[str], reading: Reading) -> Iterator[Entry | Mistake]:
    """What the lines of a file say, one by one. Text that was no UTF-8 has surrogates in it (`surrogateescape`)."""
    given = iter(lines)
    first = next(given, "")
    named = separator_line(first)
    before = 0 if named is None else 1
    head = [] if before else [first]
    while not (head and head[-1].strip()) and (line := next(given, None)) is not None:
        head.append(line)
    separator = named or separator_of(head[-1:], COLUMNS)
    rows = csv.reader(chain(head, given), delimiter=separator, strict=True)
    places: dict[str, int] | None = None
    while True:
        try:
            row = next(rows)
        except StopIteration:
            if places is None:
                yield Mistake(1, "is empty: the first line names the columns, such as phone,reason,expires")
            return
        except csv.Error as error:
            yield Mistake(before + rows.line_num, f"is no CSV: {error}")
            return
        if not any(cell.strip() for cell in row):
            continue
        if places is None:
            places, wrong = _header(row)
            yield from (Mistake(before + rows.line_num, each) for each in wrong)
            if wrong:
                return
            continue
        yield _read(row, places, before + rows.line_num, reading)


def _named(cell: str) -> str:
    """The column that a name stands for, in any case; a word for phone is one, as in an import of leads."""
    name = cleaned(cell)
    if name.lower() in COLUMNS:
        return name.lower()
    return "phone" if name.isascii() and phone_words(name) is not None else name


def _header(row: list[str]) -> tuple[dict[str, int], list[str]]:
    """Where each column stands, and what is wrong with them."""
    names = [_named(cell) for cell in row]
    if "phone" not in names:
        # the names are not shown: where the first line is missing they are somebody's number
        return {}, ["names no column phone: the first line is to be phone,reason,expires, or phone alone"]
    wrong = [f"column {name} {unknown(name, COLUMNS)}" for name in names if name not in COLUMNS]
    if len(set(names)) < len(names):
        wrong.append("names a column twice")
    return {name: index for index, name in enumerate(names)}, wrong


def _read(row: list[str], places: dict[str, int], line: int, reading: Reading) -> Entry | Mistake:
    if len(row) > len(places):
        return Mistake(line, f"has {len(row)} cells; the first line names {len(places)} columns")
    cells = {name: row[index] if index < len(row) else "" for name, index in places.items()}
    if any("\ud800" <= each <= "\udfff" for cell in row for each in cell):
        return Mistake(line, "is not UTF-8: save the file with that encoding")
    try:
        return entry(cells["phone"], cells.get("reason", ""), cells.get("expires", ""), reading)
    except EntryError as error:
        return Mistake(line, str(error))
