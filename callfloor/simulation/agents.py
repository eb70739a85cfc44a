"""Agents who work by themselves: they accept what they are shown, talk until the customer is done, and wrap up."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

from callfloor.clock import Clock
from callfloor.floor.plan import CampaignPlan, Preview
from callfloor.floor.ports.writes import WrapUp
from callfloor.telephony.carrier import AgentId, CallId
from callfloor.telephony.simulated.behaviour import Distribution

LOOKS_S = Distribution("normal", 8.0, sd=3.0, least=2.0)
SKIPS = 0.1


class Work(Protocol):
    """What agents do on a floor."""

    def accept(self, agent_id: AgentId) -> bool: ...

    def skip(self, agent_id: AgentId, reason: str) -> bool: ...


class SimulatedAgents:
    """A desk at which everybody is simulated but `people`. That and `wrap_s` may be replaced at any moment: who sits
    down while a simulated agent looks at a lead or wraps up goes on with it in person. `pace`: leads are looked at so
    many times faster."""

    def __init__(self, clock: Clock, seed: int, wrap_s: Distribution, pace: float = 1.0) -> None:
        self._clock, self._random = clock, Random(seed)  # noqa: S311 – no secret comes of it
        self.wrap_s = wrap_s
        self.people: frozenset[AgentId] = frozenset()
        self._looks_s = LOOKS_S.faster(pace)
        self._previews: Work | None = None
        self._wrap_up: Callable[[AgentId, WrapUp], bool] = lambda _agent, _wrap: False

    def work(self, previews: Work, wrap_up: Callable[[AgentId, WrapUp], bool]) -> None:
        """Where the agents' work is done."""
        self._previews, self._wrap_up = previews, wrap_up

    def preview(self, agent: AgentId, plan: CampaignPlan, lead: Preview) -> None:
        previews, skips = self._previews, self._random.random() < SKIPS
        if previews is None or agent in self.people:
            return

        def decide() -> None:
            if agent in self.people:
                return
            _ = previews.skip(agent, "not suitable") if skips else previews.accept(agent)

        self._clock.call_later(self._looks_s.draw(self._random), decide)

    def connected(self, agent: AgentId, plan: CampaignPlan, call: CallId) -> None:
        pass

    def wrapping(self, agent: AgentId, plan: CampaignPlan, seconds: float) -> None:
        if agent in self.people:
            return
        wrap = WrapUp(self._random.choice(plan.wrap_codes) if plan.wrap_codes else plan.default_wrap_code)

        def wrap_up() -> None:
            if agent not in self.people:
                self._wrap_up(agent, wrap)

        self._clock.call_later(self.wrap_s.draw(self._random), wrap_up)
