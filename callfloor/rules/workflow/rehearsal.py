"""A scripted caller goes through a workflow by the rules that real callers go through, on a clock that waits for
nobody: nothing rings, nothing is written, nobody is asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from callfloor.contract.workflows import Callback, FunctionAnswer, Queue, Voicemail, Workflow
from callfloor.rules.workflow import workflow as rules
from callfloor.rules.workflow import workflow_events as happens
from callfloor.rules.workflow.caller_script import CallerScript

# How it ended: an agent has the caller, it was hung up on, it hung up itself, or it was still there when time was up.
End = Literal["agent", "ended", "caller-hung-up", "still-there"]
LONGEST_S = 3600.0
MOST_PASSED = 500
# how long a caller speaks who leaves a message, unless that may not be so long
MESSAGE_S = 10.0


@dataclass(frozen=True, slots=True)
class World:
    """What the call meets. `at`: when it begins, aware; `zone`: the organisation's. `emergency`: the workflow is
    closed. `prompt_s`: how long a prompt lasts. `agent_s`: an agent answers after so long in a queue; None: nobody is
    signed in. `answers`: what the function of a step answers (its `next`); without one it fails."""

    at: datetime
    zone: ZoneInfo
    emergency: bool = False
    prompt_s: float = 5.0
    agent_s: float | None = None
    answers: Mapping[str, str] = field(default_factory=dict[str, str])
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """At so many seconds from the answer the caller came to a step, or pressed a key there (`digit`)."""

    seconds: float
    step: str
    digit: str | None = None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    passed: tuple[Passed, ...]
    end: End
    seconds: float


def rehearse(workflow: Workflow, script: CallerScript, world: World) -> Rehearsed:
    """Let the caller go through, for an hour at most. `workflow`: one without mistakes."""
    return _Rehearsal(workflow, script, world).run()


class _Rehearsal:
    def __init__(self, workflow: Workflow, script: CallerScript, world: World) -> None:
        self._workflow, self._script, self._world = workflow, script, world
        named = [step.campaign for step in workflow.steps if isinstance(step, Queue | Voicemail | Callback)]
        campaigns = {name: index for index, name in enumerate(dict.fromkeys(named), 1)}
        lists = {(step.campaign, step.list): 1 for step in workflow.steps if isinstance(step, Callback)}
        self._facts = happens.Facts(
            at=world.at,
            zone=world.zone,
            emergency=world.emergency,
            caller=world.caller,
            campaigns=campaigns,
            lists=lists,
        )
        self._now = 0.0
        self._state = happens.State()
        self._passed: list[Passed] = []
        # what is awaited: when it comes, and what it is
        self._waits: tuple[float, happens.Input] | None = None

    def run(self) -> Rehearsed:
        self._take(rules.begin(self._workflow, self._facts, self._enter))
        keys = list(self._script.keys)
        leaves = self._script.hang_up_s
        number = 0
        while self._state.doing not in ("ended", "connected"):
            at, what = self._waits or (LONGEST_S, None)
            if keys and keys[0][0] < at:
                at, digit = keys.pop(0)
                number += 1
                what = happens.Digit(digit, number)
            if (leaves is not None and leaves <= at) or at >= LONGEST_S or len(self._passed) >= MOST_PASSED:
                return self._ended("still-there" if leaves is None or leaves > at else "caller-hung-up", leaves)
            self._now = max(self._now, at)
            if isinstance(what, happens.Digit):
                self._passed.append(Passed(self._now, self._state.step, what.digit))
            else:
                self._waits = None
            if what is None:
                break
            facts = replace(self._facts, at=self._world.at + timedelta(seconds=self._now))
            self._take(rules.advance(self._workflow, self._state, what, facts, self._enter))
        return self._ended("agent" if self._state.doing == "connected" else "ended", None)

    def _ended(self, end: End, leaves: float | None) -> Rehearsed:
        seconds = min(LONGEST_S, leaves) if end == "caller-hung-up" and leaves is not None else self._now
        return Rehearsed(tuple(self._passed), end, round(seconds, 1))

    def _enter(self, step: str) -> None:
        self._passed.append(Passed(self._now, step))

    def _take(self, following: rules.Next) -> None:
        self._state, actions = following
        for action in actions:
            self._do(action)

    def _do(self, action: happens.Action) -> None:
        match action:
            case happens.Play(turn=turn):
                self._wait(self._world.prompt_s, happens.Played(turn))
            case happens.StartTimer(turn=turn, seconds=seconds):
                self._wait(seconds, happens.TimedOut(turn))
            case happens.CallFunction(turn=turn, request=request):
                answer = self._world.answers.get(request.step)
                self._wait(
                    0.0,
                    happens.FunctionFailed(turn)
                    if answer is None
                    else happens.FunctionAnswered(turn, FunctionAnswer(next=answer or None)),
                )
            case happens.JoinQueue():
                self._queue(action)
            case happens.RecordMessage(turn=turn, longest_s=longest):
                self._wait(min(MESSAGE_S, longest), happens.Recorded(turn))
            case happens.StopRecording():
                self._wait(0.0, happens.Recorded(self._state.turn))
            case happens.RegisterCallback(turn=turn):
                self._wait(0.0, happens.Registered(turn, done=True))
            case happens.StopPlaying() | happens.LeaveQueue():
                self._waits = None
            case happens.NoteAnswer() | happens.HangUp():
                pass
            case _:
                assert_never(action)

    def _queue(self, joined: happens.JoinQueue) -> None:
        agent = self._world.agent_s
        if agent is None and joined.asks_agents:
            self._wait(0.0, happens.NoAgents(joined.turn))
        elif agent is not None and (joined.max_wait_s is None or agent <= joined.max_wait_s):
            self._wait(agent, happens.Connected(joined.turn))
        elif joined.max_wait_s is not None:
            self._wait(joined.max_wait_s, happens.QueueTimedOut(joined.turn))

    def _wait(self, seconds: float, what: happens.Input) -> None:
        self._waits = self._now + seconds, what
