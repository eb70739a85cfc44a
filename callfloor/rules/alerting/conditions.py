"""What each kind of rule is about: which figure of the floor, of which subjects, and when its condition holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from callfloor.contract.alerts import AlertKind, AlertRule
from callfloor.contract.live_floor import FloorCampaign, FloorQueue

Of = Literal["campaign", "queue", "both", "organisation"]
Unit = Literal["share", "minutes", "seconds", "count", "none"]


@dataclass(frozen=True, slots=True)
class KindOfRule:
    """`of`: what it is of. `usual`: its threshold where none is given; `most`: the highest. `rises`: the condition
    holds from the threshold upwards, else downwards."""

    of: Of
    unit: Unit
    usual: float | None = None
    most: float = 0
    rises: bool = True


KINDS: Mapping[AlertKind, KindOfRule] = {
    "abandonment-rate": KindOfRule("campaign", "share", 0.03, 1),
    "cap-binds": KindOfRule("campaign", "minutes", 30, 10_080, rises=False),
    "longest-wait": KindOfRule("queue", "seconds", 120, 86_400),
    "callers-waiting": KindOfRule("queue", "count", 10, 10_000),
    "service-level": KindOfRule("queue", "share", 0.8, 1, rises=False),
    "agents-ready": KindOfRule("both", "count", 0, 10_000, rises=False),
    "leads-run-out": KindOfRule("campaign", "minutes", 60, 10_080, rises=False),
    "not-led": KindOfRule("both", "none"),
    "node-down": KindOfRule("organisation", "none"),
    "jobs-failed": KindOfRule("organisation", "count", 1, 10_000),
    "destinations": KindOfRule("organisation", "none"),
}
# What every organisation is told of without asking; a rule of the same kind takes its place.
USUAL = (
    AlertRule("Destination policy", "destinations", after_s=0, clear_s=0),
    AlertRule("Out of order", "node-down", after_s=30, severity="critical"),
    AlertRule("Nobody serves it", "not-led", after_s=60, severity="critical"),
    AlertRule("Jobs that failed", "jobs-failed", after_s=0, clear_s=0),
)


@dataclass(frozen=True, slots=True)
class Node:
    """An engine, a telephone server or a trunk."""

    name: str
    up: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """Something that the destination policy did within the hour."""

    key: str
    about: str
    agent_id: int | None


@dataclass(frozen=True, slots=True)
class Facts:
    """The floor at one moment. `service_levels`: of the last hour, by campaign; without those that had no callers.
    `failed_jobs`: imports and reports that failed within the hour."""

    at: datetime
    campaigns: Iterable[FloorCampaign] = ()
    queues: Iterable[FloorQueue] = ()
    nodes: Iterable[Node] = ()
    limits: Iterable[Limit] = ()
    service_levels: Mapping[int, float] = field(default_factory=dict[int, float])
    failed_jobs: int = 0


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that a rule looks at. `value`: in the unit of its kind; None: there is no saying."""

    key: str
    about: str
    holds: bool
    value: float | None = None
    campaign_id: int | None = None
    agent_id: int | None = None


def rules_of(own: Iterable[AlertRule]) -> tuple[AlertRule, ...]:
    """The rules that an organisation has: its own, and the usual ones of kinds of which it has none."""
    given = tuple(own)
    kinds = {rule.kind for rule in given}
    return given + tuple(rule for rule in USUAL if rule.kind not in kinds)


def threshold_of(rule: AlertRule) -> float | None:
    """What the figure is compared with; None: of a kind that compares nothing."""
    return KINDS[rule.kind].usual if rule.threshold is None else rule.threshold


def subjects(rule: AlertRule, facts: Facts) -> Iterator[Subject]:
    """All that a rule looks at, whether its condition holds or not. A campaign that is off is none, except that of one
    that should be led."""
    match rule.kind:
        case "node-down":
            yield from (Subject(each.name, each.name, not each.up) for each in facts.nodes)
        case "destinations":
            yield from (Subject(each.key, each.about, True, agent_id=each.agent_id) for each in facts.limits)
        case "jobs-failed":
            yield Subject("jobs", "", _beyond(rule, float(facts.failed_jobs)), float(facts.failed_jobs))
        case _:
            of = KINDS[rule.kind].of
            campaigns = facts.campaigns if of in ("campaign", "both") else ()
            queues = facts.queues if of in ("queue", "both") else ()
            for each in (*campaigns, *queues):
                if each.active and rule.campaign in (None, each.name):
                    value = _value(rule.kind, each, facts)
                    holds = not each.led if rule.kind == "not-led" else _beyond(rule, value)
                    yield Subject(str(each.campaign_id), each.name, holds, value, each.campaign_id)


def _beyond(rule: AlertRule, value: float | None) -> bool:
    threshold = threshold_of(rule)
    if value is None or threshold is None:
        return False
    return value >= threshold if KINDS[rule.kind].rises else value <= threshold


def _value(kind: AlertKind, of: FloorCampaign | FloorQueue, facts: Facts) -> float | None:
    """The figure of a kind; None: there is none, or nobody could mind it."""
    if kind == "agents-ready":
        # at night, when nobody works and nobody waits, nobody is missed
        missed = of.agents.signed_in > 0 or (isinstance(of, FloorQueue) and of.waiting > 0)
        return float(of.agents.ready) if missed else None
    if isinstance(of, FloorQueue):
        match kind:
            case "longest-wait":
                return None if of.longest_since is None else max(0.0, (facts.at - of.longest_since).total_seconds())
            case "callers-waiting":
                return float(of.waiting)
            case "service-level":
                return facts.service_levels.get(of.campaign_id)
            case _:
                return None
    match kind:
        case "abandonment-rate":
            return of.abandonment_rate
        case "cap-binds":
            return 0.0 if of.cap_binds else _minutes(facts.at, of.cap_binds_timestamp)
        case "leads-run-out":
            # nothing is dialled, and so nothing runs out, where nobody works
            if of.dialable_leads == 0:
                return 0.0 if of.agents.signed_in > 0 else None
            return _minutes(facts.at, of.leads_run_out_timestamp)
        case _:
            return None


def _minutes(now: datetime, at: datetime | None) -> float | None:
    return None if at is None else max(0.0, round((at - now).total_seconds() / 60, 1))
