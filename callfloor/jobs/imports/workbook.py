"""XLSX workbooks, row by row, within limits that are looked at before anything is unpacked.

A cell is text as it would stand in CSV: what Excel keeps as a number, a date, a truth is written so that it can be read
again. Runs in a process of its own: the parsers hold it up.
"""

from __future__ import annotations

import struct
import warnings
import zipfile
import zlib
from collections.abc import Generator, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from math import isfinite
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from callfloor.jobs.imports.rows import RecordsError
from callfloor.rules.imports.import_columns import MOST_COLUMNS
from callfloor.rules.imports.import_text import TextError, refuse_archive
from callfloor.rules.values.names import nearest

# Of the parts of a workbook, unpacked (bytes).
LARGEST_TEXTS = 128 * 1024 * 1024
LARGEST_SHEET = 2 * 1024**3
LARGEST_PART = 16 * 1024 * 1024
MOST_PARTS = 2_000
MOST_SHEET_ROWS = 1_048_576
# A part that shrinks more than this was made to.
LARGEST_RATIO = 400
FREE_RATIO_BYTES = 4 * 1024 * 1024
_SHARED = "sharedstrings.xml"
# Excel keeps fifteen digits of a number; what is longer was changed by it already.
_EXACT = 10**15
# What the libraries raise on a file that is damaged, or made to be.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, ParseError, InvalidFileException, LookupError, ValueError, TypeError,
    AttributeError, ArithmeticError, EOFError, OSError, RuntimeError, NotImplementedError, AssertionError,
)  # fmt: skip


def sheet_rows(file: BinaryIO, name: str | None) -> Generator[tuple[int, list[str]], None, None]:
    """The rows of the named sheet, else of the first that is visible, with their numbers. Raises `RecordsError`."""
    with warnings.catch_warnings():
        # of formats and extensions that nobody asked for
        warnings.simplefilter("ignore")
        try:
            _refuse_bombs(file)
            book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
            sheet = _sheet(book, name)
            sheet.reset_dimensions()
            yield from _filled(sheet.iter_rows(values_only=True))
        except _DAMAGED as error:
            if isinstance(error, RecordsError):
                raise
            raise RecordsError(
                "malformed", "The workbook is damaged, or has a password, and cannot be read."
            ) from error


def _filled(rows: Iterator[Iterable[Any]]) -> Generator[tuple[int, list[str]], None, None]:
    """Rows of at least the first one's width, without the empty ones at the end of the sheet."""
    width = 0
    empty: list[int] = []
    for number, row in enumerate(rows, 1):
        if number > MOST_SHEET_ROWS:
            raise RecordsError("malformed", f"The sheet has a row beyond {MOST_SHEET_ROWS:,}.")
        try:
            cells = [_text(value) for value in row]
        except OverflowError as error:
            words = f"Row {number} of the sheet holds a number that is out of range."
            raise RecordsError("malformed", words) from error
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            empty.append(number)
            continue
        if len(cells) > MOST_COLUMNS:
            raise RecordsError("invalid", f"Row {number} of the sheet has over {MOST_COLUMNS:,} columns.")
        if width:
            yield from ((each, [""] * width) for each in empty)
        empty = []
        width = width or len(cells)
        yield number, cells + [""] * (width - len(cells))


def _text(value: Any) -> str:
    """A cell as it would stand in CSV. Raises `OverflowError` for what no spreadsheet can hold."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not isfinite(value):
            raise OverflowError
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime):
        # a day without a time is kept as its midnight
        whole = value.replace(microsecond=0) + timedelta(seconds=value.microsecond >= 500_000)
        return whole.date().isoformat() if whole.time() == time() else whole.isoformat()
    if isinstance(value, timedelta):
        # hours may be more than a day has, as a sheet shows them
        seconds = round(abs(value).total_seconds())
        sign = "-" if value < timedelta(0) else ""
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def _sheet(book: Any, name: str | None) -> Any:
    sheets: list[Any] = list(book.worksheets)
    if name is not None:
        found = [sheet for sheet in sheets if sheet.title.strip().casefold() == name.strip().casefold()]
        if not found:
            near = nearest(name, [sheet.title for sheet in sheets])
            words = f"did you mean {near}?" if near else f"it has {', '.join(s.title[:40] for s in sheets[:10])}"
            raise RecordsError("invalid", f"sheet: the workbook has no sheet {name[:40]}; {words}.", parameter="sheet")
        return found[0]
    visible = [sheet for sheet in sheets if sheet.sheet_state == "visible"] or sheets
    if not visible:
        raise RecordsError("invalid", "The workbook has no sheet with rows.")
    return visible[0]


def _refuse_bombs(file: BinaryIO) -> None:
    """Sizes as the archive declares them; what unpacks to more than that is damaged to whoever unpacks it."""
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    try:
        refuse_archive([part.filename for part in parts])
    except TextError as error:
        raise RecordsError("malformed", str(error)) from error
    texts = sum(part.file_size for part in parts if part.filename.lower().endswith(_SHARED))
    total = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or texts > LARGEST_TEXTS or total > LARGEST_SHEET:
        raise RecordsError("too-large", "The workbook is too large to be unpacked: send it as CSV, or in parts.")
    for part in parts:
        known = part.filename.lower().endswith(_SHARED) or "worksheets/sheet" in part.filename.lower()
        if part.file_size > FREE_RATIO_BYTES and part.file_size > LARGEST_RATIO * part.compress_size:
            raise RecordsError("too-large", "The workbook unpacks to far more than it holds: send it as CSV.")
        if not known and part.file_size > LARGEST_PART and part.filename.lower().endswith((".xml", ".rels")):
            raise RecordsError("too-large", "A part of the workbook beside its rows is too large: send it as CSV.")
