"""Leads that agents look at before they are dialled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.desk_updates import DeskUpdates
from callfloor.floor.agents.presence import Presence
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.dialler import Dialler
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed, Preview
from callfloor.floor.ports import writes
from callfloor.floor.ports.desk import Desk
from callfloor.floor.ports.records import Records
from callfloor.rules.routing import agents
from callfloor.rules.routing.agents import AgentInput
from callfloor.telephony.carrier import AgentId

Done = Callable[[Refusal | None], None]

NO_PREVIEW = Refusal(code="no-preview", detail="No lead is shown to you: it may have timed out.")
TIME_OVER = "time over"
AGENT_LEFT = "agent left"


WITHDRAWN = Refusal(
    code="no-preview", detail="The campaign was switched off or taken over meanwhile: nobody is called."
)


class Place(Protocol):
    def __call__(self, dialler: Dialler, claimed: Claimed, *, willing: bool) -> None: ...


def _nobody(_: Refusal | None) -> None:
    pass


class Previews:
    """`place` dials an attempt that is written down; `willing`: only if its agent still wants calls."""

    def __init__(
        self,
        clock: Clock,
        records: Records,
        desk: Desk,
        presence: Presence,
        desk_updates: DeskUpdates,
        diallers: Mapping[CampaignKey, Dialler],
        place: Place,
    ) -> None:
        self._clock, self._records, self._desk, self._presence = clock, records, desk, presence
        self._desk_updates, self._diallers, self._place = desk_updates, diallers, place

    def offer(self, dialler: Dialler, agent: Agent) -> None:
        """Find an idle agent a lead to look at."""
        self._presence.reserve(agent)
        agent.looking = True
        self._records.preview(dialler.plan, agent.id, partial(self._offered, dialler, agent))

    def _offered(self, dialler: Dialler, agent: Agent, lead: Preview | None) -> None:
        plan = dialler.plan
        dialler.claimed(1, 0 if lead is None else 1)
        agent.looking, by_hand, agent.by_hand = False, agent.by_hand, None
        if lead is not None and (by_hand is not None or not self._may_look(dialler, agent)):
            # the agent went on meanwhile, and nobody has seen the lead
            self._records.write(writes.LeadUnseen(plan, lead, self._clock.now()))
            lead = None
        if by_hand is not None:
            by_hand()
            return
        if lead is None:
            self._release(agent)
            return
        agent.preview, agent.until = lead, self._clock.elapsed() + plan.preview_s
        self._presence.show(agent, agent.facts)
        self._desk_updates.mark(agent.id, "preview.offered")
        agent.timer = self._clock.call_later(plan.preview_s, partial(self._time_over, agent, lead, plan))
        self._desk.preview(agent.id, plan, lead)

    def _may_look(self, dialler: Dialler, agent: Agent) -> bool:
        """Whether the agent still waits for a lead of this campaign, which still shows leads."""
        plan = dialler.plan
        return (
            self._presence.team.get(agent.id) is agent
            and not dialler.dropped
            and (plan.active, plan.mode) == (True, "preview")
            and plan.key == agent.serving
            and plan.key in agent.campaigns
            and (agent.facts.state, agent.facts.wanted) == ("dialling", None)
            and agent.call is None
            and not agent.leaving
        )

    def _release(self, agent: Agent) -> None:
        if self._presence.team.get(agent.id) is agent and agent.call is None and not agent.leaving:
            self._presence.release(agent)

    def configure(self, plan: CampaignPlan) -> None:
        """Nobody looks any more at leads of a campaign that is off."""
        for agent in () if plan.active else self._presence.team.everyone():
            if agent.serving == plan.key:
                self._take_back(agent, plan)

    def moved(self, agent: Agent) -> None:
        """The agent works for other campaigns now than that of the lead it looks at, or for none."""
        dialler = None if agent.serving is None else self._diallers.get(agent.serving)
        if dialler is not None:
            self._take_back(agent, dialler.plan)

    def _take_back(self, agent: Agent, plan: CampaignPlan) -> None:
        """As if nobody had seen the lead."""
        if agent.preview is not None:
            lead, agent.preview = agent.preview, None
            self._records.write(writes.LeadUnseen(plan, lead, self._clock.now()))
            self._presence.free(agent)

    def _time_over(self, agent: Agent, lead: Preview, plan: CampaignPlan) -> None:
        if agent.preview is not lead:
            return
        if plan.preview_timeout == "dial":
            self._dial(agent, _nobody, by_agent=False)
            return
        if plan.preview_timeout == "pause":
            paused = agents.advance(agent.facts, AgentInput.PAUSE, "preview not answered")
            now = self._clock.now()
            self._records.write(
                writes.AgentChanged(agent.organisation, agent.id, now, state="paused", reason=paused.reason)
            )
            self._put_down(agent, TIME_OVER, keep_promise=True)
            return
        self.skip(agent.id, TIME_OVER)

    def accept(self, agent_id: AgentId, done: Done = _nobody) -> bool:
        """Dial the lead that the agent looks at. False: there is none. `done` hears when it is dialled, or why not."""
        agent = self._presence.team.get(agent_id)
        if agent is None or not self._dial(agent, done, by_agent=True):
            done(NO_PREVIEW)
            return False
        return True

    def _dial(self, agent: Agent, done: Done, *, by_agent: bool) -> bool:
        dialler = None if agent.serving is None else self._diallers.get(agent.serving)
        if agent.preview is None or dialler is None:
            return False
        lead, agent.preview = agent.preview, None
        agent.stop_timer()
        self._records.start(dialler.plan, lead, agent.id, partial(self._started, dialler, agent, by_agent, done))
        return True

    def _started(self, dialler: Dialler, agent: Agent, by_agent: bool, done: Done, claimed: Claimed | Refusal) -> None:
        if isinstance(claimed, Claimed):
            # an agent who accepts a lead and pauses then has the call first; one who let the time pass has not
            self._place(dialler, claimed, willing=not by_agent)
            here = self._presence.team.get(agent.id) is agent and agent.facts.state == "dialling"
            if here and agent.call is None and not agent.leaving:
                self._presence.free(agent)
            done(None if agent.call == claimed.call else WITHDRAWN)
            return
        if self._presence.team.get(agent.id) is agent:
            self._presence.free(agent)
        done(claimed)

    def skip(self, agent_id: AgentId, reason: str) -> bool:
        """Do not dial the lead that the agent looks at. False: there is none."""
        agent = self._presence.team.get(agent_id)
        if agent is None or agent.preview is None:
            return False
        self._put_down(agent, reason, keep_promise=False)
        return True

    def left(self, agent: Agent) -> None:
        """The agent pauses or goes while it looks at a lead: a callback keeps the time that was promised, and is
        anybody's who may make it; another lead rests."""
        if agent.preview is not None:
            self._put_down(agent, AGENT_LEFT, keep_promise=True)

    def _put_down(self, agent: Agent, reason: str, *, keep_promise: bool) -> None:
        lead, agent.preview = agent.preview, None
        dialler = None if agent.serving is None else self._diallers.get(agent.serving)
        if dialler is not None and lead is not None:
            now = self._clock.now()
            self._records.write(
                writes.LeadSkipped(dialler.plan, lead, now, agent=agent.id, reason=reason, keep_promise=keep_promise)
            )
        self._presence.free(agent)
