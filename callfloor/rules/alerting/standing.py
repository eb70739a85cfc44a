"""How a subject of a rule stands, and what follows when it is looked at again.

A condition has to hold without a break before an alert fires, and not to hold without a break before it is over, so
that a figure that goes to and fro about its threshold makes one alert. All that is remembered is here, so that whoever
looks next goes on from it: what fired is not told twice, and what was never told is told.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Event = Literal["fires", "told", "clears"]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long it has to hold, and not to hold. Neither is negative."""

    after: timedelta
    clear: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """`held_since`: the condition holds, and nothing fires yet. `fired_at`: an alert is open; `told`: somebody has been
    told of it; `well_since`: the condition does not hold any more."""

    held_since: datetime | None = None
    fired_at: datetime | None = None
    told: bool = False
    well_since: datetime | None = None


QUIET = Standing()


def step(
    was: Standing, holds: bool, at: datetime, timing: Timing, silenced_until: datetime | None = None
) -> tuple[Standing, tuple[Event, ...]]:
    """How it stands now, and what happened, in order. `told`: people are to be told now, once an alert, and not while
    it is silenced."""
    events: list[Event] = []
    now = was
    if now.fired_at is None:
        if not holds:
            return QUIET, ()
        now = replace(now, held_since=now.held_since or at)
        assert now.held_since is not None  # noqa: S101 just set
        if at - now.held_since < timing.after:
            return now, ()
        now = Standing(fired_at=at)
        events.append("fires")
    elif holds:
        now = replace(now, well_since=None)
    else:
        now = replace(now, well_since=now.well_since or at)
        assert now.well_since is not None  # noqa: S101 just set
        if at - now.well_since >= timing.clear:
            return QUIET, ("clears",)
        # what is passing is nothing to begin to tell of
        return now, ()
    if not now.told and (silenced_until is None or silenced_until <= at):
        now = replace(now, told=True)
        events.append("told")
    return now, tuple(events)
