"""Who is in a call, step by step: what every command and event of a talk is made of.

A leg is what one agent (or a number outside) had of a call. An agent who is brought in beside another has a leg of its
own, from joining to leaving, and no wrap-up.
"""

from __future__ import annotations

from collections.abc import Callable

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import Presence
from callfloor.floor.calls.contacts import Contact, Contacts, Party, Stage
from callfloor.floor.plan import CampaignPlan
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Records
from callfloor.floor.ports.writes import LegKind, NewLeg
from callfloor.rules.routing.lost_phones import THERE
from callfloor.telephony.carrier import AgentId, CallId, Carrier, PartyId

NO_CALL = Refusal(code="no-call", detail="You are not on a call.")
NOT_YOURS = Refusal(
    code="not-allowed", detail="You were brought into another agent's call: take it over (takeOver) first, or leave."
)


class Legs:
    """`gone` hears of every party that leaves a call that goes on."""

    def __init__(
        self,
        clock: Clock,
        carrier: Carrier,
        records: Records,
        presence: Presence,
        contacts: Contacts,
        desk_updates: DeskUpdates,
        gone: Callable[[CallId, PartyId], None],
    ) -> None:
        self._clock, self._carrier, self._records = clock, carrier, records
        self._presence, self._contacts, self._desk_updates = presence, contacts, desk_updates
        self._gone = gone

    # Whose call it is

    def _there(self, agent: AgentId) -> Contact | None:
        known = self._presence.team.get(agent)
        contact = None if known is None else self._contacts.get(known.call)
        return contact if contact is not None and contact.stage is Stage.TALKING else None

    def of(self, agent: AgentId) -> Contact | None:
        """The talk that is the agent's."""
        contact = self._there(agent)
        return contact if contact is not None and contact.agent == agent else None

    def with_(self, agent: AgentId) -> Contact | None:
        """The talk that the agent is in, its own or one that it was brought into."""
        contact = self._there(agent)
        if contact is None or contact.agent == agent:
            return contact
        party = contact.parties.get(agent)
        return contact if party is not None and party.joined else None

    def own(self, agent: AgentId) -> Contact | Refusal:
        """The talk that is the agent's, else why there is none."""
        contact = self.of(agent)
        if contact is not None:
            return contact
        return NO_CALL if self._there(agent) is None else NOT_YOURS

    # Legs

    def begin(
        self,
        contact: Contact,
        child: int,
        kind: LegKind,
        plan: CampaignPlan,
        *,
        agent: AgentId | None = None,
        number: str | None = None,
        asked_by: AgentId | None = None,
    ) -> None:
        """End the contact's leg, let its agent wrap up, and begin the next one, of `plan`'s campaign."""
        self.end_hold(contact)
        leg = NewLeg(child, plan.key.campaign, kind, agent, number, asked_by)
        self._records.write(writes.LegFollowed(*contact.leg(self._clock.now()), following=leg))
        if contact.agent is not None:
            self.release(contact, contact.agent)
        contact.next_leg(child, plan)

    def begin_second(self, contact: Contact, party: Party) -> None:
        """An agent was brought in: from now on its time counts."""
        party.leg = self._records.new_activity()
        if party.leg is not None:
            leg = NewLeg(party.leg, contact.plan.key.campaign, "consult", party.agent)
            self._records.write(writes.LegAdded(*contact.leg(self._clock.now()), beside=leg))

    def next_part(self, contact: Contact, *, record: bool, paused: bool = False) -> None:
        """What is recorded from now on is of the new leg. `record` False: nothing is, until an agent joins. `paused`:
        the talk goes on, and nothing of it is recorded until somebody says so."""
        contact.part += 1
        if record and contact.plan.record:
            contact.parts[contact.part] = contact.activity
            self._carrier.record(contact.call, contact.part)
            if paused:
                contact.recording_paused = True
                self._carrier.pause_recording(contact.call, True)
        else:
            self._carrier.stop_recording(contact.call)
        if record:
            part = contact.part if contact.plan.record else None
            self._records.write(writes.RecordingSet(*contact.leg(self._clock.now()), part=part))

    # The agent whose call it is

    def release(self, contact: Contact, agent_id: AgentId) -> None:
        """The agent's part in the call is over, its wrap-up begins."""
        self.note_phone(contact, contact.phone.lost_at)
        self._carrier.leave(contact.call, agent_id)
        for supervisor in contact.watchers:
            self._carrier.stop_listening(contact.call, supervisor)
        contact.watchers.clear()
        contact.agent = None
        agent = self._presence.team.get(agent_id)
        if agent is not None and agent.call == contact.call:
            self._desk_updates.wrapping(agent, contact)
            agent.call = None
            self._presence.call_ended(agent, contact.activity, contact.plan)

    def hold(self, contact: Contact, on: bool) -> None:
        if on and contact.held_since is None:
            contact.held_since = self._clock.elapsed()
        elif not on:
            self.end_hold(contact)
        self._carrier.hold(contact.call, on)
        self.changed(contact)

    def end_hold(self, contact: Contact) -> None:
        if contact.held_since is not None:
            contact.held_s, contact.held_since = contact.on_hold_s(self._clock.elapsed()), None
            self._records.write(writes.LegHeld(*contact.leg(self._clock.now()), seconds=contact.held_s))
            self._carrier.hold(contact.call, False)

    def note_phone(self, contact: Contact, lost_at: float | None) -> None:
        """The agent's phone is back, or is waited for no longer: for how long it was not there is written down."""
        contact.phone = THERE
        if lost_at is not None:
            contact.phone_lost_s += self._clock.elapsed() - lost_at
            contact.stop_timers()
            self.note_losses(contact)

    def note_losses(self, contact: Contact) -> None:
        """How often the agent's phone went in this leg, and for how long in all."""
        leg = contact.leg(self._clock.now())
        self._records.write(writes.PhoneLost(*leg, times=contact.phone_losses, seconds=contact.phone_lost_s))

    # Who was brought in

    def drop(self, contact: Contact, party: PartyId) -> None:
        self._carrier.leave(contact.call, party)
        self.party_gone(contact, party)

    def drop_all(self, contact: Contact) -> None:
        for party in list(contact.parties):
            self.drop(contact, party)

    def party_gone(self, contact: Contact, party_id: PartyId) -> None:
        """A party's part is over, without a wrap-up: the call was another's."""
        agent = self._presence.team.get(party_id) if party_id > 0 else None
        self.forget(contact, party_id)
        if agent is not None and agent.call == contact.call:
            agent.call = None
            self._desk_updates.mark(agent.id, "call.ended")
            self._presence.free(agent)

    def forget(self, contact: Contact, party_id: PartyId) -> None:
        party = contact.parties.pop(party_id, None)
        self._gone(contact.call, party_id)
        if party is not None and party.leg is not None:
            self._records.write(writes.LegEnded(contact.organisation, party.leg, self._clock.now()))
            party.leg = None
        if contact.consulting == party_id:
            # the customer waits for nobody any more, however the consultation ended
            contact.consulting = None
            self.end_hold(contact)
        self.changed(contact)

    def changed(self, contact: Contact) -> None:
        for agent in (contact.agent, *(party.agent for party in contact.parties.values())):
            if agent is not None:
                self._desk_updates.mark(agent, "call.changed")
