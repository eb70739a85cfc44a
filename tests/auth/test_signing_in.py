"""Signing in with a password: sessions, cookies, delays, and what others may do for one."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from callfloor.store.db.pool import Database
from callfloor.store.people import sessions, teams, tokens, users
from tests.api.desks import add_agent
from tests.api.sockets import served
from tests.auth.people import PASSWORD, add_user, browser, sign_in, signed_in
from tests.conftest import Centre
from tests.waiting import until

ME = "/auth/v1/me"


async def told(client: httpx2.AsyncClient, path: str, status: int, headers: dict[str, str] | None = None) -> None:
    """Wait until the address has that answer: another process hears of a change a moment later."""

    async def has_it() -> bool:
        return (await client.get(path, headers=headers)).status_code == status

    await until(has_it, 30)


async def end_of(connection: ClientConnection) -> int | None:
    """The code with which the server closes the connection."""
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            while True:
                await connection.recv()
    return connection.close_code


async def test_who_signs_in_is_told_who_it_is_and_what_it_may(app: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre, ["supervisor"])
    async with browser(app) as client:
        assert (await client.get(ME)).status_code == 401
        answer = await sign_in(client, username)
        assert answer.json()["stage"] == "signed-in"
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        me = (await client.get(ME)).json()
    assert me == answer.json()["me"]
    assert (me["userId"], me["roles"], me["organisation"]["organisationId"]) == (
        user_id, ["supervisor"], centre.organisation,
    )  # fmt: skip
    assert "campaigns:control" in me["scopes"]
    assert "admin" not in me["scopes"]


async def test_a_session_is_taken_by_every_api(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre, ["administrator"])
    async with signed_in(app, username) as client:
        for path in ("/platform-api/v3.0/users", "/v3.0/leads", "/workspace/v1/agents", "/auth/v1/roles"):
            assert (await client.get(path)).status_code == 200, path


async def test_the_cookie_under_tls_is_for_this_host_only(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="https://callfloor.test") as client:
        cookie = (await sign_in(client, username)).headers["Set-Cookie"]
        assert cookie.startswith("__Host-callfloor_session=")
        assert "Secure" in cookie
        assert "Path=/;" in cookie
        assert "Domain" not in cookie
        assert (await client.get(ME)).status_code == 200


@pytest.mark.parametrize("kind", ["unknown", "wrong", "closed", "without a password", "another organisation's name"])
async def test_every_failure_has_the_same_answer(app: Any, db: Database, centre: Centre, kind: str) -> None:
    username, user_id = await add_user(db, centre)
    given = {"username": username, "password": PASSWORD}
    match kind:
        case "unknown":
            given["username"] = "nobody.knows"
        case "wrong":
            given["password"] = "another lantern quartz"
        case "closed":
            await users.set_active(db, centre.organisation, user_id, False, datetime.now(UTC))
        case "without a password":
            given["username"] = f"bare.{secrets.token_hex(4)}"
            await add_agent(db, centre, given["username"])
        case _:
            given["organisation"] = "Somebody else's"
    async with browser(app, f"198.51.100.{len(kind)}") as client:
        answer = await client.post("/auth/v1/session", json=given)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (401, "/auth/v1/problems/sign-in-failed")
    assert problem["detail"] == "The name or the password is wrong, or the account is closed."
    assert "set-cookie" not in answer.headers


async def test_an_unknown_name_costs_the_same_work(app: Any, db: Database, centre: Centre, monkeypatch: Any) -> None:
    from callfloor.api.auth import hashing

    verified: list[str] = []
    matches = hashing._matches  # pyright: ignore[reportPrivateUsage]

    def counted(hasher: Any, password_hash: str, password: str) -> bool:
        verified.append(password_hash.split("$")[3])
        return matches(hasher, password_hash, password)

    monkeypatch.setattr(hashing, "_matches", counted)
    username, _ = await add_user(db, centre)
    async with browser(app, "198.51.100.77") as client:
        for name in (username, "nobody.knows", "x" * 200):
            await sign_in(client, name, "wrong")
    assert len(verified) == 3
    assert len(set(verified)) == 1, "with the same parameters"


async def test_a_name_that_several_organisations_have_needs_the_organisation(
    app: Any, db: Database, centre: Centre, other_centre: Centre
) -> None:
    name = f"same.{secrets.token_hex(4)}"
    for each in (centre, other_centre):
        await add_user(db, each, name=name)
    organisation = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
    async with browser(app, "198.51.100.78") as client:
        assert (await client.get("/auth/v1/options")).json()["organisationNeeded"] is True
        assert (await sign_in(client, name)).status_code == 401
        body = {"username": name, "password": PASSWORD, "organisation": organisation}
        me = (await client.post("/auth/v1/session", json=body)).json()["me"]
    assert me["organisation"]["organisationId"] == centre.organisation


async def test_guesses_that_come_at_once_are_counted_one_by_one(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    async with browser(app, "198.51.100.79") as client:
        told = await asyncio.gather(*(sign_in(client, username, f"wrong {number}") for number in range(20)))
        statuses = sorted(answer.status_code for answer in told)
        # five cost nothing, the sixth makes the next wait
        assert statuses == [401] * 6 + [429] * 14
    refused = next(answer for answer in told if answer.status_code == 429)
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["type"].endswith("/sign-in-delayed")


async def test_signing_in_well_is_no_failure(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    async with browser(app, "198.51.100.80") as client:
        for _ in range(12):
            assert (await sign_in(client, username)).status_code == 200


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://callfloor.test:8081"},
])  # fmt: skip
async def test_a_page_of_another_site_changes_nothing(
    app: Any, db: Database, centre: Centre, headers: dict[str, str]
) -> None:
    username, _ = await add_user(db, centre, ["administrator"])
    body = {"listName": "Forged", "campaignId": centre.outbound}
    async with signed_in(app, username) as client:
        path = "/platform-api/v3.0/leads/lists"
        answer = await client.post(path, json=body, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (403, "/platform-api/v3.0/problems/forged-request")
        assert (await client.post(path, json=body)).status_code == 201
        assert (await client.post("/auth/v1/session", json={"username": username, "password": PASSWORD},
                                  headers=headers)).status_code == 403  # fmt: skip


async def test_a_change_by_cookie_needs_the_header_that_no_form_sends(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre, ["administrator"])
    async with signed_in(app, username) as client:
        del client.headers["X-Callfloor-CSRF"]
        answer = await client.delete("/auth/v1/sessions")
    assert answer.status_code == 403
    assert "X-Callfloor-CSRF" in answer.json()["detail"]


async def test_signing_out_ends_the_session_at_once_in_another_process(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    async with signed_in(app, username) as client, browser(app) as thief:
        stolen = client.cookies["callfloor_session"]
        thief.cookies.set("callfloor_session", stolen)
        assert (await thief.get(ME)).status_code == 200
        gone = await client.delete("/auth/v1/session")
        assert gone.status_code == 204
        assert "Max-Age=0" in gone.headers["Set-Cookie"]
        await told(thief, ME, 401)
    key = sessions.key_of(stolen)
    assert key is not None
    assert await sessions.find(db, key) is None


async def test_a_session_that_is_not_used_or_too_old_is_over(app: Any, db: Database, centre: Centre) -> None:
    _, user_id = await add_user(db, centre)
    now, given = datetime.now(UTC), {"address": "192.0.2.1", "user_agent": ""}
    for idle, longest, began in ((60, 10, 11), (5, 60, 6)):
        began_at = now - timedelta(minutes=began)
        secret = await sessions.begin(
            db, centre.organisation, user_id, began_at,
            idle=timedelta(minutes=idle), longest=timedelta(minutes=longest), **given,
        )  # fmt: skip
        key = sessions.key_of(secret)
        assert key is not None
        assert await sessions.find(db, key) is None
    await sessions.expire(db)
    assert await db.fetchval("SELECT count(*) FROM sign_in_sessions WHERE user_id = $1", user_id) == 0


async def test_one_sees_and_ends_ones_own_sessions(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    async with signed_in(app, username, "192.0.2.7") as one, signed_in(app, username, "192.0.2.8"):
        found = (await one.get("/auth/v1/sessions")).json()["items"]
        assert [(each["address"], each["current"]) for each in found] == [("192.0.2.7", True), ("192.0.2.8", False)]
        other = next(each["sessionId"] for each in found if not each["current"])
        assert (await one.delete(f"/auth/v1/sessions/{other}")).status_code == 204
        assert (await one.delete(f"/auth/v1/sessions/{other}")).status_code == 404
        assert len((await one.get("/auth/v1/sessions")).json()["items"]) == 1


async def test_a_changed_password_ends_every_other_session(app: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre)
    async with signed_in(app, username) as one, signed_in(app, username) as two:
        body = {"currentPassword": PASSWORD, "newPassword": "a much longer one indeed"}
        wrong = await one.put("/auth/v1/password", json=body | {"currentPassword": "not this one"})
        assert (wrong.status_code, wrong.json()["type"]) == (409, "/auth/v1/problems/wrong-password")
        assert (await one.put("/auth/v1/password", json=body)).status_code == 204
        assert await db.fetchval("SELECT count(*) FROM sign_in_sessions WHERE user_id = $1", user_id) == 1
        assert (await one.get(ME)).status_code == 200
        assert (await sign_in(two, username)).status_code == 401
        assert (await sign_in(two, username, "a much longer one indeed")).status_code == 200


@pytest.mark.parametrize(("password", "code"), [
    ("short one", "too-short"), ("x" * 129, "too-long"), ("password1234", "too-common"),
    ("qwertyuiop123", "too-common"),
    ("aaaaaaaaaaaaaaaa", "too-common"), ("Pat.Person.2026", "too-common"),
])  # fmt: skip
async def test_a_password_that_is_guessed_first_is_refused(
    app: Any, db: Database, centre: Centre, password: str, code: str
) -> None:
    username, _ = await add_user(db, centre)
    async with signed_in(app, username) as client:
        body = {"currentPassword": PASSWORD, "newPassword": password}
        answer = await client.put("/auth/v1/password", json=body)
    assert answer.status_code == 422
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [("/newPassword", code)]


async def test_a_link_sets_a_password_once(app: Any, db: Database, centre: Centre) -> None:
    admin, _ = await add_user(db, centre, ["administrator"])
    username, user_id = await add_user(db, centre, ["supervisor"])
    async with signed_in(app, admin) as client, browser(app, "198.51.100.81") as invited:
        made = await client.post(f"/auth/v1/users/{user_id}/link")
        assert made.status_code == 201
        token = made.json()["token"]
        assert made.json()["uri"] == f"http://callfloor.test/#/set-password/{token}"
        body = {"token": token, "newPassword": "brass kettle monsoon"}
        assert (await invited.post("/auth/v1/password/link", json=body | {"newPassword": "short"})).status_code == 422
        at_once = await asyncio.gather(*(invited.post("/auth/v1/password/link", json=body) for _ in range(4)))
        assert sorted(each.status_code for each in at_once) == [204, 409, 409, 409]
        spent = await invited.post("/auth/v1/password/link", json=body)
        assert (spent.status_code, spent.json()["type"]) == (409, "/auth/v1/problems/link-spent")
        assert (await sign_in(invited, username, "brass kettle monsoon")).status_code == 200


async def test_nobody_takes_over_somebody_who_may_more(app: Any, db: Database, centre: Centre) -> None:
    await teams.put_role(db, centre.organisation, "people", ["people:write", "users:read"])
    clerk, _ = await add_user(db, centre, ["people"])
    _, admin = await add_user(db, centre, ["administrator"])
    _, bare = await add_user(db, centre)
    async with signed_in(app, clerk) as client:
        for method, path in (("POST", "link"), ("GET", "sessions"), ("DELETE", "sessions"), ("DELETE", "sessions/7")):
            answer = await client.request(method, f"/auth/v1/users/{admin}/{path}")
            assert (answer.status_code, answer.json()["title"]) == (403, "Beyond your own scopes"), path
        assert (await client.post(f"/auth/v1/users/{bare}/link")).status_code == 201
        assert (await client.post("/auth/v1/users/999999999/link")).status_code == 404


async def test_a_token_of_ones_own_may_never_do_more_than_oneself(app: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre, ["supervisor"])
    async with signed_in(app, username) as client:
        refused = await client.post("/auth/v1/tokens", json={"name": "more", "scopes": ["admin"]})
        assert refused.json()["errors"][0]["code"] == "beyond-own-scopes"
        made = (await client.post("/auth/v1/tokens", json={"name": "sheet"})).json()
        expires = datetime.fromisoformat(made["expiresTimestamp"])
        assert timedelta(days=89) < expires - datetime.now(UTC) < timedelta(days=91)
        bearer = {"Authorization": f"Bearer {made['token']}"}
        async with browser(app) as program:
            assert (await program.get("/platform-api/v3.0/users", headers=bearer)).status_code == 200
            await db.execute("UPDATE users SET roles = '{auditor}' WHERE user_id = $1", user_id)
            await tokens.changed(db)
            await told(program, "/platform-api/v3.0/leads", 403, bearer)
            assert (await program.get("/platform-api/v3.0/users", headers=bearer)).status_code == 200
        assert (await client.delete(f"/auth/v1/tokens/{made['tokenId']}")).status_code == 204
        assert (await client.get("/auth/v1/tokens")).json()["items"] == []


async def test_what_is_shown_once_is_never_kept(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre, ["administrator"])
    async with signed_in(app, username) as client:
        made = await client.post("/auth/v1/tokens", json={"name": "one"}, headers={"Idempotency-Key": "again"})
    kept = await db.fetch("SELECT body FROM idempotency_keys WHERE organisation_id = $1", centre.organisation)
    assert made.json()["token"] not in str(kept)
    assert kept == []


async def test_a_websocket_takes_the_session_from_a_page_of_ours_only(app: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre, user_type="agent")
    async with signed_in(app, username) as client, served(app) as address:
        cookie = {"Cookie": f"callfloor_session={client.cookies['callfloor_session']}"}
        own = address.replace("ws://", "http://").split("/workspace")[0]
        async with connect(address, additional_headers=cookie, origin=own) as connection:
            await asyncio.wait_for(connection.recv(), 30)
            await sessions.end_all(db, centre.organisation, user_id)
            assert await end_of(connection) == 4401
        async with connect(address, additional_headers=cookie, origin="https://evil.example") as connection:
            assert await end_of(connection) == 4403


async def test_a_supervisor_sees_and_commands_its_teams_only(app: Any, db: Database, centre: Centre) -> None:
    leader, leader_id = await add_user(db, centre, ["supervisor"])
    stranger = await add_agent(db, centre, "stranger")
    async with signed_in(app, leader) as client:
        everybody = (await client.get("/workspace/v1/agents")).json()["items"]
        assert {each["agentId"] for each in everybody} == {centre.agent, stranger}, "without teams all is one"
        async with db.transaction():
            await teams.put(db, centre.organisation, "Day", [leader_id], [centre.agent])

        async def sees_its_team() -> bool:
            seen = (await client.get("/workspace/v1/agents")).json()["items"]
            return {each["agentId"] for each in seen} == {centre.agent}

        # who is signed in is looked at again as soon as the process hears of the change
        await until(sees_its_team)
        for agent, status in ((centre.agent, 200), (stranger, 404)):
            out = await client.post(f"/workspace/v1/agents/{agent}/commands", json={"action": "forceSignOut"})
            assert out.status_code == status
            assert (await client.get(f"/workspace/v1/agents/{agent}/session")).status_code == status
            assert (await client.get(f"/workspace/v1/events?agentId={agent}")).status_code == status
        for agent, status in ((centre.agent, 404), (stranger, 422)):
            # nobody has that callback: whether its new agent is of the teams is asked first
            moved = await client.post("/workspace/v1/work/callbacks/999999999/move", json={"agentId": agent})
            assert moved.status_code == status
        assert (await client.get(ME)).json()["teams"][0]["leads"] is True
