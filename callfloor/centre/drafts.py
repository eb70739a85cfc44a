"""Drafts of workflows: the keys of one workflow of a centre file, alone in a text."""

from __future__ import annotations

from typing import Any, Literal, cast

import msgspec

from callfloor.centre import toml
from callfloor.centre.lines import Path
from callfloor.centre.source import CentreError, Mistake, Source, of_tree, parse
from callfloor.centre.tree import workflow
from callfloor.contract.workflows import Workflow
from callfloor.rules.values.names import plain_name

Format = Literal["toml", "json"]
# Where a draft stands in the tree of the source that it is made.
PLACE: Path = ("workflows", 0)


def source_of(name: str, content: str, form: Format) -> Source:
    """The centre file that has this of the workflow `name`. Raises `CentreError` for a text that cannot be read."""
    read = parse(content, "draft") if form == "toml" else _json(content)
    given = read.tree.get("name", name)
    if not isinstance(given, str) or plain_name(given) != name:
        message = f"is another workflow: this is {name}, whose name cannot be changed"
        raise CentreError([message], [Mistake(message, (*PLACE, "name"), read.at(("name",)))])
    lines = None if read.lines is None else {(*PLACE, *path): line for path, line in read.lines.items()}
    return Source("draft", {"workflows": [{**read.tree, "name": name}]}, lines)


def _json(content: str) -> Source:
    try:
        found: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"is no JSON: {error}"
        raise CentreError([message], [Mistake(message)]) from error
    if not isinstance(found, dict):
        raise CentreError(["must be an object"], [Mistake("must be an object")])
    return of_tree(cast("dict[str, Any]", found))


def text_of(thing: Workflow) -> str:
    """A workflow as the text of a draft, in TOML."""
    found = workflow(thing)
    return toml.document({key: each for key, each in found.items() if key != "name"}, {"steps"})
