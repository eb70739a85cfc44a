"""What JSON holds that its grammar allows and nothing here can keep, by its place. Pure.

For a text that was refused already: it is read once more, by a parser that takes such things.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, cast

from callfloor.errors import FieldError

MOST: Final = 20
_LONGEST_NUMBER = 4_000
_HALF = re.compile("[\ud800-\udfff]")
_SHOWN = 100
HALF: Final = "has half of a surrogate pair (\\ud800 to \\udfff), which is no character"
OUT_OF_RANGE: Final = "is a number out of range"


def unfit(raw: bytes) -> list[FieldError]:
    """Texts with half a surrogate pair, and numbers that are out of range; none where the text is no JSON at all."""
    try:
        value = json.loads(raw, parse_int=_whole, parse_constant=_refused)
        return list(_found(value, ""))
    except (ValueError, RecursionError):
        return []


def sentence(found: list[FieldError]) -> str:
    """One sentence about what `unfit` found."""
    first = found[0]
    more = f", and {len(found) - 1} more such fields" if len(found) > 1 else ""
    where = (first.pointer or "").removeprefix("/").replace("/", ".") or "The value"
    return f"{where} {first.message}{more}"


def _whole(text: str) -> float:
    return int(text) if len(text) <= _LONGEST_NUMBER else float("inf")


def _refused(text: str) -> Any:
    raise ValueError(text)


def _found(value: object, pointer: str) -> Iterator[FieldError]:
    left: list[tuple[object, str]] = [(value, pointer)]
    count = 0
    while left and count < MOST:
        each, at = left.pop()
        if isinstance(each, dict):
            members = cast("dict[str, object]", each)
            for name in members:
                if _HALF.search(name):
                    count += 1
                    yield FieldError("half-surrogate", f"has a field whose name {HALF}", pointer=at)
            left += [(part, f"{at}/{_escaped(name)}") for name, part in reversed(members.items())]
        elif isinstance(each, list):
            parts = cast("list[object]", each)
            left += [(part, f"{at}/{number}") for number, part in reversed(list(enumerate(parts)))]
        elif isinstance(each, str) and _HALF.search(each):
            count += 1
            yield FieldError("half-surrogate", HALF, pointer=at)
        elif isinstance(each, float) and each in (float("inf"), float("-inf")):
            count += 1
            yield FieldError("range", OUT_OF_RANGE, pointer=at)


def _escaped(name: str) -> str:
    # RFC 6901; cut, because the name is the sender's
    return _HALF.sub("?", name[:_SHOWN]).replace("~", "~0").replace("/", "~1")
