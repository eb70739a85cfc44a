"""A customer: dialled, in a workflow or a queue, or with an agent. One object, from the first ring to the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from callfloor.clock import Timer
from callfloor.contract.codes import DialStatus
from callfloor.contract.workflows import Workflow
from callfloor.contract.workspace import Call, CallDirection, CallerLead
from callfloor.floor.calls.dialler import Dialler
from callfloor.floor.plan import CampaignKey, CampaignPlan, Claimed
from callfloor.floor.ports import writes
from callfloor.rules.routing.calls import CallFacts
from callfloor.rules.routing.lost_phones import THERE, PhoneFacts
from callfloor.rules.workflow.workflow_events import Facts, State
from callfloor.telephony.carrier import AgentId, CallId, Listening, PartyId


class Stage(Enum):
    # we dialled it and no agent has been on it yet: how far it is says its attempt
    DIALLED = "dialled"
    # another engine has the customer, or nobody has found it yet: only the attempt is ours, until the call ends
    ELSEWHERE = "elsewhere"
    # a workflow plays prompts and hears digits
    WORKFLOW = "workflow"
    # waits for an agent
    QUEUE = "queue"
    # an agent's phone rings
    JOINING = "joining"
    TALKING = "talking"
    # the agent is gone, an outside number is not
    OUTSIDE = "outside"
    # after the talk: a workflow asks what it was like
    SURVEY = "survey"
    # we hung up and wait for the carrier to say so
    CLOSING = "closing"


@dataclass(slots=True)
class Party:
    """Who was brought into the call besides the agent whose call it is. `number`: of an outside party. `leg`: of an
    agent who has joined, and of a number that is consulted."""

    id: PartyId
    number: str | None
    joined: bool = False
    muted: bool = False
    leg: int | None = None

    @property
    def agent(self) -> AgentId | None:
        return self.id if self.id > 0 else None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a customer who waits asks for; None is the queue's own. `agent`: only this one. `longest`: a queue of so
    many is not joined. `agents`: some are to be signed in, be they busy."""

    priority: float | None = None
    skills: Mapping[str, int] = field(default_factory=dict[str, int])
    agent: AgentId | None = None
    longest_wait_s: float | None = None
    longest: int | None = None
    announce_s: float | None = None
    prompt: str | None = None
    agents: bool = False

    @property
    def kept(self) -> bool:
        """Whether the customer has spoken to an agent: limits and switches are for new callers."""
        return self.agent is not None or self.longest == sys.maxsize


# Who spoke to an agent before is not turned away from a full queue: its limit is for new callers.
WHATEVER_THE_LENGTH = Asked(longest=sys.maxsize)


@dataclass(slots=True)
class Walk:
    """A caller's way through a workflow. `prompts`: by name, what the carrier plays. `pressed`: digits that came."""

    workflow: Workflow
    facts: Facts
    prompts: Mapping[str, str]
    state: State = field(default_factory=State)
    pressed: int = 0


