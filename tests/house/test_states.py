"""docs/states.md is what the tables in code say."""

from __future__ import annotations

from tests.house.states import DOCUMENT, document


def test_the_page_of_states_is_drawn_from_the_tables() -> None:
    assert DOCUMENT.read_text("utf-8") == document()
