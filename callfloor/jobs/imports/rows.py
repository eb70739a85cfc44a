"""Bulk bodies as streams of rows: JSON, NDJSON, CSV and XLSX become one JSON value a row.

Whatever cannot be split into rows fails as a whole, before anything is accepted; what is wrong inside a row is left for
the import to report.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import BinaryIO, Literal

import msgspec

from callfloor.contract.imports import MOST_ROWS
from callfloor.rules.imports import import_text
from callfloor.rules.imports.import_cells import Table
from callfloor.rules.imports.import_text import Form, TextError

Fault = Literal["malformed", "invalid", "too-large"]

# A row of a body: JSON without line feeds (b"" for a row in which nothing stands), and its line in the file from 1 on;
# 0 where rows are no lines.
Row = tuple[bytes, int]
LONGEST_ROW = 1024 * 1024
DEEPEST = 32


class RecordsError(ValueError):
    """The body cannot be split into rows. `kind` says which problem it is, `parameter` which one was wrong, if any."""

    def __init__(self, kind: Fault, message: str, *, parameter: str | None = None) -> None:
        super().__init__(message)
        self.kind: Fault = kind
        self.parameter = parameter


class How(msgspec.Struct, frozen=True):
    """What a sender says of a body, and where it is sent."""

    form: Form
    # the organisation's, ISO 3166
    country: str
    charset: str | None = None
    separator: str | None = None
    map: dict[str, str] = {}
    sheet: str | None = None
    # whether the list of every row is named beside the body
    list_given: bool = True
    # an empty cell clears
    clears: bool = False
    # parameters that the sender gave, whether or not the body's form has any use for them
    given: tuple[str, ...] = ()


class Reading:
    """A body that is being read. `table`, `encoding` and `separator` are known from the start."""

    def __init__(
        self,
        rows: Generator[Row, None, None],
        *,
        form: Form,
        table: Table | None = None,
        encoding: str | None = None,
        separator: str | None = None,
    ) -> None:
        self._rows = rows
        self.form: Form = form
        self.table, self.encoding, self.separator = table, encoding, separator

    def rows(self) -> Generator[Row, None, None]:
        """Every row. Raises `RecordsError`, also when there is none, or more than are taken."""
        found = 0
        for count, row in enumerate(self._rows):
            if found == MOST_ROWS or count == 2 * MOST_ROWS:
                raise RecordsError("too-large", f"The body has more than {MOST_ROWS:,} leads; send it in parts.")
            found += bool(row[0])
            yield row
        if not found:
            raise RecordsError("invalid", "There are no leads in the body.")


def is_workbook(file: BinaryIO, how: How) -> bool:
    """Whether the body is one, whatever it was said to be. Raises `RecordsError`."""
    return form_of(file, how) == "xlsx"


def form_of(file: BinaryIO, how: How) -> Form:
    """What the body is, by what it was said to be and how it starts. Raises `RecordsError`."""
    file.seek(0)
    start = file.read(2000)
    file.seek(0)
    try:
        return import_text.form_of(how.form, start)
    except TextError as error:
        raise RecordsError("malformed", str(error)) from error


def read(file: BinaryIO, how: How) -> Reading:
    """Begin to read a body, from its start. Raises `RecordsError` for what its first lines show."""
    # each form's reader knows this module
    from callfloor.jobs.imports import json_rows, table_rows

    form = form_of(file, how)
    _refuse_parameters(form, how.given)
    if form == "json":
        return Reading(json_rows.array(file, how.charset), form=form)
    if form == "ndjson":
        return Reading(json_rows.lines(file, how.charset), form=form)
    return table_rows.workbook(file, how) if form == "xlsx" else table_rows.text(file, how)


# Which parameters say something of which form; what they say of another would not be done.
_OF_FORMS: dict[str, tuple[Form, ...]] = {
    "map": ("csv", "xlsx"),
    "delimiter": ("csv",),
    "encoding": ("csv", "json", "ndjson"),
    "sheet": ("xlsx",),
}
_CALLED: dict[Form, str] = {"json": "JSON", "ndjson": "NDJSON", "csv": "CSV", "xlsx": "an XLSX workbook"}


def _refuse_parameters(form: Form, given: Iterable[str]) -> None:
    for name in given:
        if name in _OF_FORMS and form not in _OF_FORMS[name]:
            of = " or ".join(_CALLED[each] for each in _OF_FORMS[name])
            words = f"{name}: says something of {of}, but the body is {_CALLED[form]}: leave it out."
            raise RecordsError("invalid", words, parameter=name)
