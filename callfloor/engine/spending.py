"""What organisations with limits have called today, read for the floor; and what is said of refusals and limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog

from callfloor.clock import Clock
from callfloor.floor.calls.outgoing import Outgoing
from callfloor.floor.plan import CampaignPlan
from callfloor.metrics import DESTINATION_ALARMS, DESTINATIONS_REFUSED
from callfloor.rules.dialling.destinations import Allowance, Denied, Spent, has_limits
from callfloor.rules.values.times import day_begun, zone
from callfloor.store.calls import spending
from callfloor.store.db.pool import Database
from callfloor.store.figures.floor_alarms import Alarm
from callfloor.telephony.carrier import AgentId

log = structlog.get_logger("callfloor.destinations")

# What other engines place meanwhile is not counted for so long.
READ_S = 5.0
QUARTER_S = 900


class SpendingReader:
    """Tells `outgoing` what was called."""

    def __init__(self, db: Database, clock: Clock, outgoing: Outgoing) -> None:
        self._db, self._clock, self._outgoing = db, clock, outgoing
        self._read_at: dict[int, float] = {}

    async def read(self, plans: Iterable[CampaignPlan]) -> None:
        """Count anew, of organisations that have limits, what was counted longer than `READ_S` ago."""
        limited = {plan.key.organisation: plan for plan in plans if has_limits(plan.destinations.limits)}
        for organisation, plan in limited.items():
            began = self._clock.elapsed()
            if began - self._read_at.get(organisation, -READ_S) < READ_S:
                continue
            now = datetime.fromtimestamp(self._clock.now(), UTC)
            rows = await spending.spent(self._db, organisation, day_begun(now, zone(plan.organisation_zone)), now)
            agents = {row["agent_id"]: Spent(row["calls"], row["minutes"]) for row in rows}
            whole = Spent(sum(each.calls for each in agents.values()), sum(each.minutes for each in agents.values()))
            agents.pop(None, None)
            self._outgoing.learn(organisation, began, whole, agents)
            self._read_at[organisation] = began


class DestinationLog:
    """Tells the log and the metrics of numbers that are not called, and of limits; and `raised`, if anybody, each cause
    once in a quarter of an hour."""

    def __init__(self, clock: Clock, raised: Callable[[int, Alarm, datetime], None] | None = None) -> None:
        self._clock, self._raised = clock, raised
        # what was said in this quarter of an hour
        self._said: set[tuple[int, Alarm]] = set()
        self._quarter = 0

    def refused(self, organisation: int, agent: AgentId | None, why: Denied) -> None:
        DESTINATIONS_REFUSED.labels(why.reason).inc()
        log.warning("destination-refused", organisation=organisation, agent=agent, reason=why.reason)
        self._raise(organisation, Alarm("refused", why.reason, agent))

    def alarmed(self, organisation: int, agent: AgentId | None, limit: Allowance) -> None:
        """A limit is nearly used up, or is."""
        whose = agent if limit.reason.startswith("agent-") else None
        alarm = Alarm("used-up" if limit.over else "near", limit.reason, whose)
        if not self._raise(organisation, alarm):
            return
        DESTINATION_ALARMS.labels(limit.reason, alarm.kind).inc()
        log.warning(
            "destination-alarm",
            organisation=organisation,
            agent=whose,
            limit=limit.reason,
            most=limit.limit,
            used_percent=round(100 * limit.share),
        )

    def _raise(self, organisation: int, alarm: Alarm) -> bool:
        """Whether this was not said yet in this quarter of an hour."""
        now = self._clock.now()
        if (quarter := int(now // QUARTER_S)) != self._quarter:
            self._quarter = quarter
            self._said.clear()
        if (organisation, alarm) in self._said:
            return False
        self._said.add((organisation, alarm))
        if self._raised is not None:
            self._raised(organisation, alarm, datetime.fromtimestamp(now, UTC))
        return True
