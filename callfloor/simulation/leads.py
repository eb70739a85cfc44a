"""The leads of a simulated day: judged, dialled and recycled by the dialler's own rules, and never used up."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.floor.plan import Preview
from callfloor.rules.dialling.eligibility import may_dial, needs_agent
from callfloor.rules.dialling.lead_facts import CampaignFacts, LeadFacts, ListFacts
from callfloor.rules.dialling.strategy import (
    DEFAULT,
    after_attempt,
    lead_status_after,
    never_again,
    outcome_of,
    priority,
)
from callfloor.telephony.carrier import AgentId

# Numbers that Australia keeps for fiction.
_NUMBERS = tuple(f"+614915701{number}" for number in ("56", "57", "58", "59"))
_ZONE = "Australia/Sydney"
_LIST = ListFacts(in_dialler=True, weight=1, never_again=never_again(DEFAULT))
_NONE: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class _Lead:
    """`same`: attempts that ended as the last one did."""

    id: int
    status: int = LeadStatus.NEW
    attempts: int = 0
    same: int = 0
    next_attempt_at: datetime | None = None
    abandoned_at: datetime | None = None


class Leads:
    """`campaign`: the rules' view of it; the usual one calls at any hour."""

    def __init__(self, campaign: CampaignFacts | None = None) -> None:
        self._campaign = campaign or CampaignFacts(
            "outbound", True, _ZONE, None, 10, abandoned_rest=timedelta(hours=24)
        )
        self._made = 0
        self._out: dict[int, _Lead] = {}
        # leads that rest, the earliest due first; and those that are due, in the order in which they are dialled
        self._resting: list[tuple[float, int, _Lead]] = []
        self._due: list[tuple[int, float, int, _Lead]] = []

    def take(self, now: float, agents: list[AgentId], *, reserved: bool) -> tuple[Preview, AgentId | None] | None:
        """The lead that is dialled next, and who is held for it, who is taken out of `agents`."""
        if reserved and not agents:
            return None
        self._wake(now)
        moment = datetime.fromtimestamp(now, UTC)
        passed: list[tuple[int, float, int, _Lead]] = []
        found: _Lead | None = None
        while self._due and found is None:
            entry = heapq.heappop(self._due)
            if self._may_dial(entry[3], moment, agents):
                found = entry[3]
            else:
                passed.append(entry)
        for entry in passed:
            heapq.heappush(self._due, entry)
        if found is None:
            # somebody uploads leads as fast as they are dialled
            self._made += 1
            found = _Lead(self._made)
            if not self._may_dial(found, moment, agents):
                self._made -= 1
                return None
        agent: AgentId | None = None
        if reserved or needs_agent(self._facts(found), self._campaign, 1, moment) is not None:
            agent = agents.pop(0)
        self._out[found.id] = found
        return Preview(found.id, 1, _NUMBERS[found.id % len(_NUMBERS)], found.attempts), agent

    def unseen(self, lead: int) -> None:
        """Nobody has looked at it: it is the next one again."""
        known = self._out.pop(lead)
        heapq.heappush(self._due, (-priority(DEFAULT, known.status), 0.0, known.id, known))

    def skipped(self, lead: int, now: float) -> None:
        """An agent did not want it."""
        self._rest(self._out.pop(lead), now + 60 * (outcome_of(DEFAULT, LeadStatus.NO_RESULT).recycle_minutes or 0.0))

    def ended(self, lead: int, status: DialStatus, at: float) -> None:
        """Its attempt is over."""
        known = self._out.pop(lead)
        left = lead_status_after(status)
        known.attempts += 1
        known.same = known.same + 1 if known.status == left else 1
        known.status = left
        if status is DialStatus.ABANDONED:
            known.abandoned_at = datetime.fromtimestamp(at, UTC)
        moment = datetime.fromtimestamp(at, UTC)
        after = after_attempt(DEFAULT, self._campaign.max_attempts, left, known.attempts, known.same, moment)
        if after.next_attempt_at is not None and status is not DialStatus.DISCONNECTED:
            self._rest(known, after.next_attempt_at.timestamp())

    def _rest(self, lead: _Lead, until: float) -> None:
        lead.next_attempt_at = datetime.fromtimestamp(until, UTC)
        heapq.heappush(self._resting, (until, lead.id, lead))

    def _wake(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            due, lead_id, lead = heapq.heappop(self._resting)
            heapq.heappush(self._due, (-priority(DEFAULT, lead.status), due, lead_id, lead))

    def _may_dial(self, lead: _Lead, now: datetime, agents: list[AgentId]) -> bool:
        free = frozenset(agents) if lead.abandoned_at is not None else _NONE
        return may_dial(self._facts(lead), _LIST, self._campaign, _NONE, now, agents=free) is not None

    def _facts(self, lead: _Lead) -> LeadFacts:
        return LeadFacts(
            completed_at=None,
            status_code=lead.status,
            phones=(_NUMBERS[lead.id % len(_NUMBERS)], None, None),
            phone_attempts=(lead.attempts, 0, 0),
            attempts=lead.attempts,
            next_attempt_at=lead.next_attempt_at,
            callback_agent_id=None,
            zone=_ZONE,
            in_flight=lead.id in self._out,
            abandoned_at=lead.abandoned_at,
        )
