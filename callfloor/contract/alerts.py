"""Alerts: what supervisors are told of the floor by rules, and the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.fields import Id, PageQuery, Request, Struct

AlertKind = Literal[
    "abandonment-rate",
    "cap-binds",
    "longest-wait",
    "callers-waiting",
    "service-level",
    "agents-ready",
    "leads-run-out",
    "not-led",
    "node-down",
    "jobs-failed",
    "destinations",
]
Severity = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class AlertRule:
    """`campaign`: None, each that the kind is of. `threshold` None: as usual for the kind. It fires when what it is
    about has been so for `after_s` seconds without a break, and is over when it has not for `clear_s` seconds.
    `recipients`: who get an e-mail, from `mailbox`."""

    name: str
    kind: AlertKind
    campaign: str | None = None
    threshold: float | None = None
    after_s: int = 60
    clear_s: int = 120
    severity: Severity = "warning"
    active: bool = True
    mailbox: str | None = None
    recipients: tuple[str, ...] = ()


class AlertsQuery(PageQuery, kw_only=True):
    open: Annotated[bool | None, Meta(description="`true`: those that are not over; `false`: those that are.")] = None
    campaign_id: Id | None = None


class Silence(Request):
    minutes: Annotated[int, Meta(ge=0, le=10_080, description="From now; 0 ends a silence.")]


class Alert(Struct):
    """`about`: a campaign's name, a node's, a limit's. `value`: when it fired, in the unit of the threshold.
    `acknowledgedBy`: the user who did. `silencedUntil`: nobody is told of the rule until then."""

    alert_id: int
    rule: str
    kind: AlertKind
    severity: Severity
    about: str
    campaign_id: int | None
    agent_id: int | None
    value: float | None
    threshold: float | None
    fired: datetime
    cleared: datetime | None
    acknowledged: datetime | None
    acknowledged_by: int | None
    acknowledged_by_name: str | None
    silenced_until: datetime | None
