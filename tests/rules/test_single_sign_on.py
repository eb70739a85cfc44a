"""What a browser brings back of single sign-on, whatever it is."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from callfloor.rules.people.single_sign_on import ticket_of


@given(st.from_regex(r"[0-9]{1,20}\.[0-9]{1,14}\.[A-Za-z0-9_=-]{40,46}", fullmatch=True) | st.text(max_size=100))
@example("1.999999999999." + "a" * 43)
@example("1.9999999999." + "a" * 43)
def test_a_ticket_is_one_or_none(text: str) -> None:
    found = ticket_of(text)
    assert found is None or ticket_of(found.text()) == found
