"""Erasure over the API: parameters, answers, what counts as the customer's."""

from __future__ import annotations

import base64
import re
from typing import Any
from uuid import UUID

import pytest

from callfloor.rules.privacy.customers import Customer
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.privacy import keys
from tests.conftest import Centre, client_for

NUMBER = "+61255500017"
ADDRESS = "jo@example.com"
ZERO = {
    "callData": {"activities": 0, "attempts": 0, "recordings": 0, "voicemails": 0},
    "emailData": {"messages": 0, "attachments": 0},
    "leadData": {"leads": 0, "importRows": 0},
}


async def lead(centre: Centre, **fields: Any) -> int:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id} | fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["leadId"])


async def erase(centre: Centre, **parameters: str) -> Any:
    answer = await centre.client.delete("/customer", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_answer_has_every_field(db: Database, centre: Centre) -> None:
    await lead(centre, phone1=NUMBER)
    answer = await centre.client.delete("/customer", params={"phoneNumber": NUMBER})
    assert answer.status_code == 200
    counts = ZERO | {"leadData": {"leads": 1, "importRows": 0}}
    certificate = answer.json()["certificate"]
    assert answer.json() == counts | {"certificate": certificate}
    assert certificate.keys() == {*counts, "id", "organisation", "erasedTimestamp", "publicKey", "signature"}
    assert {name: certificate[name] for name in counts} == counts
    assert UUID(certificate["id"]).version == 4
    name = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
    assert certificate["organisation"] == name
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+1[01]:00", certificate["erasedTimestamp"])
    key = (await keys.public(db, centre.organisation))[0]
    assert certificate["publicKey"] == base64.b64encode(key).decode()
    assert len(base64.b64decode(certificate["signature"])) == 64


async def test_nothing_found_is_zeros_with_a_certificate(centre: Centre) -> None:
    answer = await erase(centre, phoneNumber=NUMBER, emailAddress=ADDRESS)
    assert answer.pop("certificate") is not None
    assert answer == ZERO
    assert await erase(centre, phoneNumber=NUMBER, dryRun="true") == ZERO | {"certificate": None}


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", ["emailAddress", "phoneNumber"]),
        ("?phoneNumber=&emailAddress=", ["emailAddress", "phoneNumber"]),
        ("?dryRun=true", ["emailAddress", "phoneNumber"]),
        ("?phoneNumber=12", ["phoneNumber"]),
        ("?phoneNumber=call%20me", ["phoneNumber"]),
        ("?emailAddress=jo", ["emailAddress"]),
        (f"?emailAddress={'x' * 250}@example.com", ["emailAddress"]),
        ("?phoneNumber=0255500017&dryRun=perhaps", ["dryRun"]),
        ("?phone=0255500017", ["phone"]),
    ],
)
async def test_a_wrong_parameter_is_named(centre: Centre, query: str, parameters: list[str]) -> None:
    answer = await centre.client.delete(f"/customer{query}")
    assert answer.status_code == 422
    assert sorted(error["parameter"] for error in answer.json()["errors"]) == parameters
    assert "0255500017" not in answer.text
    assert answer.json()["instance"] == "/platform-api/v3.0/customer"


