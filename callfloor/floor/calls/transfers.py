"""Whom a customer goes to: consultation, conference, transfer, and the way back when nobody takes the call.

Commands answer None when they are obeyed, else why they are not. A call is given to an agent, a queue or a number
outside. Whoever does not take it, the customer is not lost: it comes back to the agent who gave it away when that one
is free, else it is the first in the queue of the campaign.
"""

from __future__ import annotations

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import Presence
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.contacts import WHATEVER_THE_LENGTH, Asked, Contact, Contacts, Party, Stage
from callfloor.floor.calls.conversations import Conversations
from callfloor.floor.calls.legs import NO_CALL, Legs
from callfloor.floor.calls.outgoing import Outgoing, Permit, as_refusal
from callfloor.floor.calls.queues import Queues
from callfloor.floor.plan import CampaignPlan
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import UNAVAILABLE, Records
from callfloor.floor.ports.writes import NewLeg
from callfloor.rules.dialling.destinations import Denied
from callfloor.telephony.carrier import AgentId, Carrier, PartyId

# An outside number rings so long.
OUTSIDE_RINGS_S = 30.0

NO_PARTY = Refusal(code="no-party", detail="Nobody was brought into this call: consult somebody first.")
NOT_THERE = Refusal(code="no-party", detail="The party has not answered yet: wait, or cancel the consultation.")
SIGNED_OUT = Refusal(code="target-busy", detail="This agent is not signed in.")
_DOES = {
    "dialling": "is being called", "on-call": "is on a call", "on-wrap": "is in a wrap-up", "paused": "is paused",
    "ready": "is being called",
}  # fmt: skip


