"""A seeded day of random calls, written through the store's own steps in the order in which they happen."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from callfloor.contract.codes import DialStatus
from callfloor.samples import fiction_number
from callfloor.store.agents import agents
from callfloor.store.calls import activities, attempts
from callfloor.store.calls import legs as inbound
from callfloor.store.db.pool import Database
from callfloor.store.leads import leads
from tests.conftest import Centre
from tests.factories import answer, inbound_call

Step = Callable[[datetime], Awaitable[object]]
CUSTOMERS = ["+61491570006", "+61491570156", "+61491570157", "+61491570158", "+61491570159", None]
OURS = "+61255501234"
ENDS = [
    DialStatus.NO_ANSWER,
    DialStatus.BUSY,
    DialStatus.DISCONNECTED,
    DialStatus.TELCO_ERROR,
    DialStatus.CANCELLED,
    DialStatus.REFUSED,
]


# the first phone of each lead that was added
_NUMBERS: dict[int, str] = {}
_ORDER = itertools.count()


async def add_leads(db: Database, centre: Centre, count: int, *, list_id: int | None = None) -> list[int]:
    """New leads with a first phone each; the first one's is +61491570156, and no two are alike."""
    numbers = ["+61491570156", *(_another() for _ in range(1, count))][:count]
    new = [
        leads.NewLead(
            organisation_id=centre.organisation,
            list_id=list_id or centre.list_id,
            data=msgspec.Raw(b"{}"),
            status_code=0,
            phone1=number,
        )
        for number in numbers
    ]
    outcomes = await leads.insert_many(db, new)
    ids = [outcome.lead_id for outcome in outcomes if outcome.lead_id is not None]
    _NUMBERS.update(zip(ids, numbers, strict=True))
    return ids


def _another() -> str:
    """A number kept for fiction that is given out once in 40,000 times."""
    return f"+61{fiction_number(next(_ORDER))[1:]}"


def new_attempt(centre: Centre, lead_id: int, **fields: object) -> attempts.NewAttempt:
    values: dict[str, object] = {
        "campaign_id": centre.outbound,
        "lead_id": lead_id,
        "phone_index": 1,
        "phone_number": _NUMBERS.get(lead_id, "+61491570156"),
        "mode": "progressive",
    }
    return attempts.NewAttempt(**(values | fields))  # type: ignore[arg-type]


