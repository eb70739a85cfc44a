"""The floor under a carrier that says anything at any time: doubled, late, out of order, or never."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from callfloor.clock import VirtualClock
from callfloor.contract.campaigns import CampaignMode
from callfloor.contract.codes import DialStatus
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan, Preview
from callfloor.floor.ports import writes
from callfloor.floor.ports.writes import WrapUp
from callfloor.rules.dialling.pacing import PacingSettings
from callfloor.rules.routing.agents import AgentInput, AgentState
from callfloor.rules.routing.calls import CallState
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.telephony.carrier import (
    AgentId,
    AgentMissed,
    Answered,
    CallId,
    Detected,
    Ended,
    Joined,
    MessagePlayed,
    Ringing,
)
from tests.breadth import examples
from tests.floor.any_carrier import AnyCarrier

KEY = CampaignKey(1, 1)
AGENTS = 4


class AnyDesk:
    def preview(self, agent: AgentId, plan: CampaignPlan, lead: Preview) -> None:
        pass

    def connected(self, agent: AgentId, plan: CampaignPlan, call: CallId) -> None:
        pass

    def wrapping(self, agent: AgentId, plan: CampaignPlan, seconds: float) -> None:
        pass


WANTED: dict[AgentInput, AgentState] = {
    AgentInput.READY: "ready",
    AgentInput.PAUSE: "paused",
    AgentInput.SIGN_OUT: "signed-out",
}
_AGENTS = st.integers(1, AGENTS)
_PICK = st.integers(0, 10_000)


class Ends(MemoryRecords):
    """Counts whose calls were written down as abandoned."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(Tally(0.0, 1e9), Leads(), clock.now)
        self.abandoned = 0

    def write(self, what: writes.Write) -> None:
        super().write(what)
        if isinstance(what, writes.AttemptFinished) and what.status is DialStatus.ABANDONED:
            self.abandoned += 1


