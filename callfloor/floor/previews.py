"""Leads that agents look at before they are dialled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from callfloor.clock import Clock
from callfloor.floor.desk import Desk
from callfloor.floor.dialler import Dialler
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.presence import Presence
from callfloor.floor.records import Records
from callfloor.floor.team import Agent
from callfloor.rules import agents
from callfloor.rules.agents import AgentInput
from callfloor.telephony.carrier import AgentId

TIME_OVER = "time over"
AGENT_LEFT = "agent left"


class Previews:
    """`place` dials an attempt that is written down."""

    def __init__(
        self,
        clock: Clock,
        records: Records,
        desk: Desk,
        presence: Presence,
        diallers: Mapping[CampaignKey, Dialler],
        place: Callable[[Dialler, Claimed], None],
    ) -> None:
        self._clock, self._records, self._desk, self._presence = clock, records, desk, presence
        self._diallers, self._place = diallers, place

    def offer(self, dialler: Dialler, agent: Agent) -> None:
        """Find an idle agent a lead to look at."""
        self._presence.reserve(agent)
        self._records.preview(dialler.plan, agent.id, partial(self._offered, dialler, agent))

    def _offered(self, dialler: Dialler, agent: Agent, lead: Preview | None) -> None:
        plan = dialler.plan
        dialler.claimed(1, 0 if lead is None else 1)
        if self._presence.team.get(agent.id) is not agent:
            return
        if lead is None:
            self._presence.release(agent)
            return
        agent.preview, agent.preview_s = lead, plan.preview_s
        self._presence.show(agent, agent.facts)
        agent.timer = self._clock.call_later(plan.preview_s, partial(self._time_over, agent, lead, plan))
        self._desk.preview(agent.id, plan, lead)

    def _time_over(self, agent: Agent, lead: Preview, plan: CampaignPlan) -> None:
        if agent.preview is not lead:
            return
        if plan.preview_timeout == "dial":
            self.accept(agent.id)
            return
        if plan.preview_timeout == "pause":
            paused = agents.advance(agent.facts, AgentInput.PAUSE, "preview not answered")
            self._records.agent(agent.organisation, agent.id, "paused", paused.reason, self._clock.now())
        self.skip(agent.id, TIME_OVER)

    def accept(self, agent_id: AgentId) -> bool:
        """Dial the lead that the agent looks at. False: there is none."""
        agent = self._presence.team.get(agent_id)
        dialler = None if agent is None or agent.serving is None else self._diallers.get(agent.serving)
        if agent is None or agent.preview is None or dialler is None:
            return False
        lead, agent.preview = agent.preview, None
        agent.stop_timer()
        self._records.start(dialler.plan, lead, agent.id, partial(self._started, dialler, agent))
        return True

    def _started(self, dialler: Dialler, agent: Agent, claimed: Claimed | None) -> None:
        if claimed is None:
            if self._presence.team.get(agent.id) is agent:
                self._presence.free(agent)
        else:
            self._place(dialler, claimed)

    def skip(self, agent_id: AgentId, reason: str) -> bool:
        """Do not dial the lead that the agent looks at. False: there is none."""
        agent = self._presence.team.get(agent_id)
        if agent is None or agent.preview is None:
            return False
        lead, agent.preview = agent.preview, None
        dialler = None if agent.serving is None else self._diallers.get(agent.serving)
        if dialler is not None:
            self._records.skip(dialler.plan, lead, agent.id, reason)
        self._presence.free(agent)
        return True
