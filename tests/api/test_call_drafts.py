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


async def test_a_desk_that_does_not_know_the_newest_overwrites_nothing(db: Database, centre: Centre) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        callback = {"timestamp": "2030-01-02T10:00:00Z", "own": True}
        first = (await desk.put(PATH, json={"note": "one", "revision": 0, "callback": callback})).json()
        assert (first["revision"], first["callback"]) == (1, callback)
        assert (await desk.put(PATH, json={"note": "two", "revision": 1})).json()["revision"] == 2
        for stale in (0, 1, 3):
            refused = await desk.put(PATH, json={"note": "late", "revision": stale})
            assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "draft-changed")
        found = (await desk.get(PATH)).json()
        assert (found["note"], found["revision"]) == ("two", 2)


async def test_of_one_pages_requests_that_overtake_each_other_the_last_stays(db: Database, centre: Centre) -> None:
    await publish(db, centre, AtHand(call=RINGING))
    page = {"page": "0123456789abcdef0123456789abcdef"}
    async with client_of(centre, await token_of(db, centre, centre.agent)) as desk:
        await desk.put(PATH, json={"note": "a", "revision": 0, "step": 1, **page})
        # sent while the first was on its way, and the second of them comes last
        assert (await desk.put(PATH, json={"note": "abc", "revision": 0, "step": 3, **page})).status_code == 200
        assert (await desk.put(PATH, json={"note": "ab", "revision": 0, "step": 2, **page})).status_code == 409
        assert (await desk.get(PATH)).json()["note"] == "abc"
        assert (await desk.put(PATH, json={"note": "x", "revision": 0, "step": 9})).status_code == 409


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
    await drafts.put(db, centre.organisation, centre.agent, 1, content, now, drafts.Origin())
    await drafts.erase(db, centre.organisation, Customer("+61491570156", None, "AU"))
    row = await drafts.get(db, centre.organisation, centre.agent, 1)
    assert row is not None
    assert "491570156" not in row["content"]
    assert "tomorrow" in row["content"]