class Transfers:
    def __init__(
        self,
        clock: Clock,
        carrier: Carrier,
        outgoing: Outgoing,
        records: Records,
        presence: Presence,
        contacts: Contacts,
        queues: Queues,
        legs: Legs,
        conversations: Conversations,
        desk_updates: DeskUpdates,
    ) -> None:
        self._clock, self._carrier, self._records, self._presence = clock, carrier, records, presence
        self._contacts, self._queues, self._legs, self._conversations = contacts, queues, legs, conversations
        self._desk_updates, self._outgoing = desk_updates, outgoing

    # Consultation and conference

    def consult(self, agent: AgentId, other: Agent | str) -> Refusal | None:
        """Put the customer on hold and call an agent, or a number (E.164)."""
        contact = self._legs.own(agent)
        if isinstance(contact, Refusal):
            return contact
        if contact.consulting is not None:
            return Refusal(code="wrong-state", detail="Another consultation is going on: complete or cancel it first.")
        if isinstance(other, Agent) and not other.idle:
            return _busy(other, "")
        whom = other if isinstance(other, Agent) else self._outgoing.permit(contact.plan, other, agent)
        if isinstance(whom, Denied):
            return as_refusal(whom)
        leg = None if isinstance(whom, Agent) else self._records.new_activity()
        if leg is None and not isinstance(whom, Agent):
            return UNAVAILABLE
        self._legs.hold(contact, True)
        contact.consulting = self._bring_in(contact, whom, leg)
        self._legs.changed(contact)
        return None

    def cancel_consultation(self, agent: AgentId) -> Refusal | None:
        """Let the party go, and take the customer back."""
        contact = self._legs.own(agent)
        if isinstance(contact, Refusal):
            return contact
        if contact.consulting is None:
            return NO_PARTY
        self._legs.drop(contact, contact.consulting)
        return None

    def conference(self, agent: AgentId) -> Refusal | None:
        """Everybody hears everybody."""
        contact = self._legs.own(agent)
        if isinstance(contact, Refusal):
            return contact
        party = contact.parties.get(contact.consulting or 0)
        if party is None or not party.joined:
            return NO_PARTY if party is None else NOT_THERE
        contact.consulting = None
        self._legs.hold(contact, False)
        return None

    def drop_party(self, agent: AgentId, party: PartyId) -> Refusal | None:
        contact = self._legs.own(agent)
        if isinstance(contact, Refusal):
            return contact
        if party not in contact.parties:
            return Refusal(code="no-party", detail="This party is not in the call.")
        self._legs.drop(contact, party)
        return None

    def complete(self, agent: AgentId) -> Refusal | None:
        """Customer and party go on without the agent."""
        contact = self._legs.own(agent)
        if isinstance(contact, Refusal):
            return contact
        party = contact.parties.get(contact.consulting or 0) or next(iter(contact.parties.values()), None)
        if party is None or not party.joined:
            return NO_PARTY if party is None else NOT_THERE
        return self._hand_over(contact, party)

    def take_over(self, agent: AgentId) -> Refusal | None:
        """The call is that of the agent who was brought in, and the one before leaves."""
        contact = self._legs.with_(agent)
        if contact is None:
            return NO_CALL
        if contact.agent == agent:
            return Refusal(code="wrong-state", detail="The call is yours already.")
        # whatever the customer is saying that nobody was to record goes on
        return self._hand_over(contact, contact.parties[agent], recorded=not contact.recording_paused)

    # Giving the call away

    def give(self, agent: AgentId, to: Agent | CampaignPlan | str) -> Refusal | None:
        """Give the call away at once: to an agent, to a queue, or to a number (E.164)."""
        contact = self._legs.own(agent)
        if isinstance(contact, Refusal):
            return contact
        asked = WHATEVER_THE_LENGTH
        if isinstance(to, Agent):
            wait_s = contact.plan.transfer_wait_s
            if to.facts.state == "signed-out":
                return SIGNED_OUT
            if (to.facts.state != "ready" or to.call is not None) and not wait_s:
                return _busy(to, " Consult somebody else, or give the call to a queue.")
            asked = Asked(agent=to.id, longest_wait_s=wait_s)
        permit = self._outgoing.permit(contact.plan, to, agent) if isinstance(to, str) else None
        if isinstance(permit, Denied):
            return as_refusal(permit)
        child = self._records.new_activity()
        if child is None:
            return UNAVAILABLE
        number = None if permit is None else permit.number
        plan = to if isinstance(to, CampaignPlan) else contact.plan
        self._legs.drop_all(contact)
        kind, asked_by = ("transfer", None) if number is None else ("outside", agent)
        self._legs.begin(contact, child, kind, plan, number=number, asked_by=asked_by)
        contact.given_by = None if isinstance(to, CampaignPlan) else agent
        self._legs.next_part(contact, record=False)
        if permit is None:
            self._queues.join(contact, plan, asked)
        else:
            contact.stage = Stage.OUTSIDE
            self._bring_in(contact, permit)
        return None

    # Events

    def joined(self, contact: Contact, party_id: PartyId) -> None:
        """A party has answered."""
        party = contact.parties.get(party_id)
        if party is None or party.joined:
            return
        party.joined = True
        agent = None if party.agent is None else self._presence.team.get(party.agent)
        if agent is not None:
            self._presence.connected(agent, contact.plan)
            self._legs.begin_second(contact, party)
            self._desk_updates.mark(agent.id, "call.connected")
        elif party.leg is not None:
            self._outside_answered(contact, party.leg)
        elif contact.stage is Stage.OUTSIDE:
            contact.given_by = None
            self._outside_answered(contact, contact.activity)
        self._legs.changed(contact)

    def missed(self, contact: Contact, party_id: PartyId) -> None:
        """A party did not answer."""
        party = contact.parties.get(party_id)
        if party is None or party.joined:
            return
        agent = None if party.agent is None else self._presence.team.get(party.agent)
        if agent is not None and agent.call == contact.call:
            agent.call = None
            self._presence.missed(agent)
        self._legs.forget(contact, party_id)
        if contact.stage is Stage.OUTSIDE and not contact.parties:
            self._take_back(contact)

    def put_out(self, contact: Contact, party_id: PartyId) -> None:
        """A number outside has been on the call for as long as it may."""
        self._legs.drop(contact, party_id)

    def left(self, contact: Contact, party_id: PartyId) -> None:
        """Somebody put the phone down."""
        if party_id in contact.parties:
            self._legs.party_gone(contact, party_id)
            if contact.stage is Stage.OUTSIDE and not contact.parties:
                contact.stage = Stage.CLOSING
                self._carrier.hang_up(contact.call)
        elif party_id == contact.agent and contact.stage is Stage.TALKING and not self.hand_on(contact):
            self._conversations.let_go(contact)

    def hand_on(self, contact: Contact) -> bool:
        """The agent is gone: whoever else is in the call has the customer. False: nobody is."""
        other = next((party for party in contact.parties.values() if party.joined), None)
        recorded = not contact.recording_paused
        return other is not None and self._hand_over(contact, other, recorded=recorded) is None

    # Steps

    def _outside_answered(self, contact: Contact, leg: int) -> None:
        """The number outside, that the leg is of, has answered."""
        self._records.write(writes.LegAnswered(contact.organisation, leg, self._clock.now(), agent=None))

    def _take_back(self, contact: Contact) -> None:
        """The number that the customer was given to does not answer."""
        child = self._records.new_activity()
        if child is None:
            # nothing could be written of whoever took the customer
            contact.stage = Stage.CLOSING
            self._carrier.hang_up(contact.call)
            return
        self._legs.begin(contact, child, "return", contact.plan)
        self._legs.next_part(contact, record=False)
        self._queues.take_back(contact)

    def _bring_in(self, contact: Contact, other: Agent | Permit, leg: int | None = None) -> PartyId:
        """`leg`: of a number outside that the customer is not given to yet."""
        if isinstance(other, Agent):
            contact.parties[other.id] = Party(other.id, None)
            other.call = contact.call
            self._presence.reserve(other)
            self._presence.show(other, other.facts, contact.plan.key)
            self._desk_updates.mark(other.id, "call.ringing")
            self._carrier.join(contact.call, other.id)
            return other.id
        party = self._contacts.outside()
        contact.parties[party] = Party(party, other.number, leg=leg)
        if leg is not None:
            beside = NewLeg(leg, contact.plan.key.campaign, "consult", None, other.number, other.agent)
            self._records.write(writes.LegAdded(*contact.leg(self._clock.now()), beside=beside))
        self._outgoing.call_out(other, contact.call, party, contact.own, OUTSIDE_RINGS_S)
        return party

    def _hand_over(self, contact: Contact, party: Party, *, recorded: bool = True) -> Refusal | None:
        """The agent leaves, the party has the customer; of several an agent does, who goes on working on it. `recorded`
        False: the recording stays paused until that agent lets it go on."""
        child, at = self._records.new_activity(), self._clock.now()
        if child is None:
            return UNAVAILABLE
        joined = [each for each in contact.parties.values() if each.joined]
        if party.agent is None:
            party = next((each for each in joined if each.agent is not None), party)
        for other in [each.id for each in contact.parties.values() if not each.joined]:
            self._legs.drop(contact, other)
        if party.leg is not None:
            # what was said before was beside the first agent's leg
            self._records.write(writes.LegEnded(contact.organisation, party.leg, at))
            party.leg = None
        kind = "outside" if party.agent is None else "transfer"
        self._legs.begin(contact, child, kind, contact.plan, agent=party.agent, number=party.number)
        if party.agent is None:
            self._outside_answered(contact, child)
            contact.stage = Stage.OUTSIDE
            self._legs.next_part(contact, record=False)
        else:
            contact.agent, contact.connected_at, contact.muted = party.agent, at, party.muted
            del contact.parties[party.id]
            self._legs.next_part(contact, record=True, paused=not recorded)
        contact.consulting = None
        self._legs.changed(contact)
        return None


def _busy(agent: Agent, instead: str) -> Refusal:
    if agent.facts.state == "signed-out":
        return SIGNED_OUT
    return Refusal(code="target-busy", detail=f"This agent {_DOES[agent.facts.state]}.{instead}")
