"""The floor itself: calls are placed, answered, given to agents and ended.

Driven by events of the carrier, of agents and of the clock; it never waits, so that on a virtual clock a day passes in
seconds and a seed repeats it. One thread, one order of events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from callfloor.clock import Clock, Timer
from callfloor.contract.codes import DialStatus
from callfloor.floor.desk import Desk
from callfloor.floor.dialler import Dialler, MakePacer
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.presence import Presence
from callfloor.floor.previews import AGENT_LEFT, Previews
from callfloor.floor.records import Claim, Records
from callfloor.floor.team import Agent, Team
from callfloor.rules import calls
from callfloor.rules.agents import AgentInput
from callfloor.rules.calls import CallFacts, CallInput, CallState, Effect
from callfloor.rules.pacing import Pacer, Past
from callfloor.telephony.carrier import (
    AgentId,
    AgentMissed,
    Answered,
    CallEvent,
    CallId,
    Carrier,
    Cause,
    Detected,
    Ended,
    Joined,
    Line,
    MessagePlayed,
    Ringing,
)

# What a person hears who answered when nobody was free; it names the organisation and a number to call.
INFORMATION_MESSAGE = "information"


@dataclass(slots=True, eq=False)
class FloorCall:
    """`agent`: who is held for it, is being joined or is joined. `bound`: only that one may take it."""

    id: CallId
    dialler: Dialler
    activity: int
    facts: CallFacts
    agent: AgentId | None = None
    placed_at: float = 0.0
    bound: bool = False
    connected: bool = False
    answered_at: float | None = None
    timer: Timer | None = field(default=None, repr=False)

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Floor:
    def __init__(
        self, clock: Clock, carrier: Carrier, records: Records, desk: Desk, make_pacer: MakePacer = Pacer
    ) -> None:
        self._make_pacer = make_pacer
        self._clock, self._carrier, self._records, self._desk = clock, carrier, records, desk
        self._diallers: dict[CampaignKey, Dialler] = {}
        self._calls: dict[CallId, FloorCall] = {}
        self.presence = Presence(clock, records, desk, self._diallers, self._ready)
        self.previews = Previews(clock, records, desk, self.presence, self._diallers, self._place)
        carrier.listen(self.event)

    @property
    def team(self) -> Team:
        return self.presence.team

    @property
    def diallers(self) -> list[Dialler]:
        return list(self._diallers.values())

    @property
    def calls(self) -> list[FloorCall]:
        return list(self._calls.values())

    def has(self, call: CallId) -> bool:
        return call in self._calls

    def placed_before(self, at: float) -> set[CallId]:
        """Calls that the carrier was asked for before then."""
        return {call.id for call in self._calls.values() if call.placed_at < at}

    def lost(self, lost: set[CallId]) -> None:
        """The carrier holds these no longer, and their end was not heard of."""
        for call in [self._calls[each] for each in lost if each in self._calls]:
            self._ended(call, "failed" if call.facts.unanswered else "hang-up", None)

    # Campaigns

    def configure(self, plan: CampaignPlan, past: Past | None = None) -> None:
        """Dial for a campaign, or dial for it otherwise. `past`: what its pacing learned before."""
        known = self._diallers.get(plan.key)
        if known is not None and (known.plan.mode, known.plan.pacing) == (plan.mode, plan.pacing):
            known.plan = plan
            return
        dialler = self._diallers[plan.key] = Dialler(plan, self._clock, past, self._make_pacer)
        if known is not None:
            dialler.lines, dialler.waiting = known.lines, known.waiting
            for call in self._calls.values():
                if call.dialler is known:
                    call.dialler = dialler
        for agent in self.team.everyone():
            self.presence.watch(agent, None)

    def drop(self, key: CampaignKey) -> None:
        """The campaign is another engine's now: forget its calls and agents, without a word to anybody."""
        dialler = self._diallers.pop(key, None)
        if dialler is not None:
            dialler.dropped = True
        gone = {call.id for call in self._calls.values() if call.dialler.plan.key == key}
        for call in gone:
            self._calls.pop(call).stop_timer()
        for agent in self.team.everyone():
            if agent.call in gone or agent.serving == key or not self._diallers.keys() & set(agent.campaigns):
                self.team.forget(agent)

    def adopt(self, key: CampaignKey, call: Claimed, *, answered: bool, agent: AgentId | None) -> None:
        """Carry on with a call that the carrier holds and another engine began."""
        dialler = self._diallers[key]
        state = CallState.DIALLING if not answered else CallState.WAITING if agent is None else CallState.CONNECTED
        result = DialStatus.ANSWERED if agent is not None else None
        facts = CallFacts(state, dialler.plan.detect_machines, result)
        now = self._clock.elapsed()
        adopted = FloorCall(call.call, dialler, call.activity, facts, agent, now, connected=agent is not None)
        self._calls[call.call] = adopted
        if adopted.facts.unanswered:
            dialler.lines.add(adopted.id)
            self._pacing(adopted, CallInput.RINGING)
        elif agent is None:
            # nobody knows how long this person has waited: too long
            adopted.answered_at = self._clock.elapsed()
            self._advance(adopted, CallInput.GRACE_OVER)
        elif (known := self.team.get(agent)) is not None:
            self.resume(known)

    def resume(self, agent: Agent) -> bool:
        """The agent is on a call that was carried on with before the agent was known. False: there is none."""
        call = next((each for each in self._calls.values() if each.agent == agent.id and each.connected), None)
        if call is None or agent.call is not None:
            return False
        agent.call = call.id
        self.presence.reserve(agent)
        self.presence.connected(agent, call.dialler.plan)
        return True

    # Agents

    def agent(
        self, agent_id: AgentId, happened: AgentInput, reason: str | None = None, *, written: bool = False
    ) -> None:
        """Somebody wants an agent ready, paused or signed out. `written`: it stands in the records already."""
        agent = self.team.get(agent_id)
        if agent is None:
            return
        serving = agent.serving
        self.presence.asked(agent, happened, reason, written=written)
        if serving is not None and agent.serving is None and serving in self._diallers:
            # one fewer to talk to whoever answers
            self._dial(self._diallers[serving])
        if agent.preview is not None and happened is not AgentInput.READY:
            self.previews.skip(agent_id, AGENT_LEFT)

    def hang_up(self, agent_id: AgentId) -> bool:
        """The agent ends the call. False: there is none."""
        agent = self.team.get(agent_id)
        call = None if agent is None or agent.call is None else self._calls.get(agent.call)
        if call is None or not call.connected:
            return False
        self._advance(call, CallInput.DROP)
        return True

    def _ready(self, agent: Agent) -> None:
        """An agent is idle: whoever waits gets it, else its campaign dials."""
        waiting = [
            call
            for key in sorted(agent.campaigns, key=lambda key: key != agent.serving)
            if (dialler := self._diallers.get(key)) is not None
            for call in dialler.waiting
        ]
        if waiting:
            self._join(self._calls[waiting[0]], agent)
        elif agent.serving is not None and (dialler := self._diallers.get(agent.serving)) is not None:
            self._dial(dialler)

    # Dialling

    def tick(self) -> None:
        """Twice a second, say: dial where pacing has changed its mind with time alone."""
        for dialler in self.diallers:
            self._dial(dialler)
        for agent in self.team.everyone():
            if agent.facts.state == "ready" and len(agent.campaigns) > 1:
                self.presence.move(agent)

    def _dial(self, dialler: Dialler) -> None:
        plan = dialler.plan
        if dialler.lines and not self.team.serving_count(plan.key):
            # nobody is there any more to talk to whoever answers
            self._cancel(tuple(dialler.lines))
        if plan.mode == "preview":
            for agent in self.team.ready(plan.key):
                if dialler.wants_agents and self._has_line(dialler):
                    self.previews.offer(dialler, agent)
            return
        count, cancel, why = dialler.wanted(self.team.ready_count(plan.key))
        self._cancel(cancel)
        if not count:
            return
        ready = self.team.ready(plan.key)
        held = ready[:count] if plan.mode == "progressive" else []
        for agent in held:
            self.presence.reserve(agent)
        dialler.claiming = True
        claim = Claim(plan, count, [agent.id for agent in held or ready], plan.mode == "progressive", why)
        self._records.claim(claim, partial(self._claimed, dialler, count, held))

    def _has_line(self, dialler: Dialler) -> bool:
        """Whether a line is left for whoever accepts a lead, besides those of agents who look at one."""
        plan = dialler.plan
        if plan.max_lines is None:
            return True
        looking = sum(
            agent.serving == plan.key and agent.facts.state == "dialling" and agent.call is None
            for agent in self.team.everyone()
        )
        return len(dialler.lines) + looking < plan.max_lines

    def _cancel(self, lines: tuple[CallId, ...]) -> None:
        for line in lines:
            if line in self._calls:
                self._advance(self._calls[line], CallInput.CANCEL)

    def _claimed(self, dialler: Dialler, asked: int, held: list[Agent], claimed: list[Claimed]) -> None:
        if dialler.dropped:
            # whoever leads the campaign now finds these attempts and closes them
            return
        dialler = self._diallers[dialler.plan.key]
        dialler.claimed(asked, len(claimed))
        for call in claimed:
            self._place(dialler, call)
        for agent in held:
            if self.team.get(agent.id) is agent and agent.call is None and agent.facts.state == "dialling":
                self.presence.release(agent)

    def _place(self, dialler: Dialler, claimed: Claimed) -> None:
        """Dial. The attempt is written down already."""
        if dialler.dropped:
            return
        plan, bound = dialler.plan, claimed.agent is not None
        facts = CallFacts(detect=plan.detect_machines)
        now = self._clock.elapsed()
        call = FloorCall(claimed.call, dialler, claimed.activity, facts, claimed.agent, now, bound)
        if claimed.agent is not None and not self._hold(claimed.agent, call):
            # its agent went elsewhere meanwhile, and nobody else may have the call
            self._finish(call, DialStatus.CANCELLED, None)
            return
        self._calls[call.id] = call
        dialler.lines.add(call.id)
        self._pacing(call, CallInput.RINGING)
        line = Line(call.id, claimed.number, claimed.caller, plan.pacing.ring_s, plan.detect_machines, plan.record)
        self._carrier.originate(line)

    def _hold(self, agent_id: AgentId, call: FloorCall) -> bool:
        """Keep the agent free for the call."""
        agent = self.team.get(agent_id)
        if agent is None or agent.call is not None or agent.leaving or agent.facts.state not in ("ready", "dialling"):
            return False
        agent.call = call.id
        if agent.facts.state == "ready":
            self.presence.reserve(agent)
        self.presence.show(agent, agent.facts, call.dialler.plan.key)
        return True

    # Calls

    def event(self, event: CallEvent) -> None:
        """What the carrier says of a call."""
        call = self._calls.get(event.call)
        if call is None:
            return
        match event:
            case Ringing():
                call.dialler.accepted()
                self._advance(call, CallInput.RINGING)
            case Answered():
                call.dialler.accepted()
                self._advance(call, CallInput.ANSWERED)
                if call.facts.state is CallState.DETECTING and (pacer := call.dialler.pacer) is not None:
                    pacer.detecting(call.id, self._clock.elapsed())
            case Detected(machine=machine):
                self._advance(call, CallInput.MACHINE if machine else CallInput.PERSON)
            case Joined(agent=agent):
                if agent == call.agent:
                    self._advance(call, CallInput.JOINED)
            case AgentMissed(agent=agent):
                if agent == call.agent and not call.connected:
                    self._missed(call, agent)
            case MessagePlayed():
                self._advance(call, CallInput.MESSAGE_OVER)
            case Ended(cause=cause, recorded_s=recorded_s):
                self._ended(call, cause, recorded_s)

    def _advance(self, call: FloorCall, happened: CallInput) -> None:
        before = call.facts
        call.facts, effects = calls.advance(before, happened)
        if not call.facts.unanswered:
            call.dialler.lines.discard(call.id)
        if call.facts.state is CallState.CLOSING and (before.unanswered or before.state is CallState.DETECTING):
            # cancelled, or a machine: no person will come of it
            self._pacing(call, CallInput.ENDED)
        for effect in effects:
            self._do(call, effect)

    def _do(self, call: FloorCall, effect: Effect) -> None:
        match effect:
            case Effect.NOTE_ANSWER:
                self._records.answered(call.dialler.plan.key, call.id, self._clock.now())
            case Effect.FIND_AGENT:
                self._find_agent(call)
            case Effect.NOTE_CONNECTION:
                self._connected(call)
            case Effect.PLAY_MESSAGE:
                call.dialler.waiting.pop(call.id, None)
                self._pacing(call, CallInput.GRACE_OVER)
                self._carrier.play(call.id, INFORMATION_MESSAGE)
            case Effect.COUNT_ABANDONED:
                self._pacing(call, CallInput.ANSWERED)
                self._pacing(call, CallInput.GRACE_OVER)
            case Effect.HANG_UP:
                call.stop_timer()
                self._carrier.hang_up(call.id)

    def _find_agent(self, call: FloorCall) -> None:
        grace_s = call.dialler.plan.pacing.grace_s
        if call.answered_at is None:
            call.answered_at = self._clock.elapsed()
            self._pacing(call, CallInput.ANSWERED)
            call.timer = self._clock.call_later(grace_s, partial(self._advance, call, CallInput.GRACE_OVER))
        agent = self.team.get(call.agent) if call.agent is not None else self.team.for_call(call.dialler.plan.key)
        if agent is not None:
            self._join(call, agent)
        elif self._clock.elapsed() - call.answered_at >= grace_s:
            self._advance(call, CallInput.GRACE_OVER)
        else:
            call.dialler.waiting[call.id] = None
            # one more would be abandoned now: pacing may have to let lines go before the next is answered
            self._dial(call.dialler)

    def _join(self, call: FloorCall, agent: Agent) -> None:
        call.dialler.waiting.pop(call.id, None)
        call.agent, agent.call = agent.id, call.id
        if agent.facts.state == "ready":
            self.team.serve(agent, call.dialler.plan.key)
            self.presence.reserve(agent)
        self._pacing(call, CallInput.ASSIGNED)
        self._advance(call, CallInput.ASSIGNED)
        self._carrier.join(call.id, agent.id)

    def _missed(self, call: FloorCall, agent_id: AgentId) -> None:
        """The agent's phone was not taken; the customer goes on waiting."""
        agent = self.team.get(agent_id)
        call.agent, call.bound = None, False
        if agent is not None and agent.call == call.id:
            self.presence.missed(agent)
        self._pacing(call, CallInput.AGENT_MISSED)
        self._advance(call, CallInput.AGENT_MISSED)

    def _connected(self, call: FloorCall) -> None:
        call.stop_timer()
        call.connected = True
        agent = None if call.agent is None else self.team.get(call.agent)
        if agent is None:
            return
        plan = call.dialler.plan
        self._records.connected(plan.key, call.id, agent.id, self._clock.now())
        self._pacing(call, CallInput.JOINED)
        self.presence.connected(agent, plan)
        self._desk.connected(agent.id, plan, call.id)

    def _ended(self, call: FloorCall, cause: Cause, recorded_s: float | None) -> None:
        was, dialler = call.facts, call.dialler
        call.facts, _ = calls.advance(was, CallInput.ENDED)
        if was.unanswered:
            dialler.lines.discard(call.id)
            if cause == "failed":
                dialler.refused()
        if was.unanswered or was.state is CallState.DETECTING:
            self._pacing(call, CallInput.ENDED)
        elif was.state in (CallState.WAITING, CallState.JOINING):
            dialler.waiting.pop(call.id, None)
            self._pacing(call, CallInput.GRACE_OVER if was.state is CallState.WAITING else CallInput.JOINED)
        self._finish(call, calls.dial_status(call.facts, cause), recorded_s)

    def _finish(self, call: FloorCall, status: DialStatus, recorded_s: float | None) -> None:
        call.stop_timer()
        self._calls.pop(call.id, None)
        plan = call.dialler.plan
        self._records.finished(plan, call.id, call.activity, status, recorded_s, self._clock.now())
        agent = None if call.agent is None else self.team.get(call.agent)
        if agent is None or agent.call != call.id:
            return
        agent.call = None
        if call.connected:
            self.presence.call_ended(agent, call.activity, plan)
        else:
            self.presence.free(agent)

    def _pacing(self, call: FloorCall, happened: CallInput) -> None:
        """Tell pacing of a line. One that has its own agent is none of its business."""
        pacer, now = call.dialler.pacer, self._clock.elapsed()
        if pacer is None or call.bound:
            return
        match happened:
            case CallInput.RINGING:
                pacer.dialled(call.id, now)
            case CallInput.ANSWERED:
                pacer.answered(call.id, now)
            case CallInput.ASSIGNED:
                pacer.joining(call.id, now)
            case CallInput.AGENT_MISSED:
                pacer.missed(call.id, now)
            case CallInput.JOINED if call.agent is not None:
                pacer.joined(call.id, call.agent, now)
            case CallInput.GRACE_OVER:
                pacer.abandoned(call.id, now)
            case CallInput.ENDED:
                pacer.ended_unanswered(call.id, now)
            case _:
                pass
