"""A desk on the real floor: what is asked over HTTP is done to a call, and shown at once."""

from __future__ import annotations

from typing import Any

import pytest

from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.api.desks import client_of, token_of
from tests.api.sockets import read, served, stream
from tests.conftest import Centre, alone
from tests.engine.test_inbound import CALLER, PATIENT, QUEUE, exchange, own

pytestmark = pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session")

__all__ = ["own"]


async def test_an_agent_works_on_a_call_from_ringing_to_wrap_up(
    app: Any, db: Database, centre: Centre, own: Database, settings: Settings
) -> None:
    await db.execute("INSERT INTO wrap_codes VALUES ($1, $2, 10, 'Solved')", centre.organisation, centre.inbound)
    token = await token_of(db, centre, centre.agent)
    async with (
        exchange(centre, own, settings, QUEUE, agents=1) as (up, number, _),
        client_of(centre, token) as desk,
        served(app) as address,
        stream(address, token) as events,
    ):

        async def command(action: str, status: int = 200, **fields: Any) -> dict[str, Any]:
            answer = await desk.post("/session/commands", json={"action": action, **fields})
            assert answer.status_code == status, answer.text
            return answer.json()

        async def happens(kind: str) -> dict[str, Any]:
            while True:
                (event,) = await read(events, 1)
                if event["type"] == kind:
                    return event["session"]

        assert (await command("ready"))["state"] == "ready"
        up.carrier.call_in(number, CALLER, PATIENT)
        shown = await happens("call.connected")
        assert (shown["state"], shown["call"]["state"], shown["call"]["number"]) == ("on-call", "connected", CALLER)
        for on in (True, False):
            assert (await command("hold", on=on))["call"]["held"] is on
        assert (await command("mute", on=True))["call"]["muted"] is True
        refused = await command("transfer", 422, to={"agentId": centre.user})
        assert [error["pointer"] for error in refused["errors"]] == ["/to/agentId"]
        assert (await command("pause", reason="lunch"))["wanted"] == "paused"
        shown = await command("hangUp")
        assert (shown["state"], shown["call"]["state"]) == ("on-wrap", "wrap-up")
        shown = await happens("call.ended")
        assert (shown["state"], shown["call"]["state"]) == ("on-wrap", "wrap-up")
        assert shown["wrapUpSeconds"] is not None
        assert (await command("hold", 409, on=True))["code"] in ("no-call", "wrong-state")
        shown = await command("wrapUp", wrapCode=10)
        assert (shown["state"], shown["reason"], shown["call"]) == ("paused", "lunch", None)
        assert (await command("wrapUp", 409))["code"] == "no-wrap-up"
    answer = await centre.client.get(f"/activities?campaignId={centre.inbound}")
    (call,) = [item["data"] for item in answer.json()["items"]]
    assert (call["agentId"], call["wrapCode"], call["source"]) == (centre.agent, 10, CALLER)
