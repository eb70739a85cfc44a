"""Calls of a simulated day in memory: each leg with what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from callfloor.contract.workspace import CallerLead, EventType, Session
from callfloor.floor.plan import CampaignKey
from callfloor.floor.ports.call_records import Leaving, LegKind, NewLeg
from callfloor.telephony.carrier import AgentId, CallId

# Ids of legs, apart from those of dialled calls.
FIRST_LEG = 1_000_000_000


@dataclass(slots=True)
class Leg:
    """Times are seconds since the epoch."""

    campaign: int
    opened_at: float
    parent: int | None = None
    kind: LegKind | None = None
    number: str | None = None
    joined_at: float | None = None
    answered_at: float | None = None
    agent: AgentId | None = None
    left: Leaving | None = None
    ended_at: float | None = None
    held_s: float = 0.0
    phone_losses: int = 0
    phone_lost_s: float = 0.0
    parts: list[float] = field(default_factory=list[float])
    messages: list[float] = field(default_factory=list[float])
    answers: dict[str, int] = field(default_factory=dict[str, int])


class MemoryCalls:
    def __init__(self) -> None:
        self._leg_ids = count(FIRST_LEG)
        self.legs: dict[int, Leg] = {}
        self.callbacks: list[tuple[int, str]] = []

    def new_activity(self) -> int | None:
        return next(self._leg_ids)

    def open_call(self, key: CampaignKey, activity: int, caller: str | None, number: str, at: float) -> None:
        self.legs[activity] = Leg(key.campaign, at)

    def join_queue(self, key: CampaignKey, activity: int, at: float) -> None:
        leg = self.legs[activity]
        leg.campaign, leg.joined_at = key.campaign, at if leg.joined_at is None else leg.joined_at

    def answer(self, organisation: int, activity: int, agent: AgentId | None, at: float) -> None:
        leg = self.legs.get(activity)
        if leg is not None and leg.ended_at is None:
            leg.answered_at, leg.agent = at, agent

    def recording(self, organisation: int, activity: int, part: int | None) -> None:
        pass

    def leave(self, organisation: int, activity: int, reason: Leaving, at: float) -> None:
        leg = self.legs[activity]
        # who began to leave a message is not missed any more
        leg.left, leg.ended_at = leg.left or reason, at if reason != "voicemail" else leg.ended_at

    def hang_up(self, organisation: int, activity: int, at: float) -> None:
        leg = self.legs.get(activity)
        if leg is not None and leg.ended_at is None:
            leg.ended_at = at

    def next_leg(self, organisation: int, activity: int, following: NewLeg, at: float) -> None:
        self.hang_up(organisation, activity, at)
        self.second_leg(organisation, activity, following, at)

    def second_leg(self, organisation: int, activity: int, beside: NewLeg, at: float) -> None:
        leg = Leg(beside.campaign, at, activity, beside.kind, beside.number, agent=beside.agent)
        self.legs[beside.activity] = leg
        if beside.agent is not None:
            leg.answered_at = at
        elif beside.number is None:
            leg.joined_at = at

    def held(self, organisation: int, activity: int, seconds: float) -> None:
        if activity in self.legs:
            self.legs[activity].held_s = seconds

    def phone_lost(self, organisation: int, activity: int, times: int, seconds: float) -> None:
        if activity in self.legs:
            self.legs[activity].phone_losses, self.legs[activity].phone_lost_s = times, seconds

    def part(self, organisation: int, activity: int, call: CallId, part: int, seconds: float, at: float) -> None:
        if activity in self.legs:
            self.legs[activity].parts.append(seconds)

    def message(self, key: CampaignKey, activity: int, call: CallId, part: int, seconds: float, at: float) -> None:
        self.legs[activity].messages.append(seconds)

    def no_message(self, organisation: int, activity: int, call: CallId, part: int) -> None:
        leg = self.legs[activity]
        leg.left = None

    def survey(self, organisation: int, activity: int, workflow_id: int | None, workflow: str, at: float) -> None:
        pass

    def answer_question(self, organisation: int, activity: int, question: str, answer: int, at: float) -> None:
        if activity in self.legs:
            self.legs[activity].answers[question] = answer

    def callback(
        self,
        key: CampaignKey,
        list_id: int,
        activity: int,
        number: str | None,
        at: float,
        done: Callable[[bool], None],
    ) -> None:
        if number is not None:
            self.callbacks.append((list_id, number))
        done(number is not None)

    def leads_of(self, organisation: int, number: str, done: Callable[[tuple[CallerLead, ...]], None]) -> None:
        pass

    def with_lead(self, organisation: int, activity: int, lead: int | None, done: Callable[[bool], None]) -> None:
        done(lead is None)

    def quality(self, organisation: int, activity: int, score: float) -> None:
        pass

    def tell(self, organisation: int, agent: AgentId, what: EventType, session: Session, at: float) -> None:
        pass
