"""Values written as TOML: what tomllib reads back equal."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

Value = str | bool | int | float | Sequence["Value"] | Mapping[str, "Value"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def string(text: str) -> str:
    """A basic string on one line. Whatever a terminal would not show as a character is escaped."""
    return '"' + "".join(map(_character, text)) + '"'


def _character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def key(name: str) -> str:
    return name if _BARE.fullmatch(name) else string(name)


def value(given: Value) -> str:
    """A value on one line; mappings as inline tables."""
    if isinstance(given, str):
        return string(given)
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float):
        # 28 reads better than 28.0 and means the same
        return repr(int(given)) if given.is_integer() else repr(given)
    if isinstance(given, int):
        return str(given)
    if isinstance(given, Mapping):
        return f"{{{', '.join(f'{key(name)} = {value(each)}' for name, each in given.items())}}}"
    return f"[{', '.join(map(value, given))}]"


def document(tree: Mapping[str, Any], headed: Collection[str]) -> str:
    """A document. The tables (and arrays of them) under keys that are `headed` stand under a header, all others on
    one line."""
    return "\n".join(_lines(tree, (), headed)).strip("\n") + "\n"


def _lines(table: Mapping[str, Any], path: tuple[str, ...], headed: Collection[str]) -> Iterator[str]:
    # an empty array says that there is nothing, which no header can; and a user has `roles` that are names
    under = [
        name
        for name, each in table.items()
        if name in headed and (isinstance(each, Mapping) or (each and isinstance(each[0], Mapping)))
    ]
    yield from (f"{key(name)} = {value(each)}" for name, each in table.items() if name not in under)
    for name in under:
        header = ".".join(map(key, (*path, name)))
        one, many = f"[{header}]", f"[[{header}]]"
        for each in [table[name]] if isinstance(table[name], Mapping) else table[name]:
            yield from ("", one if isinstance(table[name], Mapping) else many)
            yield from _lines(each, (*path, name), headed)
