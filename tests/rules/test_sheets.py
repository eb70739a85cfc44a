"""A report can be opened as a table whatever people are called and typed, and nothing in it is run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from callfloor.contract.reports import FigureRow, Figures, MeasureInfo, PausedFor
from callfloor.rules.figures.sheets import csv_of, xlsx_of

AT = datetime(2021, 8, 1, tzinfo=UTC)
# what PostgreSQL keeps: no NUL, no half of a character
hostile = st.sampled_from(
    ["=cmd|' /C calc'!A0", "@SUM(1)", "+1", "-1", "\t=1", "\r=1", "'=1", "\x01", "a\x0bb", "\x1f=1", "\ufffe", "\x7f",
     "x" * 40_000, "</t><f>1</f>", "]]>", "\n=1"]
)  # fmt: skip
texts = hostile | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


def figures(name: str, key: str, reason: str) -> Figures:
    paused = [PausedFor(reason, 5), PausedFor(None, 7)]
    measure = MeasureInfo("pausedByReason", "Paused", "seconds", ["agent"], False)
    row = FigureRow(AT, AT, key, name, None, True, None, None, {"pausedByReason": list(paused)})
    return Figures(AT, AT, "UTC", "none", "agent", AT, [measure], [row], {"pausedByReason": list(paused)})


@settings(max_examples=60)
@given(texts, texts, texts)
def test_no_text_keeps_a_report_from_being_written_or_is_run_as_a_formula(name: str, key: str, reason: str) -> None:
    book = load_workbook(io.BytesIO(xlsx_of(figures(name, key, reason))))
    cells = [cell for row in book["Report"].iter_rows() for cell in row]
    assert [cell.value for cell in cells if cell.data_type == "f"] == []
    assert [cell.value for cell in cells if isinstance(cell.value, str) and cell.value[:1] in "=+-@\t\r"] == []
    text = csv_of(figures(name, key, reason)).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert [cell for row in rows for cell in row if cell[:1] and cell[:1] in "=+-@\t\r"] == []
