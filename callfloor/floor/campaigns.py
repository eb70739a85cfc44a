"""A campaign's settings as the floor uses them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from callfloor.contract.codes import DialStatus
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.rules.pacing import PacingSettings, Past
from callfloor.store import campaigns
from callfloor.store.campaigns import CampaignSetup
from callfloor.store.pool import Database

# What pacing learns from before it begins: the campaign's last calls of the last hours.
RECENT_CALLS = 400
RECENT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    setup: CampaignSetup
    plan: CampaignPlan


async def load(db: Database) -> dict[CampaignKey, CampaignSettings]:
    """Every outbound campaign there is."""
    found = [CampaignSettings(setup, plan_of(setup)) for setup in await campaigns.outbound(db)]
    return {each.plan.key: each for each in found}


def plan_of(setup: CampaignSetup) -> CampaignPlan:
    """The campaign's own settings where it has some, else what its regime asks for."""
    dialling, regime = setup.dialling, setup.regime
    cap = dialling.abandonment_cap
    return CampaignPlan(
        key=CampaignKey(setup.organisation, setup.campaign),
        mode=setup.mode or "progressive",
        agents=setup.agents,
        active=setup.facts.active,
        numbers=setup.numbers,
        pacing=PacingSettings(
            abandonment_cap=regime.abandonment_cap if cap is None else min(cap, regime.abandonment_cap),
            grace_s=regime.grace_s if dialling.grace_seconds is None else dialling.grace_seconds,
            ring_s=dialling.ring_seconds,
            minimum_ring_s=min(regime.minimum_ring_s, dialling.ring_seconds),
            window_s=regime.window.total_seconds(),
        ),
        wrap_up_s=dialling.wrap_up_seconds,
        wrap_up_extension_s=dialling.wrap_up_extension_seconds,
        wrap_codes=setup.wrap_codes,
        default_wrap_code=dialling.default_wrap_code,
        preview_s=dialling.preview_seconds,
        preview_timeout=dialling.preview_timeout,
        detect_machines=dialling.answering_machines == "hang-up",
        record=dialling.record,
        max_lines=dialling.max_lines,
    )


async def past_of(db: Database, plan: CampaignPlan, now: datetime) -> Past:
    """What pacing would know had it run all along: the budget's window, and how the last calls went."""
    window = timedelta(seconds=plan.pacing.window_s)
    hours = await campaigns.spent(db, *plan.key, now - window)
    recent = await campaigns.recent(db, *plan.key, now - RECENT, RECENT_CALLS)
    live = [row for row in recent if row["dial_status"] in (DialStatus.ANSWERED, DialStatus.ABANDONED)]
    other = [row for row in recent if row["dial_status"] not in (DialStatus.ANSWERED, DialStatus.ABANDONED)]
    return Past(
        buckets=tuple(((now - row["hour"]).total_seconds(), row["live"], row["abandoned"]) for row in hours),
        talk_s=tuple(row["talk_s"] for row in reversed(live) if row["talk_s"] is not None),
        wrap_s=tuple(row["wrap_s"] for row in reversed(live) if row["wrap_s"] is not None),
        answer_s=tuple(row["rang_s"] for row in reversed(live) if row["rang_s"] is not None),
        other_s=tuple(
            row["rang_s"] for row in reversed(other) if row["dial_status"] != DialStatus.CANCELLED and row["rang_s"]
        ),
    )
