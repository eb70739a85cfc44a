"""Where in a centre file the things stand that a plan changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from callfloor.centre.lines import Path
from callfloor.centre.plan import Change, Kind
from callfloor.centre.source import Source
from callfloor.rules.values.names import plain_name

# The key of a kind in a centre file, and what tells those of the kind apart.
_TABLES: Mapping[Kind, tuple[str, str]] = {
    "user": ("users", "username"),
    "lead status": ("leadStatuses", "code"),
    "strategy": ("strategies", "name"),
    "campaign": ("campaigns", "name"),
    "mailbox": ("mailboxes", "name"),
    "prompt": ("prompts", "name"),
    "workflow": ("workflows", "name"),
    "role": ("roles", "name"),
    "team": ("teams", "name"),
    "alert": ("alerts", "name"),
}
_INSIDE: Mapping[Kind, tuple[str, str]] = {"wrap code": ("wrapCodes", "code"), "list": ("lists", "name")}


class Places:
    """Of a file that has no mistakes."""

    def __init__(self, source: Source) -> None:
        self._tree = source.tree
        self._found: dict[tuple[str, str | None, object], Path] = {}
        for kind, (key, identity) in _TABLES.items():
            self._add(kind, None, (), self._tree.get(key), key, identity)
        for index, campaign in enumerate(_tables(self._tree.get("campaigns"))):
            name = plain_name(str(campaign.get("name")))
            for kind, (key, identity) in _INSIDE.items():
                self._add(kind, name, ("campaigns", index), campaign.get(key), key, identity)

    def _add(self, kind: Kind, campaign: str | None, around: Path, given: object, key: str, identity: str) -> None:
        for index, table in enumerate(_tables(given)):
            named = table.get(identity)
            name = plain_name(named) if isinstance(named, str) else named
            self._found.setdefault((kind, campaign, name), (*around, key, index))

    def of(self, change: Change) -> Path | None:
        """None: the file does not name it."""
        if change.kind == "organisation":
            return ("organisation",)
        found = self._found.get((change.kind, change.campaign, change.key))
        if found is not None:
            return found
        around = self._found.get(("campaign", None, change.campaign))
        if around is None:
            return None
        # an agent, or what its campaign does not name any more
        return (*around, "agents" if change.kind == "agent" else _INSIDE[change.kind][0])


def _tables(given: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(given, list):
        yield from (each for each in cast("list[Any]", given) if isinstance(each, dict))