@dataclass(slots=True, eq=False)
class Contact:
    """`plan`: of the campaign whose leg this is. `activity`: the leg. `number`: the customer's, None: withheld; `own`:
    ours. `attempt`: of whom we dialled, for a campaign that this engine leads; it ends with the whole call, however
    many legs that has. `agent`: who talks, whose phone rings, or who is held for a call that is being dialled. Times
    are seconds of the floor's clock, but `connected_at`: since the epoch. `saying`: what is played to who waits, after
    what is played now. `part` of the recording that runs or comes next, and which leg each part is of. `leads`: of a
    caller's number."""

    call: CallId
    plan: CampaignPlan
    activity: int
    direction: CallDirection
    number: str | None
    own: str | None
    stage: Stage
    began_at: float = 0.0
    attempt: Attempt | None = None
    lead: int | None = None
    leads: tuple[CallerLead, ...] = ()
    agent: AgentId | None = None
    part: int = 0
    parts: dict[int, int] = field(default_factory=dict[int, int])
    walk: Walk | None = None
    timer: Timer | None = field(default=None, repr=False)
    # in a queue: the one that the leg is in, or came out of
    queue: CampaignKey | None = None
    turn: int = 0
    joined_at: float = 0.0
    announce: Timer | None = field(default=None, repr=False)
    # pressed while an agent's phone rings
    keys: list[str] = field(default_factory=list[str])
    saying: list[str] = field(default_factory=list[str])
    asked: Asked = field(default_factory=Asked)
    message_of: CampaignKey | None = None
    # who gave the customer away, and gets it back when nobody takes it
    given_by: AgentId | None = None
    # on a call
    connected_at: float = 0.0
    held_since: float | None = None
    held_s: float = 0.0
    muted: bool = False
    recording_paused: bool = False
    consulting: PartyId | None = None
    parties: dict[PartyId, Party] = field(default_factory=dict[PartyId, Party])
    watchers: dict[AgentId, Listening] = field(default_factory=dict[AgentId, Listening])
    # of the agent whose call it is
    phone: PhoneFacts = THERE
    phone_lost_s: float = 0.0
    phone_losses: int = 0

    @property
    def organisation(self) -> int:
        return self.plan.key.organisation

    def leg(self, at: float) -> tuple[int, int, float]:
        """Whose the leg is, which, and when: what is written of it begins so."""
        return self.plan.key.organisation, self.activity, at

    @property
    def placed(self) -> bool:
        """Whether the floor dialled it: its first leg is an attempt's."""
        return self.call > 0

    @property
    def only_attempt(self) -> bool:
        """Whether no agent, queue or workflow of this floor has the customer."""
        return self.stage in (Stage.DIALLED, Stage.ELSEWHERE)

    def attach(self, attempt: Attempt) -> None:
        """This is whom the attempt dialled."""
        self.attempt, attempt.contact = attempt, self

    def stop_timers(self) -> None:
        for timer in (self.timer, self.announce):
            if timer is not None:
                timer.cancel()
        self.timer = self.announce = None

    def on_hold_s(self, now: float) -> float:
        """How long the customer was on hold in this leg."""
        return self.held_s + (0.0 if self.held_since is None else now - self.held_since)

    def next_leg(self, activity: int, plan: CampaignPlan) -> None:
        """The leg is over, and another begins."""
        self.activity, self.plan, self.queue = activity, plan, plan.key
        self.held_since, self.held_s = None, 0.0
        self.phone, self.phone_lost_s, self.phone_losses = THERE, 0.0, 0
        self.muted = self.recording_paused = False


@dataclass(slots=True, eq=False)
class Attempt:
    """The dialling of a lead, and what is to be written of it at the end. `contact`: whom it dials. `bound`: only the
    agent whom it was dialled for may take it. `answered_at`: seconds of the floor's clock."""

    contact: Contact = field(repr=False)
    dialler: Dialler
    claimed: Claimed
    facts: CallFacts
    bound: bool = False
    answered_at: float | None = None

    @property
    def id(self) -> CallId:
        return self.claimed.call

    @property
    def activity(self) -> int:
        """The first leg, which ends with the attempt."""
        return self.claimed.activity

    @property
    def connected(self) -> bool:
        """Whether an agent has been on it."""
        return self.facts.result is DialStatus.ANSWERED

    def begins(self, at: float) -> tuple[int, CallId, float]:
        """Whose the attempt is, which, and when: what is written of it begins so."""
        return self.dialler.plan.key.organisation, self.id, at

    def dialled_before(self, at: float) -> bool:
        """Whether it was dialled at that time or before, and by the dialler."""
        return self.contact.began_at <= at and not self.claimed.manual

    def finished(self, status: DialStatus, recorded_s: float | None, at: float) -> writes.AttemptFinished:
        plan = self.dialler.plan
        return writes.AttemptFinished(
            *self.begins(at),
            campaign=plan.key.campaign,
            activity=self.activity,
            status=status,
            recorded_s=recorded_s,
            recorded=plan.record,
        )

    def view(self) -> Call:
        """What its agent's desk shows of it before the agent is on it."""
        plan, claimed = self.dialler.plan, self.claimed
        return Call(
            activity_id=self.activity,
            direction="manual" if claimed.manual else "outbound",
            campaign_id=plan.key.campaign,
            campaign_name=plan.name or None,
            number=claimed.number,
            lead_id=claimed.lead,
            state="ringing",
        )


