"""Calls that the floor places: dialled for agents, answered, given to one, or let go."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from callfloor.clock import Clock
from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import Presence
from callfloor.floor.agents.previews import Previews
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.contacts import Attempt, Contacts, Stage, dialled
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
    """`diallers`: one a campaign, shared with who has to know them. What happens on a call before an agent is on it
    belongs here, and its attempt's end."""

    def __init__(
        self, clock: Clock, carrier: Carrier, outgoing: Outgoing, records: Records, desk: Desk, presence: Presence,
        contacts: Contacts, desk_updates: DeskUpdates, diallers: dict[CampaignKey, Dialler], make_pacer: MakePacer,
    ) -> None:  # fmt: skip
        self._clock, self._carrier, self._outgoing, self._records, self._desk = clock, carrier, outgoing, records, desk
        self._presence, self._contacts, self._desk_updates = presence, contacts, desk_updates
        self._diallers, self._make_pacer = diallers, make_pacer
        self._team = presence.team
        self.previews = Previews(clock, records, desk, presence, desk_updates, diallers, self.place)

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
        for attempt in self._contacts.attempts():
            contact, answered_at = attempt.contact, attempt.answered_at
            waits = contact.stage is Stage.DIALLED and contact.timer is not None
            if attempt.dialler is dialler and waits and answered_at is not None:
                contact.stop_timers()
                self._time_grace(attempt, answered_at)

    def _time_grace(self, attempt: Attempt, since: float) -> None:
        left_s = since + attempt.dialler.plan.pacing.grace_s - self._clock.elapsed()
        over = partial(self._advance, attempt, CallInput.GRACE_OVER)
        attempt.contact.timer = self._clock.call_later(max(0.0, left_s), over)

    def drop(self, key: CampaignKey) -> None:
        """Dial for this campaign no more."""
        dialler = self._diallers.pop(key, None)
        if dialler is not None:
            dialler.dropped = True

    def adopt(
        self, key: CampaignKey, claimed: Claimed, *, answered: bool, agent: AgentId | None, connected: bool, over: bool
    ) -> None:
        """Carry on with a call that the carrier holds and another engine began. `connected`: an agent had it already;
        `over`: and gave it away."""
        dialler, talked = self._diallers[key], connected or agent is not None
        state = CallState.DIALLING if not answered else CallState.CONNECTED if talked else CallState.WAITING
        result = DialStatus.ANSWERED if talked else None
        facts = CallFacts(state, dialler.plan.detect_machines, result)
        attempt, known = dialled(dialler, claimed, facts, self._clock.elapsed()), self._contacts.get(claimed.call)
        talks = talked and not over and agent is not None
        if known is not None and talked and not talks:
            # the customer was found first
            known.attach(attempt)
            return
        attempt.contact.stage = Stage.ELSEWHERE if talked else Stage.DIALLED
        self._contacts.put(attempt.contact)
        if facts.unanswered:
            dialler.lines.add(attempt.id)
            self._pacing(attempt, CallInput.RINGING)
        elif not talked:
            # nobody knows how long this person has waited: too long
            attempt.answered_at = self._clock.elapsed()
            self._advance(attempt, CallInput.GRACE_OVER)
        elif not over and agent is not None:
            begins = attempt.begins(self._clock.now())
            self._records.write(writes.AttemptAnswered(*begins))
            self._records.write(writes.AttemptConnected(*begins, agent=agent))
            self._contacts.connect(attempt.contact, agent, self._clock.now())

    def serve(self, agent: Agent) -> bool:
        """An agent is idle: whoever has answered and waits is joined. False: nobody does."""
        for key in sorted(agent.campaigns, key=lambda key: key != agent.serving):
            dialler = self._diallers.get(key)
            waiting = [] if dialler is None else self._of(dialler.waiting)
            if waiting:
                self._join(waiting[0], agent)
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
        self._cancel(tuple(each.id for each in self._of(dialler.lines) if each.dialled_before(latest)))

    def _has_line(self, dialler: Dialler) -> bool:
        """Whether a line is left for whoever accepts a lead, besides those of agents who look at one."""
        plan = dialler.plan
        if not self._outgoing.room(plan, 1):
            return False
        return plan.max_lines is None or len(dialler.lines) + self._team.looking_count(plan.key) < plan.max_lines

    def _cancel(self, lines: tuple[CallId, ...]) -> None:
        for attempt in self._of(lines):
            self._advance(attempt, CallInput.CANCEL)

    def _of(self, lines: Iterable[CallId]) -> list[Attempt]:
        """Their attempts."""
        found = (self._contacts.get(line) for line in lines)
        return [contact.attempt for contact in found if contact is not None and contact.attempt is not None]

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
        attempt = dialled(dialler, claimed, facts, self._clock.elapsed(), agent, bound=bound)
        permit = self._outgoing.permit(plan, claimed.number, claimed.agent if claimed.manual else None, granted=True)
        off = not plan.active and not claimed.manual
        if isinstance(permit, Denied) or off or (bound and (agent is None or not self._hold(agent, attempt))):
            # denied or switched off meanwhile; or its agent went elsewhere, and nobody else may have the call
            begins = attempt.begins(self._clock.now())
            self._records.write(writes.AttemptPutBack(*begins, lead_status=claimed.status, due=claimed.due))
            return
        self._contacts.put(attempt.contact)
        dialler.lines.add(attempt.id)
        self._pacing(attempt, CallInput.RINGING)
        line = Line(attempt.id, claimed.number, claimed.caller, plan.pacing.ring_s, facts.detect, plan.record)
        self._outgoing.originate(permit, line)

    def _willing(self, plan: CampaignPlan, agent_id: AgentId) -> AgentId | None:
        """The agent, or another one who is idle if that one wants to pause or leave and leads are not looked at."""
        agent = self._team.get(agent_id)
        if agent is not None and agent.facts.wanted is None:
            return agent_id
        idle = [] if plan.mode == "preview" else self._team.ready(plan.key)
        return idle[0].id if idle else None

    def _hold(self, agent_id: AgentId, attempt: Attempt) -> bool:
        """Keep the agent free for the call."""
        agent = self._team.get(agent_id)
        if agent is None or agent.call is not None or agent.leaving or agent.facts.state not in ("ready", "dialling"):
            return False
        if attempt.dialler.plan.key not in agent.campaigns:
            return False
        agent.call = attempt.id
        if agent.facts.state == "ready":
            self._presence.reserve(agent)
        self._presence.show(agent, agent.facts, attempt.dialler.plan.key)
        return True

    # Calls

    def hang_up(self, attempt: Attempt, agent: Agent) -> Refusal | None:
        """The agent wants no more of a call that it is not on yet. One that was dialled for this agent alone is let go;
        another goes on to somebody else."""
        if attempt.bound:
            self._advance(attempt, CallInput.CANCEL if attempt.facts.unanswered else CallInput.DROP)
        else:
            self._carrier.leave(attempt.id, agent.id)
            self._missed(attempt, agent.id)
        return None

    def event(self, attempt: Attempt, event: CallEvent) -> None:
        """Of a call that was dialled and that no agent of ours is on."""
        match event:
            case Ringing() | Answered():
                attempt.dialler.accepted()
                self._advance(attempt, CallInput.RINGING if isinstance(event, Ringing) else CallInput.ANSWERED)
                if attempt.facts.state is CallState.DETECTING:
                    attempt.dialler.pacer.detecting(attempt.id, self._clock.elapsed())
            case Detected(machine=machine):
                self._advance(attempt, CallInput.MACHINE if machine else CallInput.PERSON)
            case Joined(agent=agent):
                if agent == attempt.contact.agent:
                    self._advance(attempt, CallInput.JOINED)
            case AgentMissed(agent=agent):
                if agent == attempt.contact.agent and not attempt.connected:
                    self._missed(attempt, agent)
            case MessagePlayed():
                self._advance(attempt, CallInput.MESSAGE_OVER)
            case _:
                pass

    def _advance(self, attempt: Attempt, happened: CallInput) -> None:
        before = attempt.facts
        attempt.facts, effects = calls.advance(before, happened)
        if not attempt.facts.unanswered:
            attempt.dialler.lines.discard(attempt.id)
        if attempt.facts.state is CallState.CLOSING and (before.unanswered or before.state is CallState.DETECTING):
            # cancelled, or a machine: no person will come of it
            self._pacing(attempt, CallInput.ENDED)
        for effect in effects:
            self._do(attempt, effect)

    def _do(self, attempt: Attempt, effect: Effect) -> None:
        match effect:
            case Effect.NOTE_ANSWER:
                self._records.write(writes.AttemptAnswered(*attempt.begins(self._clock.now())))
            case Effect.FIND_AGENT:
                self._find_agent(attempt)
            case Effect.NOTE_CONNECTION:
                self._connected(attempt)
            case Effect.PLAY_MESSAGE:
                attempt.dialler.waiting.pop(attempt.id, None)
                self._pacing(attempt, CallInput.GRACE_OVER)
                self._carrier.play(attempt.id, INFORMATION_MESSAGE)
            case Effect.COUNT_ANSWER:
                self._pacing(attempt, CallInput.ANSWERED)
            case Effect.COUNT_ABANDONED:
                self._pacing(attempt, CallInput.GRACE_OVER)
            case Effect.HANG_UP:
                attempt.contact.stop_timers()
                self._carrier.hang_up(attempt.id)

    def _find_agent(self, attempt: Attempt) -> None:
        grace_s = attempt.dialler.plan.pacing.grace_s
        if attempt.answered_at is None:
            attempt.answered_at = self._clock.elapsed()
            self._pacing(attempt, CallInput.ANSWERED)
            self._time_grace(attempt, attempt.answered_at)
        own = attempt.contact.agent
        agent = self._team.for_call(attempt.dialler.plan.key) if own is None else self._team.get(own)
        if agent is not None:
            self._join(attempt, agent)
        elif self._clock.elapsed() - attempt.answered_at >= grace_s:
            self._advance(attempt, CallInput.GRACE_OVER)
        else:
            attempt.dialler.waiting[attempt.id] = None
            # one more would be abandoned now: pacing may have to let lines go before the next is answered
            self.dial(attempt.dialler)

    def _join(self, attempt: Attempt, agent: Agent) -> None:
        attempt.dialler.waiting.pop(attempt.id, None)
        attempt.contact.agent, agent.call = agent.id, attempt.id
        if agent.facts.state == "ready":
            self._team.serve(agent, attempt.dialler.plan.key)
            self._presence.reserve(agent)
        self._pacing(attempt, CallInput.ASSIGNED)
        self._advance(attempt, CallInput.ASSIGNED)
        self._carrier.join(attempt.id, agent.id)

    def _missed(self, attempt: Attempt, agent_id: AgentId) -> None:
        """The agent's phone was not taken; the customer goes on waiting."""
        agent = self._team.get(agent_id)
        attempt.contact.agent, attempt.bound = None, False
        if agent is not None and agent.call == attempt.id:
            self._presence.missed(agent)
        self._pacing(attempt, CallInput.AGENT_MISSED)
        self._advance(attempt, CallInput.AGENT_MISSED)

    def _connected(self, attempt: Attempt) -> None:
        attempt.contact.stop_timers()
        agent = None if attempt.contact.agent is None else self._team.get(attempt.contact.agent)
        if agent is None:
            return
        plan = attempt.dialler.plan
        self._records.write(writes.AttemptConnected(*attempt.begins(self._clock.now()), agent=agent.id))
        self._pacing(attempt, CallInput.JOINED)
        self._contacts.connect(attempt.contact, agent.id, self._clock.now())
        self._presence.connected(agent, plan)
        self._desk.connected(agent.id, plan, attempt.id)
        self._desk_updates.mark(agent.id, "call.connected")

    def ended(self, attempt: Attempt, cause: Cause, recorded_s: float | None) -> None:
        """The call is over for everybody. `recorded_s`: of what was recorded of its first leg and is not stored yet."""
        was, dialler = attempt.facts, attempt.dialler
        attempt.facts, _ = calls.advance(was, CallInput.ENDED)
        if was.unanswered:
            dialler.lines.discard(attempt.id)
            if cause == "failed":
                dialler.refused()
        if was.unanswered or was.state is CallState.DETECTING:
            self._pacing(attempt, CallInput.ENDED)
        elif was.state in (CallState.WAITING, CallState.JOINING):
            dialler.waiting.pop(attempt.id, None)
            self._pacing(attempt, CallInput.GRACE_OVER if was.state is CallState.WAITING else CallInput.JOINED)
        self._finish(attempt, calls.dial_status(attempt.facts, cause), recorded_s)

    def _finish(self, attempt: Attempt, status: DialStatus, recorded_s: float | None) -> None:
        self._records.write(attempt.finished(status, recorded_s, self._clock.now()))
        contact = attempt.contact
        held = contact.agent if contact.only_attempt else None
        agent = None if held is None else self._team.get(held)
        if agent is not None and agent.call == attempt.id:
            agent.call = agent.shown = None
            self._presence.free(agent)

    def _pacing(self, attempt: Attempt, happened: CallInput) -> None:
        """Tell pacing of a line."""
        attempt.dialler.heard(attempt.id, happened, attempt.contact.agent, bound=attempt.bound)
