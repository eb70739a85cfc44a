"""What happens to a caller before an agent answers: workflows, prompts, and the queue of an inbound campaign.

A centre file sets them and the floor obeys them. Steps, prompts, campaigns and lists are known by name. A step that is
named nowhere (None) is the end: the caller is hung up on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

DIGITS = "0123456789*#"
LEAST_LEVEL, MOST_LEVEL = 1, 10
MOST_STEPS = 200
LONGEST_FUNCTION_S = 10.0
LEAST_PRIORITY, MOST_PRIORITY = -1000, 1000

# By digit: the step that it leads to.
Options = Mapping[str, str]
# By name: the level that an agent has, or that one must have at least.
Skills = Mapping[str, int]


class _Settings(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True
):
    """Read from a file, kept as JSON; what is as usual is left out."""


class _Step(_Settings, tag_field="type", frozen=True, kw_only=True):
    name: str


class Schedule(_Step, tag="schedule", frozen=True, kw_only=True):
    """Goes on by the time of day. An emergency closure comes before a holiday, and that before the hours.

    `hours` by weekday, as rules.hours reads them; None: always open. `timezone` None: the organisation's. `holidays`:
    a country or subdivision (AU, AU-NSW) whose public holidays are kept; None: none are. `holiday` and `emergency`
    None: as `closed`.
    """

    hours: Mapping[str, tuple[str, ...]] | None = None
    timezone: str | None = None
    holidays: str | None = None
    open: str
    closed: str
    holiday: str | None = None
    emergency: str | None = None


class Prompt(_Step, tag="prompt", frozen=True, kw_only=True):
    """Plays a prompt to its end."""

    prompt: str
    next: str | None = None


class Menu(_Step, tag="menu", frozen=True, kw_only=True):
    """Plays a prompt and waits for a digit, which may come while it plays.

    A digit that is no option, or none within `timeout_seconds` after the prompt, plays it again, `retries` times;
    then `on_invalid` or `on_timeout` follows. `on_invalid` None: as `on_timeout`.
    """

    prompt: str
    options: Options
    retries: int = 2
    timeout_seconds: float = 5.0
    on_invalid: str | None = None
    on_timeout: str | None = None


class Set(_Step, tag="set", frozen=True, kw_only=True):
    """Changes what the caller's queues look at. `priority` None: stays. `skills` come on top of those asked for
    before; 0 takes one back."""

    priority: int | None = None
    skills: Skills = {}
    next: str | None = None


class Queue(_Step, tag="queue", frozen=True, kw_only=True):
    """Waits for an agent of an inbound campaign.

    `max_wait_seconds`, `max_length` (callers) and `announce_seconds` None: the campaign's own. `on_no_agents` is for a
    queue that nobody is signed in to; None: the caller waits all the same. `prompt` follows each announcement, to say
    what `options` offer: a digit that is pressed at any moment of the wait leaves the queue.
    """

    campaign: str
    max_wait_seconds: float | None = None
    max_length: int | None = None
    announce_seconds: float | None = None
    prompt: str | None = None
    options: Options = {}
    on_full: str | None = None
    on_timeout: str | None = None
    on_no_agents: str | None = None


class Voicemail(_Step, tag="voicemail", frozen=True, kw_only=True):
    """Plays a prompt and records a message for an inbound campaign, until # or the end of `longest_seconds`."""

    prompt: str
    campaign: str
    longest_seconds: float = 120.0
    next: str | None = None


class Callback(_Step, tag="callback", frozen=True, kw_only=True):
    """Makes a lead of the caller in a list of an outbound campaign, to be called back, and says so by a prompt.

    `on_error`: a caller without a number, or one that must not be called.
    """

    campaign: str
    list: str
    prompt: str
    next: str | None = None
    on_error: str | None = None


class Function(_Step, tag="function", frozen=True, kw_only=True):
    """Asks an HTTP service of the organisation how to go on. `outcomes`: by the `next` of its answer, the step;
    an answer without one leads to `next`."""

    url: str
    timeout_seconds: float = 5.0
    outcomes: Mapping[str, str] = {}
    next: str | None = None
    on_error: str | None = None