@pytest.mark.parametrize(
    "written", ["%2B61255500017", "+61255500017", "0255500017", "(02)%205550-0017", "+61%202%205550%200017"]
)
async def test_a_number_is_understood_in_every_form(centre: Centre, written: str) -> None:
    lead_id = await lead(centre, phone2=NUMBER)
    answer = await centre.client.delete(f"/customer?phoneNumber={written}")
    assert answer.json()["leadData"]["leads"] == 1
    assert (await centre.client.get(f"/leads/{lead_id}")).status_code == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"phone1": NUMBER},
        {"phone2": "(02) 5550 0017"},
        {"phone3": "0255500017"},
        {"customerKey": "0255500017"},
        {"customerKey": NUMBER},
        {"customerKey": ADDRESS},
        {"leadData": {"mobile": 61255500017}},
        {"leadData": {"mobile": "+61 2 5550 0017"}},
        {"leadData": {"mobile": "0011 61 2 5550 0017"}},
        {"leadData": {"mail": "Jo@Example.com"}},
        {"leadData": {"mail": " jo@example.com "}},
    ],
)
async def test_what_is_the_customers_goes(centre: Centre, fields: dict[str, Any]) -> None:
    lead_id = await lead(centre, **fields)
    answer = await erase(centre, phoneNumber=NUMBER, emailAddress=ADDRESS)
    assert answer["leadData"]["leads"] == 1
    assert (await centre.client.get(f"/leads/{lead_id}")).status_code == 404


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"note": "ask jo@example.com first"}, {"note": "ask [erased] first"}),
        ({"note": "was 02 5550 0017, now other"}, {"note": "was [erased], now other"}),
        ({"note": "<jo@example.com>;<bob@example.com>"}, {"note": "<[erased]>;<bob@example.com>"}),
        ({"plan": "gold", "n": 1.5, "x": True, "y": None}, {"plan": "gold", "n": 1.5, "x": True, "y": None}),
        ({"mail": "sojo@example.com"}, {"mail": "sojo@example.com"}),
        ({"mail": "jo@example.com.au"}, {"mail": "jo@example.com.au"}),
        ({"mobile": "02 5550 0018"}, {"mobile": "02 5550 0018"}),
        ({"mobile": "+1 255 500 0171"}, {"mobile": "+1 255 500 0171"}),
    ],
)
async def test_what_is_somebody_elses_stays_without_the_customer(
    centre: Centre, data: dict[str, Any], left: dict[str, Any]
) -> None:
    lead_id = await lead(centre, phone1="+61491570156", leadData=data)
    answer = await erase(centre, phoneNumber=NUMBER, emailAddress=ADDRESS)
    assert answer["leadData"]["leads"] == 0
    shown = (await centre.client.get(f"/leads/{lead_id}")).json()
    assert shown["dataFields"] == left
    assert shown["phones"][0]["phoneNumber"] == "+61491570156"


async def test_a_redacted_lead_is_still_found_by_who_else_stands_in_it(centre: Centre) -> None:
    lead_id = await lead(centre, leadData={"note": "jo@example.com or bob@example.com"})
    await erase(centre, emailAddress=ADDRESS)
    assert (await centre.client.get(f"/leads/{lead_id}")).json()["dataFields"] == {
        "note": "[erased] or bob@example.com"
    }
    await erase(centre, emailAddress="bob@example.com")
    assert (await centre.client.get(f"/leads/{lead_id}")).json()["dataFields"] == {"note": "[erased] or [erased]"}


async def test_another_organisations_lead_stays(centre: Centre, other_centre: Centre) -> None:
    lead_id = await lead(other_centre, phone1=NUMBER, leadData={"mail": ADDRESS})
    answer = await erase(centre, phoneNumber=NUMBER, emailAddress=ADDRESS)
    assert answer["leadData"]["leads"] == 0
    assert (await other_centre.client.get(f"/leads/{lead_id}")).status_code == 200


async def test_the_scope_is_asked_for(db: Database, centre: Centre) -> None:
    token = await tokens.create(db, centre.organisation, "writer", ["leads:write", "leads:read"])
    async with client_for(centre.app, token) as client:
        assert (await client.delete("/customer", params={"phoneNumber": NUMBER})).status_code == 403
    token = await tokens.create(db, centre.organisation, "eraser", ["customers:erase"])
    async with client_for(centre.app, token) as client:
        assert (await client.delete("/customer", params={"phoneNumber": NUMBER})).status_code == 200


def test_a_form_that_is_another_number_at_home_is_that_other_number() -> None:
    """02025550123 is a London number in Britain, whatever number in Washington it also resembles."""
    washington = Customer("+12025550123", None, "GB")
    assert not washington.owns("020 2555 0123")
    assert "02025550123" not in washington.keys
    assert washington.owns("+1 202 555 0123")
    assert Customer("+442025550123", None, "GB").owns("020 2555 0123")


def test_a_cheap_look_never_overlooks_the_customer() -> None:
    customer = Customer(NUMBER, ADDRESS, "AU")
    for text in ('{"a":"(02) 5550-0017"}', '{"a":61255500017}', '["JO@EXAMPLE.COM"]', "+61\u00a02\u00a05550\u00a00017"):
        assert customer.may_stand_in(text)
    assert not customer.may_stand_in('{"a":"02 5550 0018","b":"joe@example.com"}')
