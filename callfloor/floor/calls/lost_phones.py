"""Calls whose agent's phone went without a word, until it is back or somebody else has the customer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import Presence
from callfloor.floor.calls.contacts import Contact, Contacts, Stage
from callfloor.floor.calls.legs import NO_CALL, Legs
from callfloor.floor.calls.queues import Queues
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Records
from callfloor.rules.routing.agents import AgentInput
from callfloor.rules.routing.lost_phones import PHONE_LOST, PhoneEffect, PhoneInput, advance
from callfloor.telephony.carrier import AgentId, Carrier


class LostPhones:
    """`grace_s`: for so long a phone is waited for. `hand_on`: gives the call to somebody who is in it; False: nobody
    is."""

    def __init__(
        self, clock: Clock, carrier: Carrier, records: Records, presence: Presence, contacts: Contacts, queues: Queues,
        legs: Legs, desk_updates: DeskUpdates, hand_on: Callable[[Contact], bool],
    ) -> None:  # fmt: skip
        self._clock, self._carrier, self._records, self._presence = clock, carrier, records, presence
        self._contacts, self._queues, self._legs, self._desk_updates = contacts, queues, legs, desk_updates
        self._hand_on = hand_on
        self.grace_s = 30.0

    def ring(self, agent_id: AgentId) -> Refusal | None:
        """The agent's phone is back, or nothing is heard over it: ring it again."""
        agent = self._presence.team.get(agent_id)
        contact = None if agent is None else self._contacts.customer(agent.call)
        if contact is None or contact.agent != agent_id:
            return NO_CALL
        if contact.stage is Stage.JOINING:
            # it rings where nobody is any more
            self._carrier.leave(contact.call, agent_id)
            self._carrier.join(contact.call, agent_id)
        elif contact.stage is Stage.TALKING:
            self.happened(contact, PhoneInput.BACK)
        return None

    def happened(self, contact: Contact, what: PhoneInput) -> bool:
        """False: that was of no phone that is waited for."""
        before = contact.phone
        contact.phone, effects = advance(before, what, self._clock.elapsed(), self.grace_s)
        for effect in effects:
            self._do(contact, effect, before.lost_at)
        if contact.phone != before:
            self._wait(contact)
            self._legs.changed(contact)
        return bool(effects) or contact.phone != before

    def _do(self, contact: Contact, effect: PhoneEffect, lost_at: float | None) -> None:
        agent = contact.agent
        if agent is None:
            return
        match effect:
            case PhoneEffect.NOTE_LOSS:
                contact.phone_losses += 1
                self._legs.note_losses(contact)
                for supervisor in contact.watchers:
                    # what was listened through went with the phone
                    self._carrier.stop_listening(contact.call, supervisor)
            case PhoneEffect.TAKE_OUT:
                self._carrier.leave(contact.call, agent)
            case PhoneEffect.RING:
                self._carrier.join(contact.call, agent)
            case PhoneEffect.NOTE_RETURN:
                self._returned(contact, agent, lost_at)
            case PhoneEffect.GIVE_ON:
                self._give_on(contact, agent)
            case _:
                assert_never(effect)

    def _returned(self, contact: Contact, agent: AgentId, lost_at: float | None) -> None:
        self._legs.note_phone(contact, lost_at)
        # the phone is a new one to the carrier
        if contact.muted:
            self._carrier.mute(contact.call, agent, True)
        for supervisor, how in contact.watchers.items():
            self._carrier.listen_in(contact.call, agent, supervisor, how)

    def _give_on(self, contact: Contact, agent_id: AgentId) -> None:
        agent = self._presence.team.get(agent_id)
        if agent is not None and agent.facts.wanted != "signed-out":
            # the next customer would ring this phone in vain
            self._presence.asked(agent, AgentInput.PAUSE, PHONE_LOST, written=True)
            now = self._clock.now()
            self._records.write(writes.AgentPaused(contact.organisation, agent_id, now, reason=PHONE_LOST))
        if self._hand_on(contact):
            return
        child = self._records.new_activity()
        if child is None:
            # the database is away: the customer goes on hearing music, and this is tried again
            return
        self._legs.drop_all(contact)
        self._legs.begin(contact, child, "return", contact.plan)
        self._legs.next_part(contact, record=False)
        contact.given_by = None
        self._queues.take_back(contact)

    def _wait(self, contact: Contact) -> None:
        if contact.stage is not Stage.TALKING:
            return
        contact.stop_timers()
        due = contact.phone.due_at
        if due is not None:
            rest = max(0.0, due - self._clock.elapsed())
            contact.timer = self._clock.call_later(rest, partial(self._time, contact))

    def _time(self, contact: Contact) -> None:
        self.happened(contact, PhoneInput.TIME)
