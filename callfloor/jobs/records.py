"""Bulk bodies as streams of records: JSON, NDJSON and CSV become one JSON value a row.

Whatever cannot be split into rows fails as a whole, before anything is accepted; what is wrong inside a row is
left for the import to report.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from itertools import islice
from typing import Any, BinaryIO, Literal

import ijson  # pyright: ignore[reportMissingTypeStubs]
import msgspec

from callfloor.contract.imports import MOST_ROWS
from callfloor.contract.leads import LeadCreate

Form = Literal["json", "csv", "ndjson"]
Fault = Literal["malformed", "invalid", "too-large"]

BUFFER = 256 * 1024
PART = 1024 * 1024
MOST_TRIES = 50
_HEAD = re.compile(rb'\s*\{\s*"leads"\s*:\s*\[')
_COMMA = re.compile(rb"\s*,")
_TAIL = re.compile(rb"\]\s*\}\s*\Z")
DEEPEST = 32
MOST_COLUMNS = 1_000
LONGEST_CELL = 128 * 1024
LONGEST_LINE = 1024 * 1024
# Columns that an error report adds to the rows that failed; they are passed over when the rows come again.
REPORT_COLUMNS = ("rowNumber", "reason")
_FIELDS = {field.encode_name for field in msgspec.structs.fields(LeadCreate)} - {"leadData"}
_INTEGERS = {"listId", "statusCode", "agentId"}
# the streaming parser gives fractions as decimals
_encode = msgspec.json.Encoder(decimal_format="number").encode


class RecordsError(ValueError):
    """The body cannot be split into rows. `kind` says which problem it is."""

    def __init__(self, kind: Fault, message: str) -> None:
        super().__init__(message)
        self.kind: Fault = kind


def read_records(file: BinaryIO, form: Form) -> Generator[bytes, None, Sequence[str] | None]:
    """One JSON value a row; returns the header of a CSV body. Raises `RecordsError`."""
    count = 0
    header: Sequence[str] | None = None
    if form == "csv":
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="strict", newline="")
        try:
            header, rows = _csv(text)
            for row in rows:
                count = _counted(count)
                yield row
        except UnicodeDecodeError as error:
            raise RecordsError("malformed", f"The file is not UTF-8 (near row {count}).") from error
        finally:
            text.detach()
    else:
        for row in _json(file) if form == "json" else _ndjson(file):
            count = _counted(count)
            yield row
    if count == 0:
        raise RecordsError("invalid", "There are no leads in the body.")
    return header


def _counted(count: int) -> int:
    if count == MOST_ROWS:
        raise RecordsError("too-large", f"The body has more than {MOST_ROWS:,} leads; send it in parts.")
    return count + 1


def _json(file: BinaryIO) -> Iterator[bytes]:
    """The elements of `leads` in `{"leads": […]}`."""
    parts = _json_by_parts(file)
    done = 0
    while True:
        try:
            row = next(parts)
        except StopIteration as end:
            complete: bool = end.value
            break
        yield row
        done += 1
    if not complete:
        # not plain enough to be cut into parts, or wrong: the streaming parser knows which
        file.seek(0)
        yield from islice(_json_by_events(file), done, None)


def _json_by_parts(file: BinaryIO) -> Generator[bytes, None, bool]:
    """Cut the array into parts that are whole elements, and decode each part at once: three times as fast.

    A part ends at a `}` before a comma, and is right only if everything up to there is a list of whole values: then
    that comma lies between two elements, because reading JSON from a known place has one outcome. Returns False when
    it stopped at something that it does not understand.
    """
    start = file.read(BUFFER)
    head = _HEAD.match(start)
    if head is None:
        return False
    buffer = start[head.end() :]
    while True:
        chunk = file.read(PART)
        buffer += chunk
        found, buffer = _part(buffer, last=not chunk)
        if found is None:
            return False
        for value in found:
            yield _encode(value)
        if not chunk:
            return True


def _part(buffer: bytes, *, last: bool) -> tuple[list[Any] | None, bytes]:
    """Whole elements from the start of the buffer, and the rest; None when they cannot be told."""
    if last:
        tail = _TAIL.search(buffer)
        return (None if tail is None else _values(buffer[: tail.start()])), b""
    end = len(buffer)
    for _ in range(MOST_TRIES):
        end = buffer.rfind(b"}", 0, end)
        if end < 0:
            break
        comma = _COMMA.match(buffer, end + 1)
        if comma is not None and (found := _values(buffer[: end + 1])) is not None:
            return found, buffer[comma.end() :]
    return None, buffer


def _values(elements: bytes) -> list[Any] | None:
    try:
        return msgspec.json.decode(b"[" + elements + b"]", type=list[Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _json_by_events(file: BinaryIO) -> Iterator[bytes]:
    """The same by a streaming parser, which says what is wrong."""
    found: deque[Any] = deque()
    shape = _shape()
    next(shape)
    events = ijson.basic_parse_coro(shape)
    items = ijson.items_coro(_Sink(found), "leads.item")
    try:
        while chunk := file.read(BUFFER):
            # first the shape, so that nothing deep or odd is ever built
            events.send(chunk)
            items.send(chunk)
            while found:
                yield _checked(found.popleft())
        events.close()
        items.close()
    except ijson.JSONError as error:
        raise RecordsError("malformed", "The body is not valid JSON in UTF-8.") from error
    except (OverflowError, UnicodeError, msgspec.EncodeError) as error:
        raise RecordsError("malformed", "The body holds a value that cannot be read.") from error
    while found:
        yield _checked(found.popleft())


def _checked(value: Any) -> bytes:
    """Encoded, and sure to be decoded again: the parser takes numbers that nobody can hold."""
    line = _encode(value)
    try:
        msgspec.json.decode(line)
    except msgspec.MsgspecError as error:
        raise RecordsError("malformed", "The body holds a number out of range.") from error
    return line


class _Sink:
    """Takes what the parser completes."""

    def __init__(self, found: deque[Any]) -> None:
        self.send = found.append

    def close(self) -> None: ...


def _shape() -> Generator[None, tuple[str, Any], None]:
    """Watches the parser's events: one object at the top, with the one key `leads`, an array, nothing too deep."""
    depth, seen = 0, False
    while True:
        event, value = yield
        if depth == 0 and event != "start_map":
            raise RecordsError("invalid", 'The body must be an object: {"leads": [...]}.')
        if depth == 1:
            if event == "map_key":
                if value != "leads" or seen:
                    what = "given twice" if value == "leads" else "not known; only leads is"
                    raise RecordsError("invalid", f"{str(value)[:100]}: is {what}.")
                seen = True
            elif event == "end_map":
                if not seen:
                    raise RecordsError("invalid", "leads: is required.")
            elif event != "start_array":
                raise RecordsError("invalid", "leads: must be an array of leads.")
        if event in ("start_map", "start_array"):
            depth += 1
            if depth > DEEPEST:
                raise RecordsError("malformed", "The JSON is nested too deeply.")
        elif event in ("end_map", "end_array"):
            depth -= 1


