"""Single sign-on: with a real provider, and with one that cheats."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import msgspec
import pytest
from joserfc.jwk import OctKey, RSAKey

from callfloor.app.api import api
from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import teams
from tests.api.test_audit import recorded
from tests.auth.authenticator import ORIGIN
from tests.auth.factors import demand
from tests.auth.people import add_user, sign_in
from tests.auth.providers import CLIENT, SECRET, Provider, authorise, real_provider
from tests.auth.test_passkeys import browser
from tests.auth.test_second_factor import kind
from tests.conftest import SERVERS, Centre
from tests.waiting import until

pytestmark = pytest.mark.parametrize("dsn", SERVERS[-1:], indirect=True, scope="session")
BEGIN, FINISH = "/auth/v1/single-sign-on", "/auth/v1/single-sign-on/finish"


@pytest.fixture(scope="module")
async def named(settings: Settings, api_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Any]:
    """The API as people reach it by a name, with providers in its own network."""
    folder = tmp_path_factory.mktemp("secrets")
    folder.chmod(0o700)
    (folder / "provider").write_text(f"{SECRET}\n")
    given = {"public_url": ORIGIN, "sign_in_private_addresses": True, "secrets": folder}
    async with api(settings.model_copy(update=given), api_dsn) as application:
        yield application


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with Provider().serving() as made:
        yield made


async def trust(db: Database, centre: Centre, issuer: str, **more: Any) -> str:
    """Let the centre trust a provider; the centre's name."""
    said = SingleSignOn("Example ID", issuer, CLIENT, **({"secret_file": "provider"} | more))
    sql = "UPDATE organisations SET single_sign_on = $2::text::jsonb WHERE organisation_id = $1 RETURNING name"
    return await db.fetchval(sql, centre.organisation, msgspec.json.encode(said).decode())


async def begin(client: httpx2.AsyncClient, organisation: str) -> str:
    answer = await client.post(BEGIN, json={"organisation": organisation})
    assert answer.status_code == 200, answer.text
    return answer.json()["uri"]


async def come_back(client: httpx2.AsyncClient, organisation: str, provider: Provider) -> httpx2.Response:
    return await client.post(FINISH, json=provider.authorise(await begin(client, organisation)))


async def test_a_person_signs_in_by_a_real_provider(named: Any, db: Database, centre: Centre) -> None:
    username, user_id = await add_user(db, centre)
    await teams.put(db, centre.organisation, "Day shift", [], [])
    claims = {"sub": "s-1", "preferred_username": username, "given_name": "Pat", "groups": ["cc-leads", "other"]}
    stranger = {"sub": "s-2", "preferred_username": "stranger", "groups": ["other"]}
    with real_provider(claims, stranger) as issuer:
        name = await trust(
            db, centre, issuer, roles={"cc-leads": "supervisor"}, teams={"cc-leads": "Day shift"}, sign_out=True
        )
        async with browser(named) as client:
            options = (await client.get("/auth/v1/options", params={"organisation": name})).json()
            assert (options["singleSignOn"], options["passwords"]) == ([{"name": "Example ID"}], True)
            back = authorise(await begin(client, name), "s-1")
            answer = await client.post(FINISH, json={"code": back["code"], "state": back["state"]})
            assert answer.status_code == 200, answer.text
            me = answer.json()["me"]
            assert (me["userId"], me["roles"]) == (user_id, ["supervisor"])
            assert me["teams"] == [{"teamId": me["teams"][0]["teamId"], "name": "Day shift", "leads": True}]
            assert me["session"]["signOutUri"].startswith(f"{issuer}/oauth2/end_session?client_id=callfloor")
            assert (await client.get("/workspace/v1/agents")).status_code == 200
        async with browser(named) as client:
            back = authorise(await begin(client, name), "s-2")
            refused = await client.post(FINISH, json={"code": back["code"], "state": back["state"]})
            assert (refused.status_code, refused.json()["code"]) == (403, "no-role")
    entries = {each["action"]: each for each in await recorded(db, centre.organisation)}
    assert {"identity.link", "user.update", "team.update", "sign-in"} <= set(entries)
    assert json.loads(entries["sign-in"]["details"])["via"] == "single-sign-on"
    assert entries["user.update"]["actor_id"] == user_id


