"""Who is served next, and by whom: queues of calls and e-mails on one side, idle agents on the other.

An agent who becomes free takes, of all that it may serve, calls before e-mails; then what waits in the queues that it
serves first; then who comes back from a phone that nobody took; then the highest priority, which grows with the wait;
then the longest wait. A contact goes to the agent who is idle for the longest time and has the skills. Times are
seconds on any clock, and none of them may lie before the last.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Literal

from callfloor.rules.routing.queues import AgentId, ContactId, IdleAgent, QueueKey, QueueRules, Waiting

Refusal = Literal["full", "closed"]

# (e-mail, not returned, points aged by the time it joined less priority, joined at, id): who is least is served first.
# All who wait in a queue age alike, so that time does not change their order, and nothing needs to be sorted again.
_Turn = tuple[bool, bool, float, float, ContactId]
# (name, least level) by name
_Needs = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Due:
    """`too_late`: waited for as long as the queue allows, told once; they wait until they are taken out. `matched`: ask
    for less than they did, and an idle agent has that; first served first. Who is in both: match it first."""

    too_late: tuple[Waiting, ...] = ()
    matched: tuple[Waiting, ...] = ()


@dataclass(slots=True, eq=False)
class _Place:
    """A contact in its queue. `steps`: how often its skills were relaxed, of `all_steps` until nothing is left."""

    contact: Waiting
    queue: _Queue
    turn: _Turn
    skills: _Needs
    needs: _Needs
    steps: int
    all_steps: int
    late: bool = False

    def next_event(self) -> tuple[float, bool] | None:
        """When something changes for it by waiting alone, and whether it is then too late."""
        rules, joined_at = self.queue.rules, self.contact.joined_at
        relaxed = None
        if rules.relax_after_s is not None and self.steps < self.all_steps:
            relaxed = joined_at + (self.steps + 1) * rules.relax_after_s
        if rules.longest_wait_s is not None and self.contact.kind == "call" and not self.late:
            late = joined_at + rules.longest_wait_s
            if relaxed is None or late <= relaxed:
                return late, True
        return None if relaxed is None else (relaxed, False)


@dataclass(slots=True, eq=False)
class _Queue:
    """`lanes`: who asks for the same, in turn; an agent has the skills for all of a lane or for none."""

    rules: QueueRules
    turns: list[_Turn] = field(default_factory=list[_Turn])
    lanes: dict[_Needs, list[_Turn]] = field(default_factory=dict[_Needs, list[_Turn]])
    calls: int = 0


class Router:
    """All queues of an engine, and all idle agents. Deterministic; knows no clock but the times that it is told.

    A match takes both sides out: the contact waits no more, the agent is idle no more. Nobody waits in vain if
    `match_for_contact` follows each `join` and each contact of `due`, and `match_for_agent` each `agent_idle`.
    """

    def __init__(self) -> None:
        self._queues: dict[QueueKey, _Queue] = {}
        self._places: dict[ContactId, _Place] = {}
        # those who wait for one agent alone are in no lane
        self._own: dict[AgentId, dict[ContactId, _Place]] = {}
        self._agents: dict[AgentId, IdleAgent] = {}
        # longest idle first; the id makes an order of equal times
        self._idle: dict[QueueKey, list[tuple[float, AgentId, IdleAgent]]] = {}
        # (when, number, place, too late): at most one that counts for each place, the others are of places given up
        self._events: list[tuple[float, int, _Place, bool]] = []
        self._numbered = 0
        # events that happened and that `due` has not told yet
        self._untold: list[tuple[float, int, _Place, bool]] = []

    # Queues

    def configure(self, queue: QueueKey, rules: QueueRules, now: float) -> None:
        """Open a queue, or change its rules, also for those who wait in it: each of them may have a match now."""
        known = self._queues.get(queue)
        if known is None:
            self._queues[queue] = _Queue(rules)
        elif known.rules != rules:
            waiting = self.waiting(queue)
            for contact in waiting:
                self.leave(contact.id)
            known.rules = rules
            for contact in waiting:
                self._enter(contact, known, now)

    def close(self, queue: QueueKey) -> tuple[Waiting, ...]:
        """End a queue. Who waited in it has left it."""
        waiting = self.waiting(queue)
        for contact in waiting:
            self.leave(contact.id)
        self._queues.pop(queue, None)
        return waiting

    def waiting(self, queue: QueueKey) -> tuple[Waiting, ...]:
        """Who waits in a queue, in the order in which they would be served."""
        known = self._queues.get(queue)
        return tuple(self._places[turn[-1]].contact for turn in known.turns) if known else ()

    def length(self, queue: QueueKey) -> int:
        """How many wait in a queue."""
        known = self._queues.get(queue)
        return len(known.turns) if known else 0

    # Contacts

    def join(self, contact: Waiting, now: float) -> Refusal | None:
        """Let a contact wait; one that waits already moves. None: it waits. Refused, nothing has changed; who comes
        back from an agent's phone is never refused for the length of the queue."""
        queue = self._queues.get(contact.queue)
        if queue is None:
            return "closed"
        before = self._places.get(contact.id)
        if contact.kind == "call" and not contact.returned and queue.rules.longest_queue is not None:
            stays = before is not None and before.queue is queue and before.contact.kind == "call"
            if queue.calls - stays >= queue.rules.longest_queue:
                return "full"
        self.leave(contact.id)
        self._enter(contact, queue, now)
        return None

    def get(self, contact: ContactId) -> Waiting | None:
        """The contact, if it waits."""
        place = self._places.get(contact)
        return place.contact if place else None

    def leave(self, contact: ContactId) -> None:
        """It waits no more; nothing happens if it did not."""
        place = self._places.pop(contact, None)
        if place is None:
            return
        queue, agent = place.queue, place.contact.agent
        _remove(queue.turns, place.turn)
        queue.calls -= place.contact.kind == "call"
        if agent is None:
            self._leave_lane(place)
        else:
            own = self._own[agent]
            del own[contact]
            if not own:
                del self._own[agent]

    def position(self, contact: ContactId) -> int | None:
        """Its place in its queue, 1 for who is served next. None: it does not wait."""
        place = self._places.get(contact)
        return bisect_left(place.queue.turns, place.turn) + 1 if place else None

    def expected_wait_s(self, contact: ContactId, handling_s: float | None, agents: int) -> float | None:
        """How much longer it will wait: its position × average handling time ÷ agents logged in, the formula of
        `estimatedCallWaitingTime` in the contract. None: nobody is logged in, or nobody knows."""
        position = self.position(contact)
        if position is None or handling_s is None or agents <= 0:
            return None
        return position * handling_s / agents

    # Agents

    def agent_idle(self, agent: IdleAgent) -> None:
        """An agent may be given a contact, or serves other queues or has other skills than before."""
        self.agent_busy(agent.id)
        self._agents[agent.id] = agent
        for queue in agent.queues:
            insort(self._idle.setdefault(queue, []), (agent.idle_since, agent.id, agent))

    def agent_busy(self, agent: AgentId) -> None:
        """An agent may not be given a contact: on a call, in wrap-up, paused."""
        known = self._agents.pop(agent, None)
        if known is None:
            return
        for queue in known.queues:
            idle = self._idle[queue]
            del idle[bisect_left(idle, (known.idle_since, agent))]
            if not idle:
                del self._idle[queue]

    def agent_gone(self, agent: AgentId) -> tuple[Waiting, ...]:
        """An agent has signed out. Who waits for this one alone, and goes on waiting until it joins for somebody else
        or leaves."""
        self.agent_busy(agent)
        return tuple(place.contact for place in self._own.get(agent, {}).values())

    # Matches

    def match_for_agent(self, agent: AgentId, now: float) -> Waiting | None:
        """The contact that an idle agent takes. None: the agent is not idle, or there is none."""
        known = self._agents.get(agent)
        if known is None:
            return None
        self._advance(now)
        best: tuple[bool, int, bool, float, float, ContactId] | None = None
        for key, order in known.queues.items():
            queue = self._queues.get(key)
            if queue is None:
                continue
            aged = queue.rules.ageing_per_s * now
            for needs, lane in queue.lanes.items():
                if _has(known.skills, needs):
                    email, fresh, rank, joined_at, contact = lane[0]
                    turn = (email, order, fresh, rank - aged, joined_at, contact)
                    if best is None or turn < best:
                        best = turn
        for place in self._own.get(agent, {}).values():
            email, fresh, rank, joined_at, contact = place.turn
            order = known.queues.get(place.contact.queue, 0)
            turn = (email, order, fresh, rank - place.queue.rules.ageing_per_s * now, joined_at, contact)
            if best is None or turn < best:
                best = turn
        if best is None:
            return None
        chosen = self._places[best[-1]].contact
        self._take(chosen, agent)
        return chosen

    def match_for_contact(self, contact: ContactId, now: float) -> IdleAgent | None:
        """The agent who takes a contact. None: it does not wait, or there is none."""
        self._advance(now)
        place = self._places.get(contact)
        agent = self._find(place) if place else None
        if place is not None and agent is not None:
            self._take(place.contact, agent.id)
        return agent

    def _find(self, place: _Place) -> IdleAgent | None:
        contact, needs = place.contact, place.needs
        if contact.agent is not None:
            return self._agents.get(contact.agent)
        for _, _, agent in self._idle.get(contact.queue, ()):
            if _has(agent.skills, needs):
                return agent
        return None

    def _take(self, contact: Waiting, agent: AgentId) -> None:
        self.leave(contact.id)
        self.agent_busy(agent)

    # What waiting alone brings

    def next_due(self) -> float | None:
        """When to call `due`; a time that has passed: now. None: nothing will come of waiting."""
        for when, _, place, _ in self._untold:
            if self._waits(place):
                return when
        while self._events and not self._waits(self._events[0][2]):
            heappop(self._events)
        return self._events[0][0] if self._events else None

    def due(self, now: float) -> Due:
        """What became due since it was last asked, and still is."""
        self._advance(now)
        untold = [(place, late) for _, _, place, late in self._untold if self._waits(place)]
        self._untold.clear()
        too_late = [place.contact for place, late in untold if late]
        # one that was relaxed twice is told once
        relaxed = {place.contact.id: place for place, late in untold if not late and self._find(place)}
        return Due(tuple(too_late), tuple(place.contact for place in self._in_turn(relaxed.values(), now)))

    def _in_turn(self, places: Iterable[_Place], now: float) -> list[_Place]:
        def turn(place: _Place) -> _Turn:
            email, fresh, rank, joined_at, contact = place.turn
            return email, fresh, rank - place.queue.rules.ageing_per_s * now, joined_at, contact

        return sorted(places, key=turn)

    def _waits(self, place: _Place) -> bool:
        return self._places.get(place.contact.id) is place

    def _advance(self, now: float) -> None:
        """Let happen what is due."""
        while self._events and self._events[0][0] <= now:
            event = heappop(self._events)
            _, _, place, late = event
            if not self._waits(place):
                continue
            self._untold.append(event)
            if late:
                place.late = True
            else:
                self._leave_lane(place)
                place.steps += 1
                place.needs = _relaxed(place.skills, place.steps)
                self._enter_lane(place)
            self._await(place)

    def _await(self, place: _Place) -> None:
        event = place.next_event()
        if event is None:
            return
        self._numbered += 1
        heappush(self._events, (event[0], self._numbered, place, event[1]))
        if len(self._events) > 2 * len(self._places) + 64:
            self._events = [each for each in self._events if self._waits(each[2])]
            heapify(self._events)

    def _enter(self, contact: Waiting, queue: _Queue, now: float) -> None:
        rules = queue.rules
        skills: _Needs = ()
        if contact.agent is None:
            names = sorted({*rules.skills, *contact.skills})
            skills = tuple((name, max(rules.skills.get(name, 0), contact.skills.get(name, 0))) for name in names)
        priority = rules.priority if contact.priority is None else contact.priority
        rank = rules.ageing_per_s * contact.joined_at - priority
        turn = (contact.kind == "email", not contact.returned, rank, contact.joined_at, contact.id)
        all_steps, steps = max((max(0, level).bit_length() for _, level in skills), default=0), 0
        if rules.relax_after_s is not None:
            while steps < all_steps and contact.joined_at + (steps + 1) * rules.relax_after_s <= now:
                steps += 1
        place = _Place(contact, queue, turn, skills, _relaxed(skills, steps), steps, all_steps)
        self._places[contact.id] = place
        insort(queue.turns, turn)
        queue.calls += contact.kind == "call"
        if contact.agent is None:
            self._enter_lane(place)
        else:
            self._own.setdefault(contact.agent, {})[contact.id] = place
        self._await(place)

    def _enter_lane(self, place: _Place) -> None:
        insort(place.queue.lanes.setdefault(place.needs, []), place.turn)

    def _leave_lane(self, place: _Place) -> None:
        lane = place.queue.lanes[place.needs]
        _remove(lane, place.turn)
        if not lane:
            del place.queue.lanes[place.needs]


def _remove(turns: list[_Turn], turn: _Turn) -> None:
    del turns[bisect_left(turns, turn)]


def _has(skills: Mapping[str, int], needs: _Needs) -> bool:
    for name, level in needs:  # noqa: SIM110 - a generator costs more than the comparison
        if skills.get(name, 0) < level:
            return False
    return True


def _relaxed(skills: _Needs, steps: int) -> _Needs:
    return tuple((name, level >> steps) for name, level in skills if level >> steps > 0)
