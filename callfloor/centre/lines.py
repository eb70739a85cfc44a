"""The line on which each key and array element of a TOML document stands, which tomllib does not tell."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n,]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
# The longest form first. A multi-line string may end with up to two quotes of its own before the closing three.
STRING = (
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_STRING = re.compile(STRING, re.DOTALL)


def key_lines(source: str) -> dict[Path, int]:
    """Line (from 1) of each table, key and array element, by its path: `("campaigns", 0, "lists", 2, "name")`.

    `source` is a document that tomllib takes, with line ends as `\\n`.
    """
    scanner = _Scanner(source)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, source: str) -> None:
        self._source, self._at = source, 0
        self._line, self._counted = 1, 0
        self._tables: dict[Path, int] = {}  # how many tables an array of tables has so far
        self.lines: dict[Path, int] = {}

    def document(self) -> None:
        base: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._source):
            if self._source.startswith("[", self._at):
                base = self._header()
            else:
                self._pair(base)
            self._skip(_BLANK)

    def _header(self) -> Path:
        array = self._source.startswith("[[", self._at)
        self._at += 2 if array else 1
        *outer, last = self._key()
        self._at += 2 if array else 1
        path: Path = ()
        for part in outer:
            path = self._entered((*path, part))
        path = (*path, last)
        self._note(path)
        if array:
            index = self._tables.get(path, 0)
            self._tables[path] = index + 1
            path = (*path, index)
            self._note(path)
        return path

    def _entered(self, path: Path) -> Path:
        self._note(path)
        return (*path, self._tables[path] - 1) if path in self._tables else path

    def _pair(self, base: Path) -> None:
        path = base
        for part in self._key():
            path = (*path, part)
            self._note(path)
        self._at += 1  # the equals sign
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            if self._source[self._at] in "\"'":
                quoted = self._skip(_STRING)
                parts.append(tomllib.loads(f"key = {quoted}")["key"])
            else:
                parts.append(self._skip(_BARE_KEY))
            self._skip(_SPACE)
            if not self._source.startswith(".", self._at):
                return parts
            self._at += 1

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        opening = self._source[self._at]
        if opening in "\"'":
            self._skip(_STRING)
        elif opening == "[":
            self._at += 1
            index = 0
            while not self._closed("]"):
                self._note((*path, index))
                self._value((*path, index))
                index += 1
        elif opening == "{":
            self._at += 1
            while not self._closed("}"):
                self._pair(path)
        else:
            self._skip(_SCALAR)

    def _closed(self, bracket: str) -> bool:
        self._skip(_BLANK)
        if not self._source.startswith(bracket, self._at):
            return False
        self._at += 1
        return True

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._source, self._at)
        if found is None or (found.end() == self._at and pattern not in (_BLANK, _SPACE)):
            raise ValueError("not a TOML document")
        self._at = found.end()
        return found[0]

    def _note(self, path: Path) -> None:
        self._line += self._source.count("\n", self._counted, self._at)
        self._counted = self._at
        self.lines.setdefault(path, self._line)
