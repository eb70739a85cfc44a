"""Calls that the floor places: dialled for agents, answered, given to one, or let go."""

from __future__ import annotations

from functools import partial

from callfloor.clock import Clock
from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import Call, Refusal
from callfloor.floor.agents.desk_updates import Showing
from callfloor.floor.agents.presence import Presence
from callfloor.floor.agents.previews import Previews
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.contacts import Contacts
from callfloor.floor.calls.dialled_call import FloorCall
from callfloor.floor.calls.dialler import Dialler, MakePacer
from callfloor.floor.calls.outgoing import Outgoing
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports import writes
from callfloor.floor.ports.desk import Desk
from callfloor.floor.ports.records import Claim, Records
from callfloor.rules.dialling.destinations import Denied
from callfloor.rules.dialling.pacing import Past
from callfloor.rules.routing import calls
from callfloor.rules.routing.calls import CallFacts, CallInput, CallState, Effect
from callfloor.telephony.carrier import (
    AgentId,
    AgentMissed,
    Answered,
    CallEvent,
    CallId,
    Carrier,
    Cause,
    Detected,
    Joined,
    Line,
    MessagePlayed,
    Ringing,
)

# What a person hears who answered when nobody was free; it names the organisation and a number to call.
INFORMATION_MESSAGE = "information"


