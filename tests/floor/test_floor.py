"""What happens on the floor, step by step, on a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from callfloor.clock import VirtualClock
from callfloor.contract.codes import DialStatus
from callfloor.contract.dialling import PreviewTimeout
from callfloor.floor.agents.presence import NO_WRAP_UP
from callfloor.floor.calls.dialler import CALLS_PER_S, TRUNK_DOWN_AFTER
from callfloor.floor.calls.outbound import INFORMATION_MESSAGE
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignPlan
from callfloor.floor.ports import writes
from callfloor.floor.ports.writes import WrapUp
from callfloor.rules.dialling.pacing import Decision, Pacer, PacingSettings, Past
from callfloor.rules.routing.agents import MISSED_CALL, AgentInput
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.memory_records import MemoryRecords
from callfloor.telephony.carrier import AgentId, AgentMissed, Answered, CallId, Detected, Ended, Joined, MessagePlayed
from tests.floor.test_floor_machine import KEY, AnyCarrier, AnyDesk

PROGRESSIVE = CampaignPlan(
    KEY, "progressive", frozenset({1, 2}), wrap_up_s=30.0, wrap_up_extension_s=60.0, default_wrap_code=7
)
PREVIEW = replace(PROGRESSIVE, mode="preview", preview_s=20.0)
PREDICTIVE = replace(PROGRESSIVE, mode="predictive", detect_machines=False, pacing=PacingSettings())


class Carrier(AnyCarrier):
    def __init__(self) -> None:
        super().__init__()
        self.played: list[tuple[CallId, str]] = []
        self.let_go: list[CallId] = []

    def play(self, call: CallId, message: str) -> None:
        self.played.append((call, message))

    def hang_up(self, call: CallId) -> None:
        self.let_go.append(call)


class Records(MemoryRecords):
    """Those of a simulated day, which tell what they were told."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(Tally(0.0, 1e9), Leads(), clock.now)
        self.ends: dict[CallId, DialStatus] = {}
        self.wraps: list[tuple[float, WrapUp]] = []
        self.skips: list[str] = []
        # of skips, whether a callback stays due
        self.promises: list[bool] = []
        self.told: list[str] = []
        self.reasons: dict[AgentId, str | None] = {}

    def write(self, what: writes.Write) -> None:
        super().write(what)
        match what:
            case writes.AttemptFinished():
                self.ends[what.call] = what.status
            case writes.WrappedUp():
                self.wraps.append((what.at, what.wrap))
            case writes.LeadSkipped():
                self.skips.append(what.reason)
                self.promises.append(what.keep_promise)
            case writes.DeskTold():
                self.told.append(what.event)
            case writes.AgentChanged():
                self.reasons[what.agent] = what.reason
                if what.state == "paused":
                    self.want(what.agent, "paused")
            case _:
                pass


class Story:
    def __init__(self, plan: CampaignPlan, agents: int, past: Past | None = None) -> None:
        self.clock, self.carrier = VirtualClock(), Carrier()
        self.records = Records(self.clock)
        self.floor = Floor(self.clock, self.carrier, self.records, AnyDesk())
        self.floor.configure(plan, past)
        for agent in range(1, agents + 1):
            self.floor.team.put(agent, 1, (KEY,))
            self.floor.agent(agent, AgentInput.READY)

    def passes(self, seconds: float) -> None:
        self.clock.run(self.clock.elapsed() + seconds)
        self.floor.tick()

    def state(self, agent: AgentId) -> str:
        known = self.floor.team.get(agent)
        assert known is not None
        return known.facts.state

    def talks(self, call: CallId, agent: AgentId) -> None:
        """A person answers, and the agent is joined."""
        self.carrier.say(Answered(call))
        if self.floor.contacts.attempts()[0].facts.detect:
            self.carrier.say(Detected(call, False))
        assert self.carrier.joining[-1] == (call, agent)
        self.carrier.say(Joined(call, agent))


def test_a_wrap_up_that_nobody_ends_gets_the_default_code_in_time_and_later_when_it_was_extended() -> None:
    story = Story(PROGRESSIVE, 1)
    (call,) = story.carrier.placed
    story.talks(call, 1)
    story.passes(60.0)
    story.carrier.say(Ended(call, "hang-up", 60.0))
    assert story.state(1) == "on-wrap"
    story.passes(29.0)
    assert (story.state(1), story.records.wraps) == ("on-wrap", [])
    story.passes(1.0)
    assert story.records.wraps == [(90.0, WrapUp(7))]
    # idle again, and the next call is placed in the same moment
    assert (story.state(1), len(story.carrier.placed)) == ("dialling", 2)
    story.talks(story.carrier.placed[1], 1)
    story.carrier.say(Ended(story.carrier.placed[1], "hang-up", 0.0))
    story.passes(20.0)
    assert story.floor.presence.extend_wrap_up(1) is None
    story.passes(59.0)
    assert (story.state(1), len(story.records.wraps)) == ("on-wrap", 1)
    story.passes(1.0)
    assert story.records.wraps[1] == (170.0, WrapUp(7))
    assert story.floor.presence.extend_wrap_up(1) == NO_WRAP_UP


