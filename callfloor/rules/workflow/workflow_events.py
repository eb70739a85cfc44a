"""What happens to a caller in a workflow, and what is to be done about it: the words of `rules.workflow`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from callfloor.contract.workflows import FunctionAnswer, FunctionRequest, Place, Skills

# `listening`: a prompt is over and a digit is waited for. `connected`: an agent has the caller.
Doing = Literal["playing", "listening", "asking", "queued", "connected", "recording", "registering", "ended"]


class State(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a caller is. It may be kept as JSON and gone on with by another process.

    `step`: that the caller is in. `turn`: of what was asked for last. `tries`: of the digit that is waited for, those
    that came to nothing; `question`: of a survey, from 0. `priority` None: the queue's own. `digits`: all that were
    pressed. `heard`: the number of the last digit. `entered`: how many steps, in all.
    """

    step: str = ""
    doing: Doing = "ended"
    turn: int = 0
    tries: int = 0
    question: int = 0
    priority: int | None = None
    skills: Skills = {}
    variables: Mapping[str, str] = {}
    digits: str = ""
    heard: int = 0
    entered: int = 0

    @property
    def place(self) -> Place:
        """Where a caller who hangs up now gives up."""
        match self.doing:
            case "queued":
                return "queue"
            case "connected":
                return "agent"
            case "ended":
                return "ended"
            case _:
                return "workflow"


@dataclass(frozen=True, slots=True)
class Facts:
    """The world around a call. `at`: aware. `zone`: the organisation's. `emergency`: whether this workflow is closed by
    hand, or as planned; `holiday`: whether it keeps a holiday of the centre's own. `campaigns`: ids by name; `lists`:
    ids by the names of campaign and list."""

    at: datetime
    zone: ZoneInfo
    emergency: bool = False
    holiday: bool = False
    call: str = ""
    caller: str | None = None
    called: str | None = None
    campaigns: Mapping[str, int] = field(default_factory=dict[str, int])
    lists: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])


# What happens


@dataclass(frozen=True, slots=True)
class Digit:
    """`number`: counts the digits of a call from 1, so that one that is told twice counts once; 0: nobody counts."""

    digit: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller is gone. A message that was being recorded is kept as far as it got."""


@dataclass(frozen=True, slots=True)
class Played:
    """A prompt came to its end, or could not be played."""

    turn: int


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A timer ran out."""

    turn: int


@dataclass(frozen=True, slots=True)
class FunctionAnswered:
    turn: int
    answer: FunctionAnswer


@dataclass(frozen=True, slots=True)
class FunctionFailed:
    """No answer in time, or none that can be used."""

    turn: int


@dataclass(frozen=True, slots=True)
class QueueFull:
    turn: int


@dataclass(frozen=True, slots=True)
class QueueTimedOut:
    """The caller waited for the longest time that is allowed."""

    turn: int


@dataclass(frozen=True, slots=True)
class NoAgents:
    """Nobody is signed in to the queue, or nobody is any more."""

    turn: int


@dataclass(frozen=True, slots=True)
class Connected:
    """An agent has the caller: the workflow is over."""

    turn: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message came to its end, or could not be recorded."""

    turn: int


@dataclass(frozen=True, slots=True)
class Registered:
    """A callback is arranged, or cannot be (`done` False)."""

    turn: int
    done: bool


# what became of something that was asked for
Outcome = (
    Played | TimedOut | FunctionAnswered | FunctionFailed | QueueFull | QueueTimedOut | NoAgents | Connected | Recorded
    | Registered
)  # fmt: skip
Input = Digit | HungUp | Outcome


# What is to be done


@dataclass(frozen=True, slots=True)
class Play:
    turn: int
    prompt: str


@dataclass(frozen=True, slots=True)
class StopPlaying:
    pass


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Replaces a timer that runs."""

    turn: int
    seconds: float


@dataclass(frozen=True, slots=True)
class CallFunction:
    turn: int
    url: str
    timeout_s: float
    request: FunctionRequest


@dataclass(frozen=True, slots=True)
class JoinQueue:
    """`campaign`: an id. None: the campaign's own setting. `skills`: besides the campaign's. `prompt`: follows each
    announcement; the caller may press `digits`. `asks_agents`: `NoAgents` is wanted where nobody is signed in."""

    turn: int
    campaign: int
    priority: int | None
    skills: Skills
    max_wait_s: float | None
    max_length: int | None
    announce_s: float | None
    prompt: str | None
    digits: frozenset[str]
    asks_agents: bool


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    pass


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """For the inbound campaign of an id. # ends it (`StopRecording`)."""

    turn: int
    campaign: int
    longest_s: float


@dataclass(frozen=True, slots=True)
class StopRecording:
    """`Recorded` follows."""


@dataclass(frozen=True, slots=True)
class RegisterCallback:
    """Make a lead of the caller in a list of an outbound campaign; both by id. `Registered` follows."""

    turn: int
    campaign: int
    list_id: int


@dataclass(frozen=True, slots=True)
class NoteAnswer:
    """Of a survey."""

    question: str
    digit: str


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Action = (
    Play | StopPlaying | StartTimer | CallFunction | JoinQueue | LeaveQueue | RecordMessage | StopRecording
    | RegisterCallback | NoteAnswer | HangUp
)  # fmt: skip
