"""What agents and supervisors ask of the floor, and its answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import assert_never

import msgspec

from callfloor.clock import Clock
from callfloor.contract.workspace import (
    AcceptPreview,
    AnyCommand,
    CancelConsultation,
    ChooseLead,
    CompleteTransfer,
    Conference,
    Consult,
    Dial,
    DoNotCall,
    DropParty,
    EndCall,
    ExtendWrapUp,
    ForceSignOut,
    HangUp,
    Hold,
    LetCallerGo,
    Monitor,
    MoveCallerUp,
    Mute,
    Pause,
    PauseRecording,
    Ready,
    Refusal,
    RingPhone,
    SendDigits,
    SignOut,
    SkipPreview,
    StopMonitoring,
    TakeOver,
    Target,
    Transfer,
    TransferCall,
    TransferCaller,
    WrapUp,
)
from callfloor.floor.agents.presence import NO_WRAP_UP
from callfloor.floor.agents.previews import NO_PREVIEW
from callfloor.floor.agents.team import Agent
from callfloor.floor.calls.outgoing import as_refusal
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Records
from callfloor.rules.dialling.callbacks import is_over
from callfloor.rules.dialling.destinations import Denied
from callfloor.rules.routing.agents import AgentInput
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.rules.values.times import TimestampError, parse_timestamp, zone
from callfloor.telephony.carrier import AgentId

Done = Callable[[Refusal | None], None]

NOT_SIGNED_IN = Refusal(code="not-signed-in", detail="This agent works on no campaign that is led now.")
GONE = Refusal(code="unavailable", detail="The campaign was taken over meanwhile, and nobody was called: try again.")
ONE_TARGET = Refusal(code="unknown-target", detail="Say exactly one of agentId, campaignId and number.")


class Work:
    def __init__(self, clock: Clock, floor: Floor, records: Records) -> None:
        self._clock, self._floor, self._records = clock, floor, records

    def do(self, agent: AgentId, command: AnyCommand, done: Done) -> None:
        """Do what was asked, or say why not; now or soon. `agent`: who asks; a supervisor's command names its agent."""
        match command:
            case Dial():
                self._dial(agent, command, done)
            case HangUp():
                self._hang_up(agent, done)
            case AcceptPreview():
                self._floor.previews.accept(agent, done)
            case Monitor(agent_id=of, how=how):
                done(self._floor.conversations.watch(agent, of, how))
            case StopMonitoring(agent_id=of):
                done(self._floor.conversations.stop_watching(agent, of))
            case ForceSignOut(agent_id=of):
                done(self._ask(of, AgentInput.SIGN_OUT, None))
            case EndCall(agent_id=of):
                self._hang_up(of, done)
            case TransferCall(agent_id=of, to=to):
                self.do(of, Transfer(to=to), done)
            case MoveCallerUp() | TransferCaller() | LetCallerGo():
                done(self._floor.waiting_callers.do(command))
            case WrapUp() | ChooseLead():
                known = self._floor.team.get(agent)
                if known is None:
                    done(NOT_SIGNED_IN)
                elif isinstance(command, WrapUp):
                    self._wrap_up(known, command, partial(self._settled, known, done))
                else:
                    self._floor.dispositions.choose(known, command.lead_id, done)
            case Transfer(to=Target(number=str())) | Consult(to=Target(number=str())):
                self._outside(agent, command, done)
            case _:
                known = self._floor.team.get(agent)
                if known is None:
                    done(NOT_SIGNED_IN)
                else:
                    self._settled(known, done, self._of_agent(known, command))

    def _settled(self, agent: Agent, done: Done, refusal: Refusal | None) -> None:
        """Answer when an agent whom the command set free is what it will be."""
        if refusal is not None:
            done(refusal)
        else:
            self._floor.pending_answers.wait(agent.id, lambda: not agent.leaving, partial(done, None))

    def _of_agent(self, agent: Agent, command: AnyCommand) -> Refusal | None:
        conversations, transfers = self._floor.conversations, self._floor.transfers
        previews, presence = self._floor.previews, self._floor.presence
        match command:
            case Ready():
                return self._ask(agent.id, AgentInput.READY, None)
            case Pause(reason=reason):
                return self._ask(agent.id, AgentInput.PAUSE, reason)
            case SignOut():
                return self._ask(agent.id, AgentInput.SIGN_OUT, None)
            case Hold(on=on):
                return conversations.hold(agent.id, on)
            case Mute(on=on):
                return conversations.mute(agent.id, on)
            case RingPhone():
                return self._floor.lost_phones.ring(agent.id)
            case SendDigits(digits=digits):
                return conversations.send_digits(agent.id, digits)
            case PauseRecording(on=on):
                return conversations.pause_recording(agent.id, on)
            case Transfer(to=to):
                target = self._target(agent, to)
                return target if isinstance(target, Refusal) else transfers.give(agent.id, target)
            case Consult(to=to):
                return self._consult(agent, to)
            case CompleteTransfer():
                return transfers.complete(agent.id)
            case TakeOver():
                return transfers.take_over(agent.id)
            case CancelConsultation():
                return transfers.cancel_consultation(agent.id)
            case Conference():
                return transfers.conference(agent.id)
            case DropParty(party=party):
                return transfers.drop_party(agent.id, party)
            case SkipPreview(reason=reason):
                return None if previews.skip(agent.id, reason) else NO_PREVIEW
            case ExtendWrapUp():
                return presence.extend_wrap_up(agent.id)
            case (
                Dial()
                | HangUp()
                | AcceptPreview()
                | WrapUp()
                | ChooseLead()
                | Monitor()
                | StopMonitoring()
                | ForceSignOut()
                | EndCall()
                | TransferCall()
                | MoveCallerUp()
                | TransferCaller()
                | LetCallerGo()
                | DoNotCall()
            ):
                raise AssertionError("asked elsewhere")
            case _:
                assert_never(command)

    def _ask(self, agent: AgentId, happened: AgentInput, reason: str | None) -> Refusal | None:
        if self._floor.team.get(agent) is None:
            return NOT_SIGNED_IN
        self._floor.agent(agent, happened, reason)
        return None

    def _hang_up(self, agent_id: AgentId, done: Done) -> None:
        """Answered when the agent is off the call, so that whoever looks then sees it."""
        agent = self._floor.team.get(agent_id)
        call = None if agent is None else agent.call
        refusal = NOT_SIGNED_IN if agent is None else self._floor.hang_up(agent)
        if agent is None or refusal is not None:
            done(refusal)
            return
        self._floor.pending_answers.wait(
            agent_id, lambda: agent.call != call and not agent.leaving, partial(done, None)
        )

    # Whom a call goes to

    def _consult(self, agent: Agent, to: Target) -> Refusal | None:
        target = self._target(agent, to)
        if isinstance(target, Refusal):
            return target
        if isinstance(target, CampaignPlan):
            return Refusal(code="unknown-target", detail="A queue cannot be consulted: transfer the call to it.")
        return self._floor.transfers.consult(agent.id, target)

    def _target(self, agent: Agent, to: Target) -> Agent | CampaignPlan | str | Refusal:
        named = [each for each in (to.agent_id, to.campaign_id, to.number) if each is not None]
        if len(named) != 1:
            return ONE_TARGET
        if to.agent_id is not None:
            other = self._floor.team.get(to.agent_id)
            if other is None or other.organisation != agent.organisation or other is agent:
                return Refusal(code="unknown-target", detail="There is no such agent on this floor besides you.")
            return other
        if to.campaign_id is not None:
            plan = self._floor.queues.plan(CampaignKey(agent.organisation, to.campaign_id))
            if plan is None or plan.mode is not None:
                return Refusal(code="unknown-target", detail="There is no such queue: name an inbound campaign.")
            if not plan.active:
                return Refusal(code="target-busy", detail="This queue is switched off, and takes nobody.")
            return plan
        return self._number_outside(agent, to.number or "")

    def _outside(self, agent_id: AgentId, command: Transfer | Consult, done: Done) -> None:
        """Bring a number outside into the call, if it may be called at all."""
        agent = self._floor.team.get(agent_id)
        contact = None if agent is None else self._floor.contacts.customer(agent.call)
        if agent is None:
            done(NOT_SIGNED_IN)
            return
        target = self._target(agent, command.to)
        if contact is None or not isinstance(target, str):
            self._settled(agent, done, self._of_agent(agent, command))
            return

        def known(refusal: Refusal | None) -> None:
            if refusal is None:
                here = self._floor.team.get(agent_id) is agent
                refusal = self._of_agent(agent, command) if here else NOT_SIGNED_IN
                if refusal is not None:
                    self._not_called(agent, contact.plan)
            self._settled(agent, done, refusal)

        self._records.may_ring(contact.plan, agent_id, target, known)

    def _not_called(self, agent: Agent, plan: CampaignPlan) -> None:
        now = self._clock.now()
        self._records.write(writes.OutsideNotCalled(agent.organisation, agent.id, now, plan=plan))

    def _number_outside(self, agent: Agent, number: str) -> str | Refusal:
        """A number outside, which several calls may go to at once; but not a customer's who is on one."""
        found = self._number(agent, number)
        if not isinstance(found, Refusal) and found in self._floor.customers(agent.organisation):
            return Refusal(code="target-busy", detail="This number is a customer's who is on a call, or rung, now.")
        return found

    def _number(self, agent: Agent, number: str) -> str | Refusal:
        plans = [self._floor.queues.plan(key) for key in agent.campaigns]
        plan = next((plan for plan in plans if plan is not None), None)
        try:
            return normalise(number, plan.country, plan.new_number_ranges) if plan else normalise(number, "")
        except PhoneError as error:
            return Refusal(code="unknown-target", detail=f"The number {error}.")

    # Calls by hand

    def _dial(self, agent_id: AgentId, command: Dial, done: Done) -> None:
        agent = self._floor.team.get(agent_id)
        plan = None if agent is None else self._floor.queues.plan(CampaignKey(agent.organisation, command.campaign_id))
        if agent is None:
            done(NOT_SIGNED_IN)
        elif plan is None or plan.mode is None or plan.key not in agent.campaigns:
            done(Refusal(code="unknown-target", detail="You belong to no such outbound campaign."))
        elif agent.preview is not None:
            done(Refusal(code="wrong-state", detail="Accept or skip the lead that is shown to you first."))
        elif not agent.idle and (agent.facts.state != "paused" or agent.call is not None or agent.leaving):
            done(Refusal(code="wrong-state", detail="End your call and its wrap-up first."))
        else:
            number = self._number(agent, command.number)
            if isinstance(number, Refusal):
                done(number)
                return
            permit = self._floor.outgoing.permit(plan, number, agent.id)
            if isinstance(permit, Denied):
                done(as_refusal(permit))
                return
            dialled = partial(self._dialled, agent, plan, done)
            dial = partial(self._records.dial, plan, agent.id, number, command.lead_id, dialled)
            if agent.looking:
                agent.by_hand = dial
                return
            # nobody else's call may come meanwhile
            self._floor.presence.reserve(agent)
            dial()

    def _dialled(self, agent: Agent, plan: CampaignPlan, done: Done, result: Claimed | Refusal) -> None:
        if isinstance(result, Claimed):
            self._floor.place(plan.key, result)
            if agent.call == result.call:
                done(None)
                return
            # the campaign or the agent is another engine's now
            result = GONE
        if self._floor.team.get(agent.id) is agent and agent.call is None:
            self._floor.presence.release(agent)
        done(result)

    # Wrap-up

    def _wrap_up(self, agent: Agent, command: WrapUp, done: Done) -> None:
        plan = agent.plan
        if plan is None or agent.facts.state != "on-wrap":
            done(NO_WRAP_UP)
            return
        if command.wrap_code is not None and command.wrap_code not in plan.wrap_codes:
            known = ", ".join(map(str, plan.wrap_codes)) or "none"
            done(Refusal(code="unknown-target", detail=f"This campaign's wrap codes are: {known}."))
            return
        callback = None if command.callback is None else self._callback(plan, command.callback.timestamp)
        if isinstance(callback, Refusal):
            done(callback)
            return
        own = command.callback is not None and command.callback.own
        wrap = writes.WrapUp(
            wrap_code=command.wrap_code,
            lead_status=command.lead_status,
            next_attempt_at=callback,
            callback_agent=agent.id if own else None,
            lead_data=None if command.lead_data is None else msgspec.json.encode(command.lead_data),
        )
        self._floor.dispositions.wrap_up(agent, wrap, done)

    def _callback(self, plan: CampaignPlan, text: str) -> float | Refusal:
        """When, in seconds since the epoch."""
        try:
            at = parse_timestamp(text, zone(plan.timezone))
        except TimestampError as error:
            return Refusal(code="unknown-target", detail=f"callback.timestamp {error}.")
        now = self._clock.now()
        if is_over(at, datetime.fromtimestamp(now, UTC)):
            return Refusal(code="unknown-target", detail="callback.timestamp lies in the past.")
        return max(at.timestamp(), now)
