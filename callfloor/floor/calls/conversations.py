"""What happens on a call that agents are on, until it is given away: hold, mute, keys, recording, listening, the end.

Commands answer None when they are obeyed, else why they are not. An agent who was brought into another one's call has
the same commands for what it says and hears; whom the customer goes to is the business of the agent whose call it is
(`transfers`).
"""

from __future__ import annotations

from collections.abc import Callable

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import Presence
from callfloor.floor.calls.contacts import Contact, Contacts, Stage
from callfloor.floor.calls.legs import NO_CALL, Legs
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Records
from callfloor.telephony.carrier import AgentId, Carrier, Listening


class Conversations:
    """`survey`: lets a customer whose agent hung up answer questions; False: there are none."""

    def __init__(
        self,
        clock: Clock,
        carrier: Carrier,
        records: Records,
        presence: Presence,
        contacts: Contacts,
        legs: Legs,
        desk_updates: DeskUpdates,
        survey: Callable[[Contact], bool],
    ) -> None:
        self._clock, self._carrier, self._records = clock, carrier, records
        self._presence, self._contacts, self._legs, self._desk_updates = presence, contacts, legs, desk_updates
        self._survey = survey

    # Commands

    def hang_up(self, agent: AgentId) -> Refusal | None:
        """End the call for everybody; a party that was only brought in leaves alone."""
        contact = self._legs.of(agent)
        if contact is None:
            return self._leave(agent)
        self.let_go(contact)
        return None

    def _leave(self, agent_id: AgentId) -> Refusal | None:
        agent = self._presence.team.get(agent_id)
        contact = None if agent is None else self._contacts.get(agent.call)
        if agent is None or contact is None or agent_id not in contact.parties:
            return NO_CALL
        self._legs.drop(contact, agent_id)
        return None

    def hold(self, agent: AgentId, on: bool) -> Refusal | None:
        contact = self._legs.with_(agent)
        if contact is None:
            return NO_CALL
        if not on and contact.consulting is not None:
            detail = "The customer waits during a consultation: complete or cancel it, or make it a conference."
            return Refusal(code="wrong-state", detail=detail)
        self._legs.hold(contact, on)
        return None

    def mute(self, agent: AgentId, on: bool) -> Refusal | None:
        contact = self._legs.with_(agent)
        if contact is None:
            return NO_CALL
        if contact.agent == agent:
            contact.muted = on
        else:
            contact.parties[agent].muted = on
        self._carrier.mute(contact.call, agent, on)
        self._legs.changed(contact)
        return None

    def send_digits(self, agent: AgentId, digits: str) -> Refusal | None:
        contact = self._legs.with_(agent)
        if contact is None:
            return NO_CALL
        self._carrier.send_digits(contact.call, digits)
        return None

    def pause_recording(self, agent: AgentId, on: bool) -> Refusal | None:
        contact = self._legs.with_(agent)
        if contact is None:
            return NO_CALL
        if not contact.plan.record:
            return Refusal(code="wrong-state", detail="This campaign's calls are not recorded.")
        contact.recording_paused = on
        self._carrier.pause_recording(contact.call, on)
        self._legs.changed(contact)
        return None

    def watch(self, supervisor: AgentId, agent: AgentId, how: Listening) -> Refusal | None:
        """Let a supervisor listen to the agent's call, of which the agent is told before anything is heard."""
        contact = self._legs.of(agent)
        if contact is None:
            return Refusal(code="no-call", detail="This agent is not on a call.")
        contact.watchers[supervisor] = how
        self._legs.changed(contact)
        self._carrier.listen_in(contact.call, agent, supervisor, how)
        return None

    def stop_watching(self, supervisor: AgentId, agent: AgentId) -> Refusal | None:
        contact = self._legs.of(agent)
        if contact is None or supervisor not in contact.watchers:
            return Refusal(code="no-call", detail="You do not listen to a call of this agent.")
        del contact.watchers[supervisor]
        self._carrier.stop_listening(contact.call, supervisor)
        self._legs.changed(contact)
        return None

    def listener_left(self, contact: Contact, supervisor: AgentId) -> None:
        """The supervisor's phone was not answered, or hung up."""
        if contact.watchers.pop(supervisor, None) is not None:
            self._legs.changed(contact)

    # The end

    def ended(self, contact: Contact) -> None:
        """The call is over. What is written of the leg before its end is written here; the end itself is not."""
        self._legs.end_hold(contact)
        for party_id in list(contact.parties):
            self._legs.party_gone(contact, party_id)
        if contact.agent is not None:
            self._legs.release(contact, contact.agent)

    def let_go(self, contact: Contact) -> None:
        """The agent's part is over: the customer is asked how it was, or the call ends."""
        if not self._survey(contact):
            self._carrier.hang_up(contact.call)

    def begin_survey(self, contact: Contact) -> None:
        """Leave the customer alone on the line."""
        agent = contact.agent
        self._legs.drop_all(contact)
        self._legs.end_hold(contact)
        self._records.write(writes.LegEnded(*contact.leg(self._clock.now())))
        self._legs.next_part(contact, record=False)
        contact.stage = Stage.SURVEY
        if agent is not None:
            self._legs.release(contact, agent)
