"""Which bytes a request wants (RFC 9110 §14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SPEC = re.compile(r"([0-9]*)-([0-9]*)", re.ASCII)
# more digits than any size has; int() refuses very long ones
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes [start, end)."""

    start: int
    end: int


class UnsatisfiableError(ValueError):
    """The range is well-formed, but none of it lies within the content."""


def wanted_span(header: str | None, size: int) -> Span | None:
    """The span that a Range header asks for, within content of `size` bytes.

    None: answer with everything, because there is no header, it is of another unit or not well-formed, or it asks for
    several parts (which a server may do, §14.2). Raises `UnsatisfiableError`.
    """
    unit, _, text = (header or "").partition("=")
    if unit.strip().lower() != "bytes":
        return None
    specs = [spec for each in text.split(",") if (spec := each.strip(" \t"))]
    matches = [_SPEC.fullmatch(spec) for spec in specs]
    spans: list[Span | None] = []
    for match in matches:
        if match is None or match[0] == "-" or (match[1] and match[2] and _number(match[2]) < _number(match[1])):
            return None
        spans.append(_span(match[1], match[2], size))
    if not spans:
        return None
    if not any(spans):
        raise UnsatisfiableError("the range lies outside the content")
    return spans[0] if len(spans) == 1 else None


def _span(first: str, last: str, size: int) -> Span | None:
    """None: not satisfiable."""
    if not first:
        length = min(_number(last), size)
        return Span(size - length, size) if length else None
    start = _number(first)
    return Span(start, min(_number(last) + 1, size) if last else size) if start < size else None


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
