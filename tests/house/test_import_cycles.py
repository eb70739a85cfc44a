"""No module needs another that needs it while both are loaded: whichever a process loads first would decide whether it
starts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import callfloor

ROOT = Path(callfloor.__file__).parent.parent


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _at_the_top(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Imports that run when the module is loaded; those of functions run later, those for type checks never."""
    for each in body:
        if isinstance(each, ast.Import | ast.ImportFrom):
            yield each
        elif isinstance(each, ast.If):
            if not (isinstance(each.test, ast.Name) and each.test.id == "TYPE_CHECKING"):
                yield from _at_the_top(each.body)
            yield from _at_the_top(each.orelse)
        elif isinstance(each, ast.Try):
            yield from _at_the_top(each.body)


def _needs(source: str, known: set[str]) -> set[str]:
    found: set[str] = set()
    for each in _at_the_top(ast.parse(source).body):
        if isinstance(each, ast.Import):
            found |= {alias.name for alias in each.names}
        elif each.module is not None:
            # a name of a package may be a module of it
            inside = {f"{each.module}.{alias.name}" for alias in each.names}
            found |= inside & known or {each.module}
    return found & known


def _order(sources: dict[str, str]) -> list[str]:
    """Raises `CycleError`."""
    return [*TopologicalSorter({name: _needs(text, set(sources)) for name, text in sources.items()}).static_order()]


def test_modules_can_be_loaded_in_some_order() -> None:
    sources = {_name(path): path.read_text() for path in (ROOT / "callfloor").rglob("*.py")}
    assert len(_order(sources)) == len(sources)


def test_a_circle_is_found() -> None:
    later = {"a": "from b import x", "b": "def f():\n    import a"}
    assert _order(later) == ["b", "a"]
    with pytest.raises(CycleError):
        _order({"a": "from b import x", "b": "if True:\n    import a"})
