"""Cursors come back as they went out, and no other text passes for one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from callfloor.api.cursors import decode_cursor, encode_cursor
from callfloor.errors import InvalidCursor

KEY = b"k" * 32
positions = st.tuples(
    st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 2**63 - 1),
)
queries = st.dictionaries(st.sampled_from(["listId", "statusCode", "limit", "cursor"]), st.text(max_size=5))


@given(positions, queries)
def test_a_cursor_comes_back_whatever_the_page_size(position: tuple[datetime, int], query: dict[str, str]) -> None:
    text = encode_cursor(KEY, "/leads", query, position)
    assert decode_cursor(KEY, "/leads", query | {"limit": "7", "cursor": text}, text) == position


@given(positions, queries, queries, st.sampled_from(["/leads", "/activities"]))
def test_a_cursor_of_other_filters_or_another_path_is_refused(
    position: tuple[datetime, int], made: dict[str, str], used: dict[str, str], path: str
) -> None:
    kept = [{n: v for n, v in query.items() if n not in ("limit", "cursor")} for query in (made, used)]
    assume(kept[0] != kept[1] or path != "/leads")
    text = encode_cursor(KEY, "/leads", made, position)
    with pytest.raises(InvalidCursor):
        decode_cursor(KEY, path, used, text)
    with pytest.raises(InvalidCursor):
        decode_cursor(b"x" * 32, "/leads", made, text)


@given(st.text(max_size=60) | st.from_regex(r"\A[A-Za-z0-9_-]{10,60}\Z"))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(KEY, "/leads", {}, text)
