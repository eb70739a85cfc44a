"""What agents' desks show: told once a turn of the clock, however many things change in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from msgspec.structs import replace

from callfloor.clock import Clock
from callfloor.contract.workspace import Call, EventType, Party, PreviewLead, Session
from callfloor.floor.contacts import Contact, Contacts, Stage
from callfloor.floor.team import Agent, Team
from callfloor.telephony.carrier import AgentId, CallId


class Told(Protocol):
    def tell(self, organisation: int, agent: AgentId, what: EventType, session: Session, at: float) -> None:
        """Let the agent's desk know."""
        ...


class Showing:
    """`mark` who has something new to see. `silent`: nobody looks, as in a simulated day. `dialled`: a call that no
    agent is on yet, as its agent sees it."""

    def __init__(self, clock: Clock, told: Told, contacts: Contacts, team: Team) -> None:
        self._clock, self._told, self._contacts, self._team = clock, told, contacts, team
        self._marked: dict[AgentId, EventType] = {}
        self.dialled: Callable[[CallId | None], Call | None] = lambda _: None
        self.silent = False

    def mark(self, agent: AgentId, what: EventType = "session") -> None:
        """Something changed; what says most of it is told."""
        if self.silent:
            return
        if not self._marked:
            self._clock.call_later(0.0, self._tell)
        if what not in ("session", "call.changed") or agent not in self._marked:
            self._marked[agent] = what

    def _tell(self) -> None:
        marked, self._marked = self._marked, {}
        for agent_id, what in marked.items():
            agent = self._team.get(agent_id)
            if agent is not None:
                self._told.tell(agent.organisation, agent_id, what, self.session(agent), self._clock.now())

    def session(self, agent: Agent) -> Session:
        """All that the agent's desk shows now."""
        preview = agent.preview
        return Session(
            agent_id=agent.id,
            sequence=0,
            state=agent.facts.state,
            since=datetime.fromtimestamp(self._clock.now(), UTC),
            reason=agent.facts.reason,
            wanted=agent.facts.wanted,
            call=self._call(agent),
            preview=None
            if preview is None or agent.serving is None
            else PreviewLead(
                lead_id=preview.lead,
                campaign_id=agent.serving.campaign,
                number=preview.number,
                seconds=agent.preview_s,
            ),
            wrap_up_seconds=agent.wrap_up_s if agent.facts.state == "on-wrap" else None,
        )

    def wrapping(self, agent: Agent, contact: Contact) -> None:
        """The agent's call is over; it is shown during the wrap-up."""
        call = self.view(agent.id, contact)
        agent.shown = replace(call, state="wrap-up", held=False, muted=False, consulting=False, parties=())
        self.mark(agent.id, "call.ended")

    def _call(self, agent: Agent) -> Call | None:
        contact = self._contacts.get(agent.call)
        if contact is not None:
            return self.view(agent.id, contact)
        dialled = self.dialled(agent.call)
        if dialled is not None:
            return dialled
        return agent.shown if agent.facts.state in ("on-wrap", "dialling") else None

    def view(self, agent: AgentId, contact: Contact) -> Call:
        """The call as this agent sees it."""
        own = contact.agent == agent
        party = contact.parties.get(agent)
        ringing = contact.stage is Stage.JOINING if own else party is None or not party.joined
        talks = contact.stage is Stage.TALKING
        parties = [
            Party(
                party=each.id,
                agent_id=each.agent,
                number=each.number,
                state="joined" if each.joined else "ringing",
            )
            for each in contact.parties.values()
            if each.id != agent
        ]
        if not own and contact.agent is not None:
            parties.insert(0, Party(party=contact.agent, agent_id=contact.agent, number=None, state="joined"))
        return Call(
            activity_id=contact.activity,
            direction=contact.direction,
            campaign_id=contact.plan.key.campaign,
            campaign_name=contact.plan.name or None,
            number=contact.number,
            lead_id=contact.lead,
            state="ringing" if ringing else "connected",
            connected_timestamp=datetime.fromtimestamp(contact.connected_at, UTC) if talks else None,
            held=contact.held_since is not None,
            muted=contact.muted if own else party is not None and party.muted,
            consulting=contact.consulting is not None,
            recording=contact.plan.record and not contact.recording_paused,
            recording_paused=contact.recording_paused,
            leads=contact.leads,
            parties=tuple(parties),
        )
