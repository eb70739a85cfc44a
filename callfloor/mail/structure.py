"""The parts of a message, found in one pass over a file, whatever its size; nothing is held but headers.

The standard library's parser holds a message several times over. This one only looks for boundaries, and leaves
headers to the standard library. No input is wrong: what is no MIME is text, what is broken ends where it ends. What has
more parts or headers than mail has is not read to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message as Headers
from typing import BinaryIO, Literal

from callfloor.mail.headers import content_type, parameter, parse

# A longer line is read in pieces.
LONGEST_LINE = 64 * 1024
# What a message may have in all: bytes of headers, lines of them, parts, and parts in parts.
MOST_HEADERS = 256 * 1024
MOST_HEADER_LINES = 4_000
MOST_PARTS = 100
DEEPEST = 20

Excess = Literal["parts", "headers", "time", "memory", "fault"]


@dataclass(frozen=True, slots=True)
class Part:
    """A part without parts: its headers, and where its body stands in the file, encoded as it is.

    `alternative`: which choice between forms of the same it belongs to; None: it belongs to none.
    """

    headers: Headers[str, str]
    start: int
    end: int
    kind: str
    alternative: int | None = None


@dataclass(slots=True)
class Structure:
    """`body_start`: the offset behind the message's own headers. `damaged`: something was left out, or is unclear.

    `excess`: of what there was too much, so that what came after was not looked at.
    """

    headers: Headers[str, str]
    body_start: int
    parts: list[Part] = field(default_factory=list[Part])
    damaged: bool = False
    excess: Excess | None = None


@dataclass(frozen=True, slots=True)
class _Met:
    """A boundary: of which of the multiparts that are open, and whether it is its last."""

    depth: int
    last: bool


def scan(file: BinaryIO) -> Structure:
    """The structure of the message in the file, which starts at its beginning."""
    file.seek(0)
    return _Scanner(file).scan()


class _Scanner:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0
        self._alternatives = 0
        self._bytes, self._lines = MOST_HEADERS, MOST_HEADER_LINES
        self._found = Structure(Headers(), 0)

    def scan(self) -> Structure:
        found = self._found
        found.headers = self._headers([])
        found.body_start = self._at
        self._entity(found.headers, [], "text/plain", None)
        return found

    def _line(self) -> bytes:
        line = self._file.readline(LONGEST_LINE)
        self._at += len(line)
        return line

    def _headers(self, open_: Sequence[bytes]) -> Headers[str, str]:
        """Read a block of headers, and the empty line behind it where there is one."""
        block: list[bytes] = []
        while line := self._line():
            stripped = line.rstrip(b"\r\n")
            if not stripped:
                break
            if line.startswith(b"From ") and self._at == len(line):
                continue  # an mbox file's separator
            continued = line[:1] in b" \t" and block
            if _met(line, open_) or not (continued or _is_header(stripped)):
                # the body begins without an empty line before it
                self._at -= len(line)
                self._file.seek(self._at)
                break
            self._bytes -= len(line)
            self._lines -= 1
            if self._bytes >= 0 and self._lines >= 0:
                block.append(line)
            else:
                self._exceeds("headers")
            while len(line) == LONGEST_LINE and not line.endswith(b"\n") and (line := self._line()):
                self._found.damaged = True
        return parse(b"".join(block))

    def _exceeds(self, what: Excess) -> None:
        self._found.damaged = True
        self._found.excess = self._found.excess or what

    def _entity(
        self, headers: Headers[str, str], open_: Sequence[bytes], default: str, alternative: int | None
    ) -> _Met | None:
        """Read a body up to a boundary of one of the multiparts that are open around it."""
        kind = content_type(headers, default)
        boundary = (parameter(headers, "content-type", "boundary") or "").rstrip()
        if not kind.startswith("multipart/"):
            return self._leaf(headers, open_, kind, alternative)
        if not boundary:
            self._found.damaged = True
            return self._leaf(headers, open_, "text/plain", alternative)
        if len(open_) == DEEPEST:
            self._found.damaged = True
            return self._leaf(headers, open_, "application/octet-stream", alternative)
        if kind == "multipart/alternative":
            self._alternatives += 1
            alternative = self._alternatives
        return self._multipart(headers, open_, kind, b"--" + boundary.encode("utf-8", "replace"), alternative)

    def _multipart(
        self, headers: Headers[str, str], open_: Sequence[bytes], kind: str, delimiter: bytes, alternative: int | None
    ) -> _Met | None:
        start, mine = self._at, len(open_)
        inside = [*open_, delimiter]
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        end, met = self._skip(inside)
        if met is None or met.depth != mine or met.last:
            # no part begins: all of it is text
            self._found.damaged = True
            self._add(Part(headers, start, end, "text/plain", alternative))
        while met is not None and met.depth == mine and not met.last:
            headers = self._headers(inside)
            if self._found.excess:
                return None
            met = self._entity(headers, inside, default, alternative)
        if met is not None and met.depth == mine:
            _, met = self._skip(open_)
        return met

    def _leaf(
        self, headers: Headers[str, str], open_: Sequence[bytes], kind: str, alternative: int | None
    ) -> _Met | None:
        start = self._at
        end, met = self._skip(open_)
        self._add(Part(headers, start, end, kind, alternative))
        return met

    def _add(self, part: Part) -> None:
        if len(self._found.parts) < MOST_PARTS:
            self._found.parts.append(part)
        else:
            self._exceeds("parts")

    def _skip(self, open_: Sequence[bytes]) -> tuple[int, _Met | None]:
        """Read up to the next boundary; the offset where what stood before it ends, and the boundary (None: the end).

        The line break before a boundary belongs to the boundary.
        """
        if not open_:
            self._at = self._file.seek(0, 2)
            return self._at, None
        begins, before = True, 0
        first = self._at
        while line := self._line():
            if begins and line.startswith(b"--") and (met := _met(line, open_)):
                return max(first, self._at - len(line) - before), met
            begins = line.endswith(b"\n")
            before = 2 if line.endswith(b"\r\n") else int(begins)
        return self._at, None


def _is_header(line: bytes) -> bool:
    name, colon, _ = line.partition(b":")
    return bool(colon) and bool(name.rstrip()) and not any(byte <= 32 or byte >= 127 for byte in name.rstrip())


def _met(line: bytes, open_: Sequence[bytes]) -> _Met | None:
    stripped = line.rstrip()
    for depth in range(len(open_) - 1, -1, -1):
        if stripped.startswith(open_[depth]):
            rest = stripped[len(open_[depth]) :]
            if rest in (b"", b"--"):
                return _Met(depth, rest == b"--")
    return None