async def test_roles_and_teams_are_read_at_each_sign_in(
    named: Any, db: Database, centre: Centre, provider: Provider
) -> None:
    username, user_id = await add_user(db, centre, ["administrator"])
    for team in ("Day", "Night", "Own"):
        await teams.put(db, centre.organisation, team, [user_id] if team == "Own" else [], [])
    name = await trust(
        db, centre, provider.issuer, groups_claim="realm_access.roles",
        roles={"boss": "supervisor", "books": "auditor"}, teams={"boss": "Day", "books": "Night"},
    )  # fmt: skip
    provider.claims = {"sub": "s", "preferred_username": username}
    for groups, roles, where in (
        (["boss"], ["supervisor"], ["Day", "Own"]),
        (["boss", "books"], ["auditor", "supervisor"], ["Day", "Night", "Own"]),
        (["books"], ["auditor"], ["Night", "Own"]),
    ):
        provider.claims["realm_access"] = {"roles": groups}
        async with browser(named) as client:
            me = (await come_back(client, name, provider)).json()["me"]
            assert (me["roles"], [each["name"] for each in me["teams"]]) == (roles, where)
    provider.claims["realm_access"] = {"roles": []}
    async with browser(named) as client:
        refused = await come_back(client, name, provider)
        assert (refused.status_code, kind(refused), refused.json()["code"]) == (
            403,
            "single-sign-on-refused",
            "no-role",
        )


async def test_the_subject_is_the_person_whatever_the_name(
    named: Any, db: Database, centre: Centre, provider: Provider
) -> None:
    username, user_id = await add_user(db, centre)
    admin, _ = await add_user(db, centre, ["administrator"])
    name = await trust(db, centre, provider.issuer)
    provider.claims = {"sub": "first", "preferred_username": username}
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).json()["me"]["userId"] == user_id
    # married, and the name is another one now
    provider.claims = {"sub": "first", "preferred_username": "another.name"}
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).json()["me"]["userId"] == user_id
    # somebody else, who got the old name
    provider.claims = {"sub": "second", "preferred_username": username}
    async with browser(named) as client:
        refused = await come_back(client, name, provider)
        assert (refused.status_code, refused.json()["code"]) == (403, "other-identity")
    async with browser(named) as client:
        await sign_in(client, admin)
        assert (await client.delete(f"/auth/v1/users/{user_id}/identities")).status_code == 204
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).json()["me"]["userId"] == user_id


async def test_unknown_people_are_made_only_where_that_is_set(
    named: Any, db: Database, centre: Centre, provider: Provider
) -> None:
    provider.claims = {"sub": "n", "preferred_username": "new.agent", "given_name": "Nia", "family_name": "Ode"}
    provider.info = {"groups": ["agents"]}
    name = await trust(db, centre, provider.issuer, roles={"agents": "agent"})
    async with browser(named) as client:
        refused = await come_back(client, name, provider)
        assert (refused.status_code, refused.json()["code"]) == (403, "unknown-person")
    await trust(db, centre, provider.issuer, roles={"agents": "agent"}, create_people=True)
    for _ in range(2):
        async with browser(named) as client:
            me = (await come_back(client, name, provider)).json()["me"]
            assert (me["username"], me["fullName"], me["userType"]) == ("new.agent", "Nia Ode", "agent")
            assert me["roles"] == ["agent"]
    assert "userinfo" in provider.asked, "groups were told there"
    made = await recorded(db, centre.organisation, "user.create")
    assert len(made) == 1


