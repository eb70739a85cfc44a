"""What a campaign has learned of its calls: how long things take, and how likely a person answers."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence


class Durations:
    """How long something takes, from the last `window` times that it was seen.

    Until then a guess stands in: `guess` are seconds that count like times seen; each time really seen replaces one of
    them. The times themselves are kept, no curve is fitted: a wrap-up that always takes 20 s is known to the second,
    and any other shape is met too.
    """

    def __init__(self, guess: Sequence[float], window: int, seen: Sequence[float] = ()) -> None:
        self._window = window
        self._guess = list(guess)
        self._seen: deque[float] = deque()
        self._sorted = sorted(self._guess)
        self.count = 0
        for seconds in seen:
            self.add(seconds)

    def add(self, seconds: float) -> None:
        """One more was seen."""
        self.count += 1
        self._seen.append(seconds)
        insort(self._sorted, seconds)
        if self._guess:
            self._drop(self._guess.pop())
        elif len(self._seen) > self._window:
            self._drop(self._seen.popleft())

    def _drop(self, seconds: float) -> None:
        del self._sorted[bisect_left(self._sorted, seconds)]

    @property
    def size(self) -> int:
        return len(self._sorted)

    @property
    def mean(self) -> float:
        return sum(self._sorted) / len(self._sorted)

    def quantile(self, share: float) -> float:
        return self._sorted[min(len(self._sorted) - 1, int(share * len(self._sorted)))]

    @property
    def longest(self) -> float:
        return self._sorted[-1]

    def shares(self, step_s: float, size: int) -> list[float]:
        """The shares of them that take at most 0, 1, 2 … steps."""
        total = len(self._sorted)
        return [bisect_right(self._sorted, step * step_s) / total for step in range(size)]

    def seen(self) -> tuple[float, ...]:
        """The times, oldest first."""
        return tuple(self._seen)


def ends_within(durations: Durations, ahead_s: Sequence[float], step_s: float, size: int) -> list[list[float]]:
    """For each time ahead, by steps of time gone by: the probability that it ends within the time ahead, given that it
    has not ended yet. Longer than all that were seen counts as if it could end at any moment."""
    shares = durations.shares(step_s, size + math.ceil(max(ahead_s) / step_s) + 2)
    one, mean = 1 / durations.size, max(1.0, durations.mean)
    rest = [1.0 - share + one for share in shares[:size]]
    tables: list[list[float]] = []
    for ahead in ahead_s:
        later = shares[max(1, round(ahead / step_s)) :]
        anyway = one * (1.0 - math.exp(-ahead / mean))
        tables.append([(b - a + anyway) / left for a, b, left in zip(shares, later, rest, strict=False)])
    return tables


class LiveRate:
    """How likely a person answers a line: a hidden Markov model over rates from 1 % to 95 %.

    Rates stand on a grid in log-odds. With time each may drift to its neighbours, and at any moment jump anywhere: a
    new list, lunch time. So a steady rate is known ever better, and a rate that doubles is believed after some ten
    answers, without a threshold that says what a change is. The width of the distribution is the uncertainty.
    """

    STEP = 0.1
    LOW, HIGH = -4.6, 3.0
    # of the drift, log-odds² a second: 0.15 in an hour
    DRIFT = 0.15**2 / 3600
    # once in two hours
    JUMP = 1 / 7200

    def __init__(self, weights: Sequence[float] = ()) -> None:
        size = round((self.HIGH - self.LOW) / self.STEP) + 1
        odds = [self.LOW + self.STEP * i for i in range(size)]
        self._rates = [1 / (1 + math.exp(-x)) for x in odds]
        self._log_live = [math.log(rate) for rate in self._rates]
        self._log_other = [math.log(1 - rate) for rate in self._rates]
        # one in four at first, give or take a factor of two; rather too many than too few
        self._weights = list(weights) if len(weights) == size else [math.exp(-((x + 1.0) ** 2) / 1.5) for x in odds]
        self._updated: float | None = None
        self.mean = self.spread = 0.0
        self._summarise()

    def update(self, live: float, other: float, at: float) -> None:
        """So many lines were answered by a person since the last update, and so many others ended."""
        passed = 1.0 if self._updated is None else min(3600.0, max(0.0, at - self._updated))
        self._updated = at
        drift = min(0.25, self.DRIFT * passed / self.STEP**2 / 2)
        size = len(self._weights)
        jump = min(0.5, self.JUMP * passed)
        w = self._weights
        stay, spread = (1 - 2 * drift) * (1 - jump), jump / size
        side = drift * (1 - jump)
        drifted = [
            stay * b + side * (a + c) + spread for a, b, c in zip([w[0], *w[:-1]], w, [*w[1:], w[-1]], strict=True)
        ]
        log = [live * a + other * b for a, b in zip(self._log_live, self._log_other, strict=True)]
        most = max(log)
        exp = math.exp
        self._weights = [w * exp(x - most) for w, x in zip(drifted, log, strict=True)]
        self._summarise()

    def _summarise(self) -> None:
        total = sum(self._weights)
        self._weights = [w / total for w in self._weights]
        mean = sum(map(float.__mul__, self._weights, self._rates))
        square = sum(w * r * r for w, r in zip(self._weights, self._rates, strict=True))
        self.mean, self.spread = mean, math.sqrt(max(0.0, square - mean * mean))

    def weights(self) -> tuple[float, ...]:
        return tuple(self._weights)
