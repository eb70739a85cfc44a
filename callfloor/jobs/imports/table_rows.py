"""Tables (CSV, XLSX) as streams of rows: what they are, their header, their cells."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Generator, Iterable, Iterator
from typing import Any, BinaryIO

from callfloor.jobs.imports.rows import How, Reading, RecordsError, Row
from callfloor.rules.imports import import_text
from callfloor.rules.imports.import_cells import Table, table_of
from callfloor.rules.imports.import_columns import NAMELESS, ColumnsError
from callfloor.rules.imports.import_text import Form, TextError

START = 64 * 1024
PART = 1024 * 1024
LONGEST_CELL = 128 * 1024
LONGEST_LINE = 4 * 1024 * 1024
# Lines of text in an unknown encoding that are looked at.
MOST_GUESSED = 200
LONGEST_GUESSED = 4 * 1024

# The line of the file in which a row ends, and its cells.
Cells = tuple[int, list[str]]


def workbook(file: BinaryIO, how: How) -> Reading:
    """A workbook's first sheet, or the one that `how` names."""
    # slow to import, and few bodies need it
    from callfloor.jobs.imports.workbook import sheet_rows

    return _reading(sheet_rows(file, how.sheet), how, form="xlsx", encoding=None, separator=None)


def text(file: BinaryIO, how: How) -> Reading:
    """CSV, whatever its encoding and separator."""
    codec = _codec(file, how)
    file.seek(0)
    lines = _lines(io.TextIOWrapper(io.BufferedReader(_Kept(file), PART), encoding=codec, errors="strict", newline=""))
    try:
        head: list[str] = []
        size = 0
        for line in lines:
            head.append(line)
            size += len(line)
            if len(head) > import_text.SAMPLE_ROWS or size > START:
                break
    except UnicodeError as error:
        raise RecordsError("malformed", f"The file is not in the encoding {codec}.") from error
    named = import_text.separator_line(head[0]) if head else None
    before = 0 if named is None else 1
    try:
        separator = import_text.separator_named(how.separator) if how.separator else named
    except TextError as error:
        raise RecordsError("invalid", f"delimiter: {error}.", parameter="delimiter") from error
    if separator is None:
        separator = import_text.separator_of(head, how.map)
    csv.field_size_limit(LONGEST_CELL)
    rows = csv.reader(_chained(head[before:], lines), delimiter=separator, strict=True)
    return _reading(_cells(rows, before, codec), how, form="csv", encoding=codec, separator=separator)


class _Kept(io.RawIOBase):
    """The file without its end: whoever reads text through it leaves it open."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _codec(file: BinaryIO, how: How) -> str:
    start = file.read(START)
    try:
        codec = import_text.declared_codec(start, how.charset)
        if codec is None:
            file.seek(0)
            wrong = _lines_beyond_utf8(file)
            codec = "utf-8-sig" if wrong is None else import_text.guessed_codec(wrong, how.country)
    except TextError as error:
        raise RecordsError("malformed", str(error)) from error
    return codec


def _lines_beyond_utf8(file: BinaryIO) -> list[bytes] | None:
    """Some lines that hold more than ASCII, of a file that is not UTF-8; None when it is."""
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    try:
        while part := file.read(PART):
            decoder.decode(part)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        file.seek(0)
        found: list[bytes] = []
        while len(found) < MOST_GUESSED and (line := file.readline(LONGEST_GUESSED)):
            if not line.isascii():
                found.append(line)
        return found
    return None


def _lines(stream: io.TextIOWrapper) -> Iterator[str]:
    """Lines of bounded length, so that a file without line ends does not fill the memory."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) >= LONGEST_LINE:
            raise RecordsError("malformed", "A line is longer than 4 MiB.")
        yield line


def _chained(head: Iterable[str], lines: Iterator[str]) -> Iterator[str]:
    yield from head
    yield from lines


def _cells(rows: Iterator[list[str]], before: int, codec: str) -> Generator[Cells, None, None]:
    """Rows with the line in which each begins. An empty line is no row."""
    line = before + 1
    reader: Any = rows
    while True:
        try:
            cells = next(rows, None)
        except csv.Error as error:
            what = "a quote is not closed, or a cell has over 128 KiB" if "limit" in str(error) else str(error)
            what = "a quote is not closed" if "end of data" in what else what
            raise RecordsError("malformed", f"Line {line} cannot be read: {what}.") from error
        except UnicodeError as error:
            raise RecordsError("malformed", f"The file is not in the encoding {codec} near line {line}.") from error
        if cells is None:
            return
        if cells:
            yield line, cells
        line = before + reader.line_num + 1


def _reading(
    rows: Generator[Cells, None, None], how: How, *, form: Form, encoding: str | None, separator: str | None
) -> Reading:
    header: list[str] = []
    for _, cells in rows:
        if any(cell.strip() for cell in cells):
            header = cells
            break
    if not header:
        raise RecordsError("invalid", "The file has no header row with the names of the fields.")
    if any("\x00" in name for name in header):
        raise RecordsError("malformed", "The header holds NUL characters: is this a text file?")
    try:
        table = table_of(header, how.map, how.country, clears=how.clears)
    except ColumnsError as error:
        words = f"{error.parameter}: {error}" if error.parameter else str(error)
        words = words if words.endswith((".", "?")) else f"{words}."
        raise RecordsError("invalid", words, parameter=error.parameter) from error
    if not how.list_given and "listId" not in table.targets:
        words = "There is no list: name it as ?listId=, or in a column listId."
        raise RecordsError("invalid", words, parameter="listId")
    return Reading(_rows(rows, table, header), form=form, table=table, encoding=encoding, separator=separator)


def _rows(rows: Generator[Cells, None, None], table: Table, header: list[str]) -> Generator[Row, None, None]:
    read = table.reader()
    first = next(rows, None)
    if first is None:
        return
    _refuse_nameless(first[1], table, len(header))
    yield read(first[1]), first[0]
    for line, cells in rows:
        yield read(cells), line


def _refuse_nameless(cells: list[str], table: Table, width: int) -> None:
    """A column that has values from the first row on, but no name, was meant to have one."""
    for at, cell in enumerate(cells[:width]):
        if cell.strip() and (at >= len(table.targets) or table.targets[at] == NAMELESS):
            raise RecordsError("invalid", f"Column {at + 1} has values, but no name in the header.")
