"""An agent dials by hand while the database is slow and other things happen."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import Call, Consult, Dial, HangUp, Refusal, Target
from callfloor.floor.agents.pending_answers import WITHIN_S
from callfloor.floor.calls.legs import NO_CALL
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports import writes
from callfloor.rules.routing.agents import AgentInput
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.telephony.carrier import Answered, Ended, Joined, Ringing
from tests.floor.room import FIRST, HELP, SALES, SECOND, Room

OUT = CampaignKey(1, 3)


class Slow(Room):
    """A floor that dials for one more campaign, by hand, and waits for the database."""

    def __init__(self) -> None:
        super().__init__()
        self.floor.configure(CampaignPlan(OUT, "progressive", frozenset({FIRST}), country="AU", max_lines=0))
        self.floor.team.put(FIRST, 1, (SALES, HELP, OUT))
        self.answers: list[Refusal | None] = []
        self.database: Callable[[Claimed | Refusal], None] | None = None
        self.records.dial = self.wait  # type: ignore[method-assign]

    def wait(self, plan: object, agent: object, number: object, lead: object, done: object) -> None:
        self.database = cast("Callable[[Claimed | Refusal], None]", done)

    def dial(self) -> None:
        self.work.do(FIRST, Dial(OUT.campaign, "0491 570 156"), self.answers.append)

    def written(self) -> None:
        assert self.database is not None
        self.database(Claimed(5, 5, None, "+61491570156", None, FIRST, manual=True))


@pytest.mark.parametrize("asked", [AgentInput.PAUSE, AgentInput.SIGN_OUT])
def test_who_goes_before_the_call_is_placed_has_it_first(asked: AgentInput) -> None:
    room = Slow()
    room.ready(FIRST)
    room.dial()
    room.floor.agent(FIRST, asked)
    room.written()
    assert room.answers == [None]
    assert 5 in room.carrier.placed


def test_a_call_of_a_campaign_that_is_gone_meanwhile_is_refused_and_its_agent_free() -> None:
    room = Slow()
    room.ready(FIRST)
    room.floor.team.serve(room.floor.team.get(FIRST), SALES)  # type: ignore[arg-type]
    room.dial()
    room.floor.drop(OUT)
    room.written()
    (answer,) = room.answers
    assert answer is not None
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    assert (agent.facts.state, room.carrier.placed) == ("ready", [])


def test_a_call_of_an_agent_who_is_forgotten_meanwhile_is_refused() -> None:
    room = Slow()
    room.ready(FIRST)
    room.dial()
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    room.floor.team.forget(agent)
    room.written()
    (answer,) = room.answers
    assert answer is not None
    assert room.carrier.placed == []


def _ringing() -> Slow:
    room = Slow()
    room.floor.agent(FIRST, AgentInput.READY)
    room.floor.agent(FIRST, AgentInput.PAUSE, "dialling by hand")
    room.records.want(FIRST, "paused")
    room.dial()
    room.written()
    return room


def _shown(room: Slow) -> Call:
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    call = room.floor.desk_updates.session(agent).call
    assert call is not None
    return call


def test_a_number_that_is_called_by_hand_is_shown_while_it_rings() -> None:
    call = _shown(_ringing())
    assert (call.state, call.direction, call.number) == ("ringing", "manual", "+61491570156")


@pytest.mark.parametrize("answered", [False, True])
def test_a_call_by_hand_can_be_ended_before_the_agent_is_on_it(answered: bool) -> None:
    room = _ringing()
    room.carrier.say(Ringing(5))
    if answered:
        room.carrier.say(Answered(5))
        assert room.carrier.joining == [(5, FIRST)]
    heard: list[Refusal | None] = []
    room.work.do(FIRST, HangUp(), heard.append)
    assert room.carrier.hung_up == [5]
    # the answer comes when the desk shows what it says
    assert heard == []
    room.carrier.say(Ended(5, "hang-up" if answered else "cancelled"))
    assert heard == [None]
    assert room.state(FIRST) == "paused"
    assert room.does(FIRST, HangUp()) == NO_CALL


def test_hanging_up_is_answered_in_time_also_when_the_carrier_says_nothing() -> None:
    room = _ringing()
    heard: list[Refusal | None] = []
    room.work.do(FIRST, HangUp(), heard.append)
    room.at(WITHIN_S + 1)
    assert heard == [None]


def test_somebody_who_answers_a_call_by_hand_and_is_hung_up_on_was_abandoned() -> None:
    room = _ringing()
    room.carrier.say(Answered(5))
    room.does(FIRST, HangUp())
    room.carrier.say(Ended(5, "hang-up"))
    assert [each.status for each in room.records.of(writes.AttemptFinished)] == [DialStatus.ABANDONED]


class Looking(Slow):
    """The first agent waits for leads to look at; each is looked up when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Callable[[Preview | None], None]] = []
        self.records.preview = lambda plan, agent, done: self.found.append(done)  # type: ignore[method-assign]
        plan = CampaignPlan(OUT, "preview", frozenset({FIRST}), country="AU")
        self.floor.configure(plan)
        self.floor.team.put(FIRST, 1, (OUT, SALES))
        self.ready(FIRST)
        self.floor.tick()
        assert len(self.found) == 1

    def lead(self) -> Preview:
        """One that there is."""
        found: list[Preview | None] = []
        MemoryRecords.preview(self.records, CampaignPlan(OUT, "preview", frozenset()), FIRST, found.append)
        (lead,) = found
        assert lead is not None
        return lead

    @property
    def unseen(self) -> list[int]:
        return [each.lead.lead for each in self.records.of(writes.LeadUnseen)]


@pytest.mark.parametrize("found", [False, True])
def test_who_waits_for_a_lead_to_look_at_may_dial_by_hand(found: bool) -> None:
    room = Looking()
    lead = room.lead() if found else None
    room.dial()
    room.dial()
    assert [each is not None and each.code for each in room.answers] == ["wrong-state"]
    room.found[0](lead)
    room.written()
    assert (room.answers[1], room.unseen) == (None, [] if lead is None else [lead.lead])
    assert 5 in room.carrier.placed
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    assert (agent.call, agent.preview, agent.by_hand) == (5, None, None)


def test_a_call_by_hand_that_is_refused_leaves_who_waits_for_a_lead_ready() -> None:
    room = Looking()
    room.dial()
    room.found[0](None)
    assert room.database is not None
    room.database(NO_CALL)
    assert (room.answers, room.state(FIRST)) == ([NO_CALL], "ready")


def test_who_waits_for_a_lead_to_look_at_may_be_given_a_call() -> None:
    room = Looking()
    room.ready(SECOND)
    contact = room.caller()
    room.carrier.say(Joined(contact.call, SECOND))
    assert room.does(SECOND, Consult(Target(agent_id=FIRST))) is None
    assert room.carrier.joining[-1] == (contact.call, FIRST)
    lead = room.lead()
    room.found[0](lead)
    agent = room.floor.team.get(FIRST)
    assert agent is not None
    assert (agent.call, agent.preview, room.unseen) == (contact.call, None, [lead.lead])
