"""Supervisors put callers who wait first, give them to somebody, or let them go."""

from __future__ import annotations

from callfloor.contract.workspace import EndCall, LetCallerGo, MoveCallerUp, Target, TransferCall, TransferCaller
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.floor.plan import CampaignPlan, QueuePlan
from callfloor.telephony.carrier import AgentMissed, Ended, Joined
from tests.floor.room import FIRST, HELP, SECOND, Room


def waiting(room: Room) -> list[Contact]:
    """Three callers, one second after the other, and nobody to take them."""
    found = []
    for second in range(3):
        room.at(second)
        found.append(room.another_caller())
    assert [contact.stage for contact in found] == [Stage.QUEUE] * 3
    return found


def refused(room: Room, command: object) -> str | None:
    answer = room.does(99, command)
    return None if answer is None else answer.code


def test_who_is_moved_up_is_served_first() -> None:
    room = Room()
    first, second, third = waiting(room)
    assert refused(room, MoveCallerUp(activity_id=third.activity)) is None
    room.ready(FIRST)
    assert room.carrier.joining[-1] == (third.call, FIRST)
    room.ready(SECOND)
    assert room.carrier.joining[-1] == (first.call, SECOND)
    assert second.stage is Stage.QUEUE


def test_a_caller_is_given_to_an_agent_who_is_ready_and_comes_back_first() -> None:
    room = Room()
    first, second, _ = waiting(room)
    busy = refused(room, TransferCaller(activity_id=second.activity, to=Target(agent_id=FIRST)))
    assert busy == "target-busy"
    room.ready(FIRST)
    room.carrier.say(Joined(first.call, FIRST))
    # who becomes ready is given the one who waited longest; so the agent has to be one who serves another queue
    room.floor.team.put(SECOND, 1, (HELP,))
    room.ready(SECOND)
    third = room.floor.contacts.everyone()[-1]
    assert refused(room, TransferCaller(activity_id=third.activity, to=Target(agent_id=SECOND))) is None
    assert room.carrier.joining[-1] == (third.call, SECOND)
    room.carrier.say(AgentMissed(third.call, SECOND))
    assert third.stage is Stage.QUEUE
    room.ready(3)
    assert room.carrier.joining[-1] == (third.call, 3)


def test_a_caller_is_given_to_another_queue_with_a_leg_of_its_own() -> None:
    room = Room()
    first, _, _ = waiting(room)
    before = first.activity
    assert refused(room, TransferCaller(activity_id=before, to=Target(campaign_id=HELP.campaign))) is None
    assert (first.stage, first.plan.key) == (Stage.QUEUE, HELP)
    assert first.activity != before
    assert refused(room, MoveCallerUp(activity_id=before)) == "no-call"
    assert refused(room, MoveCallerUp(activity_id=first.activity)) is None


def test_a_queue_that_takes_nobody_refuses_and_the_caller_waits_on() -> None:
    room = Room()
    first, second, _ = waiting(room)
    members = frozenset((FIRST,))
    room.floor.configure(CampaignPlan(HELP, None, members, country="AU", queue=QueuePlan(longest=0)))
    to_help = Target(campaign_id=HELP.campaign)
    assert refused(room, TransferCaller(activity_id=first.activity, to=to_help)) == "target-busy"
    room.floor.configure(CampaignPlan(HELP, None, members, country="AU", active=False))
    assert refused(room, TransferCaller(activity_id=first.activity, to=to_help)) == "target-busy"
    own = Target(campaign_id=room.plan.key.campaign)
    assert refused(room, TransferCaller(activity_id=first.activity, to=own)) == "unknown-target"
    assert refused(room, TransferCaller(activity_id=first.activity, to=Target(campaign_id=77))) == "unknown-target"
    assert refused(room, TransferCaller(activity_id=first.activity, to=Target(agent_id=77))) == "unknown-target"
    assert refused(room, TransferCaller(activity_id=first.activity, to=Target(number="0491570157"))) == "unknown-target"
    assert refused(room, TransferCaller(activity_id=first.activity, to=Target())) == "unknown-target"
    room.ready(FIRST)
    assert room.carrier.joining[-1] == (first.call, FIRST)
    assert second.stage is Stage.QUEUE


def test_a_caller_who_is_let_go_was_missed() -> None:
    room = Room()
    first, _, _ = waiting(room)
    assert refused(room, LetCallerGo(activity_id=first.activity)) is None
    assert room.carrier.hung_up == [first.call]
    room.carrier.say(Ended(first.call, "hang-up"))
    assert room.records.legs[first.activity].left == "missed"


def test_a_supervisor_ends_and_transfers_an_agents_call() -> None:
    room = Room()
    contact = room.talk()
    assert refused(room, TransferCall(agent_id=FIRST, to=Target(agent_id=SECOND))) is None
    assert room.carrier.joining[-1] == (contact.call, SECOND)
    room.carrier.say(Joined(contact.call, SECOND))
    assert refused(room, EndCall(agent_id=FIRST)) == "no-call"
    room.does(99, EndCall(agent_id=SECOND))
    assert contact.call in room.carrier.hung_up
