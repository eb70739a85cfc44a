"""What a queue asks for, who waits in it, who serves it, and how well it is served."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Literal

# A queue is an inbound campaign, under a key of the caller's; ids are the caller's too.
QueueKey = Hashable
ContactId = int
AgentId = int
Kind = Literal["call", "email"]


@dataclass(frozen=True, slots=True)
class QueueRules:
    """`skills`: name and least level that an agent must have. `priority`: points of who brings none. `ageing_per_s`:
    points that a second's wait adds.

    `relax_after_s`: with each time that it has waited so long, the levels that a contact asks for are halved, rounded
    down; a level of 0 asks for nothing. A level of 5 becomes 2, 1, and is dropped at the third. None: never.

    `longest_wait_s` and `longest_queue`: of calls (None: no limit); an e-mail is never refused and never too late.
    """

    skills: Mapping[str, int] = field(default_factory=dict[str, int])
    relax_after_s: float | None = None
    priority: float = 0.0
    ageing_per_s: float = 1 / 60
    longest_wait_s: float | None = None
    longest_queue: int | None = None

    def __post_init__(self) -> None:
        if self.relax_after_s is not None and self.relax_after_s <= 0:
            raise ValueError("relax_after_s must be above 0")
        if self.ageing_per_s < 0:
            raise ValueError("ageing_per_s must not be below 0")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call or an e-mail that waits. `joined_at`: seconds, on the router's clock. `priority`: points; None is the
    queue's. `skills`: asked for beside the queue's, the higher level counts. `returned`: an agent's phone rang and
    nobody took it, so it is the first of its kind in the queue again, whatever anybody's priority. `agent`: only this
    one may take it, who then needs neither the skills nor to serve the queue."""

    id: ContactId
    queue: QueueKey
    joined_at: float
    priority: float | None = None
    skills: Mapping[str, int] = field(default_factory=dict[str, int])
    returned: bool = False
    agent: AgentId | None = None
    kind: Kind = "call"


@dataclass(frozen=True, slots=True)
class IdleAgent:
    """`queues`: those that it serves, and in which order: what waits in one of a lower number comes first, among equal
    numbers the priorities decide. `idle_since`: seconds, on the router's clock."""

    id: AgentId
    queues: Mapping[QueueKey, int]
    idle_since: float
    skills: Mapping[str, int] = field(default_factory=dict[str, int])
