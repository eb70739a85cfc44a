"""Days with something for every figure: calls by several agents, wrap codes, callbacks, e-mails, pauses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from callfloor.contract.codes import DialStatus
from callfloor.store.agents import agents
from callfloor.store.calls import activities, attempts
from callfloor.store.db.pool import Database
from tests.conftest import Centre
from tests.factories import answer
from tests.store.call_day import CallDay, Step, add_leads, new_attempt, put_agents

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
STATES: list[agents.AgentState] = ["ready", "on-call", "on-wrap", "paused", "dialling", "ready", "signed-out"]


@dataclass
class Story(CallDay):
    """A `CallDay` of which each call may be of another agent and end with a wrap code."""

    people: list[int] = field(default_factory=list[int])

    @classmethod
    async def of(cls, db: Database, centre: Centre, begin: datetime, end: datetime, seed: int) -> Story:
        """A day that nothing has happened on yet."""
        story = cls(db, centre, begin, end, seed)
        story.people = [centre.agent, *await put_agents(db, centre, ["signed-out", "signed-out"], begin)]
        for campaign in (centre.inbound, centre.outbound):
            for code, text in ((1, "Sold"), (2, "Not interested")):
                await db.execute(
                    "INSERT INTO wrap_codes VALUES ($1, $2, $3, $4)", centre.organisation, campaign, code, text
                )
        # another code in the middle of the day, and one that stays
        noon = begin + (end - begin) / 2
        for campaign, code, since, until in (
            (centre.inbound, 1, FIRST, noon),
            (centre.inbound, 2, noon, None),
            (centre.outbound, 1, FIRST, None),
        ):
            row = centre.organisation, campaign, code, since, until
            await db.execute("INSERT INTO conversion_codes VALUES ($1, $2, $3, $4, $5)", *row)
        second_list = await db.fetchval(
            "INSERT INTO lists (organisation_id, campaign_id, name) VALUES ($1, $2, 'List Two') RETURNING list_id",
            centre.organisation,
            centre.outbound,
        )
        ids = await add_leads(db, centre, 14)
        more = await add_leads(db, centre, 7, list_id=second_list)
        story.plan(35, ids + more[1:])
        for lead in (await add_leads(db, centre, 9))[1:]:
            story.at(story.moment(), story.call_again(lead))
        for person in story.people:
            story.work(person)
        for _ in range(6):
            story.at(story.moment(), story.email)
        return story

    def moment(self) -> datetime:
        return self._moment()

    def work(self, agent: int) -> None:
        """States of an agent, one after the other."""
        at = self.begin + timedelta(minutes=self.random.uniform(0, 90))
        while at < self.end:
            state, reason = self.random.choice(STATES), self.random.choice([None, "lunch", "coffee"])
            campaign = self.random.choice([self.centre.inbound, self.centre.outbound])
            self.at(at, self._shows(agent, state, reason, campaign))
            at += timedelta(seconds=self.random.choice([3, 61, 900, 3600, 5000]) * (0.5 + self.random.random()))

    def _shows(self, agent: int, state: agents.AgentState, reason: str | None, campaign: int) -> Step:
        async def step(at: datetime) -> None:
            why = reason if state == "paused" else None
            of = campaign if state in ("on-call", "on-wrap", "dialling") else None
            await agents.show(self.db, self.centre.organisation, agent, state, why, at, of)

        return step

    def call_again(self, lead: int) -> Step:
        """A callback that was promised, and is made early, in time or late."""

        async def step(at: datetime) -> None:
            promised = at + timedelta(minutes=self.random.choice([-40, -5, 5]))
            row = await self.db.fetchrow("SELECT * FROM leads WHERE lead_id = $1", lead)
            if row is None or row["in_flight_attempt_id"] is not None or row["completed_at"] is not None:
                return
            await self.db.execute(
                "UPDATE leads SET status_code = 9, next_attempt_at = $2 WHERE lead_id = $1", lead, promised
            )
            new = new_attempt(self.centre, lead, attempts_before=row["attempts"], own_contact="+61255501299")
            (call,) = await attempts.start(self.db, self.centre.organisation, [new], at)
            if call is None:
                return
            if self.random.random() < 0.6:
                self._after(at, 1, 5, self._line_answered(call))
            else:
                ends = [DialStatus.NO_ANSWER, DialStatus.CANCELLED, DialStatus.TELCO_ERROR]
                self._after(at, 1, 5, self._finish(call, self.random.choice(ends)))

        return step

    async def email(self, at: datetime) -> None:
        """A message comes, and may be answered, passed on or closed."""
        org, centre = self.centre.organisation, self.centre
        theirs, ours = "x@example.com", "us@example.com"
        message = activities.Message("Hello", None, None, theirs, ours)
        inbound = activities.NewEmail("email.inbound", centre.inbound, theirs, ours, message)
        came = await activities.open_email(self.db, org, inbound, at)
        chance = self.random.random()
        if chance < 0.3:
            return
        if chance < 0.5:
            passed = at + timedelta(minutes=3)
            given = await activities.transfer(self.db, org, came, centre.inbound, self.person(), passed)
            assert given is not None
            return
        agent, answered = self.person(), at + timedelta(minutes=self.random.uniform(1, 60))

        async def step(moment: datetime) -> None:
            await answer(self.db, org, came, agent, moment)
            written = activities.NewEmail("email.outbound", centre.inbound, theirs, ours, message, agent, came)
            await activities.open_email(self.db, org, written, moment)

        self.at(answered, step)

    def person(self) -> int:
        return self.random.choice(self.people)

    def _wrap_up(self, leg: int) -> Step:
        wrap = activities.WrapUp(self.random.choice([None, 1, 2]))

        async def step(at: datetime) -> None:
            await activities.wrap_up(self.db, self.centre.organisation, leg, wrap, at)

        return step
