"""What keeps leads out, and what a campaign waits for before it dials more: in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from callfloor.contract.campaigns import CampaignMode
from callfloor.rules.dialling.hours import is_open, next_open
from callfloor.rules.dialling.lead_facts import CampaignFacts
from callfloor.rules.values.times import format_timestamp, zone

# What it means that a rule keeps a lead out, of one lead or of thousands.
MEANINGS: Mapping[str, str] = {
    "completion": "The lead is completed.",
    "phone": "It has no phone that can be dialled: none at all, disconnected, or tried often enough.",
    "do-not-call": "The customer must not be called: its status, or each of its phones is on a list.",
    "callback-agent": "It is a callback for an agent who does not work for the campaign.",
    "destination": "Its phones are where the organisation does not call.",
    "list": "Its list is not in the dialler, or has weight 0.",
    "campaign": "The campaign is stopped, or inbound.",
    "strategy": "The strategy does not call leads of its status again.",
    "register-wash": "Numbers have to be washed against the register first.",
    "attempts": "It was attempted as often as the campaign allows.",
    "attempts-today": "It was attempted today as often as the campaign allows.",
    "in-flight": "It is being dialled, or its number is on a call.",
    "next-attempt": "It rests after an attempt, or is a callback for later.",
    "abandoned": "A call to it was abandoned: it is called only with an agent reserved.",
    "window": "The campaign's calling hours are over, or not yet open.",
    "contact-window": "It is too early or too late where the contact is, or nobody knows where that is.",
}

Reason = Literal["inbound", "stopped", "floor", "window", "leads", "agents", "agents-busy", "lines", "cap"]


@dataclass(frozen=True, slots=True)
class DiallingNow:
    """A campaign at a moment. `led`: an engine that lives leads it. `max_lines` None: no limit. `working`: agents who
    are signed in and work for it, `ready` of them. `live`, `abandoned`: of the window that `cap` is a share of."""

    led: bool
    ringing: int
    max_lines: int | None
    working: int
    ready: int
    live: int
    abandoned: int
    cap: float

    @property
    def cap_binds(self) -> bool:
        """Whether one more abandoned call would pass the cap."""
        return self.abandoned + 1 > self.cap * (self.live + 1)


@dataclass(frozen=True, slots=True)
class Obstacle:
    reason: Reason
    detail: str


def obstacles(
    campaign: CampaignFacts, mode: CampaignMode | None, standing: DiallingNow, dialable: int, now: datetime
) -> tuple[Obstacle, ...]:
    """Everything that has to change before the next lead is dialled, what comes first first. None: it is dialling."""
    if campaign.direction != "outbound":
        return (Obstacle("inbound", "The campaign is inbound and dials nobody."),)
    found: list[Obstacle] = []
    if not campaign.active:
        found.append(Obstacle("stopped", "The campaign is stopped: start it."))
    if not standing.led:
        found.append(
            Obstacle("floor", "No floor leads the campaign: is `callfloor serve` running with the role floor?")
        )
    at = zone(campaign.zone)
    if campaign.hours is not None and not is_open(campaign.hours, at, now, campaign.holidays):
        opening = next_open(campaign.hours, at, now, campaign.holidays)
        until = "and never are" if opening is None else f"until {format_timestamp(opening, at)}"
        found.append(Obstacle("window", f"The campaign's calling hours are not open {until}."))
    if not dialable:
        found.append(Obstacle("leads", "No lead may be dialled now: see what keeps them out."))
    if not standing.working:
        found.append(Obstacle("agents", "No agent of the campaign is signed in."))
    elif not standing.ready and mode != "predictive":
        found.append(Obstacle("agents-busy", f"None of the {standing.working} agents who are signed in is ready."))
    if standing.max_lines is not None and standing.ringing >= standing.max_lines:
        found.append(Obstacle("lines", f"{standing.ringing} lines ring, and at most {standing.max_lines} may."))
    if mode == "predictive" and standing.cap_binds and not standing.ready:
        found.append(
            Obstacle(
                "cap",
                f"{standing.abandoned} of {standing.live} live answers were abandoned, and the cap is"
                f" {standing.cap:.1%}: only agents who are ready are dialled for.",
            )
        )
    return tuple(found)
