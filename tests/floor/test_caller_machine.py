"""Callers, queues and talks of two and three parties, under a carrier and agents who do anything at any time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callfloor.clock import VirtualClock
from callfloor.contract.workflows import Hangup, Menu, Question, Queue, Survey, Voicemail, Workflow
from callfloor.contract.workspace import (
    AnyCommand,
    CancelConsultation,
    CompleteTransfer,
    Conference,
    Consult,
    Dial,
    HangUp,
    Hold,
    Monitor,
    Mute,
    PauseRecording,
    Refusal,
    TakeOver,
    Target,
    Transfer,
    WrapUp,
)
from callfloor.floor.agents.commands import Work
from callfloor.floor.calls.contacts import Stage
from callfloor.floor.calls.reception import Reception
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan, QueuePlan
from callfloor.floor.ports.desk import NobodyAtDesk
from callfloor.rules.routing.agents import AgentInput
from callfloor.rules.routing.queues import QueueRules
from callfloor.rules.workflow.workflow_events import Facts
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.telephony.carrier import (
    AgentId,
    AgentMissed,
    Answered,
    CallId,
    Detected,
    Digit,
    Ended,
    Joined,
    Left,
    MessagePlayed,
    Offered,
    Recorded,
    Withdrawn,
)
from tests.breadth import examples
from tests.floor.any_carrier import AnyCarrier

SALES, HELP, OUT = CampaignKey(1, 1), CampaignKey(1, 2), CampaignKey(1, 3)
NUMBER = "+61255500200"
AGENTS = (1, 2, 3, 4)
FLOW = Workflow(
    name="Main",
    numbers=(NUMBER,),
    start="menu",
    steps=(
        Menu(name="menu", prompt="which", options={"1": "sales", "2": "help"}, retries=1, on_timeout="sales"),
        Queue(name="sales", campaign="Sales", options={"9": "message"}, on_timeout="message", on_full="message"),
        Queue(name="help", campaign="Help", on_no_agents="message", on_timeout="bye"),
        Voicemail(name="message", prompt="speak", campaign="Sales", next="bye"),
        Hangup(name="bye", prompt="bye"),
    ),
)
SURVEY = Workflow(
    name="How was it", start="ask", steps=(Survey(name="ask", questions=(Question(name="nice", prompt="nice?"),)),)
)
_AGENT = st.sampled_from(AGENTS)
_PICK = st.integers(0, 10_000)
_TARGETS = st.one_of(
    st.builds(Target, agent_id=_AGENT),
    st.builds(Target, campaign_id=st.sampled_from([1, 2, 3, 99])),
    st.builds(Target, number=st.sampled_from(["+61491570156", "nonsense"])),
)


class CallerMachine(RuleBasedStateMachine):
    @initialize(survey=st.booleans(), longest=st.sampled_from([None, 2]))
    def begin(self, survey: bool, longest: int | None) -> None:
        self.clock, self.carrier = VirtualClock(1_000_000.0), AnyCarrier()
        self.records = MemoryRecords(Tally(0.0, 1e12), Leads(), self.clock.now)
        self.floor = Floor(self.clock, self.carrier, self.records, NobodyAtDesk())
        self.work = Work(self.clock, self.floor, self.records)
        self.offers = 0
        members = frozenset(AGENTS)
        rules = QueueRules(skills={"english": 2}, relax_after_s=60.0)
        for key, queue in (
            (SALES, QueuePlan(rules, longest_wait_s=120.0, longest=longest, overflow=HELP if longest else None)),
            (HELP, QueuePlan(longest_wait_s=90.0, announce_s=30.0, survey="How was it" if survey else None)),
        ):
            plan = CampaignPlan(key, None, members, wrap_up_s=20.0, country="AU", queue=queue)
            self.floor.configure(replace(plan, transfer_wait_s=15.0 if survey else 0.0))
        self.floor.configure(CampaignPlan(OUT, "progressive", members, wrap_up_s=20.0, country="AU"))
        self.floor.queues.skills = {1: {"english": 5}, 2: {"english": 2}}
        facts = Facts(at=datetime.now(UTC), zone=ZoneInfo("UTC"), campaigns={"Sales": 1, "Help": 2})
        main, after = Reception(1, FLOW, facts, {}), Reception(1, SURVEY, facts, {})
        self.floor.callers.configure({NUMBER: main}, {(1, "Main"): main, (1, "How was it"): after})
        for agent in AGENTS:
            # the fourth takes no calls that come in to Help
            campaigns = (SALES, HELP, OUT) if agent < 4 else (SALES, OUT)
            self.floor.team.put(agent, 1, campaigns)
            self.floor.agent(agent, AgentInput.READY)

    def pick(self, number: int) -> CallId | None:
        """A call, mostly one that is up, now and then one that is over."""
        up = [call for call in self.carrier.placed if self.floor.has(call)]
        known = self.carrier.placed if number % 9 == 0 or not up else up
        return known[number % len(known)] if known else None

    # Customers

    @rule(number=st.sampled_from([NUMBER, NUMBER, NUMBER, "+61255500299"]), withheld=st.booleans())
    def calls_us(self, number: str, withheld: bool) -> None:
        self.offers += 1
        self.carrier.say(Offered(f"offer {self.offers}", number, None if withheld else "+61491570156"))

    @rule()
    def changes_mind(self) -> None:
        self.carrier.say(Withdrawn(f"offer {self.offers}"))

    @rule(number=_PICK)
    def answers(self, number: int) -> None:
        call = self.pick(number)
        if call is not None:
            self.carrier.say(Answered(call))

    @rule(number=_PICK)
    def is_a_person(self, number: int) -> None:
        call = self.pick(number)
        if call is not None and call > 0:
            self.carrier.say(Answered(call))
            self.carrier.say(Detected(call, False))

    @rule(number=_PICK, digit=st.sampled_from("129#5"))
    def presses(self, number: int, digit: str) -> None:
        call = self.pick(number)
        if call is not None:
            self.carrier.say(Digit(call, digit))

    @rule(number=_PICK)
    def has_heard(self, number: int) -> None:
        call = self.pick(number)
        if call is not None:
            self.carrier.say(MessagePlayed(call))

    @precondition(lambda self: self.carrier.messages)
    @rule(number=_PICK)
    def has_spoken(self, number: int) -> None:
        call, part = self.carrier.messages[number % len(self.carrier.messages)]
        if self.floor.has(call):
            self.carrier.say(Recorded(call, part, 4.0))

    @rule(number=_PICK, recorded=st.booleans())
    def hangs_up(self, number: int, recorded: bool) -> None:
        call = self.pick(number)
        if call is not None:
            self.carrier.say(Ended(call, "hang-up", 3.0 if recorded else None))

    @precondition(lambda self: self.carrier.hung_up)
    @rule(number=_PICK)
    def is_hung_up_on(self, number: int) -> None:
        self.carrier.say(Ended(self.carrier.hung_up[number % len(self.carrier.hung_up)], "hang-up", 3.0))

    @rule(number=_PICK)
    def is_lost(self, number: int) -> None:
        call = self.pick(number)
        if call is not None:
            self.floor.lost({call})

    # Phones of agents and others

    @precondition(lambda self: self.carrier.joining)
    @rule(number=_PICK, what=st.sampled_from([Joined, Joined, Joined, AgentMissed, Left]))
    def phone(self, number: int, what: type[Joined | AgentMissed | Left]) -> None:
        recent = self.carrier.joining[-6:]
        self.carrier.say(what(*recent[number % len(recent)]))

    # Agents

    @rule(
        agent=_AGENT,
        command=st.one_of(
            st.sampled_from(
                [HangUp(), Hold(True), Hold(False), Mute(True), PauseRecording(True), CompleteTransfer(), TakeOver(),
                 Mute(False), Conference(), CancelConsultation(), WrapUp(), WrapUp(wrap_code=77)]
            ),
            st.builds(Transfer, to=_TARGETS),
            st.builds(Consult, to=_TARGETS),
            st.builds(Monitor, agent_id=_AGENT),
            st.builds(Dial, campaign_id=st.just(3), number=st.just("0491 570 156")),
        ),
    )  # fmt: skip
    def does(self, agent: AgentId, command: AnyCommand) -> None:
        answers: list[Refusal | None] = []
        self.work.do(agent, command, answers.append)
        # the end of a call is told by the carrier, or not at all
        assert len(answers) == 1 or isinstance(command, HangUp)

    @rule(agent=_AGENT, happened=st.sampled_from([AgentInput.READY, AgentInput.PAUSE, AgentInput.SIGN_OUT]))
    def asks(self, agent: AgentId, happened: AgentInput) -> None:
        known = self.floor.team.get(agent)
        if known is not None and (known.facts.busy or known.leaving):
            states = {AgentInput.READY: "ready", AgentInput.PAUSE: "paused", AgentInput.SIGN_OUT: "signed-out"}
            self.records.want(agent, states[happened])  # type: ignore[arg-type]
        self.floor.agent(agent, happened, "lunch")

    @rule(seconds=st.sampled_from([0.0, 0.5, 6.0, 30.0, 100.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.run(self.clock.elapsed() + seconds)
        self.floor.tick()

    # What holds at every moment

    @invariant()
    def everybody_is_in_one_place(self) -> None:
        if not hasattr(self, "floor"):
            return
        contacts = self.floor.contacts.everyone()
        talking = [(contact.call, contact.agent) for contact in contacts if contact.agent is not None]
        parties = [(contact.call, each) for contact in contacts for each in contact.parties if each > 0]
        held = talking + parties
        assert len({agent for _, agent in held}) == len(held), "an agent is in two places"
        for agent in self.floor.team.everyone():
            mine = [call for call, each in held if each == agent.id]
            assert mine == ([] if agent.call is None else [agent.call])
            assert agent.call is None or agent.facts.state in ("dialling", "on-call")

    @invariant()
    def nobody_waits_beside_an_idle_agent(self) -> None:
        if not hasattr(self, "floor"):
            return
        waiting = [each for each in self.floor.contacts.everyone() if each.stage is Stage.QUEUE]
        idle = [each for each in self.floor.team.everyone() if each.facts.state == "ready" and each.call is None]
        for contact in waiting:
            free = {agent.id for agent in idle if contact.plan.key in agent.campaigns}
            if contact.asked.agent is not None:
                assert contact.asked.agent not in free
            elif contact.plan.key != SALES:
                assert not free

    @invariant()
    def every_customer_is_with_somebody_hears_music_or_is_being_let_go(self) -> None:
        if not hasattr(self, "floor"):
            return
        for contact in self.floor.contacts.everyone():
            agent = self.floor.team.get(contact.agent or 0)
            match contact.stage:
                case Stage.WORKFLOW | Stage.SURVEY:
                    assert contact.walk is not None
                case Stage.QUEUE:
                    assert self.floor.queues.waits(contact)
                case Stage.JOINING | Stage.TALKING:
                    assert agent is not None
                    assert agent.call == contact.call
                case Stage.OUTSIDE:
                    assert contact.parties
                    assert contact.call not in self.carrier.hung_up
                case Stage.CLOSING:
                    assert contact.call in self.carrier.hung_up
                case Stage.DIALLED | Stage.ELSEWHERE:
                    assert contact.attempt is not None

    @invariant()
    def time_on_a_call_that_came_in_counts_in_a_leg(self) -> None:
        if not hasattr(self, "floor"):
            return
        open_legs = {leg.agent for leg in self.records.legs.values() if leg.ended_at is None and leg.agent is not None}
        for agent in self.floor.team.everyone():
            contact = self.floor.contacts.get(agent.call)
            if agent.facts.state == "on-call" and contact is not None and contact.activity in self.records.legs:
                assert agent.id in open_legs

    @invariant()
    def times_add_up(self) -> None:
        """Each leg follows the one before without a gap; one beside another lies within it."""
        if not hasattr(self, "floor"):
            return
        legs = self.records.legs
        for leg in legs.values():
            before = legs.get(leg.parent or 0)
            end = self.clock.now() if leg.ended_at is None else leg.ended_at
            assert leg.opened_at <= (leg.answered_at or leg.opened_at) <= end
            assert leg.held_s <= end - leg.opened_at + 0.001
            if before is None:
                continue
            if leg.kind == "consult":
                assert before.opened_at <= leg.opened_at
                assert before.ended_at is None or end <= before.ended_at
            else:
                assert before.ended_at == leg.opened_at

    @invariant()
    def no_agent_talks_in_two_legs(self) -> None:
        if not hasattr(self, "floor"):
            return
        open_legs = [leg.agent for leg in self.records.legs.values() if leg.ended_at is None and leg.agent is not None]
        assert len(open_legs) == len(set(open_legs))

    def teardown(self) -> None:
        """Whatever happened: when every call ends, each leg has an end, and each agent is free."""
        if not hasattr(self, "floor"):
            return
        for agent in AGENTS:
            self.asks(agent, AgentInput.PAUSE)
        for _ in range(4):
            for call in self.carrier.placed:
                self.carrier.say(Ended(call, "hang-up", None))
            self.clock.run(self.clock.elapsed() + 300.0)
        assert not self.floor.contacts.everyone()
        assert [leg for leg in self.records.legs.values() if leg.ended_at is None] == []
        assert {agent.facts.state for agent in self.floor.team.everyone()} <= {"paused", "signed-out"}
        assert not any(self.floor.queues.length(key) for key in (SALES, HELP, OUT))


TestCallers = CallerMachine.TestCase
TestCallers.settings = settings(max_examples=examples(60, long=200), stateful_step_count=50, deadline=None)
