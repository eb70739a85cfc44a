"""Hostile requests to every operation of every API, made from the table of operations: a new one is attacked as well.

Of a body's example each text becomes as long and odd as fits, each number one of thousands of digits, each list as long
as fits, once for each type of body; of a query every parameter. What such a request costs is measured by
`python -m bench hostile`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import msgspec

from callfloor.api.operation import Operation
from callfloor.api.routes import APIS
from tests.attack.hostile_requests import FULL, JSON, Hostile, json_bodies

# what stands for the names in paths: ids of a centre, else something that is nobody's
IDS = {"listId": "{list}", "agentId": "{agent}", "campaignId": "{campaign}"}
LONGEST_QUERY = 8_000
# of bodies that fit every operation: what has cost most
EVERYWHERE = ("90,000 unknown fields", "no JSON after a megabyte", "deep objects", "a long number")
TEXTS = (
    "1", "(0)", "a\u0301\u0316", "\u3164", "=cmd|' /C calc'!A0", "a@b.example ", "%2525", "&#49;", "<b>", "\uff11",
    "..//", "\\u0031",
)  # fmt: skip
PIECES = ("9", "%2B", "a%CC%81%CC%96", "1,", "2026-01-01T00:00:00Z,", "%2525", "-", "a@b.example,")


def targets() -> Iterator[tuple[str, Operation]]:
    """Every operation that takes something, with its API's prefix."""
    for prefix, operations in APIS.items():
        for operation in operations:
            if operation.path_types or operation.query_type is not None or operation.body_type is not None:
                yield prefix, operation


def operation_requests() -> Iterator[Hostile]:
    """All of them."""
    everywhere = {name: body for name, body in json_bodies() if name in EVERYWHERE}
    texts, pieces, seen = cycle(TEXTS), cycle(PIECES), list[Any]()
    for prefix, operation in targets():
        if operation.body_type is not None:
            first = operation.body_type not in seen
            seen.append(operation.body_type)
            for name, body in everywhere.items():
                if first or name == EVERYWHERE[0]:
                    yield _request(prefix, operation, name, body)
            if first:
                yield from _with_bodies(prefix, operation, texts)
        yield from _with_queries(prefix, operation, pieces)
        yield from _with_paths(prefix, operation)


def _with_bodies(prefix: str, operation: Operation, texts: Iterator[str]) -> Iterator[Hostile]:
    example = msgspec.json.decode(msgspec.json.encode(operation.request_example))
    for name, bent in _bent(example, operation, texts):
        # what JSON's own writer refuses to write has a place that is filled in afterwards
        body = json.dumps(bent, ensure_ascii=False).replace('"LONG"', "9" * 4_500).encode()
        yield _request(prefix, operation, name, body)
    for kind in operation.streams:
        if kind != JSON:
            for text in (b"\x00", b'"', b"a = [", b"1,", b"\n"):
                yield _request(prefix, operation, f"{kind} of {text!r}", text * (FULL // len(text)), kind)


def _bent(example: Any, operation: Operation, texts: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """The example with one thing in it that is too much, for each thing in it."""
    room = min(operation.largest, FULL) - 4_000
    for place in _places(example):
        name = "/".join(map(str, place)) or "all"
        value = _at(example, place)
        match value:
            case str():
                text = next(texts)
                yield f"{name} of {text!r}", _put(example, place, text * (room // (3 * len(text.encode()))))
            case bool():
                yield f"{name} of no kind", _put(example, place, [{}] * (room // 8))
            case int() | float():
                yield f"{name} of digits", _put(example, place, "LONG")
            case [first, *_]:
                # as many as the operation takes, not as fit every one
                many = (operation.largest - 4_000) // (len(json.dumps(first, ensure_ascii=False).encode()) + 2)
                yield f"{name} so often", _put(example, place, [first] * min(many, 50_000))
            case dict() if value:
                first = next(iter(value.values()))
                many = room // (len(json.dumps(first, ensure_ascii=False).encode()) + 16)
                yield f"{name} so wide", _put(example, place, value | {f"x{n}": first for n in range(many)})
            case _:
                pass


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something is: the whole, members, and the first item of each list."""
    yield place
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _places(each, (*place, name))
    elif isinstance(value, list) and value:
        yield from _places(value[0], (*place, 0))


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


def _put(value: Any, place: tuple[Any, ...], given: Any) -> Any:
    if not place:
        return given
    step, *rest = place
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[step] = _put(value[step], tuple(rest), given)
    return changed


def _with_queries(prefix: str, operation: Operation, pieces: Iterator[str]) -> Iterator[Hostile]:
    if operation.query_type is None:
        return
    fields = [field.encode_name for field in msgspec.structs.fields(operation.query_type)]
    piece = next(pieces)
    for name in fields:
        text = piece * ((LONGEST_QUERY - len(name)) // len(piece))
        yield _request(prefix, operation, f"{name} of {piece}", b"", query=f"{name}={text}")
    each = LONGEST_QUERY // len(fields) - max(map(len, fields)) - 2
    every = "&".join(f"{name}={piece * (each // len(piece))}" for name in fields)
    yield _request(prefix, operation, f"every parameter of {piece}", b"", query=every)
    unknown = "&".join(f"{fields[0][:-1]}{n}={'1' * 60}" for n in range(99))
    yield _request(prefix, operation, "unknown parameters", b"", query=unknown)


def _with_paths(prefix: str, operation: Operation) -> Iterator[Hostile]:
    for name, kind in operation.path_types.items():
        for text in ("9" * 1_900,) if kind is int else ("a%CC%81%CC%96" * 150, "%2F..%2F" * 230):
            yield _request(prefix, operation, f"{name} of {text[:20]}", b"{}", ids={name: text})


def _request(
    prefix: str,
    operation: Operation,
    name: str,
    body: bytes,
    kind: str = JSON,
    query: str = "",
    ids: dict[str, str] | None = None,
) -> Hostile:
    path = operation.path
    for each in operation.path_types:
        known = IDS.get(each, "1")
        path = path.replace(f"{{{each}}}", (ids or {}).get(each, known))
    path += f"?{query}" if query else ""
    whose = f"{operation.method} {prefix}{operation.path}"
    return Hostile(f"{name} to {whose}", operation.method, path, body, kind, prefix)
