"""Each queue that a caller came to has a leg of the call, whatever led from one to the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callfloor.contract.workflows import Hangup, Queue, Workflow
from callfloor.contract.workspace import Target, Transfer
from callfloor.floor.calls.contacts import Stage
from callfloor.floor.plan import CampaignPlan, QueuePlan
from callfloor.rules.routing.agents import AgentInput
from callfloor.telephony.carrier import Ended, Joined
from tests.floor.room import FIRST, HELP, SALES, SECOND, Room

TWO_STEPS = Workflow(
    name="Main",
    start="sales",
    steps=(
        Queue(name="sales", campaign="Sales", max_wait_seconds=30, on_timeout="help"),
        Queue(name="help", campaign="Help", max_wait_seconds=30, on_timeout="bye"),
        Hangup(name="bye"),
    ),
)


def _room(queue: QueuePlan) -> Room:
    room = Room()
    room.floor.configure(replace(room.plan, queue=queue))
    return room


@pytest.mark.parametrize("because", ["late", "full", "the workflow"])
def test_an_overflow_leaves_a_leg_in_the_first_queue(because: str) -> None:
    if because == "the workflow":
        room = Room(flow=TWO_STEPS)
    elif because == "late":
        room = _room(QueuePlan(longest_wait_s=30.0, overflow=HELP))
    else:
        room = _room(QueuePlan(longest=1, overflow=HELP))
        room.caller()
    contact = room.another_caller()
    room.at(45.0)
    assert contact.stage is Stage.QUEUE
    assert contact.plan.key == HELP
    first, second = room.legs()[-2:] if because == "full" else room.legs()
    assert (first.campaign, second.campaign, second.kind) == (SALES.campaign, HELP.campaign, "overflow")
    wait_s = 0.0 if because == "full" else 30.0
    assert (first.ended_at or 0.0) - (first.joined_at or 0.0) == wait_s
    assert second.joined_at == first.ended_at
    room.ready(FIRST)
    taken = contact.call if because != "full" else next(iter(room.carrier.joining))[0]
    room.carrier.say(Joined(taken, FIRST))
    if because != "full":
        assert second.agent == FIRST
        assert first.agent is None


def test_who_waits_again_in_the_same_queue_has_one_leg_of_it() -> None:
    steps = (Queue(name="sales", campaign="Sales", max_wait_seconds=30, on_timeout="sales"),)
    room = Room(flow=Workflow(name="Main", start="sales", steps=steps))
    contact = room.caller()
    room.at(100.0)
    assert contact.stage is Stage.QUEUE
    (leg,) = room.legs()
    assert leg.joined_at == 1e6


def test_a_transferred_customer_who_overflows_has_a_leg_in_each_queue() -> None:
    room = Room()
    key = HELP
    room.floor.configure(
        CampaignPlan(key, None, frozenset({FIRST}), country="AU", queue=QueuePlan(longest_wait_s=20.0, overflow=SALES))
    )
    contact = room.talk(others=False)
    room.floor.agent(FIRST, AgentInput.PAUSE)
    assert room.does(FIRST, Transfer(Target(campaign_id=HELP.campaign))) is None
    room.at(25.0)
    assert [(leg.campaign, leg.kind) for leg in room.legs()] == [(1, None), (2, "transfer"), (1, "overflow")]
    room.carrier.say(Ended(contact.call, "hang-up"))
    assert all(leg.ended_at is not None for leg in room.legs())


def test_paused_agents_do_not_shorten_the_wait_that_is_announced() -> None:
    room = Room()
    room.floor.queues.handled(SALES, 60.0)
    for agent in (FIRST, SECOND):
        room.ready(agent)
        room.floor.agent(agent, AgentInput.PAUSE)
    contact = room.caller()
    assert room.floor.queues.expected_wait_s(contact) is None
    room.floor.team.put(9, 1, (HELP,))
    room.ready(9)
    assert room.floor.queues.expected_wait_s(contact) is None
    room.floor.agent(SECOND, AgentInput.READY)
    waiting = room.another_caller()
    # the second agent's phone rings for the first caller
    assert room.floor.queues.expected_wait_s(waiting) == 60.0
