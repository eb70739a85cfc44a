"""A call that the simulated carrier holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from callfloor.clock import Timer
from callfloor.telephony.carrier import AgentId, CallId, Line, Listening, LiveCall, PartyId
from callfloor.telephony.simulated.behaviour import Behaviour, Outcome
from callfloor.telephony.simulated.recording import Tape


@dataclass(slots=True, eq=False)
class SimulatedCall:
    """`behaviour`: of this customer alone. `next`: what happens next unless something else does. `parties`: who rings
    (None) or has joined, and when."""

    id: CallId
    behaviour: Behaviour | None = None
    line: Line | None = None
    outcome: Outcome = "live"
    next: Timer | None = None
    answered: bool = False
    parties: dict[PartyId, float | None] = field(default_factory=dict[PartyId, float | None])
    talked: bool = False
    held: bool = False
    muted: set[PartyId] = field(default_factory=set[PartyId])
    listeners: dict[AgentId, Listening] = field(default_factory=dict[AgentId, Listening])
    tape: Tape = field(default_factory=Tape)
    playing: Timer | None = None
    message: int | None = None

    def joined(self) -> list[PartyId]:
        return [party for party, since in self.parties.items() if since is not None]

    def told(self) -> LiveCall:
        """As it is told of after a restart."""
        agent = next((party for party in self.joined() if party > 0), None)
        part = self.tape.next_part if self.tape.part is None else self.tape.part
        return LiveCall(
            self.id,
            self.answered,
            agent,
            part,
            tuple(each for each in self.parties if each != agent),
            tuple(self.listeners),
        )
