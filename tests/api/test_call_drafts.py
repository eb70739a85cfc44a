"""What an agent types on a call is there after a reload, and gone when it was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from callfloor.contract.workspace import AtHand
from callfloor.rules.privacy.customers import Customer
from callfloor.store.agents import drafts
from callfloor.store.db.pool import Database
from tests.api.desks import RINGING, add_agent, client_of, publish, token_of
from tests.conftest import Centre

PATH = f"/calls/{RINGING.activity_id}/draft"


async def test_what_was_typed_is_there_after_a_reload(db: Database, centre: Centre) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        assert (await desk.get(PATH)).json()["updatedTimestamp"] is None
        typed = {"note": "Wants the brochure, ca", "leadData": {"colour": "red"}, "wrapCode": 7}
        assert (await desk.put(PATH, json=typed)).status_code == 200
        assert (await desk.put(PATH, json=typed | {"note": "Wants the brochure, call back"})).status_code == 200
    async with client_of(centre, await token_of(db, centre, centre.agent)) as again:
        found = (await again.get(PATH)).json()
        assert (found["note"], found["leadData"], found["wrapCode"]) == (
            "Wants the brochure, call back", {"colour": "red"}, 7,
        )  # fmt: skip
        assert (await again.delete(PATH)).status_code == 204
        assert (await again.get(PATH)).json()["updatedTimestamp"] is None


async def test_only_the_call_at_hand_takes_a_draft(db: Database, centre: Centre) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    other = await add_agent(db, centre, "other.agent")
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        assert (await desk.put("/calls/99/draft", json={"note": "x"})).status_code == 404
        await desk.put(PATH, json={"note": "x"})
    async with client_of(centre, await token_of(db, centre, other)) as stranger:
        for method in ("GET", "DELETE"):
            assert (await stranger.request(method, PATH)).status_code == 404
        assert (await stranger.put(PATH, json={"note": "y"})).status_code == 404


async def test_a_wrap_up_that_ended_by_itself_leaves_what_was_typed_for_a_day(db: Database, centre: Centre) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        await desk.put(PATH, json={"note": "kept"})
        await publish(db, centre, AtHand())
        assert (await desk.get(PATH)).json()["note"] == "kept"
        await drafts.expire(db, datetime.now(UTC) + timedelta(days=1, seconds=1))
        assert (await desk.get(PATH)).status_code == 404


async def test_an_erasure_takes_the_customer_out_of_what_was_typed(db: Database, centre: Centre) -> None:
    now = datetime.now(UTC)
    content = '{"note": "ring +61491570156 tomorrow"}'
    await drafts.put(db, centre.organisation, centre.agent, 1, content, now)
    await drafts.erase(db, centre.organisation, Customer("+61491570156", None, "AU"))
    row = await drafts.get(db, centre.organisation, centre.agent, 1)
    assert row is not None
    assert "491570156" not in row["content"]
    assert "tomorrow" in row["content"]