def _ndjson(file: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise RecordsError("malformed", f"Line {number} is longer than 1 MiB.")
        stripped = line.strip()
        if stripped:
            try:
                yield _encode(msgspec.json.decode(stripped))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise RecordsError("malformed", f"Line {number} is not valid JSON in UTF-8.") from error
        number += 1


def _csv(text: io.TextIOWrapper) -> tuple[list[str], Iterator[bytes]]:
    csv.field_size_limit(LONGEST_CELL)
    lines = csv.reader(_lines(text), strict=True)
    try:
        header = [name.strip() for name in next(lines, None) or ()]
    except csv.Error as error:
        raise RecordsError("malformed", f"The header cannot be read: {error}.") from error
    if not any(header):
        raise RecordsError("invalid", "The file has no header row with the names of the fields.")
    if len(header) > MOST_COLUMNS:
        raise RecordsError("invalid", f"The file has {len(header):,} columns; at most {MOST_COLUMNS:,} are taken.")
    if any("\x00" in name for name in header):
        raise RecordsError("malformed", "The header holds NUL characters: is this a text file in UTF-8?")
    if "" in header:
        raise RecordsError("invalid", f"Column {header.index('') + 1} has no name.")
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise RecordsError("invalid", f"The column {twice[:100]} stands twice in the header.")
    return header, _rows(header, lines)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Lines of bounded length, so that a file without line ends does not fill the memory."""
    while line := text.readline(4 * LONGEST_LINE):
        if len(line) >= 4 * LONGEST_LINE:
            raise RecordsError("malformed", "A line is longer than 4 MiB.")
        yield line


def _rows(header: list[str], lines: Iterator[list[str]]) -> Iterator[bytes]:
    kinds = ["skip" if name in REPORT_COLUMNS else "field" if name in _FIELDS else "data" for name in header]
    number = 0
    while True:
        try:
            cells = next(lines, None)
        except csv.Error as error:
            raise RecordsError("malformed", f"Row {number} cannot be read: {error}.") from error
        if cells is None:
            return
        if not cells:
            continue
        yield _row(header, kinds, cells)
        number += 1


def _row(header: list[str], kinds: list[str], cells: list[str]) -> bytes:
    if len(cells) != len(header):
        # not an object, so that the import reports it, with what there is
        shown = dict(zip(header, cells, strict=False))
        return _encode([f"has {len(cells)} cells where the header has {len(header)}", shown])
    lead: dict[str, Any] = {}
    data: dict[str, str] = {}
    for name, kind, cell in zip(header, kinds, cells, strict=True):
        if not cell:
            continue
        if kind == "field":
            lead[name] = int(cell) if name in _INTEGERS and cell.isascii() and cell.isdigit() else cell
        elif kind == "data":
            data[name] = cell
    if data:
        lead["leadData"] = data
    return _encode(lead)
