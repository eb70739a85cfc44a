"""What was looked up for an agent meets whatever the agent has become meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from callfloor.clock import VirtualClock
from callfloor.contract.workspace import Refusal
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Claim
from callfloor.rules.routing.agents import AgentInput
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.telephony.carrier import AgentId, Ended
from tests.floor.any_carrier import AnyCarrier
from tests.floor.test_floor_machine import KEY, AnyDesk

OTHER = CampaignKey(1, 2)
FIRST, SECOND = 1, 2
PLAN = CampaignPlan(KEY, "preview", frozenset({FIRST, SECOND}), preview_s=10.0, preview_timeout="dial")


class Slow(MemoryRecords):
    """A database whose answers come when the test says so."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(Tally(0.0, 1e9), Leads(), clock.now)
        self.late: list[Callable[[], None]] = []
        self.unseen_leads: list[int] = []
        self.back: list[int] = []

    def answers(self) -> None:
        late, self.late = self.late, []
        for each in late:
            each()

    def preview(self, plan: CampaignPlan, agent: AgentId, done: Callable[[Preview | None], None]) -> None:
        self.late.append(lambda: super(Slow, self).preview(plan, agent, done))

    def start(
        self, plan: CampaignPlan, lead: Preview, agent: AgentId, done: Callable[[Claimed | Refusal], None]
    ) -> None:
        self.late.append(lambda: super(Slow, self).start(plan, lead, agent, done))

    def claim(self, claim: Claim, done: Callable[[list[Claimed]], None]) -> None:
        self.late.append(lambda: super(Slow, self).claim(claim, done))

    def write(self, what: writes.Write) -> None:
        super().write(what)
        if isinstance(what, writes.LeadUnseen):
            self.unseen_leads.append(what.lead.lead)
        elif isinstance(what, writes.AttemptPutBack):
            self.back.append(what.call)


class Room:
    def __init__(self, plan: CampaignPlan) -> None:
        self.clock, self.carrier = VirtualClock(), AnyCarrier()
        self.records = Slow(self.clock)
        self.floor = Floor(self.clock, self.carrier, self.records, AnyDesk())
        self.floor.configure(plan)
        self.floor.configure(CampaignPlan(OTHER, None, frozenset({FIRST})))
        self.floor.team.put(FIRST, 1, (KEY, OTHER))
        self.agent = self.floor.team.put(FIRST, 1, (KEY, OTHER))
        self.floor.agent(FIRST, AgentInput.READY)
        self.plan = plan

    def passes(self, seconds: float) -> None:
        self.clock.run(self.clock.elapsed() + seconds)
        self.floor.tick()


def pauses(room: Room) -> None:
    room.floor.agent(FIRST, AgentInput.PAUSE, "lunch", written=True)
    room.records.want(FIRST, "paused")


def leaves(room: Room) -> None:
    room.floor.agent(FIRST, AgentInput.SIGN_OUT, None, written=True)
    room.records.want(FIRST, "signed-out")


def is_moved(room: Room) -> None:
    room.floor.team.put(FIRST, 1, (OTHER,))


def is_forgotten(room: Room) -> None:
    room.floor.team.forget(room.agent)


def campaign_goes_off(room: Room) -> None:
    room.floor.configure(replace(room.plan, active=False))


def campaign_is_taken(room: Room) -> None:
    room.floor.drop(KEY)


def mode_is_another(room: Room) -> None:
    room.floor.configure(replace(room.plan, mode="progressive", active=True, max_lines=0))


ANYTHING = [pauses, leaves, is_moved, is_forgotten, campaign_goes_off, campaign_is_taken, mode_is_another]


@pytest.mark.parametrize("happens", ANYTHING)
def test_a_lead_that_was_looked_up_is_shown_to_nobody_who_went_on_meanwhile_and_not_dialled(
    happens: Callable[[Room], None],
) -> None:
    room = Room(PLAN)
    assert len(room.records.late) == 1
    happens(room)
    room.records.answers()
    assert room.agent.preview is None
    assert len(room.records.unseen_leads) == 1, "the lead is as it was"
    for _ in range(3):
        room.passes(10.0)
    assert room.carrier.placed == []


@pytest.mark.parametrize(("happens", "state"), [(pauses, "paused"), (leaves, "signed-out")])
def test_who_asked_to_go_while_a_lead_was_looked_up_goes_at_once(happens: Callable[[Room], None], state: str) -> None:
    room = Room(PLAN)
    happens(room)
    assert room.agent.facts.state == "dialling"
    room.records.answers()
    assert room.agent.facts.state == state


@pytest.mark.parametrize("happens", [pauses, leaves, campaign_goes_off])
def test_a_lead_that_is_looked_at_is_dialled_for_nobody_who_went_on_when_its_time_is_over(
    happens: Callable[[Room], None],
) -> None:
    room = Room(PLAN)
    room.records.answers()
    assert room.agent.preview is not None
    happens(room)
    assert room.agent.preview is None
    room.passes(10.0)
    room.records.answers()
    room.passes(10.0)
    assert room.carrier.placed == []


@pytest.mark.parametrize("happens", [pauses, leaves, is_moved, is_forgotten])
def test_an_attempt_that_is_being_written_when_the_time_is_over_is_put_back_for_who_went_on(
    happens: Callable[[Room], None],
) -> None:
    room = Room(PLAN)
    room.records.answers()
    room.passes(10.0)
    assert len(room.records.late) == 1
    happens(room)
    room.records.answers()
    assert room.carrier.placed == []
    assert len(room.records.back) == 1
    assert room.agent.facts.state != "dialling"


def test_who_accepts_a_lead_and_pauses_then_has_that_call_first() -> None:
    room = Room(PLAN)
    room.records.answers()
    room.floor.previews.accept(FIRST)
    pauses(room)
    room.records.answers()
    assert len(room.carrier.placed) == 1
    assert room.agent.facts.wanted == "paused"


@pytest.mark.parametrize("happens", [pauses, leaves, is_moved, is_forgotten, campaign_goes_off])
def test_a_call_that_was_chosen_for_an_agent_who_went_on_is_put_back_and_its_agent_goes(
    happens: Callable[[Room], None],
) -> None:
    room = Room(replace(PLAN, mode="progressive"))
    assert len(room.records.late) == 1
    happens(room)
    room.records.answers()
    assert room.carrier.placed == []
    assert len(room.records.back) == 1
    assert room.agent.facts.state != "dialling"


def test_a_call_that_was_chosen_for_an_agent_who_pauses_goes_to_another_who_is_idle() -> None:
    room = Room(replace(PLAN, mode="progressive"))
    room.floor.team.put(SECOND, 1, (KEY,))
    pauses(room)
    room.floor.agent(SECOND, AgentInput.READY)
    room.records.answers()
    (contact,) = room.floor.contacts.everyone()
    assert (contact.agent, room.records.back) == (SECOND, [])
    assert room.agent.facts.state == "paused"
    room.carrier.say(Ended(contact.call, "no-answer", None))


def test_an_agent_s_own_callback_is_kept_by_who_pauses_while_it_is_chosen() -> None:
    room = Room(replace(PLAN, mode="progressive"))
    room.records.late.clear()
    pauses(room)
    (dialler,) = room.floor.diallers
    own = Claimed(7, 7, 7, "+61491570156", None, FIRST, own=True, status=10)
    room.floor.outbound.place(dialler, own, willing=True)
    assert room.carrier.placed == [7]
