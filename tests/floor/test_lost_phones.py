"""An agent's phone that is lost in mid-call, on a carrier that a test moves by hand and a clock of its own."""

from __future__ import annotations

from callfloor.contract.workspace import HangUp, Mute, Ready, RingPhone, SignOut, WrapUp
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.rules.routing.lost_phones import PHONE_LOST
from callfloor.telephony.carrier import AgentMissed, Ended, Joined, Left
from tests.floor.room import FIRST, SECOND, Room


def _lost(*, others: bool = True) -> tuple[Room, Contact]:
    room = Room()
    contact = room.talk(others=others)
    room.carrier.say(Left(contact.call, FIRST, lost=True))
    return room, contact


def _view(room: Room, contact: Contact) -> tuple[bool, str]:
    shown = room.floor.desk_updates.view(FIRST, contact)
    return shown.phone_lost_timestamp is not None, shown.state


def test_a_page_that_is_loaded_again_keeps_call_and_recording() -> None:
    room, contact = _lost()
    assert (contact.agent, contact.stage, _view(room, contact)) == (FIRST, Stage.TALKING, (True, "connected"))
    assert contact.call not in room.carrier.hung_up
    room.at(0.6)
    assert room.does(FIRST, RingPhone()) is None
    assert room.carrier.joining[-1] == (contact.call, FIRST)
    room.at(0.9)
    room.carrier.say(Joined(contact.call, FIRST))
    assert _view(room, contact) == (False, "connected")
    # the same leg, the same part of the recording
    (leg,) = room.legs()
    assert (leg.phone_losses, round(leg.phone_lost_s, 1), leg.ended_at) == (1, 0.9, None)
    assert room.carrier.recording_part[contact.call] == 0
    room.at(100)
    assert contact.stage is Stage.TALKING


def test_after_the_grace_the_customer_is_the_first_in_the_queue_and_never_hung_up_on() -> None:
    room, contact = _lost(others=False)
    waiting = room.another_caller()
    for second in range(1, 30):
        room.at(second)
        room.carrier.say(AgentMissed(contact.call, FIRST))
        assert contact.agent == FIRST
    assert len([each for each in room.carrier.joining if each == (contact.call, FIRST)]) > 20
    room.at(30.1)
    assert (contact.stage, contact.agent) == (Stage.QUEUE, None)
    assert contact.call not in room.carrier.hung_up
    first, _, returned = room.legs()
    assert (first.ended_at is not None, first.phone_losses, round(first.phone_lost_s)) == (True, 1, 30)
    assert (returned.kind, returned.parent is not None) == ("return", True)
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    assert (agent.facts.state, agent.facts.wanted, agent.facts.reason) == ("on-wrap", "paused", PHONE_LOST)
    # whoever is free next has whoever talked already, before those who came first
    room.ready(SECOND)
    assert (contact.stage, contact.agent, waiting.stage) == (Stage.JOINING, SECOND, Stage.QUEUE)


def test_the_lost_agent_is_paused_after_its_wrap_up_and_takes_calls_again_when_it_says_so() -> None:
    room, contact = _lost()
    room.at(30.1)
    assert contact.agent == SECOND
    assert room.does(FIRST, WrapUp()) is None
    assert room.state(FIRST) == "paused"
    assert room.does(FIRST, Ready()) is None
    assert room.state(FIRST) == "ready"


def test_who_wanted_to_leave_after_the_call_is_signed_out_and_not_paused() -> None:
    room, contact = _lost()
    assert room.does(FIRST, SignOut()) is None
    room.records.want(FIRST, "signed-out")
    room.at(30.1)
    assert contact.agent == SECOND
    assert room.does(FIRST, WrapUp()) is None
    assert room.state(FIRST) == "signed-out"


def test_no_database_keeps_the_customer_with_music_until_the_next_leg_can_be_written() -> None:
    room, contact = _lost()
    new, room.records.new_activity = room.records.new_activity, lambda: None  # type: ignore[method-assign]
    room.at(45)
    assert (contact.stage, contact.agent) == (Stage.TALKING, FIRST)
    assert contact.call not in room.carrier.hung_up
    room.records.new_activity = new  # type: ignore[method-assign]
    room.at(46.5)
    assert contact.agent == SECOND


def test_a_customer_who_hangs_up_meanwhile_is_the_agents_to_wrap_up() -> None:
    room, contact = _lost()
    room.at(5)
    room.carrier.say(Ended(contact.call, "hang-up"))
    (leg,) = room.legs()
    assert (room.state(FIRST), round(leg.phone_lost_s)) == ("on-wrap", 5)
    room.at(20)
    assert room.state(FIRST) == "on-wrap"


def test_the_agent_may_still_end_the_call() -> None:
    room, contact = _lost()
    room.does(FIRST, HangUp())
    assert contact.call in room.carrier.hung_up


def test_who_was_muted_stays_so_with_the_phone_that_is_back() -> None:
    room = Room()
    contact = room.talk()
    assert room.does(FIRST, Mute(True)) is None
    room.carrier.say(Left(contact.call, FIRST, lost=True))
    room.carrier.muted.clear()
    assert room.does(FIRST, RingPhone()) is None
    room.carrier.say(Joined(contact.call, FIRST))
    assert (contact.call, FIRST) in room.carrier.muted


def test_a_second_agent_goes_on_and_has_the_customer_when_the_phone_stays_away() -> None:
    room = Room()
    contact = room.talk()
    room.bring(contact, agent_id=SECOND)
    room.carrier.say(Left(contact.call, FIRST, lost=True))
    room.at(10)
    assert contact.agent == FIRST
    room.at(30.5)
    assert (contact.agent, contact.stage) == (SECOND, Stage.TALKING)


def test_a_phone_that_is_put_down_ends_the_call_as_ever() -> None:
    room = Room()
    contact = room.talk()
    room.carrier.say(Left(contact.call, FIRST))
    assert contact.call in room.carrier.hung_up


def test_a_phone_that_rings_on_a_page_that_went_is_rung_anew() -> None:
    room = Room()
    room.ready(FIRST)
    contact = room.caller()
    rung = len(room.carrier.joining)
    assert room.does(FIRST, RingPhone()) is None
    assert room.carrier.left[-1] == (contact.call, FIRST)
    assert room.carrier.joining[rung:] == [(contact.call, FIRST)]
    refusal = room.does(SECOND, RingPhone())
    assert refusal is not None
    assert refusal.code == "no-call" or refusal.code == "not-signed-in"
