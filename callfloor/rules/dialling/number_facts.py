"""What a number may bear, whichever lead has it and whoever dials it: one call at a time, rests, limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from callfloor.contract.dialling import Outcome, Strategy
from callfloor.rules.dialling.strategy import outcome_of

# Attempts on a number are counted over so long, those of one lead besides for as long as there is the lead: a new list
# of next year's is not kept from people who were called this year.
COUNTED_DAYS = 30
COUNTED = timedelta(days=COUNTED_DAYS)
# What follows an outcome that a strategy never calls again: a person on the same number may be somebody else.
_OTHERWISE = Outcome()


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """A number in its organisation, over all its leads and calls by hand.

    `attempts`: of the last `COUNTED_DAYS`. `on_call`: which call it is on now, in words and without the number; None:
    none. `dialled_at`: when it was dialled last, if that was for another lead than the one that is judged;
    `rests_until`: how long it rests after that. `day_until`: the campaign's attempts of a day are used up until then.
    `abandoned_at`: when it last answered and was given no agent.
    """

    attempts: int = 0
    on_call: str | None = None
    dialled_at: datetime | None = None
    rests_until: datetime | None = None
    day_until: datetime | None = None
    abandoned_at: datetime | None = None

    def rest(self, promised: datetime | None) -> datetime | None:
        """Until when it rests. `promised`: when a callback is due; one that came due after the last attempt does not
        wait."""
        if promised is not None and self.dialled_at is not None and promised > self.dialled_at:
            return None
        return self.rests_until

    def free_at(self, now: datetime, promised: datetime | None) -> datetime:
        """From when on it may be dialled, calls that are up apart."""
        if self is FREE:
            return now
        rests = self.rest(promised)
        return max(at for at in (now, rests, self.day_until) if at is not None)


FREE = NumberFacts()


def rests_until(strategy: Strategy, status: int, ended_at: datetime) -> datetime:
    """How long a number rests whose last attempt, for another lead, left that one in `status`."""
    minutes = outcome_of(strategy, status).recycle_minutes
    return ended_at + timedelta(minutes=_OTHERWISE.recycle_minutes or 0.0 if minutes is None else minutes)
