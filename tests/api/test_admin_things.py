"""Everything that a centre file describes, thing by thing: made, read, changed, set, removed."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import msgspec
import pytest

from callfloor.api.admin.kinds import KINDS, ThingKind
from callfloor.api.admin.things import operations
from callfloor.api.operation import Operation
from callfloor.centre import keys
from callfloor.centre.mailboxes import MAILBOX
from callfloor.centre.people import ROLE, TEAM
from callfloor.contract.setup import OrganisationSettings
from callfloor.store.agents import agents
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"
STEP = {"name": "bye", "type": "hangup"}
# of each kind: something new, a change of it, and what a PUT says of it
LIVES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "users": (
        {"username": "new.one", "type": "agent", "firstName": "New", "lastName": "One", "skills": {"german": 3}},
        {"accountActive": False, "emailAddress": "new@example.com"},
        {"username": "new.one", "type": "agent", "firstName": "Other", "lastName": ""},
    ),
    "roles": (
        {"name": "team / lead", "scopes": ["workspace"]},
        {"scopes": ["reports:read"]},
        {"name": "team / lead", "scopes": ["reports:read", "workspace"]},
    ),
    "teams": (
        {"name": "Day", "leaders": ["user.doe"], "members": ["agent.doe"]},
        {"members": []},
        {"name": "Day", "members": ["agent.doe"]},
    ),
    "leadStatuses": ({"code": 100, "description": "a"}, {"description": "b"}, {"code": 100, "description": "c"}),
    "strategies": (
        {"name": "patient", "outcomes": [{"status": "No Answer", "recycleMinutes": 90}]},
        {"outcomes": [{"status": "Busy", "recycleMinutes": "never"}]},
        {"name": "patient"},
    ),
    "campaigns": (
        {"name": "New", "direction": "outbound", "agents": ["agent.doe"], "maxLines": 3, "graceSeconds": 1},
        {"maxLines": None, "active": False, "callingHours": {"monday": ["09:00-17:00"]}},
        {"name": "New", "direction": "outbound", "ringSeconds": 20},
    ),
    "lists": ({"name": "Two", "weight": 4}, {"inDialler": False}, {"name": "Two"}),
    "wrapCodes": ({"code": 7, "description": "a"}, {"description": "b"}, {"code": 7, "description": "c"}),
    "mailboxes": (
        {"name": "Care", "address": "care@things.example.com", "campaign": "Support Inbound"},
        {"hourlyPerSender": 5, "active": False},
        {"name": "Care", "address": "help@things.example.com", "campaign": "Support Inbound"},
    ),
    "alerts": (
        {"name": "Waits", "kind": "longest-wait", "campaign": "Support Inbound", "threshold": 60},
        {"threshold": 90, "active": False, "severity": "critical"},
        {"name": "Waits", "kind": "callers-waiting", "threshold": 5},
    ),
    "prompts": ({"name": "welcome", "text": "Hi."}, {"text": "Hello."}, {"name": "welcome", "text": "Bye."}),
    "workflows": (
        {"name": "Main", "steps": [STEP]},
        {"steps": [{"name": "end", "type": "hangup"}]},
        {"name": "Main", "start": "bye", "steps": [STEP], "numbers": []},
    ),
}  # fmt: skip
KEYS = {
    "users": keys.USER, "roles": ROLE, "teams": TEAM, "lists": keys.LIST, "prompts": keys.PROMPT, "mailboxes": MAILBOX,
    "workflows": keys.WORKFLOW | {"steps": ""},
    "campaigns": keys.CAMPAIGN | keys.DIALLING | keys.QUEUE | {"agents": ""},
}  # fmt: skip


def place(centre: Centre, kind: ThingKind) -> str:
    return ADMIN + kind.path.replace("{campaignId}", str(centre.outbound))


def life(centre: Centre, kind: ThingKind) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """`LIVES` of an organisation: an address of mail is one's alone."""
    given = json.dumps(LIVES[kind.key]).replace("things.", f"things{centre.organisation}.")
    new, change, whole = json.loads(given)
    return new, change, whole


async def made(centre: Centre, kind: ThingKind, **headers: str) -> httpx2.Response:
    answer = await centre.client.post(place(centre, kind), json=life(centre, kind)[0], headers=headers)
    assert answer.status_code == 201, answer.text
    return answer


async def file(centre: Centre) -> dict[str, Any]:
    return (await centre.client.get(f"{ADMIN}/centre", headers={"Accept": "application/json"})).json()


def test_the_types_have_the_keys_of_the_file() -> None:
    for kind in KINDS:
        if kind.key in KEYS:
            assert {field.encode_name for field in msgspec.structs.fields(kind.settings)} == set(KEYS[kind.key])
    assert {field.encode_name for field in msgspec.structs.fields(OrganisationSettings)} == set(keys.ORGANISATION)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
