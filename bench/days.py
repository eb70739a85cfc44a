"""Simulated days, several at a time: each is one seed of one scenario under one pacing, and a process of its own."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import Pool

from bench.pacers import FixedRatio, Minutes, WatchedPacer
from callfloor.rules.dialling.pacing import Pacer, PacingSettings, Past
from callfloor.simulation.figures import Figures
from callfloor.simulation.run import simulate
from callfloor.simulation.scenario import Scenario, Truth
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

CAP = 0.03
# steps of a search for the best ratio, as a share of it
RATIO_STEP = 1.02
SPAN = 16


def base(agents: int, **calls: float | Distribution) -> Scenario:
    """The base case, with other calls."""
    return Scenario(Truth(agents, Behaviour(**calls)), abandonment_cap=CAP)  # type: ignore[arg-type]


def shocked(scenario: Scenario, at_minutes: int, truth: Truth) -> Scenario:
    return replace(scenario, shocks=((at_minutes * 60.0, truth),))


@dataclass(frozen=True)
class Mean:
    """Of the days of one scenario. `ratio`: of the fixed pacing, the one that was chosen. `core_s`: what a day took of
    one core at most, which is its wall time where nothing else runs."""

    figures: tuple[Figures, ...]
    minutes: tuple[Minutes, ...] = ()
    ratio: float = 0.0
    core_s: float = 0.0

    def mean(self, value: Callable[[Figures], float]) -> float:
        return sum(map(value, self.figures)) / len(self.figures)

    @property
    def utilisation(self) -> float:
        return self.mean(lambda each: each.utilisation)

    @property
    def least_utilisation(self) -> float:
        return min(each.utilisation for each in self.figures)

    @property
    def abandonment(self) -> float:
        return self.mean(lambda each: each.abandonment_rate)

    @property
    def worst_abandonment(self) -> float:
        return max(each.abandonment_rate for each in self.figures)


def day(scenario: Scenario, seed: int) -> Mean:
    began = time.process_time()
    return Mean((simulate(scenario, seed),), core_s=time.process_time() - began)


def watched_day(scenario: Scenario, seed: int) -> Mean:
    """Minute by minute."""
    minutes = Minutes()

    def make(settings: PacingSettings, past: Past | None) -> Pacer:
        return WatchedPacer(settings, past, minutes)

    return Mean((simulate(scenario, seed, make_pacer=make),), (minutes,))


def best_fixed(scenario: Scenario, seeds: int) -> Mean:
    """The fixed ratio that gets most out of these very days and keeps the cap on their mean, found by halving."""
    tried: dict[int, Mean] = {}

    def keeps(step: int) -> bool:
        ratio = RATIO_STEP**step
        tried[step] = Mean(tuple(_fixed(scenario, ratio, seed) for seed in range(1, seeds + 1)), ratio=ratio)
        return tried[step].abandonment <= CAP

    # about where it was found to be; both ends move on until they lie on either side
    low = max(0, round(9 + 18 * (scenario.truth.agents**0.36 - 1)))
    if keeps(low):
        high = low + SPAN
        while keeps(high):
            low, high = high, high + SPAN
    else:
        low, high = low - SPAN, low
        while low > 0 and not keeps(low):
            low, high = low - SPAN, low
    low = max(low, 0)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if keeps(middle) else (low, middle)
    if low not in tried:
        keeps(low)
    return tried[low]


def _fixed(scenario: Scenario, ratio: float, seed: int) -> Figures:
    return simulate(scenario, seed, make_pacer=lambda _settings, _past: FixedRatio(ratio))  # type: ignore[arg-type, return-value]


Job = tuple[str, Callable[[], Mean]]


def jobs(name: str, scenario: Scenario, seeds: int, run: Callable[[Scenario, int], Mean] = day) -> list[Job]:
    """A day for each seed."""
    return [(name, partial(run, scenario, seed)) for seed in range(1, seeds + 1)]


def all_of(todo: Iterable[Job]) -> dict[str, Mean]:
    """Do the jobs on every core, in their order, and put together what belongs to one name."""
    listed = list(todo)
    parts: dict[str, list[tuple[int, Mean]]] = defaultdict(list)
    with Pool(os.cpu_count()) as pool:
        for done, (index, result) in enumerate(pool.imap_unordered(_run, list(enumerate(listed))), 1):
            parts[listed[index][0]].append((index, result))
            if sys.stderr.isatty():
                print(f"\r{done} of {len(listed)}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)
    return {
        name: _joined([result for _, result in sorted(found, key=lambda each: each[0])])
        for name, found in parts.items()
    }


def _run(job: tuple[int, Job]) -> tuple[int, Mean]:
    index, (_, run) = job
    return index, run()


def _joined(means: list[Mean]) -> Mean:
    return Mean(
        tuple(figures for each in means for figures in each.figures),
        tuple(minutes for each in means for minutes in each.minutes),
        means[0].ratio,
        max(each.core_s for each in means),
    )
