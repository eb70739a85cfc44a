"""Commands whose effect comes later: each is answered when it is there, so that whoever looks then sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callfloor.clock import Clock, Timer
from callfloor.telephony.carrier import AgentId

# A command is answered after so long whatever became of it.
WITHIN_S = 4.0


@dataclass(slots=True, eq=False)
class _Awaited:
    true: Callable[[], bool]
    then: Callable[[], None]
    timer: Timer


class PendingAnswers:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[AgentId, list[_Awaited]] = {}

    def wait(self, agent: AgentId, true: Callable[[], bool], then: Callable[[], None]) -> None:
        """Call `then` once: when something is true of the agent, or the time is over."""
        if true():
            then()
            return
        awaited = _Awaited(true, then, self._clock.call_later(WITHIN_S, lambda: self._done(agent, awaited)))
        self._of.setdefault(agent, []).append(awaited)

    def look(self, agent: AgentId) -> None:
        """Something has changed of the agent."""
        for awaited in [each for each in self._of.get(agent, ()) if each.true()]:
            self._done(agent, awaited)

    def _done(self, agent: AgentId, awaited: _Awaited) -> None:
        waiting = self._of.get(agent, [])
        if awaited not in waiting:
            return
        waiting.remove(awaited)
        if not waiting:
            del self._of[agent]
        awaited.timer.cancel()
        awaited.then()
