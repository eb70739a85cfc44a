"""Switches and limits mean what they say, for who comes and for who is there already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callfloor.contract.workflows import Hangup, Menu, Queue, Schedule, Voicemail, Workflow, straight
from callfloor.contract.workspace import Target, Transfer
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.floor.calls.queues import NO_AGENTS_S
from callfloor.floor.calls.reception import Reception
from callfloor.floor.plan import QueuePlan
from callfloor.rules.dialling.pacing import PacingSettings
from callfloor.rules.routing.agents import AgentInput
from callfloor.rules.workflow.closing import closing
from callfloor.rules.workflow.workflow_events import Facts
from callfloor.telephony.carrier import Answered, Ended, Joined, Offered
from tests.floor.room import FIRST, HELP, NUMBER, SALES, Room
from tests.floor.test_floor import PREDICTIVE, PROGRESSIVE, Story


def flow(**queue: Any) -> Workflow:
    """Into the queue of Sales, with another way out for each reason."""
    ways = {"on_full": "full", "on_timeout": "late", "on_no_agents": "nobody"} | queue
    return Workflow(
        name="Main",
        numbers=(NUMBER,),
        start="sales",
        steps=(
            Queue(name="sales", campaign="Sales", **ways),
            Hangup(name="full", prompt="full"),
            Hangup(name="late", prompt="late"),
            Hangup(name="nobody", prompt="nobody"),
        ),
    )


def heard(room: Room, contact: Contact) -> str | None:
    said = [message for call, message in room.carrier.played if call == contact.call]
    return said[-1] if said else None


def off(room: Room, **more: Any) -> None:
    room.floor.configure(replace(room.plan, active=False, **more))


# A campaign that takes callers


@pytest.mark.parametrize(
    ("queue", "wanted"),
    [({}, "nobody"), ({"on_no_agents": None}, "full"), ({"on_no_agents": None, "on_full": None}, None)],
)
def test_a_queue_that_is_off_sends_new_callers_where_one_without_agents_or_room_would(
    queue: dict[str, Any], wanted: str | None
) -> None:
    room = Room(flow=flow(**queue))
    room.ready(FIRST)
    off(room)
    contact = room.caller()
    assert heard(room, contact) == wanted
    assert contact.stage is Stage.WORKFLOW or contact.call in room.carrier.hung_up
    assert room.carrier.joining == []


def test_a_queue_that_is_off_overflows() -> None:
    room = Room(flow=flow(on_no_agents=None))
    off(room, queue=QueuePlan(overflow=HELP))
    contact = room.caller()
    assert (contact.plan.key, contact.stage) == (HELP, Stage.QUEUE)


def test_who_waits_when_a_queue_goes_off_is_answered_still_and_sent_on_when_it_is_stopped_at_once() -> None:
    room = Room(flow=flow())
    room.floor.agent(FIRST, AgentInput.READY)
    room.floor.agent(FIRST, AgentInput.PAUSE)
    contact = room.caller()
    off(room)
    assert contact.stage is Stage.QUEUE
    off(room, let_go=True)
    assert heard(room, contact) == "nobody"


def test_a_number_that_leads_straight_into_a_queue_that_is_off_is_not_answered() -> None:
    room = Room()
    facts = Facts(at=datetime.now(UTC), zone=ZoneInfo("UTC"), campaigns={"Sales": 1})
    room.floor.callers.configure({NUMBER: Reception(1, straight("Sales"), facts, {})}, {})
    off(room)
    room.carrier.say(Offered("offer", NUMBER, "+61491570156"))
    assert room.floor.contacts.everyone() == []
    assert room.carrier.refused == ["offer"]
    room.floor.configure(room.plan)
    room.carrier.say(Offered("again", NUMBER, "+61491570156"))
    assert len(room.floor.contacts.everyone()) == 1


def test_nobody_is_transferred_to_a_queue_that_is_off_and_who_was_is_not_turned_away() -> None:
    room = Room()
    contact = room.talk()
    help_plan = room.floor.queues.plan(HELP)
    assert help_plan is not None
    room.floor.configure(replace(help_plan, active=False))
    refusal = room.does(FIRST, Transfer(Target(campaign_id=HELP.campaign)))
    assert refusal is not None
    assert (refusal.code, contact.stage) == ("target-busy", Stage.TALKING)


# Limits


def test_when_the_last_agent_signs_out_who_asks_for_agents_waits_no_longer() -> None:
    room = Room(flow=flow())
    room.floor.agent(FIRST, AgentInput.READY)
    room.floor.agent(FIRST, AgentInput.PAUSE)
    contact = room.caller()
    assert contact.stage is Stage.QUEUE
    room.floor.agent(FIRST, AgentInput.SIGN_OUT)
    room.floor.tick()
    assert contact.stage is Stage.QUEUE, "another may take the place"
    room.clock.run(room.clock.elapsed() + NO_AGENTS_S)
    room.floor.tick()
    assert heard(room, contact) == "nobody"


def test_an_agent_who_comes_in_time_keeps_them_waiting() -> None:
    room = Room(flow=flow())
    room.floor.agent(FIRST, AgentInput.READY)
    room.floor.agent(FIRST, AgentInput.PAUSE)
    contact = room.caller()
    room.floor.agent(FIRST, AgentInput.SIGN_OUT)
    room.floor.tick()
    room.floor.agent(FIRST, AgentInput.READY)
    room.floor.agent(FIRST, AgentInput.PAUSE)
    room.floor.tick()
    room.clock.run(room.clock.elapsed() + 2 * NO_AGENTS_S)
    room.floor.tick()
    assert contact.stage is not Stage.WORKFLOW
    assert heard(room, contact) is None


def test_who_does_not_ask_for_agents_waits_all_the_same() -> None:
    room = Room(flow=flow(on_no_agents=None))
    contact = room.caller()
    for _ in range(4):
        room.clock.run(room.clock.elapsed() + NO_AGENTS_S)
        room.floor.tick()
    assert contact.stage is Stage.QUEUE


@pytest.mark.parametrize(("before", "after"), [(None, 60.0), (600.0, 60.0)])
def test_a_shorter_longest_wait_is_that_of_who_waits_already(before: float | None, after: float) -> None:
    room = Room(flow=flow(on_no_agents=None))
    room.floor.configure(replace(room.plan, queue=QueuePlan(longest_wait_s=before)))
    contact = room.caller()
    room.clock.run(room.clock.elapsed() + 40)
    room.floor.configure(replace(room.plan, queue=QueuePlan(longest_wait_s=after)))
    room.clock.run(room.clock.elapsed() + 19)
    assert contact.stage is Stage.QUEUE
    room.clock.run(room.clock.elapsed() + 2)
    assert heard(room, contact) == "late"


def test_a_longer_longest_wait_is_too() -> None:
    room = Room(flow=flow(on_no_agents=None))
    room.floor.configure(replace(room.plan, queue=QueuePlan(longest_wait_s=30.0)))
    contact = room.caller()
    room.floor.configure(replace(room.plan, queue=QueuePlan(longest_wait_s=90.0)))
    room.clock.run(room.clock.elapsed() + 80)
    assert contact.stage is Stage.QUEUE


def test_beyond_a_smaller_queue_who_came_last_goes_where_a_full_one_sends_them() -> None:
    room = Room(flow=flow(on_no_agents=None))
    contacts: list[Contact] = []
    for caller in range(3):
        room.carrier.say(Offered(f"offer {caller}", NUMBER, f"+6149157015{6 + caller}"))
        contacts.append(room.floor.contacts.everyone()[-1])
        room.carrier.say(Answered(contacts[-1].call))
        room.clock.run(room.clock.elapsed() + 1)
    room.floor.configure(replace(room.plan, queue=QueuePlan(longest=1)))
    assert [contact.stage for contact in contacts] == [Stage.QUEUE, Stage.WORKFLOW, Stage.WORKFLOW]
    assert [heard(room, contact) for contact in contacts[1:]] == ["full", "full"]


# Workflows


@pytest.mark.parametrize("steps", [(Hangup(name="bye", prompt="bye"),), (Menu(name="bye", prompt="bye", options={}),)])
def test_a_workflow_without_a_queue_answers(steps: Any) -> None:
    room = Room()
    facts = Facts(at=datetime.now(UTC), zone=ZoneInfo("UTC"), campaigns={"Sales": 1, "Help": 2})
    nobody = Workflow(name="Closed", numbers=(NUMBER,), start="bye", steps=steps)
    room.floor.callers.configure({NUMBER: Reception(1, nobody, facts, {}, 7, SALES.campaign)}, {})
    contact = room.caller()
    assert heard(room, contact) == "bye"
    assert contact.plan.key == SALES


SCHEDULE = Schedule(name="hours", open="queue", closed="bye")
QUEUE, BYE = Queue(name="queue", campaign="Sales"), Hangup(name="bye")


@pytest.mark.parametrize(
    ("start", "steps", "refused", "left_open"),
    [
        ("hours", (SCHEDULE, QUEUE, BYE), False, ()),
        ("queue", (QUEUE,), True, ()),
        ("menu", (Menu(name="menu", prompt="m", options={"1": "hours", "2": "other"}), SCHEDULE, QUEUE, BYE,
                  Queue(name="other", campaign="Help")), False, ("other",)),
        ("menu", (Menu(name="menu", prompt="m", options={"1": "hours"}, on_timeout="message"), SCHEDULE, QUEUE, BYE,
                  Voicemail(name="message", prompt="v", campaign="Help")), False, ("message",)),
    ],
)  # fmt: skip
def test_what_a_closure_closes_is_known(start: str, steps: Any, refused: bool, left_open: tuple[str, ...]) -> None:
    found = closing(Workflow(name="Main", start=start, steps=steps))
    assert (found.refused, found.left_open) == (refused, left_open)


def test_a_closed_workflow_without_a_schedule_refuses_its_callers() -> None:
    room = Room(flow=straight("Sales"))
    facts = Facts(at=datetime.now(UTC), zone=ZoneInfo("UTC"), campaigns={"Sales": 1}, emergency=True)
    room.floor.callers.configure({NUMBER: Reception(1, straight("Sales"), facts, {})}, {})
    room.carrier.say(Offered("offer", NUMBER, "+61491570156"))
    assert room.carrier.refused == ["offer"]


# A campaign that dials


@pytest.mark.parametrize("plan", [PREDICTIVE, PROGRESSIVE])
def test_a_campaign_that_is_stopped_lets_its_lines_ring_or_lets_them_go(plan: Any) -> None:
    story = Story(plan, 2)
    (dialler,) = story.floor.diallers
    before = set(dialler.lines)
    assert before
    story.floor.configure(replace(plan, active=False))
    story.passes(1.0)
    assert dialler.lines == before
    story.floor.configure(replace(plan, active=False, let_go=True))
    story.passes(0.0)
    assert not dialler.lines
    assert set(story.carrier.let_go) == before
    for call in before:
        story.carrier.say(Ended(call, "cancelled", None))
    story.passes(10.0)
    assert {story.state(1), story.state(2)} == {"ready"}
    assert set(story.carrier.placed) == before


def test_lines_that_must_ring_for_a_while_are_let_go_when_they_have() -> None:
    plan = replace(PREDICTIVE, pacing=PacingSettings(minimum_ring_s=15.0))
    story = Story(plan, 2)
    (dialler,) = story.floor.diallers
    story.passes(5.0)
    story.floor.configure(replace(plan, active=False, let_go=True))
    story.passes(0.0)
    assert dialler.lines
    story.passes(10.5)
    assert not dialler.lines


def test_who_has_answered_a_campaign_that_is_stopped_gets_an_agent() -> None:
    story = Story(PREDICTIVE, 2)
    call = story.carrier.placed[0]
    story.carrier.say(Answered(call))
    story.floor.configure(replace(PREDICTIVE, active=False, let_go=True))
    story.passes(0.0)
    story.carrier.say(Joined(*story.carrier.joining[-1]))
    assert story.state(story.carrier.joining[-1][1]) == "on-call"
