"""What agents wish of customers, and whose leads callers are: asked of the database, so that nothing is promised that
will not be kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from callfloor.clock import Clock
from callfloor.contract.workspace import Call, CallerLead, Refusal
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import NO_WRAP_UP, Presence
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.contacts import Contact, Contacts
from callfloor.floor.ports.records import Records
from callfloor.floor.ports.writes import WrapUp

Done = Callable[[Refusal | None], None]

NO_CALL = Refusal(code="no-call", detail="You have no call, and none to wrap up.")
KEEPING = Refusal(code="wrong-state", detail="Your wrap-up is being written down already.")
HAS_ITS_LEAD = Refusal(code="wrong-state", detail="This call was dialled for its lead, and stays with it.")
NOT_ITS_LEAD = Refusal(code="unknown-target", detail="The lead has not the number of this call, or was deleted.")


class Dispositions:
    def __init__(
        self, clock: Clock, records: Records, presence: Presence, contacts: Contacts, desk_updates: DeskUpdates
    ) -> None:
        self._clock, self._records = clock, records
        self._presence, self._contacts, self._desk_updates = presence, contacts, desk_updates
        # whose wish is on its way to the database
        self._keeping: set[int] = set()

    def wrap_up(self, agent: Agent, wrap: WrapUp, done: Done) -> None:
        """Wrap the agent's call up, once what is wished of its customer is written down. Meanwhile the wrap-up's time
        stands still."""
        if agent.id in self._keeping:
            done(KEEPING)
        elif agent.plan is None or agent.activity is None or agent.facts.state != "on-wrap" or agent.leaving:
            done(NO_WRAP_UP)
        elif not wrap.wishes:
            done(None if self._presence.wrap_up(agent.id, wrap) else NO_WRAP_UP)
        else:
            self._keeping.add(agent.id)
            self._presence.stop_wrap_up(agent)
            kept = partial(self._kept, agent, agent.activity, wrap, done)
            self._records.wish(agent.plan, agent.activity, wrap, self._clock.now(), kept)

    def _kept(self, agent: Agent, activity: int, wrap: WrapUp, done: Done, refusal: Refusal | None) -> None:
        self._keeping.discard(agent.id)
        if self._presence.team.get(agent.id) is agent and agent.activity == activity:
            if refusal is None:
                self._presence.wrap_up(agent.id, wrap)
            else:
                self._presence.resume_wrap_up(agent)
        done(refusal)

    # Callers as leads

    def look_up(self, contact: Contact) -> None:
        """Whose number it is, of somebody who calls or was dialled without a lead."""
        own_lead = contact.placed and contact.lead is not None
        if contact.number is not None and not own_lead and contact.direction != "outbound":
            found = partial(self._found, contact)
            self._records.leads_of(contact.organisation, contact.number, found)

    def _found(self, contact: Contact, leads: tuple[CallerLead, ...]) -> None:
        if self._contacts.get(contact.call) is not contact or not leads:
            return
        contact.leads = leads
        only = leads if len(leads) == 1 else [lead for lead in leads if lead.callback_timestamp is not None]
        if contact.lead is None and len(only) == 1:
            contact.lead = only[0].lead_id
            self._records.with_lead(contact.organisation, contact.activity, contact.lead, lambda _: None)
        for agent in (contact.agent, *contact.parties):
            if agent is not None and agent > 0:
                self._desk_updates.mark(agent, "call.changed")

    def choose(self, agent: Agent, lead_id: int | None, done: Done) -> None:
        """The call at hand is with this lead, or with none of those that have its number."""
        contact = self._contacts.customer(agent.call)
        call = agent.shown if contact is None else self._desk_updates.view(agent.id, contact)
        if call is None or (contact is None and agent.facts.state != "on-wrap"):
            done(NO_CALL)
        elif call.direction == "outbound" or (call.lead_id is not None and not call.leads):
            done(HAS_ITS_LEAD)
        else:
            chosen = partial(self._chosen, agent, call, lead_id, done)
            self._records.with_lead(agent.organisation, call.activity_id, lead_id, chosen)

    def _chosen(self, agent: Agent, call: Call, lead_id: int | None, done: Done, known: bool) -> None:
        if not known:
            done(NOT_ITS_LEAD)
            return
        contact = self._contacts.customer(agent.call)
        if contact is not None and contact.activity == call.activity_id:
            contact.lead = lead_id
        elif agent.shown is not None and agent.shown.activity_id == call.activity_id:
            agent.shown = replace(agent.shown, lead_id=lead_id)
        self._desk_updates.mark(agent.id, "call.changed")
        done(None)
