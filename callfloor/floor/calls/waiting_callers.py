"""What supervisors do with callers who wait: put them first, give them to somebody, let them go."""

from __future__ import annotations

from typing import assert_never

from callfloor.contract.workspace import LetCallerGo, MoveCallerUp, QueueCommand, Refusal, Target, TransferCaller
from callfloor.floor.agents.team import Agent, Team
from callfloor.floor.calls.contacts import Asked, Contact, Contacts, Stage
from callfloor.floor.calls.inbound import Callers
from callfloor.floor.calls.queues import Queues
from callfloor.floor.plan import CampaignKey, CampaignPlan

# A customer who is given to an agent is the first in the queue again when that one was quicker at something else.
TAKES_S = 10.0

NOT_WAITING = Refusal(code="no-call", detail="This caller does not wait any more: an agent was free, or it hung up.")


class WaitingCallers:
    """Whoever waits in the queues of a floor."""

    def __init__(self, contacts: Contacts, team: Team, queues: Queues, callers: Callers) -> None:
        self._contacts, self._team, self._queues, self._callers = contacts, team, queues, callers

    def do(self, command: QueueCommand) -> Refusal | None:
        """Do it, or say why not."""
        contact = self._find(command.activity_id)
        if contact is None:
            return NOT_WAITING
        match command:
            case MoveCallerUp():
                self._queues.put_first(contact)
            case TransferCaller(to=to):
                target = self._target(contact.organisation, to)
                return target if isinstance(target, Refusal) else self._give(contact, target)
            case LetCallerGo():
                self._queues.leave(contact)
                self._callers.end(contact)
            case _:
                assert_never(command)
        return None

    def _find(self, activity: int) -> Contact | None:
        """Whoever waits on this leg."""
        for contact in self._contacts.everyone():
            if contact.activity == activity and contact.stage is Stage.QUEUE:
                return contact
        return None

    def _target(self, organisation: int, to: Target) -> Agent | CampaignPlan | Refusal:
        if to.number is not None or (to.agent_id is None) == (to.campaign_id is None):
            return Refusal(code="unknown-target", detail="Say exactly one of agentId and campaignId.")
        if to.campaign_id is not None:
            plan = self._queues.plan(CampaignKey(organisation, to.campaign_id))
            if plan is None or plan.mode is not None:
                return Refusal(code="unknown-target", detail="There is no such queue: name an inbound campaign.")
            return plan
        agent = self._team.get(to.agent_id or 0)
        if agent is None or agent.organisation != organisation:
            return Refusal(code="unknown-target", detail="There is no such agent on this floor.")
        return agent

    def _give(self, contact: Contact, to: Agent | CampaignPlan) -> Refusal | None:
        """To an agent who is free, or to another queue."""
        if isinstance(to, Agent):
            if to.facts.state != "ready" or to.call is not None:
                return Refusal(code="target-busy", detail="This agent is not ready: choose one who is, or a queue.")
            self._queues.leave(contact)
            self._queues.join(contact, contact.plan, Asked(agent=to.id, longest_wait_s=TAKES_S), returned=True)
            return None
        if to.key == contact.plan.key:
            return Refusal(code="unknown-target", detail="The caller waits in this queue already.")
        longest = to.queue.longest
        if longest is not None and self._queues.length(to.key) >= longest:
            return Refusal(code="target-busy", detail="This queue is full: choose another.")
        closed = self._queues.closed(to, contact.asked)
        if closed is not None:
            return Refusal(code="target-busy", detail="Nobody works for this queue now: choose another.")
        self._queues.leave(contact)
        self._callers.wait(contact, to, contact.asked)
        return None
