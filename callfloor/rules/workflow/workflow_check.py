"""What is wrong with a workflow, found before anybody calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from callfloor.contract.workflows import (
    DIGITS,
    Callback,
    Function,
    Hangup,
    Menu,
    Prompt,
    Queue,
    Schedule,
    Set,
    Step,
    Survey,
    Voicemail,
    Workflow,
)
from callfloor.rules.values.names import unknown

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """`path`: from the workflow, by keys as a file has them: `("steps", 2, "options", "1")`."""

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a workflow may name: prompts, inbound campaigns, lists by outbound campaign, skills that agents have."""

    prompts: Collection[str] = ()
    queues: Collection[str] = ()
    lists: Mapping[str, Collection[str]] = field(default_factory=dict[str, Collection[str]])
    skills: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class _Exit:
    """A way out of a step. `silent`: taken without anything that the caller does. `instant`: and without any wait."""

    path: Path
    step: str | None
    silent: bool = True
    instant: bool = False


def check(workflow: Workflow, names: Names) -> list[Mistake]:
    """Every mistake; none: whoever calls comes to an end, and every step can be reached."""
    steps = {step.name: step for step in workflow.steps}
    found: list[Mistake] = []
    if workflow.start not in steps:
        found.append(Mistake(("start",), f"step {workflow.start} {unknown(workflow.start, steps)}"))
    for index, step in enumerate(workflow.steps):
        at = ("steps", index)
        found += [Mistake((*at, *each.path), each.message) for each in _inside(step, names)]
        for way in _exits(step):
            if way.step is not None and way.step not in steps:
                found.append(Mistake((*at, *way.path), f"step {way.step} {unknown(way.step, steps)}"))
    # what is said of ways is nonsense where some lead nowhere
    return found or _of_ways(workflow, steps)


def _of_ways(workflow: Workflow, steps: Mapping[str, Step]) -> list[Mistake]:
    found: list[Mistake] = []
    reached = _reached(workflow.start, {name: [way.step for way in _exits(step)] for name, step in steps.items()})
    ways = {name: [way for way in _exits(step) if way.silent] for name, step in steps.items()}
    silent = {name: [way.step for way in each] for name, each in ways.items()}
    instant = {name: [way.step for way in each if way.instant] for name, each in ways.items()}
    ending = _ending(steps, silent)
    told: set[str] = set()
    for index, step in enumerate(workflow.steps):
        at, name = ("steps", index), step.name
        if name not in reached:
            found.append(Mistake(at, f"{name} is never reached: lead another step to it, or leave it out"))
        elif name not in told and name in (around := _behind(name, instant)):
            told |= around
            found.append(
                Mistake(at, f"{name} may come round to itself without a pause: put a prompt or a menu in between")
            )
        elif name not in told and name not in ending and name in (around := _behind(name, silent)):
            told |= around
            found.append(
                Mistake(at, f"{name} goes round without end for a caller who does nothing: lead a step there to an end")
            )
    return found


def _reached(start: str, ways: Mapping[str, list[str | None]]) -> set[str]:
    return {start} | _behind(start, ways)


def _behind(start: str, ways: Mapping[str, list[str | None]]) -> set[str]:
    """The steps that a way of one or more leads to."""
    found: set[str] = set()
    waiting = list(ways[start])
    while waiting:
        name = waiting.pop()
        if name is not None and name not in found:
            found.add(name)
            waiting += ways[name]
    return found


def _ending(steps: Mapping[str, Step], silent: Mapping[str, list[str | None]]) -> set[str | None]:
    """The steps from which a caller who does nothing may come to an end or to an agent, at whatever time of day."""
    ending: set[str | None] = {None, *(name for name, step in steps.items() if isinstance(step, Queue))}

    def ends(name: str) -> bool:
        ways = (way in ending for way in silent[name])
        return all(ways) if isinstance(steps[name], Schedule) else any(ways)

    while more := {name for name in steps if name not in ending and ends(name)}:
        ending |= more
    return ending


def following(step: Step) -> list[str]:
    """The names of the steps that may follow."""
    return [each.step for each in _exits(step) if each.step is not None]


