"""What people of an organisation type, upload, plan and save reaches nothing but their own, and runs nowhere."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callfloor.contract.workspace import AtHand
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.telephony.sound import tone
from tests.api.desks import RINGING, add_agent, client_of, publish, token_of
from tests.api.test_saved_reports import QUERY, SAVED
from tests.api.test_workflow_versions import BYE
from tests.attack.loop_meter import measured
from tests.attack.test_loop import LONGEST_S
from tests.conftest import Centre, client_for
from tests.waiting import until

ADMIN = "http://callfloor.test/admin/v1"
OWN_TOKENS = "http://callfloor.test/auth/v1/tokens"
MARKUP = "<img src=x onerror=alert(1)><script>alert(1)</script>\u202e{{7*7}}"
DRAFT = f"/calls/{RINGING.activity_id}/draft"


async def test_what_is_typed_on_a_call_is_its_agents_and_stays_a_text(db: Database, centre: Centre) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    other = await add_agent(db, centre, "other")
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        kept = await desk.put(DRAFT, json={"note": MARKUP, "leadData": {MARKUP[:40]: MARKUP}})
        assert (kept.status_code, kept.json()["note"]) == (200, MARKUP)
        assert kept.headers["Content-Type"] == "application/json"
        for hostile in (
            {"note": "x" * 200_000}, {"note": "\x00"}, {"leadData": {"a": "x" * 140_000}},
            {"note": "x", "agentId": other},
            {"leadData": [1]}, {"revision": -1}, {"revision": 2**63}, {"page": "../" * 10},
            {"callback": {"own": "yes"}},
        ):  # fmt: skip
            refused = await desk.put(DRAFT, json=hostile)
            assert refused.status_code in (413, 422), hostile
        assert (await desk.get(DRAFT)).json()["note"] == MARKUP
        async with client_of(centre, await token_of(db, centre, other)) as another:
            for method in ("GET", "PUT", "DELETE"):
                answer = await another.request(method, DRAFT, **({"json": {"note": "mine"}} if method == "PUT" else {}))
                assert answer.status_code == 404, method
        assert (await desk.get(DRAFT)).json()["note"] == MARKUP


async def test_a_report_asks_for_and_is_sent_to_its_own_organisation_only(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    await db.execute("UPDATE users SET email_address = 'far@example.com' WHERE user_id = $1", other_centre.user)
    for given in (
        {"query": QUERY | {"campaignId": other_centre.outbound, "measures": "handled"}},
        {"query": QUERY | {"agentId": other_centre.agent}},
        {"query": QUERY | {"teamId": 1}},
        {"query": QUERY | {"measures": "handled,=1+1"}},
        {"name": "\x00"},
        {"schedule": {"every": "day", "time": "07:30", "mailbox": "care\r\nBcc: far@example.com", "recipients": []}},
        {"schedule": {"every": "day", "time": "07:30", "mailbox": "care", "recipients": ["far@example.com"]}},
    ):
        answer = await centre.client.post(SAVED, json={"name": "Agents", "query": QUERY, **given})
        assert answer.status_code == 422, given
    assert (await centre.client.get(SAVED)).json()["items"] == []


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..", "/etc/passwd", "C:\\x", "a\\..\\b", "%2e%2e", ".hidden", "a" * 64]
)
async def test_a_sound_is_kept_under_no_path_and_nothing_but_sound_of_it(centre: Centre, name: str) -> None:
    page = b"<html><script>alert(1)</script></html>"
    # a file that is a sound and, behind it, a page
    whole = tone() + b"LIST" + struct.pack("<I", len(page)) + page
    sound = b"RIFF" + struct.pack("<I", len(whole) - 8) + whole[8:]
    path = f"{ADMIN}/prompts/{name.replace('%', '%25').replace('/', '%2F').replace('..', '%2E%2E')}"
    made = await centre.client.put(f"{path}/sound", content=sound, headers={"Content-Type": "audio/wav"})
    if made.status_code == 404:
        # the client itself took the dots for a step back
        return
    assert made.status_code in (200, 422), made.text
    if made.status_code == 200:
        heard = await centre.client.get(f"{path}/sound")
        assert b"script" not in heard.content
        assert heard.headers["Content-Type"] == "audio/wav"
        assert heard.headers["X-Content-Type-Options"] == "nosniff"
        file = (await centre.client.get(path)).json()["file"]
        assert file.startswith("prompts/")
        assert ".." not in file.split("/")
        assert "\\" not in file


async def test_a_draft_of_a_workflow_keeps_nobody_waiting_while_it_is_checked(centre: Centre) -> None:
    made = await centre.client.post(f"{ADMIN}/workflows", json={"name": "Main", "steps": [BYE]})
    path = f"{ADMIN}/workflows/{made.json()['workflowId']}/draft"
    for form, content in (
        ("toml", "a = [" + "1," * 249_000 + "]"),
        ("toml", '[[steps]]\nname = "s"\ntype = "hangup"\n' * 12_000),
        ("toml", "x = " + "[" * 400_000),
        ("json", json.dumps({"steps": [BYE] * 12_000})),
        ("json", "[" * 400_000),
    ):
        assert (await centre.client.put(path, json={"content": content, "format": form})).status_code == 200
        with measured() as meter:
            for method, ask in (("GET", "/check"), ("POST", "/publish")):
                answer = await centre.client.request(method, path + ask, **({"json": {}} if method == "POST" else {}))
                assert answer.status_code in (200, 422), answer.text[:200]
            longest = meter.take()
        assert longest <= LONGEST_S, content[:20]
        if answer.status_code == 200:
            return


async def test_a_token_that_a_token_makes_ends_no_later(db: Database, centre: Centre) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    later = (ends + timedelta(days=1)).isoformat()
    short = await tokens.create(
        db, centre.organisation, "short", ["admin", "tokens:write", "leads:read"], user_id=centre.user, expires_at=ends
    )
    async with client_for(centre.app, short) as client:
        for path, name, never in (
            (OWN_TOKENS, "expiresTimestamp", None),
            (f"{ADMIN}/tokens", "expires", {"expires": None}),
        ):
            given: dict[str, Any] = {"name": "kept", "scopes": ["leads:read"]}
            for longer in ({name: later}, never):
                if longer is not None:
                    answer = await client.post(path, json=given | longer)
                    assert [each["code"] for each in answer.json()["errors"]] == ["beyond-own-life"], longer
            made = await client.post(path, json=given)
            assert made.status_code == 201, made.text
            assert datetime.fromisoformat(made.json()[name]) <= ends + timedelta(seconds=1)


async def test_a_key_of_somebody_elses_request_is_nobody_elses_answer(db: Database, centre: Centre) -> None:
    key = {"Idempotency-Key": "one"}
    body = {"name": "Mine", "query": QUERY}
    scopes = ["reports:read", "reports:write", "setup:read", "setup:write"]
    mine, other = [
        await tokens.create(db, centre.organisation, "p", scopes, user_id=each) for each in (centre.user, centre.agent)
    ]
    async with client_for(centre.app, mine) as one, client_for(centre.app, other) as two:
        first = await one.post(SAVED, json=body, headers=key)
        again = await one.post(SAVED, json=body, headers=key)
        assert (first.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
        # somebody else's request is another, and so is one to another API
        others = await two.post(SAVED, json=body, headers=key)
        assert others.status_code == 201
        assert others.json()["reportId"] != first.json()["reportId"]
        made = await one.post(f"{ADMIN}/workflows", json={"name": "Main", "steps": [BYE]}, headers=key)
        assert made.status_code == 201, made.text
        # the same key to another path of the same API is a mistake, and shows nothing
        path = f"{SAVED}/{first.json()['reportId']}"
        assert (await one.put(path, json=body, headers=key)).json()["type"].endswith("/idempotency-key-reused")
        # who may not ask any more is not shown what was answered
        await db.execute("UPDATE tokens SET scopes = '{reports:read}' WHERE user_id = $1 AND name = 'p'", centre.user)
        await tokens.changed(db)
    async with client_for(centre.app, mine) as one:

        async def refused() -> bool:
            return (await one.post(SAVED, json=body, headers=key)).status_code == 403

        await until(refused, 30)


async def test_what_was_planned_is_what_is_applied_and_another_organisations_plan_is_none(
    centre: Centre, other_centre: Centre
) -> None:
    body = {"strategies": [{"name": "Gentle", "outcomes": []}]}
    plan = (await centre.client.post(f"{ADMIN}/centre/plan", json=body)).json()["plan"]
    foreign = (await other_centre.client.post(f"{ADMIN}/centre/plan", json=body)).json()["plan"]
    apply = f"{ADMIN}/centre/apply"
    for wrong in (foreign, plan[:-1] + ("0" if plan[-1] != "0" else "1")):
        answer = await centre.client.post(apply, json=body, params={"plan": wrong})
        assert answer.status_code in (409, 422), wrong
    # what else is planned by the same person does not pass under this plan
    more = {"strategies": [{"name": "Rough", "outcomes": []}]}
    assert (await centre.client.post(apply, json=more, params={"plan": plan})).status_code == 409
