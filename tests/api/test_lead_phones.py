"""Phones of leads over the API: only numbers that exist, each once, and the answer says what is doubtful."""

from __future__ import annotations

from typing import Any

import pytest

from callfloor.store.db.pool import Database
from callfloor.store.setup import organisations
from tests.conftest import Centre

# in no range that is known, and as long as a number of its country
NEW = "+61123456789"


async def phones(centre: Centre, lead_id: int) -> dict[int, str]:
    lead = (await centre.client.get(f"/leads/{lead_id}")).json()
    return {phone["phoneIndex"]: phone["phoneNumber"] for phone in lead["phones"]}


async def trust(db: Database, centre: Centre) -> None:
    await organisations.update(db, centre.organisation, "Australia/Sydney", "AU", ["AU"])


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("0491570156.0", "a spreadsheet turned this into a number"),
        ("447700900123", "one of GB when it has its +"),
        ("49(0)3023125000", "one of DE when it has its +"),
        ("0000000000", "one digit over and over"),
        ("0491570156 x123", "extension"),
        ("0491 570 1566", "too many digits for a number of AU"),
    ],
)
async def test_a_wrong_number_passes_nowhere(centre: Centre, written: str, why: str) -> None:
    created = await centre.client.post("/leads", json={"listId": centre.list_id, "phone2": written})
    lead_id = (await centre.client.post("/leads", json={"listId": centre.list_id})).json()["leadId"]
    changed = await centre.client.put(f"/leads/{lead_id}", json={"phone2": written})
    for answer in (created, changed):
        assert answer.status_code == 422
        (fault,) = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/phone2", "invalid-phone")
        assert why in fault["message"]
    erased = await centre.client.delete("/customer", params={"phoneNumber": written})
    assert erased.status_code == 422
    assert why in erased.json()["errors"][0]["message"]


@pytest.mark.parametrize("written", ["0061491570156", "0011 61 491 570 156", "+61 (0)491 570 156", "٠٤٩١٥٧٠١٥٦"])
async def test_however_a_number_is_written_it_is_the_one_that_is_stored_and_erased(
    centre: Centre, written: str
) -> None:
    lead_id = (await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": written})).json()["leadId"]
    assert await phones(centre, lead_id) == {1: "+61491570156"}
    erased = await centre.client.delete("/customer", params={"phoneNumber": written})
    assert erased.json()["leadData"]["leads"] == 1


async def test_one_number_is_one_phone_and_the_answer_says_which_was_left_out(centre: Centre) -> None:
    given = {"phone1": "0491 570 156", "phone2": "+61491570156", "phone3": "0491570157"}
    answer = await centre.client.post("/leads", json={"listId": centre.list_id} | given)
    lead_id = answer.json()["leadId"]
    assert [(each["field"], each["code"]) for each in answer.json()["warnings"]] == [("phone2", "duplicate-phone")]
    assert await phones(centre, lead_id) == {1: "+61491570156", 3: "+61491570157"}
    changed = await centre.client.put(f"/leads/{lead_id}", json={"phone2": "0061491570157"})
    assert await phones(centre, lead_id) == {1: "+61491570156", 2: "+61491570157"}
    assert "warnings" not in changed.json()
    again = await centre.client.put(f"/leads/{lead_id}", json={"phone3": "0491570156"})
    assert [each["field"] for each in again.json()["warnings"]] == ["phone3"]
    # the warning is about the change, and no part of what the lead is
    read = await centre.client.get(f"/leads/{lead_id}")
    assert "warnings" not in read.json()
    assert read.headers["ETag"] == again.headers["ETag"]


async def test_a_number_outside_the_known_ranges_needs_the_setting_and_is_told(centre: Centre, db: Database) -> None:
    body: dict[str, Any] = {"listId": centre.list_id, "phone1": NEW}
    await trust(db, centre)
    answer = await centre.client.post("/leads", json=body | {"phone2": "0491570156"})
    assert answer.status_code == 201
    assert [(each["field"], each["code"]) for each in answer.json()["warnings"]] == [("phone1", "unknown-range")]
    lead_id = answer.json()["leadId"]
    changed = await centre.client.put(f"/leads/{lead_id}", json={"phone3": "0123 456 780"})
    assert [(each["field"], each["code"]) for each in changed.json()["warnings"]] == [("phone3", "unknown-range")]


async def test_without_the_setting_a_number_outside_the_known_ranges_is_refused(centre: Centre) -> None:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": NEW})
    assert answer.status_code == 422
    assert "newNumberRanges" in answer.json()["errors"][0]["message"]


async def test_no_certificate_is_signed_for_a_number_that_cannot_be_and_that_nobody_has(
    centre: Centre, db: Database
) -> None:
    assert (await centre.client.delete("/customer", params={"phoneNumber": NEW})).status_code == 422
    await db.execute(
        "INSERT INTO leads (organisation_id, list_id, phone1, status_code, data) VALUES ($1, $2, $3, 0, '{}')",
        centre.organisation,
        centre.list_id,
        NEW,
    )
    answer = await centre.client.delete("/customer", params={"phoneNumber": NEW})
    assert answer.status_code == 200
    assert answer.json()["leadData"]["leads"] == 1