async def test_by_address_only_one_that_was_verified_counts(
    named: Any, db: Database, centre: Centre, provider: Provider
) -> None:
    username, user_id = await add_user(db, centre)
    await db.execute("UPDATE users SET email_address = 'Pat@example.com' WHERE user_id = $1", user_id)
    name = await trust(db, centre, provider.issuer, person_claim="email")
    provider.claims = {"sub": "e", "email": "pat@Example.com", "preferred_username": username}
    for verified in (None, False, "true"):
        provider.claims["email_verified"] = verified
        async with browser(named) as client:
            refused = await come_back(client, name, provider)
            assert (refused.status_code, refused.json()["code"]) == (403, "no-name"), verified
    provider.claims["email_verified"] = True
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).json()["me"]["userId"] == user_id


async def test_who_is_disabled_here_stays_out(named: Any, db: Database, centre: Centre, provider: Provider) -> None:
    username, user_id = await add_user(db, centre)
    name = await trust(db, centre, provider.issuer, roles={"g": "administrator"}, create_people=True)
    provider.claims = {"sub": "d", "preferred_username": username, "groups": ["g"]}
    await db.execute("UPDATE users SET account_active = false WHERE user_id = $1", user_id)
    async with browser(named) as client:
        refused = await come_back(client, name, provider)
        assert (refused.status_code, refused.json()["code"]) == (403, "account-closed")
        assert (await client.get("/auth/v1/session")).status_code == 401
    assert await db.fetchval("SELECT roles FROM users WHERE user_id = $1", user_id) == []

    async def known() -> bool:
        return len(await recorded(db, centre.organisation, "sign-in.failed")) == 1

    await until(known)


async def test_a_second_factor_is_asked_for_unless_the_provider_does(
    named: Any, db: Database, centre: Centre, provider: Provider
) -> None:
    username, _ = await add_user(db, centre, ["supervisor"])
    await demand(db, centre, "supervisor")
    name = await trust(db, centre, provider.issuer)
    provider.claims = {"sub": "f", "preferred_username": username}
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).json()["stage"] == "enrol"
    await trust(db, centre, provider.issuer, second_factor=True)
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).json()["stage"] == "signed-in"


async def test_passwords_can_be_switched_off(named: Any, db: Database, centre: Centre, provider: Provider) -> None:
    username, _ = await add_user(db, centre)
    name = await trust(db, centre, provider.issuer, passwords=False)
    async with browser(named) as client:
        assert (await client.get("/auth/v1/options", params={"organisation": name})).json()["passwords"] is False
        refused = await sign_in(client, username)
        assert (refused.status_code, kind(refused)) == (403, "passwords-off")
        assert "Example ID" in refused.json()["detail"]
        wrong = await sign_in(client, username, "not this one at all")
        assert kind(wrong) == "sign-in-failed", "who does not know the password learns nothing"


def _key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


def _unsigned() -> str:
    parts = [{"alg": "none", "kid": "one"}, {"sub": "x"}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts) + "."


