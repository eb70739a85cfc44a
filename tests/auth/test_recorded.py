"""Who signs in, fails to, or changes how people sign in stands in the audit."""

from __future__ import annotations

import json
from typing import Any

from callfloor.store.db.pool import Database
from tests.api.test_audit import recorded
from tests.auth.factors import enrol
from tests.auth.people import add_user, browser, sign_in
from tests.conftest import Centre
from tests.waiting import until


async def test_signing_in_out_and_failing_is_recorded(app: Any, db: Database, centre: Centre) -> None:
    person, user = await add_user(db, centre)
    async with browser(app) as client:
        assert (await sign_in(client, person, "not this one at all")).status_code == 401

        async def failed() -> bool:
            return len(await recorded(db, centre.organisation, "sign-in.failed")) == 1

        await until(failed)
        assert (await sign_in(client, person)).status_code == 200
        assert (await client.delete("/auth/v1/session")).status_code == 204
    actions = {each["action"]: each for each in await recorded(db, centre.organisation, "sign-")}
    assert set(actions) == {"sign-in.failed", "sign-in", "sign-out"}
    assert (actions["sign-in.failed"]["actor_type"], actions["sign-in.failed"]["object_ids"]) == ("unknown", [user])
    assert (actions["sign-in"]["actor_type"], actions["sign-in"]["actor_id"]) == ("user", user)
    assert json.loads(actions["sign-in"]["details"])["stage"] == "signed-in"
    assert actions["sign-in"]["address"]


async def test_a_name_that_nobody_has_leaves_no_entry(app: Any, db: Database, centre: Centre) -> None:
    person, _ = await add_user(db, centre)
    async with browser(app) as client:
        assert (await sign_in(client, f"{person}.nobody")).status_code == 401
    assert await recorded(db, centre.organisation, "sign-in") == []


async def test_factors_and_tokens_are_recorded_without_their_secrets(app: Any, db: Database, centre: Centre) -> None:
    person, _ = await add_user(db, centre, roles=["supervisor"])
    _, codes = await enrol(app, person)
    async with browser(app) as client:
        await sign_in(client, person)
        answer = await client.post("/auth/v1/session/recovery", json={"code": codes[0]})
        assert answer.status_code == 200, answer.text
        made = (await client.post("/auth/v1/tokens", json={"name": "report"})).json()
        assert (await client.delete(f"/auth/v1/tokens/{made['tokenId']}")).status_code == 204
    entries = await recorded(db, centre.organisation)
    actions = [each["action"] for each in entries]
    assert [each for each in actions if each.startswith(("factor.", "token."))] == [
        "factor.add", "token.create", "token.revoke",
    ]  # fmt: skip
    assert made["token"] not in json.dumps([each["details"] for each in entries])
    assert not any(code in json.dumps([each["details"] for each in entries]) for code in codes)
