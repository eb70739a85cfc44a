"""An organisation's limits of calls and minutes a day, held over all engines: whoever writes a call down holds the row
of its organisation, and of the agent who asks, until that is committed (`store/calls/spending.py`).

Minutes of calls that are up go on between two counts. Until they are counted again they are taken for as many as they
can be: a limit may refuse a few seconds too early, never too late. A call that is up when its limit is reached goes on,
for as long as any call may.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from asyncpg import Record

from callfloor.contract.destinations import Destinations
from callfloor.floor.calls.outgoing import DestinationListener
from callfloor.floor.plan import CampaignPlan
from callfloor.rules.dialling.destinations import (
    NOTHING,
    Denied,
    Spent,
    allowances,
    minutes_at_most,
    room,
    used_up,
)
from callfloor.rules.values.times import midnight, zone
from callfloor.store.calls import spending
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import AgentId

# The records are counted again so often where there is a limit of minutes, and where there is one of calls alone: that
# finds what was placed by an engine that had not heard of the limit yet.
COUNT_S, CALLS_COUNT_S = 5.0, 60.0


@dataclass(frozen=True, slots=True)
class Held:
    """So many `calls` may be placed in the transaction in progress; `denied`: why none."""

    organisation: int
    whose: tuple[int, ...]
    calls: int
    denied: Denied | None = None


class DayLimits:
    """`told`, if anybody, hears each time of whom it refuses, and of limits that are nearly used up."""

    def __init__(self, db: Database, told: DestinationListener | None) -> None:
        self._db, self._told = db, told

    async def hold(self, plan: CampaignPlan, agent: AgentId | None, wanted: int, now: datetime) -> Held:
        """In the transaction that places the calls. `agent`: who asks for them; None: the dialler does."""
        limits, organisation = plan.destinations.limits, plan.key.organisation
        whose = _whose(limits, agent)
        if not whose:
            return Held(organisation, (), wanted)
        at = zone(plan.organisation_zone)
        spent = {spending.WHOLE: NOTHING}
        for row in await spending.hold(self._db, organisation, whose, now.astimezone(at).date()):
            spent[row["agent_id"]] = await self._spent(organisation, limits, row, at, now)
        whole, own = spent[spending.WHOLE], None if agent is None else spent.get(agent, NOTHING)
        found = allowances(limits, whole, own)
        for each in found:
            if self._told is not None and each.share >= limits.alarm_at:
                self._told.alarmed(organisation, agent, each)
        denied = used_up(found)
        # the dialler asks again every moment: that the limit is used up was said above
        if denied is not None and agent is not None and self._told is not None:
            self._told.refused(organisation, agent, denied)
        return Held(organisation, whose, room(limits, whole, own, wanted), denied)

    async def spend(self, held: Held, calls: int) -> None:
        """In the same transaction: so many were written down."""
        if held.whose and calls:
            await spending.spend(self._db, held.organisation, held.whose, calls)

    async def give_back(self, plan: CampaignPlan, agent: AgentId) -> None:
        """A call that was granted to the agent was not placed."""
        whose = _whose(plan.destinations.limits, agent)
        if whose:
            await spending.spend(self._db, plan.key.organisation, whose, -1)

    async def _spent(self, organisation: int, limits: Destinations, row: Record, at: ZoneInfo, now: datetime) -> Spent:
        whose: int = row["agent_id"]
        timed = limits.minutes_per_day if whose == spending.WHOLE else limits.agent_minutes_per_day
        fresh_s = CALLS_COUNT_S if timed is None else COUNT_S
        if not row["counted"] or (now - row["counted_at"]).total_seconds() >= fresh_s:
            row = await spending.count(self._db, organisation, whose, midnight(row["day"], at), now)
        elapsed = (now - row["counted_at"]).total_seconds()
        up = row["up"] + row["calls"] - row["counted_calls"]
        return Spent(row["calls"], minutes_at_most(row["minutes"], up, elapsed))


def _whose(limits: Destinations, agent: AgentId | None) -> tuple[int, ...]:
    """Which rows a call is counted in, in the order in which they are held."""
    whole = limits.calls_per_day is not None or limits.minutes_per_day is not None
    of_agent = limits.agent_calls_per_day is not None or limits.agent_minutes_per_day is not None
    return (*((spending.WHOLE,) if whole else ()), *((agent,) if agent is not None and of_agent else ()))
