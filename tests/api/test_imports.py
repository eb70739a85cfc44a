"""Bulk import over the API: exact counts, every wrong row reported, nothing written twice."""

from __future__ import annotations

import asyncio
import csv
import gzip
import io
import json
from typing import Any

import pytest

from callfloor.jobs.imports.chunks import import_next
from callfloor.store.db.pool import Database
from tests.conftest import Centre

CSV = {"Content-Type": "text/csv"}
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}


async def accept(centre: Centre, body: bytes, headers: dict[str, str], query: str = "") -> str:
    answer = await centre.client.post(f"/leads/bulk?{query}", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "queued"
    return answer.json()["uuid"]


async def state(centre: Centre, uuid: str) -> dict[str, Any]:
    answer = await centre.client.get(f"/leads/bulk/{uuid}")
    assert answer.status_code == 200
    return answer.json()


async def finish(db: Database) -> None:
    while await import_next(db):
        pass


async def run(
    centre: Centre, db: Database, body: bytes, headers: dict[str, str], query: str = ""
) -> tuple[str, dict[str, int]]:
    uuid = await accept(centre, body, headers, query)
    await finish(db)
    done = await state(centre, uuid)
    assert done["status"] == "completed"
    result = done["result"]
    assert result["rows"] == result["processed"]
    assert result["processed"] == sum(result[name] for name in ("inserted", "updated", "skipped", "invalid"))
    return uuid, result


async def leads(centre: Centre) -> list[dict[str, Any]]:
    items = (await centre.client.get("/leads?limit=1000")).json()["items"]
    return sorted(items, key=lambda lead: lead["leadId"])


async def count(db: Database, centre: Centre) -> int:
    return await db.fetchval("SELECT count(*) FROM leads WHERE organisation_id = $1", centre.organisation)


def rows(centre: Centre) -> list[dict[str, Any]]:
    return [
        {"listId": centre.list_id, "phone1": "0491 570 156", "customerKey": "a", "leadData": {"plan": "gold", "n": 1}},
        {"listId": centre.list_id, "phone1": "12"},
        {"listId": 2**40, "customerKey": "b"},
        {"customerKey": "c"},
        {"listId": centre.list_id, "timezone": "Mars/Olympus", "statusCode": 50},
        {"listId": centre.list_id, "phoen1": "x", "agentId": "y"},
        {"listId": centre.list_id, "agentId": centre.user},
        {"listId": centre.list_id, "statusCode": 100},
        {"listId": centre.list_id, "agentId": centre.agent, "statusCode": 12},
    ]


EXPECTED = {
    "1": {"phone1"},
    "2": {"listId"},
    "3": {"listId"},
    "4": {"timezone", "statusCode"},
    "5": {"phoen1", "agentId"},
    "6": {"agentId"},
    "7": {"statusCode"},
}


async def faults(centre: Centre, uuid: str) -> dict[str, set[str | None]]:
    page = (await centre.client.get(f"/leads/bulk/{uuid}/errors")).json()
    return {row: {fault["field"] for fault in found} for row, found in page["errorList"].items()}


@pytest.mark.parametrize("form", ["json", "ndjson"])
async def test_good_rows_go_in_and_each_wrong_row_is_reported(centre: Centre, db: Database, form: str) -> None:
    if form == "json":
        body, headers = json.dumps({"leads": rows(centre)}).encode(), JSON
    else:
        body, headers = b"\n".join(json.dumps(row).encode() for row in rows(centre)), NDJSON
    uuid, result = await run(centre, db, body, headers)
    counts = {"rows": 9, "inserted": 2, "updated": 0, "skipped": 0, "invalid": 7, "processed": 9}
    assert result == counts | {
        "withoutPhone": 1, "emptyRows": 0, "absentPhones": 0, "duplicatePhones": 0, "unknownRanges": 0, "columns": None,
        "notCalled": 0, "failure": None,
    }  # fmt: skip
    found = await faults(centre, uuid)
    assert found == EXPECTED
    first, last = await leads(centre)
    assert first["phones"][0]["phoneNumber"] == "+61491570156"
    assert first["dataFields"] == {"plan": "gold", "n": 1}
    assert (last["agentId"], last["completed"]) == (centre.agent, True)
    link = (await state(centre, uuid))["error_link"]
    assert link == {"href": f"/platform-api/v3.0/leads/bulk/{uuid}/errors"}


async def test_a_csv_file_takes_its_list_from_the_query_and_other_columns_as_lead_data(
    centre: Centre, db: Database
) -> None:
    body = '\ufeffcustomerKey,phone1,plan,note\r\nk1,0491570156,gold,"a, ""b""\nc"\r\nk2,,,\r\nk3,12,x,y\r\n'
    uuid, result = await run(centre, db, body.encode(), CSV, f"listId={centre.list_id}")
    assert (result["inserted"], result["invalid"]) == (2, 1)
    first, second = await leads(centre)
    assert first["dataFields"] == {"plan": "gold", "note": 'a, "b"\nc'}
    assert (second["customerKey"], second["dataFields"], second["phones"]) == ("k2", {}, [])
    assert await faults(centre, uuid) == {"2": {"phone1"}}


async def test_the_csv_of_wrong_rows_can_be_mended_and_sent_again(centre: Centre, db: Database) -> None:
    body = 'customerKey,phone1,plan\nk1,12,gold\nk2,0491570156,x\nk3,1,"si,l"\nk4,5\n'
    uuid, result = await run(centre, db, body.encode(), CSV, f"listId={centre.list_id}")
    assert result["invalid"] == 3
    report = await centre.client.get(f"/leads/bulk/{uuid}/errors", headers={"Accept": "text/csv"})
    assert report.headers["Content-Type"].startswith("text/csv")
    table = list(csv.DictReader(io.StringIO(report.text)))
    assert [(row["customerKey"], row["plan"], row["rowNumber"]) for row in table] == [
        ("k1", "gold", "0"),
        ("k3", "si,l", "2"),
        ("k4", "", "3"),
    ]
    assert all(row["reason"] for row in table)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]))
    writer.writeheader()
    writer.writerows(row | {"phone1": "0491570157"} for row in table)
    _, again = await run(centre, db, out.getvalue().encode(), CSV, f"listId={centre.list_id}")
    assert (again["inserted"], again["invalid"]) == (3, 0)
    assert {lead["customerKey"]: lead["dataFields"] for lead in await leads(centre)} == {
        "k1": {"plan": "gold"},
        "k2": {"plan": "x"},
        "k3": {"plan": "si,l"},
        "k4": {},
    }


