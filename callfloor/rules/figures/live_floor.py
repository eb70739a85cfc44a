"""What the live floor says ahead of time, and how much of a number it shows."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

# A rate of fewer live answers says nothing.
LEAST_ANSWERS = 5
# Nobody plans further ahead than this by the rate of a morning.
FURTHEST = timedelta(days=7)
# Digits that stay at the end of a number that is not shown, and at its beginning with the plus sign.
SHOWN_END, SHOWN_BEGINNING = 2, 3


def abandonment_left(cap: float, live: int, abandoned: int) -> int:
    """How many more calls may be abandoned before the share of live answers passes `cap`. One more live answer comes
    with each of them, for whoever is abandoned has answered."""
    # (abandoned + n) <= cap × (live + n)
    if cap >= 1.0:
        return max(0, live - abandoned)
    return max(0, math.floor((cap * live - abandoned) / (1.0 - cap) + 1e-9))


def cap_binds_at(
    now: datetime, cap: float, *, live: int, abandoned: int, today_live: int, today_abandoned: int, began: datetime
) -> datetime | None:
    """The minute at which not one more call may be abandoned, should live answers and abandoned calls go on as they did
    today since `began`. None: never, not within a week, or too few answered today to say. What falls out of the window
    meanwhile is left out."""
    if today_live < LEAST_ANSWERS or abandonment_left(cap, live, abandoned) == 0:
        return None
    minutes = max(1.0, (now - began) / timedelta(minutes=1))
    spent_a_minute = (today_abandoned - cap * today_live) / minutes
    if spent_a_minute <= 0:
        return None
    # until less than one more, with the live answer that it is, is left
    left = cap * live - abandoned - (1.0 - cap)
    ahead = timedelta(minutes=max(0.0, left) / spent_a_minute) if spent_a_minute * 60 * 24 * 7 > left else FURTHEST
    return None if ahead >= FURTHEST else _minute(now + ahead)


def leads_run_out_at(now: datetime, dialable: int, attempts_in_an_hour: int) -> datetime | None:
    """The minute at which every dialable lead will have been called once more, at the rate of the last hour."""
    if attempts_in_an_hour <= 0:
        return None
    hours = dialable / attempts_in_an_hour
    return None if hours >= FURTHEST / timedelta(hours=1) else _minute(now + timedelta(hours=hours))


def utilisation(busy: int, working: int) -> float | None:
    """Share of those who work (signed in, not paused) that is busy with a call."""
    return round(busy / working, 3) if working else None


def masked(number: str | None) -> str | None:
    """The number without its middle, for those who may not see it."""
    if number is None:
        return None
    hidden = len(number) - SHOWN_BEGINNING - SHOWN_END
    if hidden < SHOWN_END:
        return "*" * len(number)
    return f"{number[:SHOWN_BEGINNING]}{'*' * hidden}{number[-SHOWN_END:]}"


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
