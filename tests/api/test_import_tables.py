"""Tables as people have them: which column became what is said, and what cannot be called is counted."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import datetime, time, timedelta
from typing import Any

import openpyxl
import pytest

from callfloor.store.db.pool import Database
from tests.api.test_imports import CSV, JSON, NDJSON, accept, faults, finish, leads, run, state
from tests.conftest import Centre

XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


def workbook(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def phones(centre: Centre) -> list[list[str]]:
    return [[phone["phoneNumber"] for phone in lead["phones"]] for lead in await leads(centre)]


@pytest.mark.parametrize("query", ["", "&dryRun=true"])
async def test_the_answer_and_the_result_say_which_column_became_what(centre: Centre, db: Database, query: str) -> None:
    body = "Customer ID;Mobile No.;Plan;Junk\nk1;0491 570 156;gold;x\nk2;n/a;;\n;;;\nk3;;silver;\n;;Total 3;\n"
    path = f"/leads/bulk?listId={centre.list_id}&map=Junk=-{query}"
    answer = await centre.client.post(path, content=body.encode(), headers=CSV)
    columns = {"Customer ID": "customerKey", "Mobile No.": "phone1", "Plan": "leadData.Plan", "Junk": None}
    assert answer.status_code == 202, answer.text
    assert answer.json()["columns"] == columns
    await finish(db)
    result = (await state(centre, answer.json()["uuid"]))["result"]
    assert result == {
        "rows": 5, "inserted": 3, "updated": 0, "skipped": 1, "invalid": 1, "processed": 5, "withoutPhone": 2,
        "notCalled": 0,
        "emptyRows": 1, "absentPhones": 1, "duplicatePhones": 0, "unknownRanges": 0,
        "columns": columns, "failure": None,
    }  # fmt: skip
    if not query:
        assert [lead["dataFields"] for lead in await leads(centre)] == [{"Plan": "gold"}, {}, {"Plan": "silver"}]
        assert await phones(centre) == [["+61491570156"], [], []]


async def test_do_not_call_and_completed_as_columns_do_what_they_say(centre: Centre, db: Database) -> None:
    body = "Phone,DoNotCall,isCompleted\n0491570156,Y,\n0491570157,no,TRUE\n0491570158,,maybe\n0491570159,perhaps,\n"
    uuid, result = await run(centre, db, body.encode(), CSV, f"listId={centre.list_id}")
    assert (result["inserted"], result["invalid"]) == (2, 2)
    first, second = await leads(centre)
    assert (first["lastStatusCode"], first["completed"]) == (11, False)
    assert (second["lastStatusCode"], second["completed"]) == (0, True)
    assert await faults(centre, uuid) == {"2": {"isCompleted"}, "3": {"doNotCall"}}


async def test_a_row_that_says_two_things_of_do_not_call_is_refused(centre: Centre, db: Database) -> None:
    body = b"phone1,dnc,statusCode\n0491570156,yes,0\n0491570156,yes,11\n"
    uuid, result = await run(centre, db, body, CSV, f"listId={centre.list_id}")
    assert (result["inserted"], await faults(centre, uuid)) == (1, {"0": {"doNotCall"}})


async def test_own_columns_named_as_the_reports_are_kept(centre: Centre, db: Database) -> None:
    body = b"customerKey,phone1,rowNumber,reason,importId\nk,12,7,moved,i\n"
    uuid, _ = await run(
        centre, db, body.replace(b",importId", b"").replace(b",i\n", b"\n"), CSV, f"listId={centre.list_id}"
    )
    report = await centre.client.get(f"/leads/bulk/{uuid}/errors", headers={"Accept": "text/csv"})
    mended = report.text.replace(",12,", ",0491570156,")
    _, again = await run(centre, db, mended.encode(), CSV, f"listId={centre.list_id}")
    assert (again["inserted"], again["invalid"]) == (1, 0)
    (lead,) = await leads(centre)
    assert lead["dataFields"] == {"rowNumber": "7", "reason": "moved"}


async def test_what_was_refused_in_json_comes_back_as_it_was_but_for_what_was_mended(
    centre: Centre, db: Database
) -> None:
    data = {"vip": True, "score": 1.5, "n": None, "plan": "gold", "phone1": "own", "big": 2**53, "zip": "007", "q": ""}
    rows = [
        {"listId": centre.list_id, "phone1": "12", "customerKey": "a", "leadData": data},
        {"listId": centre.list_id, "phoen1": "0491570157", "customerKey": "b", "leadData": {"plan": "1"}},
        {"listId": centre.list_id, "phone1": "0491570158", "customerKey": "c", "leadData": {"deep": {"a": [1]}}},
    ]
    uuid, result = await run(centre, db, json.dumps({"leads": rows}).encode(), JSON)
    assert result["invalid"] == 3
    report = await centre.client.get(f"/leads/bulk/{uuid}/errors", headers={"Accept": "text/csv"})
    _, same = await run(centre, db, report.content, CSV)
    assert (same["inserted"], same["invalid"]) == (0, 3)
    table = list(csv.DictReader(io.StringIO(report.text)))
    assert table[1]["unknown.phoen1"] == "0491570157"
    table[0]["phone1"], table[1]["phone1"], table[1]["unknown.phoen1"] = "0491570156", "0491570157", ""
    table[2]["deep:json"] = "3"
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]))
    writer.writeheader()
    writer.writerows(table)
    _, again = await run(centre, db, out.getvalue().encode(), CSV)
    assert (again["inserted"], again["invalid"]) == (3, 0)
    found = {lead["customerKey"]: lead["dataFields"] for lead in await leads(centre)}
    assert found == {"a": data, "b": {"plan": "1"}, "c": {"deep": 3}}
    assert sorted(await phones(centre)) == [["+61491570156"], ["+61491570157"], ["+61491570158"]]


async def test_phones_that_stand_twice_or_in_no_known_range_are_counted(centre: Centre, db: Database) -> None:
    await db.execute(
        "UPDATE organisations SET new_number_ranges = '{AU}' WHERE organisation_id = $1", centre.organisation
    )
    body = (
        b"key,phone1,phone2,phone3\nk1,0491570156,+61491570156,0491 570 157\nk2,0123456780,0411111111,\n"
        b"k3,0123456780,0123456780,n/a\nk4,12,0491570156,0491570156\n"
    )
    _, result = await run(centre, db, body, CSV, f"listId={centre.list_id}")
    names = ("inserted", "invalid", "duplicatePhones", "unknownRanges", "absentPhones")
    assert [result[name] for name in names] == [3, 1, 2, 2, 1]
    again = b"key,phone3\nk1,0491570156\n"
    _, result = await run(centre, db, again, CSV, f"listId={centre.list_id}&onDuplicate=update")
    assert (result["updated"], result["duplicatePhones"]) == (1, 1)


async def test_faults_of_cells_are_told_in_words_of_a_table(centre: Centre, db: Database) -> None:
    body = b"phone1,agentId,statusCode,isCompleted,listId\n0491570156,Jane,1.5,perhaps,x\n"
    uuid, _ = await run(centre, db, body, CSV, f"listId={centre.list_id}")
    found = (await centre.client.get(f"/leads/bulk/{uuid}/errors")).json()["errorList"]["0"]
    assert {fault["field"]: fault["message"] for fault in found} == {
        "agentId": "must be a whole number", "statusCode": "must be a whole number", "isCompleted": "must be yes or no",
        "listId": "must be a whole number",
    }  # fmt: skip


async def test_rows_are_named_by_their_lines(centre: Centre, db: Database) -> None:
    body = b'customerKey,phone1\na,"0491570156"\n\nb,12\n"c\nd",1\n'
    uuid, _ = await run(centre, db, body, CSV, f"listId={centre.list_id}")
    page = (await centre.client.get(f"/leads/bulk/{uuid}/errors")).json()
    assert page["lines"] == {"1": 4, "2": 5}
    report = await centre.client.get(f"/leads/bulk/{uuid}/errors", headers={"Accept": "text/csv"})
    assert [row["lineNumber"] for row in csv.DictReader(io.StringIO(report.text))] == ["4", "5"]
    uuid, _ = await run(centre, db, b'\n{"phone1": "1"}\n', NDJSON, f"listId={centre.list_id}")
    assert (await centre.client.get(f"/leads/bulk/{uuid}/errors")).json()["lines"] == {"0": 2}


async def test_a_workbook_is_read_as_its_csv_would_be(centre: Centre, db: Database) -> None:
    rows: list[list[Any]] = [
        ["Customer ID", "Phone", "Since", "At", "Active", "Share", None],
        [10000001, 491570156, datetime(2024, 5, 1), datetime(2024, 5, 1, 9, 30), True, 0.5, None],  # noqa: DTZ001
        ["k2", 61491570157.0, None, None, False, None, None],
        [],
        ["k3", "n/a", "x", None, None, 3.0, None],
        ["k4", 12, None, None, None, None, None],
    ]
    hidden = workbook(("Notes", [["a"]]), ("Leads", rows))
    uuid, result = await run(centre, db, hidden, XLSX, f"listId={centre.list_id}&sheet=leads")
    assert (result["rows"], result["inserted"], result["skipped"], result["invalid"]) == (5, 3, 1, 1)
    assert (result["withoutPhone"], result["columns"]["Phone"]) == (1, "phone1")
    assert await phones(centre) == [["+61491570156"], ["+61491570157"], []]
    first, _, third = await leads(centre)
    assert first["customerKey"] == "10000001"
    assert first["dataFields"] == {"Since": "2024-05-01", "At": "2024-05-01T09:30:00", "Active": "true", "Share": "0.5"}
    assert third["dataFields"] == {"Since": "x", "Share": "3"}
    assert (await centre.client.get(f"/leads/bulk/{uuid}/errors")).json()["lines"] == {"4": 6}


async def test_a_workbook_is_one_whatever_it_was_called(centre: Centre, db: Database) -> None:
    body = workbook(("One", [["phone"], ["0491570156"]]))
    _, result = await run(centre, db, body, CSV, f"listId={centre.list_id}")
    assert result["inserted"] == 1


async def test_times_of_day_and_durations_of_a_workbook_are_written_as_it_shows_them(
    centre: Centre, db: Database
) -> None:
    spans = [timedelta(hours=30, minutes=5), timedelta(minutes=-15), time(9, 30), timedelta(seconds=59.7)]
    body = workbook(("One", [["phone", "a", "b", "c", "d"], ["0491570156", *spans]]))
    await run(centre, db, body, XLSX, f"listId={centre.list_id}")
    (lead,) = await leads(centre)
    assert lead["dataFields"] == {"a": "30:05:00", "b": "-0:15:00", "c": "09:30:00", "d": "0:01:00"}


async def test_parameters_of_other_forms_are_refused_and_not_passed_over(centre: Centre, db: Database) -> None:
    bodies = {
        "json": (b'{"leads": [{"phone1": "0491570156"}]}', JSON),
        "ndjson": (b'{"phone1": "0491570156"}', NDJSON),
        "csv": (b"phone\n0491570156\n", CSV),
        "xlsx": (workbook(("One", [["phone"], ["0491570156"]])), CSV),
    }
    of = {"map=phone=phone1": ("csv", "xlsx"), "delimiter=,": ("csv",), "sheet=One": ("xlsx",)}
    for parameter, forms in (of | {"encoding=utf-8": ("csv", "json", "ndjson")}).items():
        for form, (body, headers) in bodies.items():
            path = f"/leads/bulk?listId={centre.list_id}&dryRun=true&{parameter}"
            answer = await centre.client.post(path, content=body, headers=headers)
            if form in forms:
                assert answer.status_code == 202, (form, parameter, answer.text)
                continue
            named = [error["parameter"] for error in answer.json()["errors"]]
            assert (answer.status_code, named) == (422, [parameter.partition("=")[0]]), (form, parameter)


async def test_json_in_a_declared_encoding_is_read_in_it(centre: Centre, db: Database) -> None:
    body = '{"leads": [{"phone1": "0491570156", "leadData": {"name": "José"}}]}'.encode("cp1252")
    headers = {"Content-Type": "application/json; charset=windows-1252"}
    await run(centre, db, body, headers, f"listId={centre.list_id}")
    assert (await leads(centre))[0]["dataFields"] == {"name": "José"}


def bomb(megabytes: int) -> bytes:
    """A workbook one of whose parts unpacks to so much."""
    out = io.BytesIO(workbook(("One", [["phone"], ["0491570156"]])))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * megabytes * 1024 * 1024)
    return out.getvalue()


ENTITY = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c t="inlineStr"><is><t>phone&b;</t></is></c></row></sheetData></worksheet>"""


