"""What a simulated day's floor writes down, in memory: attempts are counted as they end, each leg is kept with what
became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from callfloor.contract.codes import DialStatus
from callfloor.floor.ports import writes
from callfloor.floor.ports.writes import NewLeg
from callfloor.rules.routing.agents import AgentState
from callfloor.simulation.figures import Tally
from callfloor.simulation.leads import Leads
from callfloor.simulation.legs import Leg
from callfloor.telephony.carrier import AgentId, CallId


class MemoryWrites:
    """`legs`: of calls that came in and of those that went on after their first; what is written of the first leg of a
    dialled call is its attempt's."""

    def __init__(self, tally: Tally, leads: Leads, now: Callable[[], float]) -> None:
        self._tally, self._leads, self._now = tally, leads, now
        self.legs: dict[int, Leg] = {}
        self._answered: dict[CallId, float] = {}
        self._lead_of: dict[CallId, int] = {}
        # whether a person is there, of calls in which the detection of machines erred
        self._misheard: dict[CallId, bool] = {}
        # each agent's state and since when; who is absent is signed out
        self._states: dict[AgentId, tuple[AgentState, float]] = {}
        self._wanted: dict[AgentId, AgentState] = {}

    def write(self, what: writes.Write) -> None:
        """Write it down."""
        match what:
            case writes.AttemptAnswered(call=call, at=at):
                self._answered[call] = at
            case writes.AttemptConnected(call=call, at=at):
                if self._tally.counts(self._answered[call]):
                    self._tally.delays.append(at - self._answered[call])
            case writes.AttemptFinished(call=call, status=status, at=at):
                self._finished(call, status, at)
            case writes.AttemptPutBack(call=call, at=at):
                self._finished(call, DialStatus.CANCELLED, at)
            case writes.LeadSkipped(lead=lead):
                self._leads.skipped(lead.lead, what.at)
            case writes.LeadUnseen(lead=lead):
                self._leads.unseen(lead.lead)
            case writes.CallOpened(campaign=campaign):
                self.legs[what.activity] = Leg(campaign, what.at)
            case writes.QueueJoined(campaign=campaign, at=at):
                leg = self.legs[what.activity]
                leg.campaign, leg.joined_at = campaign, at if leg.joined_at is None else leg.joined_at
            case writes.LegAnswered(agent=agent, at=at):
                if (leg := self.legs.get(what.activity)) is not None and leg.ended_at is None:
                    leg.answered_at, leg.agent = at, agent
            case writes.LegFollowed(following=following):
                self._ended(what.activity, what.at)
                self._begun(what.activity, following, what.at)
            case writes.LegAdded(beside=beside):
                self._begun(what.activity, beside, what.at)
            case writes.LegHeld(seconds=seconds):
                if (leg := self.legs.get(what.activity)) is not None:
                    leg.held_s = seconds
            case writes.PhoneLost(times=times, seconds=seconds):
                if (leg := self.legs.get(what.activity)) is not None:
                    leg.phone_losses, leg.phone_lost_s = times, seconds
            case writes.CallerLeft(reason=reason, at=at):
                leg = self.legs[what.activity]
                # who began to leave a message is not missed any more
                leg.left, leg.ended_at = leg.left or reason, at if reason != "voicemail" else leg.ended_at
            case writes.LegEnded():
                self._ended(what.activity, what.at)
            case writes.PartRecorded(seconds=seconds):
                if (leg := self.legs.get(what.activity)) is not None:
                    leg.parts.append(seconds)
            case writes.VoicemailLeft(seconds=seconds):
                self.legs[what.activity].messages.append(seconds)
            case writes.VoicemailEmpty():
                self.legs[what.activity].left = None
            case writes.QuestionAnswered(question=question, answer=answer):
                if (leg := self.legs.get(what.activity)) is not None:
                    leg.answers[question] = answer
            case writes.AgentChanged(agent=agent, state=state, at=at):
                self._enter(agent, state, at)
            case writes.AgentPaused(agent=agent):
                self.want(agent, "paused")
            case (
                writes.QualityMeasured()
                | writes.OutsideNotCalled()
                | writes.RecordingSet()
                | writes.SurveyBegun()
                | writes.WrappedUp()
                | writes.DeskTold()
            ):
                # nobody reads these of a day
                pass
            case _:
                assert_never(what)

    # Attempts

    def misheard(self, call: CallId, person: bool) -> None:
        """The detection of machines errs."""
        self._misheard[call] = person
        self._tally.misheard(self._now(), person=person)

    def _finished(self, call: CallId, status: DialStatus, at: float) -> None:
        answered = self._answered.pop(call, None)
        if answered is not None:
            heard = status in (DialStatus.ANSWERED, DialStatus.ABANDONED)
            person = self._misheard.pop(call, heard)
            lost = status in (DialStatus.ABANDONED, DialStatus.ANSWERING_MACHINE)
            self._tally.answered(answered, person=person, lost=lost)
        lead = self._lead_of.pop(call, None)
        if lead is not None:
            self._leads.ended(lead, status, at)

    # Legs

    def _begun(self, parent: int, begun: NewLeg, at: float) -> None:
        leg = Leg(begun.campaign, at, parent, begun.kind, begun.number, agent=begun.agent)
        self.legs[begun.activity] = leg
        if begun.agent is not None:
            leg.answered_at = at
        elif begun.number is None:
            leg.joined_at = at

    def _ended(self, activity: int, at: float) -> None:
        leg = self.legs.get(activity)
        if leg is not None and leg.ended_at is None:
            leg.ended_at = at

    # Agents

    def want(self, agent: AgentId, state: AgentState) -> None:
        """What an agent in a call is to be after it."""
        self._wanted[agent] = state

    def _enter(self, agent: AgentId, state: AgentState, at: float) -> None:
        before, since = self._states.get(agent, ("signed-out", at))
        if state == before and agent in self._states:
            return
        tally, spent = self._tally, self._tally.within(since, at)
        if before not in ("signed-out", "paused"):
            tally.signed_in_s += spent
        if before == "on-call":
            tally.talk_s += spent
        elif before == "on-wrap":
            tally.wrap_s += spent
        elif before in ("ready", "dialling"):
            tally.wait_s += spent
        if state == "on-call" and tally.counts(at):
            tally.waits += 1
        self._states[agent] = (state, at)

    def close(self, at: float) -> None:
        """The day is over: count what everybody is doing, and the calls that are up."""
        for agent in list(self._states):
            self._enter(agent, "signed-out", at)
        for call, answered in self._answered.items():
            self._tally.answered(answered, person=self._misheard.get(call, True), lost=False)
