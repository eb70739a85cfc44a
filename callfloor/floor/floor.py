"""The floor itself: calls are placed, taken, answered, given to agents and ended.

Driven by events of the carrier, of agents and of the clock; it never waits, so that on a virtual clock a day passes in
seconds and a seed repeats it. One thread, one order of events. Here is what comes from outside; which part hears of
what happens in another is in `wiring`. What becomes of it is, in `calls/`, in `outbound` (calls that we place),
`inbound` (that come in), `queues` (customers who wait), `conversations` (who talk), `transfers` (whom a customer goes
to) and `lost_phones` (agents' phones that went in mid-call), and in `agents/presence` (agents).
"""

from __future__ import annotations

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.previews import Previews
from callfloor.floor.agents.team import Agent, Team
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.floor.calls.dialler import Dialler, MakePacer
from callfloor.floor.calls.outgoing import DestinationListener
from callfloor.floor.calls.reception import Ask
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports import writes
from callfloor.floor.ports.desk import Desk
from callfloor.floor.ports.records import Records
from callfloor.floor.wiring import Wiring
from callfloor.rules.dialling.pacing import Pacer, Past
from callfloor.rules.routing.agents import AgentFacts, AgentInput
from callfloor.rules.routing.lost_phones import PhoneInput
from callfloor.telephony.carrier import (
    AgentId,
    AgentMissed,
    Answered,
    CallEvent,
    CallId,
    Carrier,
    CarrierEvent,
    Digit,
    Ended,
    Joined,
    Left,
    ListenerLeft,
    MessagePlayed,
    Offered,
    Recorded,
    Withdrawn,
)


