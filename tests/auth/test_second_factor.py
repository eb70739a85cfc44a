"""Second factors: authenticator apps, recovery codes, and organisations that demand one."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from callfloor import master_key
from callfloor.rules.privacy.wrapping import fingerprint
from callfloor.store.db.pool import Database
from callfloor.store.people import factors, tokens
from callfloor.store.privacy import keys
from tests.auth.factors import begin, demand, enrol
from tests.auth.people import PASSWORD, add_user, browser, sign_in, signed_in
from tests.conftest import Centre
from tests.waiting import until

ME, STAGE = "/auth/v1/me", "/auth/v1/session"
TOTP, RECOVERY = "/auth/v1/session/totp", "/auth/v1/session/recovery"
CONFIRM, REMOVE = "/auth/v1/factors/totp/confirm", "/auth/v1/factors/totp/remove"


def kind(answer: httpx2.Response) -> str:
    """Which problem it is."""
    return answer.json()["type"].rsplit("/", 1)[1]


async def test_a_user_with_an_app_signs_in_with_password_and_code(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre, ["supervisor"])
    device, codes = await enrol(app, username)
    assert len(set(codes)) == 10
    async with browser(app, "198.51.100.101") as client:
        answer = await sign_in(client, username)
        assert answer.json() == {"stage": "second-factor", "factors": ["totp", "recovery"], "me": None}
        before = client.cookies["callfloor_session"]
        for path in (ME, "/auth/v1/sessions", "/platform-api/v3.0/users", "/workspace/v1/agents"):
            refused = await client.get(path)
            assert (refused.status_code, kind(refused)) == (403, "second-factor-needed"), path
        spaced = f"{device.code(1)[:3]} {device.code(1)[3:]}"
        done = await client.post(TOTP, json={"code": spaced})
        assert done.json()["stage"] == "signed-in", done.text
        assert client.cookies["callfloor_session"] != before
        factor = (await client.get(ME)).json()["secondFactor"]
        assert factor == {"totp": True, "passkeys": 0, "recoveryCodes": 10, "demanded": False}
        client.cookies.set("callfloor_session", before)
        assert (await client.get(STAGE)).status_code == 401, "the session that waited is over"


async def test_an_app_gets_the_secret_by_a_uri_and_as_text(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    organisation = await db.fetchval("SELECT name FROM organisations WHERE organisation_id = $1", centre.organisation)
    async with signed_in(app, username) as client:
        told = (await client.post("/auth/v1/factors/totp", json={"currentPassword": PASSWORD})).json()
    uri = urlsplit(told["uri"])
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path.endswith(username)
    assert parse_qs(uri.query) == {"secret": [told["secret"]], "issuer": [organisation]}


async def test_each_code_is_taken_once_however_many_ask_at_once(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    device, _ = await enrol(app, username)

    async def attempt() -> int:
        async with browser(app, "198.51.100.102") as client:
            assert (await sign_in(client, username)).status_code == 200
            return (await client.post(TOTP, json={"code": device.code(1)})).status_code

    assert sorted(await asyncio.gather(*(attempt() for _ in range(4)))) == [200, 409, 409, 409]
    async with browser(app, "198.51.100.102") as client:
        await sign_in(client, username)
        earlier = await client.post(TOTP, json={"code": device.code(0)})
        assert (earlier.status_code, kind(earlier)) == (409, "wrong-code")


async def test_guesses_of_codes_are_slowed_down_also_over_new_sessions(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    device, _ = await enrol(app, username)
    wrong = next(code for code in ("000000", "111111", "222222") if code not in map(device.code, (-1, 0, 1, 2)))
    async with browser(app, "198.51.100.103") as client:
        told: list[int] = []
        for _ in range(7):
            await sign_in(client, username)
            told.append((await client.post(TOTP, json={"code": wrong})).status_code)
        assert told == [409] * 6 + [429]
        late = await client.post(TOTP, json={"code": device.code(1)})
        assert (late.status_code, kind(late)) == (429, "sign-in-delayed")
        recovery = await client.post(RECOVERY, json={"code": "aaaa-bbbb-cccc-dddd"})
        assert recovery.status_code == 429, "one count for all second factors"


async def test_a_recovery_code_counts_once(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    _, codes = await enrol(app, username)
    async with browser(app, "198.51.100.104") as client:
        await sign_in(client, username)
        done = await client.post(RECOVERY, json={"code": codes[3].upper().replace("-", " ")})
        assert done.json()["me"]["secondFactor"]["recoveryCodes"] == 9
    async with browser(app, "198.51.100.104") as client:
        await sign_in(client, username)
        again = await client.post(RECOVERY, json={"code": codes[3]})
        assert kind(again) == "wrong-code"

    async def attempt() -> int:
        async with browser(app, "198.51.100.104") as client:
            await sign_in(client, username)
            return (await client.post(RECOVERY, json={"code": codes[4]})).status_code

    assert sorted(await asyncio.gather(*(attempt() for _ in range(3)))) == [200, 409, 409]


async def test_recovery_codes_are_of_their_owner_and_die_with_new_ones(app: Any, db: Database, centre: Centre) -> None:
    one, _ = await add_user(db, centre)
    two, _ = await add_user(db, centre)
    _, codes = await enrol(app, one)
    device, _ = await enrol(app, two)
    async with browser(app, "198.51.100.105") as client:
        await sign_in(client, two)
        assert kind(await client.post(RECOVERY, json={"code": codes[0]})) == "wrong-code"
        await client.post(TOTP, json={"code": device.code(1)})
        path = "/auth/v1/factors/recovery-codes"
        assert kind(await client.post(path, json={"currentPassword": "not this one"})) == "wrong-password"
        new = (await client.post(path, json={"currentPassword": PASSWORD})).json()["recoveryCodes"]
        assert len(new) == 10
    assert (
        await db.fetchval("SELECT count(*) FROM recovery_codes WHERE organisation_id = $1", centre.organisation) == 20
    )
    kept = await db.fetch("SELECT code_hash FROM recovery_codes")
    assert not [code for code in new + codes for row in kept if code.encode() in row["code_hash"]]


async def test_turning_it_off_needs_the_password(app: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre)
    device, codes = await enrol(app, username)
    async with browser(app, "198.51.100.106") as client:
        await sign_in(client, username)
        waiting = await client.post(REMOVE, json={"currentPassword": PASSWORD})
        assert kind(waiting) == "not-at-this-stage", "not before it was shown"
        assert kind(await client.post("/auth/v1/factors/totp", json={"currentPassword": PASSWORD})) == (
            "not-at-this-stage"
        )
        await client.post(TOTP, json={"code": device.code(1)})
        assert (await client.post(REMOVE, json={})).status_code == 422
        assert kind(await client.post(REMOVE, json={"currentPassword": "not this one"})) == "wrong-password"
        assert kind(await client.post("/auth/v1/factors/totp", json={"currentPassword": PASSWORD})) == "factor-in-place"
        assert (await client.post(REMOVE, json={"currentPassword": PASSWORD})).status_code == 204
        assert (await client.post(REMOVE, json={"currentPassword": PASSWORD})).status_code == 404
    assert await factors.take_code(db, centre.organisation, user_id, codes[0]) is False
    async with browser(app, "198.51.100.106") as client:
        assert (await sign_in(client, username)).json()["stage"] == "signed-in"


async def test_an_app_that_was_not_confirmed_asks_nothing(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    async with signed_in(app, username) as client:
        assert (await client.post(CONFIRM, json={"code": "123456"})).status_code == 404
        first = await begin(client)
        second = await begin(client)
        assert kind(await client.post(CONFIRM, json={"code": "abcdef"})) == "wrong-code"
        if first.code() not in map(second.code, (-1, 0, 1)):
            assert kind(await client.post(CONFIRM, json={"code": first.code()})) == "wrong-code", "it was replaced"
        assert (await sign_in(client, username)).json()["stage"] == "signed-in"
        assert (await client.post(CONFIRM, json={"code": second.code()})).status_code == 200
        assert kind(await client.post(CONFIRM, json={"code": second.code(1)})) == "factor-in-place"


@pytest.mark.parametrize("roles", [("everyone",), ("supervisor", "auditor")])
async def test_whom_the_organisation_demands_a_factor_of_can_do_nothing_before(
    app: Any, db: Database, centre: Centre, roles: tuple[str, ...]
) -> None:
    username, user_id = await add_user(db, centre, ["supervisor"])
    scopes = ["reports:read"]
    async with signed_in(app, username) as client:
        token = (await client.post("/auth/v1/tokens", json={"name": "mine", "scopes": scopes})).json()["token"]
        await demand(db, centre, *roles)

        async def told() -> bool:
            return (await client.get(ME)).status_code == 403

        await until(told, 30)
        assert (await client.get(STAGE)).json() == {"stage": "enrol", "factors": ["totp"], "me": None}
        for path in ("/platform-api/v3.0/users", "/auth/v1/tokens", "/workspace/v1/agents"):
            assert kind(await client.get(path)) == "second-factor-needed", path
        assert kind(await client.post("/auth/v1/tokens", json={"name": "more"})) == "second-factor-needed"
        mine = httpx2.AsyncClient(
            transport=client._transport,  # pyright: ignore[reportPrivateUsage]
            base_url="http://callfloor.test",
            headers={"Authorization": f"Bearer {token}"},
        )
        refused = await mine.get(f"/reports/v1/agents/{centre.agent}/times")
        assert kind(refused) == "second-factor-needed", "nor by a token that was made before"
        answer = await client.post("/auth/v1/factors/totp", json={})
        assert answer.status_code == 201, "the password was given a moment ago"
    assert await factors.totp(db, centre.organisation, user_id) is not None
    async with browser(app) as client:
        assert (await sign_in(client, username)).json()["stage"] == "enrol"
        device = await begin(client)
        codes = (await client.post(CONFIRM, json={"code": device.code()})).json()["recoveryCodes"]
        assert len(codes) == 10
        assert (await client.get(STAGE)).json()["stage"] == "signed-in"
        assert (await client.get(ME)).json()["secondFactor"]["demanded"] is True


async def test_of_other_roles_nothing_is_demanded(app: Any, db: Database, centre: Centre) -> None:
    await demand(db, centre, "administrator")
    agent, _ = await add_user(db, centre, user_type="agent")
    auditor, _ = await add_user(db, centre, ["auditor"])
    for username in (agent, auditor):
        async with browser(app) as client:
            assert (await sign_in(client, username)).json()["stage"] == "signed-in"


async def test_a_desk_that_lost_its_right_is_closed(app: Any, db: Database, centre: Centre) -> None:
    """A token that an operator made for a desk stays good: whoever has the server's shell has decided."""
    await demand(db, centre, "everyone")
    token = await tokens.create(db, centre.organisation, "desk", ["workspace"], user_id=centre.agent)
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url="http://callfloor.test",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:  # fmt: skip
        assert (await client.get("/workspace/v1/session")).status_code == 200
        assert kind(await client.get(STAGE)) == "not-signed-in"


