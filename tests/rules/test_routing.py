"""The router against a naive one that looks at everybody each time, and the rules one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callfloor.rules.queues import IdleAgent, Kind, QueueRules, Waiting, service_level
from callfloor.rules.routing import Due, Refusal, Router

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
TestRouter.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)


def _id(contact: Waiting) -> int:
    return contact.id


def router(*agents: IdleAgent, rules: QueueRules | None = None) -> Router:
    made = Router()
    for queue in QUEUES:
        made.configure(queue, rules or QueueRules(), 0.0)
    for agent in agents:
        made.agent_idle(agent)
    return made


def agent(number: int = 1, idle_since: float = 0.0, **skills: int) -> IdleAgent:
    return IdleAgent(number, dict.fromkeys(QUEUES, 0), idle_since, skills)


def call(number: int, joined_at: float = 0.0, priority: float | None = None, kind: Kind = "call") -> Waiting:
    return Waiting(number, "sales", joined_at, priority, kind=kind)


def served(of: Router, now: float, by: IdleAgent | None = None) -> list[int]:
    """Whom an agent who is idle again and again takes."""
    order: list[int] = []
    while True:
        of.agent_idle(by or agent())
        contact = of.match_for_agent((by or agent()).id, now)
        if contact is None:
            return order
        order.append(contact.id)


def test_a_minute_of_waiting_counts_as_a_point_of_priority() -> None:
    late, early = call(1, 100.0, 2.0), call(2, 0.0, 0.0)
    for now in (100.0, 5000.0):
        floor = router()
        for each in (late, early):
            floor.join(each, now)
        assert served(floor, now) == [1, 2]
    floor = router()
    for each in (replace(late, joined_at=121.0), early):
        floor.join(each, 121.0)
    assert served(floor, 121.0) == [2, 1]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 9)), min_size=1, max_size=12), st.integers(500, 900))
def test_with_ageing_nobody_of_the_same_priority_is_overtaken(callers: list[tuple[int, int]], now: int) -> None:
    floor = router(rules=QueueRules(ageing_per_s=1 / 64))
    for number, (joined_at, priority) in enumerate(callers):
        floor.join(call(number, joined_at, priority), now)
    order = served(floor, now)
    assert sorted(order) == list(range(len(callers)))
    aged = [callers[number][1] + (now - callers[number][0]) / 64 for number in order]
    assert aged == sorted(aged, reverse=True)
    for priority in range(10):
        joined = [callers[number][0] for number in order if callers[number][1] == priority]
        assert joined == sorted(joined)


@given(st.lists(st.integers(0, 100), max_size=8), st.integers(0, 7), st.integers(0, 100))
def test_who_comes_back_from_a_phone_is_the_first(priorities: list[int], joined_at: int, priority: int) -> None:
    floor = router()
    for number, each in enumerate(priorities):
        floor.join(call(number, 0.0, each), 8.0)
    floor.join(replace(call(99, joined_at, priority), returned=True), 8.0)
    assert floor.position(99) == 1
    assert served(floor, 8.0)[0] == 99


def test_who_comes_back_finds_a_full_queue_open() -> None:
    floor = router(rules=QueueRules(longest_queue=1))
    assert floor.join(call(1), 0.0) is None
    assert floor.join(call(2), 0.0) == "full"
    assert floor.join(call(3, kind="email"), 0.0) is None
    assert floor.join(replace(call(2), returned=True), 0.0) is None
    # a call that waits there already may change its priority
    assert floor.join(call(2, priority=5.0), 0.0) == "full"
    assert floor.join(call(2), 0.0) == "full"
    floor.leave(1)
    assert floor.join(call(2, priority=5.0), 0.0) is None
    assert [each.id for each in floor.waiting("sales")] == [2, 3]


def test_calls_come_before_e_mails_and_an_agents_first_queue_before_its_second() -> None:
    floor = router()
    floor.join(call(1, priority=9.0, kind="email"), 0.0)
    floor.join(replace(call(2, priority=8.0), queue="support"), 0.0)
    floor.join(call(3), 0.0)
    floor.join(replace(call(4, priority=99.0), queue="billing"), 0.0)
    assert served(floor, 0.0, IdleAgent(1, {"sales": 1, "support": 2}, 0.0)) == [3, 2, 1]
    assert floor.length("billing") == 1


def test_queues_may_age_apart() -> None:
    floor = router()
    floor.configure("support", QueueRules(ageing_per_s=1.0), 0.0)
    slow = call(1, priority=10.0)
    for now, order in ((9.0, [1, 2]), (11.0, [2, 1])):
        for fast in (replace(call(2), queue="support"), replace(call(2), queue="support", agent=1)):
            for each in (slow, fast):
                floor.join(each, now)
            assert served(floor, now) == order


def test_who_comes_back_is_before_other_queues_of_the_same_order_alone() -> None:
    floor = router()
    floor.join(call(1, priority=9.0), 0.0)
    floor.join(replace(call(2), queue="support", returned=True), 0.0)
    floor.join(replace(call(3), queue="billing", returned=True), 0.0)
    assert served(floor, 0.0, IdleAgent(1, {"sales": 0, "support": 0, "billing": 1}, 0.0)) == [2, 1, 3]


def test_of_those_relaxed_at_once_the_first_served_is_told_first() -> None:
    floor = router(agent(), rules=QueueRules(skills={"de": 1}, relax_after_s=60.0))
    floor.configure("support", QueueRules({"de": 1}, 60.0, ageing_per_s=1.0), 0.0)
    floor.join(call(1, priority=10.0), 0.0)
    floor.join(replace(call(2), queue="support"), 0.0)
    assert [each.id for each in floor.due(60.0).matched] == [2, 1]


def test_levels_are_halved_until_nothing_is_asked_for() -> None:
    rules = QueueRules(skills={"de": 5}, relax_after_s=60.0)
    for waited, level in ((0.0, 5), (59.9, 5), (60.0, 2), (120.0, 1), (180.0, 0)):
        for has in range(6):
            floor = router(agent(de=has), rules=rules)
            floor.join(call(1), 0.0)
            assert (floor.match_for_contact(1, waited) is not None) == (has >= level)


def test_a_relaxed_contact_is_told_when_somebody_idle_can_take_it() -> None:
    floor = router(agent(de=1), rules=QueueRules(skills={"de": 5}, relax_after_s=60.0, longest_wait_s=150.0))
    floor.join(call(1), 0.0)
    assert (floor.next_due(), floor.due(60.0)) == (60.0, Due())
    assert (floor.next_due(), floor.due(120.0)) == (120.0, Due(matched=(call(1),)))
    assert (floor.next_due(), floor.due(150.0)) == (150.0, Due(too_late=(call(1),)))
    assert (floor.next_due(), floor.due(180.0)) == (180.0, Due(matched=(call(1),)))
    assert (floor.next_due(), floor.due(999.0)) == (None, Due())
    assert floor.match_for_contact(1, 999.0) == agent(de=1)


@pytest.mark.parametrize("level", [5, 2, 1, 0])
def test_a_relaxed_contact_is_served_once(level: int) -> None:
    floor = router(rules=QueueRules(skills={"de": 5}, relax_after_s=60.0))
    floor.join(call(1), 0.0)
    floor.join(call(2, 60.0), 60.0)
    # by then nobody need know German
    floor.due(180.0)
    assert served(floor, 180.0) == [1]
    assert served(floor, 180.0, agent(2, de=level)) == ([2] if level else [])
    assert floor.waiting("sales") == (() if level else (call(2, 60.0),))


def test_a_match_before_the_timer_does_not_swallow_what_is_due() -> None:
    floor = router(rules=QueueRules(skills={"de": 1}, relax_after_s=60.0, longest_wait_s=90.0))
    floor.join(call(1), 0.0)
    floor.match_for_contact(2, 91.0)
    assert floor.next_due() == 60.0
    floor.agent_idle(agent())
    assert floor.due(91.0) == Due((call(1),), (call(1),))


def test_a_contact_goes_to_who_is_idle_for_the_longest_time() -> None:
    for order in permutations([agent(1, 5.0), agent(2, 3.0), agent(3, 3.0), agent(4, 1.0)]):
        floor = router(*order)
        for number in range(4):
            floor.join(call(number), 5.0)
        found = [floor.match_for_contact(number, 5.0) for number in range(4)]
        assert [each.id for each in found if each] == [4, 2, 3, 1]


def test_a_contact_for_one_agent_waits_for_that_agent_alone() -> None:
    rules = QueueRules(skills={"de": 9})
    floor = router(agent(1, de=9), IdleAgent(2, {}, 0.0), rules=rules)
    floor.join(replace(call(1), agent=3), 0.0)
    floor.join(replace(call(2), agent=2), 0.0)
    assert floor.match_for_agent(1, 0.0) is None
    assert floor.match_for_contact(1, 0.0) is None
    found = floor.match_for_contact(2, 0.0)
    assert found is not None
    assert found.id == 2
    (left,) = floor.agent_gone(3)
    assert floor.join(replace(left, agent=None), 0.0) is None
    assert floor.match_for_contact(1, 0.0) == agent(1, de=9)


@given(st.permutations([call(number, number % 3, number % 2) for number in range(6)]))
def test_the_order_of_joining_does_not_matter(callers: Iterable[Waiting]) -> None:
    floor = router()
    for each in callers:
        floor.join(each, 3.0)
    assert served(floor, 3.0) == [3, 1, 5, 0, 4, 2]


def test_the_expected_wait_is_the_position_times_handling_time_over_agents() -> None:
    floor = router()
    for number in range(3):
        floor.join(call(number, number), 3.0)
    assert [floor.expected_wait_s(number, 180.0, 2) for number in range(3)] == [90.0, 180.0, 270.0]
    assert floor.expected_wait_s(0, 180.0, 0) is None
    assert floor.expected_wait_s(0, None, 2) is None
    assert floor.expected_wait_s(9, 180.0, 2) is None


def test_the_service_level_leaves_out_who_says_nothing_about_it() -> None:
    assert service_level([], [5.0], [20.0], 20.0) is None
    assert service_level([20.0, 3.0, 21.0], [5.0, 30.0], [1.0], 20.0) == 0.5
    assert service_level([], [30.0], [31.0], 20.0) == 0.0


def test_events_that_are_late_or_doubled_do_no_harm() -> None:
    floor = router()
    floor.leave(1)
    floor.agent_busy(1)
    assert floor.agent_gone(1) == ()
    assert floor.close("sales") == ()
    assert floor.join(call(1), 0.0) == "closed"
    assert floor.match_for_agent(1, 0.0) is None
    assert (floor.position(1), floor.next_due()) == (None, None)


def test_what_waits_long_ago_is_forgotten() -> None:
    floor = router(rules=QueueRules(longest_wait_s=3600.0))
    for number in range(10_000):
        floor.join(call(number), 0.0)
        floor.leave(number)
    floor.join(call(1), 1.0)
    assert floor.next_due() == 3600.0


def test_rules_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="relax_after_s"):
        QueueRules(relax_after_s=0.0)
    with pytest.raises(ValueError, match="ageing_per_s"):
        QueueRules(ageing_per_s=-1.0)
