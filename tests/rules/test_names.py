"""Hints lead to another spelling of the same name, never to another name of its family."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.rules.values.names import nearest, plain_name, unknown

LEAD = [
    "listId", "customerKey", "timezone", "phone1", "phone2", "phone3", "nextAttemptTimestamp", "leadData", "statusCode",
    "agentId",
]  # fmt: skip
QUERY = ["cursor", "limit", "campaignId", "leadId", "createdTimestampFrom", "createdTimestampTo", "activityType"]


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("phone", LEAD, "phone1"),
        ("Phone", LEAD, "phone1"),
        ("phoen1", LEAD, "phone1"),
        ("Phone 2", LEAD, "phone2"),
        ("phone_3", LEAD, "phone3"),
        ("PHONE3", LEAD, "phone3"),
        ("customer_key", LEAD, "customerKey"),
        ("costumerKey", LEAD, "customerKey"),
        ("agentID", LEAD, "agentId"),
        ("nextattempttimestmap", LEAD, "nextAttemptTimestamp"),
        ("nextAttempt", LEAD, "nextAttemptTimestamp"),
        ("status", LEAD, "statusCode"),
        ("createdTimestampform", QUERY, "createdTimestampFrom"),
        ("created_timestamp_to", QUERY, "createdTimestampTo"),
        ("activitytype", QUERY, "activityType"),
        ("jane.do", ["jane.doe", "max"], "jane.doe"),
    ],
)
def test_a_misspelt_name_leads_to_the_right_one(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, known) == hint
    assert unknown(name, known) == f"is not known; did you mean {hint}?"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("phone4", LEAD),
        ("phone0", LEAD),
        ("phone10", LEAD),
        ("leadId", LEAD),
        ("campaignId", LEAD),
        ("listId", QUERY),
        ("agentId", QUERY),
        ("createdTimestampUntil", QUERY),
        ("dialledTimestampFrom", QUERY),
        ("jane.2", ["jane.1", "jane.3"]),
        ("List 4", ["List 1", "List 2"]),
        ("xyz", LEAD),
        ("", LEAD),
    ],
)
def test_another_member_of_a_family_is_no_hint(name: str, known: list[str]) -> None:
    assert nearest(name, known) is None
    assert "did you mean" not in unknown(name, known)


def test_a_beginning_of_several_names_leads_to_all_of_them() -> None:
    assert unknown("createdTimestamp", QUERY) == (
        "is not known; did you mean createdTimestampFrom or createdTimestampTo?"
    )
    assert nearest("createdTimestamp", QUERY) is None


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=30))
def test_a_hint_is_one_of_the_known_names(name: str, known: list[str]) -> None:
    hint = nearest(name, known)
    assert hint is None or hint in known


@given(st.sampled_from(LEAD), st.integers(0, 30))
def test_no_number_leads_to_another_number(name: str, number: int) -> None:
    hint = nearest(f"phone{number}", LEAD)
    assert hint == (f"phone{number}" if f"phone{number}" in LEAD else None)


@given(st.text(max_size=30))
def test_a_plain_name_has_nothing_to_take_away(name: str) -> None:
    plain = plain_name(name)
    assert plain_name(plain) == plain
    assert unicodedata.is_normalized("NFC", plain)
    assert plain == plain.strip()
