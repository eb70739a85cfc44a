"""Dialler strategies: what an outcome means for a lead's next call, and which leads come first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.contract.dialling import Outcome, Strategy

_ELSE = Outcome()

# Callbacks come first whatever the strategy says: somebody was promised them.
CALLBACKS = frozenset({LeadStatus.CALLBACK_QUEUE, LeadStatus.CALLBACK_AGENT})

# Busy people are soon free again; machines mean another hour of the day. A number that is gone is not tried again, the
# lead's next one is at once. Who talked to an agent is not called again unless the agent says so.
DEFAULT = Strategy(
    "default",
    {
        LeadStatus.NO_RESULT: Outcome(recycle_minutes=30),
        LeadStatus.CONTACTED: Outcome(recycle_minutes=None),
        LeadStatus.ABANDONED: Outcome(recycle_minutes=24 * 60),
        LeadStatus.NO_ANSWER: Outcome(recycle_minutes=60),
        LeadStatus.BUSY: Outcome(recycle_minutes=10, priority=1),
        LeadStatus.DISCONNECTED: Outcome(recycle_minutes=0),
        LeadStatus.TELCO_ERROR: Outcome(recycle_minutes=5),
        LeadStatus.ANSWERING_MACHINE: Outcome(recycle_minutes=120),
    },
)


_LEAD_STATUS: dict[DialStatus, LeadStatus] = {
    DialStatus.ANSWERED: LeadStatus.CONTACTED,
    DialStatus.NO_ANSWER: LeadStatus.NO_ANSWER,
    DialStatus.BUSY: LeadStatus.BUSY,
    DialStatus.DISCONNECTED: LeadStatus.DISCONNECTED,
    DialStatus.TELCO_ERROR: LeadStatus.TELCO_ERROR,
    DialStatus.ANSWERING_MACHINE: LeadStatus.ANSWERING_MACHINE,
    DialStatus.ABANDONED: LeadStatus.ABANDONED,
    DialStatus.CANCELLED: LeadStatus.NO_RESULT,
    DialStatus.REFUSED: LeadStatus.NO_RESULT,
}


@dataclass(frozen=True, slots=True)
class AfterAttempt:
    """`next_attempt_at` None and not `completed`: the agent will say."""

    next_attempt_at: datetime | None
    completed: bool


def lead_status_after(dial_status: DialStatus) -> LeadStatus:
    """What an ended attempt makes of the lead."""
    return _LEAD_STATUS[dial_status]


def outcome_of(strategy: Strategy, status: int) -> Outcome:
    return strategy.outcomes.get(status, _ELSE)


def priority(strategy: Strategy, status: int) -> int:
    """Leads of a status with a higher one are dialled first."""
    return outcome_of(strategy, status).priority


def never_again(strategy: Strategy) -> frozenset[int]:
    """Statuses of leads that are not called again unless somebody sets a time."""
    return frozenset(status for status, outcome in strategy.outcomes.items() if outcome.recycle_minutes is None)


def after_attempt(
    strategy: Strategy, max_attempts: int, status: LeadStatus, attempts: int, same: int, at: datetime
) -> AfterAttempt:
    """What becomes of a lead whose attempt ended at `at` with `status`.

    `attempts`: of the lead in all; `same`: of these with this outcome, the one that ended included in both. The
    campaign's `max_attempts` wins over whatever the strategy says. An outcome that is never recycled completes the
    lead; only what becomes of one that was contacted is for the agent to say, whose wrap-up completes it or gives it
    another time (`never_again` keeps it from being called until then).
    """
    outcome = outcome_of(strategy, status)
    limit = outcome.complete_after
    if status is LeadStatus.CONTACTED and outcome.recycle_minutes is None:
        return AfterAttempt(None, completed=False)
    if attempts >= max_attempts or outcome.recycle_minutes is None or (limit is not None and same >= limit):
        return AfterAttempt(None, completed=True)
    return AfterAttempt(at + timedelta(minutes=outcome.recycle_minutes), completed=False)