class Outbound:
    """`diallers`: one a campaign, shared with who has to know them. Until an agent is on a call it is here; then it is
    one of `contacts` too, where what happens on it belongs."""

    def __init__(
        self, clock: Clock, carrier: Carrier, outgoing: Outgoing, records: Records, desk: Desk, presence: Presence,
        contacts: Contacts, showing: Showing, diallers: dict[CampaignKey, Dialler], make_pacer: MakePacer,
    ) -> None:  # fmt: skip
        self._clock, self._carrier, self._outgoing, self._records, self._desk = clock, carrier, outgoing, records, desk
        self._presence, self._contacts, self._showing = presence, contacts, showing
        self._diallers, self._make_pacer = diallers, make_pacer
        self._team = presence.team
        self._calls: dict[CallId, FloorCall] = {}
        self.previews = Previews(clock, records, desk, presence, showing, diallers, self.place)

    @property
    def calls(self) -> list[FloorCall]:
        return list(self._calls.values())

    def get(self, call: CallId | None) -> FloorCall | None:
        return None if call is None else self._calls.get(call)

    # Campaigns

    def configure(self, plan: CampaignPlan, past: Past | None) -> None:
        """Dial for a campaign, or dial for it otherwise, with its lines and all that is known of it. `past`: what
        another engine's pacing learned, of a campaign that is new here."""
        known = self._diallers.get(plan.key)
        if known is not None:
            grace_s = known.plan.pacing.grace_s
            known.configure(plan)
            if grace_s != plan.pacing.grace_s:
                self._wait_otherwise(known)
            self.previews.configure(plan)
            return
        self._diallers[plan.key] = Dialler(plan, self._clock, past, self._make_pacer)
        for agent in self._team.everyone():
            self._presence.watch(agent, None)

    def _wait_otherwise(self, dialler: Dialler) -> None:
        """Another grace time holds for those too who have answered already."""
        for call in self._calls.values():
            if call.dialler is dialler and call.timer is not None and call.answered_at is not None:
                call.stop_timer()
                self._time_grace(call, call.answered_at)

    def _time_grace(self, call: FloorCall, since: float) -> None:
        left_s = since + call.dialler.plan.pacing.grace_s - self._clock.elapsed()
        call.timer = self._clock.call_later(max(0.0, left_s), partial(self._advance, call, CallInput.GRACE_OVER))

    def drop(self, key: CampaignKey) -> set[CallId]:
        """Forget a campaign and its calls, which are returned."""
        dialler = self._diallers.pop(key, None)
        if dialler is not None:
            dialler.dropped = True
        gone = {call.id for call in self._calls.values() if call.dialler.plan.key == key}
        for call in gone:
            self._calls.pop(call).stop_timer()
        return gone

    def adopt(
        self, key: CampaignKey, claimed: Claimed, *, answered: bool, agent: AgentId | None, connected: bool, over: bool
    ) -> None:
        """Carry on with a call that the carrier holds and another engine began. `connected`: an agent had it already;
        `over`: and gave it away."""
        dialler, talked = self._diallers[key], connected or agent is not None
        state = CallState.DIALLING if not answered else CallState.CONNECTED if talked else CallState.WAITING
        result = DialStatus.ANSWERED if talked else None
        facts = CallFacts(state, dialler.plan.detect_machines, result)
        now = self._clock.elapsed()
        call = FloorCall(claimed.call, dialler, claimed, facts, None, now, connected=talked)
        self._calls[call.id] = call
        if call.facts.unanswered:
            dialler.lines.add(call.id)
            self._pacing(call, CallInput.RINGING)
        elif not talked:
            # nobody knows how long this person has waited: too long
            call.answered_at = self._clock.elapsed()
            self._advance(call, CallInput.GRACE_OVER)
        elif not over and agent is not None:
            attempt = call.attempt(self._clock.now())
            self._records.write(writes.AttemptAnswered(*attempt))
            self._records.write(writes.AttemptConnected(*attempt, agent=agent))
            self._talk(call, agent)

    def serve(self, agent: Agent) -> bool:
        """An agent is idle: whoever has answered and waits is joined. False: nobody does."""
        for key in sorted(agent.campaigns, key=lambda key: key != agent.serving):
            dialler = self._diallers.get(key)
            if dialler is not None and dialler.waiting:
                self._join(self._calls[next(iter(dialler.waiting))], agent)
                return True
        return False

    # Dialling

    def tick(self) -> None:
        """Twice a second, say: dial where pacing has changed its mind with time alone."""
        for dialler in list(self._diallers.values()):
            self.dial(dialler)

    def dial(self, dialler: Dialler) -> None:
        """Place as many calls as pacing wants now, or offer leads to look at."""
        plan = dialler.plan
        if plan.let_go and not plan.active:
            self._let_go(dialler)
        if dialler.lines and not self._team.serving_count(plan.key):
            # nobody is there any more to talk to whoever answers
            self._cancel(tuple(dialler.lines))
        if plan.mode == "preview":
            count, cancel = dialler.one_each()
            self._cancel(cancel)
            for agent in self._team.ready(plan.key)[:count]:
                if dialler.wants_agents and self._has_line(dialler):
                    self.previews.offer(dialler, agent)
            return
        count, cancel, why = dialler.wanted()
        self._cancel(cancel)
        if not (count := self._outgoing.room(plan, count)):
            return
        ready = self._team.ready(plan.key)
        held = ready[:count] if plan.mode == "progressive" else []
        for agent in held:
            self._presence.reserve(agent)
        dialler.claiming = True
        claim = Claim(plan, count, [agent.id for agent in held or ready], plan.mode == "progressive", why)
        self._records.claim(claim, partial(self._claimed, dialler, count, held))

    def _let_go(self, dialler: Dialler) -> None:
        """Nothing rings on, as soon as the regime lets it go. Calls by hand are their agents'."""
        latest = self._clock.elapsed() - dialler.plan.pacing.minimum_ring_s
        self._cancel(tuple(line for line in dialler.lines if self._calls[line].since(latest)))

    def _has_line(self, dialler: Dialler) -> bool:
        """Whether a line is left for whoever accepts a lead, besides those of agents who look at one."""
        plan = dialler.plan
        if not self._outgoing.room(plan, 1):
            return False
        return plan.max_lines is None or len(dialler.lines) + self._team.looking_count(plan.key) < plan.max_lines

    def _cancel(self, lines: tuple[CallId, ...]) -> None:
        for call in [self._calls[line] for line in lines if line in self._calls]:
            self._advance(call, CallInput.CANCEL)

    def _claimed(self, dialler: Dialler, asked: int, held: list[Agent], claimed: list[Claimed]) -> None:
        if dialler.dropped:
            # whoever leads the campaign now finds these attempts and closes them
            return
        dialler = self._diallers[dialler.plan.key]
        dialler.claimed(asked, len(claimed))
        for call in claimed:
            self.place(dialler, call, willing=True)
        for agent in held:
            if self._team.get(agent.id) is agent and agent.call is None and agent.facts.state == "dialling":
                self._presence.release(agent)

    def place(self, dialler: Dialler, claimed: Claimed, *, willing: bool = False) -> None:
        """Dial. The attempt is written down already. `willing`: not for an agent who wants no more calls, unless it is
        that agent's own callback."""
        if dialler.dropped:
            return
        plan, bound, agent = dialler.plan, claimed.agent is not None, claimed.agent
        if agent is not None and willing and not claimed.own:
            agent = self._willing(plan, agent)
        facts = CallFacts(detect=plan.detect_machines and not claimed.manual)
        call = FloorCall(claimed.call, dialler, claimed, facts, agent, self._clock.elapsed(), bound)
        permit = self._outgoing.permit(plan, claimed.number, claimed.agent if claimed.manual else None, granted=True)
        off = not plan.active and not claimed.manual
        if isinstance(permit, Denied) or off or (bound and (agent is None or not self._hold(agent, call))):
            # denied or switched off meanwhile; or its agent went elsewhere, and nobody else may have the call
            attempt = call.attempt(self._clock.now())
            self._records.write(writes.AttemptPutBack(*attempt, lead_status=claimed.status, due=claimed.due))
            return
        self._calls[call.id] = call
        dialler.lines.add(call.id)
        self._pacing(call, CallInput.RINGING)
        line = Line(call.id, claimed.number, claimed.caller, plan.pacing.ring_s, facts.detect, plan.record)
        self._outgoing.originate(permit, line)

    def _willing(self, plan: CampaignPlan, agent_id: AgentId) -> AgentId | None:
        """The agent, or another one who is idle if that one wants to pause or leave and leads are not looked at."""
        agent = self._team.get(agent_id)
        if agent is not None and agent.facts.wanted is None:
            return agent_id
        idle = [] if plan.mode == "preview" else self._team.ready(plan.key)
        return idle[0].id if idle else None

    def _hold(self, agent_id: AgentId, call: FloorCall) -> bool:
        """Keep the agent free for the call."""
        agent = self._team.get(agent_id)
        if agent is None or agent.call is not None or agent.leaving or agent.facts.state not in ("ready", "dialling"):
            return False
        if call.dialler.plan.key not in agent.campaigns:
            return False
        agent.call = call.id
        if agent.facts.state == "ready":
            self._presence.reserve(agent)
        self._presence.show(agent, agent.facts, call.dialler.plan.key)
        return True

    # Calls

    def hang_up(self, call: FloorCall, agent: Agent) -> Refusal | None:
        """The agent wants no more of a call that it is not on yet. One that was dialled for this agent alone is let go;
        another goes on to somebody else."""
        if call.bound:
            self._advance(call, CallInput.CANCEL if call.facts.unanswered else CallInput.DROP)
        else:
            self._carrier.leave(call.id, agent.id)
            self._missed(call, agent.id)
        return None

    def view(self, call_id: CallId | None) -> Call | None:
        """What the desk of its agent shows of a call that is being dialled, or answered and not taken yet."""
        call = self.get(call_id)
        return None if call is None else call.view()

    def event(self, call: FloorCall, event: CallEvent) -> None:
        """Of a call that was dialled and that no agent is on yet."""
        match event:
            case Ringing() | Answered():
                call.dialler.accepted()
                self._advance(call, CallInput.RINGING if isinstance(event, Ringing) else CallInput.ANSWERED)
                if call.facts.state is CallState.DETECTING:
                    call.dialler.pacer.detecting(call.id, self._clock.elapsed())
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
            case _:
                pass

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
                self._records.write(writes.AttemptAnswered(*call.attempt(self._clock.now())))
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
            self._time_grace(call, call.answered_at)
        agent = self._team.get(call.agent) if call.agent is not None else self._team.for_call(call.dialler.plan.key)
        if agent is not None:
            self._join(call, agent)
        elif self._clock.elapsed() - call.answered_at >= grace_s:
            self._advance(call, CallInput.GRACE_OVER)
        else:
            call.dialler.waiting[call.id] = None
            # one more would be abandoned now: pacing may have to let lines go before the next is answered
            self.dial(call.dialler)

    def _join(self, call: FloorCall, agent: Agent) -> None:
        call.dialler.waiting.pop(call.id, None)
        call.agent, agent.call = agent.id, call.id
        if agent.facts.state == "ready":
            self._team.serve(agent, call.dialler.plan.key)
            self._presence.reserve(agent)
        self._pacing(call, CallInput.ASSIGNED)
        self._advance(call, CallInput.ASSIGNED)
        self._carrier.join(call.id, agent.id)

    def _missed(self, call: FloorCall, agent_id: AgentId) -> None:
        """The agent's phone was not taken; the customer goes on waiting."""
        agent = self._team.get(agent_id)
        call.agent, call.bound = None, False
        if agent is not None and agent.call == call.id:
            self._presence.missed(agent)
        self._pacing(call, CallInput.AGENT_MISSED)
        self._advance(call, CallInput.AGENT_MISSED)

    def _connected(self, call: FloorCall) -> None:
        call.stop_timer()
        call.connected = True
        agent = None if call.agent is None else self._team.get(call.agent)
        if agent is None:
            return
        plan = call.dialler.plan
        self._records.write(writes.AttemptConnected(*call.attempt(self._clock.now()), agent=agent.id))
        self._pacing(call, CallInput.JOINED)
        self._talk(call, agent.id)
        self._presence.connected(agent, plan)
        self._desk.connected(agent.id, plan, call.id)
        self._showing.mark(agent.id, "call.connected")

    def _talk(self, call: FloorCall, agent: AgentId) -> None:
        """From now on the call is a talk like any other, and its agent is the talk's."""
        call.agent = None
        self._contacts.put(call.talk(agent, self._clock.elapsed(), self._clock.now()))

    def ended(self, call: FloorCall, cause: Cause, recorded_s: float | None) -> None:
        """The call is over for everybody. `recorded_s`: of what was recorded of its first leg and is not stored yet."""
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
        self._records.write(call.finished(status, recorded_s, self._clock.now()))
        agent = None if call.agent is None else self._team.get(call.agent)
        if agent is not None and agent.call == call.id:
            agent.call = agent.shown = None
            self._presence.free(agent)

    def _pacing(self, call: FloorCall, happened: CallInput) -> None:
        """Tell pacing of a line."""
        call.dialler.heard(call.id, happened, call.agent, bound=call.bound)