@pytest.mark.parametrize(
    "cheat",
    [
        {"claims": {"iss": "https://login.example.net"}},
        {"claims": {"aud": "somebody-else"}},
        {"claims": {"aud": [CLIENT, "somebody-else"]}},
        {"claims": {"azp": "somebody-else"}},
        {"claims": {"exp": 1_000_000_000}},
        {"claims": {"exp": None}},
        {"claims": {"nonce": "of-another-attempt"}},
        {"claims": {"nonce": None}},
        {"claims": {"sub": None}},
        {"claims": {"sub": ""}},
        {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
        {"key": _key()},
        {"header": {"kid": "unknown"}},
        {"header": {"alg": "HS256"}, "key": OctKey.import_key(b"k" * 32)},
        {"token": _unsigned()},
        {"token": "garbage"},
        {"token": "a.b.c"},
    ],
    ids=lambda cheat: str({name: value for name, value in cheat.items() if name != "key"})[:50],
)
async def test_a_token_that_proves_nothing_signs_nobody_in(
    named: Any, db: Database, centre: Centre, provider: Provider, cheat: dict[str, Any]
) -> None:
    username, _ = await add_user(db, centre)
    name = await trust(db, centre, provider.issuer)
    provider.claims = {"sub": "c", "preferred_username": username}
    provider.cheats = cheat
    async with browser(named, "198.51.100.60") as client:
        refused = await come_back(client, name, provider)
        assert (refused.status_code, refused.json()["code"]) == (403, "token-unproven"), refused.text
        assert (await client.get("/auth/v1/session")).status_code == 401
    provider.cheats = {}
    async with browser(named, "198.51.100.61") as client:
        again = await come_back(client, name, provider)
        # the same without the cheat
        assert again.status_code == 200, again.text


async def test_keys_that_change_are_looked_up_again(
    named: Any, db: Database, centre: Centre, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    username, _ = await add_user(db, centre)
    name = await trust(db, centre, provider.issuer)
    provider.claims = {"sub": "k", "preferred_username": username}
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).status_code == 200
    new = RSAKey.generate_key(2048, {"kid": "two"})
    provider.shown, provider.cheats = [provider.key, new], {"key": new, "header": {"kid": "two"}}
    monkeypatch.setattr("callfloor.api.auth.providers.KEYS_AGAIN_S", 0.0)
    async with browser(named) as client:
        assert (await come_back(client, name, provider)).status_code == 200
    assert (provider.asked.count("jwks"), provider.asked.count("configuration")) == (2, 1)


async def test_a_way_back_is_of_the_browser_that_went_out_and_used_once(
    named: Any, db: Database, centre: Centre, provider: Provider
) -> None:
    username, _ = await add_user(db, centre)
    name = await trust(db, centre, provider.issuer)
    provider.claims = {"sub": "b", "preferred_username": username}
    async with browser(named) as attacker, browser(named) as victim:
        # an attacker's own way back, given to somebody who has begun, and who has not
        lured = provider.authorise(await begin(attacker, name))
        for _ in range(2):
            refused = await victim.post(FINISH, json=lured)
            assert (refused.status_code, refused.json()["code"]) == (403, "begin-again")
            await begin(victim, name)
        assert (await attacker.post(FINISH, json=lured)).status_code == 200
    async with browser(named) as client:
        back = provider.authorise(await begin(client, name))
        kept = client.cookies["__Host-callfloor_sign_in"]
        at_once = await asyncio.gather(*(client.post(FINISH, json=back) for _ in range(4)))
        assert sorted(each.status_code for each in at_once) == [200, 403, 403, 403]
        client.cookies.set("__Host-callfloor_sign_in", kept, domain="calls.example.com")
        again = await client.post(FINISH, json=back)
        assert (again.status_code, again.json()["code"]) == (403, "begin-again")
        later = {**provider.authorise(await begin(client, name)), "iss": "https://login.example.net"}
        mixed = await client.post(FINISH, json=later)
        assert (mixed.status_code, mixed.json()["code"]) == (403, "begin-again")
        state = provider.authorise(await begin(client, name))["state"]
        denied = await client.post(FINISH, json={"error": "access_denied", "state": state})
        assert (denied.status_code, denied.json()["code"]) == (403, "provider-declined")
        assert "access_denied" in denied.json()["detail"]
    async with browser(named) as client:
        client.headers["Origin"] = "https://evil.example"
        forged = await client.post(FINISH, json={"code": "x", "state": "y"})
        assert kind(forged) == "forged-request"


@pytest.mark.parametrize(
    "cheat",
    [
        {"discovery": {"issuer": "https://login.example.net"}},
        {"discovery": {"jwks_uri": "javascript:alert(1)"}},
        {"discovery": {"authorization_endpoint": "ftp://127.0.0.1/"}},
        {"discovery": {"token_endpoint": None}},
        {"body": b"[]"},
        {"body": b"x" * 300_000},
        {"body": b'{"issuer":' + b"[" * 5000},
    ],
    ids=lambda cheat: str(cheat)[:50],
)
async def test_a_provider_that_says_nonsense_of_itself_is_not_asked(
    named: Any, db: Database, centre: Centre, provider: Provider, cheat: dict[str, Any]
) -> None:
    name = await trust(db, centre, provider.issuer)
    provider.cheats = cheat
    async with browser(named) as client:
        for _ in range(2):
            answer = await client.post(BEGIN, json={"organisation": name})
            assert (answer.status_code, kind(answer)) == (503, "provider-unavailable"), answer.text
    assert provider.asked == ["configuration"], "what failed is not asked again at once"


async def test_a_provider_in_the_own_network_is_the_operators_to_allow(
    settings: Settings, api_dsn: str, db: Database, centre: Centre, provider: Provider
) -> None:
    name = await trust(db, centre, provider.issuer)
    async with api(settings.model_copy(update={"public_url": ORIGIN}), api_dsn) as app, browser(app) as client:
        answer = await client.post(BEGIN, json={"organisation": name})
        assert (answer.status_code, kind(answer)) == (503, "provider-unavailable")
    assert provider.asked == []


async def test_what_is_missing_is_said_without_what_is_secret(
    named: Any, db: Database, centre: Centre, provider: Provider
) -> None:
    username, _ = await add_user(db, centre)
    provider.claims = {"sub": "m", "preferred_username": username}
    name = await trust(db, centre, provider.issuer, secret_file="absent")
    async with browser(named) as client:
        assert (await client.post(BEGIN, json={"organisation": "Nobody"})).status_code == 404
        missing = await come_back(client, name, provider)
        assert (missing.status_code, kind(missing)) == (409, "single-sign-on-unavailable")
        assert "log" in missing.json()["detail"]
    name = await trust(db, centre, provider.issuer, secret_file=None)
    async with browser(named) as client:
        refused = await come_back(client, name, provider)
        assert (refused.status_code, kind(refused)) == (503, "provider-unavailable")
        assert SECRET not in refused.text


async def test_who_vouches_is_an_administrators_to_say(named: Any, db: Database, centre: Centre) -> None:
    said = {"name": "Evil ID", "issuer": "https://login.example.net", "clientId": "c"}
    sql = "INSERT INTO roles (organisation_id, name, scopes) VALUES ($1, 'builder', '{setup:read,setup:write}')"
    await db.execute(sql, centre.organisation)
    builder, _ = await add_user(db, centre, ["builder"])
    admin, _ = await add_user(db, centre, ["administrator"])
    path = "/admin/v1/organisation"
    async with browser(named) as client:
        await sign_in(client, builder)
        refused = await client.patch(path, json={"singleSignOn": said})
        assert (refused.status_code, kind(refused)) == (403, "beyond-own-scopes")
    async with browser(named) as client:
        await sign_in(client, admin)
        stolen = await client.patch(path, json={"singleSignOn": said | {"secretFile": "care.password"}})
        assert stolen.status_code == 422
        assert stolen.json()["errors"][0]["pointer"] == "/singleSignOn/secretFile"
        mine = f"organisation-{centre.organisation}.oidc"
        done = await client.patch(path, json={"singleSignOn": said | {"secretFile": mine, "roles": {"g": "agent"}}})
        assert done.status_code == 200, done.text
        assert done.json()["singleSignOn"] == said | {"secretFile": mine, "roles": {"g": "agent"}}
        assert (await client.get("/auth/v1/options")).status_code == 200
        cleared = await client.patch(path, json={"singleSignOn": None})
        assert (cleared.status_code, cleared.json()["singleSignOn"]) == (200, None)
    (entry, _) = await recorded(db, centre.organisation, "organisation.update")
    assert "Evil ID" in entry["details"]
