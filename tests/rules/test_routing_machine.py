"""The router against a naive one that looks at everybody each time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callfloor.rules.routing.queues import IdleAgent, QueueRules, Waiting
from callfloor.rules.routing.routing import Due, Refusal, Router
from tests.breadth import examples

QUEUES = ("sales", "support", "billing")
SKILLS = ("de", "fr")
# times and rates are binary fractions, so that sums are exact and both routers see the same ties
_LEVELS = st.dictionaries(st.sampled_from(SKILLS), st.sampled_from([0, 1, 2, 5, 9]), max_size=2)
_MASTERS = st.just(dict.fromkeys(SKILLS, 9))
_RULES = st.builds(
    QueueRules,
    skills=_LEVELS,
    relax_after_s=st.sampled_from([None, 8.0, 8.0, 32.0]),
    priority=st.sampled_from([0.0, 2.0]),
    ageing_per_s=st.sampled_from([0.0, 1 / 64, 1 / 8]),
    longest_wait_s=st.sampled_from([None, 16.0, 100.0]),
    longest_queue=st.sampled_from([None, None, 0, 3]),
)
_SERVED = st.fixed_dictionaries({queue: st.integers(0, 1) for queue in QUEUES}) | st.dictionaries(
    st.sampled_from(QUEUES), st.integers(0, 1), max_size=2
)
_IDS, _AGENTS = st.integers(1, 9), st.integers(1, 3)
# `joined_at` is how long ago
_CONTACTS = st.builds(
    Waiting,
    id=_IDS,
    queue=st.sampled_from(QUEUES),
    joined_at=st.sampled_from([0.0, 4.0, 8.0, 40.0]),
    priority=st.sampled_from([None, 0.0, 1.0, 5.0]),
    skills=_LEVELS,
    returned=st.sampled_from([False, False, True]),
    agent=st.sampled_from([None, None, None, 1, 2]),
    kind=st.sampled_from(["call", "call", "email"]),
)


class NaiveRouter:
    """As the rules are worded; nothing is kept but who waits and who is idle."""

    def __init__(self) -> None:
        self.rules: dict[str, QueueRules] = {}
        self.contacts: dict[int, Waiting] = {}
        self.agents: dict[int, IdleAgent] = {}
        # by contact: the relaxing steps and the lateness that were told, or need not be
        self.steps: dict[int, int] = {}
        self.late: set[int] = set()

    def step(self, contact: Waiting, now: float) -> int:
        every = self.rules[str(contact.queue)].relax_after_s
        return 0 if every is None or contact.agent is not None else int((now - contact.joined_at) // every)

    def needs(self, contact: Waiting, step: int) -> dict[str, int]:
        asked = self.rules[str(contact.queue)].skills
        least = {name: max(asked.get(name, 0), contact.skills.get(name, 0)) for name in SKILLS}
        for _ in range(step):
            least = {name: level // 2 for name, level in least.items()}
        return {name: level for name, level in least.items() if level}

    def may(self, agent: IdleAgent, contact: Waiting, now: float) -> bool:
        if contact.agent is not None:
            return contact.agent == agent.id
        needs = self.needs(contact, self.step(contact, now))
        return contact.queue in agent.queues and all(agent.skills.get(name, 0) >= needs[name] for name in needs)

    def turn(self, contact: Waiting, now: float) -> tuple[bool, bool, float, float, int]:
        rules = self.rules[str(contact.queue)]
        priority = rules.priority if contact.priority is None else contact.priority
        aged = priority + rules.ageing_per_s * (now - contact.joined_at)
        return contact.kind == "email", not contact.returned, -aged, contact.joined_at, contact.id

    def in_turn(self, queue: str, now: float) -> list[Waiting]:
        waiting = [contact for contact in self.contacts.values() if contact.queue == queue]
        return sorted(waiting, key=lambda contact: self.turn(contact, now))

    def join(self, contact: Waiting, now: float) -> Refusal | None:
        rules = self.rules[str(contact.queue)]
        others = [each for each in self.contacts.values() if each.queue == contact.queue and each.id != contact.id]
        calls = sum(each.kind == "call" for each in others)
        limited = contact.kind == "call" and not contact.returned and rules.longest_queue is not None
        if limited and rules.longest_queue is not None and calls >= rules.longest_queue:
            return "full"
        self.contacts[contact.id] = contact
        self.steps[contact.id] = self.step(contact, now)
        self.late.discard(contact.id)
        return None

    def for_agent(self, agent_id: int, now: float) -> Waiting | None:
        agent = self.agents.get(agent_id)
        if agent is None:
            return None

        def turn(contact: Waiting) -> tuple[bool, int, bool, float, float, int]:
            email, *rest = self.turn(contact, now)
            return email, agent.queues.get(contact.queue, 0), *rest

        return min((each for each in self.contacts.values() if self.may(agent, each, now)), key=turn, default=None)

    def for_contact(self, contact_id: int, now: float) -> IdleAgent | None:
        contact = self.contacts.get(contact_id)
        if contact is None:
            return None
        able = [agent for agent in self.agents.values() if self.may(agent, contact, now)]
        return min(able, key=lambda agent: (agent.idle_since, agent.id), default=None)

    def due(self, now: float) -> Due:
        late, matched = list[Waiting](), list[Waiting]()
        for contact in self.contacts.values():
            longest_s = self.rules[str(contact.queue)].longest_wait_s
            timed = contact.kind == "call" and longest_s is not None and contact.id not in self.late
            if timed and longest_s is not None and contact.joined_at + longest_s <= now:
                late.append(contact)
                self.late.add(contact.id)
            before, step = self.steps[contact.id], self.step(contact, now)
            if self.needs(contact, step) != self.needs(contact, before) and self.for_contact(contact.id, now):
                matched.append(contact)
            self.steps[contact.id] = step
        return Due(tuple(late), tuple(sorted(matched, key=lambda contact: self.turn(contact, now))))


class RouterMachine(RuleBasedStateMachine):
    """`prompt`: after each event the matches are asked for that the router asks for."""

    @initialize(rules=st.tuples(_RULES, _RULES, _RULES), prompt=st.booleans())
    def begin(self, rules: tuple[QueueRules, ...], prompt: bool) -> None:
        self.router, self.naive, self.at, self.prompt = Router(), NaiveRouter(), 0.0, prompt
        for queue, each in zip(QUEUES, rules, strict=True):
            self.configured(queue, each)

    @rule(queue=st.sampled_from(QUEUES), rules=_RULES)
    def configured(self, queue: str, rules: QueueRules) -> None:
        changed = self.naive.rules.get(queue) != rules
        self.router.configure(queue, rules, self.at)
        self.naive.rules[queue] = rules
        for contact in self.naive.in_turn(queue, self.at):
            if changed:
                self.naive.steps[contact.id] = self.naive.step(contact, self.at)
                self.naive.late.discard(contact.id)
            self.fresh(contact.id)

    @rule(queue=st.sampled_from(QUEUES), again=_RULES)
    def closed(self, queue: str, again: QueueRules) -> None:
        """And opened again; in between nobody may join."""
        assert list(self.router.close(queue)) == self.naive.in_turn(queue, self.at)
        self.naive.contacts = {each.id: each for each in self.naive.contacts.values() if each.queue != queue}
        assert self.router.join(Waiting(99, queue, self.at), self.at) == "closed"
        self.configured(queue, again)

    @rule(contacts=st.lists(_CONTACTS, min_size=1, max_size=4))
    def join(self, contacts: list[Waiting]) -> None:
        for each in contacts:
            contact = replace(each, joined_at=self.at - each.joined_at)
            assert self.router.join(contact, self.at) == self.naive.join(contact, self.at)
            self.fresh(contact.id)

    @rule(contact=_IDS)
    def leaves(self, contact: int) -> None:
        self.router.leave(contact)
        self.naive.contacts.pop(contact, None)

    @rule(
        agent=st.builds(IdleAgent, id=_AGENTS, queues=_SERVED, idle_since=st.just(0.0), skills=_LEVELS | _MASTERS),
        asks=st.booleans(),
    )
    def idles(self, agent: IdleAgent, asks: bool) -> None:
        agent = replace(agent, idle_since=self.at)
        self.router.agent_idle(agent)
        self.naive.agents[agent.id] = agent
        if self.prompt or asks:
            self.asks_for_agent(agent.id)

    @rule(agent=_AGENTS, gone=st.booleans())
    def stops(self, agent: int, gone: bool) -> None:
        if gone:
            left = {each.id for each in self.naive.contacts.values() if each.agent == agent}
            assert {each.id for each in self.router.agent_gone(agent)} == left
        else:
            self.router.agent_busy(agent)
        self.naive.agents.pop(agent, None)

    @rule(agent=_AGENTS)
    def asks_for_agent(self, agent: int) -> None:
        contact = self.naive.for_agent(agent, self.at)
        assert self.router.match_for_agent(agent, self.at) == contact
        if contact is not None:
            self.take(contact.id, agent)

    @rule(contact=_IDS)
    def asks_for_contact(self, contact: int) -> None:
        agent = self.naive.for_contact(contact, self.at)
        assert self.router.match_for_contact(contact, self.at) == agent
        if agent is not None:
            self.take(contact, agent.id)

    def take(self, contact: int, agent: int) -> None:
        """Who is matched is there no more for anybody else."""
        del self.naive.contacts[contact], self.naive.agents[agent]
        assert self.router.get(contact) is None
        assert self.router.match_for_contact(contact, self.at) is None
        assert self.router.match_for_agent(agent, self.at) is None

    def fresh(self, contact: int) -> None:
        if self.prompt:
            self.asks_for_contact(contact)

    @rule(seconds=st.sampled_from([0.0, 0.5, 8.0, 16.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        until = self.at + seconds
        if self.prompt:
            while (when := self.router.next_due()) is not None and when <= until:
                self.at = max(self.at, when)
                self.looks()
        self.at = until

    @rule()
    def looks(self) -> None:
        """At what is due."""
        due, naive = self.router.due(self.at), self.naive.due(self.at)
        assert sorted(due.too_late, key=_id) == sorted(naive.too_late, key=_id)
        assert due.matched == naive.matched
        when = self.router.next_due()
        assert when is None or when > self.at
        for contact in due.matched:
            self.fresh(contact.id)

    @invariant()
    def each_waits_where_it_would_be_served(self) -> None:
        for queue in QUEUES if hasattr(self, "router") else ():
            waiting = self.naive.in_turn(queue, self.at)
            assert list(self.router.waiting(queue)) == waiting
            assert self.router.length(queue) == len(waiting)
            for position, contact in enumerate(waiting, 1):
                assert self.router.position(contact.id) == position

    @invariant()
    def nobody_waits_while_somebody_idle_could_serve(self) -> None:
        if hasattr(self, "router") and self.prompt:
            for contact in self.naive.contacts:
                assert self.naive.for_contact(contact, self.at) is None


TestRouter = RouterMachine.TestCase
TestRouter.settings = settings(max_examples=examples(80, long=250), stateful_step_count=40, deadline=None)


def _id(contact: Waiting) -> int:
    return contact.id
