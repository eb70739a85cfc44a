"""How long it takes to find the next contact for an agent, and an agent for a contact: the rules alone, in memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random

from bench.floor import show
from callfloor.rules.routing.queues import IdleAgent, QueueRules, Waiting
from callfloor.rules.routing.routing import Router

QUEUES, WAITING, ROUNDS = 10, 200, 20_000
SKILLS = ("english", "german", "french", "billing", "technical")


def _router(relax_after_s: float | None = 60.0) -> Router:
    router = Router()
    for queue in range(QUEUES):
        skills = {SKILLS[queue % len(SKILLS)]: 3}
        router.configure(queue, QueueRules(skills, relax_after_s, longest_wait_s=600.0), 0.0)
    return router


def _agent(random: Random, number: int, now: float, best: int = 9) -> IdleAgent:
    queues = dict.fromkeys(random.sample(range(QUEUES), random.choice((2, 4, QUEUES))), 0)
    return IdleAgent(number, queues, now, {skill: random.randint(1, best) for skill in random.sample(SKILLS, 3)})


def _contact(random: Random, number: int, now: float) -> Waiting:
    own = {random.choice(SKILLS): random.randint(1, 9)} if random.random() < 0.5 else {}
    return Waiting(number, random.randrange(QUEUES), now, random.choice((None, 0.0, 5.0)), own)


def _show(row: str, times_s: Sequence[float], found: int) -> None:
    ordered = sorted(times_s)
    p50, p99 = (1e6 * ordered[int(share * len(ordered))] for share in (0.5, 0.99))
    show(row, f"p50 {p50:.1f} µs, p99 {p99:.1f} µs", f"{found:,} of {len(ordered):,} found one")


def _agent_freed(agents: int) -> None:
    """Everybody is busy and many wait; one after another is free, and for each who is served another joins."""
    random, router, now = Random(1), _router(), 0.0
    staff = [_agent(random, number, 0.0) for number in range(agents)]
    number, found = 0, 0
    freed: list[float] = []
    joined: list[float] = []
    for _ in range(ROUNDS):
        while sum(router.length(queue) for queue in range(QUEUES)) < WAITING:
            number += 1
            contact = _contact(random, number, now)
            begun = time.perf_counter()
            router.join(contact, now)
            router.match_for_contact(number, now)
            joined.append(time.perf_counter() - begun)
        now += 0.3
        known = random.choice(staff)
        agent = IdleAgent(known.id, known.queues, now, known.skills)
        begun = time.perf_counter()
        router.agent_idle(agent)
        taken = router.match_for_agent(agent.id, now)
        freed.append(time.perf_counter() - begun)
        found += taken is not None
        router.agent_busy(agent.id)
        for late in router.due(now).too_late:
            router.leave(late.id)
    _show(f"agent freed → contact found, {agents} agents, {WAITING} waiting in {QUEUES} queues", freed, found)
    _show("contact joins, nobody is idle", joined, 0)


def _contact_joins(agents: int, best: int, row: str) -> None:
    """Everybody is idle and nobody waits; who is given a contact is back at once."""
    random, router, now, found = Random(1), _router(), 0.0, 0
    for number in range(agents):
        router.agent_idle(_agent(random, number, now, best))
    times: list[float] = []
    for number in range(ROUNDS):
        now += 0.3
        contact = _contact(random, number, now)
        begun = time.perf_counter()
        router.join(contact, now)
        agent = router.match_for_contact(number, now)
        times.append(time.perf_counter() - begun)
        router.leave(number)
        if agent is not None:
            found += 1
            router.agent_idle(IdleAgent(agent.id, agent.queues, now, agent.skills))
    _show(row, times, found)


def run(size: int) -> None:
    """`size`: agents."""
    _agent_freed(size)
    _contact_joins(size, 9, f"contact joins → agent found, {size} idle agents")
    _contact_joins(size, 2, f"contact joins, none of {size} idle agents has the skill")