@dataclass
class CallDay:
    """Calls of one centre between `begin` and `end`; most of them late, as a period of an hour wants."""

    db: Database
    centre: Centre
    begin: datetime
    end: datetime
    seed: int
    _steps: list[tuple[datetime, int, Step]] = field(default_factory=list[tuple[datetime, int, Step]])
    _order: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def plan(self, inbound: int, lead_ids: list[int]) -> None:
        """Put the calls into the day."""
        for _ in range(inbound):
            self.at(self._moment(), self._inbound)
        for lead_id in lead_ids:
            self.at(self._moment(), lambda at, lead_id=lead_id: self._dial(lead_id, at))

    def person(self) -> int:
        """An agent."""
        return self.centre.agent

    def at(self, at: datetime, step: Step) -> None:
        heapq.heappush(self._steps, (at, next(self._order), step))

    async def run_until(self, moment: datetime) -> None:
        """Take every step up to `moment`; one in four events comes twice."""
        while self._steps and self._steps[0][0] <= moment:
            at, _, step = heapq.heappop(self._steps)
            await step(at)

    def _moment(self) -> datetime:
        span = self.end - self.begin
        share = self.random.random()
        late = self.random.random() < 0.5
        at = self.end - timedelta(minutes=75) * share if late else self.begin + span * share
        # some calls at whole seconds and minutes, where periods begin
        kind = self.random.random()
        if kind < 0.2:
            return at.replace(microsecond=0)
        return at.replace(second=0, microsecond=0) if kind < 0.3 else at

    def _after(self, at: datetime, least_s: float, most_s: float, step: Step) -> None:
        moment = at + timedelta(seconds=self.random.uniform(least_s, most_s))
        self.at(moment, step)
        if self.random.random() < 0.25:
            self.at(moment + timedelta(seconds=self.random.uniform(0, 3)), step)

    async def _inbound(self, at: datetime) -> None:
        call = (self.centre.inbound, self.random.choice(CUSTOMERS), OURS)
        leg = await inbound_call(self.db, self.centre.organisation, *call, at)
        chance = self.random.random()
        if chance < 0.1:
            self._after(at, 1, 40, self._hang_up(leg))
        elif chance < 0.15:
            self._after(at, 1, 40, self._leave(leg, "voicemail"))
        elif chance < 0.2:
            self._after(at, 1, 40, self._leave(leg, self.random.choice(["missed", "failed"])))
        elif chance < 0.95:
            self._after(at, 1, 90, self._join(leg))

    def _join(self, leg: int) -> Step:
        async def step(at: datetime) -> None:
            if await activities.join_queue(self.db, self.centre.organisation, leg, at):
                self._wait(leg, at)

        return step

    def _wait(self, leg: int, at: datetime) -> None:
        chance = self.random.random()
        if chance < 0.15:
            self._after(at, 0, 200, self._hang_up(leg))
        elif chance < 0.2:
            self._after(at, 0, 200, self._leave(leg, "voicemail"))
        elif chance < 0.25:
            self._after(at, 0, 200, self._leave(leg, "missed"))
        elif chance < 0.35:
            self._after(at, 0, 120, self._next(leg, "overflow"))
        elif chance < 0.92:
            self._after(at, 0, 120, self._answer(leg))

    def _leave(self, leg: int, reason: activities.Leaving) -> Step:
        async def step(at: datetime) -> None:
            if await activities.leave(self.db, self.centre.organisation, leg, reason, at) and reason == "voicemail":
                if self.random.random() < 0.3:
                    await inbound.drop_voicemail(self.db, self.centre.organisation, leg, 0)
                self._after(at, 1, 60, self._hang_up(leg))

        return step

    def _answer(self, leg: int) -> Step:
        async def step(at: datetime) -> None:
            if await answer(self.db, self.centre.organisation, leg, self.person(), at) is not None:
                self._talk(leg, at)

        return step

    def _next(self, leg: int, leg_type: str, number: str | None = None) -> Step:
        """As the floor does it: out of the leg into a queue, or to a number outside."""

        async def step(at: datetime) -> None:
            org = self.centre.organisation
            (child,) = await inbound.reserve_ids(self.db, 1)
            following = inbound.Leg(child, self.centre.inbound, leg_type, None, number)
            await inbound.next_leg(self.db, org, leg, following, at)
            if await activities.get(self.db, org, child) is None:
                return
            self._after(at, 1, 60, self._wrap_up(leg))
            if number is None:
                self._wait(child, at)
            elif self.random.random() < 0.5:
                self._after(at, 5, 30, self._next(child, "return"))
            else:
                await inbound.answer(self.db, org, child, None, at + timedelta(seconds=4))
                self._after(at, 20, 300, self._hang_up(child))

        return step

    def _second(self, leg: int) -> Step:
        async def step(at: datetime) -> None:
            (child,) = await inbound.reserve_ids(self.db, 1)
            beside = inbound.Leg(child, self.centre.inbound, "consult", self.person())
            await inbound.second_leg(self.db, self.centre.organisation, leg, beside, at)
            self._after(at, 1, 60, self._hang_up(child))

        return step

    def _talk(self, leg: int, at: datetime) -> None:
        if self.random.random() < 0.3:
            self._after(at, 1, 20, self._hold(leg))
        if self.random.random() < 0.2:
            self._after(at, 1, 40, self._second(leg))
        if self.random.random() < 0.1:
            self._after(at, 2, 60, self._next(leg, "outside", "+61491570313"))
        self._after(at, 2, 400, self._transfer(leg) if self.random.random() < 0.15 else self._hang_up(leg))

    def _hold(self, leg: int) -> Step:
        total = self.random.randint(1, 500)

        async def step(_at: datetime) -> None:
            await activities.hold(self.db, self.centre.organisation, leg, total)

        return step

    def _transfer(self, leg: int) -> Step:
        agent = self.person() if self.random.random() < 0.5 else None

        async def step(at: datetime) -> None:
            child = await activities.transfer(self.db, self.centre.organisation, leg, self.centre.inbound, agent, at)
            if child is not None:
                self._after(at, 1, 60, self._wrap_up(leg))
                if agent is None:
                    self._wait(child, at)
                else:
                    self._talk(child, at)

        return step

    def _hang_up(self, leg: int) -> Step:
        async def step(at: datetime) -> None:
            if await activities.hang_up(self.db, self.centre.organisation, leg, at):
                self._after(at, 1, 60, self._wrap_up(leg))

        return step

    def _wrap_up(self, leg: int) -> Step:
        wrap = activities.WrapUp(None)

        async def step(at: datetime) -> None:
            await activities.wrap_up(self.db, self.centre.organisation, leg, wrap, at)

        return step

    async def _dial(self, lead_id: int, at: datetime) -> None:
        mode = self.random.choice(["progressive", "predictive", "preview", "manual"])
        new = new_attempt(self.centre, lead_id, mode=mode, own_contact=OURS)
        (started,) = await attempts.start(self.db, self.centre.organisation, [new], at)
        assert started is not None
        chance = self.random.random()
        if chance < 0.5:
            self._after(at, 1, 30, self._line_answered(started))
        elif chance < 0.95:
            self._after(at, 1, 60, self._finish(started, self.random.choice(ENDS)))

    def _line_answered(self, call: attempts.Started) -> Step:
        async def step(at: datetime) -> None:
            if not await attempts.answered(self.db, self.centre.organisation, call.attempt_id, at):
                return
            chance = self.random.random()
            if chance < 0.15:
                self._after(at, 0, 3, self._finish(call, DialStatus.ABANDONED))
            elif chance < 0.3:
                self._after(at, 0, 3, self._finish(call, DialStatus.ANSWERING_MACHINE))
            elif chance < 0.95:
                self._after(at, 0, 1.5, self._connected(call))

        return step

    def _connected(self, call: attempts.Started) -> Step:
        async def step(at: datetime) -> None:
            organisation, agent = self.centre.organisation, self.person()
            if await attempts.connected(self.db, organisation, call.attempt_id, agent, at) is not None:
                self._after(at, 1, 20, self._hold(call.activity_id))
                self._after(at, 2, 300, self._finish(call, DialStatus.ANSWERED))

        return step

    def _finish(self, call: attempts.Started, status: DialStatus) -> Step:
        async def step(at: datetime) -> None:
            organisation = self.centre.organisation
            if await attempts.finish(self.db, organisation, call.attempt_id, attempts.Ended(status), at):
                self._after(at, 1, 60, self._wrap_up(call.activity_id))

        return step


async def put_agents(db: Database, centre: Centre, states: list[agents.AgentState], now: datetime) -> list[int]:
    """Agents of both campaigns, one in each of `states`."""
    made: list[int] = []
    for number, state in enumerate(states):
        agent: int = await db.fetchval(
            "INSERT INTO users (organisation_id, user_type, username, first_name, last_name)"
            " VALUES ($1, 'agent', $2, 'Mary', 'Major') RETURNING user_id",
            centre.organisation,
            f"mary.{number}",
        )
        for campaign in (centre.inbound, centre.outbound):
            await db.execute("INSERT INTO campaign_agents VALUES ($1, $2, $3)", centre.organisation, campaign, agent)
        await agents.show(db, centre.organisation, agent, state, None, now)
        made.append(agent)
    return made
