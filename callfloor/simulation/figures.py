"""What a simulated day comes to."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from callfloor.simulation.caller_figures import CallerFigures

HOUR_S = 3600.0


class ConnectDelay(msgspec.Struct, frozen=True):
    """Answer → agent joined, in milliseconds."""

    p50: float
    p99: float
    max: float


class DetectionFigures(msgspec.Struct, frozen=True, rename="camel"):
    """Calls in which the detection of machines erred."""

    persons_taken_for_machines: int
    machines_taken_for_persons: int


class Figures(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Of the time after warm-up, which `hours` has in it. Rates and utilisation are shares of 1.

    `live_answers`: persons who answered; `abandoned`: those of them who found no agent, or were taken for a machine and
    hung up on. `machine_detection`: of a day on which it errs; `inbound`: of a day with callers.
    """

    seed: int
    agents: int
    hours: float
    utilisation: float
    talk_minutes_per_agent_hour: float
    attempts: int
    live_answers: int
    abandoned: int
    abandonment_rate: float
    worst_hour_abandonment_rate: float
    mean_agent_wait_seconds: float
    connect_delay_ms: ConnectDelay
    wall_seconds: float
    machine_detection: DetectionFigures | None = None
    inbound: CallerFigures | None = None


class Tally:
    """Counts what happens from `start` on (seconds on the day's clock), until `end`."""

    def __init__(self, start: float, end: float) -> None:
        self._start, self._end = start, end
        self.attempts = 0
        self.live: list[float] = []
        self.abandoned: list[float] = []
        self.delays: list[float] = []
        self.persons_lost = self.machines_heard = 0
        self.talk_s = self.wrap_s = self.signed_in_s = self.wait_s = 0.0
        self.waits = 0

    def within(self, since: float, until: float) -> float:
        """Seconds of a period that count."""
        return max(0.0, min(until, self._end) - max(since, self._start))

    def counts(self, at: float) -> bool:
        return self._start <= at <= self._end

    def answered(self, at: float, *, person: bool, lost: bool) -> None:
        """A call was answered at that time. `lost`: nobody talked to the person."""
        if person and self.counts(at):
            self.live.append(at)
            if lost:
                self.abandoned.append(at)

    def misheard(self, at: float, *, person: bool) -> None:
        """Detection erred."""
        if self.counts(at):
            self.persons_lost += person
            self.machines_heard += not person

    def figures(self, seed: int, agents: int, wall_s: float) -> Figures:
        delays = sorted(self.delays)
        signed_in = self.signed_in_s or math.inf
        return Figures(
            seed=seed,
            agents=agents,
            hours=self._end / HOUR_S,
            utilisation=(self.talk_s + self.wrap_s) / signed_in,
            talk_minutes_per_agent_hour=60 * self.talk_s / signed_in,
            attempts=self.attempts,
            live_answers=len(self.live),
            abandoned=len(self.abandoned),
            abandonment_rate=len(self.abandoned) / max(1, len(self.live)),
            worst_hour_abandonment_rate=self._worst_hour(),
            mean_agent_wait_seconds=self.wait_s / max(1, self.waits),
            connect_delay_ms=ConnectDelay(
                p50=1000 * _quantile(delays, 0.5), p99=1000 * _quantile(delays, 0.99), max=1000 * _quantile(delays, 1.0)
            ),
            wall_seconds=wall_s,
        )

    def _worst_hour(self) -> float:
        """The greatest rate of an hour, counted from the start; a last piece of less than half an hour is left out."""
        worst, since = 0.0, self._start
        while self._end - since >= HOUR_S / 2:
            until = since + HOUR_S
            live = sum(since <= at < until for at in self.live)
            lost = sum(since <= at < until for at in self.abandoned)
            worst = max(worst, lost / live if live else 0.0)
            since = until
        return worst


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
