"""Who waits for an agent, and the agents who take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from functools import partial
from typing import Literal, Protocol

from callfloor.clock import Clock, Timer
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import Presence
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.contacts import WHATEVER_THE_LENGTH, Asked, Contact, Contacts, Stage
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.floor.ports import writes
from callfloor.floor.ports.desk import Desk
from callfloor.floor.ports.records import Records
from callfloor.rules.routing.queues import IdleAgent, QueueKey, Waiting
from callfloor.rules.routing.routing import Router
from callfloor.telephony.carrier import AgentId, CallId, Carrier

# Who gets a customer back has just been free: should it be busy all the same, others take the customer after so long.
TAKES_BACK_S = 10.0
# An agent's phone is given up by the carrier; should it forget, the floor does so much later.
CARRIER_MAY_TAKE_S = 5.0

# Who asks for agents to be signed in is kept waiting for so long when the last one leaves, for another may come.
NO_AGENTS_S = 5.0

# `off`: the campaign takes no new callers
Joining = Literal["waits", "full", "no-agents", "off"]


class QueueListener(Protocol):
    def waited_too_long(self, contact: Contact) -> None:
        """The longest wait is over, and the contact out of the queue."""
        ...

    def not_taken(self, contact: Contact) -> None:
        """An agent's phone rang in vain, and the contact waits again."""
        ...

    def sent_on(self, contact: Contact, why: Joining) -> None:
        """The queue keeps a contact no longer that waited in it."""
        ...


