"""JSON and NDJSON bodies, row by row, in bounded memory, with where they are wrong.

Nothing but msgspec parses, and only one row or one part of bounded size at a time; it bounds numbers and nesting.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO, cast

import msgspec

from callfloor.jobs.imports.rows import DEEPEST, LONGEST_ROW, RecordsError, Row
from callfloor.rules.imports.import_text import TextError, declared_codec
from callfloor.rules.values.json_faults import sentence, unfit

PART = 1024 * 1024
# Ends of a part that are tried before its rows are cut one by one.
MOST_TRIES = 12
_COMMA = re.compile(rb"\s*,")
# A string, or a character that opens, closes or separates; a quote alone begins a string that goes on behind the part.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|["\[\]{},]', re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_AT = re.compile(r" \(byte (\d+)\)$")
_SPACES = b" \t\r\n"
_SPACE = re.compile(rb"[ \t\r\n]+")
_any = msgspec.json.Decoder(list[Any])
_raw = msgspec.json.Decoder(list[msgspec.Raw])
_one = msgspec.json.Decoder()

_NESTED = frozenset({dict, list})
_NOT_JSON = "is not valid JSON in UTF-8"


def lines(file: BinaryIO, charset: str | None = None) -> Generator[Row, None, None]:
    """NDJSON: a row a line; empty lines are none."""
    source = _in_utf8(file, charset)
    number, rows = 0, 0
    while line := source.line():
        number += 1
        where = f"Row {rows} (line {number})"
        if len(line) > LONGEST_ROW:
            raise RecordsError("malformed", f"{where} is longer than 1 MiB.")
        value = line.strip()
        if value:
            _check_one(value, where, None)
            rows += 1
            yield value, number


def array(file: BinaryIO, charset: str | None = None) -> Generator[Row, None, None]:
    """The elements of `leads` in `{"leads": […]}`."""
    for element in _Array(_in_utf8(file, charset)).rows():
        # a line feed in JSON stands between values, never inside a text
        yield element.replace(b"\n", b" "), 0


class _Source:
    """The body in UTF-8 without a mark, in parts; `offset` counts bytes of the body before what was not read yet."""

    def __init__(self, file: BinaryIO, skipped: int) -> None:
        self._file = file
        self.offset = skipped
        file.seek(skipped)

    def part(self) -> bytes:
        return self._file.read(PART)

    def line(self) -> bytes:
        return self._file.readline(LONGEST_ROW + 1)


class _Recoded(_Source):
    """The body in another encoding."""

    def __init__(self, file: BinaryIO, codec: str) -> None:
        super().__init__(file, 0)
        self._decoder = codecs.getincrementaldecoder(codec)("strict")
        self._left = b""

    def part(self) -> bytes:
        while read := self._file.read(PART):
            if found := self._text(read, final=False):
                return found
        return self._text(b"", final=True)

    def _text(self, read: bytes, *, final: bool) -> bytes:
        try:
            return self._decoder.decode(read, final).encode()
        except UnicodeError as error:
            raise RecordsError("malformed", "The body is not in the encoding that it is said to have.") from error

    def line(self) -> bytes:
        while b"\n" not in self._left and len(self._left) <= LONGEST_ROW and (more := self.part()):
            self._left += more
        end = self._left.find(b"\n") + 1 or len(self._left)
        found, self._left = self._left[:end], self._left[end:]
        return found


def _in_utf8(file: BinaryIO, charset: str | None) -> _Source:
    file.seek(0)
    start = file.read(2000)
    try:
        codec = declared_codec(start, charset)
    except TextError as error:
        raise RecordsError("malformed", str(error) if charset else f"The body {_NOT_JSON}.") from error
    if codec is None or codec == "utf-8-sig":
        return _Source(file, len(codecs.BOM_UTF8) if start.startswith(codecs.BOM_UTF8) else 0)
    return _Recoded(file, codec)


class _Array:
    """Cuts the array into rows.

    Mostly by parts, three times as fast: a part ends at a `}` before a comma, and is right only if everything up to
    there is a list of whole values: then that comma lies between two elements, because reading JSON from a known place
    has one outcome. What cannot be cut so is cut row by row, which finds where it is wrong.
    """

    def __init__(self, source: _Source) -> None:
        self._source = source
        self._buffer = b""
        # where reading goes on in the buffer, and where the buffer's first byte stands in the body
        self._at: int = 0
        self._base: int = source.offset
        self._all = False
        self._row = 0

    def rows(self) -> Iterator[bytes]:
        """Every element, whole. Raises `RecordsError`."""
        self._open()
        while True:
            while len(self._buffer) - self._at < PART and self._more():
                pass
            found = self._cut()
            if found is not None:
                yield from self._numbered(found)
                if self._all and self._at == len(self._buffer):
                    return
            elif (yield from self._one_by_one()):
                self._close()
                return

    def _numbered(self, found: list[bytes]) -> Iterator[bytes]:
        for element in found:
            if len(element) > LONGEST_ROW:
                raise self._too_long()
            self._row += 1
            yield element

    def _more(self) -> bool:
        more = b"" if self._all else self._source.part()
        self._all = not more
        self._base += self._at
        self._buffer, self._at = self._buffer[self._at :] + more, 0
        return bool(more)

    # by parts

    def _cut(self) -> list[bytes] | None:
        """Whole elements from here on, and reading goes on behind them; None when they cannot be told."""
        if self._all:
            rest = self._buffer[self._at :].rstrip(_SPACES)
            inside = rest[:-1].rstrip(_SPACES)
            if rest[-1:] != b"}" or inside[-1:] != b"]" or not (found := self._elements(inside[:-1])):
                return None
            self._at = len(self._buffer)
            return found
        end = len(self._buffer)
        for _ in range(MOST_TRIES):
            end = self._buffer.rfind(b"}", self._at, end)
            if end < 0:
                return None
            comma = _COMMA.match(self._buffer, end + 1)
            if comma is not None and (found := self._elements(self._buffer[self._at : end + 1])) is not None:
                self._at = comma.end()
                return found
        return None

    def _elements(self, elements: bytes) -> list[bytes] | None:
        text = b"[" + elements + b"]"
        try:
            values = _any.decode(text)
            if any(map(_is_deep, values)):
                return None
            return [bytes(each) for each in _raw.decode(text)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    # one by one

    def _one_by_one(self) -> Generator[bytes, None, bool]:
        """Elements of the buffer as long as they are whole; True at the end of the array."""
        while True:
            self._skip_spaces()
            if self._row == 0 and self._next() == b"]":
                self._at += 1
                return True
            end = self._end()
            closes = self._buffer[end : end + 1] == b"]"
            element = self._buffer[self._at : end].rstrip(_SPACES)
            if not element:
                raise self._wrong("a lead is missing here")
            if len(element) > LONGEST_ROW:
                raise self._too_long()
            _check_one(element, f"Row {self._row}", self._base + self._at)
            self._at = end + 1
            self._row += 1
            yield element
            if closes:
                return True
            if len(self._buffer) - self._at < PART // 2 and not self._all:
                return False

    def _end(self) -> int:
        """Where the element that stands here ends in the buffer: at a comma, or the end of the array."""
        while True:
            depth, within = 0, False
            for token in _TOKEN.finditer(self._buffer, self._at):
                mark = token[0]
                if mark == b'"':
                    within = True
                    break
                if mark in (b"[", b"{"):
                    depth += 1
                elif depth == 0 and mark in (b",", b"]"):
                    return token.start()
                elif mark in (b"]", b"}"):
                    depth -= 1
                    if depth < 0:
                        raise self._wrong("unexpected }", token.start() - self._at)
            if len(self._buffer) - self._at > LONGEST_ROW + PART:
                raise self._too_long()
            if not self._more():
                rest = self._buffer[self._at :]
                _check_one(rest, f"Row {self._row}", self._base + self._at)
                raise self._wrong("a text has no end" if within else "the array has no end", len(rest))

    # around the array

    def _open(self) -> None:
        self._skip_spaces()
        first = self._next()
        if not first:
            raise RecordsError("malformed", 'The body is empty; send {"leads": [...]}.')
        if first != b"{":
            if first in b'["-0123456789tfn':
                raise RecordsError("invalid", 'The body must be an object: {"leads": [...]}.')
            raise self._wrong("an object was expected")
        self._at += 1
        self._skip_spaces()
        if self._next() == b"}":
            raise RecordsError("invalid", "leads: is required.")
        self._name(seen=False)
        first = self._next()
        if first != b"[":
            if first and first in b'{"-0123456789tfn':
                raise RecordsError("invalid", "leads: must be an array of leads.")
            raise self._wrong("an array was expected")
        self._at += 1

    def _close(self) -> None:
        self._skip_spaces()
        if self._next() == b",":
            self._at += 1
            self._skip_spaces()
            self._name(seen=True)
        if self._next() != b"}":
            raise self._wrong("the object has no end")
        self._at += 1
        self._skip_spaces()
        if self._next():
            raise self._wrong("something stands behind the end of the JSON")

    def _name(self, *, seen: bool) -> None:
        """The name of a member and its colon; only `leads` is known, once."""
        while (form := _STRING.match(self._buffer, self._at)) is None:
            if self._next() == b'"' and len(self._buffer) - self._at <= LONGEST_ROW and self._more():
                continue
            raise self._wrong("a name in quotes was expected")
        name = _check_one(form[0], "The name of a field", self._base + self._at)
        if name != "leads" or seen:
            what = "given twice" if name == "leads" else "not known; only leads is"
            hint = "" if seen else " (leads without it, one a line, are application/x-ndjson)"
            raise RecordsError("invalid", f"{str(name)[:100]}: is {what}{hint}.")
        self._at = form.end()
        self._skip_spaces()
        if self._next() != b":":
            raise self._wrong("a colon was expected")
        self._at += 1
        self._skip_spaces()

    def _next(self) -> bytes:
        return self._buffer[self._at : self._at + 1]

    def _skip_spaces(self) -> None:
        while True:
            form = _SPACE.match(self._buffer, self._at)
            self._at = self._at if form is None else form.end()
            if self._at < len(self._buffer) or not self._more():
                return

    def _wrong(self, what: str, behind: int = 0) -> RecordsError:
        at = self._base + self._at + behind
        return RecordsError("malformed", f"The body {_NOT_JSON}, row {self._row}: {what} (byte {at}).")

    def _too_long(self) -> RecordsError:
        return RecordsError("malformed", f"Row {self._row} is longer than 1 MiB.")


def _check_one(text: bytes, where: str, base: int | None) -> Any:
    """Decode one value. `base`: of its first byte in the body. Raises `RecordsError` that says where it is wrong."""
    at = "" if base is None else f" (byte {base})"
    try:
        value = _one.decode(text)
    except msgspec.DecodeError as error:
        if found := unfit(text):
            raise RecordsError("malformed", f"{where} cannot be kept: {sentence(found)}{at}.") from error
        message = str(error).removeprefix("JSON is malformed: ")
        if base is not None and (place := _AT.search(message)):
            message = f"{message[: place.start()]} (byte {base + int(place[1])})"
        elif message == "Input data was truncated":
            message = f"it ends too early{'' if base is None else f' (byte {base + len(text)})'}"
        raise RecordsError("malformed", f"{where} {_NOT_JSON}: {message}.") from error
    except UnicodeDecodeError as error:
        raise RecordsError("malformed", f"{where} is not UTF-8{at}.") from error
    except RecursionError as error:
        raise RecordsError("malformed", f"{where} is nested too deeply{at}.") from error
    if _is_deep(value):
        raise RecordsError("malformed", f"{where} is nested too deeply{at}.")
    return value


def _is_deep(value: object) -> bool:
    """Whether a value is nested deeper than anything that reads it later may go. Most are a lead with its own data."""
    if type(value) is dict:
        for part in cast("dict[str, object]", value).values():
            if type(part) is dict:
                if any(type(inner) in _NESTED for inner in cast("dict[str, object]", part).values()):
                    return _depth(cast("object", value), 0) > DEEPEST
            elif type(part) is list:
                return _depth(cast("object", value), 0) > DEEPEST
        return False
    return type(value) is list and _depth(cast("object", value), 0) > DEEPEST


def _depth(value: object, above: int) -> int:
    if above > DEEPEST:
        return above
    if isinstance(value, dict):
        return max((_depth(part, above + 1) for part in cast("dict[str, object]", value).values()), default=above + 1)
    if isinstance(value, list):
        return max((_depth(part, above + 1) for part in cast("list[object]", value)), default=above + 1)
    return above
