"""Passkeys as a second factor, with an authenticator in software, and what happens when somebody cheats with one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from callfloor.app.api import api
from callfloor.rules.people.passkeys import Made
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import challenges, passkeys
from tests.api.test_audit import recorded
from tests.auth.authenticator import ORIGIN, PRESENT, SYNCABLE, VERIFIED, Authenticator
from tests.auth.factors import App, demand
from tests.auth.people import PASSWORD, add_user, sign_in
from tests.auth.test_second_factor import kind
from tests.conftest import SERVERS, Centre
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", SERVERS[-1:], indirect=True, scope="session")
FACTORS, STAGE, RECOVERY = "/auth/v1/factors", "/auth/v1/session", "/auth/v1/session/recovery"
NEW, NEW_OPTIONS = "/auth/v1/factors/passkeys", "/auth/v1/factors/passkeys/options"
SHOW, SHOW_OPTIONS = "/auth/v1/session/passkey", "/auth/v1/session/passkey/options"


@pytest.fixture(scope="module")
async def named(settings: Settings, api_dsn: str) -> AsyncIterator[Any]:
    """The API as people reach it by a name."""
    async with api(settings.model_copy(update={"public_url": ORIGIN}), api_dsn) as application:
        yield application


def browser(app: Any, address: str = "198.51.100.7") -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app, client=(address, 1)),
        base_url=ORIGIN,
        headers={"X-Callfloor-CSRF": "1", "Origin": ORIGIN},
    )


async def begin(client: httpx2.AsyncClient, password: str | None = PASSWORD) -> dict[str, Any]:
    answer = await client.post(NEW_OPTIONS, json={"currentPassword": password})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def add(client: httpx2.AsyncClient, device: Authenticator, name: str = "key") -> httpx2.Response:
    return await client.post(NEW, json={"name": name, "credential": device.make(await begin(client))})


async def ask(client: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await client.post(SHOW_OPTIONS)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def show(client: httpx2.AsyncClient, device: Authenticator) -> httpx2.Response:
    return await client.post(SHOW, json={"credential": device.show(await ask(client))})


async def enrol(app: Any, username: str, device: Authenticator | None = None) -> tuple[Authenticator, list[str]]:
    """A passkey of a user, and the recovery codes."""
    device = device or Authenticator()
    async with browser(app) as client:
        assert (await sign_in(client, username)).status_code == 200
        answer = await add(client, device)
        assert answer.status_code == 201, answer.text
        return device, answer.json()["recoveryCodes"]


async def test_a_passkey_is_made_listed_asked_for_and_removed(named: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre, ["supervisor"])
    one, other = Authenticator(), Authenticator(flags=PRESENT | VERIFIED | SYNCABLE, counter=None)
    async with browser(named) as client:
        await sign_in(client, username)
        options = await begin(client)
        assert options["rp"]["id"] == "calls.example.com"
        assert options["authenticatorSelection"]["userVerification"] == "required"
        assert username not in str(options["user"]["id"])
        added = await client.post(NEW, json={"name": "blue key", "credential": one.make(options)})
        assert added.status_code == 201, added.text
        assert len(added.json()["recoveryCodes"]) == 10
        options = await begin(client)
        assert [each["transports"] for each in options["excludeCredentials"]] == [["usb"]]
        second = await client.post(NEW, json={"name": "phone", "credential": other.make(options)})
        assert second.json()["recoveryCodes"] == [], "the first ones hold"
        told = (await client.get(FACTORS)).json()
        assert [(each["name"], each["synced"]) for each in told["passkeys"]] == [("blue key", False), ("phone", True)]
        assert (told["passkeysPossible"], told["totpTimestamp"]) == (True, None)
    for device in (one, other, one, other):
        async with browser(named) as client:
            waiting = (await sign_in(client, username)).json()
            assert waiting == {"stage": "second-factor", "factors": ["passkey", "recovery"], "me": None}
            options = await ask(client)
            assert len(options["allowCredentials"]) == 2
            answer = await client.post(SHOW, json={"credential": device.show(options)})
            assert answer.json()["stage"] == "signed-in", answer.text
            assert answer.json()["me"]["secondFactor"]["passkeys"] == 2
    async with browser(named) as client:
        await sign_in(client, username)
        first = added.json()["passkeyId"]
        path = f"/auth/v1/factors/passkeys/{first}/remove"
        assert kind(await client.post(path, json={"currentPassword": PASSWORD})) == "not-at-this-stage"
        assert (await show(client, one)).status_code == 200
        assert kind(await client.post(path, json={"currentPassword": "not this one"})) == "wrong-password"
        assert (await client.post(path, json={})).status_code == 422
        assert (await client.post(path, json={"currentPassword": PASSWORD})).status_code == 204
        assert (await client.post(path, json={"currentPassword": PASSWORD})).status_code == 404
        told = (await client.get(FACTORS)).json()
        assert ([each["name"] for each in told["passkeys"]], told["recoveryCodes"]) == (["phone"], 10)
        last = f"/auth/v1/factors/passkeys/{told['passkeys'][0]['passkeyId']}/remove"
        assert (await client.post(last, json={"currentPassword": PASSWORD})).status_code == 204
        assert (await client.get(FACTORS)).json()["recoveryCodes"] == 0, "they stood for a factor"
    actions = [each["action"] for each in await recorded(db, centre.organisation, "factor.")]
    assert actions == ["factor.add", "factor.add", "factor.remove", "factor.remove"]
    assert await passkeys.of_user(db, centre.organisation, user_id) == []


async def test_who_must_have_a_factor_may_choose_a_passkey(named: Any, db: Database, centre: Centre) -> None:
    await demand(db, centre, "supervisor")
    username, _ = await add_user(db, centre, ["supervisor"])
    device = Authenticator()
    async with browser(named) as client:
        answer = await sign_in(client, username)
        assert answer.json() == {"stage": "enrol", "factors": ["totp", "passkey"], "me": None}
        options = await begin(client, None)
        assert (await client.post(NEW, json={"name": "key", "credential": device.make(options)})).status_code == 201
        assert (await client.get(STAGE)).json()["stage"] == "signed-in"
    async with browser(named) as client:
        await sign_in(client, username)
        assert (await show(client, device)).json()["stage"] == "signed-in"


async def test_recovery_codes_stand_for_app_and_passkey(named: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    device, codes = await enrol(named, username)
    async with browser(named) as client:
        await sign_in(client, username)
        assert (await show(client, device)).status_code == 200
        begun = (await client.post("/auth/v1/factors/totp", json={"currentPassword": PASSWORD})).json()
        totp = App(begun["secret"])
        confirmed = await client.post("/auth/v1/factors/totp/confirm", json={"code": totp.code()})
        assert confirmed.json() == {"recoveryCodes": []}
    async with browser(named) as client:
        waiting = (await sign_in(client, username)).json()
        assert waiting["factors"] == ["passkey", "totp", "recovery"]
        assert (await client.post(RECOVERY, json={"code": codes[0]})).json()["stage"] == "signed-in"
        assert (
            await client.post("/auth/v1/factors/totp/remove", json={"currentPassword": PASSWORD})
        ).status_code == 204
        told = (await client.get(FACTORS)).json()
        assert (len(told["passkeys"]), told["recoveryCodes"]) == (1, 9), "they stand for the passkey still"


async def test_an_administrator_forgets_the_passkeys_of_who_lost_them(named: Any, db: Database, centre: Centre) -> None:
    admin, _ = await add_user(db, centre, ["administrator"])
    username, user_id = await add_user(db, centre, ["supervisor"])
    await enrol(named, username)
    async with browser(named) as client:
        await sign_in(client, admin)
        assert (await client.delete(f"/auth/v1/users/{user_id}/factors")).status_code == 204
    async with browser(named) as client:
        assert (await sign_in(client, username)).json()["stage"] == "signed-in"


async def test_a_challenge_is_answered_once(named: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    device = Authenticator(counter=None)
    async with browser(named) as client:
        await sign_in(client, username)
        credential = device.make(await begin(client))
        assert (await client.post(NEW, json={"name": "key", "credential": credential})).status_code == 201
        again = await client.post(NEW, json={"name": "twin", "credential": credential})
        assert (again.status_code, kind(again)) == (409, "wrong-passkey")
    async with browser(named) as client:
        await sign_in(client, username)
        shown = device.show(await ask(client))
        before = client.cookies["__Host-callfloor_session"]
        at_once = await asyncio.gather(*(client.post(SHOW, json={"credential": shown}) for _ in range(4)))
        assert [each.status_code for each in at_once].count(200) == 1
        assert {each.status_code for each in at_once} <= {200, 401, 409}
        after = await client.post(SHOW, json={"credential": shown})
        assert kind(after) == "not-at-this-stage"
        client.cookies.set("__Host-callfloor_session", before, domain="calls.example.com")
        assert (await client.post(SHOW, json={"credential": shown})).status_code == 401, "that session is over"
    assert await db.fetchval(
        "SELECT count(*) FROM spent_challenges WHERE organisation_id = $1", centre.organisation
    ) == 2  # fmt: skip
    await challenges.expire(db, datetime.now(UTC) + timedelta(minutes=6))
    assert await db.fetchval("SELECT count(*) FROM spent_challenges") == 0


async def test_an_answer_is_worth_nothing_in_another_session_or_for_another_end(
    named: Any, db: Database, centre: Centre
) -> None:
    username, _ = await add_user(db, centre)
    device, _ = await enrol(named, username)
    async with browser(named) as thief, browser(named) as owner:
        await sign_in(thief, username)
        await sign_in(owner, username)
        phished = device.show(await ask(owner))
        answer = await thief.post(SHOW, json={"credential": phished})
        assert (answer.status_code, kind(answer)) == (409, "wrong-passkey")
        assert "session" in answer.json()["detail"]
        assert (await thief.get("/auth/v1/me")).status_code == 403
        assert (await owner.post(SHOW, json={"credential": phished})).status_code == 200
        registering = await begin(owner)
        crossed = device.show({"challenge": registering["challenge"]})
        assert kind(await thief.post(SHOW, json={"credential": crossed})) == "wrong-passkey"
        guessed = device.show({"challenge": "A" * 75})
        assert kind(await thief.post(SHOW, json={"credential": guessed})) == "wrong-passkey"


async def test_a_challenge_dies_after_five_minutes(
    named: Any, db: Database, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    username, _ = await add_user(db, centre)
    device, _ = await enrol(named, username)
    async with browser(named) as client:
        await sign_in(client, username)
        monkeypatch.setattr("callfloor.api.auth.passkeys.ANSWERED_WITHIN", timedelta(seconds=-1))
        late = await show(client, device)
        assert (kind(late), "too old" in late.json()["detail"]) == ("wrong-passkey", True)
        monkeypatch.undo()
        assert (await show(client, device)).status_code == 200


@pytest.mark.parametrize(
    "cheat",
    [
        {"origin": "https://calls.example.com.evil.example"},
        {"origin": "http://calls.example.com"},
        {"origin": "https://calls.example.com:8443"},
        {"rp_id": "example.com"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"cross_origin": True},
    ],
    ids=str,
)
async def test_what_another_page_or_nobody_answered_is_refused(
    named: Any, db: Database, centre: Centre, cheat: dict[str, Any]
) -> None:
    """Both when a passkey is made and when it is shown."""
    username, _ = await add_user(db, centre)
    async with browser(named, "198.51.100.20") as client:
        await sign_in(client, username)
        made = await add(client, Authenticator(**cheat))
        assert (made.status_code, kind(made)) == (409, "wrong-passkey")
        assert (await client.get(FACTORS)).json()["passkeys"] == []
    device, _ = await enrol(named, username)
    cheating = Authenticator(**cheat, handle=device.handle, credential_id=device.credential_id, key=device.key)
    async with browser(named, "198.51.100.21") as client:
        await sign_in(client, username)
        shown = await show(client, cheating)
        assert (shown.status_code, kind(shown)) == (409, "wrong-passkey")
        assert (await client.get("/auth/v1/me")).status_code == 403


async def test_a_passkey_of_somebody_else_opens_nothing(
    named: Any, db: Database, centre: Centre, other_centre: Centre
) -> None:
    victim, _ = await add_user(db, centre)
    thief, _ = await add_user(db, centre)
    stranger, _ = await add_user(db, other_centre)
    await enrol(named, victim)
    own, _ = await enrol(named, thief)
    foreign, _ = await enrol(named, stranger)
    for device in (own, foreign, Authenticator()):
        async with browser(named, "198.51.100.30") as client:
            await sign_in(client, victim)
            refused = await show(client, device)
            assert (refused.status_code, kind(refused)) == (409, "wrong-passkey")
            assert "none of yours" in refused.json()["detail"]
    # the victim's id, signed with another key
    theirs = (await passkeys.of_user(db, centre.organisation, await _id(db, victim)))[0]["credential_id"]
    async with browser(named, "198.51.100.31") as client:
        await sign_in(client, victim)
        refused = await show(client, Authenticator(credential_id=theirs))
        assert kind(refused) == "wrong-passkey"
    # nor may it be added to another account
    async with browser(named, "198.51.100.32") as client:
        await sign_in(client, (await add_user(db, centre))[0])
        assert kind(await add(client, Authenticator(credential_id=theirs))) == "factor-in-place"


async def _id(db: Database, username: str) -> int:
    return await db.fetchval("SELECT user_id FROM users WHERE username = $1", username)


async def test_a_copy_of_a_passkey_is_seen_by_its_counter_and_recorded(
    named: Any, db: Database, centre: Centre
) -> None:
    username, user_id = await add_user(db, centre)
    device, codes = await enrol(named, username, Authenticator(counter=7))
    copy = Authenticator(counter=7, handle=device.handle, credential_id=device.credential_id, key=device.key)
    async with browser(named) as client:
        await sign_in(client, username)
        assert (await show(client, device)).status_code == 200
    async with browser(named) as client:
        await sign_in(client, username)
        refused = await show(client, copy)
        assert (refused.status_code, kind(refused)) == (409, "passkey-copied")
        assert (await client.get("/auth/v1/me")).status_code == 403
        assert (await client.post(RECOVERY, json={"code": codes[0]})).status_code == 200

    async def known() -> bool:
        found = await recorded(db, centre.organisation, "sign-in.failed")
        return [(each["object_ids"], "passkey-counter" in each["details"]) for each in found] == [([user_id], True)]

    await until(known)


async def test_guesses_are_slowed_down_with_those_of_codes(named: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    device, codes = await enrol(named, username)
    async with browser(named, "198.51.100.40") as client:
        await sign_in(client, username)
        wrong = Authenticator(credential_id=device.credential_id)
        told = [(await show(client, wrong)).status_code for _ in range(7)]
        assert told == [409] * 6 + [429]
        assert (await client.post(RECOVERY, json={"code": codes[0]})).status_code == 429


async def test_without_a_name_there_are_no_passkeys(app: Any, db: Database, centre: Centre) -> None:
    username, _ = await add_user(db, centre)
    async with browser(app) as client:
        client.base_url = httpx2.URL("http://callfloor.test")
        client.headers["Origin"] = "http://callfloor.test"
        await sign_in(client, username)
        assert (await client.get(FACTORS)).json()["passkeysPossible"] is False
        refused = await client.post(NEW_OPTIONS, json={"currentPassword": PASSWORD})
        assert (refused.status_code, kind(refused)) == (409, "passkeys-unavailable")
        assert "CALLFLOOR_PUBLIC_URL" in refused.json()["detail"]


async def test_one_has_twenty_at_most(named: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre)
    async with browser(named) as client:
        await sign_in(client, username)
        waiting = await begin(client)
        for number in range(20):
            made = Made(bytes([number]), b"", 0, (), False)
            assert await passkeys.add(db, centre.organisation, user_id, "key", made, datetime.now(UTC)) is not None
        assert kind(await client.post(NEW_OPTIONS, json={"currentPassword": PASSWORD})) == "factor-in-place"
        late = await client.post(NEW, json={"name": "more", "credential": Authenticator().make(waiting)})
        assert kind(late) == "factor-in-place"
