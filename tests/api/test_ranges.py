"""Ranges of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.api.ranges import Span, UnsatisfiableError, wanted_span

sizes = st.integers(0, 50)


@given(sizes, st.integers(0, 60), st.integers(0, 60))
def test_a_range_is_what_a_slice_is(size: int, first: int, last: int) -> None:
    content = bytes(range(size))
    header = f"bytes={first}-{last}"
    if last < first:
        assert wanted_span(header, size) is None
    elif first >= size:
        with pytest.raises(UnsatisfiableError):
            wanted_span(header, size)
    else:
        span = wanted_span(header, size)
        assert span is not None
        assert content[span.start : span.end] == content[first : last + 1]


@given(sizes, st.integers(0, 60))
def test_an_open_range_and_a_suffix_are_what_slices_are(size: int, count: int) -> None:
    content = bytes(range(size))
    for header, part in ((f"bytes={count}-", content[count:]), (f"bytes=-{count}", content[max(size - count, 0) :])):
        if count == 0 and header.startswith("bytes=-"):
            part = b""
        if part:
            span = wanted_span(header, size)
            assert span is not None
            assert content[span.start : span.end] == part
        else:
            with pytest.raises(UnsatisfiableError):
                wanted_span(header, size)


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-x", "bytes=5-1", "lines=0-1", "bytes=0-1;2-3",
     "bytes=--5", "bytes=+1-2", "bytes=٣-٤", "bytes=0-1,5-6", "bytes=0-1,a", "=0-1", "bytes=,"],
)  # fmt: skip
def test_what_is_not_one_range_is_answered_with_everything(header: str | None) -> None:
    assert wanted_span(header, 100) is None


def test_forms_that_the_standard_allows_are_understood() -> None:
    assert wanted_span("BYTES=0-0", 10) == Span(0, 1)
    assert wanted_span("bytes= 2-3 ,", 10) == Span(2, 4)
    assert wanted_span("bytes=000-" + "9" * 5000, 10) == Span(0, 10)
    assert wanted_span("bytes=-" + "9" * 5000, 10) == Span(0, 10)
    assert wanted_span("bytes=0-1,50-60", 10) is None


def test_several_ranges_outside_the_content_are_unsatisfiable() -> None:
    for header in ("bytes=10-", "bytes=10-20,30-", "bytes=-0", "bytes=" + "9" * 5000 + "-"):
        with pytest.raises(UnsatisfiableError):
            wanted_span(header, 10)


@given(st.text(max_size=30), sizes)
def test_no_header_is_more_than_it_can_be(header: str, size: int) -> None:
    try:
        span = wanted_span(f"bytes={header}", size)
    except UnsatisfiableError:
        return
    assert span is None or 0 <= span.start < span.end <= size