def _exits(step: Step) -> Iterator[_Exit]:
    match step:
        case Schedule():
            yield _Exit(("open",), step.open, instant=True)
            yield _Exit(("closed",), step.closed, instant=True)
            yield _Exit(("holiday",), step.holiday or step.closed, instant=True)
            yield _Exit(("emergency",), step.emergency or step.closed, instant=True)
        case Prompt() | Voicemail() | Survey():
            yield _Exit(("next",), step.next)
        case Set():
            yield _Exit(("next",), step.next, instant=True)
        case Menu():
            yield from _options(step.options)
            yield _Exit(("onTimeout",), step.on_timeout)
            if step.on_invalid is not None:
                yield _Exit(("onInvalid",), step.on_invalid, silent=False)
        case Queue():
            yield from _options(step.options)
            yield _Exit(("onFull",), step.on_full, instant=True)
            yield _Exit(("onTimeout",), step.on_timeout)
            yield _Exit(("onNoAgents",), step.on_no_agents, instant=True)
        case Callback():
            yield _Exit(("next",), step.next)
            yield _Exit(("onError",), step.on_error, instant=True)
        case Function():
            for outcome, name in step.outcomes.items():
                yield _Exit(("outcomes", outcome), name, instant=True)
            yield _Exit(("next",), step.next, instant=True)
            yield _Exit(("onError",), step.on_error, instant=True)
        case Hangup():
            yield _Exit((), None)
        case _:
            assert_never(step)


def _options(options: Mapping[str, str]) -> Iterator[_Exit]:
    for digit, name in options.items():
        yield _Exit(("options", digit), name, silent=False)


def _inside(step: Step, names: Names) -> Iterator[Mistake]:
    """What is wrong with a step by itself."""
    match step:
        case Schedule():
            pass
        case Function():
            if step.next is None and not step.outcomes:
                yield Mistake((), "leads nowhere: give outcomes or next")
            if step.on_error is None:
                yield Mistake((), "has no onError, the step that follows when nothing answers")
        case Prompt() | Hangup():
            yield from _known("prompt", step.prompt, names.prompts, "prompt")
        case Menu():
            yield from _known("prompt", step.prompt, names.prompts, "prompt")
            yield from _digits(step.options)
            if not step.options:
                yield Mistake(("options",), 'has none: write options = { 1 = "STEP", 2 = "STEP" }')
        case Set():
            for skill in step.skills:
                yield from _known(("skills", skill), skill, names.skills, "skill")
            if step.priority is None and not step.skills:
                yield Mistake((), "sets nothing: give priority or skills")
        case Queue():
            yield from _known("campaign", step.campaign, names.queues, "inbound campaign")
            yield from _known("prompt", step.prompt, names.prompts, "prompt")
            yield from _digits(step.options)
            if step.max_wait_seconds is not None and step.on_timeout is None:
                yield Mistake((), "has maxWaitSeconds but no onTimeout, the step that follows then")
            if step.max_length is not None and step.on_full is None:
                yield Mistake((), "has maxLength but no onFull, the step that follows then")
        case Voicemail():
            yield from _known("campaign", step.campaign, names.queues, "inbound campaign")
            yield from _known("prompt", step.prompt, names.prompts, "prompt")
        case Callback():
            yield from _known("campaign", step.campaign, names.lists, "outbound campaign")
            if step.campaign in names.lists:
                yield from _known("list", step.list, names.lists[step.campaign], f"list of {step.campaign}")
            yield from _known("prompt", step.prompt, names.prompts, "prompt")
        case Survey():
            for index, question in enumerate(step.questions):
                yield from _known(("questions", index, "prompt"), question.prompt, names.prompts, "prompt")
            if not step.questions:
                yield Mistake(("questions",), 'has none: write questions = [{ name = "NAME", prompt = "PROMPT" }]')
        case _:
            assert_never(step)


def _known(key: str | Path, name: str | None, known: Iterable[str], kind: str) -> Iterator[Mistake]:
    if name is not None and name not in known:
        yield Mistake((key,) if isinstance(key, str) else key, f"{kind} {name} {unknown(name, known)}")


def _digits(options: Mapping[str, str]) -> Iterator[Mistake]:
    for digit in options:
        if len(digit) != 1 or digit not in DIGITS:
            yield Mistake(("options", digit), "must be one of the keys 0 to 9, * and #")
