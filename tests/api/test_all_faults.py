"""Whatever is wrong with a lead is said at once, however many fields it is and of whatever kind each fault is."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callfloor.store.db.pool import Database
from tests.api.test_imports import CSV, JSON, faults, run
from tests.conftest import Centre

NOT_THERE = 10**9
# Of each field what is no value of its kind, what is one and cannot be taken, and what names nothing.
WRONG: dict[str, list[Any]] = {
    "listId": ["one", NOT_THERE],
    "customerKey": [17, "x" * 256],
    "timezone": [[], "AEST", "Mars/Olympus"],
    "phone1": [491570156, "12", "0491570156.0"],
    "phone2": [True, "1111111111"],
    "phone3": [{}, "not a phone"],
    "nextAttemptTimestamp": [20270301, "tomorrow", "2027-02-30T09:00:00"],
    "leadData": ["text", {"a": []}, {"text": "x" * 70_000}],
    "statusCode": ["New", 50, 123_456],
    "agentId": ["John", NOT_THERE],
}
# The same in the cells of a table, where everything is a text.
WRONG_CELLS: dict[str, list[str]] = {
    "listId": ["one", str(NOT_THERE)],
    "timezone": ["AEST"],
    "phone1": ["12"],
    "phone2": ["1111111111"],
    "phone3": ["not a phone"],
    "nextAttemptTimestamp": ["tomorrow"],
    "statusCode": ["New", "50", "123456"],
    "agentId": ["John", str(NOT_THERE)],
    "isCompleted": ["perhaps"],
    "doNotCall": ["perhaps"],
}
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def some(wrong: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Two fields or more, each with something that is wrong."""
    fields = st.lists(st.sampled_from(sorted(wrong)), min_size=2, unique=True)
    return fields.flatmap(lambda names: st.fixed_dictionaries({name: st.sampled_from(wrong[name]) for name in names}))


def pointed_at(errors: list[dict[str, Any]]) -> set[str]:
    return {error["pointer"].split("/")[1] for error in errors}


@MANY
@given(wrong=some(WRONG))
async def test_of_a_new_lead_and_of_a_change(centre: Centre, wrong: dict[str, Any]) -> None:
    answer = await centre.client.post("/leads", json={"listId": centre.list_id} | wrong)
    assert (answer.status_code, pointed_at(answer.json()["errors"])) == (422, set(wrong)), answer.text
    made = await centre.client.post("/leads", json={"listId": centre.list_id})
    changed = await centre.client.put(f"/leads/{made.json()['leadId']}", json=wrong)
    assert (changed.status_code, pointed_at(changed.json()["errors"])) == (422, set(wrong)), changed.text


@MANY
@given(rows=st.lists(some(WRONG), min_size=1, max_size=4), merges=st.booleans())
async def test_of_each_row_of_an_import(
    centre: Centre, db: Database, rows: list[dict[str, Any]], *, merges: bool
) -> None:
    good = {"phone1": "0491570156"}
    body = json.dumps({"leads": [good, *rows, good]})
    choice = "&onDuplicate=update" if merges else ""
    uuid, result = await run(centre, db, body.encode(), JSON, f"listId={centre.list_id}{choice}")
    assert (result["inserted"], result["invalid"]) == (2, len(rows))
    found = {row: {str(name).split("/")[0] for name in names} for row, names in (await faults(centre, uuid)).items()}
    assert found == {str(place): set(row) for place, row in enumerate(rows, 1)}


@MANY
@given(rows=st.lists(some(WRONG_CELLS), min_size=1, max_size=4))
async def test_of_each_row_of_a_table(centre: Centre, db: Database, rows: list[dict[str, str]]) -> None:
    out = io.StringIO()
    table = csv.DictWriter(out, sorted(WRONG_CELLS))
    table.writeheader()
    table.writerows(rows)
    uuid, _ = await run(centre, db, out.getvalue().encode(), CSV, f"listId={centre.list_id}")
    assert await faults(centre, uuid) == {str(place): set(row) for place, row in enumerate(rows)}


@pytest.mark.parametrize("extra", [{"phone9": "1"}, {"phone1": "12"}])
async def test_a_missing_list_is_said_with_the_others(centre: Centre, extra: dict[str, str]) -> None:
    answer = await centre.client.post("/leads", json={"agentId": "John"} | extra)
    assert pointed_at(answer.json()["errors"]) == {"listId", "agentId", *extra}
