"""Talks on a carrier that a test moves by hand: where the customer is left, and what is recorded of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callfloor.contract.workflows import Hangup, Queue, Workflow
from callfloor.contract.workspace import (
    CancelConsultation,
    CompleteTransfer,
    Conference,
    Consult,
    DropParty,
    HangUp,
    Hold,
    Mute,
    PauseRecording,
    TakeOver,
    Target,
    Transfer,
    WrapUp,
)
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.floor.ports import writes
from callfloor.rules.routing.agents import AgentInput
from callfloor.telephony.carrier import AgentMissed, Digit, Ended, Joined, Left
from tests.floor.room import FIRST, OUTSIDE, SALES, SECOND, THIRD, Room


@pytest.mark.parametrize("to", [Target(agent_id=SECOND), Target(campaign_id=2), Target(number=OUTSIDE)])
def test_who_was_on_hold_hears_whoever_the_call_is_given_to(to: Target) -> None:
    room = Room()
    contact = room.talk()
    assert room.does(FIRST, Hold(True)) is None
    assert room.does(FIRST, Transfer(to)) is None
    assert room.carrier.held[contact.call] is False


def test_who_was_on_hold_hears_the_survey() -> None:
    room = Room(survey=True)
    contact = room.talk()
    room.does(FIRST, Hold(True))
    assert room.does(FIRST, HangUp()) is None
    assert room.carrier.played[-1] == (contact.call, "nice?")
    assert room.carrier.held[contact.call] is False


def test_nothing_is_recorded_of_a_leg_of_a_campaign_that_does_not_record() -> None:
    room = Room()
    contact = room.talk()
    assert room.carrier.recording_part[contact.call] == 0
    assert room.does(FIRST, Transfer(Target(campaign_id=2))) is None
    room.carrier.say(Joined(contact.call, contact.agent or 0))
    assert room.carrier.recording_part[contact.call] is None


def test_the_next_agent_is_recorded_though_the_one_before_paused_it() -> None:
    room = Room()
    contact = room.talk()
    assert room.does(FIRST, PauseRecording(True)) is None
    room.bring(contact, agent_id=SECOND)
    assert room.does(FIRST, CompleteTransfer()) is None
    assert room.carrier.recording_part[contact.call] == 1
    assert room.floor.desk_updates.view(SECOND, contact).recording


@pytest.mark.parametrize("how", ["takes over", "hangs up"])
@pytest.mark.parametrize("who", [FIRST, SECOND])
def test_what_is_not_to_be_recorded_stays_so_when_the_second_agent_goes_on_with_the_customer(
    how: str, who: int
) -> None:
    room, contact = _talk_with_second(conference=True)
    assert room.does(who, PauseRecording(True)) is None
    if how == "takes over":
        assert room.does(SECOND, TakeOver()) is None
    else:
        room.carrier.say(Left(contact.call, FIRST))
    view = room.floor.desk_updates.view(SECOND, contact)
    assert (contact.agent, room.carrier.recording_paused[contact.call], view.recording_paused) == (SECOND, True, True)
    assert room.does(SECOND, PauseRecording(False)) is None
    assert not room.carrier.recording_paused[contact.call]


def test_an_agents_phone_that_rang_in_vain_leaves_nothing_to_be_recorded_elsewhere() -> None:
    room = Room()
    room.ready(FIRST)
    contact = room.caller()
    room.carrier.say(AgentMissed(contact.call, FIRST))
    assert contact.agent is None
    # its campaign does not record any more when the next agent takes it
    room.floor.configure(replace(room.plan, record=False))
    room.ready(SECOND)
    room.carrier.say(Joined(contact.call, SECOND))
    assert contact.agent == SECOND
    assert room.carrier.recording_part[contact.call] is None


def test_an_agent_in_a_conference_has_the_leg_when_the_first_one_leaves() -> None:
    room = Room()
    contact = room.talk()
    outside = room.bring(contact, number=OUTSIDE)
    room.does(FIRST, Conference())
    room.bring(contact, agent_id=SECOND)
    room.does(FIRST, Conference())
    room.carrier.say(Left(contact.call, FIRST))
    assert contact.agent == SECOND
    assert set(contact.parties) == {outside}
    room.carrier.say(Left(contact.call, outside))
    room.carrier.say(Ended(contact.call, "hang-up"))
    agent = room.floor.team.get(SECOND)
    assert agent is not None
    assert (agent.call, agent.facts.state) == (None, "on-wrap")


def test_an_agents_phone_that_still_rings_is_let_go_with_the_agent_who_rang_it() -> None:
    room = Room()
    contact = room.talk()
    outside = room.bring(contact, number=OUTSIDE)
    room.does(FIRST, Conference())
    assert room.does(FIRST, Consult(Target(agent_id=SECOND))) is None
    room.carrier.say(Left(contact.call, FIRST))
    agent = room.floor.team.get(SECOND)
    assert agent is not None
    assert (agent.call, agent.facts.state) == (None, "ready")
    assert set(contact.parties) == {outside}


def test_customer_and_an_outside_party_go_on_when_another_leaves() -> None:
    room = Room()
    contact = room.talk()
    room.bring(contact, number=OUTSIDE)
    room.does(FIRST, Conference())
    other = room.bring(contact, number="+61491570158")
    room.does(FIRST, Conference())
    assert room.does(FIRST, CompleteTransfer()) is None
    room.carrier.say(Left(contact.call, other))
    assert contact.call not in room.carrier.hung_up
    room.carrier.say(Left(contact.call, next(iter(contact.parties))))
    assert contact.call in room.carrier.hung_up


# The second agent


def _talk_with_second(*, conference: bool) -> tuple[Room, Contact]:
    room = Room()
    contact = room.talk()
    room.at(10.0)
    room.bring(contact, agent_id=SECOND)
    if conference:
        assert room.does(FIRST, Conference()) is None
    return room, contact


@pytest.mark.parametrize("conference", [False, True])
def test_who_was_brought_in_can_mute_itself(conference: bool) -> None:
    room, contact = _talk_with_second(conference=conference)
    assert room.does(SECOND, Mute(True)) is None
    assert room.carrier.muted == {(contact.call, SECOND): True}
    assert [room.floor.desk_updates.view(each, contact).muted for each in (FIRST, SECOND)] == [False, True]
    assert room.does(SECOND, Mute(False)) is None
    assert not room.floor.desk_updates.view(SECOND, contact).muted


def test_who_was_brought_into_a_conference_can_put_the_customer_on_hold() -> None:
    room, contact = _talk_with_second(conference=True)
    assert room.does(SECOND, Hold(True)) is None
    assert room.carrier.held[contact.call] is True
    assert room.does(FIRST, Hold(False)) is None
    assert room.carrier.held[contact.call] is False


@pytest.mark.parametrize("conference", [False, True])
def test_who_was_brought_in_can_leave_and_its_time_has_counted(conference: bool) -> None:
    room, contact = _talk_with_second(conference=conference)
    room.at(25.0)
    assert room.does(SECOND, HangUp()) is None
    assert contact.agent == FIRST
    assert room.state(SECOND) == "ready"
    consult = room.legs()[-1]
    assert (consult.kind, consult.agent, consult.parent) == ("consult", SECOND, contact.activity)
    assert consult.ended_at is not None
    assert consult.ended_at - consult.opened_at == 15.0


@pytest.mark.parametrize("how", ["not answered", "hangs up", "leaves", "is dropped", "is cancelled"])
@pytest.mark.parametrize("to", [{"agent_id": SECOND}, {"number": OUTSIDE}])
def test_the_customer_is_back_however_a_consultation_ends(to: dict[str, int | str], how: str) -> None:
    room = Room()
    contact = room.talk()
    if how == "not answered":
        assert room.does(FIRST, Consult(Target(**to))) is None  # type: ignore[arg-type]
        room.at(20.0)
        room.carrier.say(AgentMissed(*room.carrier.joining[-1]))
    else:
        party = room.bring(contact, **to)
        assert room.carrier.held[contact.call] is True
        room.at(20.0)
        match how:
            case "is cancelled":
                assert room.does(FIRST, CancelConsultation()) is None
            case "is dropped":
                assert room.does(FIRST, DropParty(party)) is None
            case "leaves" if party == SECOND:
                assert room.does(SECOND, HangUp()) is None
            case _:
                room.carrier.say(Left(contact.call, party))
    assert (contact.agent, contact.consulting, contact.held_since) == (FIRST, None, None)
    assert room.carrier.held[contact.call] is False
    assert room.legs()[0].held_s == 20.0
    assert room.does(FIRST, CancelConsultation()) is not None, "there is none any more"


@pytest.mark.parametrize("conference", [False, True])
def test_who_was_brought_in_can_take_over(conference: bool) -> None:
    room, contact = _talk_with_second(conference=conference)
    first_leg = contact.activity
    room.at(25.0)
    assert room.does(SECOND, TakeOver()) is None
    assert (contact.agent, room.carrier.held[contact.call]) == (SECOND, False)
    assert [room.state(each) for each in (FIRST, SECOND)] == ["on-wrap", "on-call"]
    room.at(30.0)
    room.carrier.say(Ended(contact.call, "hang-up"))
    assert room.state(SECOND) == "on-wrap"
    spans = [(leg.kind, leg.agent, leg.opened_at - 1e6, (leg.ended_at or 0) - 1e6) for leg in room.legs()]
    assert spans == [(None, FIRST, 0.0, 25.0), ("consult", SECOND, 10.0, 25.0), ("transfer", SECOND, 25.0, 30.0)]
    assert room.legs()[-1].parent == first_leg


@pytest.mark.parametrize(
    "command",
    [Consult(Target(agent_id=THIRD)), Transfer(Target(agent_id=THIRD)), Conference(), CompleteTransfer(),
     CancelConsultation(), DropParty(FIRST)],
)  # fmt: skip
def test_where_the_customer_goes_is_for_the_agent_whose_call_it_is(command: object) -> None:
    room, _ = _talk_with_second(conference=False)
    refusal = room.does(SECOND, command)
    assert refusal is not None
    assert refusal.code == "not-allowed"
    assert "takeOver" in refusal.detail


def test_one_who_only_rings_has_nothing_to_mute_or_to_take_over() -> None:
    room = Room()
    room.talk()
    assert room.does(FIRST, Consult(Target(agent_id=SECOND))) is None
    for command in (Mute(True), Hold(True), TakeOver()):
        refusal = room.does(SECOND, command)
        assert refusal is not None
        assert refusal.code == "no-call"


def test_the_second_agents_mute_stays_when_it_takes_over() -> None:
    room, contact = _talk_with_second(conference=True)
    room.does(SECOND, Mute(True))
    room.does(SECOND, TakeOver())
    assert room.floor.desk_updates.view(SECOND, contact).muted


# Given away and not taken


def _busy(room: Room, agent: int, how: str) -> None:
    if how == "paused":
        room.floor.agent(agent, AgentInput.PAUSE, "lunch")
        return
    call = room.another_caller()
    assert (call.agent, call.stage) == (agent, Stage.JOINING)
    if how != "dialling":
        room.carrier.say(Joined(call.call, agent))
    if how == "on-wrap":
        room.carrier.say(Ended(call.call, "hang-up"))


@pytest.mark.parametrize("how", ["paused", "dialling", "on-call", "on-wrap"])
def test_a_call_is_not_given_to_an_agent_who_is_not_free(how: str) -> None:
    room = Room()
    contact = room.talk(others=False)
    room.ready(SECOND)
    _busy(room, SECOND, how)
    assert room.state(SECOND) == how
    refusal = room.does(FIRST, Transfer(Target(agent_id=SECOND)))
    assert refusal is not None
    assert refusal.code == "target-busy"
    assert (contact.agent, contact.stage) == (FIRST, Stage.TALKING)


def test_a_campaign_may_let_customers_wait_for_a_busy_agent_and_they_come_back_after_that_time() -> None:
    room = Room(transfer_wait_s=12.0)
    contact = room.talk(others=False)
    room.ready(SECOND)
    _busy(room, SECOND, "on-call")
    assert room.does(FIRST, Transfer(Target(agent_id=SECOND))) is None
    assert room.does(FIRST, WrapUp()) is None
    room.ready(THIRD)
    # the others are ready, and the customer waits for the one that was named
    room.at(11.0)
    assert (contact.stage, contact.agent) == (Stage.QUEUE, None)
    room.at(12.5)
    assert (contact.stage, contact.agent) == (Stage.JOINING, FIRST)


def test_who_waits_for_a_busy_agent_gets_it_when_it_is_free() -> None:
    room = Room(transfer_wait_s=60.0)
    contact = room.talk(others=False)
    room.ready(SECOND)
    _busy(room, SECOND, "on-wrap")
    assert room.does(FIRST, Transfer(Target(agent_id=SECOND))) is None
    assert room.does(SECOND, WrapUp()) is None
    assert (contact.stage, contact.agent) == (Stage.JOINING, SECOND)


@pytest.mark.parametrize("giver_is_ready", [True, False])
def test_a_customer_whom_the_named_agent_does_not_take_comes_back(giver_is_ready: bool) -> None:
    room = Room()
    contact = room.talk()
    assert room.does(FIRST, Transfer(Target(agent_id=SECOND))) is None
    if giver_is_ready:
        room.does(FIRST, WrapUp())
    room.carrier.say(AgentMissed(contact.call, SECOND))
    assert (contact.stage, contact.agent) == (Stage.JOINING, FIRST if giver_is_ready else THIRD)


@pytest.mark.parametrize("giver_is_ready", [True, False])
def test_a_customer_whom_a_number_outside_does_not_take_comes_back_and_the_legs_say_so(giver_is_ready: bool) -> None:
    room = Room()
    contact = room.talk()
    assert room.does(FIRST, Transfer(Target(number=OUTSIDE))) is None
    if giver_is_ready:
        room.does(FIRST, WrapUp())
    room.at(8.0)
    room.carrier.say(AgentMissed(contact.call, next(iter(contact.parties))))
    assert contact.call not in room.carrier.hung_up
    taker = FIRST if giver_is_ready else SECOND
    assert (contact.stage, contact.agent) == (Stage.JOINING, taker)
    room.carrier.say(Joined(contact.call, taker))
    kinds = [(leg.kind, leg.number, leg.agent, leg.ended_at is None) for leg in room.legs()]
    assert kinds == [(None, None, FIRST, False), ("outside", OUTSIDE, None, False), ("return", None, taker, True)]
    assert room.legs()[1].answered_at is None


def test_a_customer_who_comes_back_is_the_first_in_the_queue_and_hears_music_till_then() -> None:
    room = Room()
    contact = room.talk(others=False)
    room.another_caller()
    assert room.does(FIRST, Transfer(Target(number=OUTSIDE))) is None
    room.carrier.say(AgentMissed(contact.call, next(iter(contact.parties))))
    assert contact.stage is Stage.QUEUE
    room.does(FIRST, WrapUp())
    assert contact.agent == FIRST


def test_a_number_outside_that_takes_the_customer_has_a_leg_until_the_end() -> None:
    room = Room()
    contact = room.talk()
    assert room.does(FIRST, Transfer(Target(number=OUTSIDE))) is None
    party = next(iter(contact.parties))
    room.at(5.0)
    room.carrier.say(Joined(contact.call, party))
    room.at(65.0)
    room.carrier.say(Left(contact.call, party))
    assert contact.call in room.carrier.hung_up
    room.carrier.say(Ended(contact.call, "hang-up"))
    leg = room.legs()[-1]
    assert (leg.number, leg.answered_at, leg.ended_at) == (OUTSIDE, 1e6 + 5.0, 1e6 + 65.0)


def test_a_consulted_number_that_is_given_the_customer_has_a_leg_too() -> None:
    room = Room()
    contact = room.talk()
    room.bring(contact, number=OUTSIDE)
    assert room.does(FIRST, CompleteTransfer()) is None
    leg = room.legs()[-1]
    assert (leg.kind, leg.number, leg.answered_at is None) == ("outside", OUTSIDE, False)


def test_an_agent_may_decline_a_call_that_rings_and_the_customer_is_first_in_the_queue() -> None:
    room = Room()
    room.ready(FIRST)
    contact = room.caller()
    assert contact.agent == FIRST
    assert room.does(FIRST, HangUp()) is None
    assert (contact.stage, room.state(FIRST)) == (Stage.QUEUE, "paused")
    assert (contact.call, FIRST) in room.carrier.left


def test_keys_that_are_pressed_while_an_agents_phone_rings_count_when_nobody_takes_the_call() -> None:
    queue = Queue(name="queue", campaign="Sales", options={"9": "bye"})
    room = Room(flow=Workflow(name="Main", start="queue", steps=(queue, Hangup(name="bye", prompt="bye"))))
    room.ready(FIRST)
    contact = room.caller()
    room.carrier.say(Digit(contact.call, "5"))
    room.carrier.say(Digit(contact.call, "9"))
    assert (contact.stage, contact.agent) == (Stage.JOINING, FIRST)
    room.carrier.say(AgentMissed(contact.call, FIRST))
    assert contact.stage is Stage.WORKFLOW
    assert room.carrier.played[-1] == (contact.call, "bye")
    assert contact.walk is not None
    assert contact.walk.state.digits == "59"


def test_keys_that_are_pressed_before_an_agent_takes_the_call_are_nothing_to_the_talk() -> None:
    room = Room(survey=True)
    room.ready(FIRST)
    contact = room.caller()
    room.carrier.say(Digit(contact.call, "1"))
    room.carrier.say(Joined(contact.call, FIRST))
    assert room.does(FIRST, HangUp()) is None
    assert room.legs()[0].answers == {}


# What a desk is told


def test_an_idle_agent_of_many_campaigns_is_told_nothing() -> None:
    room = Room()
    keys = [CampaignKey(1, number) for number in range(10, 15)]
    for key in keys:
        mode = "preview" if key.campaign % 2 else "progressive"
        room.floor.configure(CampaignPlan(key, mode, frozenset({FIRST}), country="AU"))  # type: ignore[arg-type]
    room.floor.team.put(FIRST, 1, (SALES, *keys))
    room.ready(FIRST)
    room.at(0.5)
    before = room.records.of(writes.DeskTold)
    assert before, "that it is ready"
    for second in range(1, 60):
        room.at(second)
        room.floor.tick()
    assert room.records.of(writes.DeskTold) == before


def test_a_desk_that_is_told_of_something_else_in_a_wrap_up_goes_on_counting_down() -> None:
    room = Room()
    contact = room.talk(others=False)
    room.at(95.0)
    room.does(FIRST, HangUp())
    room.carrier.say(Ended(contact.call, "hang-up"))
    room.at(100.0)
    room.floor.agent(FIRST, AgentInput.PAUSE, "lunch", written=True)
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    session = room.floor.desk_updates.session(agent)
    assert (session.wanted, session.wrap_up_seconds) == ("paused", 25.0)
    assert session.call is not None
    assert (session.call.state, session.call.seconds) == ("wrap-up", 95)
