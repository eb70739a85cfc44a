"""Calls that come in: each goes through a workflow until an agent has it, it leaves a message, or it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import assert_never

import structlog

from callfloor.clock import Clock
from callfloor.contract.workflows import Queue, Voicemail
from callfloor.floor.calls.contacts import WHATEVER_THE_LENGTH, Asked, Contact, Contacts, Stage, Walk
from callfloor.floor.calls.conversations import Conversations
from callfloor.floor.calls.queues import Joining, Queues
from callfloor.floor.calls.reception import Ask, FunctionOutcome, Reception, walk_of
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.floor.ports import writes
from callfloor.floor.ports.records import Records
from callfloor.floor.ports.writes import NewLeg
from callfloor.rules.workflow import workflow
from callfloor.rules.workflow import workflow_events as happens
from callfloor.rules.workflow.closing import closing
from callfloor.rules.workflow.workflow import campaigns_of
from callfloor.telephony.carrier import Carrier, Offered

log = structlog.get_logger("callfloor.floor")

# A workflow hands a caller from queue to queue so often at most.
MOST_OVERFLOWS = 10
# So many keys are kept of a caller for whom an agent's phone rings.
MOST_KEYS = 32


class Callers:
    """`ask` None: every HTTP function fails."""

    def __init__(
        self,
        clock: Clock,
        carrier: Carrier,
        records: Records,
        contacts: Contacts,
        queues: Queues,
        conversations: Conversations,
        ask: Ask | None,
    ) -> None:
        self._clock, self._carrier, self._records = clock, carrier, records
        self._contacts, self._queues, self._conversations = contacts, queues, conversations
        self._by_number: Mapping[str, Reception] = {}
        self._by_name: Mapping[tuple[int, str], Reception] = {}
        self._ask: Ask = ask or self._nobody_to_ask

    def configure(self, by_number: Mapping[str, Reception], by_name: Mapping[tuple[int, str], Reception]) -> None:
        """The workflows there are now, by number (E.164), and by organisation and name. Callers go on in the one that
        they are in."""
        self._by_number, self._by_name = by_number, by_name

    def numbers(self) -> list[str]:
        """Those (E.164) whose callers are taken here."""
        return [number for number, each in self._by_number.items() if self._first(each) is not None]

    # The beginning

    def offered(self, offer: Offered) -> None:
        """Take the call, if its number has a workflow of a campaign of ours that is neither closed nor off."""
        reception = self._by_number.get(offer.number)
        plan = None if reception is None else self._first(reception)
        why = "no workflow" if reception is None or plan is None else self._shut(reception, plan)
        activity = None if plan is None or why is not None else self._records.new_caller()
        if reception is None or plan is None or activity is None:
            # with the database away, or far behind, nothing could be written of it
            log.warning("call-refused", reason=why or "database unavailable or behind")
            self._carrier.refuse(offer.offer)
            return
        now = self._clock.now()
        contact = Contact(-activity, plan, activity, "inbound", offer.caller, offer.number, Stage.WORKFLOW)
        contact.began_at = self._clock.elapsed()
        contact.walk = walk_of(reception, contact)
        opened = writes.CallOpened(
            *contact.leg(now), campaign=plan.key.campaign, caller=offer.caller, number=offer.number
        )
        self._records.write(opened)
        self._contacts.put(contact)
        self._carrier.accept(offer.offer, contact.call)

    def _first(self, reception: Reception) -> CampaignPlan | None:
        """The campaign whose call it is until it joins a queue: the first that the workflow names, else the
        organisation's first."""
        for step in reception.workflow.steps:
            if isinstance(step, Queue | Voicemail):
                campaign = reception.facts.campaigns.get(step.campaign)
                plan = None if campaign is None else self._queues.plan(CampaignKey(reception.organisation, campaign))
                if plan is not None:
                    return plan
        if campaigns_of(reception.workflow) or reception.home is None:
            return None
        return self._queues.plan(CampaignKey(reception.organisation, reception.home))

    def _shut(self, reception: Reception, plan: CampaignPlan) -> str | None:
        """Why callers are refused; None: they are not."""
        if (reception.facts.emergency or reception.facts.holiday) and closing(reception.workflow).refused:
            return "closed"
        open_ = plan
        for _ in range(MOST_OVERFLOWS):
            following = None if open_.queue.overflow is None else self._queues.plan(open_.queue.overflow)
            if open_.active or following is None:
                break
            open_ = following
        return "campaign is off" if reception.workflow_id is None and not open_.active else None

    def resume(self, contact: Contact) -> None:
        """Carry on with somebody whom an engine before us had: in the queue, at a message, else from the workflow's
        beginning."""
        reception = None if contact.placed else self._by_number.get(contact.own or "")
        walk = contact.walk = None if reception is None else walk_of(reception, contact)
        if contact.stage is Stage.QUEUE:
            self._queues.join(contact, contact.plan, self._asked_before(contact), returned=True)
        elif walk is not None and contact.message_of is not None:
            steps = (step.name for step in walk.workflow.steps if isinstance(step, Voicemail))
            before = happens.State(step=next(steps, ""), doing="recording")
            self._next(contact, walk, workflow.resume(walk.workflow, before, self._facts(walk)))
        else:
            self.answered(contact)

    def again(self, contact: Contact) -> None:
        """Somebody's agent is gone without a word of why: another one takes the call."""
        child = self._records.new_activity()
        if child is None:
            self._carrier.hang_up(contact.call)
            return
        leg = NewLeg(child, contact.plan.key.campaign, "return")
        self._next_leg(contact, leg, contact.plan)
        self._carrier.stop_recording(contact.call)
        contact.part += 1
        self._queues.join(contact, contact.plan, WHATEVER_THE_LENGTH)

    def _next_leg(self, contact: Contact, leg: NewLeg, plan: CampaignPlan) -> None:
        self._records.write(writes.LegFollowed(*contact.leg(self._clock.now()), following=leg))
        contact.next_leg(leg.activity, plan)

    def _asked_before(self, contact: Contact) -> Asked:
        """What the workflow asks for in the queue that the caller is in: of its steps that of the same campaign."""
        walk = contact.walk
        if walk is None:
            return Asked()
        steps = [step for step in walk.workflow.steps if isinstance(step, Queue)]
        here = contact.plan.key.campaign
        step = next((each for each in steps if walk.facts.campaigns.get(each.campaign) == here), None)
        if step is None:
            # the queue that another one overflows into
            contact.walk = None
            return Asked()
        contact.turn = 1
        walk.state = happens.State(step=step.name, doing="queued", turn=contact.turn)
        prompt = None if step.prompt is None else self._sound(contact, step.prompt)
        return Asked(
            longest_wait_s=step.max_wait_seconds,
            longest=step.max_length,
            announce_s=step.announce_seconds,
            prompt=prompt,
            agents=step.on_no_agents is not None,
        )

    def answered(self, contact: Contact) -> None:
        """The caller hears us."""
        walk = contact.walk
        if contact.stage is not Stage.WORKFLOW:
            return
        if walk is None:
            self.end(contact)
        elif walk.state == happens.State():
            self._next(contact, walk, workflow.begin(walk.workflow, self._facts(walk)))

    # On the way

    def pressed(self, contact: Contact, digit: str) -> None:
        if contact.stage is Stage.JOINING:
            if len(contact.keys) < MOST_KEYS:
                contact.keys.append(digit)
        elif contact.walk is not None:
            contact.walk.pressed += 1
            self._happened(contact, happens.Digit(digit, contact.walk.pressed))

    def back(self, contact: Contact) -> None:
        """No agent took the caller, who waits again: what was pressed meanwhile is done now."""
        while contact.keys and contact.stage in (Stage.QUEUE, Stage.WORKFLOW):
            self.pressed(contact, contact.keys.pop(0))

    def played(self, contact: Contact) -> None:
        if contact.stage is Stage.QUEUE:
            self._queues.say(contact)
        else:
            self._happened(contact, happens.Played(contact.turn))

    def recorded(self, contact: Contact, part: int, seconds: float) -> bool:
        """A message is whole. False: it is no message."""
        key = contact.message_of
        if key is None or part != contact.part:
            return False
        contact.message_of, leg = None, contact.leg(self._clock.now())
        plan = self._queues.plan(key)
        if plan is not None and seconds < plan.queue.shortest_message_s:
            # nobody has to listen to somebody who said nothing
            self._records.write(writes.VoicemailEmpty(*leg, call=contact.call, part=part))
        else:
            left = writes.VoicemailLeft(*leg, campaign=key.campaign, call=contact.call, part=part, seconds=seconds)
            self._records.write(left)
        contact.part = part + 1
        self._happened(contact, happens.Recorded(contact.turn))
        return True

    def _happened(self, contact: Contact, what: happens.Input) -> None:
        walk, there = contact.walk, self._contacts.get(contact.call) is contact
        # a function or the database may answer when the caller is gone
        if there and walk is not None and contact.stage in (Stage.WORKFLOW, Stage.QUEUE, Stage.SURVEY):
            self._next(contact, walk, workflow.advance(walk.workflow, walk.state, what, self._facts(walk)))

    def _facts(self, walk: Walk) -> happens.Facts:
        return replace(walk.facts, at=datetime.fromtimestamp(self._clock.now(), UTC))

    def _next(self, contact: Contact, walk: Walk, step: workflow.Next) -> None:
        walk.state, actions = step
        for action in actions:
            self._do(contact, action)

    def _do(self, contact: Contact, action: happens.Action) -> None:
        leg = contact.leg(self._clock.now())
        match action:
            case happens.Play(turn=turn, prompt=prompt):
                contact.turn = turn
                self._carrier.play(contact.call, self._sound(contact, prompt))
            case happens.StopPlaying():
                self._carrier.stop_playing(contact.call)
            case happens.StartTimer(turn=turn, seconds=seconds):
                contact.stop_timers()
                contact.timer = self._clock.call_later(
                    seconds, partial(self._happened, contact, happens.TimedOut(turn))
                )
            case happens.CallFunction():
                self._ask(contact.organisation, action, partial(self._happened, contact))
            case happens.JoinQueue():
                contact.turn = action.turn
                self._join(contact, action)
            case happens.LeaveQueue():
                self._queues.leave(contact)
                contact.stage = Stage.WORKFLOW
            case happens.RecordMessage(turn=turn, campaign=campaign, longest_s=longest_s):
                contact.turn, contact.message_of = turn, CampaignKey(contact.organisation, campaign)
                self._records.write(writes.CallerLeft(*leg, reason="voicemail"))
                self._records.write(writes.RecordingSet(*leg, part=contact.part))
                self._carrier.record_message(contact.call, contact.part, longest_s)
            case happens.StopRecording():
                # the carrier hears that key itself
                pass
            case happens.RegisterCallback(turn=turn, campaign=campaign, list_id=list_id):
                key = CampaignKey(contact.organisation, campaign)
                done = partial(self._registered, contact, turn)
                self._records.callback(key, list_id, contact.activity, contact.number, self._clock.now(), done)
            case happens.NoteAnswer(question=question, digit=digit):
                self._records.write(writes.QuestionAnswered(*leg, question=question, answer=int(digit)))
            case happens.HangUp():
                self.end(contact)
            case _:
                assert_never(action)

    def _sound(self, contact: Contact, prompt: str) -> str:
        return prompt if contact.walk is None else contact.walk.prompts.get(prompt, prompt)

    def _nobody_to_ask(
        self, _organisation: int, call: happens.CallFunction, done: Callable[[FunctionOutcome], None]
    ) -> None:
        self._clock.call_later(0.0, partial(done, happens.FunctionFailed(call.turn)))

    def _registered(self, contact: Contact, turn: int, done: bool) -> None:
        self._happened(contact, happens.Registered(turn, done))

    # Queues

    def _join(self, contact: Contact, wish: happens.JoinQueue) -> None:
        plan = self._queues.plan(CampaignKey(contact.organisation, wish.campaign))
        asked = Asked(
            priority=wish.priority,
            skills=wish.skills,
            longest_wait_s=wish.max_wait_s,
            longest=wish.max_length,
            announce_s=wish.announce_s,
            prompt=None if wish.prompt is None else self._sound(contact, wish.prompt),
            agents=wish.asks_agents,
        )
        # without a plan the campaign is gone, or led by nobody at this moment
        result = "off" if plan is None else self.wait(contact, plan, asked)
        if result != "waits":
            self._turned_away(contact, result, wish.turn, asked)

    def _turned_away(self, contact: Contact, why: Joining, turn: int, asked: Asked) -> None:
        """A queue that is off is one without agents to who asks for some, else one that is full."""
        no_agents = why == "no-agents" or (why == "off" and asked.agents)
        self._happened_in_queue(contact, happens.NoAgents(turn) if no_agents else happens.QueueFull(turn))

    def sent_on(self, contact: Contact, why: Joining) -> None:
        """The queue keeps a customer no longer who waited in it."""
        overflow = contact.plan.queue.overflow
        plan = None if overflow is None or why == "no-agents" else self._queues.plan(overflow)
        if plan is None or self.wait(contact, plan, contact.asked) != "waits":
            self._turned_away(contact, why, contact.turn, contact.asked)

    def wait(self, contact: Contact, plan: CampaignPlan, asked: Asked) -> Joining:
        """Join a queue, or the one that it overflows into. Each queue that the caller came to has a leg."""
        result: Joining = "full"
        for _ in range(MOST_OVERFLOWS):
            closed = self._queues.closed(plan, asked)
            if closed is None:
                self._enter(contact, plan)
            result = closed or self._queues.join(contact, plan, asked)
            following = None if plan.queue.overflow is None else self._queues.plan(plan.queue.overflow)
            if result not in ("full", "off") or following is None:
                break
            plan = following
        return result

    def _enter(self, contact: Contact, plan: CampaignPlan) -> None:
        """The caller comes to a queue: out of another one with a leg of its own, so that both count it."""
        overflows = contact.queue is not None and contact.queue != plan.key
        child = self._records.new_activity() if overflows else None
        if child is None:
            self._records.write(writes.QueueJoined(*contact.leg(self._clock.now()), campaign=plan.key.campaign))
        else:
            leg = NewLeg(child, plan.key.campaign, "overflow")
            self._next_leg(contact, leg, plan)
        contact.queue = plan.key

    def late(self, contact: Contact) -> None:
        """The longest wait is over."""
        overflow = contact.plan.queue.overflow
        plan = None if overflow is None else self._queues.plan(overflow)
        if contact.asked.agent is not None:
            # whoever was wanted is not free
            self._queues.take_back(contact)
        elif plan is None or self.wait(contact, plan, contact.asked) != "waits":
            self._happened_in_queue(contact, happens.QueueTimedOut(contact.turn))

    def _happened_in_queue(self, contact: Contact, what: happens.Input) -> None:
        """The caller is in no queue any more."""
        contact.stage = Stage.WORKFLOW
        if contact.walk is None:
            self.end(contact)
        else:
            self._happened(contact, what)

    # The end

    def survey(self, contact: Contact) -> bool:
        """Ask the customer what the talk was like, where the campaign has questions."""
        name = contact.plan.queue.survey
        reception = None if name is None else self._by_name.get((contact.organisation, name))
        if reception is None:
            return False
        self._conversations.begin_survey(contact)
        contact.walk = walk_of(reception, contact)
        leg, name = contact.leg(self._clock.now()), reception.workflow.name
        self._records.write(writes.SurveyBegun(*leg, workflow_id=reception.workflow_id, workflow=name))
        self._next(contact, contact.walk, workflow.begin(reception.workflow, self._facts(contact.walk)))
        return True

    def end(self, contact: Contact) -> None:
        """We let the caller go."""
        contact.stop_timers()
        if contact.stage is not Stage.SURVEY and contact.stage is not Stage.CLOSING:
            # nobody spoke to the caller, who did not give up
            self._records.write(writes.CallerLeft(*contact.leg(self._clock.now()), reason="missed"))
        contact.stage = Stage.CLOSING
        self._carrier.hang_up(contact.call)

    def ended(self, contact: Contact) -> None:
        """The caller is gone, from the workflow, a queue or an agent's ringing phone."""
        if contact.stage in (Stage.QUEUE, Stage.JOINING):
            self._queues.gave_up(contact)
        if contact.stage is not Stage.SURVEY:
            self._records.write(writes.LegEnded(*contact.leg(self._clock.now())))
