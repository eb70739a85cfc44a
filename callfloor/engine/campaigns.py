"""A campaign's settings as the floor uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from asyncpg import Record

from callfloor.contract.codes import DialStatus
from callfloor.engine.leases import Group, groups
from callfloor.floor.calls.reception import Reception
from callfloor.floor.plan import CampaignKey, CampaignPlan, QueuePlan
from callfloor.regimes import names, regime
from callfloor.rules.dialling.estimates import LiveRate
from callfloor.rules.dialling.pacing import PacingSettings, Past
from callfloor.rules.routing.queues import QueueRules
from callfloor.rules.workflow.workflow import campaigns_of
from callfloor.rules.workflow.workflow_events import Facts
from callfloor.store.db.pool import Database
from callfloor.store.setup import campaigns
from callfloor.store.setup.campaigns import CampaignSetup
from callfloor.store.setup.workflows import Route, Routes

# What pacing learns from before it begins: the campaign's last calls of the last hours.
RECENT_CALLS = 400
RECENT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    setup: CampaignSetup
    plan: CampaignPlan

    def resting(self) -> CampaignSettings:
        """The same campaign, for which nothing is dialled."""
        return replace(self, plan=replace(self.plan, active=False))


async def load(db: Database, routes: Mapping[int, Routes]) -> dict[CampaignKey, CampaignSettings]:
    """Every campaign there is. `routes`: by organisation."""
    setups = [*await campaigns.outbound(db), *await campaigns.inbound(db)]
    found = [CampaignSettings(setup, plan_of(setup, routes.get(setup.organisation))) for setup in setups]
    return {each.plan.key: each for each in found}


def plan_of(setup: CampaignSetup, routes: Routes | None = None) -> CampaignPlan:
    """The campaign's own settings where it has some, else what its regime asks for."""
    dialling, regime = setup.dialling, setup.regime
    detect = dialling.answering_machines == "hang-up"
    return CampaignPlan(
        key=CampaignKey(setup.organisation, setup.campaign),
        mode=setup.mode,
        agents=setup.agents,
        active=setup.facts.active,
        let_go=setup.let_go,
        numbers=setup.numbers,
        pacing=PacingSettings(
            abandonment_cap=setup.abandonment_cap,
            persons_taken_for_machines=dialling.persons_taken_for_machines if detect else 0.0,
            grace_s=regime.grace_s if dialling.grace_seconds is None else dialling.grace_seconds,
            ring_s=dialling.ring_seconds,
            minimum_ring_s=min(regime.minimum_ring_s, dialling.ring_seconds),
            window_s=regime.window.total_seconds(),
        ),
        wrap_up_s=dialling.wrap_up_seconds,
        wrap_up_extension_s=dialling.wrap_up_extension_seconds,
        wrap_up_extensions=dialling.wrap_up_extensions,
        transfer_wait_s=dialling.transfer_wait_seconds,
        tell_of_monitoring=setup.tell_of_monitoring,
        wrap_codes=setup.wrap_codes,
        default_wrap_code=dialling.default_wrap_code,
        preview_s=dialling.preview_seconds,
        preview_timeout=dialling.preview_timeout,
        detect_machines=detect,
        record=dialling.record,
        max_lines=dialling.max_lines,
        name=setup.name,
        timezone=setup.facts.zone,
        country=setup.country,
        new_number_ranges=setup.new_number_ranges,
        destinations=setup.facts.destinations,
        organisation_zone=setup.zone,
        queue=_queue(setup, routes),
    )


def _queue(setup: CampaignSetup, routes: Routes | None) -> QueuePlan:
    queue = setup.queue
    overflow = None if routes is None else routes.campaigns.get(queue.overflow or "")
    return QueuePlan(
        rules=QueueRules(
            skills=queue.skills,
            relax_after_s=queue.relax_skills_seconds or None,
            priority=queue.priority,
            ageing_per_s=0.0 if queue.aging_seconds is None else 1 / queue.aging_seconds,
        ),
        longest_wait_s=queue.max_wait_seconds,
        longest=queue.max_length,
        overflow=None if overflow is None else CampaignKey(setup.organisation, overflow),
        announce_s=queue.announce_seconds,
        announce_position=queue.announce_position,
        announce_wait=queue.announce_wait,
        ring_s=queue.agent_ring_seconds,
        survey=queue.survey,
        shortest_message_s=queue.shortest_voicemail_seconds,
        music=None if routes is None else routes.prompts.get(queue.music or ""),
    )


def together(settings: Mapping[CampaignKey, CampaignSettings], routes: Mapping[int, Routes]) -> list[Group]:
    """The campaigns that one engine has to lead together: those that share agents, and those that a caller may come to
    on one call."""
    members: dict[CampaignKey, set[int]] = {key: set(each.plan.agents) for key, each in settings.items()}
    # a caller's ways are like agents that all their campaigns share, with ids that no agent has
    ways = count(-1, -1)
    for organisation, of_organisation in routes.items():
        for route in of_organisation.by_name.values():
            way = next(ways)
            for campaign in campaigns_of(route.workflow):
                key = CampaignKey(organisation, of_organisation.campaigns.get(campaign, 0))
                members.get(key, set()).add(way)
    for key, each in settings.items():
        overflow = each.plan.queue.overflow
        if overflow is not None and overflow in members:
            way = next(ways)
            members[key].add(way)
            members[overflow].add(way)
    return groups(members)


def receptions(
    routes: Mapping[int, Routes], now: datetime
) -> tuple[dict[str, Reception], dict[tuple[int, str], Reception]]:
    """Where callers go, by the number that they call, and by organisation and workflow."""
    by_number: dict[str, Reception] = {}
    by_name: dict[tuple[int, str], Reception] = {}
    for organisation, each in routes.items():

        def made(route: Route, organisation: int = organisation, each: Routes = each) -> Reception:
            facts = Facts(
                at=now,
                zone=each.zone,
                emergency=route.closed,
                holiday=route.holiday,
                campaigns=each.campaigns,
                lists=each.lists,
            )
            return Reception(organisation, route.workflow, facts, each.prompts, route.workflow_id, each.home)

        by_number |= {number: made(route) for number, route in each.by_number.items()}
        by_name |= {(organisation, name): made(route) for name, route in each.by_name.items()}
    return by_number, by_name


async def past_of(db: Database, plan: CampaignPlan, now: datetime) -> Past:
    """What pacing would know had it run all along: what was spent in the longest window that any regime has, since the
    campaign's may be changed, and how the last calls went."""
    window = max(timedelta(seconds=plan.pacing.window_s), *(regime(name).window for name in names()))
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
        live_rate=_live_rate(recent, now),
    )


def _live_rate(recent: Sequence[Record], now: datetime) -> tuple[float, ...]:
    """How likely a person answers, learned minute by minute from calls that are over, newest first."""
    minutes: dict[float, list[int]] = {}
    for row in reversed(recent):
        status, minute = row["dial_status"], row["dialled_at"].timestamp() // 60 * 60
        if status != DialStatus.CANCELLED:
            live = status in (DialStatus.ANSWERED, DialStatus.ABANDONED)
            minutes.setdefault(minute, [0, 0])[0 if live else 1] += 1
    if not minutes:
        return ()
    rate = LiveRate()
    for minute, (live, other) in minutes.items():
        rate.update(live, other, minute)
    rate.update(0, 0, now.timestamp())
    return rate.weights()
