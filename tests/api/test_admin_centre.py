"""The centre file over HTTP: what is read is what is taken, a plan holds or is refused, mistakes are named."""

from __future__ import annotations

import asyncio
import json
import tomllib
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings

from callfloor.centre import apply, of_tree, parse, version_of
from callfloor.centre.check import check
from callfloor.centre.plan import diff
from callfloor.centre.tree import tree
from callfloor.centre.write import centre_file
from callfloor.contract import centre as model
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.centre.test_export import all_centres
from tests.conftest import Centre

ADMIN = "http://callfloor.test/admin/v1"
TOML = "application/toml"


async def read(centre: Centre, form: str = TOML) -> httpx2.Response:
    answer = await centre.client.get(f"{ADMIN}/centre", headers={"Accept": form})
    assert answer.status_code == 200, answer.text
    return answer


async def send(centre: Centre, what: str, body: str | dict[str, Any], **headers: str) -> httpx2.Response:
    path, _, query = what.partition("?")
    kind = TOML if isinstance(body, str) else "application/json"
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    params = {"plan": query} if query else None
    given = {"Content-Type": kind} | headers
    return await centre.client.post(f"{ADMIN}/centre/{path}", content=content, headers=given, params=params)


TEAM = {"teams": [{"name": "Day", "leaders": ["user.doe"], "members": ["agent.doe"]}]}


async def test_what_is_read_changes_nothing_when_it_is_sent_back(centre: Centre) -> None:
    text = (await read(centre)).text
    as_json = (await read(centre, "application/json")).json()
    assert tomllib.loads(text) == as_json
    for body in (text, as_json):
        planned = await send(centre, "plan", body)
        assert planned.status_code == 200, planned.text
        assert planned.json()["changes"] == []
        assert (await send(centre, "apply", body)).json()["changes"] == []


@given(all_centres())
@settings(deadline=None)
def test_the_json_and_the_toml_of_any_centre_are_the_same_and_are_taken(centre: model.Centre) -> None:
    found = tree(centre)
    assert tomllib.loads(centre_file(centre)) == found
    assert check(of_tree(found), centre) == centre
    assert version_of(check(of_tree(found), centre)) == version_of(centre)
    assert diff(centre, check(parse(centre_file(centre), "file"), centre)) == []


async def test_a_plan_says_what_changes_and_where_and_apply_does_it(centre: Centre) -> None:
    text = '[organisation]\n\n[[teams]]\nname = "Day"\nleaders = ["user.doe"]\nmembers = ["agent.doe"]\n'
    planned = (await send(centre, "plan", text)).json()
    assert planned["changes"] == [
        {"sign": "+", "kind": "team", "key": "Day", "campaign": None, "details": [], "text": '+ team "Day"', "line": 3,
         "pointer": "/teams/0"}
    ]  # fmt: skip
    assert "teams" not in (await read(centre, "application/json")).json()
    applied = await send(centre, f"apply?{planned['plan']}", text)
    assert (applied.status_code, applied.json()["changes"]) == (200, planned["changes"])
    assert (await read(centre, "application/json")).json()["teams"] == TEAM["teams"]
    assert applied.headers["ETag"] == (await read(centre)).headers["ETag"]


async def test_a_plan_does_not_hold_when_the_centre_or_the_body_is_another(centre: Centre) -> None:
    plan = (await send(centre, "plan", TEAM)).json()["plan"]
    other = {"teams": [{"name": "Night"}]}
    refused = await send(centre, f"apply?{plan}", other)
    assert (refused.status_code, refused.json()["type"]) == (409, "/admin/v1/problems/plan-broken")
    assert (await send(centre, "apply", other)).status_code == 200
    assert (await send(centre, f"apply?{plan}", TEAM)).status_code == 409
    names = [each["name"] for each in (await read(centre, "application/json")).json()["teams"]]
    assert names == ["Night"]


async def test_an_etag_in_either_form_is_the_version_that_is_changed(centre: Centre) -> None:
    tags = [(await read(centre, form)).headers["ETag"] for form in (TOML, "application/json")]
    assert len(set(tags)) == 2
    assert (await send(centre, "apply", TEAM, **{"If-Match": tags[1]})).status_code == 200
    for tag in tags:
        refused = await send(centre, "apply", {"teams": [{"name": "Night"}]}, **{"If-Match": tag})
        assert refused.status_code == 412, refused.text
    unchanged = await centre.client.get(
        f"{ADMIN}/centre", headers={"If-None-Match": (await read(centre)).headers["ETag"]}
    )
    assert unchanged.status_code == 304