def dialled(
    dialler: Dialler,
    claimed: Claimed,
    facts: CallFacts,
    at: float,
    agent: AgentId | None = None,
    *,
    bound: bool = False,
) -> Attempt:
    """An attempt and whom it dials. `at`: seconds of the floor's clock."""
    contact = Contact(
        call=claimed.call,
        plan=dialler.plan,
        activity=claimed.activity,
        direction="manual" if claimed.manual else "outbound",
        number=claimed.number,
        own=claimed.caller,
        stage=Stage.DIALLED,
        began_at=at,
        lead=claimed.lead,
        agent=agent,
    )
    contact.attempt = attempt = Attempt(contact, dialler, claimed, facts, bound)
    return attempt


class Contacts:
    """Every call of the floor. Parties from outside get their ids here. `came` hears of each customer whom an agent, a
    queue or a workflow of ours has from now on."""

    def __init__(self, came: Callable[[Contact], None]) -> None:
        self._came = came
        self._contacts: dict[CallId, Contact] = {}
        self._party_ids = count(-1, -1)

    def put(self, contact: Contact) -> None:
        """Know a call. Its attempt may have been found before its customer, and is kept."""
        known = self._contacts.get(contact.call)
        if known is not None and known.attempt is not None and contact.attempt is None:
            contact.attach(known.attempt)
            contact.began_at = min(contact.began_at, known.began_at)
        self._contacts[contact.call] = contact
        if not contact.only_attempt:
            self._came(contact)

    def connect(self, contact: Contact, agent: AgentId, now: float) -> None:
        """The agent has whom we dialled. `now`: seconds since the epoch."""
        contact.stage, contact.agent, contact.connected_at = Stage.TALKING, agent, now
        contact.parts = {contact.part: contact.activity}
        if contact.attempt is not None:
            # as the campaign is set up now
            contact.plan = contact.attempt.dialler.plan
        self._came(contact)

    def leave_attempt(self, contact: Contact) -> None:
        """Forget the customer, whom another engine has from now on, but not an attempt of ours."""
        contact.stop_timers()
        before = contact.attempt
        if before is None:
            del self._contacts[contact.call]
        else:
            bare = dialled(before.dialler, before.claimed, before.facts, contact.began_at, bound=before.bound)
            bare.contact.stage = Stage.ELSEWHERE
            self._contacts[contact.call] = bare.contact

    def get(self, call: CallId | None) -> Contact | None:
        return None if call is None else self._contacts.get(call)

    def customer(self, call: CallId | None) -> Contact | None:
        """The call, if an agent, a queue or a workflow of ours has its customer."""
        contact = self.get(call)
        return None if contact is None or contact.only_attempt else contact

    def pop(self, call: CallId) -> Contact | None:
        contact = self._contacts.pop(call, None)
        if contact is not None:
            contact.stop_timers()
        return contact

    def everyone(self) -> list[Contact]:
        return list(self._contacts.values())

    def customers(self) -> list[Contact]:
        """Whom an agent, a queue or a workflow of ours has."""
        return [contact for contact in self._contacts.values() if not contact.only_attempt]

    def attempts(self) -> list[Attempt]:
        """Of the calls that this floor dialled."""
        return [contact.attempt for contact in self._contacts.values() if contact.attempt is not None]

    def outside(self) -> PartyId:
        """An id for an outside number."""
        return next(self._party_ids)
