"""A floor, its agents and a carrier that a test moves by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from callfloor.clock import VirtualClock
from callfloor.contract.workflows import Question, Queue, Survey, Workflow
from callfloor.contract.workspace import Consult, Refusal, Target
from callfloor.floor.agents.commands import Work
from callfloor.floor.calls.contacts import Contact
from callfloor.floor.calls.outgoing import DestinationListener
from callfloor.floor.calls.reception import Ask, Reception
from callfloor.floor.floor import Floor
from callfloor.floor.plan import CampaignKey, CampaignPlan, QueuePlan
from callfloor.floor.ports.desk import NobodyAtDesk
from callfloor.rules.routing.agents import AgentInput
from callfloor.rules.workflow.workflow_events import Facts
from callfloor.simulation.legs import Leg
from callfloor.telephony.carrier import Answered, Joined, Offered
from tests.floor.any_carrier import AnyCarrier
from tests.floor.written import Written

SALES, HELP = CampaignKey(1, 1), CampaignKey(1, 2)
NUMBER, OUTSIDE = "+61255500200", "+61491570157"
FIRST, SECOND, THIRD = 1, 2, 3
SURVEY = Workflow(
    name="How was it", start="ask", steps=(Survey(name="ask", questions=(Question(name="nice", prompt="nice?"),)),)
)
STRAIGHT = Workflow(name="Main", start="queue", steps=(Queue(name="queue", campaign="Sales"),))


class Room:
    """Three agents of Sales, which is recorded, and of Help, which is not."""

    def __init__(
        self,
        *,
        survey: bool = False,
        flow: Workflow = STRAIGHT,
        transfer_wait_s: float = 0.0,
        ask: Ask | None = None,
        destinations: DestinationListener | None = None,
    ) -> None:
        self.clock, self.carrier = VirtualClock(1_000_000.0), self.make_carrier()
        self.records = Written(self.clock.now)
        self.floor = Floor(self.clock, self.carrier, self.records, NobodyAtDesk(), ask=ask, destinations=destinations)
        self.work = Work(self.clock, self.floor, self.records)
        members = frozenset((FIRST, SECOND, THIRD))
        queue = QueuePlan(survey="How was it" if survey else None)
        self.plan = CampaignPlan(SALES, None, members, country="AU", queue=queue, transfer_wait_s=transfer_wait_s)
        self.floor.configure(self.plan)
        self.floor.configure(CampaignPlan(HELP, None, members, country="AU", record=False))
        facts = Facts(at=datetime.now(UTC), zone=ZoneInfo("UTC"), campaigns={"Sales": 1, "Help": 2})
        main = Reception(1, flow, facts, {}, 7)
        after = Reception(1, SURVEY, facts, {})
        self.floor.callers.configure({NUMBER: main}, {(1, "How was it"): after})
        for agent in (FIRST, SECOND, THIRD):
            self.floor.team.put(agent, 1, (SALES, HELP))

    def make_carrier(self) -> AnyCarrier:
        return AnyCarrier()

    def ready(self, *agents: int) -> None:
        for agent in agents:
            self.floor.agent(agent, AgentInput.READY)

    def caller(self) -> Contact:
        self.carrier.say(Offered("offer", NUMBER, "+61491570156"))
        (contact,) = self.floor.contacts.everyone()
        self.carrier.say(Answered(contact.call))
        return contact

    def another_caller(self) -> Contact:
        """Somebody who calls while others are on the line."""
        before = self.floor.contacts.everyone()
        self.carrier.say(Offered(f"offer {len(self.carrier.placed)}", NUMBER, "+61491570158"))
        (contact,) = [each for each in self.floor.contacts.everyone() if each not in before]
        self.carrier.say(Answered(contact.call))
        return contact

    def talk(self, *, others: bool = True) -> Contact:
        """Somebody who called and talks to the first agent; the `others` are ready."""
        self.ready(FIRST)
        contact = self.caller()
        self.carrier.say(Joined(contact.call, FIRST))
        if others:
            self.ready(SECOND, THIRD)
        return contact

    def does(self, agent: int, command: object) -> Refusal | None:
        answers: list[Refusal | None] = []
        self.work.do(agent, command, answers.append)  # type: ignore[arg-type]
        # hanging up is answered when the carrier has told of the end
        return answers[0] if answers else None

    def at(self, seconds: float) -> None:
        """So many seconds after the beginning."""
        self.clock.run(1_000_000.0 + seconds)

    def state(self, agent: int) -> str:
        known = self.floor.team.get(agent)
        assert known is not None
        return known.facts.state

    def legs(self) -> list[Leg]:
        """All legs, in the order in which they began."""
        return list(self.records.legs.values())

    def bring(self, contact: Contact, **to: int | str) -> int:
        """The first agent consults somebody who answers; who that is."""
        assert self.does(FIRST, Consult(Target(**to))) is None  # type: ignore[arg-type]
        call, party = self.carrier.joining[-1]
        self.carrier.say(Joined(call, party))
        return party
