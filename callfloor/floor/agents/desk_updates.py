"""What agents' desks show: told once a turn of the clock, however many things change in it."""

from __future__ import annotations

from datetime import UTC, datetime

from callfloor.clock import Clock
from callfloor.contract.codes import AgentState, Wanted
from callfloor.contract.workspace import Call, EventType, Monitored, Party, PreviewLead, Session
from callfloor.floor.agents.team import Agent, Team
from callfloor.floor.calls.contacts import Contact, Contacts, Stage
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Records
from callfloor.rules.routing.sessions import ended
from callfloor.telephony.carrier import AgentId

# State, reason, what is wanted, call, preview, and when its time or that of the wrap-up is over.
_Known = tuple[AgentState, str | None, Wanted | None, Call | None, int | None, float | None]


class DeskUpdates:
    """`mark` who has something new to see. `silent`: nobody looks, as in a simulated day."""

    def __init__(self, clock: Clock, records: Records, contacts: Contacts, team: Team) -> None:
        self._clock, self._records, self._contacts, self._team = clock, records, contacts, team
        self._marked: dict[AgentId, EventType] = {}
        self.silent = False
        # what each desk was told last
        self._known: dict[AgentId, _Known] = {}

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
            if agent is None:
                self._known.pop(agent_id, None)
                continue
            session = self.session(agent)
            known = self._what_is_known(agent, session)
            if self._known.get(agent_id) != known or what not in ("session", "call.changed"):
                self._known[agent_id] = known
                now = self._clock.now()
                self._records.write(writes.DeskTold(agent.organisation, agent_id, now, event=what, session=session))

    def _what_is_known(self, agent: Agent, session: Session) -> _Known:
        """What is seen of the session: not that an agent is kept for a call that is being chosen."""
        facts, until = agent.facts, None
        state = facts.state
        if state == "dialling" and session.call is None and session.preview is None:
            state, wanted = facts.wanted or "ready", None
        else:
            wanted = facts.wanted
        if session.preview is not None or session.wrap_up_seconds is not None:
            until = agent.until
        preview = None if session.preview is None else session.preview.lead_id
        return state, facts.reason, wanted, session.call, preview, until

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
                seconds=self._left(agent),
            ),
            wrap_up_seconds=self._left(agent) if agent.facts.state == "on-wrap" else None,
        )

    def _left(self, agent: Agent) -> float:
        return max(0.0, agent.until - self._clock.elapsed())

    def _at(self, elapsed: float | None) -> datetime | None:
        """A moment of the floor's clock."""
        if elapsed is None:
            return None
        # the two clocks are read one after the other: finer than this is not theirs
        return datetime.fromtimestamp(round(self._clock.now() - self._clock.elapsed() + elapsed, 2), UTC)

    def wrapping(self, agent: Agent, contact: Contact) -> None:
        """The agent's call is over; it is shown during the wrap-up."""
        agent.shown = ended(self.view(agent.id, contact), datetime.fromtimestamp(self._clock.now(), UTC))
        self.mark(agent.id, "call.ended")

    def _call(self, agent: Agent) -> Call | None:
        contact = self._contacts.get(agent.call)
        if contact is not None and contact.only_attempt and contact.attempt is not None:
            return contact.attempt.view()
        if contact is not None:
            return self.view(agent.id, contact)
        return agent.shown if agent.facts.state in ("on-wrap", "dialling") else None

    def view(self, agent: AgentId, contact: Contact) -> Call:
        """The call as this agent sees it."""
        own = contact.agent == agent
        party = contact.parties.get(agent)
        ringing = contact.stage is Stage.JOINING if own else party is None or not party.joined
        talks = contact.stage in (Stage.TALKING, Stage.SURVEY)
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
            phone_lost_timestamp=self._at(contact.phone.lost_at) if own else None,
            phone_until_timestamp=self._at(contact.phone.until) if own and contact.phone.lost_at is not None else None,
            held=contact.held_since is not None,
            muted=contact.muted if own else party is not None and party.muted,
            consulting=contact.consulting is not None,
            recording=contact.plan.record and not contact.recording_paused,
            recording_paused=contact.recording_paused,
            leads=contact.leads,
            parties=tuple(parties),
            monitored_by=tuple(
                Monitored(supervisor_id=supervisor, how=how)
                for supervisor, how in sorted(contact.watchers.items())
                if how != "monitor" or contact.plan.tell_of_monitoring
            ),
        )
