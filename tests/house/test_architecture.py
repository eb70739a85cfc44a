"""docs/architecture.md names the rooms that there are, and the files it names exist; each room says what it is for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "callfloor"
TEXT = (ROOT / "docs/architecture.md").read_text("utf-8")
# folders of files that are served or read, not of code
DATA = {"store/migrations", "api/reference", "console/static"}


def rooms() -> set[str]:
    return {str(file.parent.relative_to(PACKAGE)) for file in PACKAGE.rglob("__init__.py")} - {"."} - DATA


def named() -> set[str]:
    table = TEXT.split("| room |")[1].split("\n\n")[0]
    return {name for row in table.splitlines() for name in re.findall(r"`([a-z_/]+)/`", row.split("|")[1])}


def test_the_table_of_rooms_is_the_tree() -> None:
    assert named() == rooms()


@pytest.mark.parametrize("room", sorted(rooms()))
def test_a_room_says_what_it_is_for(room: str) -> None:
    assert ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text("utf-8")))


def documents() -> list[Path]:
    return sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.name)
def test_a_file_that_a_document_names_exists(document: Path) -> None:
    paths = re.findall(
        r"`((?:callfloor/|tests/|bench/|testbed/)?(?:[a-z_]+/)+[a-z_0-9]+\.py)`", document.read_text("utf-8")
    )
    missing = {path for path in paths if not (ROOT / path).exists() and not (PACKAGE / path).exists()}
    assert not missing


def test_each_folder_of_tests_is_named() -> None:
    there = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if (path / "__init__.py").exists()}
    named = set(re.findall(r"`(tests/[a-z_]+)/`", (ROOT / "CONTRIBUTING.md").read_text("utf-8")))
    assert named == there