async def test_wrong_rows_are_paged(centre: Centre, db: Database) -> None:
    body = json.dumps({"leads": [{"listId": centre.list_id, "phone1": str(n)} for n in range(7)]}).encode()
    uuid, _ = await run(centre, db, body, JSON)
    seen: list[str] = []
    link = f"/platform-api/v3.0/leads/bulk/{uuid}/errors?limit=3"
    pages = 0
    while link:
        page = (await centre.client.get(f"http://callfloor.test{link}")).json()
        pages += 1
        assert (page["pageNo"], page["limit"], page["totalPages"]) == (pages, 3, 3)
        seen += page["errorList"]
        link = page["nextPageLink"]
    assert seen == [str(n) for n in range(7)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("insert", {"inserted": 4, "updated": 0, "skipped": 0}),
        ("skip", {"inserted": 2, "updated": 0, "skipped": 2}),
        ("update", {"inserted": 2, "updated": 2, "skipped": 0}),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
async def test_duplicates_by_customer_key_are_inserted_skipped_or_merged(
    centre: Centre, db: Database, mode: str, expected: dict[str, int], dry: bool
) -> None:
    before = {"listId": centre.list_id, "customerKey": "a", "phone1": "0491570156", "leadData": {"x": 1, "y": 1}}
    await centre.client.post("/leads", json=before)
    sent = [
        {"listId": centre.list_id, "customerKey": "a", "phone2": "0491570157", "leadData": {"x": 2, "z": 2}},
        {"listId": centre.list_id, "customerKey": "b", "phone1": "0491570158"},
        {"listId": centre.list_id, "customerKey": "b", "phone2": "0491570159", "timezone": "Australia/Perth"},
        {"listId": centre.list_id},
    ]
    query = f"onDuplicate={mode}&dryRun={str(dry).lower()}"
    _, result = await run(centre, db, json.dumps({"leads": sent}).encode(), JSON, query)
    assert {name: result[name] for name in expected} == expected
    found = await leads(centre)
    if dry:
        assert len(found) == 1
        assert found[0]["dataFields"] == {"x": 1, "y": 1}
        return
    assert len(found) == 1 + expected["inserted"]
    phones = {lead["customerKey"]: [phone["phoneNumber"] for phone in lead["phones"]] for lead in found}
    if mode == "update":
        assert found[0]["dataFields"] == {"x": 2, "y": 1, "z": 2}
        assert phones["a"] == ["+61491570156", "+61491570157"]
        assert phones["b"] == ["+61491570158", "+61491570159"]
    if mode == "skip":
        assert found[0]["dataFields"] == {"x": 1, "y": 1}
        assert phones["b"] == ["+61491570158"]


async def test_an_import_longer_than_a_chunk_keeps_order_and_counts(centre: Centre, db: Database) -> None:
    total = 9_001
    body = (
        b'{"leads": ['
        + b",".join(
            json.dumps({"listId": centre.list_id, "customerKey": str(n), "phone1": None if n % 1000 else "1"}).encode()
            for n in range(total)
        )
        + b"]}"
    )
    _, result = await run(centre, db, body, JSON)
    assert (result["rows"], result["inserted"], result["invalid"]) == (total, total - 10, 10)
    ordered = await db.fetch(
        "SELECT customer_key FROM leads WHERE organisation_id = $1 ORDER BY uploaded_at, lead_id", centre.organisation
    )
    numbers = [int(row["customer_key"]) for row in ordered]
    assert numbers == sorted(numbers)
    counted = await db.fetchval("SELECT sum(leads) FROM list_counts WHERE list_id = $1", centre.list_id)
    assert counted == total - 10


async def test_several_workers_share_an_import_and_insert_every_row_once(centre: Centre, db: Database) -> None:
    total = 20_000
    body = "customerKey\n" + "\n".join(str(n) for n in range(total))
    uuid = await accept(centre, body.encode(), CSV, f"listId={centre.list_id}")
    await asyncio.gather(*(finish(db) for _ in range(4)))
    done = await state(centre, uuid)
    assert (done["status"], done["result"]["inserted"]) == ("completed", total)
    different = await db.fetchval(
        "SELECT count(DISTINCT customer_key) FROM leads WHERE organisation_id = $1", centre.organisation
    )
    assert (await count(db, centre), different) == (total, total)


async def test_a_gzip_body_is_read_and_a_truncated_one_refused(centre: Centre, db: Database) -> None:
    body = gzip.compress(b"customerKey\n" + b"k\n" * 100)
    headers = CSV | {"Content-Encoding": "gzip"}
    _, result = await run(centre, db, body, headers, f"listId={centre.list_id}")
    assert result["inserted"] == 100
    answer = await centre.client.post("/leads/bulk", content=body[:-9], headers=headers)
    assert answer.status_code == 400


BIG_HEADER = ",".join(f"c{n}" for n in range(1_000_000)).encode() + b"\n"


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b'{"leads": [{"listId": 1}', JSON, 400),
        (b'{"leads": [{"listId": 1}]} x', JSON, 400),
        (b"[]", JSON, 422),
        (b'"x"', JSON, 422),
        (b"{}", JSON, 422),
        (b'{"leads": null}', JSON, 422),
        (b'{"leads": []}', JSON, 422),
        (b'{"leads": {"a": 1}}', JSON, 422),
        (b'{"lead": [{"listId": 1}]}', JSON, 422),
        (b'{"leads": [{"listId": 1}], "more": 1}', JSON, 422),
        (b'{"leads": [{"listId": 1}], "leads": []}', JSON, 422),
        (b'{"leads": ' + b"[" * 100_000, JSON, 400),
        (b'{"leads": [{"customerKey": "\xff"}]}', JSON, 400),
        (b"", CSV, 422),
        (b"\n", CSV, 422),
        (b"customerKey\n", CSV, 422),
        ("customerKey\nŁukasz\n".encode("windows-1250"), CSV, 400),
        (b"customerKey\nx\n", CSV | {"Content-Type": "text/csv; charset=klingon"}, 400),
        (b'customerKey\n"never closed\nx\ny\n', CSV, 400),
        (b'customerKey\n"a"b\n', CSV, 400),
        (b"customerKey,customerKey\nx,y\n", CSV, 422),
        (b"customerKey,\nx,y\n", CSV, 422),
        (b"customerKey\n" + b"x" * 5_000_000, CSV, 400),
        (BIG_HEADER, CSV, 400),
        (b"", NDJSON, 422),
        (b"{}\n{\n", NDJSON, 400),
        (b"x" * 2_000_000, NDJSON, 400),
        (b'{"leads": []}', {"Content-Type": "application/xml"}, 415),
        (b"\0" * 100, CSV, 400),
    ],
)
async def test_a_body_that_cannot_be_split_is_refused_whole(
    centre: Centre, db: Database, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = await centre.client.post(f"/leads/bulk/?listId={centre.list_id}", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    left = await db.fetchval("SELECT count(*) FROM imports WHERE organisation_id = $1", centre.organisation)
    assert left == 0


@pytest.mark.parametrize(
    "row",
    [
        "{}", "[]", "1", "null", '"x"', '{"listId": true}', '{"listId": 99999999999999999999}',
        '{"customerKey": "\\u0000"}', '{"leadData": {"a": {"b": 1}}}', '{"leadData": {"a\\u0000": 1}}',
        '{"phone1": "\\ud800"}', '{"phone1": ""}', '{"leadData": {"a": 1e400}}', '{"statusCode": -1}',
        '{"nextAttemptTimestamp": "soon"}', '{"leadData": {"n": 123456789012345678901234567890}}',
    ],
)  # fmt: skip
async def test_no_row_however_odd_stops_the_others(centre: Centre, db: Database, row: str) -> None:
    good = json.dumps({"customerKey": "good"})
    body = f'{{"leads": [{good}, {row}, {good}]}}'.encode()
    answer = await centre.client.post(f"/leads/bulk?listId={centre.list_id}", content=body, headers=JSON)
    if answer.status_code == 400:
        # the body as a whole is not JSON that can be read
        assert await count(db, centre) == 0
        return
    await finish(db)
    result = (await state(centre, answer.json()["uuid"]))["result"]
    assert result["rows"] == 3
    assert result["inserted"] in (2, 3)
    assert result["inserted"] + result["invalid"] == 3


async def test_a_retry_with_the_same_key_imports_once(centre: Centre, db: Database) -> None:
    body = b"customerKey\na\nb\n"
    headers = CSV | {"Idempotency-Key": "night-1"}
    first = await centre.client.post(f"/leads/bulk?listId={centre.list_id}", content=body, headers=headers)
    again = await centre.client.post(f"/leads/bulk?listId={centre.list_id}", content=body, headers=headers)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await centre.client.post(f"/leads/bulk?listId={centre.list_id}", content=body + b"c\n", headers=headers)
    assert other.status_code == 422
    await finish(db)
    assert await count(db, centre) == 2


async def test_another_organisation_does_not_see_an_import(centre: Centre, other_centre: Centre, db: Database) -> None:
    uuid, _ = await run(centre, db, b"customerKey,phone1\na,1\n", CSV, f"listId={centre.list_id}")
    for path in (f"/leads/bulk/{uuid}", f"/leads/bulk/{uuid}/errors", "/leads/bulk/not-a-uuid"):
        assert (await other_centre.client.get(path)).status_code == 404
    query = f"listId={centre.list_id}"
    foreign = await other_centre.client.post(f"/leads/bulk?{query}", content=b"customerKey\na\n", headers=CSV)
    assert foreign.status_code == 422
    row = json.dumps({"leads": [{"listId": centre.list_id}]}).encode()
    _, result = await run(other_centre, db, row, JSON)
    assert (result["inserted"], result["invalid"]) == (0, 1)


async def test_a_list_that_is_not_there_is_one_refusal_before_any_row(centre: Centre, db: Database) -> None:
    answer = await centre.client.post("/leads/bulk?listId=999999999", content=b"phone1\n1\n" * 9, headers=CSV)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == ["listId"]
    assert await db.fetchval("SELECT count(*) FROM imports WHERE organisation_id = $1", centre.organisation) == 0