class FloorMachine(RuleBasedStateMachine):
    @initialize(
        mode=st.sampled_from(["preview", "progressive", "predictive"]),
        detect=st.booleans(),
        lines=st.sampled_from([None, 3]),
    )
    def begin(self, mode: CampaignMode, detect: bool, lines: int | None) -> None:
        self.clock, self.carrier = VirtualClock(), AnyCarrier()
        self.records = Ends(self.clock)
        self.floor = Floor(self.clock, self.carrier, self.records, AnyDesk())
        members = frozenset(range(1, AGENTS + 1))
        self.plan = CampaignPlan(
            KEY, mode, members, pacing=PacingSettings(), detect_machines=detect, max_lines=lines, wrap_up_s=10.0
        )
        self.floor.configure(self.plan)
        for agent in members:
            self.floor.team.put(agent, 1, (KEY,))
            self.floor.agent(agent, AgentInput.READY)

    def ask(self, agent: AgentId, happened: AgentInput) -> None:
        """As the API does it: what is asked of somebody in a call is written down, and the floor is told."""
        known = self.floor.team.get(agent)
        if known is not None and (known.facts.busy or known.leaving):
            self.records.want(agent, WANTED[happened])
        self.floor.agent(agent, happened, "lunch")

    def pick(self, number: int) -> CallId | None:
        """A call, mostly one that is up, now and then one that is over."""
        up = [call for call in self.carrier.placed if self.floor.has(call)]
        known = self.carrier.placed if number % 7 == 0 or not up else up
        return known[number % len(known)] if known else None

    @rule(number=_PICK, kind=st.sampled_from([Ringing, Answered, MessagePlayed]))
    def told(self, number: int, kind: type[Ringing | Answered | MessagePlayed]) -> None:
        call = self.pick(number)
        if call is not None:
            self.carrier.say(kind(call))

    @rule(number=_PICK, machine=st.booleans())
    def detected(self, number: int, machine: bool) -> None:
        call = self.pick(number)
        if call is not None:
            self.carrier.say(Detected(call, machine))

    @precondition(lambda self: self.carrier.joining)
    @rule(number=_PICK, missed=st.booleans())
    def agent_s_phone(self, number: int, missed: bool) -> None:
        call, agent = self.carrier.joining[number % len(self.carrier.joining)]
        self.carrier.say(AgentMissed(call, agent) if missed else Joined(call, agent))

    @rule(number=_PICK, agent=_AGENTS)
    def wrong_agent(self, number: int, agent: AgentId) -> None:
        call = self.pick(number)
        asked = [each for each in self.carrier.joining if each[0] == call][-1:]
        if call is not None and asked != [(call, agent)]:
            self.carrier.say(Joined(call, agent))

    @rule(number=_PICK, cause=st.sampled_from(["busy", "no-answer", "invalid", "failed", "hang-up"]))
    def ended(self, number: int, cause: str) -> None:
        call = self.pick(number)
        if call is not None:
            self.carrier.say(Ended(call, cause, 3.0))  # type: ignore[arg-type]

    @rule(number=_PICK)
    def lost(self, number: int) -> None:
        call = self.pick(number)
        if call is not None:
            self.floor.lost({call})

    @rule(agent=_AGENTS, happened=st.sampled_from([AgentInput.READY, AgentInput.PAUSE, AgentInput.SIGN_OUT]))
    def asked(self, agent: AgentId, happened: AgentInput) -> None:
        self.ask(agent, happened)

    @rule(agent=_AGENTS)
    def wraps_up(self, agent: AgentId) -> None:
        self.floor.presence.wrap_up(agent, WrapUp())

    @rule(agent=_AGENTS)
    def hangs_up(self, agent: AgentId) -> None:
        known = self.floor.team.get(agent)
        if known is not None:
            self.floor.hang_up(known)

    @rule(agent=_AGENTS, skip=st.booleans())
    def previews(self, agent: AgentId, skip: bool) -> None:
        _ = self.floor.previews.skip(agent, "no") if skip else self.floor.previews.accept(agent)

    @rule(seconds=st.sampled_from([0.1, 2.0, 30.0, 120.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.run(self.clock.elapsed() + seconds)
        self.floor.tick()

    @rule(
        mode=st.sampled_from(["preview", "progressive", "predictive"]),
        cap=st.sampled_from([0.01, 0.03, 0.2]),
        grace_s=st.sampled_from([1.0, 2.0, 5.0]),
        ring_s=st.sampled_from([15.0, 28.0]),
        least_s=st.sampled_from([0.0, 15.0]),
        window_s=st.sampled_from([86400.0, 2592000.0]),
    )
    def supervisor_changes_how_it_dials(
        self, mode: CampaignMode, cap: float, grace_s: float, ring_s: float, least_s: float, window_s: float
    ) -> None:
        pacing = PacingSettings(cap, 0.0, grace_s, ring_s, least_s, window_s)
        (before,) = self.floor.diallers
        spent = before.pacer.past().buckets
        self.plan = replace(self.plan, mode=mode, pacing=pacing)
        self.floor.configure(self.plan)
        (after,) = self.floor.diallers
        assert after is before
        assert [bucket[1:] for bucket in after.pacer.past().buckets] == [bucket[1:] for bucket in spent]

    @rule()
    def another_engine_takes_it_and_gives_it_back(self) -> None:
        self.floor.drop(KEY)
        self.records.abandoned = 0
        self.floor.configure(self.plan)
        for agent in self.plan.agents:
            self.floor.team.put(agent, 1, (KEY,))
            self.floor.agent(agent, AgentInput.READY)

    @invariant()
    def nobody_is_on_two_calls(self) -> None:
        if not hasattr(self, "floor"):
            return
        contacts = self.floor.contacts.everyone()
        held = [each.agent for each in contacts if each.agent is not None]
        assert len(held) == len(set(held))
        for agent in self.floor.team.everyone():
            mine = [each.call for each in contacts if each.agent == agent.id]
            assert mine == ([] if agent.call is None else [agent.call])
            assert agent.call is None or agent.facts.state in ("dialling", "on-call")

    @invariant()
    def what_pacing_counts_is_there(self) -> None:
        if not hasattr(self, "floor"):
            return
        (dialler,) = self.floor.diallers
        calls = {call.id: call for call in self.floor.contacts.attempts()}
        assert dialler.lines == {each for each, call in calls.items() if call.facts.unanswered}
        assert set(dialler.waiting) == {each for each, call in calls.items() if call.facts.state is CallState.WAITING}
        # whatever the mode is and was: every line that no agent is held for
        listening = {each for each, call in calls.items() if call.facts.state is CallState.DETECTING}
        assert dialler.pacer.lines == {each for each in dialler.lines | listening if not calls[each].bound}
        if self.plan.max_lines is not None:
            assert len(dialler.lines) <= self.plan.max_lines

    def teardown(self) -> None:
        """Whatever happened: when every call ends, every agent is free again and the floor goes on."""
        if not hasattr(self, "floor"):
            return
        for call in self.floor.contacts.attempts():
            self.carrier.say(Ended(call.id, "hang-up", None))
        for agent in self.plan.agents:
            self.ask(agent, AgentInput.PAUSE)
        for _ in range(3):
            for call in self.floor.contacts.attempts():
                self.carrier.say(Ended(call.id, "hang-up", None))
            self.clock.run(self.clock.elapsed() + 300.0)
        assert not self.floor.contacts.everyone()
        (dialler,) = self.floor.diallers
        # whoever heard nobody is counted by the cap, on whatever line
        assert sum(bucket[2] for bucket in dialler.pacer.past().buckets) == self.records.abandoned
        assert {agent.facts.state for agent in self.floor.team.everyone()} <= {"paused", "signed-out"}
        before = len(self.carrier.placed)
        for agent in self.plan.agents:
            self.ask(agent, AgentInput.READY)
        self.floor.tick()
        for agent in self.plan.agents:
            self.floor.previews.accept(agent)
        assert len(self.carrier.placed) > before


TestFloor = FloorMachine.TestCase
TestFloor.settings = settings(max_examples=examples(60, long=200), stateful_step_count=40, deadline=None)
