"""Nobody calls at the centre's expense where the centre does not call: by hand, by transfer, by consultation, by leads,
or by callbacks that a stranger leaves."""

from __future__ import annotations

import ast
import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st

import callfloor
from callfloor.clock import VirtualClock
from callfloor.contract.destinations import Destinations
from callfloor.contract.workspace import (
    CompleteTransfer,
    Conference,
    Consult,
    Dial,
    HangUp,
    Refusal,
    Target,
    Transfer,
)
from callfloor.engine import outside_legs
from callfloor.engine.spending import DestinationLog, SpendingReader
from callfloor.floor.calls.contacts import Stage
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports import writes
from callfloor.floor.ports.writes import NewLeg
from callfloor.rules.dialling.destinations import Spent, policy_of
from callfloor.rules.evidence.packing import unpack
from callfloor.rules.routing.agents import AgentInput
from callfloor.store.calls import legs
from callfloor.store.db.pool import Database
from callfloor.store.figures.floor_alarms import Alarm
from callfloor.store.leads import callbacks
from callfloor.store.privacy import do_not_call
from callfloor.store.setup import campaigns, organisations
from callfloor.telephony.carrier import Answered, CallId, Ended, Joined, Line, PartyId
from tests.conftest import Centre
from tests.engine.test_one_number import Engine
from tests.floor.any_carrier import AnyCarrier
from tests.floor.room import FIRST, HELP, OUTSIDE, SALES, SECOND, Room

ORDINARY = ("+61491570156", "+61491570157", "+61491570006", "+611800975711")
COSTLY = ("+611900654321", "+611300975707", "+881623456789", "+61147112345", "+18765551234", "+12125550123", "+61000")
OUT = CampaignKey(1, 3)
NOON = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)


class Listening(AnyCarrier):
    """Hears every number that is called."""

    def __init__(self) -> None:
        super().__init__()
        self.called: list[str] = []

    def originate(self, line: Line) -> None:
        self.called.append(line.number)
        super().originate(line)

    def call_out(self, call: CallId, party: PartyId, number: str, caller: str | None, ring_s: float) -> None:
        self.called.append(number)
        super().call_out(call, party, number, caller, ring_s)


class Guarded(Room):
    """A floor of an Australian organisation."""

    def __init__(
        self,
        limits: Destinations = Destinations(),  # noqa: B008 - frozen
        said: DestinationLog | None = None,
    ) -> None:
        self.policy = policy_of(limits, "AU", ())
        super().__init__(destinations=said)
        members = frozenset({FIRST, SECOND})
        out = CampaignPlan(OUT, "progressive", members, country="AU", max_lines=0, destinations=self.policy)
        for plan in (CampaignPlan(SALES, None, members, country="AU", destinations=self.policy), out):
            self.floor.configure(plan)
        for agent in (FIRST, SECOND):
            self.floor.team.put(agent, 1, (SALES, HELP, OUT))

    def make_carrier(self) -> AnyCarrier:
        return Listening()

    @property
    def called(self) -> list[str]:
        assert isinstance(self.carrier, Listening)
        return self.carrier.called


# Every path


