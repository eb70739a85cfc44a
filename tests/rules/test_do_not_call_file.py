from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.privacy.do_not_call_file import Entry, Mistake, Reading, entries

NOW = datetime(2026, 11, 24, tzinfo=UTC)
READING = Reading("AU", ZoneInfo("Australia/Sydney"), (), NOW)


@given(st.lists(st.text(max_size=40), max_size=6))
def test_any_lines_are_entries_or_mistakes_with_their_line(lines: list[str]) -> None:
    found = list(entries(["phone,reason,expires\n", *lines], READING))
    for each in found:
        if isinstance(each, Mistake):
            assert each.line >= 1
            assert each.message
        else:
            assert each.number.startswith("+")
            assert each.expires_at is None or each.expires_at > NOW


_REASONS = st.text(st.characters(categories=["L", "N", "P", "Zs"], max_codepoint=0x2FF), max_size=30).map(str.strip)


@given(st.lists(st.tuples(st.sampled_from(["0491570156", "+61491570157"]), _REASONS), max_size=8))
def test_what_a_spreadsheet_writes_is_read_back(rows: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([("phone", "reason"), *rows])
    found = list(entries(io.StringIO(text.getvalue(), newline=""), READING))
    printable = [reason if reason.isprintable() else None for _, reason in rows]
    for each, reason in zip(found, printable, strict=True):
        assert (
            isinstance(each, Mistake) if reason is None else isinstance(each, Entry) and (each.reason or "") == reason
        )


@pytest.mark.parametrize(
    "text",
    [
        "Phone;Reason\n0491570156;by letter\n",
        "sep=;\nphone;reason\n0491570156;by letter\n",
        "Mobile No.\tREASON\n0491570156\tby letter\n",
        "reason|Telephone\nby letter|0491570156\n",
        "\n\nPHONE;reason\n0491570156;by letter\n",
    ],
)
def test_separators_and_names_of_columns_are_those_that_people_write(text: str) -> None:
    (found,) = entries(io.StringIO(text, newline=""), READING)
    assert isinstance(found, Entry)
    assert (found.number, found.reason) == ("+61491570156", "by letter")


def test_lines_are_counted_behind_a_line_that_names_the_separator() -> None:
    (found,) = entries(io.StringIO("sep=;\nphone;reason\n12;x\n", newline=""), READING)
    assert isinstance(found, Mistake)
    assert found.line == 3
