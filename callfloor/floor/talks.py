"""What happens on a call that an agent is on: hold, consultation, transfer, conference, the end.

Commands answer None when they are obeyed, else why they are not.
"""

from __future__ import annotations

from collections.abc import Callable

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.contacts import WHATEVER_THE_LENGTH, Asked, Contact, Contacts, Party, Stage
from callfloor.floor.plan import CampaignPlan
from callfloor.floor.presence import Presence
from callfloor.floor.queues import Queues
from callfloor.floor.records import Records
from callfloor.floor.showing import Showing
from callfloor.floor.team import Agent
from callfloor.telephony.carrier import AgentId, Carrier, Listening, PartyId

# Who is given away to one agent waits so long for that agent alone, then for anybody of the campaign.
OWN_AGENT_S = 30.0
# An outside number rings so long.
OUTSIDE_RINGS_S = 30.0

NO_CALL = Refusal(code="no-call", detail="You are not on a call.")
NO_PARTY = Refusal(code="no-party", detail="Nobody was brought into this call: consult somebody first.")
NOT_THERE = Refusal(code="no-party", detail="The party has not answered yet: wait, or cancel the consultation.")
UNAVAILABLE = Refusal(code="unavailable", detail="The database cannot be reached now: try again in a moment.")


class Talks:
    """`survey`: lets a customer whose agent hung up answer questions; False: there are none."""

    def __init__(
        self,
        clock: Clock,
        carrier: Carrier,
        records: Records,
        presence: Presence,
        contacts: Contacts,
        queues: Queues,
        showing: Showing,
    ) -> None:
        self._clock, self._carrier, self._records = clock, carrier, records
        self._presence, self._contacts, self._queues, self._showing = presence, contacts, queues, showing
        self.survey: Callable[[Contact], bool] = lambda _: False

    def of(self, agent: AgentId) -> Contact | None:
        """The talk that is the agent's."""
        known = self._presence.team.get(agent)
        contact = None if known is None else self._contacts.get(known.call)
        return contact if contact is not None and contact.stage is Stage.TALKING and contact.agent == agent else None

    # Commands

    def hang_up(self, agent: AgentId) -> Refusal | None:
        """End the call for everybody; a party that was only consulted leaves alone."""
        contact = self.of(agent)
        if contact is None:
            return self._leave(agent)
        self._let_go(contact)
        return None

    def _leave(self, agent_id: AgentId) -> Refusal | None:
        agent = self._presence.team.get(agent_id)
        contact = None if agent is None else self._contacts.get(agent.call)
        if agent is None or contact is None or agent_id not in contact.parties:
            return NO_CALL
        self._carrier.leave(contact.call, agent_id)
        self._party_gone(contact, agent_id)
        return None

    def hold(self, agent: AgentId, on: bool) -> Refusal | None:
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        if not on and contact.consulting is not None:
            detail = "Complete or cancel the consultation, or make it a conference."
            return Refusal(code="wrong-state", detail=detail)
        self._hold(contact, on)
        return None

    def mute(self, agent: AgentId, on: bool) -> Refusal | None:
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        contact.muted = on
        self._carrier.mute(contact.call, agent, on)
        self._changed(contact)
        return None

    def send_digits(self, agent: AgentId, digits: str) -> Refusal | None:
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        self._carrier.send_digits(contact.call, digits)
        return None

    def pause_recording(self, agent: AgentId, on: bool) -> Refusal | None:
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        if not contact.plan.record:
            return Refusal(code="wrong-state", detail="This campaign's calls are not recorded.")
        contact.recording_paused = on
        self._carrier.pause_recording(contact.call, on)
        self._changed(contact)
        return None

    def consult(self, agent: AgentId, other: Agent | str) -> Refusal | None:
        """Put the customer on hold and call an agent, or a number (E.164)."""
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        if contact.consulting is not None:
            return Refusal(code="wrong-state", detail="Another consultation is going on: complete or cancel it first.")
        if isinstance(other, Agent) and (refusal := _busy(other)) is not None:
            return refusal
        self._hold(contact, True)
        contact.consulting = self._bring_in(contact, other)
        self._changed(contact)
        return None

    def cancel_consultation(self, agent: AgentId) -> Refusal | None:
        """Let the party go, and take the customer back."""
        contact = self.of(agent)
        if contact is None or contact.consulting is None:
            return NO_CALL if contact is None else NO_PARTY
        self._drop(contact, contact.consulting)
        self._hold(contact, False)
        return None

    def conference(self, agent: AgentId) -> Refusal | None:
        """Everybody hears everybody."""
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        party = contact.parties.get(contact.consulting or 0)
        if party is None or not party.joined:
            return NO_PARTY if party is None else NOT_THERE
        contact.consulting = None
        self._hold(contact, False)
        return None

    def complete_transfer(self, agent: AgentId) -> Refusal | None:
        """Customer and party go on without the agent."""
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        party = contact.parties.get(contact.consulting or 0) or next(iter(contact.parties.values()), None)
        if party is None or not party.joined:
            return NO_PARTY if party is None else NOT_THERE
        return self._hand_over(contact, party)

    def drop_party(self, agent: AgentId, party: PartyId) -> Refusal | None:
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        if party not in contact.parties:
            return Refusal(code="no-party", detail="This party is not in the call.")
        self._drop(contact, party)
        return None

    def transfer(self, agent: AgentId, to: Agent | CampaignPlan | str) -> Refusal | None:
        """Give the call away at once: to an agent, to a queue, or to a number (E.164)."""
        contact = self.of(agent)
        if contact is None:
            return NO_CALL
        if isinstance(to, Agent) and to.facts.state == "signed-out":
            return Refusal(code="target-busy", detail="This agent is not signed in.")
        if isinstance(to, str):
            self._drop_all(contact)
            self._end_hold(contact)
            self._release(contact, agent)
            self._records.hang_up(contact.organisation, contact.activity, self._clock.now())
            self._bring_in(contact, to)
            contact.stage = Stage.OUTSIDE
            return None
        child = self._records.new_activity()
        if child is None:
            return UNAVAILABLE
        plan = to if isinstance(to, CampaignPlan) else contact.plan
        self._drop_all(contact)
        self._end_hold(contact)
        self._records.transfer(
            contact.organisation, contact.activity, child, plan.key.campaign, None, self._clock.now()
        )
        self._release(contact, agent)
        contact.next_leg(child, plan)
        self._next_part(contact, record=False)
        only = to.id if isinstance(to, Agent) else None
        asked = WHATEVER_THE_LENGTH if only is None else Asked(agent=only, longest_wait_s=OWN_AGENT_S)
        self._queues.join(contact, plan, asked)
        return None

    def watch(self, supervisor: AgentId, agent: AgentId, how: Listening) -> Refusal | None:
        """Let a supervisor listen to the agent's call."""
        contact = self.of(agent)
        if contact is None:
            return Refusal(code="no-call", detail="This agent is not on a call.")
        contact.watchers.add(supervisor)
        self._carrier.listen_in(contact.call, agent, supervisor, how)
        return None

    def stop_watching(self, supervisor: AgentId, agent: AgentId) -> Refusal | None:
        contact = self.of(agent)
        if contact is None or supervisor not in contact.watchers:
            return Refusal(code="no-call", detail="You do not listen to a call of this agent.")
        contact.watchers.discard(supervisor)
        self._carrier.stop_listening(contact.call, supervisor)
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
            self._showing.mark(agent.id, "call.connected")
        self._changed(contact)

    def missed(self, contact: Contact, party_id: PartyId) -> None:
        """A party did not answer."""
        party = contact.parties.get(party_id)
        if party is None or party.joined:
            return
        agent = None if party.agent is None else self._presence.team.get(party.agent)
        if agent is not None and agent.call == contact.call:
            agent.call = None
            self._presence.missed(agent)
        self._forget(contact, party_id)
        if contact.stage is Stage.OUTSIDE:
            # the number that the call was given to does not answer
            contact.stage = Stage.CLOSING
            self._carrier.hang_up(contact.call)

    def left(self, contact: Contact, party_id: PartyId) -> None:
        """Somebody put the phone down."""
        if party_id in contact.parties:
            self._party_gone(contact, party_id)
            if contact.stage is Stage.OUTSIDE and not contact.parties:
                contact.stage = Stage.CLOSING
                self._carrier.hang_up(contact.call)
        elif party_id == contact.agent and contact.stage is Stage.TALKING:
            other = next((party for party in contact.parties.values() if party.joined), None)
            if other is None or self._hand_over(contact, other) is not None:
                self._let_go(contact)

    def ended(self, contact: Contact) -> None:
        """The call is over. What is written of the leg before its end is written here; the end itself is not."""
        self._end_hold(contact)
        for party_id in list(contact.parties):
            self._party_gone(contact, party_id)
        if contact.agent is not None:
            self._release(contact, contact.agent)

    # Steps

    def _let_go(self, contact: Contact) -> None:
        """The agent's part is over: the customer is asked how it was, or the call ends."""
        if not self.survey(contact):
            self._carrier.hang_up(contact.call)

    def begin_survey(self, contact: Contact) -> None:
        """Leave the customer alone on the line."""
        agent = contact.agent
        self._drop_all(contact)
        self._end_hold(contact)
        self._records.hang_up(contact.organisation, contact.activity, self._clock.now())
        self._next_part(contact, record=False)
        contact.stage = Stage.SURVEY
        if agent is not None:
            self._release(contact, agent)

    def _bring_in(self, contact: Contact, other: Agent | str) -> PartyId:
        if isinstance(other, Agent):
            contact.parties[other.id] = Party(other.id, None)
            other.call = contact.call
            self._presence.reserve(other)
            self._presence.show(other, other.facts, contact.plan.key)
            self._showing.mark(other.id, "call.ringing")
            self._carrier.join(contact.call, other.id)
            return other.id
        party = self._contacts.outside()
        contact.parties[party] = Party(party, other)
        self._carrier.call_out(contact.call, party, other, contact.own, OUTSIDE_RINGS_S)
        return party

    def _hand_over(self, contact: Contact, party: Party) -> Refusal | None:
        """The agent leaves, the party has the customer; of several an agent does, who has a leg."""
        before, at = contact.agent, self._clock.now()
        joined = [each for each in contact.parties.values() if each.joined]
        party = next((each for each in joined if each.agent is not None), party)
        child = None if party.agent is None else self._records.new_activity()
        if party.agent is not None and child is None:
            return UNAVAILABLE
        for other in [each.id for each in contact.parties.values() if not each.joined]:
            self._drop(contact, other)
        if party.agent is None or child is None:
            self._end_hold(contact)
            self._records.hang_up(contact.organisation, contact.activity, at)
            contact.stage = Stage.OUTSIDE
            if before is not None:
                self._release(contact, before)
        else:
            plan = contact.plan
            self._end_hold(contact)
            key, leg = plan.key, contact.activity
            self._records.transfer(key.organisation, leg, child, key.campaign, party.agent, at)
            if before is not None:
                self._release(contact, before)
            contact.next_leg(child, plan)
            contact.agent, contact.connected_at = party.agent, at
            del contact.parties[party.id]
            self._next_part(contact, record=True)
        contact.consulting = None
        self._changed(contact)
        return None

    def _next_part(self, contact: Contact, *, record: bool) -> None:
        """What is recorded from now on is of the new leg. `record` False: nothing is, until an agent joins."""
        contact.part += 1
        if record and contact.plan.record:
            contact.parts[contact.part] = contact.activity
            self._carrier.record(contact.call, contact.part)
        else:
            self._carrier.stop_recording(contact.call)
        if record:
            part = contact.part if contact.plan.record else None
            self._records.recording(contact.organisation, contact.activity, part)

    def _release(self, contact: Contact, agent_id: AgentId) -> None:
        """The agent's part in the call is over, its wrap-up begins."""
        self._carrier.leave(contact.call, agent_id)
        for supervisor in contact.watchers:
            self._carrier.stop_listening(contact.call, supervisor)
        contact.watchers.clear()
        contact.agent = None
        agent = self._presence.team.get(agent_id)
        if agent is not None and agent.call == contact.call:
            self._showing.wrapping(agent, contact)
            agent.call = None
            self._presence.call_ended(agent, contact.activity, contact.plan)

    def _hold(self, contact: Contact, on: bool) -> None:
        if on and contact.held_since is None:
            contact.held_since = self._clock.elapsed()
        elif not on:
            self._end_hold(contact)
        self._carrier.hold(contact.call, on)
        self._changed(contact)

    def _end_hold(self, contact: Contact) -> None:
        if contact.held_since is not None:
            contact.held_s, contact.held_since = contact.on_hold_s(self._clock.elapsed()), None
            self._records.held(contact.organisation, contact.activity, contact.held_s)
            self._carrier.hold(contact.call, False)

    def _drop(self, contact: Contact, party: PartyId) -> None:
        self._carrier.leave(contact.call, party)
        self._party_gone(contact, party)

    def _drop_all(self, contact: Contact) -> None:
        for party in list(contact.parties):
            self._drop(contact, party)

    def _party_gone(self, contact: Contact, party_id: PartyId) -> None:
        """A party's part is over, without a wrap-up: the leg was another's."""
        agent = self._presence.team.get(party_id) if party_id > 0 else None
        self._forget(contact, party_id)
        if agent is not None and agent.call == contact.call:
            agent.call = None
            self._showing.mark(agent.id, "call.ended")
            self._presence.free(agent)

    def _forget(self, contact: Contact, party: PartyId) -> None:
        contact.parties.pop(party, None)
        if contact.consulting == party:
            contact.consulting = None
        self._changed(contact)

    def _changed(self, contact: Contact) -> None:
        for agent in (contact.agent, *(party.agent for party in contact.parties.values())):
            if agent is not None:
                self._showing.mark(agent, "call.changed")


def _busy(agent: Agent) -> Refusal | None:
    if agent.facts.state != "ready" or agent.call is not None:
        return Refusal(code="target-busy", detail="This agent is not ready for a call.")
    return None
