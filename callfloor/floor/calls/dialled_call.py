"""A call that the floor has placed."""

from __future__ import annotations

from dataclasses import dataclass, field

from callfloor.clock import Timer
from callfloor.contract.codes import DialStatus
from callfloor.contract.workspace import Call
from callfloor.floor.calls.contacts import Contact, Stage
from callfloor.floor.calls.dialler import Dialler
from callfloor.floor.plan import Claimed
from callfloor.floor.ports import writes
from callfloor.rules.routing.calls import CallFacts
from callfloor.telephony.carrier import AgentId, CallId


@dataclass(slots=True, eq=False)
class FloorCall:
    """`agent`: who is held for it, is being joined or is joined. `bound`: only that one may take it."""

    id: CallId
    dialler: Dialler
    claimed: Claimed
    facts: CallFacts
    agent: AgentId | None = None
    placed_at: float = 0.0
    bound: bool = False
    connected: bool = False
    answered_at: float | None = None
    timer: Timer | None = field(default=None, repr=False)

    @property
    def activity(self) -> int:
        return self.claimed.activity

    def attempt(self, at: float) -> tuple[int, CallId, float]:
        """Whose the attempt is, which, and when: what is written of it begins so."""
        return self.dialler.plan.key.organisation, self.id, at

    def since(self, at: float) -> bool:
        """Whether it was dialled at that time or before, and by the dialler."""
        return self.placed_at <= at and not self.claimed.manual

    def finished(self, status: DialStatus, recorded_s: float | None, at: float) -> writes.AttemptFinished:
        plan = self.dialler.plan
        return writes.AttemptFinished(
            *self.attempt(at),
            campaign=plan.key.campaign,
            activity=self.activity,
            status=status,
            recorded_s=recorded_s,
            recorded=plan.record,
        )

    def stop_timer(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

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

    def talk(self, agent: AgentId, at: float, now: float) -> Contact:
        """The talk that it becomes. `at`: seconds of the floor's clock, `now`: since the epoch."""
        claimed = self.claimed
        return Contact(
            call=self.id,
            plan=self.dialler.plan,
            activity=self.activity,
            direction="manual" if claimed.manual else "outbound",
            number=claimed.number,
            own=claimed.caller,
            stage=Stage.TALKING,
            began_at=at,
            lead=claimed.lead,
            agent=agent,
            parts={0: self.activity},
            connected_at=now,
        )