class Queues:
    """`told` hears of who leaves a queue otherwise than to an agent."""

    def __init__(
        self, clock: Clock, carrier: Carrier, records: Records, desk: Desk, presence: Presence, contacts: Contacts,
        desk_updates: DeskUpdates, told: QueueListener,
    ) -> None:  # fmt: skip
        self._clock, self._carrier, self._records, self._desk = clock, carrier, records, desk
        self._presence, self._contacts, self._desk_updates, self._told = presence, contacts, desk_updates, told
        self._router = Router()
        self._plans: dict[CampaignKey, CampaignPlan] = {}
        self._idle_since: dict[AgentId, float] = {}
        self._timer: Timer | None = None
        # how long calls of a campaign took, talk and wrap-up: seconds and calls
        self._handled: dict[CampaignKey, tuple[float, int]] = {}
        self.skills: Mapping[AgentId, Mapping[str, int]] = {}
        # since when nobody is signed in to queues that somebody waits in
        self._deserted: dict[CampaignKey, float] = {}

    # Campaigns and agents

    def configure(self, plan: CampaignPlan) -> None:
        """Open the campaign's queue, or change how people wait in it, also those who wait already."""
        before = self._plans.get(plan.key)
        self._plans[plan.key] = plan
        self._router.configure(plan.key, plan.queue.rules, self._clock.elapsed())
        for waiting in self._router.waiting(plan.key):
            contact = self._contacts.get(waiting.id)
            if contact is not None:
                contact.plan = plan
            self._match(waiting.id)
        if before is not None and (before.queue, before.active, before.let_go) != (
            plan.queue,
            plan.active,
            plan.let_go,
        ):
            self._hold_to(plan)

    def _hold_to(self, plan: CampaignPlan) -> None:
        """Other limits and times are those of whoever waits already. Beyond a limit are those who came last."""
        waiting = sorted(self._waiting(plan.key), key=lambda contact: contact.joined_at)
        for place, contact in enumerate(waiting):
            asked, limit = contact.asked, plan.queue.longest
            if plan.let_go and not plan.active and not asked.kept:
                self._send_on(contact, "off")
            elif limit is not None and place >= limit and asked.longest is None and not asked.kept:
                self._send_on(contact, "full")
            else:
                self._wait(contact)

    def _waiting(self, key: CampaignKey) -> list[Contact]:
        found = (self._contacts.get(waiting.id) for waiting in self._router.waiting(key))
        return [contact for contact in found if contact is not None and contact.stage is Stage.QUEUE]

    def _send_on(self, contact: Contact, why: Joining) -> None:
        self.leave(contact)
        self._told.sent_on(contact, why)

    def tick(self) -> None:
        """Twice a second, say: who asks for agents to be signed in does not wait where nobody is any more."""
        now = self._clock.elapsed()
        for key in list(self._plans):
            if not self._router.length(key) or self.signed_in(key):
                self._deserted.pop(key, None)
            elif now - self._deserted.setdefault(key, now) >= NO_AGENTS_S:
                for contact in self._waiting(key):
                    if contact.asked.agents:
                        self._send_on(contact, "no-agents")

    def close(self, key: CampaignKey) -> None:
        """The campaign is another engine's now."""
        self._plans.pop(key, None)
        self._deserted.pop(key, None)
        self._router.close(key)

    def campaigns(self) -> Set[CampaignKey]:
        """Those whose customers may wait here."""
        return self._plans.keys()

    def plan(self, key: CampaignKey) -> CampaignPlan | None:
        return self._plans.get(key)

    def waits(self, contact: Contact) -> bool:
        return self._router.get(contact.call) is not None

    def length(self, key: CampaignKey) -> int:
        return self._router.length(key)

    def watch(self, agent: Agent) -> None:
        """The agent's state has changed."""
        if agent.facts.state != "ready" or agent.call is not None:
            self._idle_since.pop(agent.id, None)
            self._router.agent_busy(agent.id)
            return
        since = self._idle_since.setdefault(agent.id, self._clock.elapsed())
        queues: dict[QueueKey, int] = dict.fromkeys(agent.campaigns, 0)
        self._router.agent_idle(IdleAgent(agent.id, queues, since, self.skills.get(agent.id, {})))

    def serve(self, agent: Agent) -> bool:
        """An agent is idle: whoever has waited for it is joined. False: nobody has."""
        waiting = self._router.match_for_agent(agent.id, self._clock.elapsed())
        contact = None if waiting is None else self._contacts.get(waiting.id)
        if contact is None:
            return False
        self._offer(contact, agent)
        return True

    # Customers

    def closed(self, plan: CampaignPlan, asked: Asked) -> Joining | None:
        """Why nobody joins the queue now, however short it is; None: it is open."""
        if not plan.active and not asked.kept:
            return "off"
        return "no-agents" if asked.agents and not self.signed_in(plan.key) else None

    def join(self, contact: Contact, plan: CampaignPlan, asked: Asked, *, returned: bool = False) -> Joining:
        """Let a customer wait for an agent of `plan`'s campaign. `returned`: an agent's phone rang in vain, and the
        wait goes on at the head of the queue."""
        closed = None if returned else self.closed(plan, asked)
        if closed is not None:
            return closed
        limit = plan.queue.longest if asked.longest is None else asked.longest
        if limit is not None and asked.agent is None and not returned and self._router.length(plan.key) >= limit:
            return "full"
        now = self._clock.elapsed()
        since = contact.joined_at if returned else now
        waiting = Waiting(contact.call, plan.key, since, asked.priority, asked.skills, returned, asked.agent)
        if self._router.join(waiting, now) is not None:
            return "full"
        contact.stage, contact.plan, contact.agent, contact.joined_at = Stage.QUEUE, plan, None, since
        contact.asked = asked
        self._wait(contact)
        self._match(contact.call)
        return "waits"

    def put_first(self, contact: Contact) -> None:
        """Let a customer who waits be the first in the queue."""
        waiting = self._router.get(contact.call)
        if waiting is not None:
            self._router.join(replace(waiting, returned=True), self._clock.elapsed())
            self._match(contact.call)

    def take_back(self, contact: Contact, but: AgentId | None = None) -> None:
        """Whoever was to take the customer did not: the agent who gave it away does when that one is free (and not
        `but`), else it is the first in the queue."""
        asked, giver = contact.asked, self._presence.team.get(contact.given_by or 0)
        contact.given_by = None
        if giver is not None and giver.id != but and giver.facts.state == "ready" and giver.call is None:
            asked = Asked(agent=giver.id, longest_wait_s=TAKES_BACK_S)
        elif asked.agent is not None:
            asked = WHATEVER_THE_LENGTH
        if contact.stage is not Stage.JOINING or contact.asked.agent is not None:
            # the longest wait is for others than the one that was wanted
            contact.joined_at = self._clock.elapsed()
        self.join(contact, contact.plan, asked, returned=True)

    def _wait(self, contact: Contact) -> None:
        contact.stop_timers()
        asked, queue = contact.asked, contact.plan.queue
        longest = queue.longest_wait_s if asked.longest_wait_s is None else asked.longest_wait_s
        if longest is not None:
            left_s = longest - (self._clock.elapsed() - contact.joined_at)
            contact.timer = self._clock.call_later(max(0.0, left_s), partial(self._too_late, contact))
        every = queue.announce_s if asked.announce_s is None else asked.announce_s
        if every is not None:
            contact.announce = self._clock.call_later(every, partial(self._announce, contact, every))
        if queue.music is not None:
            self._carrier.play(contact.call, queue.music)

    def _too_late(self, contact: Contact) -> None:
        if contact.stage is Stage.QUEUE:
            self.leave(contact)
            self._told.waited_too_long(contact)

    def leave(self, contact: Contact) -> None:
        """The customer waits no more."""
        self._router.leave(contact.call)
        contact.stop_timers()
        contact.saying.clear()

    def _match(self, call: CallId) -> None:
        found = self._router.match_for_contact(call, self._clock.elapsed())
        contact = self._contacts.get(call)
        agent = None if found is None else self._presence.team.get(found.id)
        if contact is not None and agent is not None:
            self._offer(contact, agent)
        self._look_later()

    def _look_later(self) -> None:
        """Relaxed skills may find an idle agent."""
        when = self._router.next_due()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = self._clock.call_later(max(0.0, when - self._clock.elapsed()), self._look)

    def _look(self) -> None:
        for waiting in self._router.due(self._clock.elapsed()).matched:
            self._match(waiting.id)
        self._look_later()

    # Announcements

    def _announce(self, contact: Contact, every: float) -> None:
        if contact.stage is not Stage.QUEUE:
            return
        contact.announce = self._clock.call_later(every, partial(self._announce, contact, every))
        queue, position = contact.plan.queue, self._router.position(contact.call)
        if queue.announce_position and position is not None:
            contact.saying.append(f"position:{position}")
        wait_s = self.expected_wait_s(contact)
        if queue.announce_wait and wait_s is not None:
            contact.saying.append(f"wait:{max(1, round(wait_s / 60))}")
        if contact.asked.prompt is not None:
            contact.saying.append(contact.asked.prompt)
        self.say(contact)

    def say(self, contact: Contact) -> None:
        """Play what is to be said next, then the music again."""
        if contact.saying:
            self._carrier.play(contact.call, contact.saying.pop(0))
        elif contact.plan.queue.music is not None:
            self._carrier.play(contact.call, contact.plan.queue.music)

    def expected_wait_s(self, contact: Contact) -> float | None:
        """What the customer still waits: position × average handling time ÷ agents who are signed in and not paused.
        None: not known."""
        seconds, calls = self._handled.get(contact.plan.key, (0.0, 0))
        handling_s = seconds / calls if calls else None
        paused = sum(agent.facts.state == "paused" for agent in self._members(contact.plan.key))
        working = self.signed_in(contact.plan.key) - paused
        return self._router.expected_wait_s(contact.call, handling_s, working)

    def handled(self, key: CampaignKey, seconds: float) -> None:
        """A call of the campaign took an agent so long."""
        total, calls = self._handled.get(key, (0.0, 0))
        # the last hundred calls or so
        keep = 1.0 if calls < 100 else 0.99
        self._handled[key] = total * keep + seconds, min(100, calls + 1)

    def _members(self, key: CampaignKey) -> list[Agent]:
        return [agent for agent in self._presence.team.everyone() if key in agent.campaigns]

    def signed_in(self, key: CampaignKey) -> int:
        """How many of the campaign's agents are."""
        return sum(agent.facts.state != "signed-out" for agent in self._members(key))

    # An agent's phone

    def _offer(self, contact: Contact, agent: Agent) -> None:
        """Ring the agent's phone."""
        contact.stop_timers()
        contact.saying.clear()
        contact.stage, contact.agent, agent.call = Stage.JOINING, agent.id, contact.call
        self._presence.reserve(agent)
        self._presence.show(agent, agent.facts, contact.plan.key)
        self._carrier.stop_playing(contact.call)
        if contact.plan.record:
            contact.parts[contact.part] = contact.activity
            self._carrier.record(contact.call, contact.part)
        else:
            self._carrier.stop_recording(contact.call)
        self._carrier.join(contact.call, agent.id)
        patience_s = contact.plan.queue.ring_s + CARRIER_MAY_TAKE_S
        contact.timer = self._clock.call_later(patience_s, partial(self._forgotten, contact, agent.id))
        self._desk_updates.mark(agent.id, "call.ringing")

    def _forgotten(self, contact: Contact, agent: AgentId) -> None:
        if contact.stage is Stage.JOINING and contact.agent == agent:
            self.declined(contact, agent)

    def joined(self, contact: Contact, agent_id: AgentId) -> None:
        """Customer and agent hear each other."""
        agent = self._presence.team.get(agent_id)
        if contact.stage is not Stage.JOINING or contact.agent != agent_id:
            return
        contact.stop_timers()
        now = self._clock.now()
        contact.stage, contact.connected_at, contact.given_by = Stage.TALKING, now, None
        contact.keys.clear()
        self._records.write(writes.LegAnswered(*contact.leg(now), agent=agent_id))
        part = contact.part if contact.plan.record else None
        self._records.write(writes.RecordingSet(*contact.leg(now), part=part))
        if agent is not None:
            self._presence.connected(agent, contact.plan)
            self._desk.connected(agent.id, contact.plan, contact.call)
            self._desk_updates.mark(agent_id, "call.connected")

    def declined(self, contact: Contact, agent_id: AgentId) -> None:
        """The agent does not want the call that rings: as if nobody had taken it."""
        self._carrier.leave(contact.call, agent_id)
        self.missed(contact, agent_id)

    def missed(self, contact: Contact, agent_id: AgentId) -> None:
        """The agent's phone was not taken: the agent is paused, and the customer is the first in the queue again."""
        if contact.stage is not Stage.JOINING or contact.agent != agent_id:
            return
        contact.stop_timers()
        self._free(contact, agent_id, self._presence.missed)
        self.take_back(contact, but=agent_id)
        self._told.not_taken(contact)

    def gave_up(self, contact: Contact) -> None:
        """The customer hung up while an agent's phone rang."""
        if contact.stage is Stage.JOINING and contact.agent is not None:
            self._free(contact, contact.agent, self._presence.free)
        else:
            self.leave(contact)

    def _free(self, contact: Contact, agent_id: AgentId, how: Callable[[Agent], None]) -> None:
        agent, contact.agent = self._presence.team.get(agent_id), None
        if agent is not None and agent.call == contact.call:
            agent.call = None
            self._desk_updates.mark(agent_id, "call.ended")
            how(agent)
