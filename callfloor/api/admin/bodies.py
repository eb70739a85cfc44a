"""What administrators send: centre files as TOML or JSON, and their mistakes as problems."""

from __future__ import annotations

import codecs
from typing import Any, cast

from callfloor.api.call import Call
from callfloor.api.decoding import Body, content_type, read_body
from callfloor.api.threads import beside
from callfloor.centre import CentreError, Source, of_tree, parse
from callfloor.centre.lines import Path
from callfloor.centre.source import Mistake, shown
from callfloor.errors import FieldError, Invalid, UnsupportedMediaType
from callfloor.rules.values.names import plain_name

TOML = "application/toml"
# Of a centre file over HTTP, in bytes.
LARGEST_FILE = 4 * 1024 * 1024
_JSON: Body[dict[str, Any]] = Body(dict)


async def read_source(call: Call) -> tuple[Source, bytes]:
    """The centre file in the body, about the caller's organisation, and its bytes. Raises problems."""
    kind = content_type(call.headers)
    if kind not in (TOML, "application/json"):
        raise UnsupportedMediaType(f"The body must have Content-Type: {TOML} or application/json.")
    raw = await read_body(call.receive, call.headers, LARGEST_FILE)
    try:
        source = await beside(len(raw), _from_json if kind == "application/json" else _from_toml, raw)
        return about(source, call.caller.organisation.name), raw
    except CentreError as error:
        raise refused(error) from error


def _from_toml(raw: bytes) -> Source:
    try:
        return parse(raw.decode("utf-8"), "body")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CentreError([f"body:{line}: is not UTF-8"], [Mistake("is not UTF-8", line=line)]) from error


def _from_json(raw: bytes) -> Source:
    return of_tree(_JSON.decode(raw.removeprefix(codecs.BOM_UTF8)))


def about(source: Source, organisation: str) -> Source:
    """The source, which may leave out the organisation's name and may not name another. Raises `CentreError`."""
    table: object = source.tree.get("organisation", {})
    if not isinstance(table, dict):
        return source
    given = cast("dict[str, object]", table)
    name = given.get("name", organisation)
    if isinstance(name, str) and plain_name(name) != organisation:
        path: Path = ("organisation", "name")
        message = f"is another organisation: this is {organisation}, whose name cannot be changed"
        raise CentreError([message], [Mistake(message, path, source.at(path))])
    tree = {**source.tree, "organisation": {**given, "name": name}}
    return Source(source.file, tree, source.lines, source.folder, source.sounds)


def refused(error: CentreError, within: Path = ()) -> Invalid:
    """The problem that mistakes are. `within`: where in the source the body stands, as far as the body is not all."""
    errors = [
        FieldError(
            code="mistake",
            message=each.message,
            pointer=pointer(each.path[len(within) :] if each.path[: len(within)] == within else each.path),
            line=each.line,
        )
        for each in error.found
    ]
    count = len(errors)
    what = f"{shown(error.found[0].path)} {errors[0].message}".lstrip() if count == 1 else f"{count} mistakes"
    return Invalid(f"Nothing was changed: {what}.", errors=errors)


def pointer(path: Path) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
