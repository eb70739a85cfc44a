"""Tokens of programs over HTTP: shown once, never beyond their maker, revoked at once."""

from __future__ import annotations

from typing import Any

import pytest

from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from tests.conftest import Centre, client_for
from tests.waiting import until

TOKENS = "http://callfloor.test/admin/v1/tokens"
NEW: dict[str, Any] = {"name": "crm", "scopes": ["leads:read", "leads:write"]}


async def test_a_token_is_made_shown_once_used_and_revoked(db: Database, centre: Centre) -> None:
    made = await centre.client.post(TOKENS, json=NEW)
    assert made.status_code == 201, made.text
    secret, where = made.json()["token"], made.headers["Location"].replace("/admin/v1/tokens", TOKENS)
    shown = (await centre.client.get(where)).json()
    assert shown == {key: each for key, each in made.json().items() if key != "token"}
    assert (shown["state"], shown["lastUsed"], shown["scopes"]) == ("active", None, NEW["scopes"])
    assert shown["expires"] is not None

    async with client_for(centre.app, secret) as program:
        assert (await program.get("/leads")).status_code == 200
        assert (await program.get("/lists/")).status_code in (403, 404)
        assert (await centre.client.get(where)).json()["lastUsed"] is not None
        assert shown["tokenId"] in {each["tokenId"] for each in (await centre.client.get(TOKENS)).json()["items"]}
        assert (await centre.client.delete(where)).status_code == 204
        assert (await centre.client.delete(where)).status_code == 404

        async def refused() -> bool:
            return (await program.get("/leads")).status_code == 401

        # processes hear of it
        await until(refused)
    assert (await centre.client.get(where)).json()["state"] == "revoked"
    live = (await centre.client.get(TOKENS, params={"state": "active"})).json()["items"]
    assert shown["tokenId"] not in {each["tokenId"] for each in live}
    rows = await db.fetch(
        "SELECT action, details::text AS details FROM audit_entries WHERE organisation_id = $1"
        " AND object_type = 'token' ORDER BY entry_id",
        centre.organisation,
    )
    assert [row["action"] for row in rows] == ["token.create", "token.revoke"]
    assert all(secret not in row["details"] for row in rows)


async def test_the_secret_is_not_kept_for_an_idempotency_key(db: Database, centre: Centre) -> None:
    key = {"Idempotency-Key": "one"}
    first = (await centre.client.post(TOKENS, json=NEW, headers=key)).json()
    again = (await centre.client.post(TOKENS, json=NEW, headers=key)).json()
    assert first["token"] != again["token"]
    kept = await db.fetch("SELECT body FROM idempotency_keys WHERE organisation_id = $1", centre.organisation)
    assert all(first["token"].encode() not in (row["body"] or b"") for row in kept)


async def test_nobody_makes_a_token_that_may_more_than_its_maker(db: Database, centre: Centre) -> None:
    token = await tokens.create(db, centre.organisation, "maker", ["tokens:write", "leads:read"])
    async with client_for(centre.app, token) as maker:
        refused = await maker.post(TOKENS, json=NEW)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "beyond-own-scopes")
        assert (await maker.post(TOKENS, json={"name": "x", "scopes": ["leads:read"]})).status_code == 201
        assert (await maker.post(TOKENS, json={"name": "x", "scopes": ["admin"]})).status_code == 422


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"scopes": ["leads:raed"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"expires": "2001-01-01"}, "/expires"),
        ({"expires": "never"}, "/expires"),
        ({"name": " "}, "/name"),
        ({"name": "a\nb"}, "/name"),
        ({"requestsPerSecond": 0}, "/requestsPerSecond"),
    ],
)
async def test_a_token_that_cannot_be_is_refused(centre: Centre, given: dict[str, Any], pointer: str) -> None:
    answer = await centre.client.post(TOKENS, json=NEW | given)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text


async def test_a_token_may_never_end_when_that_is_said(centre: Centre) -> None:
    made = await centre.client.post(TOKENS, json=NEW | {"expires": None, "requestsPerSecond": 5})
    assert (made.json()["expires"], made.json()["requestsPerSecond"]) == (None, 5)


async def test_tokens_stay_in_their_organisation(centre: Centre, other_centre: Centre) -> None:
    made = await centre.client.post(TOKENS, json=NEW)
    where = made.headers["Location"].replace("/admin/v1/tokens", TOKENS)
    items = (await other_centre.client.get(TOKENS)).json()["items"]
    assert made.json()["tokenId"] not in {each["tokenId"] for each in items}
    assert (await other_centre.client.get(where)).status_code == 404
    assert (await other_centre.client.delete(where)).status_code == 404
    assert (await centre.client.get(where)).json()["state"] == "active"


async def test_what_people_made_for_themselves_is_not_a_programs(db: Database, centre: Centre) -> None:
    await tokens.create(db, centre.organisation, "jane", ["workspace"], user_id=centre.agent)
    items = (await centre.client.get(TOKENS)).json()["items"]
    assert "jane" not in {each["name"] for each in items}
    row = await db.fetchrow(
        "SELECT token_id FROM tokens WHERE organisation_id = $1 AND name = 'jane'", centre.organisation
    )
    assert row is not None
    assert (await centre.client.delete(f"{TOKENS}/{row['token_id']}")).status_code == 404
