"""A customer on the line: a caller in a workflow or a queue, or anybody who talks to an agent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count

from callfloor.clock import Timer
from callfloor.contract.workflows import Workflow
from callfloor.contract.workspace import CallDirection, CallerLead
from callfloor.floor.plan import CampaignKey, CampaignPlan
from callfloor.rules.routing.lost_phones import THERE, PhoneFacts
from callfloor.rules.workflow.workflow_events import Facts, State
from callfloor.telephony.carrier import AgentId, CallId, Listening, PartyId


class Stage(Enum):
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
    ours. `agent`: who talks, or whose phone rings. Times are seconds of the floor's clock, but `connected_at`: since
    the epoch. `saying`: what is played to who waits, after what is played now. `part` of the recording that runs or
    comes next, and which leg each part is of. `leads`: of a caller's number."""

    call: CallId
    plan: CampaignPlan
    activity: int
    direction: CallDirection
    number: str | None
    own: str | None
    stage: Stage
    began_at: float = 0.0
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


class Contacts:
    """Everybody on the line, by call. Parties from outside get their ids here. `added` hears of each."""

    def __init__(self, added: Callable[[Contact], None]) -> None:
        self._added = added
        self._contacts: dict[CallId, Contact] = {}
        self._party_ids = count(-1, -1)

    def put(self, contact: Contact) -> None:
        self._contacts[contact.call] = contact
        self._added(contact)

    def get(self, call: CallId | None) -> Contact | None:
        return None if call is None else self._contacts.get(call)

    def pop(self, call: CallId) -> Contact | None:
        contact = self._contacts.pop(call, None)
        if contact is not None:
            contact.stop_timers()
        return contact

    def everyone(self) -> list[Contact]:
        return list(self._contacts.values())

    def outside(self) -> PartyId:
        """An id for an outside number."""
        return next(self._party_ids)
