"""How long whoever guesses passwords has to wait: longer after each failure, and less as time goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """`free` failures cost nothing; each further one doubles the wait, up to `most`. One is forgotten each
    `forget`."""

    free: int
    forget: timedelta
    most: timedelta


# A user's name may be tried by somebody else, who must not keep its owner out for long.
OF_USER = Policy(free=5, forget=timedelta(minutes=10), most=timedelta(minutes=1))
# Whoever guesses codes has the password already, and six digits are few.
OF_FACTOR = Policy(free=5, forget=timedelta(minutes=30), most=timedelta(minutes=15))
# Behind an address there may be a whole office.
OF_ADDRESS = Policy(free=30, forget=timedelta(seconds=30), most=timedelta(minutes=15))


@dataclass(frozen=True, slots=True)
class Failures:
    """What is remembered: how many there were at `at`, and until when nothing is heard (None: all is). Requests are not
    counted in the order of their times, so that a time by itself says nothing."""

    count: float
    at: datetime
    until: datetime | None = None


def after_failure(before: Failures | None, now: datetime, policy: Policy) -> Failures:
    """One more."""
    count = 1.0 + (0.0 if before is None else remembered(before, now, policy))
    over = round(count) - policy.free
    if over <= 0:
        return Failures(count, now)
    return Failures(count, now, now + min(timedelta(seconds=2 ** min(over, 20)), policy.most))


def after_success(before: Failures, now: datetime, policy: Policy) -> Failures:
    """It was none: the one that was counted beforehand is taken back."""
    return Failures(max(0.0, remembered(before, now, policy) - 1.0), now)


def remembered(before: Failures, now: datetime, policy: Policy) -> float:
    """Failures that are not forgotten yet."""
    return max(0.0, before.count - max(timedelta(), now - before.at) / policy.forget)


def wait_s(before: Failures | None, now: datetime) -> int:
    """Seconds until the next is heard; 0: at once."""
    left = timedelta() if before is None or before.until is None else before.until - now
    return int(left.total_seconds()) + 1 if left > timedelta() else 0
