"""What the floor writes down of calls beyond the dialler's: part of `records.Records`, under the same rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from callfloor.contract.workspace import CallerLead, EventType, Refusal, Session
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.telephony.carrier import AgentId, CallId

Leaving = Literal["voicemail", "missed", "failed"]
# As `contract.codes.LegType`; those that the floor begins after a call's first.
LegKind = Literal["transfer", "overflow", "return", "consult", "outside"]


@dataclass(frozen=True, slots=True)
class NewLeg:
    """A leg that another one of the same call brings about. `agent`: who has the customer from its beginning; `number`
    (E.164): what is called outside; neither: the customer waits in the campaign's queue. `asked_by`: the agent for
    whom that number is called; None: it is on the line already."""

    activity: int
    campaign: int
    kind: LegKind
    agent: AgentId | None = None
    number: str | None = None
    asked_by: AgentId | None = None


class CallRecords(Protocol):
    def new_activity(self) -> int | None:
        """The id of a leg that is to be written. None: none can be had, because the database is away."""
        ...

    def open_call(self, key: CampaignKey, activity: int, caller: str | None, number: str, at: float) -> None:
        """A call came in and is in its workflow."""
        ...

    def join_queue(self, key: CampaignKey, activity: int, at: float) -> None:
        """The call waits for an agent of this campaign, whose it is from now on."""
        ...

    def answer(self, organisation: int, activity: int, agent: AgentId | None, at: float) -> None:
        """An agent has the customer; None: the number outside, that the leg is of, has."""
        ...

    def recording(self, organisation: int, activity: int, part: int | None) -> None:
        """What is recorded of the leg from now on is this part of its call's recording. None: nothing is."""
        ...

    def leave(self, organisation: int, activity: int, reason: Leaving, at: float) -> None:
        """The caller leaves a message, is let go without having spoken to anybody, or was lost."""
        ...

    def hang_up(self, organisation: int, activity: int, at: float) -> None:
        """The leg is over. Without an answer it was abandoned, unless `leave` said otherwise."""
        ...

    def next_leg(self, organisation: int, activity: int, following: NewLeg, at: float) -> None:
        """The leg is over, and another one of its call follows it."""
        ...

    def second_leg(self, organisation: int, activity: int, beside: NewLeg, at: float) -> None:
        """Another leg of the call begins while this one goes on. It has no wrap-up of its own."""
        ...

    def held(self, organisation: int, activity: int, seconds: float) -> None:
        """The customer was on hold for so long in all."""
        ...

    def phone_lost(self, organisation: int, activity: int, times: int, seconds: float) -> None:
        """The agent's phone went so often in the leg without a word, and the customer waited so long for it in all."""
        ...

    def part(self, organisation: int, activity: int, call: CallId, part: int, seconds: float, at: float) -> None:
        """A part of a call's recording is whole: it is this leg's."""
        ...

    def message(self, key: CampaignKey, activity: int, call: CallId, part: int, seconds: float, at: float) -> None:
        """A caller left a message, which somebody of the campaign has to hear."""
        ...

    def no_message(self, organisation: int, activity: int, call: CallId, part: int) -> None:
        """Whoever was to leave a message said nothing: it is forgotten, and the caller has left none."""
        ...

    def survey(self, organisation: int, activity: int, workflow_id: int | None, workflow: str, at: float) -> None:
        """The customer is asked what the talk was like."""
        ...

    def answer_question(self, organisation: int, activity: int, question: str, answer: int, at: float) -> None: ...

    def callback(
        self,
        key: CampaignKey,
        list_id: int,
        activity: int,
        number: str | None,
        at: float,
        done: Callable[[bool], None],
    ) -> None:
        """Make a lead of a caller who wants to be called back. False: this number may not be called."""
        ...

    def leads_of(self, organisation: int, number: str, done: Callable[[tuple[CallerLead, ...]], None]) -> None:
        """The leads of a number, those with a callback first."""
        ...

    def with_lead(self, organisation: int, activity: int, lead: int | None, done: Callable[[bool], None]) -> None:
        """The call is with this lead. False: it has not the call's number, or is gone."""
        ...

    def quality(self, organisation: int, activity: int, score: float) -> None:
        """Mean opinion score of the call, 1 to 5."""
        ...

    def dial(
        self,
        plan: CampaignPlan,
        agent: AgentId,
        number: str,
        lead: int | None,
        done: Callable[[Claimed | Refusal], None],
    ) -> None:
        """Write down a call that the agent dials by hand, if the number may be called now."""
        ...

    def may_ring(self, plan: CampaignPlan, number: str, done: Callable[[Refusal | None], None]) -> None:
        """Whether an agent of this campaign may bring a number outside (E.164) into a call, or why not."""
        ...

    def tell(self, organisation: int, agent: AgentId, what: EventType, session: Session, at: float) -> None:
        """Something happened that the agent's desk shows."""
        ...
