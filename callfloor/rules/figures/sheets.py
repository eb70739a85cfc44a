"""A report as a table for spreadsheets: CSV and XLSX. Nothing in it is taken for a formula. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from callfloor.contract.reports import Figure, FigureRow, Figures, PausedFor
from callfloor.rules.values.spreadsheet_cells import neutral

Cell = str | int | float | datetime | None
# What XML 1.0 has no place for (2.2, Char).
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def csv_of(figures: Figures) -> bytes:
    """UTF-8 with a byte-order mark, by which spreadsheets know it; measures by their names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in _table(figures, [each.name for each in figures.measures]):
        writer.writerow([each.isoformat() if isinstance(each, datetime) else each for each in row])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def xlsx_of(figures: Figures) -> bytes:
    """One sheet, measures by their titles; times are those of the report's zone."""
    # many processes load this module, and few write a workbook
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Report")
    sheet.freeze_panes = "A2"
    units = {"seconds": " (s)", "milliseconds": " (ms)"}
    titles = [f"{each.title}{units.get(each.unit, '')}" for each in figures.measures]
    for row in _table(figures, titles):
        sheet.append([_in_workbook(each) for each in row])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _in_workbook(cell: Cell) -> Cell:
    """It knows no zones, and XML 1.0 no controls: a reason that an agent typed is not to keep the report from all."""
    if isinstance(cell, datetime):
        return cell.replace(tzinfo=None)
    return _CONTROLS.sub("\ufffd", cell) if isinstance(cell, str) else cell


def _table(figures: Figures, titles: Sequence[str]) -> Iterator[list[Cell]]:
    """The header, and a line a row; the last line is the total."""
    names = [each.name for each in figures.measures]
    # seconds by reason: a column each
    split = {
        name: [_called(each) for each in value] for name, value in figures.total.items() if isinstance(value, list)
    }
    head: list[Cell] = ["begin", "end", figures.group_by, "name", "campaignId"]
    for name, title in zip(names, titles, strict=True):
        head += [neutral(f"{title}: {reason}") for reason in split[name]] if name in split else [title]
    yield head
    for row in figures.rows:
        yield [*_keys(row), *_values(row.figures, names, split)]
    yield [figures.begin, figures.end, "total", None, None, *_values(figures.total, names, split)]


def _keys(row: FigureRow) -> list[Cell]:
    key = neutral(row.key) if isinstance(row.key, str) else row.key
    return [row.begin, row.end, key, None if row.name is None else neutral(row.name), row.campaign_id]


def _values(figures: Mapping[str, Figure], names: Sequence[str], split: Mapping[str, Sequence[str]]) -> Iterator[Cell]:
    for name in names:
        value = figures[name]
        if isinstance(value, list):
            seconds = {_called(each): each.seconds for each in value}
            yield from (seconds.get(reason, 0) for reason in split[name])
        else:
            yield value


def _called(paused: PausedFor) -> str:
    return paused.reason or "without a reason"
