"""What agents ask for, and what becomes of them between calls. Pacing hears of every change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

from callfloor.clock import Clock
from callfloor.contract.workspace import Refusal
from callfloor.floor.agents.team import Agent, Team
from callfloor.floor.calls.dialler import Dialler
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.floor.ports import writes
from callfloor.floor.ports.desk import Desk
from callfloor.floor.ports.records import Records
from callfloor.floor.ports.writes import WrapUp
from callfloor.rules.routing import agents
from callfloor.rules.routing.agents import AgentFacts, AgentInput, AgentState
from callfloor.telephony.carrier import AgentId

# Who wished for something that cannot be has so long at least to say something else.
LEAST_TO_CORRECT_S = 15.0
NO_WRAP_UP = Refusal(code="no-wrap-up", detail="You are not in a wrap-up: its time may be over.")


class PresenceListener(Protocol):
    def agent_idle(self, agent: Agent) -> None:
        """The agent waits for a call."""
        ...

    def agent_changed(self, agent: Agent) -> None:
        """Its state, or its time, is another."""
        ...

    def call_handled(self, key: CampaignKey, seconds: float) -> None:
        """An agent is done with a call of this campaign, which took it so long."""
        ...


class Presence:
    """`told` hears of every change."""

    def __init__(
        self,
        clock: Clock,
        records: Records,
        desk: Desk,
        diallers: Mapping[CampaignKey, Dialler],
        told: PresenceListener,
    ) -> None:
        self._clock, self._records, self._desk, self._diallers, self._told = clock, records, desk, diallers, told
        self.team = Team(self.watch)

    def asked(self, agent: Agent, happened: AgentInput, reason: str | None, *, written: bool) -> None:
        """Somebody wants the agent ready, paused or signed out. `written`: where states are shown, it is known."""
        facts = agents.advance(agent.facts, happened, reason)
        if facts == agent.facts:
            return
        if written or facts.busy:
            self.settle(agent, facts)
        else:
            self.show(agent, facts)
            if facts.state == "ready":
                self._told.agent_idle(agent)

    def reserve(self, agent: Agent) -> None:
        """Keep an idle agent for a call that is being chosen. Nobody else is told."""
        self.team.change(agent, agents.advance(agent.facts, AgentInput.RESERVED))

    def release(self, agent: Agent) -> None:
        """No call was found for a reserved agent."""
        self.settle(agent, agents.advance(agent.facts, AgentInput.RELEASED))

    def connected(self, agent: Agent, plan: CampaignPlan) -> None:
        agent.connected_at = self._clock.elapsed()
        self.show(agent, agents.advance(agent.facts, AgentInput.CONNECTED), plan.key)

    def missed(self, agent: Agent) -> None:
        """The agent's phone was not taken: no more calls for it until somebody looks."""
        agent.call = None
        self.show(agent, agents.advance(agent.facts, AgentInput.MISSED))

    def call_ended(self, agent: Agent, activity: int, plan: CampaignPlan) -> None:
        """The agent's call is over, its wrap-up begins."""
        agent.activity, agent.plan, agent.extensions = activity, plan, 0
        agent.until = self._clock.elapsed() + plan.wrap_up_s
        self.show(agent, agents.advance(agent.facts, AgentInput.CALL_ENDED))
        self._time_wrap_up(agent, plan, plan.wrap_up_s)
        self._desk.wrapping(agent.id, plan, plan.wrap_up_s)

    def wrap_up(self, agent_id: AgentId, wrap: WrapUp) -> bool:
        """The agent's work on the call that ended is done. False: there is none."""
        agent = self.team.get(agent_id)
        if agent is None or agent.activity is None or agent.facts.state != "on-wrap" or agent.leaving:
            return False
        if agent.plan is not None:
            wrap = replace(wrap, helped=None if wrap.next_attempt_at is not None else _helped(agent))
            organisation, campaign = agent.plan.key
            now = self._clock.now()
            self._records.write(writes.WrappedUp(organisation, agent.activity, now, campaign=campaign, wrap=wrap))
            if agent.connected_at is not None:
                self._told.call_handled(agent.plan.key, self._clock.elapsed() - agent.connected_at)
        agent.activity = agent.plan = agent.shown = agent.connected_at = None
        self.free(agent)
        return True

    def extend_wrap_up(self, agent_id: AgentId) -> Refusal | None:
        """More time for the wrap-up, counted from now, so often as the campaign allows."""
        agent = self.team.get(agent_id)
        if agent is None or agent.activity is None or agent.facts.state != "on-wrap" or agent.plan is None:
            return NO_WRAP_UP
        most = agent.plan.wrap_up_extensions
        if agent.extensions >= most:
            times = {0: "may not be given more time", 1: "was given more time once"}.get(
                most, f"was given more time {most} times"
            )
            detail = f"A wrap-up of this campaign {times}: finish it, or pause afterwards."
            return Refusal(code="limit-reached", detail=detail)
        agent.extensions += 1
        self._time_wrap_up(agent, agent.plan, agent.plan.wrap_up_extension_s)
        self._told.agent_changed(agent)
        return None

    def stop_wrap_up(self, agent: Agent) -> None:
        """No time runs out while something is written down."""
        agent.stop_timer()

    def resume_wrap_up(self, agent: Agent) -> None:
        """The agent has what was left of the wrap-up's time, and enough to say something else."""
        if agent.plan is not None:
            left = agent.until - self._clock.elapsed()
            self._time_wrap_up(agent, agent.plan, max(left, LEAST_TO_CORRECT_S))
            self._told.agent_changed(agent)

    def _time_wrap_up(self, agent: Agent, plan: CampaignPlan, seconds: float) -> None:
        def over() -> None:
            self.wrap_up(agent.id, WrapUp(plan.default_wrap_code))

        agent.stop_timer()
        agent.until = self._clock.elapsed() + seconds
        agent.timer = self._clock.call_later(seconds, over)

    def free(self, agent: Agent) -> None:
        """What held the agent is over. What comes next is known when it is written."""
        agent.stop_timer()
        agent.leaving = True
        self._records.agent_free(agent.organisation, agent.id, self._clock.now(), partial(self._freed, agent))

    def _freed(self, agent: Agent, state: AgentState) -> None:
        agent.leaving = False
        if self.team.get(agent.id) is agent:
            self.settle(agent, AgentFacts(state))

    def settle(self, agent: Agent, facts: AgentFacts) -> None:
        """Give the agent a state that others know already."""
        serving = self.team.choose(agent, self.wants_agents) if facts.state == "ready" else None
        self.team.change(agent, facts, serving)
        if facts.state == "ready":
            self._told.agent_idle(agent)

    def show(self, agent: Agent, facts: AgentFacts, serving: CampaignKey | None = None) -> None:
        """Give the agent a state, and write it down."""
        if facts.state == "ready" and serving is None:
            serving = self.team.choose(agent, self.wants_agents)
        # that an agent is reserved is shown only now, when a call is placed
        shown = facts.state != agent.facts.state or facts.state == "dialling"
        self.team.change(agent, facts, serving)
        if shown:
            key = agent.serving if facts.busy else None
            campaign = None if key is None else key.campaign
            now = self._clock.now()
            self._records.write(
                writes.AgentChanged(
                    agent.organisation, agent.id, now, state=facts.state, reason=facts.reason, campaign=campaign
                )
            )

    def move(self, agent: Agent) -> None:
        """An idle agent whose campaign has nobody to call serves one that has."""
        if agent.serving is not None and self.wants_agents(agent.serving):
            return
        other = self.team.choose(agent, self.wants_agents)
        if other is not None and other != agent.serving and self.wants_agents(other):
            self.team.serve(agent, other)
            self._told.agent_idle(agent)

    def wants_agents(self, key: CampaignKey) -> bool:
        dialler = self._diallers.get(key)
        return dialler is not None and dialler.wants_agents

    def watch(self, agent: Agent, before: CampaignKey | None) -> None:
        """Tell pacing who is idle, who talks and who wraps up. `before`: the campaign that the agent served."""
        now = self._clock.elapsed()
        self._told.agent_changed(agent)
        if before is not None and before != agent.serving:
            known = self._diallers.get(before)
            if known is not None:
                known.pacer.agent_gone(agent.id, now)
        dialler = None if agent.serving is None else self._diallers.get(agent.serving)
        if dialler is None:
            return
        match agent.facts.state:
            case "ready":
                dialler.pacer.agent_idle(agent.id, now)
            case "on-call":
                dialler.pacer.agent_talking(agent.id, now)
            case "on-wrap":
                dialler.pacer.agent_wrapping(agent.id, now)
            case "dialling" | "paused" | "signed-out":
                dialler.pacer.agent_gone(agent.id, now)


def _helped(agent: Agent) -> tuple[int, datetime] | None:
    """The lead that called before it was called back, and when that was to be."""
    call = agent.shown
    if call is None:
        return None
    for lead in call.leads:
        if lead.lead_id == call.lead_id and lead.callback_timestamp is not None:
            return lead.lead_id, lead.callback_timestamp
    return None
