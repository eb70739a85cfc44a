"""Says in the log that numbers are to be washed against a national register again, before the dialler stops for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from callfloor.floor.plan import CampaignKey
from callfloor.rules.dialling.register_wash import wash_state
from callfloor.store.setup.campaigns import CampaignSetup

log = structlog.get_logger("callfloor.floor")

AGAIN = timedelta(days=1)


class WashWarnings:
    """Once a day a campaign, and at once when its state changes."""

    def __init__(self) -> None:
        self._said: dict[CampaignKey, tuple[str, datetime]] = {}

    def look(self, setups: Iterable[CampaignSetup], now: datetime) -> None:
        for setup in setups:
            wash = setup.facts.wash
            if setup.mode is None or not setup.facts.active or wash is None:
                continue
            if wash.last is None:
                state = "never" if wash.required else "fresh"
            else:
                state = wash_state(wash.register, wash.last, now)
            key = CampaignKey(setup.organisation, setup.campaign)
            before, at = self._said.get(key, ("fresh", now))
            if state == "fresh" or (state == before and now - at < AGAIN):
                if state == "fresh":
                    self._said.pop(key, None)
                continue
            self._said[key] = state, now
            days = None if wash.last is None else (now - wash.last).days
            stops = "dialling-stopped" if state in ("overdue", "never") else "dialling-stops-soon"
            log.warning(
                "register-wash-due", campaign=setup.campaign, register=wash.register.name, age_days=days,
                refuses_after_days=wash.register.refuses_after.days, outcome=stops,
            )  # fmt: skip