async def test_a_thing_is_made_read_changed_set_and_removed(db: Database, centre: Centre, kind: ThingKind) -> None:
    before = await file(centre)
    given, change, whole = life(centre, kind)
    first = await made(centre, kind)
    where = first.headers["Location"].replace("/admin/v1", ADMIN)
    read = await centre.client.get(where)
    assert (read.status_code, read.json()) == (200, first.json())
    assert {key: read.json()[key] for key in given} == given
    assert read.json() in (await centre.client.get(place(centre, kind))).json()["items"]

    stale = {"If-Match": '"other"'}
    for method, body in (("PATCH", change), ("PUT", whole), ("DELETE", None)):
        refused = await centre.client.request(method, where, json=body, headers=stale)
        assert refused.status_code == 412, refused.text
    changed = await centre.client.patch(where, json=change, headers={"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200, changed.text
    assert {key: changed.json()[key] for key in change} == change
    assert {key: each for key, each in changed.json().items() if key not in change and key != "start"} == {
        key: each for key, each in read.json().items() if key not in change and key != "start"
    }
    put = await centre.client.put(where, json=whole)
    assert put.status_code == 200, put.text
    assert {key: put.json()[key] for key in whole} == whole
    assert (await centre.client.put(where, json=whole)).json() == put.json()

    again = await centre.client.post(place(centre, kind), json=given)
    assert (again.status_code, again.json()["type"]) == (409, "/admin/v1/problems/name-taken")
    gone = await centre.client.delete(where)
    assert gone.status_code == 204, gone.text
    assert (await centre.client.get(where)).status_code == 404
    assert (await centre.client.delete(where)).status_code == 404
    after = await file(centre)
    assert after == before
    recorded = await db.fetch(
        "SELECT action FROM audit_entries WHERE organisation_id = $1 ORDER BY entry_id", centre.organisation
    )
    what = kind.kind.replace(" ", "-")
    own = [row["action"] for row in recorded if row["action"].startswith(what + ".")]
    assert (own[0], own[-1]) == (f"{what}.create", f"{what}.remove")
    assert own.count(f"{what}.update") == 2


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)
async def test_a_thing_is_made_once_for_an_idempotency_key(centre: Centre, kind: ThingKind) -> None:
    first = await made(centre, kind, **{"Idempotency-Key": "one"})
    again = await made(centre, kind, **{"Idempotency-Key": "one"})
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.operation_id)
async def test_what_is_set_stays_in_its_organisation(
    operation: Operation, centre: Centre, other_centre: Centre
) -> None:
    kind = next(each for each in KINDS if operation.path.startswith(each.path) and operation.tag == each.key)
    first = (await made(centre, kind)).json()
    mine = await file(centre)
    named = first[kind.named] if kind.number else re.sub("/", "%2F", str(first[kind.identity]))
    path = operation.path.replace(f"{{{kind.named}}}", str(named)).replace("{campaignId}", str(centre.outbound))
    bodies: dict[str, Any] = dict(zip(("POST", "PATCH", "PUT"), life(centre, kind), strict=True))
    answer = await other_centre.client.request(operation.method, ADMIN + path, json=bodies.get(operation.method))
    if "{" in operation.path:
        assert answer.status_code == 404, answer.text
    elif operation.method == "GET":
        assert first not in answer.json()["items"]
        assert str(first[kind.identity]) not in {str(each[kind.identity]) for each in answer.json()["items"]}
    else:
        # an address of mail is one organisation's
        assert answer.status_code == (422 if kind.key == "mailboxes" else 201), answer.text
    assert await file(centre) == mine


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        (
            "users",
            {"username": "x", "type": "agent", "firstName": "X", "lastName": "", "timezone": "AEST"},
            "/timezone",
        ),
        ("users", {"username": "x", "type": "agent", "firstName": "X", "lastName": "", "roles": ["no"]}, "/roles/0"),
        ("users", {"username": "x"}, "/type"),
        ("campaigns", {"name": "x", "direction": "inbound", "maxLines": 3}, "/maxLines"),
        ("campaigns", {"name": "x", "direction": "outbound", "agents": ["user.doe"]}, "/agents/0"),
        ("workflows", {"name": "x", "steps": [{"name": "a", "type": "prompt", "prompt": "no"}]}, "/steps/0/prompt"),
        ("teams", {"name": "x", "members": ["nobody"]}, "/members/0"),
        ("lead-statuses", {"code": 3, "description": "x"}, "/code"),
        ("campaigns/{campaign}/lists", {"name": "x", "weight": 101}, "/weight"),
        ("campaigns/{campaign}/wrap-codes", {"code": 0, "description": "x"}, "/code"),
    ],
)
async def test_mistakes_are_named_by_pointers_into_what_was_sent(
    centre: Centre, path: str, body: dict[str, Any], pointer: str
) -> None:
    answer = await centre.client.post(f"{ADMIN}/{path.format(campaign=centre.outbound)}", json=body)
    assert answer.status_code == 422, answer.text
    assert pointer in [each["pointer"] for each in answer.json()["errors"]]


