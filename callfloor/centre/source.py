"""A centre file as read: its TOML, where each key stands, and the mistakes found in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as Folder
from typing import Any, cast

from callfloor.centre import toml
from callfloor.centre.lines import STRING, Path, key_lines

# No more mistakes are told at once, nor more characters of a message or of a key.
MOST_MISTAKES, LONGEST_MESSAGE, LONGEST_NAME = 100, 1000, 100
# How many parts a dotted key may have: reading one costs the square of them, in time and in memory.
MOST_PARTS = 32
_NO_KEYS = re.compile(rf"#[^\n]*|{STRING}", re.DOTALL)
_KEY = re.compile(r"[A-Za-z0-9_\-. \t]+")
_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Mistake:
    """`path`: of the key that is wrong, as far as there is one. `line` None: the file has none."""

    message: str
    path: Path = ()
    line: int | None = None


class CentreError(ValueError):
    """A centre file cannot be taken. `mistakes` has one line each: `centre.toml:14: what is wrong`; `found` the same
    apart, where it is known."""

    def __init__(self, mistakes: Sequence[str], found: Sequence[Mistake] = ()) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)
        self.found = tuple(found) or tuple(Mistake(each) for each in mistakes)


@dataclass(frozen=True, slots=True)
class Source:
    """`file`: its name as mistakes show it. `lines` None: it has none. `folder`: where the files that it names are;
    None: nowhere. `sounds`: of those that are there, as a telephone carries them, or what is wrong with them
    (`centre.sounds`)."""

    file: str
    tree: Mapping[str, Any]
    lines: Mapping[Path, int] | None
    folder: Folder | None = None
    sounds: Mapping[str, bytes | str] = field(default_factory=dict[str, bytes | str])

    def at(self, path: Path) -> int | None:
        """The line of a key, or of the nearest table around it; None: there are no lines."""
        if self.lines is None:
            return None
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, file: str, folder: Folder | None = None) -> Source:
    """Read TOML. `folder`: in which the file stands. Raises `CentreError` for what is no TOML, with its line."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    if _is_deep(text):
        message = f"has a key of more than {MOST_PARTS} parts"
        raise CentreError([f"{file}: {message}"], [Mistake(message)])
    try:
        return Source(file, tomllib.loads(text), key_lines(text), folder)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
        message = _PLACE.sub("", str(error))
        raise CentreError([f"{file}:{line}: {message}"], [Mistake(message, line=line)]) from error
    except (RecursionError, ValueError) as error:
        # tomllib lets these through: deep nesting, and integers of thousands of digits
        message = "is nested too deeply or has an integer that is too long"
        raise CentreError([f"{file}: {message}"], [Mistake(message)]) from error


def _is_deep(text: str) -> bool:
    """Whether a dotted key has too many parts; strings, where they are keys, are parts too."""
    bare = _NO_KEYS.sub(lambda found: "" if found[0].startswith("#") else "x", text)
    # one by one: a step of the interpreter that lasts keeps every other thread waiting
    return any(each[0].count(".") >= MOST_PARTS for each in _KEY.finditer(bare))


def of_tree(tree: Mapping[str, Any]) -> Source:
    """A source of JSON: null clears, as "" does in TOML, and 20.0 is the integer 20."""
    return Source("body", cast("Mapping[str, Any]", _as_toml(tree)), None)


def _as_toml(value: object) -> object:
    if isinstance(value, dict):
        return {name: _as_toml(each) for name, each in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_as_toml(each) for each in cast("list[object]", value)]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return "" if value is None else value


def shown(path: Path) -> str:
    """`campaigns[0].lists[2].name`"""
    parts = (f"[{part}]" if isinstance(part, int) else f".{toml.key(part)}" for part in path)
    return "".join(parts).removeprefix(".")


class Report:
    """Collects the mistakes in a file."""

    def __init__(self, source: Source, country: str = "") -> None:
        """`country`: the organisation's, which names in messages come from; "" where it is not known."""
        self._source = source
        self.country = country
        self._found: list[Mistake] = []
        self._more = 0

    def wrong(self, path: Path, message: str) -> None:
        if len(self._found) == MOST_MISTAKES:
            self._more += 1
            return
        line = self._source.at(path)
        named = tuple(each[:LONGEST_NAME] if isinstance(each, str) else each for each in path)
        self._found.append(Mistake(message[:LONGEST_MESSAGE], named, line))

    def finish(self) -> None:
        """Raises `CentreError` with all that was found, by line."""
        if self._found:
            found = sorted(self._found, key=lambda mistake: mistake.line or 0)
            if self._more:
                found.append(Mistake(f"and {self._more:,} mistakes more", (), found[-1].line))
            said = (f"{shown(each.path)} {each.message}".lstrip() for each in found)
            raise CentreError(
                [f"{self._source.file}:{each.line}: {text}" for each, text in zip(found, said, strict=True)], found
            )