class Question(_Settings, frozen=True, kw_only=True):
    """`digits`: the least and the greatest that are an answer, such as `1-5`."""

    name: str
    prompt: str
    digits: str = "1-5"


class Survey(_Step, tag="survey", frozen=True, kw_only=True):
    """Asks questions that a digit answers. One without an answer is asked again `retries` times, then left out."""

    questions: tuple[Question, ...]
    retries: int = 1
    timeout_seconds: float = 5.0
    next: str | None = None


class Hangup(_Step, tag="hangup", frozen=True, kw_only=True):
    """Ends the call, after a prompt where there is one."""

    prompt: str | None = None


Step = Schedule | Prompt | Menu | Set | Queue | Voicemail | Callback | Function | Survey | Hangup


class Workflow(_Settings, frozen=True, kw_only=True):
    """`numbers`: E.164, those that callers dial. `start`: the name of the first step."""

    name: str
    numbers: tuple[str, ...] = ()
    start: str
    steps: tuple[Step, ...]


def straight(campaign: str) -> Workflow:
    """The workflow of an inbound campaign's own number, where no other has it: straight into its queue."""
    return Workflow(name=campaign, start="queue", steps=(Queue(name="queue", campaign=campaign),))


class QueueSettings(_Settings, frozen=True, kw_only=True):
    """How callers wait for the agents of an inbound campaign; times in seconds.

    `skills`: what an agent must have, and at what least level; each `relax_skills_seconds` of waiting halve the levels
    (None: never). `service_level_seconds`: answered within so long is answered in time. `max_wait_seconds`,
    `max_length` (callers): None: no limit; a caller beyond them goes to the queue of `overflow`, an inbound campaign,
    or where the workflow says. `priority`: higher ones are answered first; each `aging_seconds` of waiting raise it by
    one (None: never). `announce_seconds`: how often position and expected wait are told (None: never).
    `agent_ring_seconds`: how long an agent's phone rings. `survey`: the workflow that follows the call. `music`: the
    prompt that plays to whoever waits or is held; None: the built-in one. `shortest_voicemail_seconds`: a message that
    is shorter is none.
    """

    skills: Skills = {}
    relax_skills_seconds: float | None = None
    service_level_seconds: float = 20.0
    max_wait_seconds: float | None = None
    max_length: int | None = None
    overflow: str | None = None
    priority: int = 0
    aging_seconds: float | None = 60.0
    announce_seconds: float | None = None
    announce_position: bool = True
    announce_wait: bool = True
    agent_ring_seconds: float = 15.0
    survey: str | None = None
    music: str | None = None
    shortest_voicemail_seconds: float = 2.0


class Sound(_Settings, frozen=True, kw_only=True):
    """A prompt: words to be spoken, or a WAV file by its path from the centre file, of which `sha256` is the sound.
    `language` of the words: as espeak-ng names its voices; None: English."""

    name: str
    text: str | None = None
    language: str | None = None
    file: str | None = None
    sha256: str | None = None


Text = Annotated[str, Meta(max_length=500)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]


class FunctionRequest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What an HTTP function is sent. `call` is the same for every step of a call; `digits`: all that were pressed."""

    workflow: str
    step: str
    call: str
    caller: str | None
    called: str | None
    digits: str
    priority: int | None
    skills: Skills
    variables: Mapping[str, str]


class FunctionAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What it may answer; members of other names are passed over. `skills` as in a `set` step."""

    priority: Annotated[int, Meta(ge=LEAST_PRIORITY, le=MOST_PRIORITY)] | None = None
    skills: Annotated[Mapping[Name, Annotated[int, Meta(ge=0, le=MOST_LEVEL)]], Meta(max_length=50)] = {}
    variables: Annotated[Mapping[Name, Text], Meta(max_length=50)] = {}
    next: Name | None = None


Place = Literal["workflow", "queue", "agent", "ended"]