async def test_what_is_in_use_is_not_removed_and_what_to_do_is_said(db: Database, centre: Centre) -> None:
    await centre.client.post("/leads", json={"listId": centre.list_id, "customerKey": "k"})
    for path, said in (
        (f"campaigns/{centre.outbound}/lists/{centre.list_id}", "inDialler"),
        (f"campaigns/{centre.outbound}", "inDialler"),
    ):
        refused = await centre.client.delete(f"{ADMIN}/{path}")
        assert (refused.status_code, said in refused.json()["detail"]) == (409, True), refused.text
    user = {"username": "lead", "type": "user", "firstName": "L", "lastName": "", "roles": ["checker"]}
    await centre.client.post(f"{ADMIN}/roles", json={"name": "checker", "scopes": ["reports:read"]})
    number = (await centre.client.post(f"{ADMIN}/users", json=user)).json()["userId"]
    refused = await centre.client.delete(f"{ADMIN}/roles/checker")
    assert (refused.status_code, "user lead" in refused.json()["detail"]) == (409, True)
    assert (await centre.client.delete(f"{ADMIN}/users/{number}")).status_code == 204
    assert (await centre.client.delete(f"{ADMIN}/roles/checker")).status_code == 204
    await agents.make_ready(db, centre.organisation, centre.agent, (await db.fetchval("SELECT now()")))
    refused = await centre.client.delete(f"{ADMIN}/users/{centre.agent}")
    assert (refused.status_code, "accountActive" in refused.json()["detail"]) == (409, True), refused.text


async def test_who_is_removed_leaves_its_teams_and_campaigns_and_is_signed_out(db: Database, centre: Centre) -> None:
    await centre.client.post(f"{ADMIN}/teams", json={"name": "Day", "members": ["agent.doe"], "leaders": ["user.doe"]})
    token = await tokens.create(db, centre.organisation, "theirs", ["workspace"], user_id=centre.agent)
    headers = {"Authorization": f"Bearer {token}"}
    session = "http://callfloor.test/workspace/v1/session"
    assert (await centre.client.get(session, headers=headers)).status_code == 200
    gone = await centre.client.delete(f"{ADMIN}/users/{centre.agent}")
    assert gone.status_code == 204, gone.text
    found = await file(centre)
    assert found["teams"] == [{"name": "Day", "leaders": ["user.doe"], "members": []}]
    assert [each["agents"] for each in found["campaigns"]] == [[], []]


async def test_a_file_removes_too_and_says_what_keeps_it(centre: Centre) -> None:
    await centre.client.post(f"{ADMIN}/teams", json={"name": "Day"})
    body = {"remove": {"teams": ["Day", "never there"], "roles": []}}
    plan = (await centre.client.post(f"{ADMIN}/centre/plan", content=json.dumps(body),
            headers={"Content-Type": "application/json"})).json()  # fmt: skip
    assert [each["text"] for each in plan["changes"]] == ['- team "Day"']
    both = body | {"teams": [{"name": "Day"}]}
    refused = await centre.client.post(f"{ADMIN}/centre/apply", json=both)
    assert [each["pointer"] for each in refused.json()["errors"]] == ["/remove/teams/0"]
    assert (await centre.client.post(f"{ADMIN}/centre/apply", json=body)).status_code == 200
    assert "teams" not in await file(centre)


async def test_the_organisation_is_read_and_changed(centre: Centre) -> None:
    read = await centre.client.get(f"{ADMIN}/organisation")
    policy = {"destinations": {"countries": ["AU", "NZ"], "callsPerDay": 10}}
    changed = await centre.client.patch(
        f"{ADMIN}/organisation", json=policy, headers={"If-Match": read.headers["ETag"]}
    )
    assert (changed.status_code, changed.json()) == (200, read.json() | policy)
    for body, pointer in (
        ({"timezone": "AEST"}, "/timezone"),
        ({"destinations": {"denied": ["x"]}}, "/destinations/denied/0"),
    ):
        refused = await centre.client.patch(f"{ADMIN}/organisation", json=body)
        assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]
    stale = await centre.client.patch(f"{ADMIN}/organisation", json=policy, headers={"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412


async def test_a_number_leads_to_one_organisation_whoever_claims_it(centre: Centre, other_centre: Centre) -> None:
    workflow = {"name": "Main", "numbers": [f"+6125550{centre.organisation % 10000:04}"], "steps": [STEP]}
    assert (await centre.client.post(f"{ADMIN}/workflows", json=workflow)).status_code == 201
    refused = await other_centre.client.post(f"{ADMIN}/workflows", json=workflow)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/numbers/0"), refused.text
