"""An agent's phone in the browser: its account, which device has it, and what was measured of a call."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from callfloor.contract.workspace import AtHand
from callfloor.rules.people import phone_accounts
from callfloor.rules.privacy.customers import Customer
from callfloor.settings import Settings
from callfloor.store.agents import phone_holders
from callfloor.store.calls import diagnoses
from callfloor.store.db.pool import Database
from tests.api.desks import RINGING, add_agent, client_of, publish, token_of
from tests.conftest import Centre

SECRET = "a secret of the whole installation"
FIRST, OTHER = {"device": "0" * 32}, {"device": "1" * 32}
PATH = f"/calls/{RINGING.activity_id}/diagnoses"
SAMPLE = {"seconds": 2.0, "lossPercent": 4.5, "jitterMs": 38.5}


@pytest.fixture
def with_phones(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "phone_url": "wss://pbx.example.com:8089/ws",
        "phone_secret": SECRET,
        "phone_ice_servers": "stun:stun.example.com, turn:turn.example.com",
        "phone_turn_secret": "shared",
    }.items():
        # what is read from the environment is frozen
        monkeypatch.setitem(settings.__dict__, name, value)


async def test_no_phone_is_in_the_browser_where_none_is_set_up(db: Database, centre: Centre) -> None:
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        answer = await desk.get("/phone")
    assert (answer.status_code, answer.json()["account"], answer.json()["iceServers"]) == (200, None, [])


@pytest.mark.usefixtures("with_phones")
async def test_each_agent_has_an_account_of_its_own_that_is_nowhere_kept(
    db: Database, centre: Centre, capfd: pytest.CaptureFixture[str]
) -> None:
    other = await add_agent(db, centre, "other.agent")
    found: dict[int, Any] = {}
    for agent in (centre.agent, other):
        async with client_of(centre, await token_of(db, centre, agent)) as desk:
            answer = await desk.get("/phone")
            assert answer.headers["cache-control"] == "no-store"
            found[agent] = answer.json()
    mine, others = found[centre.agent]["account"], found[other]["account"]
    user = f"agent-{centre.agent}"
    assert (mine["uri"], mine["user"], mine["echo"]) == (
        f"sip:{user}@pbx.example.com", user, "sip:echo@pbx.example.com",
    )  # fmt: skip
    assert mine["password"] == phone_accounts.password(SECRET, user) != others["password"]
    assert mine["password"] not in "".join(capfd.readouterr())
    stun, turn = found[centre.agent]["iceServers"]
    assert (stun["credential"], turn["username"].endswith(f":{user}")) == (None, True)


def test_a_turn_password_is_what_coturn_computes() -> None:
    name, password = phone_accounts.turn("shared", "agent-7", datetime(2026, 1, 1, tzinfo=UTC))
    # as docs of coturn have it: base64(HMAC-SHA1(secret, name)); reckoned by another program
    other = subprocess.run(
        ["openssl", "dgst", "-sha1", "-hmac", "shared", "-binary"], input=name.encode(), capture_output=True, check=True
    )
    coded = subprocess.run(["base64"], input=other.stdout, capture_output=True, check=True).stdout.decode().strip()
    assert (name, password) == (f"{1767225600 + 86400}:agent-7", coded)


async def test_a_second_device_is_told_and_may_take_the_phone_over(db: Database, centre: Centre) -> None:
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        first = await desk.put("/phone/holder", json=FIRST)
        assert first.status_code == 200
        again = await desk.put("/phone/holder", json=FIRST)
        assert again.json()["since"] == first.json()["since"]
        refused = await desk.put("/phone/holder", json=OTHER)
        assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "phone-elsewhere")
        assert first.json()["since"] in refused.json()["detail"]
        taken = await desk.put("/phone/holder", json=OTHER | {"takeOver": True})
        assert UUID(taken.json()["device"]) == UUID("1" * 32)
        assert (await desk.put("/phone/holder", json=FIRST)).status_code == 409


async def test_a_device_that_says_nothing_has_the_phone_no_more(db: Database, centre: Centre) -> None:
    long_ago = datetime.now(UTC) - phone_holders.HELD - timedelta(seconds=1)
    await phone_holders.hold(db, centre.organisation, centre.agent, UUID(int=1), long_ago, take_over=False)
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        assert (await desk.put("/phone/holder", json=FIRST)).status_code == 200


async def test_a_diagnosis_is_kept_with_the_call_at_hand(db: Database, centre: Centre) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        assert (await desk.post("/calls/99/diagnoses", json={"complaint": "noise"})).status_code == 404
        made = await desk.post(PATH, json={"complaint": "like a robot", "samples": [SAMPLE]})
        assert (made.status_code, made.json()["agentId"]) == (201, centre.agent)
        for _ in range(diagnoses.MOST - 1):
            assert (await desk.post(PATH, json={})).status_code == 201
        assert (await desk.post(PATH, json={})).status_code == 429
        too_many = await desk.post(PATH, json={"samples": [SAMPLE] * 121})
        assert too_many.status_code == 422
    kept = await diagnoses.of(db, centre.organisation, RINGING.activity_id)
    assert len(kept) == diagnoses.MOST
    await diagnoses.erase(db, centre.organisation, Customer("+61491570156", None, "AU"))
    await diagnoses.expire(db, datetime.now(UTC) + diagnoses.KEPT + timedelta(seconds=1))
    assert await diagnoses.of(db, centre.organisation, RINGING.activity_id) == []
