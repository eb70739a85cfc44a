"""Command blocks of the documents: what a reader would type, with what is said of it.

A comment before a block says how it is meant: `<!-- not run: REASON -->`, or `<!-- in an empty folder -->` where it
begins an installation of its own. Every other block is typed beside a demo that runs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```sh\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"\s{2,}# (?P<said>.*)$")
_CODE = re.compile(r"\b(?:exits? with|exit code) ((?:\d[^,]*, )*\d+)")


@dataclass(frozen=True, slots=True)
class Command:
    """`codes`: with which it may exit, as the comment says."""

    text: str
    codes: frozenset[int]


@dataclass(frozen=True, slots=True)
class Block:
    file: Path
    line: int
    not_run: str | None
    empty_folder: bool
    commands: tuple[Command, ...]

    @property
    def name(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def blocks(file: Path) -> list[Block]:
    text = file.read_text("utf-8")
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        mark = match["mark"] or ""
        not_run = mark.removeprefix("not run: ") if mark.startswith("not run: ") else None
        line = text[: match.start("text")].count("\n") + 1
        found.append(Block(file, line, not_run, mark == "in an empty folder", commands(match["text"])))
    return found


def commands(text: str) -> tuple[Command, ...]:
    found: list[Command] = []
    before = ""
    for line in text.splitlines():
        comment = _COMMENT.search(line)
        bare = line[: comment.start()] if comment else line
        if bare.endswith("\\"):
            before += bare[:-1] + " "
        elif (before + bare).strip():
            codes = _CODE.search(comment["said"]) if comment else None
            named = frozenset(map(int, re.findall(r"\d+", codes[1]))) if codes else frozenset[int]()
            found.append(Command((before + bare).strip(), frozenset({0}) | named))
            before = ""
    return tuple(found)
