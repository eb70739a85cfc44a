from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.centre import toml
from callfloor.centre.lines import Path, key_lines

DOCUMENT = """\
# a comment with [brackets] and "quotes"
title = "one"  # [not.a.table]

[owner]
name.first = "Ada"
"odd \\u0041 key" = 'it''s'
""".replace("it''s", "its")


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """The path of every key and array element that tomllib sees."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from places(inner, (*path, key))


def test_keys_tables_dotted_and_quoted_keys_are_found() -> None:
    lines = key_lines(DOCUMENT)
    assert lines == {
        ("title",): 2,
        ("owner",): 4,
        ("owner", "name"): 5,
        ("owner", "name", "first"): 5,
        ("owner", "odd A key"): 6,
    }


def test_arrays_of_tables_are_counted_inside_their_table() -> None:
    lines = key_lines(
        "[[campaigns]]\n[[campaigns.lists]]\nname = 'a'\n[[campaigns.lists]]\n"
        "[[campaigns]]\n[campaigns.callingHours]\nmonday = []\n[[ campaigns . \"lists\" ]]\nname = 'b'\n"
    )
    assert lines["campaigns", 0] == 1
    assert lines["campaigns", 0, "lists", 0, "name"] == 3
    assert lines["campaigns", 0, "lists", 1] == 4
    assert lines["campaigns", 1] == 5
    assert lines["campaigns", 1, "callingHours", "monday"] == 7
    assert lines["campaigns", 1, "lists", 0, "name"] == 9


def test_elements_of_an_array_over_many_lines_have_their_own_lines() -> None:
    lines = key_lines("a = [ # first\n  'x', # ]\n\n  [1,\n 2],\n {b = 3, c = [4]},\n]\nlast = 1")
    assert lines["a", 0] == 2
    assert lines["a", 1] == 4
    assert lines["a", 1, 1] == 5
    assert lines["a", 2, "c", 0] == 6
    assert lines["last",] == 8


@pytest.mark.parametrize(
    "text",
    [
        '"""\n[not]\na = 1\n"""',
        "'''\n[not]\n'''",
        '"""one " two "" three \\""" four"""',
        '"""ends with two"""""',
        "'''it''s'''''",
        '""""""',
        "''''''",
        '""',
        "''",
        '"\\\\"',
        '"a # b ] } \\" c"',
        "'a # b ] \\'",
        '"""a \\\n   b"""',
    ],
)
def test_no_string_hides_or_invents_a_key(text: str) -> None:
    source = f"before = 1\nvalue = {text}\nafter = 2\n"
    tomllib.loads(source)
    lines = key_lines(source)
    assert lines == {("before",): 1, ("value",): 2, ("after",): source.count("\n")}


@pytest.mark.parametrize(
    "source", ["", "\n\n", "# nothing", "a=1", "[a]", "[[a]]", "[a.b]\n[a]", "d = 1979-05-27 07:32:00"]
)
def test_small_documents_have_every_place(source: str) -> None:
    assert set(places(tomllib.loads(source))) == set(key_lines(source))


_KEYS = st.text(min_size=1, max_size=8)
_SCALARS = st.one_of(st.text(max_size=20), st.booleans(), st.integers(-(2**63), 2**63 - 1))
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=8,
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=6), st.integers(0, 3))
def test_what_is_written_is_read_back_and_every_key_has_its_line(document: dict[str, Any], gap: int) -> None:
    filler = "# [filler]\n" * gap
    source = "".join(f"{filler}{toml.key(key)} = {toml.value(value)}\n" for key, value in document.items())
    assert tomllib.loads(source) == document
    lines = key_lines(source)
    assert set(places(document)) == set(lines)
    for number, key in enumerate(document, 1):
        assert lines[key,] == number * (gap + 1)


@given(st.lists(st.lists(st.dictionaries(_KEYS, _VALUES, max_size=2), max_size=3), max_size=4), _KEYS, _KEYS)
def test_every_key_of_nested_arrays_of_tables_has_a_line(
    tables: list[list[dict[str, Any]]], outer: str, inner: str
) -> None:
    rows: list[str] = []
    at: dict[Path, int] = {}
    for index, table in enumerate(tables):
        rows.append(f"[[{toml.key(outer)}]]")
        at[outer, index] = len(rows)
        for second, pairs in enumerate(table):
            rows.append(f"[[{toml.key(outer)}.{toml.key(inner)}]]")
            for key, value in pairs.items():
                rows.append(f"{toml.key(key)} = {toml.value(value)}")
                at[outer, index, inner, second, key] = len(rows)
    source = "\n".join(rows)
    lines = key_lines(source)
    assert set(places(tomllib.loads(source))) == set(lines)
    assert {path: lines[path] for path in at} == at
