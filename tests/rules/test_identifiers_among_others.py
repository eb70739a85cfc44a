"""What people write around numbers and addresses does not hide them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.identifiers import MANY, MOST, identifiers, is_whole, mentions, redact

WANTED = frozenset({"+61491570006", "jane@example.com"})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("0491570006 0491570156", "[erased] 0491570156"),
        ("0491570156 / 0491570006", "0491570156 / [erased]"),
        ("0491 570 006 - 2pm", "[erased] - 2pm"),
        ("12/05/2024 0491 570 006", "12/05/2024 [erased]"),
        ("ID12345 0491570006", "ID12345 [erased]"),
        ("0491570156 0491570157 0491570158 0491570006", "0491570156 0491570157 0491570158 [erased]"),
        ("https://x.example/?email=jane@example.com&a=1", "https://x.example/?email=[erased]&a=1"),
        ("mailto:jane@example.com?subject=hi", "mailto:[erased]?subject=hi"),
        ("a|jane@example.com|b", "a|[erased]|b"),
    ],
)
def test_a_neighbour_does_not_hide_an_identifier(text: str, left: str) -> None:
    assert not WANTED.isdisjoint(identifiers((text,), "AU"))
    assert mentions(text, WANTED, "AU")
    assert not is_whole(text, WANTED, "AU")
    assert redact(text, WANTED, "AU") == left


@pytest.mark.parametrize("text", ["+1 491 570 0061", "+44 491570006", "0011 44 491 570 006", "04915700061"])
def test_part_of_an_international_or_longer_number_is_not_an_identifier(text: str) -> None:
    assert not mentions(text, WANTED, "AU")
    assert redact(text, WANTED, "AU") == text


@given(st.text(alphabet="0123456789+()/- .:abxe@", max_size=120))
def test_nothing_is_found_any_more_in_what_was_redacted(text: str) -> None:
    wanted = frozenset(identifiers((text,), "AU"))
    assert not mentions(redact(text, wanted, "AU"), wanted, "AU")


def test_more_than_can_be_listed_says_so_and_is_still_mentioned() -> None:
    text = " ".join(f"p{n}@example.com" for n in range(MOST + 1))
    assert identifiers((text,), "AU") == [MANY]
    assert mentions(text, frozenset({"p7@example.com"}), "AU")
