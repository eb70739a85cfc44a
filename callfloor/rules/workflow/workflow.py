"""A caller's way through a workflow: what each event makes of it, and what is to be done.

Without I/O and without a clock: total, so that events that are late, doubled or out of order do no harm. Whatever is
asked for carries a turn, and its answer carries the same: an answer of an earlier turn means nothing. Between two
events a call enters at most as many steps as there are, and in its whole life `MOST_ENTERED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from msgspec.structs import replace

from callfloor.contract.workflows import (
    Callback,
    Function,
    FunctionAnswer,
    FunctionRequest,
    Hangup,
    Menu,
    Prompt,
    Queue,
    Schedule,
    Set,
    Skills,
    Step,
    Survey,
    Voicemail,
    Workflow,
)
from callfloor.rules.dialling.holidays import is_holiday
from callfloor.rules.dialling.hours import is_open, parse_hours
from callfloor.rules.values.times import zone
from callfloor.rules.workflow.workflow_events import (
    Action,
    CallFunction,
    Connected,
    Digit,
    Doing,
    Facts,
    FunctionAnswered,
    FunctionFailed,
    HangUp,
    HungUp,
    Input,
    JoinQueue,
    LeaveQueue,
    NoAgents,
    NoteAnswer,
    Outcome,
    Play,
    Played,
    QueueFull,
    QueueTimedOut,
    Recorded,
    RecordMessage,
    RegisterCallback,
    Registered,
    StartTimer,
    State,
    StopPlaying,
    StopRecording,
    TimedOut,
)

MOST_ENTERED = 1000
MOST_VARIABLES = 100
MOST_DIGITS = 200

Next = tuple[State, tuple[Action, ...]]
Entered = Callable[[str], None]


def begin(workflow: Workflow, facts: Facts, entered: Entered = lambda _: None) -> Next:
    """A call enters a workflow. `entered` is told of each step that it comes to."""
    run = _Run(workflow, State(), facts, entered)
    run.go(workflow.start)
    return run.state, tuple(run.actions)


def advance(workflow: Workflow, state: State, happened: Input, facts: Facts, entered: Entered = lambda _: None) -> Next:
    """The call after an event, and what is to be done. `entered` as of `begin`."""
    if state.doing == "ended":
        return state, ()
    if isinstance(happened, HungUp):
        return replace(state, doing="ended"), ()
    if state.doing == "connected":
        return state, ()
    run = _Run(workflow, state, facts, entered)
    step = run.step
    if isinstance(happened, Digit):
        run.press(step, happened)
    elif happened.turn == state.turn:
        run.answer(step, happened)
    return run.state, tuple(run.actions)


def resume(workflow: Workflow, state: State, facts: Facts) -> Next:
    """The call in another process, which asks again for what the one before awaited. A menu counts no try for it."""
    run = _Run(workflow, state, facts)
    run.ask_again(run.step)
    return run.state, tuple(run.actions)


@dataclass(frozen=True, slots=True)
class _To:
    """Goes on at once. `step` None: the end."""

    step: str | None


class _Run:
    """One event's work. `actions`: what is to be done, in order."""

    def __init__(self, workflow: Workflow, state: State, facts: Facts, entered: Entered = lambda _: None) -> None:
        self._entered = entered
        self._steps = {step.name: step for step in workflow.steps}
        self._workflow, self._facts = workflow, facts
        self.state = state
        self.actions: list[Action] = []

    @property
    def step(self) -> Step | None:
        return self._steps.get(self.state.step)

    # From step to step

    def go(self, name: str | None) -> None:
        """Enter a step, and those that it leads to at once."""
        for _ in range(len(self._steps)):
            step = self._steps.get(name) if name is not None else None
            if step is None or self.state.entered >= MOST_ENTERED:
                break
            self.state = replace(self.state, step=step.name, tries=0, question=0, entered=self.state.entered + 1)
            self._entered(step.name)
            to = self._enter(step)
            if to is None:
                return
            name = to.step
        self._end()

    def _end(self) -> None:
        self.state = replace(self.state, doing="ended")
        self.actions.append(HangUp())

    def _wait(self, doing: Doing) -> int:
        """Begin a turn; returns it."""
        turn = self.state.turn + 1
        self.state = replace(self.state, doing=doing, turn=turn)
        return turn

    def _enter(self, step: Step) -> _To | None:
        match step:
            case Schedule():
                return _To(_by_time(step, self._facts))
            case Set():
                self._set(step.priority, step.skills, {})
                return _To(step.next)
            case Prompt() | Menu() | Voicemail():
                return self._play(step.prompt)
            case Hangup():
                return _To(None) if step.prompt is None else self._play(step.prompt)
            case Survey():
                return self._play(step.questions[0].prompt) if step.questions else _To(step.next)
            case Queue():
                return self._join(step)
            case Callback():
                return self._register(step)
            case Function():
                return self._call(step)
            case _:
                assert_never(step)

    def _play(self, prompt: str) -> None:
        self.actions.append(Play(self._wait("playing"), prompt))

    def _join(self, step: Queue) -> _To | None:
        campaign = self._facts.campaigns.get(step.campaign)
        if campaign is None:
            return _To(step.on_no_agents)
        self.actions.append(
            JoinQueue(
                turn=self._wait("queued"),
                campaign=campaign,
                priority=self.state.priority,
                skills=self.state.skills,
                max_wait_s=step.max_wait_seconds,
                max_length=step.max_length,
                announce_s=step.announce_seconds,
                prompt=step.prompt,
                digits=frozenset(step.options),
                asks_agents=step.on_no_agents is not None,
            )
        )
        return None

    def _register(self, step: Callback) -> _To | None:
        campaign = self._facts.campaigns.get(step.campaign)
        list_id = self._facts.lists.get((step.campaign, step.list))
        if campaign is None or list_id is None or self._facts.caller is None:
            return _To(step.on_error)
        self.actions.append(RegisterCallback(self._wait("registering"), campaign, list_id))
        return None

    def _call(self, step: Function) -> None:
        state = self.state
        request = FunctionRequest(
            workflow=self._workflow.name,
            step=step.name,
            call=self._facts.call,
            caller=self._facts.caller,
            called=self._facts.called,
            digits=state.digits,
            priority=state.priority,
            skills=state.skills,
            variables=state.variables,
        )
        self.actions.append(CallFunction(self._wait("asking"), step.url, step.timeout_seconds, request))

    def _set(self, priority: int | None, skills: Skills, variables: Mapping[str, str]) -> None:
        state = self.state
        asked = {name: level for name, level in {**state.skills, **skills}.items() if level > 0}
        known = dict(list({**state.variables, **variables}.items())[:MOST_VARIABLES])
        kept = state.priority if priority is None else priority
        self.state = replace(state, priority=kept, skills=asked, variables=known)

    def ask_again(self, step: Step | None) -> None:
        """What was asked for last, as a turn of its own."""
        to: _To | None = None
        match step, self.state.doing:
            case _, "ended" | "connected":
                return
            case Queue(), "queued":
                to = self._join(step)
            case Function(), "asking":
                self._call(step)
            case Callback(), "registering":
                to = self._register(step)
            case Survey(), "playing" | "listening" if self.state.question < len(step.questions):
                self._play(step.questions[self.state.question].prompt)
            case Prompt() | Menu() | Voicemail() | Callback(), "playing" | "listening" | "recording":
                self._play(step.prompt)
            case Hangup(prompt=str(prompt)), "playing":
                self._play(prompt)
            case _:
                to = _To(None)
        if to is not None:
            self.go(to.step)

    # Digits

    def press(self, step: Step | None, pressed: Digit) -> None:
        """A digit came."""
        if pressed.number:
            if pressed.number <= self.state.heard:
                return
            self.state = replace(self.state, heard=pressed.number)
        self.state = replace(self.state, digits=(self.state.digits + pressed.digit)[-MOST_DIGITS:])
        digit, doing = pressed.digit, self.state.doing
        match step:
            case Menu() if doing in ("playing", "listening"):
                self._stop_playing()
                if digit in step.options:
                    self.go(step.options[digit])
                else:
                    self._again(step, step.on_timeout if step.on_invalid is None else step.on_invalid)
            case Survey() if doing in ("playing", "listening"):
                question = step.questions[self.state.question] if self.state.question < len(step.questions) else None
                if question is not None and question.digits[:1] <= digit <= question.digits[-1:]:
                    self._stop_playing()
                    self.actions.append(NoteAnswer(question.name, digit))
                    self._next_question(step)
            case Queue() if doing == "queued" and digit in step.options:
                self.actions.append(LeaveQueue())
                self.go(step.options[digit])
            case Voicemail() if doing == "recording" and digit == "#":
                self.actions.append(StopRecording())
            case _:
                pass

    def _stop_playing(self) -> None:
        if self.state.doing == "playing":
            self.actions.append(StopPlaying())

    def _again(self, step: Menu, otherwise: str | None) -> None:
        if self.state.tries >= step.retries:
            self.go(otherwise)
            return
        self.state = replace(self.state, tries=self.state.tries + 1)
        self._play(step.prompt)

    def _next_question(self, step: Survey) -> None:
        following = self.state.question + 1
        if following >= len(step.questions):
            self.go(step.next)
            return
        self.state = replace(self.state, question=following, tries=0)
        self._play(step.questions[following].prompt)

    # Answers

    def answer(self, step: Step | None, happened: Outcome) -> None:
        """What was asked for last came to an end."""
        match happened, self.state.doing:
            case Played(), "playing":
                self._played(step)
            case TimedOut(), "listening":
                self._timed_out(step)
            case FunctionAnswered(answer=answer), "asking":
                self._answered(step, answer)
            case FunctionFailed(), "asking":
                self.go(step.on_error if isinstance(step, Function) else None)
            case QueueFull(), "queued":
                self.go(step.on_full if isinstance(step, Queue) else None)
            case QueueTimedOut(), "queued":
                self.go(step.on_timeout if isinstance(step, Queue) else None)
            case NoAgents(), "queued":
                # who does not ask waits all the same
                if isinstance(step, Queue) and step.on_no_agents is not None:
                    self.go(step.on_no_agents)
            case Connected(), "queued":
                self.state = replace(self.state, doing="connected")
            case Recorded(), "recording":
                self.go(step.next if isinstance(step, Voicemail) else None)
            case Registered(done=done), "registering":
                self._registered(step, done)
            case _:
                pass

    def _played(self, step: Step | None) -> None:
        match step:
            case Menu() | Survey():
                self.actions.append(StartTimer(self._wait("listening"), step.timeout_seconds))
            case Voicemail():
                campaign = self._facts.campaigns.get(step.campaign)
                if campaign is None:
                    self.go(step.next)
                    return
                self.actions.append(RecordMessage(self._wait("recording"), campaign, step.longest_seconds))
            case Prompt() | Callback():
                self.go(step.next)
            case _:
                self._end()

    def _timed_out(self, step: Step | None) -> None:
        match step:
            case Menu():
                self._again(step, step.on_timeout)
            case Survey() if self.state.tries < step.retries and self.state.question < len(step.questions):
                self.state = replace(self.state, tries=self.state.tries + 1)
                self._play(step.questions[self.state.question].prompt)
            case Survey():
                self._next_question(step)
            case _:
                self._end()

    def _answered(self, step: Step | None, answer: FunctionAnswer) -> None:
        if not isinstance(step, Function):
            self._end()
            return
        if answer.next is not None and answer.next not in step.outcomes:
            self.go(step.on_error)
            return
        self._set(answer.priority, answer.skills, answer.variables)
        self.go(step.next if answer.next is None else step.outcomes[answer.next])

    def _registered(self, step: Step | None, done: bool) -> None:
        if not isinstance(step, Callback):
            self._end()
        elif done:
            self._play(step.prompt)
        else:
            self.go(step.on_error)


def _by_time(step: Schedule, facts: Facts) -> str:
    if facts.emergency:
        return step.emergency or step.closed
    if facts.holiday:
        return step.holiday or step.closed
    where = facts.zone if step.timezone is None else zone(step.timezone)
    if step.holidays is not None and is_holiday(step.holidays, facts.at.astimezone(where).date()):
        return step.holiday or step.closed
    if step.hours is None or is_open(parse_hours(step.hours), where, facts.at, step.holidays):
        return step.open
    return step.closed


def campaigns_of(workflow: Workflow) -> frozenset[str]:
    """The names of the inbound campaigns that its callers may come to."""
    return frozenset(step.campaign for step in workflow.steps if isinstance(step, Queue | Voicemail))
