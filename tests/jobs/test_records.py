"""Splitting bulk bodies: any list of leads survives each form, whatever the parts it is cut into."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callfloor.jobs.imports import json_rows
from callfloor.jobs.imports import rows as records
from callfloor.jobs.imports.rows import How, Reading, RecordsError
from callfloor.rules.imports.import_text import Form

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | text | st.sampled_from(["}, {", '"},{"', "]}", "\\"])
)
leads = st.lists(
    st.dictionaries(text, scalars | st.dictionaries(text, scalars, max_size=3), max_size=5) | scalars,
    min_size=1,
    max_size=30,
)


def reading(body: bytes, form: Form, **how: Any) -> Reading:
    return records.read(io.BytesIO(body), How(form=form, country="AU", **how))


def read(body: bytes, form: Form, **how: Any) -> list[Any]:
    return [msgspec.json.decode(line) if line else None for line, _ in reading(body, form, **how).rows()]


def refusal(body: bytes, form: Form, **how: Any) -> RecordsError:
    with pytest.raises(RecordsError) as caught:
        read(body, form, **how)
    return caught.value


@given(leads, st.sampled_from([None, 1, 3]), st.integers(1, 64), st.booleans(), st.sampled_from(["", "\ufeff"]))
def test_any_leads_survive_json_whatever_the_parts(
    sent: list[Any], indent: int | None, size: int, unicode: bool, mark: str
) -> None:
    body = (mark + json.dumps({"leads": sent}, indent=indent, ensure_ascii=unicode)).encode()
    with patch.object(json_rows, "PART", size):
        assert read(body, "json") == sent


@given(leads, st.sampled_from(["utf-16", "utf-32", "utf-8-sig"]))
def test_any_leads_survive_json_and_ndjson_behind_a_mark_of_another_unicode(sent: list[Any], encoding: str) -> None:
    assert read(json.dumps({"leads": sent}, ensure_ascii=False).encode(encoding), "json") == sent
    assert read("\n".join(json.dumps(lead) for lead in sent).encode(encoding), "ndjson") == sent


@given(leads)
def test_any_leads_survive_ndjson(sent: list[Any]) -> None:
    assert read("\n\n".join(json.dumps(lead) for lead in sent).encode(), "ndjson") == sent


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(
    st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=20),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_any_cells_survive_csv_whatever_separates_and_encodes_them(
    sent: list[tuple[str, str, str]], separator: str, encoding: str
) -> None:
    rows = [(f"k{number}", *row[1:]) for number, row in enumerate(sent)]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(["customerKey", "plan", "note"])
    writer.writerows(rows)
    found = read(out.getvalue().encode(encoding), "csv", separator=separator)
    got = [(row["customerKey"], *(row.get("leadData", {}).get(name, "") for name in ("plan", "note"))) for row in found]
    assert got == [tuple("" if cell.isspace() else cell for cell in row) for row in rows]


@given(st.binary(max_size=300), st.sampled_from(["json", "csv", "ndjson", "xlsx"]))
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(body: bytes, form: Form) -> None:
    try:
        found = read(body, form)
    except RecordsError:
        return
    assert found


@given(leads, st.integers(0, 200), st.binary(min_size=1, max_size=2), st.integers(1, 64))
@example([{"a": 1}, {"b": 2}], 12, b"1e999", 16)
def test_a_damaged_body_is_never_taken_for_another_list(sent: list[Any], at: int, damage: bytes, size: int) -> None:
    body = json.dumps({"leads": sent}).encode()
    at %= len(body)
    damaged = body[:at] + damage + body[at + 1 :]
    with patch.object(json_rows, "PART", size):
        try:
            found = read(damaged, "json")
        except RecordsError:
            return
    assert found == json.loads(damaged)["leads"]


HUGE = "1" * 4301


@pytest.mark.parametrize(
    "value", [HUGE, f"-{HUGE}", f"{HUGE}.5", "1e" + "9" * 20, "-1e400", "1E999999", f'{{"leadData": {{"n": {HUGE}}}}}']
)
@pytest.mark.parametrize("around", ["%s", '{"listId": %s}', '[{"a": %s}]'])
def test_a_number_that_nobody_can_hold_is_refused_with_its_place(value: str, around: str) -> None:
    row = around % value
    error = refusal(f'{{"leads": [{{}}, {row}]}}'.encode(), "json")
    assert (error.kind, "Row 1 " in str(error), "out of range" in str(error)) == ("malformed", True, True)
    assert "line 2" in str(refusal(f"{{}}\n{row}".encode(), "ndjson"))


@pytest.mark.parametrize("value", ["1e400", '"a\\ud800"', HUGE])
def test_what_nobody_can_keep_is_refused_with_its_row_and_field(value: str) -> None:
    row = f'{{"leadData": {{"n": {value}}}}}'
    for body, form in ((f'{{"leads": [{{}}, {row}]}}', "json"), (f"{{}}\n{row}", "ndjson")):
        error = refusal(body.encode(), form)  # type: ignore[arg-type]
        assert re.match(r"Row 1 (\(line 2\) )?cannot be kept: leadData\.n ", str(error))


def test_a_cell_of_thousands_of_digits_stays_text_for_the_report() -> None:
    (row,) = read(f"customerKey,listId\nk,{HUGE}\n".encode(), "csv")
    assert row == {"customerKey": "k", "listId": HUGE}


@pytest.mark.parametrize(
    ("body", "row", "byte"),
    [
        ('{"leads": [{"a": 1}, {"a": }]}', 1, 27),
        ('{"leads": [{"a": 1}, {"a": "x}]}', 1, 32),
        ('{"leads": [{"a": 1} {"a": 2}]}', 0, 20),
        ('{"leads": [{"a": 1},, {"a": 2}]}', 1, 20),
        ('{"leads": [{"a": 1}, ]}', 1, 21),
        ('{"leads": [{"a": 1}', 0, 19),
        ('{"leads": [{"a": 1}]', 1, 20),
        ('{"leads": [{"a": 1}]} x', 1, 22),
        ('{"leads": [{"a": 01}]}', 0, 18),
        ('{"leads" [{"a": 1}]}', 0, 9),
        ("{'leads': [{'a': 1}]}", 0, 1),
    ],
)
@pytest.mark.parametrize("size", [8, 1024 * 1024])
def test_malformed_json_says_in_which_row_and_at_which_byte(body: str, row: int, byte: int, size: int) -> None:
    with patch.object(json_rows, "PART", size):
        error = refusal(body.encode(), "json")
    assert error.kind == "malformed"
    assert re.search(rf"[Rr]ow {row}\b", str(error)), error
    place = re.search(r"\(byte (\d+)\)", str(error))
    assert place is not None, error
    assert abs(int(place[1]) - byte) <= 1, error


def test_json_that_is_nested_deeply_is_refused_wherever_it_is() -> None:
    for deep in ("[" * 40 + "]" * 40, '{"a":' * 40 + "1" + "}" * 40, '{"a": [[], {"b":' + "[" * 40 + "]" * 40 + "}]}"):
        assert "deeply" in str(refusal(f'{{"leads": [{{}}, {deep}, {{}}]}}'.encode(), "json"))
        assert "deeply" in str(refusal(f"{deep}\n".encode(), "ndjson"))
    assert read(b'{"leads": [' + b"[" * 20 + b"]" * 20 + b"]}", "json")


def test_a_row_over_its_limit_is_refused_however_it_is_cut() -> None:
    row = json.dumps({"a": "x" * records.LONGEST_ROW})
    for body in (f'{{"leads": [{row}]}}', f'{{"leads": [{{}}, {row}, {{}}]}}', f'{{"leads": [{{}}, {row * 3}'):
        assert "longer than 1 MiB" in str(refusal(body.encode(), "json"))


def test_more_rows_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MOST_ROWS", 3)
    assert len(read(b'{"leads": [{}, {}, {}]}', "json")) == 3
    assert refusal(b'{"leads": [{}, {}, {}, {}]}', "json").kind == "too-large"


# Tables


def test_ragged_rows_are_kept_for_the_report() -> None:
    assert read(b"customerKey,plan\na\nb,x,y\nc,x,,\n", "csv") == [
        ["has 1 cell where the header has 2", {"customerKey": "a"}, []],
        ["has 1 cell more than the header has columns", {"customerKey": "b", "leadData": {"plan": "x"}}, ["y"]],
        {"customerKey": "c", "leadData": {"plan": "x"}},
    ]


def test_rows_of_nothing_but_separators_are_no_leads_and_a_total_is_refused() -> None:
    found = read(b"customerKey,phone1,plan\n,,\na,,\n , ,\n\n,,Total: 2\n", "csv")
    assert found[:3] == [None, {"customerKey": "a"}, None]
    assert found[3][0].startswith("has no value in a column that is a field")
    assert len(found) == 4


def test_columns_without_a_name_are_passed_over_when_they_are_empty() -> None:
    assert read(b"customerKey,,plan,,\nk,,gold,,\n", "csv") == [{"customerKey": "k", "leadData": {"plan": "gold"}}]
    assert "Column 2 has values" in str(refusal(b"customerKey,,plan\nk,x,gold\n", "csv"))


def test_an_empty_cell_clears_only_where_that_is_wanted() -> None:
    body = b"customerKey,phone1,plan\nk,,\n"
    assert read(body, "csv") == [{"customerKey": "k"}]
    assert read(body, "csv", clears=True) == [{"customerKey": "k", "phone1": None, "leadData": {"plan": None}}]


def test_rows_know_their_lines() -> None:
    body = b'sep=,\r\n\r\ncustomerKey,note\r\na,"x\r\ny"\r\n\r\nb,\r\n'
    assert [line for _, line in reading(body, "csv").rows()] == [4, 7]
    assert [line for _, line in reading(b'\n{"a":1}\n\n{"a":2}', "ndjson").rows()] == [2, 4]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", ["phone1,customerKey", "Phone,Name,Plan", "Mobile No,Ref", "Phone,DoNotCall"])
def test_the_separator_is_found(separator: str, header: str) -> None:
    names = header.split(",")
    body = separator.join(names) + "\n" + "".join(separator.join(["0491570156", *["1"] * len(names[1:])]) + "\n" * 3)
    found = reading(body.encode(), "csv")
    assert found.separator == separator
    assert [row for row, _ in found.rows() if b"phone1" in row]


@pytest.mark.parametrize(
    ("body", "separator"),
    [
        ("sep=;\nphone1;note\n0491570156;a,b,c\n", ";"),
        ('"sep=|"\r\nphone1|note\r\n0491570156|x\r\n', "|"),
        ("phone1\n0491570156\n", ","),
        ("phone1;notes, of any kind\n0491570156;x\n", ";"),
        ("Phone;Amount\n0491570156;1,50\n0491570157;2,50\n", ";"),
    ],
)
def test_the_separator_is_found_where_others_stand_in_cells(body: str, separator: str) -> None:
    found = reading(body.encode(), "csv")
    assert found.separator == separator
    assert next(found.rows())[0].startswith(b'{"phone1":"0491570156"')


@pytest.mark.parametrize(("named", "separator"), [("tab", "\t"), ("~", "~"), ("Semicolon", ";"), (r"\t", "\t")])
def test_the_separator_may_be_named(named: str, separator: str) -> None:
    assert read(f"phone1{separator}plan\n0491570156{separator}x\n".encode(), "csv", separator=named)
    assert refusal(b"phone1\nx\n", "csv", separator="ab").parameter == "delimiter"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("windows-1252", None), ("latin-1", None), ("utf-16-le", None), ("utf-16-be", None), ("utf-16", None),
        ("utf-8-sig", None), ("windows-1252", "windows-1252"), ("iso-8859-1", "ISO-8859-1"), ("mac-roman", "macintosh"),
        ("windows-1250", "windows-1250"), ("utf-16", "utf-16"),
    ],
)  # fmt: skip
def test_the_encoding_is_found_or_named(encoding: str, said: str | None) -> None:
    body = "phone1,name\n0491570156,José Müller\n".encode(encoding)
    assert read(body, "csv", charset=said)[0]["leadData"] == {"name": "José Müller"}


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("Иван Петров", "windows-1251"), ("Łódź", "windows-1250"), ("山田太郎", "shift_jis"), ("王", "gbk")],
)
def test_an_encoding_that_may_be_another_is_asked_for(name: str, encoding: str) -> None:
    body = f"phone1,name\n0491570156,{name}\n".encode(encoding)
    assert "Content-Type" in str(refusal(body, "csv"))
    assert read(body, "csv", charset=encoding)[0]["leadData"] == {"name": name}


def test_where_another_code_page_is_usual_windows_1252_is_not_guessed() -> None:
    body = "phone1,name\n+48600000000,Dvořák\n".encode("windows-1250")
    with pytest.raises(RecordsError, match="windows-1250"):
        list(records.read(io.BytesIO(body), How(form="csv", country="CZ")).rows())


def archive(*parts: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for part in parts:
            file.writestr(part, "x")
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><body><table><tr><td>phone1</td></tr></table>", "web page"),
        (b"\xef\xbb\xbf  <html xmlns:x='urn:x'>", "web page"),
        (b"<table><tr><td>phone", "web page"),
        (b"<?xml version='1.0'?><Workbook>", "XML"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "XLSX"),
        (b"\x1f\x8b\x08\x00" + b"x" * 50, "gzip"),
        (b"%PDF-1.7\n", "PDF"),
        (b'{"leads": [{"phone1": "1"}]}', "application/json"),
        (b'\n[ {"phone1": "1"}]', "application/json"),
        (b"{\\rtf1\\ansi phone1\\par 0491570156}", "RTF"),
        (b"Rar!\x1a\x07\x00", "RAR"),
        (b"7z\xbc\xaf\x27\x1c\x00", "7z"),
        (b"BEGIN:VCARD\nTEL:0491570156\n", "vCard"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"\x89PNG\r\n", "picture"),
        (archive("word/document.xml"), "Word"),
        (archive("content.xml", "mimetype"), "OpenDocument"),
        (archive("xl/workbook.bin"), "xlsb"),
        (archive("leads.csv"), "ZIP"),
        (b"name,plan\nJane,gold\n", "No column has the name of a field"),
        (b"0491570156,Jane\n", "row of data"),
        (b'phone1\n"x\ny\n', "quote is not closed"),
        (b"phone1\n" + b"x" * 5_000_000, "longer than"),
        (b"\0" * 100, "NUL"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(body: bytes, said: str) -> None:
    assert said in str(refusal(body, "csv"))


def test_what_is_no_json_is_called_what_it_is() -> None:
    assert "a PDF" in str(refusal(b"%PDF-1.7\n", "json"))
    assert "in RTF" in str(refusal(b"{\\rtf1", "ndjson"))


def test_names_of_columns_in_brackets_are_no_json() -> None:
    assert read(b"[Phone];[Plan]\n0491570156;gold\n", "csv") == [
        {"phone1": "0491570156", "leadData": {"[Plan]": "gold"}}
    ]


def test_a_table_without_a_list_is_refused_before_any_row() -> None:
    error = refusal(b"phone1\n0491570156\n", "csv", list_given=False)
    assert (error.kind, error.parameter) == ("invalid", "listId")
    assert read(b"phone1,List ID\n0491570156,7\n", "csv", list_given=False) == [{"phone1": "0491570156", "listId": 7}]
