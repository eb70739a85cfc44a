"""A centre file as read: its TOML, where each key stands, and the mistakes found in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as Folder
from typing import Any

from callfloor.centre import toml
from callfloor.centre.lines import Path, key_lines

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class CentreError(ValueError):
    """A centre file cannot be taken. `mistakes` has one line each: `centre.toml:14: what is wrong`."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True, slots=True)
class Source:
    """`file`: its name as mistakes show it. `folder`: where the files that it names are; None: nowhere. `sounds`: of
    those that are there, as a telephone carries them, or what is wrong with them (`centre.sounds`)."""

    file: str
    tree: Mapping[str, Any]
    lines: Mapping[Path, int]
    folder: Folder | None = None
    sounds: Mapping[str, bytes | str] = field(default_factory=dict[str, bytes | str])

    def at(self, path: Path) -> int:
        """The line of a key, or of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, file: str, folder: Folder | None = None) -> Source:
    """Read TOML. `folder`: in which the file stands. Raises `CentreError` for what is no TOML, with its line."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        return Source(file, tomllib.loads(text), key_lines(text), folder)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else text.rstrip("\n").count("\n") + 1
        message = _PLACE.sub("", str(error))
        raise CentreError([f"{file}:{line}: {message}"]) from error
    except (RecursionError, ValueError) as error:
        # tomllib lets these through: deep nesting, and integers of thousands of digits
        raise CentreError([f"{file}: is nested too deeply or has an integer that is too long"]) from error


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
        self._found: list[tuple[int, str]] = []

    def wrong(self, path: Path, message: str) -> None:
        self._found.append((self._source.at(path), f"{shown(path)} {message}".lstrip()))

    def finish(self) -> None:
        """Raises `CentreError` with all that was found, by line."""
        if self._found:
            found = sorted(self._found, key=lambda mistake: mistake[0])
            raise CentreError([f"{self._source.file}:{line}: {text}" for line, text in found])
