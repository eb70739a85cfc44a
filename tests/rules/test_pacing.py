"""Pacing under events in any order: what it counts is what there is, and the cap is a wall."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callfloor.rules.dialling.pacing import Pacer, PacingSettings, Past

_LINES, _AGENTS = st.integers(1, 12), st.integers(1, 6)


class PacerMachine(RuleBasedStateMachine):
    """`lines`: as the floor counts them."""

    @initialize(live=st.integers(0, 500), lost=st.integers(0, 20))
    def begin(self, live: int, lost: int) -> None:
        self.pacer = Pacer(PacingSettings(), Past(buckets=((60.0, live, min(live, lost)),)))
        self.at, self.lines, self.idle = 0.0, set[int](), set[int]()
        self.waiting = set[int]()

    @rule(line=_LINES)
    def dialled(self, line: int) -> None:
        if line not in self.lines | self.waiting:
            self.pacer.dialled(line, self.at)
            self.lines.add(line)

    @rule(line=_LINES, answered=st.booleans())
    def ended(self, line: int, answered: bool) -> None:
        """Also of lines that there are not: events come twice."""
        if answered and line in self.lines:
            self.pacer.answered(line, self.at)
            self.waiting.add(line)
        elif line not in self.waiting:
            self.pacer.ended_unanswered(line, self.at)
        self.lines.discard(line)

    @rule(line=_LINES, agent=_AGENTS, joined=st.booleans())
    def over(self, line: int, agent: int, joined: bool) -> None:
        if line in self.waiting:
            if joined:
                self.pacer.joined(line, agent, self.at)
                self.pacer.agent_talking(agent, self.at)
                self.idle.discard(agent)
            else:
                self.pacer.abandoned(line, self.at)
            self.waiting.discard(line)

    @rule(agent=_AGENTS, what=st.sampled_from(["idle", "talking", "wrapping", "gone"]))
    def agent(self, agent: int, what: str) -> None:
        getattr(self.pacer, f"agent_{what}")(agent, self.at)
        (self.idle.add if what == "idle" else self.idle.discard)(agent)

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.0, 30.0, 600.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += seconds

    @rule()
    def decides(self) -> None:
        decision = self.pacer.decide(self.at)
        assert decision.lines >= 0
        assert set(decision.cancel) <= self.lines
        assert not (decision.lines and decision.cancel)
        for line in decision.cancel:
            self.pacer.ended_unanswered(line, self.at)
            self.lines.discard(line)
        why = decision.why
        assert (why.idle, why.lines, why.waiting) == (len(self.idle), len(self.lines), len(self.waiting))
        if why.mode in ("one-to-one", "stopped"):
            # nothing left to lose: no more lines than agents who are certain
            assert len(self.lines) + decision.lines <= max(len(self.lines), len(self.idle) - len(self.waiting))
        assert self.pacer.decide(self.at).why.lines == len(self.lines)

    @invariant()
    def no_line_is_a_phantom(self) -> None:
        if hasattr(self, "pacer"):
            assert self.pacer.lines <= self.lines


TestPacer = PacerMachine.TestCase
TestPacer.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.integers(1, 60), st.integers(0, 2000))
def test_with_nothing_left_to_lose_an_agent_gets_one_line(idle: int, live: int) -> None:
    pacer = Pacer(PacingSettings(abandonment_cap=0.03), Past(buckets=((60.0, live, int(live * 0.03) + 1),)))
    for agent in range(idle):
        pacer.agent_idle(agent, 0.0)
    decision = pacer.decide(0.0)
    assert (decision.lines, decision.cancel, decision.why.mode) == (idle, (), "one-to-one")


def test_a_fresh_campaign_begins_with_one_line_an_agent() -> None:
    pacer = Pacer(PacingSettings())
    for agent in range(5):
        pacer.agent_idle(agent, 0.0)
    assert pacer.decide(0.0).lines == 5


def test_the_same_events_give_the_same_decisions() -> None:
    def decisions() -> list[int]:
        pacer, found = Pacer(PacingSettings(), Past(buckets=((3600.0, 1000, 10),))), list[int]()
        for step in range(60):
            at = 2.0 * step
            pacer.agent_idle(step % 7, at)
            decision = pacer.decide(at)
            found.append(decision.lines)
            for line in range(decision.lines):
                pacer.dialled(1000 * step + line, at)
        return found

    assert decisions() == decisions()


def _ready(pacer: Pacer, agents: int, at: float) -> None:
    for agent in range(agents):
        pacer.agent_idle(agent, at)


def test_who_waits_is_counted_as_lost_before_the_next_answers() -> None:
    """Two may be lost: with one in the air without an agent, one more may be; with two, every line is let go."""
    pacer = Pacer(PacingSettings(), Past(buckets=((60.0, 1000, 28),)))
    pacer.decide(0.0)
    for line in range(10):
        pacer.dialled(line, 0.0)
    pacer.answered(0, 5.0)
    pacer.answered(1, 5.0)
    decision = pacer.decide(5.0)
    assert (decision.why.mode, set(decision.cancel)) == ("stopped", set(range(2, 10)))


def test_a_line_that_was_picked_up_is_not_let_go_and_counts_as_a_person() -> None:
    pacer = Pacer(PacingSettings(), Past(buckets=((60.0, 1000, 29),)))
    pacer.decide(0.0)
    for line in range(3):
        pacer.dialled(line, 0.0)
    pacer.detecting(0, 5.0)
    decision = pacer.decide(5.0)
    assert (decision.why.mode, set(decision.cancel)) == ("stopped", {1, 2})
    pacer.ended_unanswered(0, 6.0)
    assert pacer.decide(6.0).why.mode == "look-ahead"


@given(st.integers(0, 20), st.integers(100, 3000), st.integers(0, 60))
def test_no_more_lines_ring_that_must_ring_than_could_all_be_answered(idle: int, live: int, busy: int) -> None:
    """Where a line may only be let go after 15 s, all those younger may be answered and the cap is kept."""
    lost = int(0.02 * live)
    pacer = Pacer(PacingSettings(minimum_ring_s=15.0), Past(buckets=((60.0, live, lost),)))
    _ready(pacer, idle, 0.0)
    for agent in range(idle, idle + busy):
        pacer.agent_talking(agent, 0.0)
    at = 0.0
    for line in range(200):
        lines = pacer.decide(at).lines
        bearable = idle + int(0.03 * live - lost)
        assert len(pacer.lines) + lines <= max(idle, bearable)
        if not lines:
            break
        pacer.dialled(line, at)
        at += 0.01


def test_what_was_saved_while_learning_is_not_spent_later() -> None:
    pacer = Pacer(PacingSettings())
    _ready(pacer, 1, 0.0)
    pacer.decide(0.0)
    for line in range(400):
        pacer.dialled(line, 4.0 * line)
        pacer.answered(line, 4.0 * line + 2.0)
        pacer.joined(line, 0, 4.0 * line + 2.0)
    pacer.agent_gone(0, 1700.0)
    assert pacer.decide(1750.0).why.mode == "look-ahead"
    pacer.decide(1801.0)
    # an hour later the loan is paid back, and nothing was saved since
    assert pacer.decide(1801.0 + 3601.0).why.mode == "one-to-one"
