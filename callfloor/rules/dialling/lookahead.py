"""The probability that somebody who answers finds no agent: agents come free and lines are answered, each by chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

# Up to so many multiplications the distribution is reckoned exactly; larger ones are close to a normal one with a skew.
EXACT = 160
# A chance below it counts as none.
NONE = 0.002
_SQRT2 = math.sqrt(2.0)
_ROOT_TAU = 1 / math.sqrt(2 * math.pi)


class Chances:
    """Chances that something happens within a time ahead, by steps of the time that it has lasted already."""

    __slots__ = ("_last", "_mean", "_skew", "_variance", "any")

    def __init__(self, chances: Sequence[float]) -> None:
        self._mean = [p if p > NONE else 0.0 for p in chances]
        self._variance = [p * (1 - p) for p in self._mean]
        self._skew = [v * (1 - 2 * p) for p, v in zip(self._mean, self._variance, strict=True)]
        self._last = len(self._mean) - 1
        # whether there is any, so that tables of nothing cost nothing
        self.any = max(self._mean) > 0.0

    @property
    def first(self) -> float:
        """For what has just begun."""
        return self._mean[0]

    def of(self, steps: Iterable[int]) -> list[float]:
        """Each one's chance; none is left out."""
        return [p for p in map(self._mean.__getitem__, steps) if p]

    def sums(self, steps: Sequence[int]) -> tuple[float, float, float]:
        """Mean, variance and third central moment of how many happen."""
        return (
            sum(map(self._mean.__getitem__, steps)),
            sum(map(self._variance.__getitem__, steps)),
            sum(map(self._skew.__getitem__, steps)),
        )


class ExactBalance:
    """Agents to spare: `sure` ones, plus each that may come free, less each line that may be answered.

    Counted are the lines answered and the agents that do not come free; somebody finds no agent when they reach the
    number of agents, so that no more of the distribution is needed than what lies below.
    """

    __slots__ = ("_below",)

    def __init__(self, sure: int, frees: Sequence[float], answers: Iterable[float]) -> None:
        size = sure + len(frees)
        self._below = [1.0] + [0.0] * (size - 1) if size > 0 else []
        for chance in frees:
            self.dial(1.0 - chance)
        for chance in answers:
            self.dial(chance)

    def dial(self, chance: float) -> None:
        """One more line, which is answered with this chance."""
        rest = 1.0 - chance
        self._below = [a * rest + b * chance for a, b in zip(self._below, [0.0, *self._below], strict=False)]

    def none_left(self) -> float:
        """The probability that no agent is to spare."""
        return 1.0 - sum(self._below)


class LargeBalance:
    """The same for many agents and lines: a normal distribution, corrected for its skew (Edgeworth). `uncertainty`:
    standard deviation of the live rate as a share of it, which all lines have in common."""

    __slots__ = ("_mean", "_skew", "_variance")

    def __init__(
        self, sure: int, frees: tuple[float, float, float], answers: tuple[float, float, float], uncertainty: float
    ) -> None:
        self._mean = sure + frees[0] - answers[0]
        self._variance = frees[1] + answers[1] + (uncertainty * answers[0]) ** 2
        self._skew = frees[2] - answers[2]

    def dial(self, chance: float) -> None:
        """One more line, which is answered with this chance."""
        variance = chance * (1 - chance)
        self._mean -= chance
        self._variance += variance
        self._skew -= variance * (1 - 2 * chance)

    def none_left(self) -> float:
        """The probability that no agent is to spare."""
        if self._variance < 1e-9:
            return 1.0 if self._mean < 0.5 else 0.0
        deviation = math.sqrt(self._variance)
        z = (0.5 - self._mean) / deviation
        normal = 0.5 * math.erfc(-z / _SQRT2)
        skew = self._skew / (self._variance * deviation)
        return min(1.0, max(0.0, normal - skew * (z * z - 1) / 6 * _ROOT_TAU * math.exp(-z * z / 2)))


def steps_of(since: Mapping[int, float], at: float, step_s: float, size: int) -> list[int]:
    """How many steps each has lasted, as far as tables go."""
    last, per_s = size - 1, 1 / step_s
    return [min(last, int((at - start) * per_s)) for start in since.values()]
