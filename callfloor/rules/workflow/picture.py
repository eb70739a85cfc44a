"""The steps of a workflow and where they lead, out of a text that may be full of mistakes, to be drawn. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from callfloor.contract.workflows import MOST_STEPS

Path = tuple[str | int, ...]

# Keys that name the step that follows, in the order in which they are drawn; of tables, by their keys.
_WAYS = (
    "open", "closed", "holiday", "emergency", "options", "outcomes", "next", "onInvalid", "onTimeout", "onFull",
    "onNoAgents", "onError",
)  # fmt: skip
# Where nothing is named, the call ends there: worth being seen.
_ENDS: Mapping[str, str] = {
    "prompt": "next",
    "set": "next",
    "voicemail": "next",
    "callback": "next",
    "survey": "next",
    "menu": "onTimeout",
}


@dataclass(frozen=True, slots=True)
class Exit:
    """`by`: the key of the way out, and of options and outcomes which. `to` None: the call ends."""

    by: tuple[str, ...]
    to: str | None
    path: Path


@dataclass(frozen=True, slots=True)
class Drawn:
    """A step. `name` and `type` as they stand there; empty: there is none, or it is no text."""

    index: int
    name: str
    type: str
    exits: tuple[Exit, ...]


def picture(tree: Mapping[str, object]) -> tuple[str, tuple[Drawn, ...]]:
    """The name of the first step, and all steps; what is no step is an empty one. `tree`: `start` and `steps`."""
    given = tree.get("steps")
    steps = cast("list[object]", given)[:MOST_STEPS] if isinstance(given, list) else []
    drawn = tuple(_drawn(index, each) for index, each in enumerate(steps))
    start = _text(tree.get("start"))
    return start or (drawn[0].name if drawn else ""), drawn


def _drawn(index: int, given: object) -> Drawn:
    step = cast("dict[str, object]", given) if isinstance(given, dict) else {}
    kind = _text(step.get("type"))
    return Drawn(index, _text(step.get("name")), kind, tuple(_exits(step, kind, ("steps", index))))


def _exits(step: Mapping[str, object], kind: str, at: Path) -> Iterator[Exit]:
    for key in _WAYS:
        to = step.get(key)
        if isinstance(to, str):
            yield Exit((key,), to, (*at, key))
        elif isinstance(to, dict):
            for choice, name in cast("dict[str, object]", to).items():
                yield Exit((key, choice), _text(name) or None, (*at, key, choice))
        elif _ENDS.get(kind) == key:
            yield Exit((key,), None, at)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
