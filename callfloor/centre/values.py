"""What each value of a centre file must be. A check reports what is wrong and then gives `WRONG`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, cast

from callfloor.centre.lines import Path
from callfloor.centre.source import Report
from callfloor.contract.centre import CallingHours
from callfloor.contract.codes import LEAD_STATUS_NAMES
from callfloor.rules.dialling.holidays import UnknownCalendarError, check_calendar
from callfloor.rules.dialling.hours import WEEKDAYS, HoursError, parse_hours
from callfloor.rules.privacy.identifiers import EmailError, normalise_email
from callfloor.rules.values.names import plain_name, unknown
from callfloor.rules.values.times import UnknownZone
from callfloor.rules.values.zone_names import given_zone

LONGEST_TEXT = 200
LONGEST_NAME = 64
LARGEST_INTEGER = 2**31 - 1


class Wrong(Enum):
    """What a check gives for a value that cannot be taken."""

    WRONG = "wrong"


WRONG: Final = Wrong.WRONG
Check = Callable[[Report, Path, Any], Any]


class Table(dict[str, Any]):
    """The keys that a table gives, checked (or WRONG), and the table's path."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def right(self, key: str) -> Any:
        """The value, or None when it is absent or wrong."""
        value = self.get(key)
        return None if value is WRONG else value


_KINDS = {
    "bool": "a boolean",
    "int": "an integer",
    "float": "a float",
    "str": "a string",
    "list": "an array",
    "dict": "a table",
}


def _kind(value: object) -> str:
    return _KINDS.get(type(value).__name__, "a date or time")


def _wrong(report: Report, path: Path, message: str) -> Wrong:
    report.wrong(path, message)
    return WRONG


def _string(report: Report, path: Path, value: object, most: int = LONGEST_TEXT) -> str | Wrong:
    if not isinstance(value, str):
        return _wrong(report, path, f"must be a string, not {_kind(value)}")
    if "\x00" in value:
        return _wrong(report, path, "has a NUL character")
    plain = plain_name(value)
    if len(plain) > most:
        return _wrong(report, path, f"has {len(plain)} characters; at most {most} are taken")
    return plain


def text(report: Report, path: Path, value: object) -> str | Wrong:
    """A name or the like: composed (NFC), without space around it, and with something to see in it."""
    found = _string(report, path, value)
    return _wrong(report, path, "is empty") if found == "" else found


def long_text(most: int) -> Check:
    """A text of at most so many characters."""

    def check(report: Report, path: Path, value: object) -> str | Wrong:
        found = _string(report, path, value, most)
        return _wrong(report, path, "is empty") if found == "" else found

    return check


def text_or_empty(report: Report, path: Path, value: object) -> str | Wrong:
    return _string(report, path, value)


def clearable(check: Check) -> Check:
    """An empty string clears the value: TOML has no null."""
    return lambda report, path, value: None if value == "" else check(report, path, value)


def flag(report: Report, path: Path, value: object) -> bool | Wrong:
    if isinstance(value, bool):
        return value
    return _wrong(report, path, f"must be true or false, not {_kind(value)}")


def whole(least: int, most: int = LARGEST_INTEGER) -> Check:
    def check(report: Report, path: Path, value: object) -> int | Wrong:
        if isinstance(value, bool) or not isinstance(value, int):
            return _wrong(report, path, f"must be an integer, not {_kind(value)}")
        if least <= value <= most:
            return value
        return _wrong(report, path, f"must be from {least} to {most}")

    return check


def number(least: float, most: float) -> Check:
    """A number, whole or not; the value is a float."""

    def check(report: Report, path: Path, value: object) -> float | Wrong:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return _wrong(report, path, f"must be a number, not {_kind(value)}")
        if least <= value <= most:
            return float(value)
        return _wrong(report, path, f"must be from {least:g} to {most:g}")

    return check


def or_word(word: str, check: Check) -> Check:
    """A word that stands for no value at all, besides what the check takes."""

    def checked(report: Report, path: Path, value: object) -> Any:
        if value == word:
            return None
        if isinstance(value, str):
            return _wrong(report, path, f'must be a number or "{word}"')
        return check(report, path, value)

    return checked


def calendar(report: Report, path: Path, value: object) -> str | Wrong:
    found = text(report, path, value)
    if found is WRONG:
        return WRONG
    try:
        check_calendar(found)
    except UnknownCalendarError as error:
        return _wrong(report, path, str(error))
    return found


def lead_status(report: Report, path: Path, value: object) -> int | Wrong:
    """The name of one of the contract's statuses, or the code of any."""
    if isinstance(value, str):
        codes = {name: code for code, name in LEAD_STATUS_NAMES.items()}
        return codes[value] if value in codes else _wrong(report, path, unknown(value, codes))
    return whole(0)(report, path, value)


def choice(*known: str) -> Check:
    def check(report: Report, path: Path, value: object) -> str | Wrong:
        found = text(report, path, value)
        if found is WRONG or found in known:
            return found
        return _wrong(report, path, f"{unknown(found, known)}")

    return check


def zone_name(report: Report, path: Path, value: object) -> str | Wrong:
    found = text(report, path, value)
    if found is WRONG:
        return WRONG
    try:
        return given_zone(found, report.country)
    except UnknownZone as error:
        return _wrong(report, path, str(error))


