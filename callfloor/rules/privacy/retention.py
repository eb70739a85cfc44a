"""How long what is a customer's is kept, and what is due to go. docs/retention.md says what each kind is.

A campaign's own rule stands in the place of the organisation's; without either it is kept for good. What is under a
legal hold is kept, whatever a rule says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

Kind = Literal["recordings", "voicemails", "emails", "calls", "leads", "audit"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What a kind consists of, each counted by itself.
Part = Literal["recordings", "voicemails", "emails", "calls", "attempts", "leads", "audit"]
PARTS: Mapping[Kind, tuple[Part, ...]] = {
    "recordings": ("recordings",),
    "voicemails": ("voicemails",),
    "emails": ("emails",),
    "calls": ("calls", "attempts"),
    "leads": ("leads",),
    "audit": ("audit",),
}
WHOLE_ORGANISATION = 0
MOST_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Rule:
    """`campaign_id` 0: of the whole organisation."""

    campaign_id: int
    kind: Kind
    days: int


@dataclass(frozen=True, slots=True)
class Due:
    """What is older than `before` goes: of these campaigns, or of all but these (`others`)."""

    kind: Kind
    before: datetime
    days: int
    campaigns: tuple[int, ...]
    others: bool


def due(rules: Sequence[Rule], now: datetime) -> list[Due]:
    """What goes now. Each campaign is in one of them at most for each kind."""
    found: list[Due] = []
    for kind in KINDS:
        of_kind: Mapping[int, int] = {rule.campaign_id: rule.days for rule in rules if rule.kind == kind}
        own = {campaign: days for campaign, days in of_kind.items() if campaign != WHOLE_ORGANISATION}
        if WHOLE_ORGANISATION in of_kind:
            days = of_kind[WHOLE_ORGANISATION]
            found.append(Due(kind, now - timedelta(days=days), days, tuple(sorted(own)), True))
        for days in sorted(set(own.values())):
            campaigns = tuple(sorted(campaign for campaign, each in own.items() if each == days))
            found.append(Due(kind, now - timedelta(days=days), days, campaigns, False))
    return found
