"""Sessions of people, and pages of others that would use them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from callfloor.app.api import api
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.auth.authenticator import ORIGIN
from tests.auth.factors import enrol
from tests.auth.people import PASSWORD, add_user, browser, sign_in, signed_in
from tests.conftest import Centre

ME, SESSION, LISTS = "/auth/v1/me", "/auth/v1/session", "/platform-api/v3.0/leads/lists"
COOKIE = "callfloor_session"


@pytest.fixture(params=["public_url", "scheme"])
async def over_tls(request: Any, settings: Settings, dsn: str) -> AsyncIterator[tuple[Any, str]]:
    """The API as people reach it over TLS: by its settings, or because the connection says so; and its origin."""
    if request.param == "scheme":
        async with api(settings, dsn) as app:
            yield app, "https://callfloor.test"
    else:
        async with api(settings.model_copy(update={"public_url": ORIGIN}), dsn) as app:
            yield app, ORIGIN.replace("https:", "http:")


def visitor(app: Any, address: str) -> httpx2.AsyncClient:
    headers = {"X-Callfloor-CSRF": "1"}
    transport = httpx2.ASGITransport(app=app, client=("198.51.100.60", 1))
    return httpx2.AsyncClient(transport=transport, base_url=address, headers=headers)


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://callfloor.test.evil.example", "http://callfloor.test@evil.example", "http://evil.example/callfloor.test",
     "http://evil.example#callfloor.test", "http://[callfloor.test", "file://", "callfloor.test", "http://callfloor.test:81",
     "http://callfloor.test, http://evil.example", "http://\u00e7allfloor.test"],
)  # fmt: skip
async def test_no_way_to_write_an_origin_passes_for_ours(app: Any, db: Database, centre: Centre, origin: str) -> None:
    username, _ = await add_user(db, centre, ["administrator"])
    async with signed_in(app, username) as client:
        client.headers.pop("Origin")
        raw = [(b"Origin", origin.encode())]
        body = {"listName": "Forged", "campaignId": centre.outbound}
        answer = await client.post(LISTS, json=body, headers=raw)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (403, "forged-request")
        forged = await client.post(SESSION, json={"username": username, "password": PASSWORD}, headers=raw)
        assert forged.status_code == 403
        assert "Set-Cookie" not in forged.headers


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "text/plain; application/json",
     "text/plain, application/json", "application/json, text/plain", "application/json;charset=utf-16",
     "application/jsonp",
     "application/json\u00a0", ""],
)  # fmt: skip
async def test_what_a_form_of_another_page_can_send_signs_nobody_in(
    app: Any, db: Database, centre: Centre, kind: str
) -> None:
    username, _ = await add_user(db, centre)
    content = f'{{"username": "{username}", "password": "{PASSWORD}"}}'.encode()
    async with browser(app, "198.51.100.61") as client:
        # as browsers do that say nothing of where a request comes from
        client.headers.pop("Origin")
        client.headers.pop("X-Callfloor-CSRF")
        answer = await client.post(SESSION, content=content, headers=[(b"Content-Type", kind.encode("latin-1"))])
    assert answer.status_code == 415
    assert "Set-Cookie" not in answer.headers


async def test_over_tls_no_cookie_counts_that_a_neighbour_could_have_set(
    over_tls: tuple[Any, str], db: Database, centre: Centre
) -> None:
    """Who may set cookies for a domain above ours would have somebody work in an account of theirs, unknowingly."""
    app, address = over_tls
    attacker, _ = await add_user(db, centre)
    async with visitor(app, address) as client:
        answer = await sign_in(client, attacker)
        assert answer.status_code == 200
        name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
    assert name == f"__Host-{COOKIE}"
    async with visitor(app, address) as victim:
        for planted in (
            f"{COOKIE}={value}",
            f"__host-{COOKIE}={value}",
            f"x=1; {COOKIE}={value}",
            f" __Host-{COOKIE}x={value}",
        ):
            assert (await victim.get(ME, headers={"Cookie": planted})).status_code == 401, planted
        assert (await victim.get(ME, headers={"Cookie": f"{name}={value}"})).status_code == 200


async def test_a_cookie_opens_its_own_organisation_and_in_its_own_form_only(
    app: Any, db: Database, centre: Centre, other_centre: Centre
) -> None:
    username, _ = await add_user(db, centre)
    async with signed_in(app, username) as client, browser(app, "198.51.100.62") as thief:
        good = client.cookies[COOKIE]
        assert f"_{centre.organisation}_" in good
        for wrong in (
            good.replace(f"_{centre.organisation}_", f"_{other_centre.organisation}_"),
            good.replace(f"_{centre.organisation}_", f"_0{centre.organisation}_"),
            good[:-1], f"{good}A", f'"{good}"', good.upper(), f"{good} ", f"{good}%00", "", "cs_1_", good * 100,
        ):  # fmt: skip
            if wrong.strip() == good:
                continue
            assert (await thief.get(ME, headers={"Cookie": f"{COOKIE}={wrong}"})).status_code == 401, wrong
        # neither kind of secret passes for the other
        assert (await thief.get(ME, headers={"Authorization": f"Bearer {good}"})).status_code == 401
        assert (await thief.get(ME, headers={"Cookie": f"{COOKIE}={centre.token}"})).status_code == 401


async def test_a_session_that_somebody_knew_beforehand_is_not_the_one_that_is_signed_in(
    app: Any, db: Database, centre: Centre
) -> None:
    username, _ = await add_user(db, centre)
    device, _ = await enrol(app, username)
    async with browser(app, "198.51.100.63") as client, browser(app, "198.51.100.64") as thief:
        await sign_in(client, username)
        waiting = client.cookies[COOKIE]
        assert (await client.post("/auth/v1/session/totp", json={"code": device.code(1)})).status_code == 200
        assert client.cookies[COOKIE] != waiting
        assert (await thief.get(ME, headers={"Cookie": f"{COOKIE}={waiting}"})).status_code == 401
        assert (await client.get(ME)).status_code == 200


async def test_after_leaving_and_after_another_password_a_cookie_opens_nothing(
    app: Any, db: Database, centre: Centre
) -> None:
    username, _ = await add_user(db, centre)
    async with signed_in(app, username) as one, signed_in(app, username) as two:
        left, other = one.cookies[COOKIE], two.cookies[COOKIE]
        assert (await one.delete(SESSION)).status_code == 204
        body = {"currentPassword": PASSWORD, "newPassword": "brass kettle monsoon"}
        async with signed_in(app, username) as third:
            assert (await third.put("/auth/v1/password", json=body)).status_code == 204
        for cookie in (left, other):
            async with browser(app, "198.51.100.65") as thief:
                for path in (ME, "/platform-api/v3.0/leads", "/workspace/v1/session", "/admin/v1/centre"):
                    answer = await thief.get(path, headers={"Cookie": f"{COOKIE}={cookie}"})
                    assert answer.status_code == 401, path
