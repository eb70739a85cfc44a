"""Which column becomes which field: by what people write, and never silently by something else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.imports.import_columns import MOST_COLUMNS, ColumnsError, parse_map, targets_of
from callfloor.rules.imports.import_words import FIELDS


def became(header: str, given_map: str = "") -> str:
    names = header.split(",")
    return ",".join(targets_of(names, parse_map(given_map), "AU"))


@pytest.mark.parametrize(
    "name",
    [
        "phone", "Phone1", "Phone Number", "cell", "PHONE", "phone_number", "Phone-No.", "Mobile No", "MobileNumber",
        "mobilephone", "Cell #", "Tel.", "Telephone", "Contact Number", "contact_phone", "Home Phone", "Work Tel",
        "Daytime Telephone No.", "Ph", "Mob", "MSISDN", "Landline", "Phone (mobile)", "Customer Mobile", "phone e164",
        "\ufeffPhone", "  phone ", "Phone\u00a0Number", "P\u200bhone", "Ｐｈｏｎｅ", "phone 01", "Primary Phone",
        "Number to dial", "Handphone", "HOMEPHONE", "best number",
    ],
)  # fmt: skip
def test_what_people_call_a_phone_is_one(name: str) -> None:
    assert targets_of([name], {}, "AU") == ["phone1"]


@pytest.mark.parametrize(
    "name",
    [
        "Phone Type", "phone notes", "Mobile Provider", "Fax", "Order Number", "Telephone Consent", "No phone", "Name",
        "Postcode", "Number", "House No", "Phone Extension", "phone code", "Business Number", "cell tower", "plan",
    ],
)  # fmt: skip
def test_what_only_sounds_like_a_phone_is_somebodys_own(name: str) -> None:
    assert targets_of([name, "customerKey"], {}, "AU") == [f"leadData.{name}", "customerKey"]


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        ("customerKey,phone1", "customerKey,phone1"),
        ("Customer ID,Mobile", "customerKey,phone1"),
        ("customer_key,PHONE_1,Time Zone", "customerKey,phone1,timezone"),
        ("Ref,phone", "customerKey,phone1"),
        ("id,name,phone", "customerKey,leadData.name,phone1"),
        ("ref,Account Number,phone", "leadData.ref,customerKey,phone1"),
        ("Lead ID,phone", "customerKey,phone1"),
        ("Phone,DoNotCall", "phone1,doNotCall"),
        ("phone,Opt Out,isCompleted", "phone1,doNotCall,isCompleted"),
        ("Phone,Completed,Status Code", "phone1,isCompleted,statusCode"),
        ("Home Phone,Work Phone,Mobile", "phone1,phone2,phone3"),
        ("Alt Phone,Phone", "phone2,phone1"),
        ("Phone 2,Phone", "phone2,phone1"),
        ("phone,phone1", "phone2,phone1"),
        ("Mobile 1,Home 1,Phone", "phone1,leadData.Home 1,phone2"),
        ("phone,phone1,phone2,phone3", "leadData.phone,phone1,phone2,phone3"),
        ("phone1,leadData.phone1", "phone1,leadData.phone1"),
        ("phone1,reason,rowNumber", "phone1,leadData.reason,leadData.rowNumber"),
        ("phone1,importId", "phone1,leadData.importId"),
        ("phone1,,plan", "phone1,,leadData.plan"),
        ("Next Attempt,agent id,list id,tel", "nextAttemptTimestamp,agentId,listId,phone1"),
    ],
)
def test_columns_go_where_their_names_say(header: str, fields: str) -> None:
    assert became(header) == fields


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("name,plan", "No column has the name of a field"),
        ("a", "No column has the name of a field"),
        ("0491570156,Jane", "row of data"),
        ("Jane,+61 491 570 156,phone", "row of data"),
        ("k1,jane@example.org", "row of data"),
        ("phone1,Phone 1", "both are phone1"),
        ("customerKey,customer key", "both are customerKey"),
        ("Customer ID,Account No,phone", "Several columns may be the customerKey"),
        ("phone,phone", "stands twice"),
        ("timezone,tz,phone", "both are timezone"),
        ("plan,leadData.plan,phone", "both become leadData.plan"),
        ("phoen1,customerKey", "nearly phone1"),
        ("custmerKey,phone1", "nearly customerKey"),
        ("custoemrKey,phone1", "nearly customerKey"),
        ("timezne,phone1", "nearly timezone"),
        ("leadId,phone1", "cannot be imported"),
        ("campaignName,phone1", "cannot be imported"),
        ("leadData,phone1", "cannot be imported"),
        ("lastStatusCode,phone1", "cannot be imported"),
    ],
)
def test_what_cannot_be_told_is_refused_with_what_to_do(header: str, said: str) -> None:
    with pytest.raises(ColumnsError, match=said):
        became(header)


@pytest.mark.parametrize(
    ("header", "given_map", "fields"),
    [
        ("Cell,Ref", "Cell=phone1,Ref=customerKey", "phone1,customerKey"),
        ("A,B", "A=phone1", "phone1,leadData.B"),
        ("Phone,Cell", "Cell=phone1", "phone2,phone1"),
        ("leadId,phone", "leadId=customerKey", "customerKey,phone1"),
        ("campaignName,phone", "campaignName=leadData.campaign,phone=PHONE 3", "leadData.campaign,phone3"),
        ("junk,phone", "junk=-", "-,phone1"),
        ("Customer ID,Account No,phone", "Account No=customerKey", "leadData.Customer ID,customerKey,phone1"),
        ("0491570156,Jane", "0491570156=phone1", "phone1,leadData.Jane"),
        ("mobile_no,x", "Mobile No=phone2", "phone2,leadData.x"),
        ("phoen1,x", '{"phoen1": "phone1"}', "phone1,leadData.x"),
        ("notes,phone", "notes=leadData", "leadData.notes,phone1"),
    ],
)
def test_a_map_settles_it(header: str, given_map: str, fields: str) -> None:
    assert became(header, given_map) == fields


def test_a_map_may_name_a_column_that_holds_a_comma() -> None:
    assert parse_map('"Phone, home=phone1",Ref=customerKey') == {"Phone, home": "phone1", "Ref": "customerKey"}


@pytest.mark.parametrize(
    ("given_map", "said"),
    [
        ("Cell", "COLUMN=FIELD"), ("=phone1", "COLUMN=FIELD"), ("Cell=phnoe1", "did you mean phone1"),
        ("Cell=notes", "leadData.notes"), ("Cell=phone1,Cell=phone2", "twice"), ("Nope=phone1", "there is no column"),
        ("Cell=phone1,Ref=phone1", "both become phone1"), ("{", "JSON object"), ('"Cell=phone1', "quote"),
        ("x" * 9000, "characters"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_be_followed_says_what_is_wrong(given_map: str, said: str) -> None:
    with pytest.raises(ColumnsError, match=said) as caught:
        became("Cell,Ref", given_map)
    assert caught.value.parameter == "map"


@given(st.lists(st.text(max_size=20), max_size=8))
def test_no_two_columns_become_one_field_and_no_field_hides_in_own_data(header: list[str]) -> None:
    try:
        targets = targets_of(header, {}, "AU")
    except ColumnsError:
        return
    told = [target for target in targets if target]
    assert len(told) == len(set(told))
    assert any(target in FIELDS for target in told)


def test_a_table_of_too_many_columns_is_refused_before_its_names_are_looked_at() -> None:
    with pytest.raises(ColumnsError, match="at most"):
        targets_of([f"c{n}" for n in range(MOST_COLUMNS + 1)], {}, "AU")
