"""Who tells whom on the floor: its parts are made here, and here is who hears of what happens in each.

A part that has something to tell is given who hears of it when it is made: a function, or a protocol of its own
(`PresenceListener`, `QueueListener`, `DestinationListener`) where it tells several things. Whoever hears is often made
after whoever tells: those are the methods of `Wiring`, a line each.
"""

from __future__ import annotations

from callfloor.clock import Clock
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.dispositions import Dispositions
from callfloor.floor.agents.pending_answers import PendingAnswers
from callfloor.floor.agents.presence import Presence
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.contacts import Contact, Contacts, Stage
from callfloor.floor.calls.conversations import Conversations
from callfloor.floor.calls.dialler import Dialler, MakePacer
from callfloor.floor.calls.inbound import Callers
from callfloor.floor.calls.legs import Legs
from callfloor.floor.calls.lost_phones import LostPhones
from callfloor.floor.calls.outbound import Outbound
from callfloor.floor.calls.outgoing import DestinationListener, Outgoing
from callfloor.floor.calls.queues import Joining, Queues
from callfloor.floor.calls.reception import Ask
from callfloor.floor.calls.transfers import Transfers
from callfloor.floor.calls.waiting_callers import WaitingCallers
from callfloor.floor.plan import CampaignKey
from callfloor.floor.ports.desk import Desk
from callfloor.floor.ports.records import Records
from callfloor.telephony.carrier import CallId, Carrier, PartyId


class Wiring:
    """`ask`: who asks the HTTP functions of workflows; None: each of them fails. `destinations`: who hears of numbers
    that are not called, and of limits."""

    def __init__(
        self, clock: Clock, carrier: Carrier, records: Records, desk: Desk, make_pacer: MakePacer,
        ask: Ask | None, destinations: DestinationListener | None,
    ) -> None:  # fmt: skip
        self._carrier = carrier
        self.diallers: dict[CampaignKey, Dialler] = {}
        self.contacts = contacts = Contacts(self.contact_came)
        self.presence = presence = Presence(clock, records, desk, self.diallers, self)
        self.pending_answers = PendingAnswers(clock)
        self.desk_updates = desk_updates = DeskUpdates(clock, records, contacts, presence.team)
        self.dispositions = Dispositions(clock, records, presence, contacts, desk_updates)
        self.outgoing = outgoing = Outgoing(clock, carrier, self.lasted_too_long, destinations)
        self.outbound = Outbound(
            clock, carrier, outgoing, records, desk, presence, contacts, desk_updates, self.diallers, make_pacer
        )
        self.queues = queues = Queues(clock, carrier, records, desk, presence, contacts, desk_updates, self)
        legs = Legs(clock, carrier, records, presence, contacts, desk_updates, outgoing.gone)
        self.conversations = conversations = Conversations(
            clock, carrier, records, presence, contacts, legs, desk_updates, self.survey
        )
        self.transfers = transfers = Transfers(
            clock, carrier, outgoing, records, presence, contacts, queues, legs, conversations, desk_updates
        )
        self.lost_phones = LostPhones(
            clock, carrier, records, presence, contacts, queues, legs, desk_updates, transfers.hand_on
        )
        self.callers = Callers(clock, carrier, records, contacts, queues, conversations, ask)
        self.waiting_callers = WaitingCallers(contacts, presence.team, queues, self.callers)

    # What presence tells

    def agent_idle(self, agent: Agent) -> None:
        """Who was called and has answered comes first, because nobody may be left in silence; then whoever called us;
        else the agent's campaign dials."""
        if self.outbound.serve(agent) or self.queues.serve(agent) or agent.serving is None:
            return
        dialler = self.diallers.get(agent.serving)
        if dialler is not None:
            self.outbound.dial(dialler)

    def agent_changed(self, agent: Agent) -> None:
        self.queues.watch(agent)
        self.desk_updates.mark(agent.id)
        self.pending_answers.look(agent.id)

    def call_handled(self, key: CampaignKey, seconds: float) -> None:
        self.queues.handled(key, seconds)

    # What queues tell

    def waited_too_long(self, contact: Contact) -> None:
        self.callers.late(contact)

    def not_taken(self, contact: Contact) -> None:
        self.callers.back(contact)

    def sent_on(self, contact: Contact, why: Joining) -> None:
        self.callers.sent_on(contact, why)

    # What others tell, or ask

    def contact_came(self, contact: Contact) -> None:
        self.dispositions.look_up(contact)

    def survey(self, contact: Contact) -> bool:
        return self.callers.survey(contact)

    def lasted_too_long(self, call: CallId, party: PartyId | None) -> None:
        """It has lasted as long as any call, or any number outside on one, may."""
        contact = self.contacts.customer(call)
        if party is None or contact is None or contact.stage is Stage.OUTSIDE:
            self._carrier.hang_up(call)
        else:
            self.transfers.put_out(contact, party)
