"""Where agents hear from the floor: a console, or the simulated agents of a demo."""

from __future__ import annotations

from typing import Protocol

from callfloor.floor.plan import CampaignPlan, Preview
from callfloor.telephony.carrier import AgentId, CallId


class Desk(Protocol):
    def preview(self, agent: AgentId, plan: CampaignPlan, lead: Preview) -> None:
        """Look at this lead; accept or skip it."""
        ...

    def connected(self, agent: AgentId, plan: CampaignPlan, call: CallId) -> None:
        """You are on a call."""
        ...

    def wrapping(self, agent: AgentId, plan: CampaignPlan, seconds: float) -> None:
        """The call is over; say what came of it within so many seconds."""
        ...


class NobodyAtDesk:
    """Nobody looks: times run out by themselves."""

    def preview(self, agent: AgentId, plan: CampaignPlan, lead: Preview) -> None:
        pass

    def connected(self, agent: AgentId, plan: CampaignPlan, call: CallId) -> None:
        pass

    def wrapping(self, agent: AgentId, plan: CampaignPlan, seconds: float) -> None:
        pass
