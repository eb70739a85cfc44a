"""Who works on the floor: every agent's state, and for each campaign those who are ready, longest idle first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from callfloor.clock import Timer
from callfloor.contract.workspace import Call
from callfloor.floor.plan import CampaignKey, CampaignPlan, Preview
from callfloor.rules.routing.agents import AgentFacts
from callfloor.telephony.carrier import AgentId, CallId


@dataclass(slots=True, eq=False)
class Agent:
    """`serving`: the campaign that an idle agent waits for, or whose call it is on. `activity`: of the call that is
    wrapped up, and `plan` its campaign's. `leaving`: the call is over and what comes next is being written.

    `looking`: a lead to look at is looked up for it, which nobody is told of, so that it may have another call
    meanwhile; `by_hand`: the call that it dials by hand as soon as that is over.

    `until`: when the time for the preview or wrap-up is over, and `connected_at`: when the agent's call began, in
    seconds of the floor's clock. `extensions`: how often the wrap-up was given more time. `shown`: the call that the
    desk shows while the agent has none on the line."""

    id: AgentId
    organisation: int
    campaigns: tuple[CampaignKey, ...]
    facts: AgentFacts = field(default_factory=AgentFacts)
    serving: CampaignKey | None = None
    call: CallId | None = None
    activity: int | None = None
    plan: CampaignPlan | None = None
    preview: Preview | None = None
    looking: bool = False
    by_hand: Callable[[], None] | None = None
    until: float = 0.0
    extensions: int = 0
    connected_at: float | None = None
    shown: Call | None = None
    timer: Timer | None = None
    leaving: bool = False

    @property
    def idle(self) -> bool:
        """Whether it waits for a call."""
        waits = self.looking and self.by_hand is None and (self.facts.state, self.facts.wanted) == ("dialling", None)
        return (waits or self.facts.state == "ready") and self.call is None and not self.leaving

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Team:
    """`watch` hears of every change: the agent, and the campaign that it served before."""

    def __init__(self, watch: Callable[[Agent, CampaignKey | None], None]) -> None:
        self._watch = watch
        self._agents: dict[AgentId, Agent] = {}
        # a dict keeps the order in which agents became ready
        self._ready: dict[CampaignKey, dict[AgentId, Agent]] = {}
        self._serving: dict[CampaignKey, int] = {}

    def everyone(self) -> list[Agent]:
        return list(self._agents.values())

    def get(self, agent: AgentId) -> Agent | None:
        return self._agents.get(agent)

    def put(self, agent: AgentId, organisation: int, campaigns: tuple[CampaignKey, ...]) -> Agent:
        """The agent as a member of these campaigns."""
        known = self._agents.get(agent)
        if known is None:
            known = self._agents[agent] = Agent(agent, organisation, campaigns)
        elif known.campaigns != campaigns:
            known.campaigns = campaigns
            if known.facts.state == "ready" and known.serving not in campaigns:
                self.serve(known, self.choose(known, lambda _: True))
            else:
                # an idle agent serves other queues from now on
                self._watch(known, known.serving)
        return known

    def forget(self, agent: Agent) -> None:
        """The agent is none of ours any more."""
        agent.stop_timer()
        self.change(agent, AgentFacts())
        del self._agents[agent.id]

    def change(self, agent: Agent, facts: AgentFacts, serving: CampaignKey | None = None) -> None:
        """Give the agent another state; `serving`: and another campaign."""
        before = agent.serving
        self._leave(agent)
        agent.facts = facts
        agent.serving = (serving or before) if facts.busy or facts.state == "ready" else None
        self._enter(agent)
        self._watch(agent, before)

    def serve(self, agent: Agent, campaign: CampaignKey | None) -> None:
        """An idle agent waits for another campaign's calls."""
        before = agent.serving
        self._leave(agent)
        agent.serving = campaign
        self._enter(agent)
        self._watch(agent, before)

    def _leave(self, agent: Agent) -> None:
        if agent.serving is not None:
            self._serving[agent.serving] -= 1
            self._ready.get(agent.serving, {}).pop(agent.id, None)

    def _enter(self, agent: Agent) -> None:
        if agent.serving is not None:
            self._serving[agent.serving] = self._serving.get(agent.serving, 0) + 1
            if agent.facts.state == "ready":
                self._ready.setdefault(agent.serving, {})[agent.id] = agent

    def ready(self, campaign: CampaignKey) -> list[Agent]:
        """Who waits for this campaign's calls, longest idle first."""
        return list(self._ready.get(campaign, {}).values())

    def serving_count(self, campaign: CampaignKey) -> int:
        """How many wait for this campaign's calls or are on one."""
        return self._serving.get(campaign, 0)

    def looking_count(self, campaign: CampaignKey) -> int:
        """How many look at a lead of this campaign, or have accepted one that is not dialled yet."""
        return sum(
            agent.serving == campaign and agent.facts.state == "dialling" and agent.call is None
            for agent in self._agents.values()
        )

    def for_call(self, campaign: CampaignKey) -> Agent | None:
        """Who takes a call of this campaign now: of those who wait for it the longest idle, else any member."""
        own = self._ready.get(campaign)
        if own:
            return next(iter(own.values()))
        for other, idle in self._ready.items():
            if other != campaign:
                for agent in idle.values():
                    if campaign in agent.campaigns:
                        return agent
        return None

    def choose(self, agent: Agent, wanted: Callable[[CampaignKey], bool]) -> CampaignKey | None:
        """The campaign that an agent serves next: of those that want one, which has the fewest."""
        campaigns = [campaign for campaign in agent.campaigns if wanted(campaign)] or list(agent.campaigns)
        return min(campaigns, key=lambda campaign: (self.serving_count(campaign), campaign), default=None)