def test_an_agent_who_misses_a_call_is_paused_and_the_customer_gets_another_one() -> None:
    story = Story(PREDICTIVE, 2)
    call = story.carrier.placed[0]
    story.carrier.say(Answered(call))
    assert story.carrier.joining == [(call, 1)]
    story.carrier.say(AgentMissed(call, 1))
    assert (story.state(1), story.records.reasons[1]) == ("paused", MISSED_CALL)
    assert story.carrier.joining[-1] == (call, 2)
    story.carrier.say(Joined(call, 2))
    assert story.state(2) == "on-call"
    story.passes(60.0)
    assert story.state(1) == "paused"


def test_who_answers_to_nobody_hears_the_message_and_is_dialled_again_only_with_an_agent_held() -> None:
    story = Story(PREDICTIVE, 2)
    first, second = story.carrier.placed
    story.talks(first, 1)
    story.floor.agent(2, AgentInput.PAUSE)
    assert story.carrier.let_go == [second], "nobody is left for the other line"
    story.carrier.say(Ended(second, "cancelled", None))
    story.floor.agent(2, AgentInput.READY)
    third = story.carrier.placed[-1]
    story.carrier.say(Answered(third))
    story.carrier.say(AgentMissed(third, 2))
    assert story.carrier.played == []
    story.passes(2.0)
    assert story.carrier.played == [(third, INFORMATION_MESSAGE)]
    story.carrier.say(MessagePlayed(third))
    assert story.carrier.let_go[-1] == third
    story.carrier.say(Ended(third, "hang-up", None))
    assert story.records.ends[third] is DialStatus.ABANDONED


def test_whoever_hangs_up_while_waiting_counts_as_abandoned_and_with_an_agent_on_the_way_as_answered() -> None:
    story = Story(PREDICTIVE, 2)
    first, second = story.carrier.placed
    story.carrier.say(Answered(first))
    story.carrier.say(Ended(first, "hang-up", None))
    assert story.records.ends[first] is DialStatus.ANSWERED
    story.carrier.say(Answered(second))
    story.carrier.say(AgentMissed(second, story.carrier.joining[-1][1]))
    story.carrier.say(AgentMissed(second, story.carrier.joining[-1][1]))
    story.carrier.say(Ended(second, "hang-up", None))
    assert story.records.ends[second] is DialStatus.ABANDONED


def test_whoever_heard_nobody_on_a_line_for_one_agent_counts_against_the_cap() -> None:
    story = Story(replace(PREVIEW, detect_machines=False), 2)
    assert story.floor.previews.accept(1)
    assert story.floor.previews.accept(2)
    joining, crossing = story.carrier.placed
    story.carrier.say(Answered(joining))
    # one agent goes before the phone is taken, and the other while it rings, but too late
    for agent in (1, 2):
        known = story.floor.team.get(agent)
        assert known is not None
        assert story.floor.hang_up(known) is None
    story.carrier.say(Answered(crossing))
    for call in (joining, crossing):
        story.carrier.say(Ended(call, "hang-up", None))
        assert story.records.ends[call] is DialStatus.ABANDONED
    (dialler,) = story.floor.diallers
    assert [sum(counts) for counts in list(zip(*dialler.pacer.past().buckets, strict=True))[1:]] == [2, 2]


def test_a_trunk_that_is_down_is_asked_by_one_call_at_a_time_and_used_again_when_it_is_back() -> None:
    story = Story(PREDICTIVE, 2)
    while len(story.records.ends) < TRUNK_DOWN_AFTER:
        for call in [each.id for each in story.floor.contacts.attempts()]:
            story.carrier.say(Ended(call, "failed", None))
        story.passes(0.5)
    assert set(story.records.ends.values()) == {DialStatus.TELCO_ERROR}
    before = len(story.carrier.placed)
    for _ in range(240):
        for call in [each.id for each in story.floor.contacts.attempts()]:
            story.carrier.say(Ended(call, "failed", None))
        assert len(story.floor.contacts.attempts()) <= 1
        story.passes(0.5)
    assert 3 <= len(story.carrier.placed) - before <= 8, "two minutes, and ever longer rests"
    while not story.floor.contacts.attempts():
        story.passes(1.0)
    probe = story.floor.contacts.attempts()[0]
    story.carrier.say(Answered(probe.id))
    story.passes(1.0)
    assert len(story.floor.contacts.attempts()) > 1


