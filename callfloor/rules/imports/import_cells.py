"""The cells of a table's row as a lead in JSON. Pure.

A table that has the columns of an error report (`import_report`) is read as one: what was refused comes back as it was
sent, and what nobody mended is refused again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, cast

import msgspec

from callfloor.rules.imports.import_columns import LEFT_OUT, NAMELESS, OWN, targets_of
from callfloor.rules.imports.import_words import FIELDS, cleaned
from callfloor.rules.values.spreadsheet_cells import meant

# Columns that a report adds; a table that has the first three is a report. `lineNumber` is there when the rows came
# from a table, whose rules (an empty row, a row of unknown columns alone) then hold for the report too.
REPORT: Final = ("rowNumber", "reason", "importId")
LINE: Final = "lineNumber"
JSON: Final = ":json"
UNKNOWN: Final = "unknown."
EXTRA: Final = "extra."
ROW: Final = "row"
LONGEST_NAME: Final = 200

_INTEGERS = frozenset({"listId", "statusCode", "agentId"})
_BOOLEANS = frozenset({"isCompleted", "doNotCall"})
# No more digits than an id has: nobody parses a number that fills a file.
_INTEGER = re.compile(r"([0-9]{1,18})(?:\.0{1,3})?", re.ASCII)
_TEXT_FORMULA = re.compile(r'="([^"]*)"')
_TRUTHS = {
    "true": True, "yes": True, "y": True, "t": True, "1": True, "x": True,
    "false": False, "no": False, "n": False, "f": False, "0": False,
}  # fmt: skip
# What stands in the cell of a phone that there is not.
_ABSENT = frozenset({
    "n/a", "na", "n.a.", "n.a", "#n/a", "n / a", "-", "--", "---", "–", "—", ".", "?", "none", "(none)", "null",
    "(null)", "<null>", "nil", "nan", "unknown", "not available", "not applicable", "not provided", "no phone",
})  # fmt: skip

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def is_absent(phone: str) -> bool:
    """Whether the text in the place of a phone says that there is none (`n/a`, `-`, `none`)."""
    return len(phone) <= 20 and phone.strip().lower() in _ABSENT


def plain(target: str, cell: str) -> Any:
    """The value of a cell of a column that becomes this field. What does not fit stays text, for the row's report."""
    if target.startswith(OWN):
        return cell
    text = cell.strip()
    if '"' in text and (formula := _TEXT_FORMULA.fullmatch(text)):
        # a spreadsheet's way to keep a number text
        text = cell = formula[1]
    if target in _INTEGERS:
        number = _INTEGER.fullmatch(text)
        return cell if number is None else int(number[1])
    if target in _BOOLEANS:
        return _TRUTHS.get(text.lower(), cell)
    return cell


class _Kind(Enum):
    TEXT = auto()
    TYPED = auto()
    OWN = auto()
    LEFT_OUT = auto()
    BESIDE = auto()
    JSON = auto()


# looked up once, not for every cell
_TEXT, _TYPED, _OWN, _LEFT_OUT, _BESIDE, _AS_JSON = _Kind


@dataclass(frozen=True, slots=True)
class Table:
    """How the rows of a table are read: where each column goes, and what an empty cell means."""

    names: list[str]
    targets: list[str]
    # an empty cell clears what the lead has
    clears: bool
    # an error report, whose columns may hold JSON
    report: bool = False
    # a report whose rows did not come from a table
    from_json: bool = False

    @property
    def columns(self) -> list[tuple[str, str | None]]:
        """What to show: the name of each column and what it becomes; None: it is left out."""
        return [
            (name[:LONGEST_NAME], None if target == LEFT_OUT else target)
            for name, target in zip(self.names, self.targets, strict=True)
            if target != NAMELESS
        ]

    def reader(self) -> Callable[[Sequence[str]], bytes]:
        """Reads a row's cells as JSON: a lead, `b""` when nothing stands in them, or a list of what is wrong with
        the row, the lead, and cells that belong to no column."""
        plan = [self._kind(target) for target in self.targets]
        if self.report:
            return lambda cells: _row_of(self, plan, [meant(cell) for cell in cells])
        return lambda cells: _row_of(self, plan, cells)

    def _kind(self, target: str) -> tuple[_Kind, str]:
        if target == LEFT_OUT:
            return _Kind.LEFT_OUT, target
        if target == NAMELESS or (self.report and target.startswith(EXTRA)):
            return _Kind.BESIDE, target
        if self.report and target.endswith(JSON):
            return _Kind.JSON, target.removesuffix(JSON)
        if target.startswith(OWN):
            return _Kind.OWN, target[len(OWN) :]
        name = target.removeprefix(UNKNOWN) if self.report else target
        return (_Kind.TYPED if target in _INTEGERS | _BOOLEANS else _Kind.TEXT), name


