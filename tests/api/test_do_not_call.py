"""Do-not-call is of a number: whoever says it by whichever way, no lead of that number is dialled any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callfloor.contract.codes import AgentState, DialStatus, LeadStatus
from callfloor.contract.workspace import AtHand
from callfloor.jobs.imports.chunks import import_next
from callfloor.store.agents import agents
from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.privacy import do_not_call, registers
from tests.api.desks import RINGING, client_of, publish, token_of
from tests.api.test_explain import create, explained, failed
from tests.conftest import Centre, client_for
from tests.factories import answer, inbound_call

NUMBER, SECOND, OTHER = "+61491570156", "+61491570157", "+61491570158"
LISTS = "/admin/do-not-call"


async def entries(centre: Centre, **query: Any) -> list[dict[str, Any]]:
    answer = await centre.client.get(LISTS, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def desk(db: Database, centre: Centre, **call: Any) -> httpx2.AsyncClient:
    """The agent at its desk, with a call at hand."""
    state: AgentState = "on-wrap" if call.get("state") == "wrap-up" else "on-call"
    await agents.show(db, centre.organisation, centre.agent, state, None, datetime.now(UTC))
    await publish(db, centre, AtHand(call=replace(RINGING, **call)))
    return client_of(centre, await token_of(db, centre, centre.agent))


async def call_to(db: Database, centre: Centre, lead: int | None, number: str = NUMBER) -> int:
    """A call that an agent took and that is over; its activity."""
    now = datetime.now(UTC)
    given = attempts.NewAttempt(centre.outbound, lead, None if lead is None else 1, number, "manual")
    (started,) = await attempts.start(db, centre.organisation, [given], now)
    assert started is not None
    await attempts.answered(db, centre.organisation, started.attempt_id, now)
    await attempts.connected(db, centre.organisation, started.attempt_id, centre.agent, now)
    await attempts.finish(db, centre.organisation, started.attempt_id, attempts.Ended(DialStatus.ANSWERED), now)
    return started.activity_id


async def inbound_from(db: Database, centre: Centre, number: str) -> int:
    now = datetime.now(UTC)
    call = (centre.inbound, number, "+61255501234")
    activity = await inbound_call(db, centre.organisation, *call, now)
    await answer(db, centre.organisation, activity, centre.agent, now)
    await activities.hang_up(db, centre.organisation, activity, now)
    return activity


@dataclass
class Way:
    """How somebody says that a customer is not to be called any more, and what the list says of it."""

    say: Callable[[Database, Centre], Awaitable[object]]
    source: str
    by: str | None
    numbers: tuple[str, ...] = (NUMBER,)


async def _post(db: Database, centre: Centre) -> None:
    await create(centre, phone1=NUMBER, phone2=SECOND, statusCode=11)


async def _put(db: Database, centre: Centre) -> None:
    lead = await create(centre, phone1=NUMBER, phone2=SECOND)
    assert (await centre.client.put(f"/leads/{lead}", json={"statusCode": 11})).status_code == 200


async def _phone_of_such_a_lead(db: Database, centre: Centre) -> None:
    lead = await create(centre, phone1=OTHER, statusCode=11)
    assert (await centre.client.put(f"/leads/{lead}", json={"phone3": NUMBER})).status_code == 200


async def _bulk(db: Database, centre: Centre, query: str = "") -> None:
    rows = [{"phone1": OTHER}, {"phone1": NUMBER, "statusCode": 11, "customerKey": "a"}]
    answer = await centre.client.post(f"/leads/bulk?listId={centre.list_id}{query}", json={"leads": rows})
    assert answer.status_code == 202
    while await import_next(db):
        pass


async def _bulk_update(db: Database, centre: Centre) -> None:
    await create(centre, phone1=NUMBER, customerKey="a")
    await _bulk(db, centre, "&onDuplicate=update")


async def _wrap_up(db: Database, centre: Centre) -> None:
    activity = await call_to(db, centre, await create(centre, phone1=NUMBER, phone2=SECOND))
    wrap = activities.WrapUp(None, LeadStatus.DO_NOT_CALL)
    assert await activities.wrap_up(db, centre.organisation, activity, wrap, datetime.now(UTC))


async def _wrap_up_of_a_call_by_hand(db: Database, centre: Centre) -> None:
    activity = await call_to(db, centre, None)
    wrap = activities.WrapUp(None, LeadStatus.DO_NOT_CALL)
    assert await activities.wrap_up(db, centre.organisation, activity, wrap, datetime.now(UTC))


async def _wrap_up_of_a_caller(db: Database, centre: Centre) -> None:
    activity = await inbound_from(db, centre, NUMBER)
    wrap = activities.WrapUp(None, LeadStatus.DO_NOT_CALL)
    assert await activities.wrap_up(db, centre.organisation, activity, wrap, datetime.now(UTC))


async def _desk(db: Database, centre: Centre) -> None:
    activity = await call_to(db, centre, await create(centre, phone1=NUMBER, phone2=SECOND))
    async with await desk(db, centre, activity_id=activity, state="wrap-up") as client:
        answer = await client.post("/session/commands", json={"action": "doNotCall", "reason": "said so"})
        assert answer.status_code == 200, answer.text


async def _admin(db: Database, centre: Centre) -> None:
    answer = await centre.client.post(LISTS, json={"phoneNumber": "0491 570 156", "reason": "by letter"})
    assert answer.status_code == 201, answer.text
    assert (await centre.client.get(answer.headers["Location"].removeprefix("/platform-api/v3.0"))).status_code == 200


async def _upload(db: Database, centre: Centre) -> None:
    csv = f"phone,reason\n{NUMBER},by letter\n"
    answer = await centre.client.post(LISTS, content=csv, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, answer.json()["added"]) == (200, 1), answer.text


WAYS = {
    "POST": Way(_post, "lead-update", "token", (NUMBER, SECOND)),
    "PUT": Way(_put, "lead-update", "token", (NUMBER, SECOND)),
    "another phone of such a lead": Way(_phone_of_such_a_lead, "lead-update", "token"),
    "import": Way(_bulk, "import", None),
    "import that updates": Way(_bulk_update, "import", None),
    "wrap-up": Way(_wrap_up, "wrap-up", "agent", (NUMBER, SECOND)),
    "wrap-up of a call by hand": Way(_wrap_up_of_a_call_by_hand, "wrap-up", "agent"),
    "wrap-up of a caller": Way(_wrap_up_of_a_caller, "wrap-up", "agent"),
    "desk command": Way(_desk, "desk", "agent", (NUMBER, SECOND)),
    "administrator": Way(_admin, "api", "token"),
    "file": Way(_upload, "upload", "token"),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_no_lead_of_a_number_is_dialled_once_anybody_said_so(way: Way, centre: Centre, db: Database) -> None:
    others = [
        await create(centre, **{phone: number})
        for number in way.numbers
        for phone in ("phone1", "phone2", "phone3")
        for _ in [await create(centre, phone1=OTHER)]
    ]
    alone = [lead for lead in others if (await only_phone(centre, lead)) in way.numbers]
    callback = await create(centre, phone1=way.numbers[-1])
    await centre.client.put(f"/leads/{callback}", json={"nextAttemptTimestamp": "2020-01-01T00:00:00Z"})
    await way.say(db, centre)
    for lead in (*alone, callback):
        assert "do-not-call" in failed(await explained(centre, lead))
    for number in way.numbers:
        (entry,) = await entries(centre, phoneNumber=number)
        assert (entry["source"], entry["active"], entry["campaignId"]) == (way.source, True, None)
        assert (entry["addedBy"] or {"type": None})["type"] == way.by
    assert await do_not_call.blocked(
        db, centre.organisation, await do_not_call.key(db, centre.organisation), centre.outbound, way.numbers,
        datetime.now(UTC),
    ) == frozenset(way.numbers)  # fmt: skip


async def only_phone(centre: Centre, lead: int) -> str | None:
    phones = (await centre.client.get(f"/leads/{lead}")).json()["phones"]
    return phones[0]["phoneNumber"] if len(phones) == 1 else None


@pytest.mark.parametrize(
    ("organisation", "campaign", "everywhere"),
    [("organisation", None, True), ("campaign", None, False), ("campaign", "organisation", True),
     ("organisation", "campaign", False)],
)  # fmt: skip
async def test_the_setting_says_whose_list_a_wish_goes_onto(
    organisation: str, campaign: str | None, everywhere: bool, centre: Centre, db: Database
) -> None:
    await db.execute(
        "UPDATE organisations SET do_not_call = $2 WHERE organisation_id = $1", centre.organisation, organisation
    )
    if campaign is not None:
        await db.execute(
            "UPDATE campaigns SET dialling = dialling || jsonb_build_object('doNotCall', $2::text)"
            " WHERE organisation_id = $1",
            centre.organisation,
            campaign,
        )
    await _put(db, centre)
    (entry,) = await entries(centre, phoneNumber=NUMBER)
    assert entry["campaignId"] == (None if everywhere else centre.outbound)
    assert await entries(centre, campaignId=0 if everywhere else centre.outbound) != []
    assert await entries(centre, campaignId=centre.outbound if everywhere else 0) == []


@given(key=st.binary(min_size=1, max_size=100), digits=st.from_regex(r"\+[0-9]{7,15}", fullmatch=True))
async def test_postgresql_hashes_a_number_as_we_do(key: bytes, digits: str, db: Database) -> None:
    assert await db.fetchval("SELECT number_hash($1, $2)", key, digits) == do_not_call.number_hash(key, digits)


async def test_a_wish_that_ends_becomes_one_for_good_and_the_first_who_asked_stays(
    centre: Centre, db: Database
) -> None:
    body = {"phoneNumber": NUMBER, "expiresTimestamp": "2099-01-31", "reason": "until February"}
    first = (await centre.client.post(LISTS, json=body)).json()["entry"]
    assert first["timestamps"]["expires"] == "2099-02-01T00:00:00+11:00"
    await _post(db, centre)
    (entry,) = await entries(centre, phoneNumber=NUMBER)
    assert (entry["timestamps"]["expires"], entry["source"]) == (None, "lead-update")
    await _wrap_up_of_a_caller(db, centre)
    assert (await entries(centre, phoneNumber=NUMBER))[0]["source"] == "lead-update"
    again = await centre.client.post(LISTS, json={"phoneNumber": NUMBER})
    assert (again.status_code, again.json()["added"], again.json()["alreadyListed"]) == (200, 0, 1)


async def test_what_ended_blocks_no_more_and_the_next_wish_is_new(centre: Centre, db: Database) -> None:
    key = await do_not_call.key(db, centre.organisation)
    now = datetime.now(UTC)
    past = now - timedelta(days=1)
    await do_not_call.add(db, centre.organisation, key, NUMBER, past, reason="old", expires_at=now)
    (entry,) = await entries(centre)
    assert (entry["active"], entry["reason"]) == (False, "old")
    answer = await centre.client.post(LISTS, json={"phoneNumber": NUMBER})
    assert answer.status_code == 201
    (entry,) = await entries(centre)
    assert (entry["active"], entry["reason"], entry["source"]) == (True, None, "api")


async def test_what_is_lifted_is_kept_with_who_and_why(centre: Centre, db: Database) -> None:
    await _put(db, centre)
    missing = await centre.client.delete(LISTS, params={"phoneNumber": NUMBER})
    assert missing.status_code == 422
    why = {"reason": "asked to be called again"}
    done = await centre.client.delete(LISTS, params={"phoneNumber": NUMBER} | why)
    assert done.json() == {"lifted": 1, "stillBlocked": [], "leadsOfStatus": 1}
    assert (await centre.client.delete(LISTS, params={"phoneNumber": NUMBER} | why)).status_code == 404
    assert await entries(centre, phoneNumber=NUMBER) == []
    (entry,) = await entries(centre)
    assert (await centre.client.delete(f"{LISTS}/{entry['entryId']}", params=why)).status_code == 204
    lifted = (await centre.client.get(f"{LISTS}/lifted")).json()["items"]
    assert [each["phoneNumber"] for each in lifted] == [SECOND, NUMBER]
    assert all(each["lifted"]["reason"] == why["reason"] and not each["active"] for each in lifted)
    assert all(each["lifted"]["liftedBy"]["name"] == "test" for each in lifted)
    of_one = await centre.client.get(f"{LISTS}/lifted", params={"phoneNumber": "0491 570 156"})
    assert [each["phoneNumber"] for each in of_one.json()["items"]] == [NUMBER]


async def test_a_lead_that_is_lifted_takes_the_wish_that_it_brought_along_and_no_other(
    centre: Centre, db: Database
) -> None:
    for number, letter in ((NUMBER, False), (SECOND, True)):
        lead = await create(centre, phone1=number)
        if letter:
            await centre.client.post(LISTS, json={"phoneNumber": number, "reason": "by letter"})
        await centre.client.put(f"/leads/{lead}", json={"statusCode": 11})
        refused = await centre.client.put(f"/leads/{lead}", json={"statusCode": 0})
        assert refused.status_code == 409
        lifted = await centre.client.put(f"/leads/{lead}?liftDoNotCall=true", json={"statusCode": 0})
        assert lifted.status_code == 200, lifted.text
        assert ("do-not-call" in failed(await explained(centre, lead))) is letter
    assert [each["phoneNumber"] for each in (await centre.client.get(f"{LISTS}/lifted")).json()["items"]] == [NUMBER]


async def test_a_register_s_number_stays_when_the_wish_is_lifted_and_the_answer_says_so(
    centre: Centre, db: Database
) -> None:
    headers = {"Content-Type": "text/csv"}
    sent = await centre.client.post(f"{LISTS}?register=dncr", content=f"phone\n{NUMBER}\n", headers=headers)
    assert (sent.status_code, sent.json()["added"]) == (200, 1)
    await _admin(db, centre)
    done = await centre.client.delete(LISTS, params={"phoneNumber": NUMBER, "reason": "mistake"})
    assert [each["register"] for each in done.json()["stillBlocked"]] == ["DNCR"]
    (register,) = (await centre.client.get(f"{LISTS}/registers")).json()["items"]
    assert (register["register"], register["ageDays"], register["campaigns"]) == ("DNCR", 0, [])


async def test_pages_go_through_every_list_once_newest_first(centre: Centre) -> None:
    wanted: list[int] = []
    for number in range(9):
        body: dict[str, Any] = {"phoneNumber": f"+44770090012{number}"}
        if number % 2:
            body["campaignId"] = centre.outbound if number % 4 == 1 else centre.inbound
        wanted.append((await centre.client.post(LISTS, json=body)).json()["entry"]["entryId"])
    seen: list[int] = []
    uri: str | None = f"{LISTS}?limit=2"
    while uri is not None:
        page = (await centre.client.get(uri.removeprefix("/platform-api/v3.0"))).json()
        seen += [item["entryId"] for item in page["items"]]
        uri = page["metadata"]["nextUri"]
    assert seen == wanted[::-1]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "/phoneNumber"),
        ({"phoneNumber": "12"}, "/phoneNumber"),
        ({"phoneNumber": NUMBER, "campaignId": 1}, "/campaignId"),
        ({"phoneNumber": NUMBER, "expiresTimestamp": "2001-01-01"}, "/expiresTimestamp"),
        ({"phoneNumber": NUMBER, "expiresTimestamp": "soon"}, "/expiresTimestamp"),
        ({"phoneNumber": NUMBER, "reason": "\x07"}, "/reason"),
        ({"phoneNumber": NUMBER, "why": "x"}, "/why"),
    ],
)
async def test_a_body_that_cannot_be_taken_is_told_by_its_field(
    body: dict[str, Any], where: str, centre: Centre
) -> None:
    answer = await centre.client.post(LISTS, json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [where]
    assert await entries(centre) == []


async def test_a_file_with_a_mistake_is_refused_whole_or_taken_without_it(centre: Centre) -> None:
    content = f"phone,expires\n{NUMBER},\n12,\n{SECOND},yesterday\n{OTHER},2099-01-01\n"
    headers = {"Content-Type": "text/csv"}
    answer = await centre.client.post(LISTS, content=content, headers=headers)
    assert answer.status_code == 422
    assert [error["message"].split(":")[0] for error in answer.json()["errors"]] == ["line 3", "line 4"]
    assert await entries(centre) == []
    answer = await centre.client.post(f"{LISTS}?skipBad=true", content=content, headers=headers)
    told = answer.json()
    assert [told[name] for name in ("rows", "added", "alreadyListed", "invalid")] == [4, 2, 0, 2]
    assert [fault["line"] for fault in told["errors"]] == [3, 4]
    for wrong in ({"register": " "}, {"campaignId": "1"}):
        assert (await centre.client.post(LISTS, content=content, headers=headers, params=wrong)).status_code == 422
    assert (await centre.client.post(LISTS, content=b"x", headers={"Content-Type": "text/plain"})).status_code == 415


async def test_a_repeated_key_blocks_once_and_another_body_is_told(centre: Centre) -> None:
    headers = {"Idempotency-Key": "once"}
    first = await centre.client.post(LISTS, json={"phoneNumber": NUMBER}, headers=headers)
    again = await centre.client.post(LISTS, json={"phoneNumber": NUMBER}, headers=headers)
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await centre.client.post(LISTS, json={"phoneNumber": OTHER}, headers=headers)).status_code == 422


async def test_reading_and_writing_ask_for_scopes_of_their_own(centre: Centre, db: Database) -> None:
    body = {"phoneNumber": NUMBER}
    for scope, allowed in (
        ("do-not-call:read", (200, 403)),
        ("do-not-call:write", (403, 201)),
        ("leads:write", (403, 403)),
    ):
        token = await tokens.create(db, centre.organisation, "one", [scope])
        async with client_for(centre.app, token) as client:
            found = (await client.get(LISTS)).status_code, (await client.post(LISTS, json=body)).status_code
        assert found == allowed


@pytest.mark.parametrize("state", ["connected", "wrap-up"])
async def test_a_desk_blocks_whom_it_talks_to_and_only_then(state: Any, centre: Centre, db: Database) -> None:
    async with client_of(centre, await token_of(db, centre, centre.agent)) as client:
        refused: httpx2.Response = await client.post("/session/commands", json={"action": "doNotCall"})
        assert (refused.status_code, refused.json()["code"]) == (409, "no-call")
    activity = await inbound_from(db, centre, NUMBER)
    async with await desk(db, centre, activity_id=activity, state=state) as client:
        for _ in range(2):
            answer = await client.post("/session/commands", json={"action": "doNotCall", "reason": "angry"})
            assert (answer.status_code, answer.json()["call"]["activityId"]) == (200, activity)
    (entry,) = await entries(centre)
    assert (entry["phoneNumber"], entry["reason"], entry["activityId"]) == (NUMBER, "angry", activity)


async def test_a_desk_is_told_that_a_withheld_number_cannot_be_blocked(centre: Centre, db: Database) -> None:
    call = (centre.inbound, None, "+61255501234")
    activity = await inbound_call(db, centre.organisation, *call, datetime.now(UTC))
    async with await desk(db, centre, activity_id=activity, number=None) as client:
        answer = await client.post("/session/commands", json={"action": "doNotCall"})
    assert (answer.status_code, answer.json()["code"]) == (409, "refused-number")


WASHED = [(None, "whenWashed", True), (None, "required", False), (None, "off", True), (29, "whenWashed", True),
          (31, "whenWashed", False), (31, "required", False), (31, "off", True)]  # fmt: skip


@pytest.mark.parametrize(("days", "setting", "allowed"), WASHED)
async def test_a_regime_s_register_stops_the_dialler_when_the_wash_is_too_old(
    days: int | None, setting: str, allowed: bool, centre: Centre, db: Database
) -> None:
    await db.execute(
        "UPDATE campaigns SET dialling = jsonb_build_object('regime', 'AU', 'registerWash', $2::text)"
        " WHERE organisation_id = $1",
        centre.organisation,
        setting,
    )
    if days is not None:
        await registers.washed(db, centre.organisation, "DNCR", datetime.now(UTC) - timedelta(days=days))
    lead = await create(centre)
    shown = await explained(centre, lead)
    assert ("register-wash" not in failed(shown)) is allowed
    statistics = (await centre.client.get(f"/campaign/{centre.outbound}/statistics/outbound")).json()
    if setting == "off":
        assert statistics["registerWash"] is None
        return
    assert statistics["registerWash"]["ageDays"] == days
    state = None if days is None else "overdue" if days > 30 else "due"
    assert statistics["registerWash"]["state"] == state
    listed = (await centre.client.get(f"{LISTS}/registers")).json()["items"]
    assert [(each["register"], each["state"], each["campaigns"]) for each in listed] == [
        ("DNCR", state, [centre.outbound])
    ]
    said = next(each["detail"] for each in shown["rules"] if each["rule"] == "register-wash")
    if days is not None or not allowed:
        assert "callfloor dnc import FILE --register DNCR" in said


async def test_a_lead_that_is_lifted_takes_along_what_it_brought_for_phones_that_it_had_then(centre: Centre) -> None:
    lead = await create(centre, phone1=NUMBER, statusCode=11)
    await centre.client.put(f"/leads/{lead}", json={"phone1": SECOND})
    assert {each["phoneNumber"] for each in await entries(centre)} == {NUMBER, SECOND}
    body = {"nextAttemptTimestamp": "2030-01-07T10:00:00+11:00"}
    lifted = await centre.client.put(f"/leads/{lead}?liftDoNotCall=true", json=body)
    assert lifted.status_code == 200, lifted.text
    assert await entries(centre) == []


async def test_a_wish_of_two_leads_stays_until_the_second_is_lifted(centre: Centre) -> None:
    first = await create(centre, phone1=NUMBER, statusCode=11)
    second = await create(centre, phone2=NUMBER, statusCode=11)
    for lead, left in ((first, [second]), (second, [])):
        done = await centre.client.put(f"/leads/{lead}?liftDoNotCall=true", json={"statusCode": 0})
        assert done.status_code == 200, done.text
        assert [each["leadId"] for each in await entries(centre)] == left


async def test_a_callback_that_lifts_one_lead_is_refused_while_another_of_the_number_is_do_not_call(
    centre: Centre,
) -> None:
    first = await create(centre, phone1=NUMBER, statusCode=11)
    await create(centre, phone1=NUMBER, statusCode=11)
    body = {"nextAttemptTimestamp": "2030-01-07T10:00:00+11:00"}
    refused = await centre.client.put(f"/leads/{first}?liftDoNotCall=true", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "do-not-call")


async def test_a_wish_that_somebody_adds_to_a_lead_s_stays_when_the_lead_is_lifted(centre: Centre) -> None:
    lead = await create(centre, phone1=NUMBER, statusCode=11)
    await centre.client.post(LISTS, json={"phoneNumber": NUMBER, "reason": "by letter"})
    await centre.client.put(f"/leads/{lead}?liftDoNotCall=true", json={"statusCode": 0})
    assert [each["reason"] for each in await entries(centre)] == ["by letter"]


async def test_a_slip_in_the_name_of_a_register_is_no_new_register(centre: Centre) -> None:
    headers = {"Content-Type": "text/csv"}

    async def send(query: str) -> httpx2.Response:
        return await centre.client.post(f"{LISTS}?{query}", content=f"phone\n{NUMBER}\n", headers=headers)

    slip = await send("register=DNRC")
    assert (slip.status_code, "did you mean DNCR?" in slip.json()["errors"][0]["message"]) == (422, True)
    assert await entries(centre) == []
    assert (await send("newRegister=true")).status_code == 422
    assert (await send("register=Robinson&newRegister=true")).status_code == 200
    assert (await send("register=robinson")).json()["alreadyListed"] == 1