class Floor:
    """`ask` and `destinations` as in `Wiring`."""

    def __init__(
        self,
        clock: Clock,
        carrier: Carrier,
        records: Records,
        desk: Desk,
        make_pacer: MakePacer = Pacer,
        *,
        ask: Ask | None = None,
        destinations: DestinationListener | None = None,
    ) -> None:
        self._clock, self._records = clock, records
        parts = Wiring(clock, carrier, records, desk, make_pacer, ask, destinations)
        self._diallers, self.contacts, self.outgoing = parts.diallers, parts.contacts, parts.outgoing
        self.outbound, self.callers, self.queues = parts.outbound, parts.callers, parts.queues
        self.waiting_callers = parts.waiting_callers
        self.conversations, self.transfers, self.lost_phones = parts.conversations, parts.transfers, parts.lost_phones
        self.presence, self.desk_updates, self.dispositions = parts.presence, parts.desk_updates, parts.dispositions
        self.pending_answers = parts.pending_answers
        carrier.listen(self.event)

    @property
    def team(self) -> Team:
        return self.presence.team

    @property
    def previews(self) -> Previews:
        return self.outbound.previews

    @property
    def diallers(self) -> list[Dialler]:
        return list(self._diallers.values())

    def has(self, call: CallId) -> bool:
        return self.contacts.get(call) is not None

    def left(self, call: CallId) -> int | None:
        """The first leg of a call of which nothing will become here: it was answered, and nobody waits or talks."""
        contact = self.contacts.get(call)
        if contact is None:
            return None if call > 0 else -call
        attempt = contact.attempt
        return attempt.activity if contact.only_attempt and attempt is not None and attempt.connected else None

    def customers(self, organisation: int) -> dict[str, str]:
        """Numbers (E.164) that we dial or talk to here, whether or not that is written down; and which call it is, in
        words."""
        found: dict[str, str] = {}
        for contact in self.contacts.everyone():
            if contact.organisation != organisation or contact.number is None:
                continue
            if contact.attempt is None:
                found.setdefault(contact.number, f"activity {contact.activity}")
            else:
                found[contact.number] = f"that of attempt {contact.call}"
        return found

    def on_line(self, organisation: int) -> dict[str, str]:
        """The same, with numbers outside that agents have brought into calls."""
        found = self.customers(organisation)
        for contact in self.contacts.everyone():
            for party in contact.parties.values():
                if contact.organisation == organisation and party.number is not None:
                    found.setdefault(party.number, f"an agent has called it, activity {contact.activity}")
        return found

    def placed_before(self, at: float) -> set[CallId]:
        """Calls that the carrier was asked for, or that it told of, before then."""
        return {contact.call for contact in self.contacts.everyone() if contact.began_at < at}

    def lost(self, lost: set[CallId]) -> None:
        """The carrier holds these no longer, and their end was not heard of."""
        for each in sorted(lost):
            contact = self.contacts.get(each)
            attempt = None if contact is None else contact.attempt
            self._over(Ended(each, "failed" if attempt is not None and attempt.facts.unanswered else "hang-up"))

    # Campaigns

    def configure(self, plan: CampaignPlan, past: Past | None = None) -> None:
        """Dial or take calls for a campaign, or do it otherwise. `past`: what its pacing learned before."""
        # customers of outbound campaigns wait too, when they are transferred
        self.queues.configure(plan)
        if plan.mode is not None:
            self.outbound.configure(plan, past)

    def drop(self, key: CampaignKey) -> None:
        """The campaign is another engine's now: forget its calls and agents, without a word to anybody."""
        self.outbound.drop(key)
        self.queues.close(key)
        gone = set[CallId]()
        for contact in self.contacts.everyone():
            dialled_here = contact.attempt is not None and contact.attempt.dialler.plan.key == key
            if dialled_here or (contact.plan.key == key and not contact.only_attempt):
                gone.add(contact.call)
                self.queues.leave(contact)
                if dialled_here:
                    self.contacts.pop(contact.call)
                else:
                    self.contacts.leave_attempt(contact)
        led = self._diallers.keys() | self.queues.campaigns()
        for agent in self.team.everyone():
            if agent.call in gone or agent.serving == key or not led & set(agent.campaigns):
                self.team.forget(agent)

    def place(self, key: CampaignKey, call: Claimed) -> None:
        """Dial what is written down."""
        dialler = self._diallers.get(key)
        if dialler is not None:
            self.outbound.place(dialler, call)

    def adopt(
        self,
        key: CampaignKey,
        call: Claimed,
        *,
        answered: bool,
        agent: AgentId | None,
        connected: bool = False,
        over: bool = False,
    ) -> None:
        """Carry on with a call that another engine placed and the carrier holds. `connected`: an agent had it already;
        `over`: and gave it away."""
        self.outbound.adopt(key, call, answered=answered, agent=agent, connected=connected, over=over)
        self.outgoing.resume(self._diallers[key].plan, call.call)
        self._resume(agent)

    def adopt_contact(self, contact: Contact, *, again: bool = False) -> None:
        """Carry on with somebody whom another engine had on the line and the carrier holds. `again`: the agent who
        talked is gone."""
        self.contacts.put(contact)
        for party in contact.parties.values():
            if party.number is not None:
                self.outgoing.resume(contact.plan, contact.call, party.id)
        if again:
            self.callers.again(contact)
        elif contact.stage in (Stage.WORKFLOW, Stage.QUEUE):
            self.callers.resume(contact)
        self._resume(contact.agent)

    def _resume(self, agent: AgentId | None) -> None:
        known = None if agent is None else self.team.get(agent)
        if known is not None:
            self.resume(known)

    def resume(self, agent: Agent) -> bool:
        """The agent is on a call that was carried on with before the agent was known. False: there is none."""
        contact = next((each for each in self.contacts.customers() if each.agent == agent.id), None)
        if contact is None or contact.stage is not Stage.TALKING or agent.call is not None:
            return False
        agent.call = contact.call
        if not agent.facts.busy:
            # whatever the floor thought of it: it has a call
            self.team.change(agent, AgentFacts("dialling"))
        self.presence.connected(agent, contact.plan)
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
            self.outbound.dial(self._diallers[serving])
        if agent.preview is not None and happened is not AgentInput.READY:
            self.previews.left(agent)

    def hang_up(self, agent: Agent) -> Refusal | None:
        """The agent wants no more of its call, or of the one that is being dialled or offered to it."""
        contact = self.contacts.get(agent.call)
        if contact is not None and contact.stage is Stage.JOINING:
            self.queues.declined(contact, agent.id)
            return None
        if contact is not None and contact.only_attempt and contact.attempt is not None:
            return self.outbound.hang_up(contact.attempt, agent)
        return self.conversations.hang_up(agent.id)

    def tick(self) -> None:
        """Twice a second, say: dial where pacing has changed its mind with time alone."""
        self.outgoing.tick()
        self.outbound.tick()
        self.queues.tick()
        for agent in self.team.everyone():
            if agent.facts.state == "ready" and len(agent.campaigns) > 1:
                self.presence.move(agent)

    # Calls

    def event(self, event: CarrierEvent) -> None:
        """What the carrier says."""
        match event:
            case Offered():
                self.callers.offered(event)
            case Withdrawn():
                # an offer is accepted or refused at once
                pass
            case Ended():
                self._over(event)
            case _ if (contact := self.contacts.get(event.call)) is None:
                pass
            case _ if contact.only_attempt and contact.attempt is not None:
                self.outbound.event(contact.attempt, event)
            case _:
                self._contact_event(contact, event)

    def _contact_event(self, contact: Contact, event: CallEvent) -> None:
        """Of a caller, or of somebody who talks to an agent."""
        match event:
            case Answered():
                self.callers.answered(contact)
            case Joined(agent=agent) if contact.stage is Stage.JOINING:
                self.queues.joined(contact, agent)
            case Joined(agent=agent) if agent == contact.agent:
                self.lost_phones.happened(contact, PhoneInput.JOINED)
            case Joined(agent=agent):
                self.transfers.joined(contact, agent)
            case AgentMissed(agent=agent) if contact.stage is Stage.JOINING:
                self.queues.missed(contact, agent)
            case AgentMissed(agent=agent) if agent == contact.agent:
                self.lost_phones.happened(contact, PhoneInput.MISSED)
            case AgentMissed(agent=agent):
                self.transfers.missed(contact, agent)
            case Left(agent=agent, lost=True) if agent == contact.agent and contact.stage is Stage.TALKING:
                self.lost_phones.happened(contact, PhoneInput.LOST)
            case Left(agent=agent):
                self.transfers.left(contact, agent)
            case ListenerLeft(supervisor=supervisor):
                self.conversations.listener_left(contact, supervisor)
            case Digit(digit=digit):
                self.callers.pressed(contact, digit)
            case MessagePlayed():
                self.callers.played(contact)
            case Recorded(part=part, seconds=seconds):
                if not self.callers.recorded(contact, part, seconds):
                    self._recorded(contact, part, seconds)
            case _:
                pass

    def _recorded(self, contact: Contact, part: int, seconds: float) -> None:
        """A part of the talk's recording is whole."""
        activity = contact.parts.get(part)
        if activity is not None:
            now, call = self._clock.now(), contact.call
            recorded = writes.PartRecorded(contact.organisation, activity, now, call=call, part=part, seconds=seconds)
            self._records.write(recorded)

    def _over(self, event: Ended) -> None:
        """A call is over. An attempt ends with the whole call, however many legs it had."""
        self.outgoing.over(event.call)
        contact = self.contacts.pop(event.call)
        if contact is None:
            return
        for party in contact.parties:
            self.outgoing.gone(event.call, party)
        attempt, recorded_s = contact.attempt, event.recorded_s
        if not contact.only_attempt:
            # its first leg, and what is recorded of that, ends with its attempt
            first = None if attempt is None else attempt.activity
            if contact.stage in (Stage.TALKING, Stage.OUTSIDE):
                self.conversations.ended(contact)
            if recorded_s is not None and (first is None or contact.parts.get(contact.part) != first):
                self._recorded(contact, contact.part, recorded_s)
                recorded_s = None
            if event.quality is not None:
                now, score = self._clock.now(), event.quality
                self._records.write(writes.QualityMeasured(*contact.leg(now), score=score))
            if contact.activity != first:
                self.callers.ended(contact)
        if attempt is not None:
            self.outbound.ended(attempt, event.cause, recorded_s)
