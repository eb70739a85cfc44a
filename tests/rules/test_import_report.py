"""The table of wrong rows comes back as the rows that were sent, whatever they were."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.imports.import_cells import LINE, REPORT, is_absent, plain, table_of
from callfloor.rules.imports.import_report import Shape
from callfloor.rules.imports.import_words import FIELDS

names = st.sampled_from(
    ["plan", "phone1", "Phone", "reason", "rowNumber", "importId", "row", "x:json", "extra.1", "unknown.a", "leadData",
     "leadData.a", "=1", "'=1", "@a", "phoen1", "", " a ", "id", "0491570156"]
) | st.text(max_size=8)  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "true",
        "1",
        "1.5",
        "null",
        "n/a",
        '="049"',
        "0491570156",
        '{"a": 1}',
        '"x"',
        " ",
        "0049 30",
        "1e5",
        "007",
        "=cmd|' /C calc'!A0",
        "+61491570156",
        "-1",
        "@x",
        "\tx",
        "\r=1",
        "'",
        "'=1",
        "''+1",
        "'x",
        "=",
        "-1.5",
    ]
)
scalars = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
values = scalars | texts | st.dictionaries(names, scalars | texts, max_size=3) | st.lists(scalars, max_size=2)
leads = st.dictionaries(st.sampled_from(FIELDS) | names, values, max_size=5)
usual = st.builds(
    lambda lead, unknown, data: lead | unknown | {"leadData": data},
    st.dictionaries(st.sampled_from(FIELDS), texts | scalars, max_size=4),
    st.dictionaries(st.sampled_from(["phoen1", "leadId", "unknown.a", "plan", "Phone"]), texts | scalars, max_size=1),
    st.dictionaries(
        st.sampled_from(["plan", "phone1", "Phone", "reason", "extra.1", "leadData.a", "unknown.a", "x:json", "row"]),
        texts | scalars,
        max_size=4,
    ),
)
odd = (
    st.builds(
        lambda lead, data: lead | ({"leadData": data} if data is not None else {}),
        leads,
        st.none() | st.dictionaries(names, values, max_size=5),
    )
    | values
)
rows = st.one_of(usual, usual, usual, odd)


Columns = list[tuple[str, str | None]]


def sent_again(found: list[Any], columns: Columns | None = None, *, clears: bool = False, times: int = 3) -> list[Any]:
    """What is read of the report of these rows, and of the report of those that are refused again; every other report
    is one for a program (`raw`)."""
    for time in range(times):
        found, columns = _sent_once(found, columns, clears, raw=time % 2 == 1)
    return found


def _sent_once(found: list[Any], columns: Columns | None, clears: bool, *, raw: bool) -> tuple[list[Any], Columns]:
    shape = Shape(columns, clears=clears, raw=raw)
    for row in found:
        shape.see(row)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(shape.header())
    for number, row in enumerate(found):
        writer.writerow([*shape.cells(row), *shape.added(number, number + 2, "a; b", "7f3f2c1e")])
    table = list(csv.reader(io.StringIO(out.getvalue(), newline=""), strict=True))
    # nothing is a formula to a spreadsheet
    assert raw or not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cells in table for cell in cells)
    read_as = table_of(table[0], {"Cell": "phone1"}, "AU", clears=clears)
    read = read_as.reader()
    lines = [read(cells) for cells in table[1:]]
    return [msgspec.json.decode(line) if line else None for line in lines], read_as.columns


@given(st.lists(rows, min_size=1, max_size=6))
def test_any_json_rows_come_back_as_they_were_sent(found: list[Any]) -> None:
    # as the import keeps them
    kept = [msgspec.json.decode(json.dumps(row)) for row in found]
    assert sent_again(kept) == kept


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)


own = st.sampled_from(
    [
        "plan",
        "plan:json",
        "phone1:json",
        "unknown.a",
        "extra.1",
        "row:json",
        "leadData.b:json",
        "row",
        "=1+1",
        "'=x",
        "-",
    ]
)


@given(st.lists(st.lists(cells, min_size=6, max_size=8), min_size=1, max_size=6), st.booleans(), own)
def test_any_rows_of_a_table_come_back_as_they_were_sent(found: list[list[str]], clears: bool, name: str) -> None:
    table = table_of(["Ref", "Mobile", "Phone Type", "reason", "isCompleted", name], {}, "AU", clears=clears)
    read = table.reader()
    lines = [line for row in found if (line := read(row))]
    kept = [msgspec.json.decode(line) for line in lines]
    again = sent_again(kept, table.columns, clears=clears)
    assert again == kept


def test_a_report_keeps_the_names_of_own_columns_where_nothing_else_is_called_so() -> None:
    columns: Columns = [
        ("Ref", "customerKey"),
        ("Cell", "phone1"),
        ("plan", "leadData.plan"),
        ("reason", "leadData.reason"),
    ]
    shape = Shape(columns, clears=False)
    shape.see({"customerKey": "k", "phone1": "12", "leadData": {"plan": "gold", "reason": "mine"}})
    assert shape.header() == [
        "customerKey", "phone1", "plan", "leadData.reason", "rowNumber", "lineNumber", "reason", "importId",
    ]  # fmt: skip


def test_what_text_cannot_say_stands_as_json_and_what_is_unknown_stays_unknown() -> None:
    sent = {"listId": 7, "phoen1": "0491570156", "leadData": {"vip": True, "n": 1.5, "plan": "gold", "phone1": "x"}}
    shape = Shape(None, clears=False)
    shape.see(sent)
    assert sorted(shape.header()[:-3]) == [
        "leadData.phone1", "listId", "n:json", "plan", "unknown.phoen1", "vip:json",
    ]  # fmt: skip
    assert sent_again([sent]) == [sent]


def test_a_mended_cell_of_json_may_hold_plain_text() -> None:
    read = table_of(["phone1:json", "rowNumber", "reason", "importId"], {}, "AU", clears=False).reader()
    assert msgspec.json.decode(read(["0491 570 156", "0", "r", "i"])) == {"phone1": "0491 570 156"}


def test_an_empty_cell_of_json_says_nothing_where_other_empty_cells_clear() -> None:
    header = ["phone1", "plan", "n:json", "leadData:json", "statusCode:json", "row:json", *REPORT, LINE]
    read = table_of(header, {}, "AU", clears=True).reader()
    assert msgspec.json.decode(read(["0491570156", "", "", "", "", "", "0", "r", "i", "2"])) == {
        "phone1": "0491570156", "leadData": {"plan": None},
    }  # fmt: skip
    assert msgspec.json.decode(read(["0491570156", "", "null", "", "null", "", "0", "r", "i", "2"])) == {
        "phone1": "0491570156", "statusCode": None, "leadData": {"plan": None, "n": None},
    }  # fmt: skip


def test_numbers_in_cells_are_bounded() -> None:
    assert plain("listId", " 12 ") == plain("listId", "12.0") == 12
    assert plain("listId", "1" * 4301) == "1" * 4301
    assert plain("listId", "-1") == "-1"
    assert plain("phone1", '="0491570156"') == "0491570156"
    read = [plain("isCompleted", text) for text in ("TRUE", "no", "Y", "0", "maybe")]
    assert read == [True, False, True, False, "maybe"]


def test_what_says_that_there_is_no_phone_is_none() -> None:
    assert all(map(is_absent, ["n/a", "N/A", "-", "none", "NULL", " nil ", "#N/A", "—", "Unknown", "na"]))
    assert not any(map(is_absent, ["0491570156", "12", "call mum", "0", "no idea at all really"]))
