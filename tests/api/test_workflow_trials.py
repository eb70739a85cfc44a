"""Texts of workflows that nobody saved: drawn right or wrong, and gone through by a test call."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from callfloor.store.db.pool import Database
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"
MENU = """\
[[steps]]
name = "hours"
type = "schedule"
hours = { wednesday = ["09:00-17:00"] }
open = "wait"
closed = "bye"

[[steps]]
name = "wait"
type = "queue"
campaign = "Support Inbound"
options = { 1 = "bye" }

[[steps]]
name = "bye"
type = "hangup"
"""
KEPT = """
SELECT (SELECT count(*) FROM workflow_drafts WHERE organisation_id = $1),
    (SELECT count(*) FROM workflow_versions WHERE organisation_id = $1)"""


@pytest.fixture
async def workflow(centre: Centre) -> str:
    made = await centre.client.post(
        f"{ADMIN}/workflows", json={"name": "Main line", "steps": [{"name": "bye", "type": "hangup"}]}
    )
    assert made.status_code == 201, made.text
    return f"http://callfloor.test{made.headers['location']}"


async def asked(centre: Centre, path: str, **body: Any) -> httpx2.Response:
    return await centre.client.post(path, json={"content": MENU, **body})


async def test_a_text_is_drawn_with_its_lines_and_faults_and_nothing_is_kept(
    db: Database, centre: Centre, workflow: str
) -> None:
    before = await db.fetchrow(KEPT, centre.organisation)
    drawn = (await asked(centre, f"{workflow}/picture")).json()
    assert (drawn["start"], drawn["faults"]) == ("hours", [])
    assert [(each["name"], each["type"], each["line"]) for each in drawn["steps"]] == [
        ("hours", "schedule", 1), ("wait", "queue", 8), ("bye", "hangup", 14),
    ]  # fmt: skip
    assert drawn["steps"][1]["exits"] == [{"by": "options", "choice": "1", "to": "bye", "line": 12}]
    wrong = (await asked(centre, f"{workflow}/picture", content=MENU.replace('open = "wait"', 'open = "wat"'))).json()
    assert [each["name"] for each in wrong["steps"]] == ["hours", "wait", "bye"]
    assert ("/steps/0/open", 5) in [(each["pointer"], each["line"]) for each in wrong["faults"]]
    none = (await asked(centre, f"{workflow}/picture", content="[[steps]\n")).json()
    assert (none["steps"], [each["line"] for each in none["faults"]]) == ([], [1])
    assert await db.fetchrow(KEPT, centre.organisation) == before


async def test_a_caller_who_is_none_goes_through_it(db: Database, centre: Centre, workflow: str) -> None:
    noon = {"at": "2021-08-04T12:00:00"}
    open_ = (await asked(centre, f"{workflow}/test-call", **noon, keys="5s,1", agentAfterSeconds=90)).json()
    assert open_ == {
        "passed": [
            {"seconds": 0.0, "step": "hours", "digit": None},
            {"seconds": 0.0, "step": "wait", "digit": None},
            {"seconds": 5.3, "step": "wait", "digit": "1"},
            {"seconds": 5.3, "step": "bye", "digit": None},
        ],
        "end": "ended",
        "seconds": 5.3,
    }
    assert (await asked(centre, f"{workflow}/test-call", **noon, agentAfterSeconds=4)).json()["end"] == "agent"
    night = (await asked(centre, f"{workflow}/test-call", at="2021-08-04T20:00:00")).json()
    assert [each["step"] for each in night["passed"]] == ["hours", "bye"]
    shut = (await asked(centre, f"{workflow}/test-call", **noon, closed=True)).json()
    assert [each["step"] for each in shut["passed"]] == ["hours", "bye"]
    # the real floor has heard of nothing
    assert await db.fetchval("SELECT count(*) FROM activities WHERE organisation_id = $1", centre.organisation) == 0


async def test_what_cannot_be_tried_is_refused(centre: Centre, workflow: str) -> None:
    for body, pointer in (
        ({"keys": "press one"}, "/keys"),
        ({"at": "noon"}, "/at"),
        ({"content": MENU.replace("Support Inbound", "Nobody")}, "/steps/1/campaign"),
    ):
        answer = await asked(centre, f"{workflow}/test-call", **body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    for what in ("picture", "test-call"):
        assert (await asked(centre, f"{ADMIN}/workflows/999999/{what}")).status_code == 404
