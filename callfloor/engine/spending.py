"""What organisations with limits have called today, read for the floor; and what is said of refusals and limits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

import structlog

from callfloor.clock import Clock
from callfloor.floor.calls.outgoing import Outgoing
from callfloor.floor.plan import CampaignPlan
from callfloor.metrics import DESTINATION_ALARMS, DESTINATIONS_REFUSED
from callfloor.rules.dialling.destinations import Allowance, Denied, Spent, has_limits
from callfloor.rules.values.times import zone
from callfloor.store.calls import spending
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import AgentId

log = structlog.get_logger("callfloor.destinations")

# What other engines place meanwhile is not counted for so long.
READ_S = 5.0


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
            at = zone(plan.organisation_zone)
            midnight = datetime.combine(now.astimezone(at).date(), time(), at)
            rows = await spending.spent(self._db, organisation, midnight, now)
            agents = {row["agent_id"]: Spent(row["calls"], row["minutes"]) for row in rows}
            whole = Spent(sum(each.calls for each in agents.values()), sum(each.minutes for each in agents.values()))
            agents.pop(None, None)
            self._outgoing.learn(organisation, began, whole, agents)
            self._read_at[organisation] = began


class DestinationLog:
    """Tells the log and the metrics of numbers that are not called, and of limits."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # of which limits it was said on this day
        self._said: dict[tuple[int, AgentId | None, str, bool], date] = {}

    def refused(self, organisation: int, agent: AgentId | None, why: Denied) -> None:
        DESTINATIONS_REFUSED.labels(why.reason).inc()
        log.warning("destination-refused", organisation=organisation, agent=agent, reason=why.reason)

    def alarmed(self, organisation: int, agent: AgentId | None, limit: Allowance) -> None:
        """Once a day each that a limit is nearly used up, and that it is."""
        today = datetime.fromtimestamp(self._clock.now(), UTC).date()
        whose = agent if limit.reason.startswith("agent-") else None
        key = organisation, whose, limit.reason, limit.over
        if self._said.get(key) == today:
            return
        self._said[key] = today
        DESTINATION_ALARMS.labels(limit.reason, "used-up" if limit.over else "near").inc()
        log.warning(
            "destination-alarm",
            organisation=organisation,
            agent=whose,
            limit=limit.reason,
            most=limit.limit,
            used_percent=round(100 * limit.share),
        )
