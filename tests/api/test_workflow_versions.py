"""Workflows have versions: drafts are checked and published, and earlier versions come back."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from callfloor.centre import apply, parse
from callfloor.rules.audit.entries import Actor
from callfloor.store.db.pool import Database
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"
BYE = {"name": "bye", "type": "hangup"}
DRAFT = 'numbers = []\n\n[[steps]]\nname = "first"\ntype = "set"\npriority = 5\nnext = "end"\n\n' + (
    '[[steps]]\nname = "end"\ntype = "hangup"\n'
)
WRONG = '[[steps]]\nname = "first"\ntype = "prompt"\nprompt = "nobody"\nnext = "nowhere"\n'


class Flow:
    """A workflow of a centre, as an administrator works on it."""

    def __init__(self, centre: Centre, workflow_id: int) -> None:
        self.centre, self.id = centre, workflow_id

    async def ask(self, method: str, path: str = "", **given: Any) -> httpx2.Response:
        return await self.centre.client.request(method, f"{ADMIN}/workflows/{self.id}{path}", **given)

    async def save(self, content: str = DRAFT, **given: Any) -> httpx2.Response:
        return await self.ask("PUT", "/draft", json={"content": content}, **given)

    async def versions(self) -> list[dict[str, Any]]:
        return (await self.ask("GET", "/versions")).json()["items"]

    async def steps(self) -> list[str]:
        return [step["name"] for step in (await self.ask("GET")).json()["steps"]]


@pytest.fixture
async def flow(centre: Centre) -> Flow:
    made = await centre.client.post(f"{ADMIN}/workflows", json={"name": "Main", "steps": [BYE]})
    assert made.status_code == 201, made.text
    return Flow(centre, made.json()["workflowId"])


async def test_a_draft_is_saved_checked_and_published_and_calls_know_nothing_of_it_before(flow: Flow) -> None:
    assert (await flow.ask("GET", "/draft")).status_code == 404
    saved = await flow.save(WRONG)
    assert (saved.status_code, saved.json()["basedOn"], saved.json()["current"]) == (200, 1, 1), saved.text
    wrong = (await flow.ask("GET", "/draft/check")).json()
    assert {(each["pointer"], each["line"]) for each in wrong["faults"]} == {
        ("/steps/0/prompt", 4),
        ("/steps/0/next", 5),
    }
    refused = await flow.ask("POST", "/draft/publish", json={})
    assert refused.status_code == 422
    assert {(each["pointer"], each["line"]) for each in refused.json()["errors"]} == {
        ("/steps/0/prompt", 4), ("/steps/0/next", 5),
    }  # fmt: skip
    assert await flow.steps() == ["bye"]

    assert (await flow.save()).status_code == 200
    right = (await flow.ask("GET", "/draft/check")).json()
    assert right["faults"] == []
    assert len(right["changes"]) == 1
    assert right["changes"][0].startswith('~ workflow "Main"')
    assert await flow.steps() == ["bye"]
    published = await flow.ask("POST", "/draft/publish", json={})
    assert (published.status_code, published.json()["version"]) == (200, 2), published.text
    assert await flow.steps() == ["first", "end"]
    assert (await flow.ask("GET", "/draft")).status_code == 404
    # what a draft leaves out is not kept from before
    assert [each["version"] for each in await flow.versions()] == [2, 1]


async def test_a_text_that_cannot_be_read_is_kept_and_its_line_is_named(flow: Flow) -> None:
    await flow.save('[[steps]]\nname = "a"\ntype = \n')
    (fault,) = (await flow.ask("GET", "/draft/check")).json()["faults"]
    assert (fault["pointer"], fault["line"]) == (None, 3)
    assert (await flow.ask("POST", "/draft/publish", json={})).status_code == 422
    await flow.ask("PUT", "/draft", json={"content": "[1]", "format": "json"})
    (fault,) = (await flow.ask("GET", "/draft/check")).json()["faults"]
    assert (fault["message"], fault["line"]) == ("must be an object", None)
    await flow.ask("PUT", "/draft", json={"content": '{"steps": [{"name": "a", "type": "hangup"}]}', "format": "json"})
    assert (await flow.ask("POST", "/draft/publish", json={})).json()["version"] == 2
    await flow.save('name = "Other"\n' + DRAFT)
    (fault,) = (await flow.ask("GET", "/draft/check")).json()["faults"]
    assert (fault["pointer"], fault["line"]) == ("/name", 1)


async def test_a_draft_is_not_published_over_what_somebody_else_changed_meanwhile(flow: Flow) -> None:
    await flow.save()
    other = await flow.ask("PATCH", json={"steps": [{"name": "other", "type": "hangup"}]})
    assert other.status_code == 200, other.text
    refused = await flow.ask("POST", "/draft/publish", json={})
    assert (refused.status_code, refused.json()["type"]) == (409, "/admin/v1/problems/plan-broken")
    assert await flow.steps() == ["other"]
    assert (await flow.ask("POST", "/draft/publish", json={"over": 1})).status_code == 409
    assert (await flow.ask("POST", "/draft/publish", json={"over": 2})).json()["version"] == 3
    assert await flow.steps() == ["first", "end"]


async def test_a_draft_is_not_written_over_what_somebody_else_saved(flow: Flow) -> None:
    first = await flow.save()
    assert (await flow.save(WRONG, headers={"If-Match": first.headers["ETag"]})).status_code == 200
    assert (await flow.save(DRAFT, headers={"If-Match": first.headers["ETag"]})).status_code == 412
    assert (await flow.ask("GET", "/draft")).json()["content"] == WRONG
    assert (await flow.ask("DELETE", "/draft")).status_code == 204
    assert (await flow.ask("DELETE", "/draft")).status_code == 404


async def test_an_earlier_version_comes_back_as_a_new_one(flow: Flow) -> None:
    await flow.save()
    await flow.ask("POST", "/draft/publish", json={})
    first = (await flow.ask("GET", "/versions/1")).json()
    assert [step["name"] for step in first["workflow"]["steps"]] == ["bye"]
    assert 'name = "bye"' in first["toml"]
    back = await flow.ask("POST", "/versions/1/restore")
    assert (back.status_code, back.json()["version"], back.json()["restored"]) == (200, 3, 1), back.text
    assert await flow.steps() == ["bye"]
    assert [(each["version"], each["restored"], each["current"]) for each in await flow.versions()] == [
        (3, 1, True), (2, None, False), (1, None, False),
    ]  # fmt: skip
    # what is in force already makes no version
    assert (await flow.ask("POST", "/versions/3/restore")).json()["version"] == 3
    for version in (4, 2**40):
        assert (await flow.ask("POST", f"/versions/{version}/restore")).status_code == 404
    # the text of a version is a draft of it
    await flow.save(first["toml"])
    assert (await flow.ask("GET", "/draft/check")).json() == {
        "faults": [], "changes": [], "basedOn": 3, "current": 3,
    }  # fmt: skip


async def test_a_version_that_names_what_is_gone_does_not_come_back(flow: Flow) -> None:
    client = flow.centre.client
    await client.post(f"{ADMIN}/prompts", json={"name": "old", "text": "Hello."})
    await flow.ask("PATCH", json={"steps": [{"name": "hello", "type": "prompt", "prompt": "old"}]})
    await flow.ask("PATCH", json={"steps": [BYE]})
    assert (await client.delete(f"{ADMIN}/prompts/old")).status_code == 204
    refused = await flow.ask("POST", "/versions/2/restore")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/steps/0/prompt"), refused.text


async def test_a_version_says_who_made_it_whatever_the_door(db: Database, flow: Flow) -> None:
    centre = flow.centre
    name = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
    step = '[[workflows.steps]]\nname = "x"\ntype = "hangup"'
    text = f'[organisation]\nname = "{name}"\n[[workflows]]\nname = "Main"\n{step}'
    await apply(db, parse(text, "c.toml"), by=Actor("shell", name="root"))
    assert await apply(db, parse(text, "c.toml"), by=Actor("shell", name="root")) == []
    newest, first = await flow.versions()
    assert (newest["version"], newest["by"]) == (2, {"type": "shell", "id": None, "name": "root"})
    assert first["by"]["type"] == "token"
    assert first["by"]["id"] is not None
    actions = await db.fetch(
        "SELECT action FROM audit_entries WHERE organisation_id = $1 ORDER BY entry_id", centre.organisation
    )
    assert "workflow.create" in [row["action"] for row in actions]


async def test_pages_of_versions_have_each_once(flow: Flow) -> None:
    for number in range(4):
        await flow.ask("PATCH", json={"steps": [{"name": f"s{number}", "type": "hangup"}]})
    seen: list[int] = []
    uri: str | None = f"{ADMIN}/workflows/{flow.id}/versions?limit=2"
    while uri is not None:
        answer = (await flow.centre.client.get(uri)).json()
        seen += [each["version"] for each in answer["items"]]
        following = answer["metadata"]["nextUri"]
        uri = None if following is None else f"http://callfloor.test{following}"
    assert seen == [5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/versions", None),
        ("GET", "/versions/1", None),
        ("POST", "/versions/1/restore", None),
        ("GET", "/draft", None),
        ("PUT", "/draft", {"content": DRAFT}),
        ("DELETE", "/draft", None),
        ("GET", "/draft/check", None),
        ("POST", "/draft/publish", {}),
    ],
)
async def test_another_organisations_workflow_is_not_there(
    flow: Flow, other_centre: Centre, db: Database, method: str, path: str, body: Any
) -> None:
    await flow.save()
    before = await everything(db, flow.centre.organisation)
    theirs = Flow(other_centre, flow.id)
    assert (await theirs.ask(method, path, **({} if body is None else {"json": body}))).status_code == 404
    assert await everything(db, flow.centre.organisation) == before
    assert (await flow.ask(method, path, **({} if body is None else {"json": body}))).status_code in (200, 204)


async def everything(db: Database, organisation: int) -> list[str]:
    rows = [
        await db.fetch(f"SELECT t::text AS row FROM {table} t WHERE organisation_id = $1 ORDER BY 1", organisation)
        for table in ("workflows", "workflow_versions", "workflow_drafts")
    ]
    return [row["row"] for each in rows for row in each]


async def test_publishing_again_with_the_same_key_publishes_once(flow: Flow) -> None:
    await flow.save()
    key = {"Idempotency-Key": "publish"}
    first = await flow.ask("POST", "/draft/publish", json={}, headers=key)
    again = await flow.ask("POST", "/draft/publish", json={}, headers=key)
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await flow.versions()) == 2
