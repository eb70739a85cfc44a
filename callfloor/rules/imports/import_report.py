"""The table of rows that were wrong, which can be mended and sent again. Pure; `import_cells` reads it.

A column holds plain text where that text is read as the very value again, else JSON, and its name ends in `:json`:
`true`, `1.5`, null and whatever else was sent come back as they were. What a spreadsheet would take for a formula has
an apostrophe in front (`spreadsheet_cells`), unless it is wanted as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import msgspec

from callfloor.rules.imports.import_cells import EXTRA, JSON, LINE, LONGEST_NAME, REPORT, ROW, UNKNOWN, plain
from callfloor.rules.imports.import_columns import OWN, ColumnsError, kind_of
from callfloor.rules.imports.import_words import FIELDS, cleaned
from callfloor.rules.values.spreadsheet_cells import looks_neutral, neutral

# Own fields that stand in a column of their own; further ones share `leadData:json`.
MOST_OWN: Final = 300
# Unknown fields that a row may have before it stands in `row:json` as a whole.
MOST_UNKNOWN: Final = 20

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Shape:
    """What the columns of a report must hold; `see` every row first, then `header`, then `cells` of each row."""

    # the table that the rows came from: each column's name and what it became (None: left out); None: they came as JSON
    columns: Sequence[tuple[str, str | None]] | None
    clears: bool
    # whether cells may begin as formulas do
    raw: bool = False
    # whether each column holds plain text alone
    _plain: dict[str, bool] = field(default_factory=dict[str, bool])
    _own: set[str] = field(default_factory=set[str])
    _extra: int = 0
    _order: list[str] = field(default_factory=list[str])

    # whether the rows came as JSON, perhaps by a report that was sent again
    _from_json: bool = False

    def __post_init__(self) -> None:
        names = {name for name, _ in self.columns or ()}
        report = set(REPORT) <= names
        self._from_json = self.columns is None or (report and LINE not in names)
        self.clears = self.clears and not self._from_json
        for _, target in self.columns or ():
            bare = (target or "").removesuffix(JSON) if report else target or ""
            if bare in FIELDS or (bare.startswith(OWN) and _is_name(bare[len(OWN) :])):
                self._at(bare, True)

    def see(self, source: object) -> None:
        """Take note of a row as it was sent."""
        lead, beside = _parted(source)
        self._extra = max(self._extra, len(beside))
        if lead is None or not _nameable(lead):
            self._at(ROW, False)
            return
        for name, value in lead.items():
            if name == "leadData":
                self._see_own(value)
            else:
                self._at(name if name in FIELDS else UNKNOWN + name, self._is_plain(name, value))

    def _see_own(self, data: object) -> None:
        if not isinstance(data, dict) or not data:
            self._at(OWN[:-1], False)
            return
        for name, value in cast("dict[str, Any]", data).items():
            if self._own_column(name):
                self._at(OWN + name, self._is_plain(OWN + name, value))
            else:
                self._at(OWN[:-1], False)

    def _own_column(self, name: str) -> bool:
        if OWN + name in self._plain:
            return True
        if len(self._own) >= MOST_OWN or not _is_name(name):
            return False
        self._own.add(name)
        return True

    def _is_plain(self, target: str, value: object) -> bool:
        if value is None and self.clears:
            return True
        text = _text_of(value)
        if text is not None and looks_neutral(text):
            return False
        return text is not None and plain(target, text) == value and type(plain(target, text)) is type(value)

    def _at(self, target: str, is_plain: bool) -> None:
        if target not in self._plain:
            self._order.append(target)
        self._plain[target] = self._plain.get(target, True) and is_plain

    def header(self) -> list[str]:
        """The columns, those that the report adds at the end; as they are to be written."""
        names = [self._name(target) for target in self._order]
        names += [f"{EXTRA}{number + 1}" for number in range(self._extra)]
        added = REPORT if self._from_json else (REPORT[0], LINE, *REPORT[1:])
        return [self._written(name) for name in (*names, *added)]

    def _written(self, text: str) -> str:
        # what could be taken for a text that was made neutral is one in any case
        return neutral(text) if not self.raw or looks_neutral(text) else text

    def _name(self, target: str) -> str:
        if target in (ROW, OWN[:-1]):
            return target + JSON
        shown = target
        if target.startswith(OWN) and _is_free(target[len(OWN) :]):
            shown = target[len(OWN) :]
        return shown if self._plain[target] else shown + JSON

    def cells(self, source: object) -> list[str]:
        """A row's cells, without those that the report adds."""
        lead, beside = _parted(source)
        if lead is None or not _nameable(lead):
            found = {ROW: source}
        else:
            found = {name if name in FIELDS else UNKNOWN + name: value for name, value in lead.items()}
            found |= self._own_cells(found.pop(UNKNOWN + "leadData", None), "leadData" in lead)
        row = [self._cell(target, found[target]) if target in found else "" for target in self._order]
        return [*map(self._written, (*row, *beside)), *([""] * (self._extra - len(beside)))]

    def added(self, row_no: int, line_no: int | None, reason: str, import_id: str) -> list[object]:
        """What the report adds to a row."""
        return [row_no, *([] if self._from_json else [line_no]), self._written(reason), import_id]

    def _own_cells(self, data: object, given: bool) -> dict[str, object]:
        if not given:
            return {}
        if not isinstance(data, dict) or not data:
            return {OWN[:-1]: data}
        members = cast("dict[str, Any]", data)
        found: dict[str, object] = {OWN + name: value for name, value in members.items() if OWN + name in self._plain}
        others = {name: value for name, value in members.items() if OWN + name not in self._plain}
        return found | ({OWN[:-1]: others} if others else {})

    def _cell(self, target: str, value: object) -> str:
        if self._plain[target]:
            return "" if value is None else _text_of(value) or ""
        return _encode(value).decode()


def _parted(source: object) -> tuple[dict[str, Any] | None, list[str]]:
    """The lead and the cells beside it; no lead: the row is something else."""
    if isinstance(source, list):
        parts = cast("list[Any]", source)
        if len(parts) in (2, 3) and isinstance(parts[0], str) and isinstance(parts[1], dict):
            beside = [str(cell) for cell in cast("list[Any]", parts[2])] if len(parts) == 3 else []
            return cast("dict[str, Any]", parts[1]), beside
    return (cast("dict[str, Any]", source), []) if isinstance(source, dict) else (None, [])


def _nameable(lead: dict[str, Any]) -> bool:
    """Whether every field can have a column: few, with names that come back as they are."""
    unknown = [name for name in lead if name not in FIELDS and name != "leadData"]
    return len(unknown) <= MOST_UNKNOWN and all(_is_name(name) for name in unknown)


def _is_name(name: str) -> bool:
    return (
        bool(name)
        and len(name) <= LONGEST_NAME
        and cleaned(name) == name
        and not name.endswith(JSON)
        and not looks_neutral(name)
    )


def _is_free(name: str) -> bool:
    """Whether a column of this name alone is taken for an own field."""
    if name in REPORT or name in (LINE, ROW) or name.startswith((OWN, UNKNOWN, EXTRA)):
        return False
    if "@" in name or sum(each.isdigit() for each in name) >= 8:
        # it may be taken for a row of data
        return False
    try:
        return kind_of(name) is None
    except ColumnsError:
        return False


def _text_of(value: object) -> str | None:
    """The text of a plain cell; None: none would be read as this value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and value and not value.isspace() and "\x00" not in value:
        return value
    return None
