"""What the floor writes down, a value each: of attempts, of leads, of a call's legs, of agents.

Each says whose it is, which one and when (`at`, seconds since the epoch), then by name what happened. What is
written of one call or one agent takes effect in the order in which it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from callfloor.contract.codes import DialStatus, LeadStatus
from callfloor.contract.workspace import EventType, Session
from callfloor.floor.plan import CampaignPlan, Preview
from callfloor.rules.routing.agents import AgentState
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


@dataclass(frozen=True, slots=True)
class WrapUp:
    """What an agent says of a call. `next_attempt_at`: a callback (seconds since the epoch), for `callback_agent`
    alone where that is given. `lead_data` (JSON) merges into the lead's. `helped`: the lead that called instead of
    being called back, and when that was to be."""

    wrap_code: int | None = None
    lead_status: LeadStatus | int | None = None
    next_attempt_at: float | None = None
    callback_agent: AgentId | None = None
    lead_data: bytes | None = None
    helped: tuple[int, datetime] | None = None

    @property
    def wishes(self) -> bool:
        """Whether anything is to be kept of the customer."""
        return self.lead_status is not None or self.next_attempt_at is not None or self.lead_data is not None


class OfAttempt(msgspec.Struct, frozen=True):
    organisation: int
    call: CallId
    at: float


class AttemptAnswered(OfAttempt, frozen=True):
    pass


class AttemptConnected(OfAttempt, frozen=True, kw_only=True):
    agent: AgentId


class AttemptFinished(OfAttempt, frozen=True, kw_only=True):
    """The call is over: attempt, activity, recording, lead and statistics, all together. `recorded_s`: of its first
    leg; None: there is nothing. `recorded`: whether the campaign's calls are."""

    campaign: int
    activity: int
    status: DialStatus
    recorded_s: float | None
    recorded: bool


class AttemptPutBack(OfAttempt, frozen=True, kw_only=True):
    """An attempt that is written down is not placed after all, and its lead is as it was: its status, and when it was
    due."""

    lead_status: int | None
    due: datetime | None


class OfLead(msgspec.Struct, frozen=True):
    """A lead that was chosen to be looked at."""

    plan: CampaignPlan
    lead: Preview
    at: float


class LeadSkipped(OfLead, frozen=True, kw_only=True):
    """The agent does not call the lead now, which rests. `keep_promise`: a callback stays due."""

    agent: AgentId
    reason: str
    keep_promise: bool


class LeadUnseen(OfLead, frozen=True):
    """It was shown to nobody, and is as it was."""


class OfLeg(msgspec.Struct, frozen=True):
    """`activity`: the leg."""

    organisation: int
    activity: int
    at: float


class CallOpened(OfLeg, frozen=True, kw_only=True):
    """A call came in and is in its workflow. Numbers are E.164; `caller` None: withheld."""

    campaign: int
    caller: str | None
    number: str


class QueueJoined(OfLeg, frozen=True, kw_only=True):
    """The call waits for an agent of this campaign, whose it is from now on."""

    campaign: int


class LegAnswered(OfLeg, frozen=True, kw_only=True):
    """An agent has the customer; None: the number outside, that the leg is of, has."""

    agent: AgentId | None


class LegFollowed(OfLeg, frozen=True, kw_only=True):
    """The leg is over, and another one of its call follows it."""

    following: NewLeg


class LegAdded(OfLeg, frozen=True, kw_only=True):
    """Another leg of the call begins while this one goes on. It has no wrap-up of its own."""

    beside: NewLeg


class LegHeld(OfLeg, frozen=True, kw_only=True):
    """The customer was on hold for so long in all."""

    seconds: float


class PhoneLost(OfLeg, frozen=True, kw_only=True):
    """The agent's phone went so often in the leg without a word, and the customer waited so long for it in all."""

    times: int
    seconds: float


class CallerLeft(OfLeg, frozen=True, kw_only=True):
    """The caller leaves a message, is let go without having spoken to anybody, or was lost."""

    reason: Leaving


class LegEnded(OfLeg, frozen=True):
    """The leg is over. Without an answer it was abandoned, unless `CallerLeft` said otherwise."""


class QualityMeasured(OfLeg, frozen=True, kw_only=True):
    """Mean opinion score of the call, 1 to 5."""

    score: float


class RecordingSet(OfLeg, frozen=True, kw_only=True):
    """What is recorded of the leg from now on is this part of its call's recording. None: nothing is."""

    part: int | None


class PartRecorded(OfLeg, frozen=True, kw_only=True):
    """A part of a call's recording is whole: it is this leg's."""

    call: CallId
    part: int
    seconds: float


class VoicemailLeft(OfLeg, frozen=True, kw_only=True):
    """A caller left a message, which somebody of the campaign has to hear."""

    campaign: int
    call: CallId
    part: int
    seconds: float


class VoicemailEmpty(OfLeg, frozen=True, kw_only=True):
    """Whoever was to leave a message said nothing: it is forgotten, and the caller has left none."""

    call: CallId
    part: int


class SurveyBegun(OfLeg, frozen=True, kw_only=True):
    """The customer is asked what the talk was like."""

    workflow_id: int | None
    workflow: str


class QuestionAnswered(OfLeg, frozen=True, kw_only=True):
    question: str
    answer: int


class WrappedUp(OfLeg, frozen=True, kw_only=True):
    """The agent's wrap-up is over, its wishes are kept. Comes after the end of its call."""

    campaign: int
    wrap: WrapUp


class OfAgent(msgspec.Struct, frozen=True):
    organisation: int
    agent: AgentId
    at: float


class AgentChanged(OfAgent, frozen=True, kw_only=True):
    """The agent's state is another, with the campaign of its call. What somebody asked for meanwhile is kept."""

    state: AgentState
    reason: str | None
    campaign: int | None = None


class AgentPaused(OfAgent, frozen=True, kw_only=True):
    """The agent is to have no more calls, after the one that it is on."""

    reason: str


class OutsideNotCalled(OfAgent, frozen=True, kw_only=True):
    """The agent might have a number outside called, and it was not after all."""

    plan: CampaignPlan


class DeskTold(OfAgent, frozen=True, kw_only=True):
    """Something happened that the agent's desk shows."""

    event: EventType
    session: Session


Write = (
    AttemptAnswered
    | AttemptConnected
    | AttemptFinished
    | AttemptPutBack
    | LeadSkipped
    | LeadUnseen
    | CallOpened
    | QueueJoined
    | LegAnswered
    | LegFollowed
    | LegAdded
    | LegHeld
    | PhoneLost
    | CallerLeft
    | LegEnded
    | QualityMeasured
    | RecordingSet
    | PartRecorded
    | VoicemailLeft
    | VoicemailEmpty
    | SurveyBegun
    | QuestionAnswered
    | WrappedUp
    | AgentChanged
    | AgentPaused
    | OutsideNotCalled
    | DeskTold
)