async def test_an_administrator_forgets_the_factors_of_who_lost_them(
    app: Any, db: Database, centre: Centre, other_centre: Centre
) -> None:
    admin, _ = await add_user(db, centre, ["administrator"])
    stranger, _ = await add_user(db, other_centre, ["administrator"])
    username, user_id = await add_user(db, centre, ["supervisor"])
    _, codes = await enrol(app, username)
    path = f"/auth/v1/users/{user_id}/factors"
    async with signed_in(app, stranger) as client:
        assert (await client.delete(path)).status_code == 404, "of another organisation"
    assert (await factors.own(db, centre.organisation, user_id)).any
    async with signed_in(app, admin) as client:
        assert (await client.delete(path)).status_code == 204
        assert (await client.delete("/auth/v1/users/999999999/factors")).status_code == 404
    async with browser(app) as client:
        assert (await sign_in(client, username)).json()["stage"] == "signed-in"
    assert await factors.take_code(db, centre.organisation, user_id, codes[0]) is False


async def test_secrets_stand_under_the_master_key_and_move_to_a_new_one(
    app: Any, db: Database, centre: Centre, monkeypatch: Any
) -> None:
    username, user_id = await add_user(db, centre)
    await enrol(app, username)
    found = await factors.totp(db, centre.organisation, user_id)
    assert found is not None
    assert found.secret not in await db.fetchval("SELECT wrapped FROM totp_secrets WHERE user_id = $1", user_id)
    old = master_key.current()
    new = bytes(range(32))
    both = master_key.MasterKeys(fingerprint(new), {fingerprint(new): new, **old.known})
    try:
        master_key.use(both)
        await keys.rewrap(db)
        assert await db.fetchval("SELECT master_id FROM totp_secrets WHERE user_id = $1", user_id) == fingerprint(new)
        master_key.use(master_key.MasterKeys(fingerprint(new), {fingerprint(new): new}))
        again = await factors.totp(db, centre.organisation, user_id)
        assert again is not None
        assert again.secret == found.secret
    finally:
        master_key.use(master_key.MasterKeys(old.current, both.known))
        await keys.rewrap(db)
        master_key.use(old)
