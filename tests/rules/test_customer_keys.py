"""Keys that look the same are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.values.customer_keys import customer_key


@pytest.mark.parametrize(
    "written",
    [
        "A 1é", " A 1é", "A 1é\t", "\r\nA 1é ", "\ufeffA 1é", "A\u200b 1é", "A\u00a01é", "\u3000A\u20031é",
        "A 1\u00ade", "A 1e\u0301", "\u200eA 1é\u200f", "A\u28001é", "\u2060A 1é\u2028",
    ],
)  # fmt: skip
def test_space_around_a_key_and_what_nobody_sees_in_it_does_not_count(written: str) -> None:
    assert customer_key(written) == ("A 1e" if "\u00ade" in written else "A 1é")


@pytest.mark.parametrize("empty", [None, "", " ", "\u00a0\u200b", "\ufeff", "\u3000\t"])
def test_a_key_of_nothing_that_is_seen_is_none(empty: str | None) -> None:
    assert customer_key(empty) is None


@given(st.text(max_size=40))
def test_a_key_that_was_stored_is_found_by_itself(text: str) -> None:
    stored = customer_key(text)
    assert customer_key(stored) == stored


def test_what_is_seen_is_kept() -> None:
    for key in ("a  b", "007", "A", "a", "#-_/.", "客户", "x" * 255):
        assert customer_key(key) == key