@pytest.mark.parametrize(("timeout", "state"), [("skip", "dialling"), ("dial", "dialling"), ("pause", "paused")])
def test_a_preview_that_nobody_answers_is_skipped_dialled_or_pauses_its_agent(
    timeout: PreviewTimeout, state: str
) -> None:
    story = Story(replace(PREVIEW, preview_timeout=timeout), 1)
    agent = story.floor.team.get(1)
    assert agent is not None
    looked_at = agent.preview
    assert looked_at is not None
    assert story.carrier.placed == [], "it is only looked at"
    story.passes(19.0)
    assert agent.preview is looked_at
    story.passes(1.0)
    assert story.state(1) == state
    assert len(story.carrier.placed) == (timeout == "dial")
    assert story.records.skips == ([] if timeout == "dial" else ["time over"])
    assert story.records.promises == ([] if timeout == "dial" else [timeout == "pause"])


@pytest.mark.parametrize("asks", [AgentInput.PAUSE, AgentInput.SIGN_OUT])
def test_an_agent_who_goes_while_a_callback_is_shown_breaks_no_promise(asks: AgentInput) -> None:
    story = Story(PREVIEW, 1)
    story.floor.agent(1, asks)
    assert (story.records.skips, story.records.promises) == (["agent left"], [True])


def test_a_desk_is_told_that_a_lead_is_offered() -> None:
    story = Story(PREVIEW, 1)
    story.passes(0.0)
    assert "preview.offered" in story.records.told
    before = len(story.records.told)
    assert story.floor.previews.skip(1, "called yesterday")
    story.passes(1.0)
    assert "preview.offered" in story.records.told[before:], "the next one too"


def test_an_agent_accepts_a_lead_or_skips_it_with_a_reason() -> None:
    story = Story(PREVIEW, 1)
    assert story.floor.previews.skip(1, "called yesterday")
    assert story.records.skips == ["called yesterday"]
    assert story.carrier.placed == []
    story.passes(0.5)
    assert story.floor.previews.accept(1)
    assert not story.floor.previews.accept(1)
    (call,) = story.carrier.placed
    story.talks(call, 1)
    assert story.state(1) == "on-call"


def test_when_the_budget_is_spent_lines_are_let_go_before_anybody_answers_them() -> None:
    """Two may still be abandoned; three more people answer in the same half second."""
    story = Story(replace(PREDICTIVE, agents=frozenset(range(1, 11))), 10, Past(buckets=((600.0, 1000, 28),)))
    lines = list(story.carrier.placed)
    assert len(lines) > 12
    for agent, call in enumerate(lines[:10], 1):
        story.talks(call, agent)
    for call in lines[10:]:
        if call in story.carrier.let_go:
            story.carrier.say(Ended(call, "cancelled", None))
        elif story.floor.has(call):
            story.carrier.say(Answered(call))
    story.passes(5.0)
    for call in [each.id for each in story.floor.contacts.attempts() if not each.connected]:
        story.carrier.say(Ended(call, "hang-up", None))
    abandoned = sum(status is DialStatus.ABANDONED for status in story.records.ends.values())
    # 28 before, and 30 of these thousand are the cap
    assert 1 <= abandoned <= 2


def test_hundreds_of_agents_who_become_ready_at_once_are_reckoned_with_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While leads are being chosen nothing more can be dialled, and a look ahead at hundreds of agents costs much."""
    decided: list[int | None] = []
    decide = Pacer.decide

    def counted(pacer: Pacer, at: float, most: int | None = None) -> Decision:
        decided.append(most)
        return decide(pacer, at, most)

    monkeypatch.setattr(Pacer, "decide", counted)
    monkeypatch.setattr(MemoryRecords, "claim", lambda *_: None)
    story = Story(replace(PREDICTIVE, agents=frozenset(range(1, 301))), 300)
    story.passes(0.0)
    assert len(decided) == 1
    assert decided[0] == CALLS_PER_S


def test_a_wrap_up_is_extended_so_often_as_the_campaign_says_and_each_time_counted_from_then() -> None:
    story = Story(replace(PROGRESSIVE, wrap_up_extensions=2), 1)
    (call,) = story.carrier.placed
    story.talks(call, 1)
    story.carrier.say(Ended(call, "hang-up", 60.0))
    for _ in range(2):
        assert story.floor.presence.extend_wrap_up(1) is None
    refused = story.floor.presence.extend_wrap_up(1)
    assert refused is not None
    assert refused.code == "limit-reached"
    assert "2 times" in refused.detail
    assert story.floor.presence.wrap_up(1, WrapUp())
    # the next call has its own
    story.talks(story.carrier.placed[1], 1)
    story.carrier.say(Ended(story.carrier.placed[1], "hang-up", 0.0))
    assert story.floor.presence.extend_wrap_up(1) is None
