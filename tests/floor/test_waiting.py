"""Callers who wait when something else changes: nobody is left on the line without an end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from callfloor.contract.workflows import Function, FunctionAnswer, Hangup, Menu, Queue, Voicemail, Workflow
from callfloor.contract.workspace import Target, Transfer
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.floor.calls.reception import FunctionOutcome
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, QueuePlan
from callfloor.floor.ports import writes
from callfloor.rules.workflow.workflow_events import CallFunction, FunctionAnswered
from callfloor.telephony.carrier import Answered, Detected, Digit, Ended, Joined, MessagePlayed, Recorded
from tests.floor.room import FIRST, HELP, NUMBER, SALES, Room

FLOW = Workflow(
    name="Main",
    numbers=(NUMBER,),
    start="menu",
    steps=(
        Menu(name="menu", prompt="which", options={"1": "sales", "2": "help"}, on_timeout="sales"),
        Queue(name="sales", campaign="Sales", options={"9": "message"}, max_wait_seconds=60, on_timeout="bye"),
        Queue(name="help", campaign="Help", on_full="message"),
        Voicemail(name="message", prompt="speak", campaign="Sales", next="bye"),
        Hangup(name="bye", prompt="good-bye"),
    ),
)


def adopted(room: Room, stage: Stage, *, message: bool = False) -> Contact:
    """Somebody whom an engine before had on the line for 40 seconds."""
    activity = room.records.new_activity() or 0
    began = room.clock.now() - 40
    caller = "+61491570156"
    room.records.write(writes.CallOpened(1, activity, began, campaign=SALES.campaign, caller=caller, number=NUMBER))
    contact = Contact(-activity, room.plan, activity, "inbound", caller, NUMBER, stage)
    contact.joined_at = room.clock.elapsed() - 40
    contact.message_of = SALES if message else None
    room.carrier.placed.append(contact.call)
    room.floor.adopt_contact(contact)
    return contact


def test_who_waited_when_an_engine_died_waits_no_longer_than_the_workflow_says() -> None:
    room = Room(flow=FLOW)
    contact = adopted(room, Stage.QUEUE)
    room.clock.run(room.clock.elapsed() + 21)
    assert room.carrier.played[-1] == (contact.call, "good-bye")
    room.carrier.say(MessagePlayed(contact.call))
    assert contact.call in room.carrier.hung_up


def test_who_waited_when_an_engine_died_may_still_press_a_key() -> None:
    room = Room(flow=FLOW)
    contact = adopted(room, Stage.QUEUE)
    room.carrier.say(Digit(contact.call, "9"))
    assert room.carrier.played[-1] == (contact.call, "speak")
    assert room.floor.queues.length(SALES) == 0


def test_who_waited_in_a_queue_that_no_workflow_names_any_more_is_let_go_in_the_end() -> None:
    room = Room(flow=FLOW)
    room.floor.callers.configure({}, {})
    room.floor.configure(replace(room.plan, queue=QueuePlan(longest_wait_s=60.0)))
    room.plan = room.floor.queues.plan(SALES) or room.plan
    contact = adopted(room, Stage.QUEUE)
    room.clock.run(room.clock.elapsed() + 21)
    assert contact.call in room.carrier.hung_up


def test_a_message_that_was_being_left_when_an_engine_died_is_a_message_and_asked_for_again() -> None:
    room = Room(flow=FLOW)
    contact = adopted(room, Stage.WORKFLOW, message=True)
    assert room.carrier.played[-1] == (contact.call, "speak")
    room.carrier.say(Recorded(contact.call, 0, 4.0))
    room.carrier.say(MessagePlayed(contact.call))
    assert room.carrier.messages == [(contact.call, 1)]
    room.carrier.say(Recorded(contact.call, 1, 5.0))
    assert room.records.legs[contact.activity].messages == [4.0, 5.0]
    assert room.carrier.played[-1] == (contact.call, "good-bye")


def test_who_chooses_a_queue_that_nobody_leads_now_goes_where_a_full_one_would_send_it() -> None:
    room = Room(flow=FLOW)
    contact = room.caller()
    room.floor.drop(HELP)
    room.carrier.say(Digit(contact.call, "2"))
    assert room.carrier.played[-1] == (contact.call, "speak")


def test_what_is_left_of_an_earlier_talks_recording_is_no_message() -> None:
    room = Room(flow=FLOW)
    contact = room.caller()
    room.ready(FIRST)
    room.carrier.say(Digit(contact.call, "1"))
    room.carrier.say(Joined(contact.call, FIRST))
    talk = contact.activity
    assert room.does(FIRST, Transfer(Target(campaign_id=1))) is None
    room.carrier.say(Digit(contact.call, "9"))
    room.carrier.say(MessagePlayed(contact.call))
    # the carrier tells late that the talk's recording is whole
    room.carrier.say(Recorded(contact.call, 0, 30.0))
    room.carrier.say(Recorded(contact.call, 1, 5.0))
    assert room.records.legs[talk].parts == [30.0]
    assert room.records.legs[contact.activity].messages == [5.0]


def test_whose_call_is_another_engines_now_waits_in_no_queue_of_ours() -> None:
    room, out = Room(), CampaignKey(1, 3)
    room.floor.configure(CampaignPlan(out, "progressive", frozenset({FIRST}), country="AU", max_lines=0))
    room.floor.team.put(FIRST, 1, (SALES, HELP, out))
    room.ready(FIRST)
    room.floor.place(out, Claimed(5, 5, None, "+61491570156", NUMBER, FIRST))
    room.carrier.say(Answered(5))
    room.carrier.say(Detected(5, False))
    room.carrier.say(Joined(5, FIRST))
    assert room.does(FIRST, Transfer(Target(campaign_id=2))) is None
    assert room.floor.queues.length(HELP) == 1
    room.floor.drop(out)
    assert not room.floor.contacts.everyone()
    assert room.floor.queues.length(HELP) == 0


def test_what_was_to_be_announced_is_not_said_in_the_next_queue() -> None:
    first = Queue(name="first", campaign="Sales", announce_seconds=30, prompt="patience", options={"1": "second"})
    steps = (first, Queue(name="second", campaign="Help"))
    room = Room(flow=Workflow(name="Main", start="first", steps=steps))
    contact = room.caller()
    room.clock.run(room.clock.elapsed() + 31)
    assert contact.saying
    room.carrier.say(Digit(contact.call, "1"))
    assert (contact.plan.key, contact.saying) == (HELP, [])


def test_a_function_that_answers_when_the_caller_is_gone_puts_nobody_in_a_queue() -> None:
    ask = Function(name="ask", url="https://example.com/", next="queue")
    asked: list[tuple[CallFunction, Callable[[FunctionOutcome], None]]] = []
    room = Room(
        flow=Workflow(name="Main", start="ask", steps=(ask, Queue(name="queue", campaign="Sales"))),
        ask=lambda _organisation, call, done: asked.append((call, done)),
    )
    contact = room.caller()
    room.carrier.say(Ended(contact.call, "hang-up"))
    ((call, done),) = asked
    done(FunctionAnswered(call.turn, FunctionAnswer()))
    assert room.floor.queues.length(SALES) == 0
    # and the next caller finds an agent
    room.ready(FIRST)
    next_one = room.caller()
    ((call, done),) = asked[1:]
    done(FunctionAnswered(call.turn, FunctionAnswer()))
    assert next_one.agent == FIRST


def test_an_idle_agent_who_comes_to_a_campaign_serves_its_callers() -> None:
    room = Room()
    room.floor.team.put(FIRST, 1, (HELP,))
    room.ready(FIRST)
    contact = room.caller()
    room.floor.team.put(FIRST, 1, (SALES, HELP))
    # as every second
    room.floor.configure(room.plan)
    assert contact.agent == FIRST


def test_an_idle_agent_who_leaves_a_campaign_gets_none_of_its_callers() -> None:
    room = Room()
    room.ready(FIRST)
    room.floor.team.put(FIRST, 1, (HELP,))
    assert room.caller().agent is None