async def test_of_two_who_planned_the_same_centre_one_applies(centre: Centre) -> None:
    plans = [{"teams": [{"name": name}]} for name in ("One", "Two", "Three")]
    planned = [(await send(centre, "plan", body)).json()["plan"] for body in plans]
    answers = await asyncio.gather(
        *(send(centre, f"apply?{plan}", body) for plan, body in zip(planned, plans, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert len((await read(centre, "application/json")).json()["teams"]) == 1


@pytest.mark.parametrize(
    ("body", "pointers", "lines"),
    [
        ('[organisation]\n[[users]]\nusername = "x"\ntpye = "agent"\n', ["/users/0", "/users/0/tpye"], [2, 4]),
        ({"campaigns": [{"name": "New", "direction": "up"}]}, ["/campaigns/0/direction"], [None]),
        ({"teams": [{"name": "a", "members": ["nobody"]}], "a/b": 1}, ["/a~1b", "/teams/0/members/0"], [None, None]),
        ({"teams": None}, ["/teams"], [None]),
        ({"organisation": {"name": "Another"}}, ["/organisation/name"], [None]),
        ({"organisation": 3}, ["/organisation"], [None]),
        ("[organisation\n", [""], [1]),
    ],
)
async def test_mistakes_are_named_by_pointer_and_line(
    centre: Centre, body: Any, pointers: list[str], lines: list[int | None]
) -> None:
    before = (await read(centre)).text
    for what in ("plan", "apply"):
        answer = await send(centre, what, body)
        assert answer.status_code == 422, answer.text
        errors = answer.json()["errors"]
        assert {each["pointer"] for each in errors} >= set(pointers)
        assert {each.get("line") for each in errors} >= set(lines)
    assert (await read(centre)).text == before


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("text/plain", b"", 415),
        ("application/json", b"[]", 422),
        ("application/json", b"{", 400),
        (TOML, b"\xff", 422),
        ("application/json", b'{"a": "' + b"x" * 4_200_000 + b'"}', 413),
        ("application/json", b"[" * 100_000, 400),
        (TOML, b"a = " + b"[" * 100_000, 422),
    ],
)
async def test_what_is_no_centre_file_is_refused(centre: Centre, kind: str, content: bytes, status: int) -> None:
    answer = await centre.client.post(f"{ADMIN}/centre/apply", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text


async def test_a_repeated_apply_is_answered_as_the_first_was(centre: Centre) -> None:
    first = await send(centre, "apply", TEAM, **{"Idempotency-Key": "teams"})
    again = await send(centre, "apply", TEAM, **{"Idempotency-Key": "teams"})
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    reused = await send(centre, "apply", {"teams": []}, **{"Idempotency-Key": "teams"})
    assert reused.status_code == 422


async def test_nobody_hands_out_what_it_has_not(db: Database, centre: Centre) -> None:
    setup = await tokens.create(db, centre.organisation, "setup", ["setup:read", "setup:write"])
    people = await tokens.create(db, centre.organisation, "people", ["setup:read", "setup:write", "people:write"])
    reader = await tokens.create(db, centre.organisation, "reader", ["setup:read"])
    grab = {"roles": [{"name": "all", "scopes": ["admin"]}]}
    rise = {"users": [{"username": "user.doe", "roles": ["administrator"]}]}
    cases = [(setup, TEAM, "scope-missing"), (people, grab, "beyond-own-scopes"), (people, rise, "beyond-own-scopes"),
             (reader, TEAM, "scope-missing")]  # fmt: skip
    for token, body, slug in cases:
        for what in ("plan", "apply"):
            answer = await send(centre, what, body, Authorization=f"Bearer {token}")
            assert answer.status_code == 403, answer.text
            assert answer.json()["type"].endswith(slug)
    assert (await send(centre, "apply", rise)).status_code == 200
    # nor may it take away from who may do more
    demoted: dict[str, Any] = {"users": [{"username": "user.doe", "roles": []}]}
    assert (await send(centre, "apply", demoted, Authorization=f"Bearer {people}")).status_code == 403


async def test_another_organisation_is_neither_read_nor_changed(centre: Centre, other_centre: Centre) -> None:
    mine, its = (await read(centre)).text, (await read(other_centre)).text
    assert mine != its
    assert (await send(other_centre, "apply", mine)).status_code == 422
    assert (await send(other_centre, "apply", TEAM)).status_code == 200
    assert (await read(centre)).text == mine


@pytest.mark.parametrize(
    ("secret", "pointer"),
    [
        ({"passwordFile": "care.password"}, "/mailboxes/0/send/passwordFile"),
        ({"passwordVariable": "CALLFLOOR_SECRET_OTHERS"}, "/mailboxes/0/send/passwordVariable"),
    ],
)
async def test_an_account_is_given_no_password_of_others(
    db: Database, centre: Centre, secret: dict[str, str], pointer: str
) -> None:
    def with_(given: dict[str, str], host: str) -> dict[str, Any]:
        send = {"host": host, "user": "care"} | given
        box = {"name": "Care", "address": f"care{centre.organisation}@example.com", "campaign": "Support Inbound"}
        return {"mailboxes": [box | {"send": send}]}

    refused = await send(centre, "apply", with_(secret, "smtp.example.com"))
    assert [each["pointer"] for each in refused.json()["errors"]] == [pointer]
    own = {"passwordFile": f"organisation-{centre.organisation}.care"}
    assert (await send(centre, "apply", with_(own, "smtp.example.com"))).status_code == 200
    # what an operator gave stays usable on the server that it was given for, and on no other
    name = f"Centre {(await read(centre, 'application/json')).json()['organisation']['name'].split()[1]}"
    file = {"organisation": {"name": name}} | with_(secret, "smtp.example.com")
    await apply(db, of_tree(file))
    renamed = with_(secret, "smtp.example.com") | {"teams": [{"name": "Day"}]}
    assert (await send(centre, "apply", renamed)).status_code == 200
    assert (await send(centre, "apply", with_(secret, "attacker.example.com"))).status_code == 422


async def test_what_a_command_changes_meanwhile_is_not_undone(db: Database, centre: Centre) -> None:
    """A campaign is stopped between the reading and the writing of an apply: one of both waits for the other."""
    body = {"campaigns": [{"name": "Support Outbound", "maxLines": 3}]}
    stop = centre.client.post(f"{ADMIN}/campaigns/{centre.outbound}/commands", json={"action": "stop"})
    await asyncio.gather(send(centre, "apply", body), stop)
    found = (await read(centre, "application/json")).json()["campaigns"][1]
    assert (found["active"], found["maxLines"]) == (False, 3)