def table_of(header: Sequence[str], given: Mapping[str, str], country: str, *, clears: bool) -> Table:
    """Read a header. Raises `ColumnsError`."""
    names = [cleaned(name) for name in header]
    if set(REPORT) <= set(names):
        names = [meant(name) for name in names]
    while names and not names[-1]:
        names.pop()
    if not set(REPORT) <= set(names):
        return Table(names, targets_of(names, given, country), clears)
    # a name of a report that has a meaning of its own is told where it goes, and is not looked at further
    fixed = {name: target for name in names if (target := _of_report(name)) is not None}
    rest = [name for name in names if name not in fixed]
    # the map of the table that the report is of may name columns that are called otherwise here
    known = {name: target for name, target in given.items() if name in rest}
    settled = dict(zip(rest, targets_of(rest, known, country, any_row=True), strict=True)) | fixed
    from_json = LINE not in names
    return Table(names, [settled[name] for name in names], clears and not from_json, True, from_json)


def _of_report(name: str) -> str | None:
    if name in REPORT or name == LINE:
        return LEFT_OUT
    bare = name.removesuffix(JSON)
    if bare.startswith((UNKNOWN, EXTRA)):
        return name
    if bare == name:
        return None
    return name if bare in FIELDS or bare in (ROW, OWN[:-1]) or bare.startswith(OWN) else OWN + name


def _row_of(table: Table, plan: Sequence[tuple[_Kind, str]], cells: Sequence[str]) -> bytes:
    lead: dict[str, Any] = {}
    data: dict[str, Any] = {}
    beside = [cell for cell in cells[len(plan) :] if cell.strip()] if len(cells) > len(plan) else []
    empty = not beside
    for (kind, name), cell in zip(plan, cells, strict=False):
        if not cell or cell.isspace():
            # JSON has a null of its own: an empty cell of it says nothing
            if table.clears and (kind is _OWN or kind is _TEXT or kind is _TYPED):
                (data if kind is _OWN else lead)[name] = None
            continue
        empty = False
        if kind is _OWN:
            data[name] = cell
        elif kind is _TEXT:
            lead[name] = cell if cell[0] != "=" else plain(name, cell)
        elif kind is _TYPED:
            lead[name] = plain(name, cell)
        elif kind is _BESIDE:
            beside.append(cell)
        elif kind is _AS_JSON:
            if name == ROW:
                return _encode(_value_of(cell))
            _put(lead, data, name, _value_of(cell))
    if data:
        lead["leadData"] = data
    if beside:
        return _encode([f"has {_counted(len(beside))} more than the header has columns", lead, beside])
    if table.from_json:
        return _encode(lead)
    if empty:
        return b""
    if len(cells) < len(plan):
        return _encode([f"has {_counted(len(cells))} where the header has {len(plan)}", lead, []])
    if not any(lead.get(name) is not None for name in FIELDS):
        return _encode(["has no value in a column that is a field of a lead; is it a total?", lead, []])
    return _encode(lead)


def _counted(cells: int) -> str:
    return "1 cell" if cells == 1 else f"{cells:,} cells"


def _put(lead: dict[str, Any], data: dict[str, Any], name: str, value: Any) -> None:
    """A value that a report holds as JSON."""
    if name.startswith(OWN):
        data[name[len(OWN) :]] = value
    elif name == OWN[:-1] and isinstance(value, dict) and value:
        data.update(cast("dict[str, Any]", value))
    else:
        lead[name.removeprefix(UNKNOWN)] = value


def _value_of(cell: str) -> Any:
    """JSON, or the text that somebody wrote in its place."""
    try:
        return _decode(cell.encode())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return cell