def with_sheet(sheet: bytes) -> bytes:
    """A workbook with this XML in the place of its sheet."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(("One", [["phone"], ["1"]])))) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for part in source.namelist():
            archive.writestr(part, sheet if part == "xl/worksheets/sheet1.xml" else source.read(part))
    return out.getvalue()


FAR = b"""<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>phone</t></is></c></row>
<row r="99999999999"><c r="A99999999999"><v>1</v></c></row></sheetData></worksheet>"""


BEYOND = FAR.replace(b"99999999999", b"2").replace(b"<v>1<", b"<v>1E+999<")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (bomb(50), 413), (with_sheet(ENTITY), 400), (with_sheet(FAR), 400), (with_sheet(b"<worksheet"), 400),
        (with_sheet(b""), 400), (with_sheet(BEYOND), 400), (b"PK\x03\x04" + b"x" * 100, 400),
        (workbook(("One", [["phone"]])), 422),
        (workbook(("One", [["name"], ["Jane"]])), 422), (workbook(("One", [])), 422), (b"phone\n1\n", 400),
        (workbook(("One", [["phone"], ["0491570156"] * 1200])), 422),
    ],
    ids=[
        "bomb", "entities", "far", "cut", "empty", "beyond", "rubbish", "no rows", "no field", "no header", "csv",
        "wide",
    ],
)  # fmt: skip
async def test_a_workbook_that_cannot_be_read_is_refused_whole(
    centre: Centre, db: Database, body: bytes, status: int
) -> None:
    answer = await centre.client.post(f"/leads/bulk?listId={centre.list_id}", content=body, headers=XLSX)
    assert answer.status_code == status, answer.text
    assert await db.fetchval("SELECT count(*) FROM imports WHERE organisation_id = $1", centre.organisation) == 0


@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("leads.csv", "text/csv", b"phone;plan\n0491570156;gold\n"),
        ("leads.csv", "application/vnd.ms-excel", b"phone,plan\n0491570156,gold\n"),
        ("leads.tsv", "application/octet-stream", b"phone\tplan\n0491570156\tgold\n"),
        ("leads", "text/csv; charset=utf-16", "phone,plan\n0491570156,gold\n".encode("utf-16")),
        ("leads.json", "application/json", b'{"leads": [{"phone1": "0491570156", "leadData": {"plan": "gold"}}]}'),
        ("leads.xlsx", "application/octet-stream", workbook(("One", [["phone", "plan"], ["0491570156", "gold"]]))),
    ],
)
async def test_a_form_with_a_file_is_taken_as_browsers_send_it(
    centre: Centre, db: Database, name: str, kind: str, body: bytes
) -> None:
    answer = await centre.client.post(
        "/leads/bulk", files={"file": (name, body, kind)}, data={"listId": str(centre.list_id), "onDuplicate": "skip"}
    )
    assert answer.status_code == 202, answer.text
    await finish(db)
    (lead,) = await leads(centre)
    assert (lead["dataFields"], await phones(centre)) == ({"plan": "gold"}, [["+61491570156"]])


async def test_a_form_is_the_same_request_whatever_its_boundary(centre: Centre, db: Database) -> None:
    headers = {"Idempotency-Key": "form-1"}
    path, file = f"/leads/bulk?listId={centre.list_id}", {"file": ("a.csv", b"phone\n0491570156\n", "text/csv")}
    first = await centre.client.post(path, files=file, headers=headers)
    again = await centre.client.post(path, files=file, headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"


def form(*parts: str, boundary: str = "x") -> tuple[bytes, dict[str, str]]:
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"
    return body.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}


FILE = 'Content-Disposition: form-data; name="f"; filename="a.csv"\r\n\r\nphone\n0491570156\n'


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (form(), 422), (form('Content-Disposition: form-data; name="listId"\r\n\r\n1'), 422), (form(FILE, FILE), 422),
        (form(FILE, 'Content-Disposition: form-data; name="colour"\r\n\r\nred'), 422),
        (form(FILE, 'Content-Disposition: form-data; name="listId"\r\n\r\n999999999'), 422),
        (form(FILE, *['Content-Disposition: form-data; name="a"\r\n\r\n'] * 60), 413),
        (form(FILE, 'Content-Disposition: form-data; name="map"\r\n\r\n' + "x" * 100_000), 413),
        ((form(FILE)[0][:-8], form(FILE)[1]), 400), ((b"", form(FILE)[1]), 400),
        ((form(FILE)[0], {"Content-Type": "multipart/form-data"}), 400), ((b"rubbish", form(FILE)[1]), 400),
        (form("X: " + "y" * 100_000 + "\r\n\r\n"), 400),
        (form(FILE.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: base64\r\n\r\n")), 415),
        (form(FILE.replace("\r\n\r\n", "\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n")), 415),
    ],
)  # fmt: skip
async def test_a_form_that_cannot_be_read_is_refused_whole(
    centre: Centre, db: Database, sent: tuple[bytes, dict[str, str]], status: int
) -> None:
    answer = await centre.client.post("/leads/bulk", content=sent[0], headers=sent[1])
    assert answer.status_code == status, answer.text
    assert await db.fetchval("SELECT count(*) FROM imports WHERE organisation_id = $1", centre.organisation) == 0


async def test_a_row_of_thousands_of_faults_names_a_hundred_and_says_how_many_more(
    centre: Centre, db: Database
) -> None:
    row = {"listId": centre.list_id} | {f"field{n}": n for n in range(40_000)}
    data = {"listId": centre.list_id, "leadData": {f"f{n}": [n] for n in range(150)}}
    uuid = await accept(centre, json.dumps({"leads": [row, data]}).encode(), JSON)
    await finish(db)
    found = (await centre.client.get(f"/leads/bulk/{uuid}/errors")).json()["errorList"]
    assert all(len(each) <= 101 for each in found.values())
    assert "39,9" in found["0"][-1]["message"]
    assert "50 more" in found["1"][-1]["message"]
