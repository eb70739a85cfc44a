"""Numbers and addresses inside free text are found, and erased without a trace."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callfloor.rules.identifiers import EmailError, identifiers, is_whole, mentions, normalise_email, redact

NUMBER = "+61491570156"
WANTED = frozenset({NUMBER, "jane@example.com"})
FORMS = [
    "+61491570156", "0491570156", "0491 570 156", "+61 491 570 156", "0491-570-156", "(04) 9157 0156", "61491570156",
    "0491.570.156", "Jane@Example.com", "jane@example.com",
]  # fmt: skip
words = st.text(st.sampled_from("abc ,;!?\n"), max_size=20)


@given(words, st.sampled_from(FORMS), words)
def test_an_identifier_in_a_sentence_is_found_and_redacted(before: str, form: str, after: str) -> None:
    text = f"{before} {form} {after}"
    assert mentions(text, WANTED, "AU")
    clean = redact(text, WANTED, "AU")
    assert not mentions(clean, WANTED, "AU")
    assert form not in clean
    assert clean.replace("[erased]", "").split() == f"{before} {after}".split()


@pytest.mark.parametrize("form", FORMS)
def test_a_value_that_is_nothing_else_is_whole(form: str) -> None:
    assert is_whole(form, WANTED, "AU")
    assert is_whole(f"  {form} ", WANTED, "AU")
    assert not is_whole(f"call {form}", WANTED, "AU")


def test_a_number_as_an_integer_is_found() -> None:
    assert NUMBER in identifiers([61491570156], "AU")
    assert is_whole(61491570156, WANTED, "AU")


def test_brackets_around_a_number_stay() -> None:
    assert redact("x (or +61 491 570 156) y", WANTED, "AU") == "x (or [erased]) y"


@settings(deadline=None)
@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60), max_size=8))
@example(["1" * 65_536, "1 " * 30_000, "@" * 60_000, "a@" * 30_000, "(" * 60_000])
def test_any_scalars_have_sorted_identifiers(values: list[object]) -> None:
    found = identifiers(values, "AU")
    assert found == sorted(set(found))
    assert identifiers(reversed(values), "AU") == found


@given(st.text(max_size=60))
@example("a" * 300 + "@example.com")
@example("x@localhost")
def test_an_address_is_normal_or_refused(text: str) -> None:
    try:
        address = normalise_email(text)
    except EmailError:
        return
    assert normalise_email(address) == address
    assert address == address.lower()
    assert identifiers([address], "AU") == [address]
