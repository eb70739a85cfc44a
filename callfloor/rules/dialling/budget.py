"""How many people may be abandoned: an allowance that grows with every live answer, and a cap never passed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

HOUR = 3600.0
# of the cap
AIM = 0.98
# Hours that are kept: the longest window is a year.
LONGEST = 366 * 24
# Abandoned calls that a stretch may begin with, and has paid back within an hour
LOAN = 1.0


@dataclass(frozen=True, slots=True)
class Bucket:
    """Live answers and abandoned calls of some time. `age_s`: how long ago it began."""

    age_s: float
    live: int
    abandoned: int


class Budget:
    """Counts over a rolling window, and the allowance that steers pacing from call to call.

    The allowance is a token bucket: each live answer adds `share` of a token (a little less than the cap, so that no
    part of a day passes it because another had savings), each abandoned call takes one. What was
    not used while nothing could be used (a quiet start, a pause) is lost beyond `most` tokens, so that no part of a
    day is paid for with the savings of another: the best use of a budget is an even one. It may fall below zero when
    the world changes faster than pacing learns; it is then paid back.
    """

    def __init__(self, cap: float, window_s: float, most: float, buckets: Iterable[Bucket] = ()) -> None:
        self.cap = cap
        self.share = cap * AIM
        self.most = most
        self.tokens = 0.0
        self._window_s = window_s
        # (start, live, abandoned) by hour, oldest first; those before the window apart, which may be made longer
        self._hours: deque[list[float]] = deque()
        self._before: deque[list[float]] = deque(maxlen=LONGEST)
        self._past = tuple(sorted(buckets, key=lambda bucket: -bucket.age_s))
        counted = [bucket for bucket in self._past if bucket.age_s <= window_s]
        self.live = sum(bucket.live for bucket in counted)
        self.abandoned = sum(bucket.abandoned for bucket in counted)
        # what was saved is not known to the call, but what was overdrawn is paid back
        for bucket in counted:
            self.tokens = min(most, self.tokens + self.share * bucket.live - bucket.abandoned)
        self.tokens = min(0.0, self.tokens)
        # of the stretch
        self._live_since = self._abandoned_since = 0
        self._began: float | None = None

    def begin(self, at: float) -> None:
        """What was saved up to now is not spent from now on."""
        self._began = at
        self._live_since = self._abandoned_since = 0
        self.tokens = min(0.0, self.tokens)

    def advance(self, at: float) -> None:
        """Forget what lies before the window."""
        if self._past:
            # only now is it known what the clock shows
            past, self._past = self._past, ()
            for bucket in past:
                kept = self._hours if bucket.age_s <= self._window_s else self._before
                kept.append([at - bucket.age_s, bucket.live, bucket.abandoned])
        while self._hours and self._hours[0][0] < at - self._window_s:
            hour = self._hours.popleft()
            self._before.append(hour)
            self.live -= int(hour[1])
            self.abandoned -= int(hour[2])

    def change(self, cap: float, window_s: float, at: float) -> None:
        """Another cap or window: what happened stays."""
        self.advance(at)
        self.cap, self.share, self._window_s = cap, cap * AIM, window_s
        every = [*self._before, *self._hours]
        self._before.clear()
        self._hours = deque(every)
        self.live = sum(int(live) for _, live, _ in every)
        self.abandoned = sum(int(abandoned) for _, _, abandoned in every)
        self.advance(at)

    def reached(self, at: float) -> None:
        """A person answered who had an agent for sure: it counts for the cap, and nothing is earned by it."""
        self._hour(at)[1] += 1
        self.live += 1
        self._live_since += 1

    def answered(self, at: float) -> None:
        """A person answered."""
        self.reached(at)
        self.tokens = min(self.most, self.tokens + self.share)

    def lost(self, at: float) -> None:
        """A person was abandoned."""
        self._hour(at)[2] += 1
        self.abandoned += 1
        self._abandoned_since += 1
        self.tokens -= 1.0

    def left(self, at: float) -> float:
        """How many more may be abandoned before the cap is passed, of the window or of the stretch."""
        left = self.cap * self.live - self.abandoned
        if self._began is None:
            return left
        lent = max(0.0, LOAN * (1.0 - (at - self._began) / HOUR))
        return min(left, self.cap * self._live_since - self._abandoned_since + lent)

    def buckets(self, at: float) -> tuple[Bucket, ...]:
        """What is known of the window and the time before it, to go on with later."""
        self.advance(at)
        every = (*self._before, *self._hours)
        return tuple(Bucket(at - start, int(live), int(abandoned)) for start, live, abandoned in every)

    def _hour(self, at: float) -> list[float]:
        self.advance(at)
        if not self._hours or at - self._hours[-1][0] >= HOUR:
            self._hours.append([at, 0, 0])
        return self._hours[-1]
