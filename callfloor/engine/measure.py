"""How an engine is, for Prometheus: what it leads, who calls, waits and works."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from typing import get_args

from callfloor import metrics
from callfloor.contract.codes import AgentState
from callfloor.engine.journal import Journal
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey

MEASURE_S = 1.0


class Measure:
    """`led`: campaigns that the engine leads."""

    def __init__(self, floor: Floor, journal: Journal, led: Set[CampaignKey]) -> None:
        self._floor, self._journal, self._led = floor, journal, led

    async def take(self) -> None:
        """Say how it is now."""
        contacts = self._floor.contacts.everyone()
        inbound = sum(each.direction == "inbound" for each in contacts)
        metrics.CAMPAIGNS.set(len(self._led))
        metrics.CALLS.labels("inbound").set(inbound)
        metrics.CALLS.labels("outbound").set(len(contacts) - inbound)
        metrics.WAITING.set(sum(self._floor.queues.length(key) for key in self._floor.queues.campaigns()))
        states = Counter(agent.facts.state for agent in self._floor.team.everyone())
        for state in get_args(AgentState):
            metrics.AGENTS.labels(state).set(states[state])
        metrics.JOURNAL.set(self._journal.waiting)