def country(report: Report, path: Path, value: object) -> str | Wrong:
    from phonenumbers import SUPPORTED_REGIONS

    found = text(report, path, value)
    if found is WRONG or found in SUPPORTED_REGIONS:
        return found
    hint = f"; did you mean {found.upper()}?" if found.upper() in SUPPORTED_REGIONS else ""
    return _wrong(report, path, f"must be an ISO 3166 country code of two letters, such as AU{hint}")


def countries(report: Report, path: Path, value: object) -> tuple[str, ...] | Wrong:
    found = texts(report, path, value)
    if found is WRONG:
        return WRONG
    checked = [country(report, (*path, index), each) for index, each in enumerate(found)]
    return WRONG if WRONG in checked else found


def email(report: Report, path: Path, value: object) -> str | Wrong:
    found = text(report, path, value)
    if found is WRONG:
        return WRONG
    try:
        normalise_email(found)
    except EmailError as error:
        return _wrong(report, path, str(error))
    return found.strip()


def recipients(report: Report, path: Path, value: object) -> tuple[str, ...] | Wrong:
    """Addresses, or domains with an @ in front, in small letters."""
    found = texts(report, path, value)
    if found is WRONG:
        return WRONG
    checked = [
        email(report, (*path, index), f"x{each}" if each[:1] == "@" else each) for index, each in enumerate(found)
    ]
    return WRONG if WRONG in checked else tuple(each.lower() for each in found)


def texts(report: Report, path: Path, value: object) -> tuple[str, ...] | Wrong:
    if not isinstance(value, list):
        return _wrong(report, path, f"must be an array of strings, not {_kind(value)}")
    found: dict[str | Wrong, None] = {}
    for index, each in enumerate(cast(list[object], value)):
        checked = text(report, (*path, index), each)
        if checked in found and checked is not WRONG:
            checked = _wrong(report, (*path, index), "stands here twice")
        found[checked] = None
    return WRONG if WRONG in found else cast(tuple[str, ...], tuple(found))


def wholes(least: int) -> Check:
    """Different integers from `least` on, in their order."""
    one = whole(least)

    def check(report: Report, path: Path, value: object) -> tuple[int, ...] | Wrong:
        if not isinstance(value, list):
            return _wrong(report, path, f"must be an array of integers, not {_kind(value)}")
        found: set[int | Wrong] = set()
        for index, each in enumerate(cast(list[object], value)):
            checked = one(report, (*path, index), each)
            if checked in found and checked is not WRONG:
                checked = _wrong(report, (*path, index), "stands here twice")
            found.add(checked)
        return WRONG if WRONG in found else tuple(sorted(cast(set[int], found)))

    return check


def calling_hours(report: Report, path: Path, value: object) -> CallingHours | Wrong:
    days = table(dict.fromkeys(WEEKDAYS, texts))(report, path, value)
    if days is WRONG:
        return WRONG
    found: dict[str, tuple[str, ...]] = {}
    for day in WEEKDAYS:
        if (windows := days.right(day)) is not None:
            found[day] = windows
            for index, window in enumerate(windows):
                try:
                    parse_hours({day: [window]})
                except HoursError as error:
                    report.wrong((*path, day, index), str(error).removeprefix(f"{day}: "))
    return found


def table(checks: Mapping[str, Check]) -> Check:
    def check(report: Report, path: Path, value: object) -> Table | Wrong:
        if not isinstance(value, dict):
            return _wrong(report, path, f"must be a table, not {_kind(value)}")
        found = Table(path)
        for key, each in cast(dict[str, object], value).items():
            if key in checks:
                found[key] = checks[key](report, (*path, key), each)
            else:
                report.wrong((*path, key), unknown(key, checks))
        return found

    return check


def mapping(check: Check) -> Check:
    """A table whose keys are names that the file chooses."""

    def checked(report: Report, path: Path, value: object) -> dict[str, Any] | Wrong:
        if not isinstance(value, dict):
            return _wrong(report, path, f"must be a table, not {_kind(value)}")
        found: dict[str, Any] = {}
        for key, each in cast(dict[str, object], value).items():
            name = plain_name(key)
            if not name or len(name) > LONGEST_NAME or "\x00" in name:
                found[key] = _wrong(report, (*path, key), f"must be a name of 1 to {LONGEST_NAME} characters")
            elif name in found:
                found[name] = _wrong(report, (*path, key), "stands here twice")
            else:
                found[name] = check(report, (*path, key), each)
        return WRONG if WRONG in found.values() else found

    return checked


def tables(checks: Mapping[str, Check], identity: str) -> Check:
    """An array of tables that `identity` tells apart; the value is a list of those whose identity is right."""
    one = table(checks)

    def check(report: Report, path: Path, value: object) -> list[Table] | Wrong:
        if not isinstance(value, list):
            return _wrong(report, path, f"must be an array of tables ([[…]]), not {_kind(value)}")
        found: dict[Any, Table] = {}
        for index, each in enumerate(cast(list[object], value)):
            entry = one(report, (*path, index), each)
            if entry is WRONG:
                continue
            if identity not in entry:
                report.wrong((*path, index), f"has no {identity}")
            elif entry[identity] in found:
                report.wrong((*path, index, identity), "stands here twice")
            elif entry[identity] is not WRONG:
                found[entry[identity]] = entry
        return list(found.values())

    return check