def test_only_one_place_of_the_program_speaks_to_the_carrier_of_a_number() -> None:
    """Whoever else did would pass by the policy."""
    root = Path(callfloor.__file__).parent
    speakers = set[str]()
    for file in root.rglob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
        if any(isinstance(each, ast.Attribute) and each.attr in ("originate", "call_out") for each in calls):
            speakers.add(str(file.relative_to(root)))
    assert speakers == {f"floor/calls/{name}.py" for name in ("outgoing", "outbound", "transfers")}
    # the last two ask the first, which wants a permit, and hold nothing else that could place a call
    for name in speakers - {"floor/calls/outgoing.py"}:
        for node in ast.walk(ast.parse((root / name).read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in ("originate", "call_out"):
                assert ast.unparse(node.value) == "self._outgoing", ast.unparse(node)


ANY_NUMBER = st.sampled_from(ORDINARY + COSTLY)
STEP = st.one_of(
    st.tuples(st.just("dial"), ANY_NUMBER),
    st.tuples(st.just("place"), ANY_NUMBER),
    st.tuples(st.just("consult"), ANY_NUMBER),
    st.tuples(st.just("transfer"), ANY_NUMBER),
    st.tuples(st.sampled_from(["caller", "join", "conference", "complete", "hang-up", "end"]), st.none()),
)


@settings(deadline=None)
@given(st.lists(STEP, max_size=25))
def test_whatever_agents_and_leads_ask_for_no_denied_number_is_called(steps: list[tuple[str, Any]]) -> None:
    room = Guarded()
    room.ready(FIRST)
    attempt = 100
    for what, number in steps:
        match what:
            case "dial":
                room.does(FIRST, Dial(OUT.campaign, number))
            case "place":
                attempt += 1
                room.floor.place(OUT, Claimed(attempt, attempt, 1, number))
            case "consult":
                room.does(FIRST, Consult(Target(number=number)))
            case "transfer":
                room.does(FIRST, Transfer(Target(number=number)))
            case "caller" if not room.floor.contacts.everyone():
                room.caller()
            case "join" if room.carrier.joining:
                room.carrier.say(Joined(*room.carrier.joining[-1]))
            case "conference":
                room.does(FIRST, Conference())
            case "complete":
                room.does(FIRST, CompleteTransfer())
            case "hang-up":
                room.does(FIRST, HangUp())
            case "end" if room.carrier.placed:
                room.carrier.say(Ended(room.carrier.placed[-1], "hang-up"))
                room.floor.agent(FIRST, AgentInput.READY)
            case _:
                pass
    assert not [number for number in room.called if room.policy.denied(number) is not None]


@pytest.mark.parametrize("number", COSTLY[:-1])
def test_a_desk_hears_why_a_number_is_not_called(number: str) -> None:
    room = Guarded()
    room.talk(others=False)
    for command in (Consult(Target(number=number)), Transfer(Target(number=number))):
        answer = room.does(FIRST, command)
        assert answer is not None
        assert answer.code == "refused-number"
        assert "centre file" in answer.detail
        assert number[3:] not in answer.detail
    other = room.does(SECOND, Dial(OUT.campaign, number))
    assert other is not None
    assert room.called == []


def test_a_call_whose_number_was_allowed_when_it_was_chosen_is_not_placed_under_a_policy_of_now() -> None:
    room = Guarded()
    room.floor.agent(FIRST, AgentInput.READY)
    room.floor.place(OUT, Claimed(7, 7, 1, COSTLY[0]))
    assert [each.call for each in room.records.of(writes.AttemptPutBack)] == [7]
    assert room.called == []


def test_a_permit_is_for_its_own_number_alone() -> None:
    room = Guarded()
    permit = room.floor.outgoing.permit(CampaignPlan(OUT, "progressive", frozenset()), ORDINARY[0], None)
    with pytest.raises(ValueError, match="another number"):
        room.floor.outgoing.originate(permit, Line(1, COSTLY[0], None, 20.0, False, False))  # type: ignore[arg-type]
    assert room.called == []


# Limits


def test_the_calls_of_a_day_are_limited_for_each_agent_and_for_all() -> None:
    room = Guarded(Destinations(agent_calls_per_day=2, calls_per_day=3))
    room.talk(others=False)
    for _ in range(2):
        assert room.does(FIRST, Consult(Target(number=OUTSIDE))) is None
        call, party = room.carrier.joining[-1]
        room.floor.transfers.missed(room.floor.contacts.everyone()[0], party)
        assert call
    answer = room.does(FIRST, Consult(Target(number=OUTSIDE)))
    assert answer is not None
    assert answer.code == "limit-reached"
    assert "agent's calls a day" in answer.detail
    # what the records had counted does not count twice
    room.floor.outgoing.learn(1, room.clock.elapsed() + 1, Spent(2), {FIRST: Spent(2)})
    assert room.does(FIRST, Consult(Target(number=OUTSIDE))) is not None
    room.floor.outgoing.learn(1, room.clock.elapsed() + 1, Spent(2), {FIRST: Spent(1)})
    assert room.does(FIRST, Consult(Target(number=OUTSIDE))) is None


def test_the_dialler_places_no_more_than_the_day_has_room_for() -> None:
    room = Guarded(Destinations(calls_per_day=10, minutes_per_day=60))
    plan = CampaignPlan(OUT, "predictive", frozenset({FIRST}), destinations=room.policy)
    assert room.floor.outgoing.room(plan, 50) == 10
    room.floor.outgoing.learn(1, 0.0, Spent(8, 5.0), {})
    assert room.floor.outgoing.room(plan, 50) == 2
    room.floor.outgoing.learn(1, 0.0, Spent(8, 60.0), {})
    assert room.floor.outgoing.room(plan, 50) == 0


def test_no_number_outside_stays_on_a_call_longer_than_it_may() -> None:
    room = Guarded(Destinations(longest_call_minutes=1))
    contact = room.talk(others=False)
    party = room.bring(contact, number=OUTSIDE)
    room.at(59)
    room.floor.tick()
    assert party in contact.parties
    room.at(61)
    room.floor.tick()
    assert party not in contact.parties
    # the customer is the agent's again, and was not cut off
    assert contact.stage is Stage.TALKING
    assert room.carrier.held[contact.call] is False
    assert room.carrier.hung_up == []


def test_a_call_that_was_given_outside_ends_when_its_time_is_over() -> None:
    room = Guarded(Destinations(longest_call_minutes=1))
    contact = room.talk(others=False)
    assert room.does(FIRST, Transfer(Target(number=OUTSIDE))) is None
    room.carrier.say(Joined(*room.carrier.joining[-1]))
    room.at(61)
    room.floor.tick()
    assert room.carrier.hung_up == [contact.call]


def test_a_call_that_was_dialled_ends_when_its_time_is_over() -> None:
    room = Guarded(Destinations(longest_call_minutes=1))
    room.ready(FIRST)
    assert room.does(FIRST, Dial(OUT.campaign, ORDINARY[0])) is None
    (call,) = room.carrier.placed
    room.carrier.say(Answered(call))
    room.at(61)
    room.floor.tick()
    assert room.carrier.hung_up == [call]


def test_limits_are_said_once_in_a_while_and_refusals_each_time_without_the_number() -> None:
    room = Guarded(Destinations(agent_calls_per_day=1), DestinationLog(VirtualClock(NOON.timestamp())))
    room.talk(others=False)
    with structlog.testing.capture_logs() as said:
        room.does(FIRST, Consult(Target(number=OUTSIDE)))
        room.floor.transfers.cancel_consultation(FIRST)
        for _ in range(3):
            room.does(FIRST, Consult(Target(number=OUTSIDE)))
        room.does(FIRST, Consult(Target(number=COSTLY[0])))
    assert [each["event"] for each in said].count("destination-alarm") == 1
    refused = [each["reason"] for each in said if each["event"] == "destination-refused"]
    assert refused == ["agent-calls-per-day"] * 3 + ["premium"]
    assert not any(OUTSIDE[3:] in str(each) or COSTLY[0][3:] in str(each) for each in said)


def test_what_supervisors_are_told_comes_once_for_each_cause_and_quarter_of_an_hour() -> None:
    raised: list[tuple[int, Alarm]] = []
    clock = VirtualClock(NOON.timestamp())
    said = DestinationLog(clock, lambda organisation, alarm, _at: raised.append((organisation, alarm)))
    room = Guarded(Destinations(agent_calls_per_day=1), said)
    room.talk(others=False)
    for _ in range(2):
        room.does(FIRST, Consult(Target(number=COSTLY[0])))
    assert raised == [(1, Alarm("refused", "premium", FIRST))]
    room.does(FIRST, Consult(Target(number=OUTSIDE)))
    room.floor.transfers.cancel_consultation(FIRST)
    for _ in range(3):
        room.does(FIRST, Consult(Target(number=OUTSIDE)))
    limit = "agent-calls-per-day"
    assert raised[1:] == [(1, Alarm("used-up", limit, FIRST)), (1, Alarm("refused", limit, FIRST))]
    clock.run(NOON.timestamp() + 900)
    room.does(FIRST, Consult(Target(number=COSTLY[0])))
    assert raised[3:] == [(1, Alarm("refused", "premium", FIRST))]


# Traces


def test_a_number_that_is_consulted_has_a_leg_with_its_number_from_the_first_ring_on() -> None:
    room = Guarded()
    contact = room.talk(others=False)
    assert room.does(FIRST, Consult(Target(number=OUTSIDE))) is None
    leg = room.legs()[-1]
    assert (leg.kind, leg.number, leg.answered_at, leg.ended_at) == ("consult", OUTSIDE, None, None)
    call, party = room.carrier.joining[-1]
    room.carrier.say(Joined(call, party))
    assert room.legs()[-1].answered_at is not None
    room.does(FIRST, CompleteTransfer())
    consulted, given_to = room.legs()[-2:]
    assert consulted.ended_at is not None
    assert (given_to.kind, given_to.number) == ("outside", OUTSIDE)
    assert contact.stage is Stage.OUTSIDE


async def _leg(db: Database, centre: Centre, kind: Any = "consult") -> tuple[int, int]:
    """A caller talks to the agent, who calls a number outside: the caller's leg, and the number's."""
    organisation, at = centre.organisation, datetime.now(UTC)
    first, second = await legs.reserve_ids(db, 2)
    await legs.open_call(db, organisation, first, centre.inbound, "+61491570158", "+61255500200", at)
    await legs.answer(db, organisation, first, centre.agent, at)
    leg = NewLeg(second, centre.inbound, kind, None, OUTSIDE, centre.agent)
    write = outside_legs.second_leg if kind == "consult" else outside_legs.next_leg
    await write(db, organisation, first, leg, at)
    return first, second


@pytest.mark.parametrize("kind", ["consult", "outside"])
async def test_every_number_outside_leaves_a_leg_and_evidence_that_an_erasure_empties(
    db: Database, centre: Centre, kind: str
) -> None:
    first, second = await _leg(db, centre, kind)
    shown = (await centre.client.get(f"/activities/{second}")).json()["data"]
    assert (shown["outsideNumber"], shown["legType"], shown["parentActivityId"]) == (OUTSIDE, kind, first)
    row = await db.fetchrow(
        "SELECT * FROM evidence WHERE organisation_id = $1 AND attempt_id = $2", centre.organisation, -second
    )
    assert row is not None
    said = unpack(row["packed"])
    public = msgspec.json.decode(said)
    assert (public["agentId"], public["activityId"]) == (centre.agent, second)
    assert OUTSIDE not in said
    assert msgspec.json.decode(row["personal"])["phoneNumber"]["value"] == OUTSIDE
    answer = await centre.client.delete("/customer", params={"phoneNumber": OUTSIDE})
    assert answer.status_code == 200, answer.text
    left = await db.fetchval(
        "SELECT personal::text FROM evidence WHERE organisation_id = $1 AND attempt_id = $2",
        *(centre.organisation, -second),
    )
    assert left == "{}"


async def test_what_was_called_today_is_counted_by_agent(db: Database, centre: Centre) -> None:
    _, second = await _leg(db, centre)
    await legs.answer(db, centre.organisation, second, None, datetime.now(UTC))
    setup = await campaigns.get(db, centre.organisation, centre.inbound)
    assert setup is not None
    heard: list[tuple[Spent, Any]] = []

    class Heard:
        def learn(self, organisation: int, read_at: float, whole: Spent, agents: Any) -> None:
            heard.append((whole, agents))

    key = CampaignKey(centre.organisation, centre.inbound)
    limited = policy_of(Destinations(calls_per_day=9), "AU", ())
    plan = CampaignPlan(key, None, frozenset(), destinations=limited, organisation_zone="Australia/Sydney")
    reader = SpendingReader(db, VirtualClock(datetime.now(UTC).timestamp() + 60), Heard())  # type: ignore[arg-type]
    await reader.read([plan])
    ((whole, agents),) = heard
    assert (whole.calls, agents[centre.agent].calls) == (1, 1)
    assert whole.minutes > 0.5


# By hand, and to people who do not want to be called


async def _policy(db: Database, centre: Centre, limits: Destinations) -> None:
    await organisations.update(db, centre.organisation, "Australia/Sydney", "AU", (), "organisation", limits)


async def test_a_number_is_called_by_hand_only_where_the_organisation_calls(db: Database, centre: Centre) -> None:
    engine = Engine(db, centre, centre.outbound)
    await engine.open(NOON)
    for number in COSTLY[:-1]:
        refusal = await engine.by_hand(centre.agent, number, None, NOON)
        assert isinstance(refusal, Refusal)
        assert refusal.code == "refused-number"
    assert isinstance(await engine.by_hand(centre.agent, ORDINARY[0], None, NOON), Claimed)


@pytest.mark.parametrize("allowed", [False, True])
async def test_who_does_not_want_to_be_called_is_not_consulted_unless_a_setting_says_so(
    db: Database, centre: Centre, allowed: bool
) -> None:
    key = await db.fetchval("SELECT hash_key FROM organisations WHERE organisation_id = $1", centre.organisation)
    now = datetime.now(UTC)
    await do_not_call.add(db, centre.organisation, key, OUTSIDE, now)
    await _policy(db, centre, Destinations(transfer_to_do_not_call=allowed))
    setup = await campaigns.get(db, centre.organisation, centre.inbound)
    assert setup is not None
    refusal = await outside_legs.refusal(db, setup, OUTSIDE, now)
    assert (refusal is None) is allowed
    assert await outside_legs.refusal(db, setup, ORDINARY[2], now) is None


def test_the_desk_waits_for_the_records_word_and_is_refused_by_it() -> None:
    room = Guarded()
    room.talk(others=False)
    room.records.may_ring = lambda _plan, _agent, _number, done: done(outside_legs.BLOCKED)  # type: ignore[method-assign]
    for command in (Consult(Target(number=OUTSIDE)), Transfer(Target(number=OUTSIDE))):
        assert room.does(FIRST, command) == outside_legs.BLOCKED
    assert room.called == []


# Leads and callbacks


async def test_a_lead_abroad_is_not_dialled_and_says_why(db: Database, centre: Centre) -> None:
    abroad = await centre.client.post("/leads", json={"listId": centre.list_id, "phone1": "+12125550123"})
    lead_id = abroad.json()["leadId"]
    shown = (await centre.client.get(f"/dialler/leads/{lead_id}/explain")).json()
    (rule,) = [each for each in shown["rules"] if not each["passed"]]
    assert rule["rule"] == "destination"
    assert "number of US" in rule["detail"]
    assert (shown["dialable"], shown["nextDialTimestamp"]) == (False, None)
    # with another phone it is that one's turn
    await centre.client.put(f"/leads/{lead_id}", json={"phone2": "0491 570 156"})
    shown = (await centre.client.get(f"/dialler/leads/{lead_id}/explain")).json()
    assert (shown["dialable"], shown["phoneIndex"]) == (True, 2)
    await _policy(db, centre, Destinations(countries=("AU", "US")))
    shown = (await centre.client.get(f"/dialler/leads/{lead_id}/explain")).json()
    assert shown["phoneIndex"] == 1


async def _ask(db: Database, centre: Centre, number: str, at: datetime) -> bool:
    (activity,) = await legs.reserve_ids(db, 1)
    await legs.open_call(db, centre.organisation, activity, centre.inbound, number, "+61255500200", at)
    return await callbacks.register(db, centre.organisation, centre.inbound, centre.list_id, activity, number, at)


async def _leads(db: Database, centre: Centre) -> int:
    return await db.fetchval("SELECT count(*) FROM leads WHERE organisation_id = $1", centre.organisation)


async def test_five_callbacks_of_one_caller_id_are_one_however_close_they_come(db: Database, centre: Centre) -> None:
    await db.execute("UPDATE campaigns SET calling_hours = NULL WHERE campaign_id = $1", centre.outbound)
    at = datetime.now(UTC)
    made = await asyncio.gather(*(_ask(db, centre, ORDINARY[0], at) for _ in range(5)))
    assert made == [True] * 5
    assert await _leads(db, centre) == 1


async def test_a_callback_for_later_is_made_now_when_its_caller_asks_again(db: Database, centre: Centre) -> None:
    at = datetime.now(UTC)
    assert await _ask(db, centre, ORDINARY[0], at)
    await db.execute(
        "UPDATE leads SET next_attempt_at = $2 WHERE organisation_id = $1", centre.organisation, at + timedelta(days=3)
    )
    assert await _ask(db, centre, ORDINARY[0], at)
    assert await db.fetchval("SELECT next_attempt_at FROM leads WHERE organisation_id = $1", centre.organisation) == at


@pytest.mark.parametrize("number", COSTLY[:-1])
async def test_nobody_is_called_back_where_the_organisation_does_not_call(
    db: Database, centre: Centre, number: str
) -> None:
    assert not await _ask(db, centre, number, datetime.now(UTC))
    assert await _leads(db, centre) == 0


async def test_a_caller_id_and_a_day_have_so_many_callbacks(db: Database, centre: Centre) -> None:
    await _policy(db, centre, Destinations(callbacks_per_number=2, callbacks_per_day=3))
    at = datetime.now(UTC)

    async def made(number: str) -> bool:
        asked = await _ask(db, centre, number, at)
        # it is made at once, so that the next is another one
        await db.execute(
            "UPDATE leads SET status_code = 2, next_attempt_at = NULL WHERE organisation_id = $1", centre.organisation
        )
        return asked

    assert [await made(ORDINARY[0]) for _ in range(3)] == [True, True, False]
    assert [await made(each) for each in (ORDINARY[1], ORDINARY[2])] == [True, False]


async def test_an_import_says_how_many_of_its_leads_are_not_called(db: Database, centre: Centre) -> None:
    from callfloor.jobs.imports.chunks import import_next

    rows = [{"phone1": "+12125550123"}, {"phone1": "+611900654321", "phone2": "0491 570 156"}, {"customerKey": "x"}]
    for each in rows:
        each["listId"] = centre.list_id  # type: ignore[assignment]
    sent = await centre.client.post("/leads/bulk", json={"leads": rows})
    while await import_next(db):
        pass
    result = (await centre.client.get(f"/leads/bulk/{sent.json()['uuid']}")).json()["result"]
    assert (result["inserted"], result["withoutPhone"], result["notCalled"]) == (3, 1, 1)


def test_a_number_outside_that_another_engine_brought_in_has_an_end_too() -> None:
    room = Guarded(Destinations(longest_call_minutes=1))
    contact = room.talk(others=False)
    party = room.bring(contact, number=OUTSIDE)
    taken = Guarded(Destinations(longest_call_minutes=1))
    taken.floor.adopt_contact(contact)
    taken.at(61)
    taken.floor.tick()
    assert party not in contact.parties
