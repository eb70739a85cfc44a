"""Talks on a carrier that a test moves by hand: where the customer is left, and what is recorded of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callfloor.contract.workspace import (
    CompleteTransfer,
    Conference,
    Consult,
    HangUp,
    Hold,
    PauseRecording,
    Target,
    Transfer,
)
from callfloor.telephony.carrier import AgentMissed, Ended, Joined, Left
from tests.floor.room import FIRST, OUTSIDE, SECOND, Room


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
    assert room.floor.showing.view(SECOND, contact).recording


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
