"""What is wrong with a workflow is told by its place."""

from __future__ import annotations

import pytest
from hypothesis import given

from callfloor.contract.workflows import (
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
from callfloor.rules.workflow.workflow_check import Mistake, check
from tests.rules.random_workflows import KNOWN, workflows


def mistakes(*steps: Step, start: str | None = None) -> list[tuple[str, str]]:
    found = check(Workflow(name="Main", start=start or steps[0].name, steps=steps), KNOWN)
    return [(".".join(map(str, each.path)), each.message) for each in found]


BYE = Hangup(name="bye")


def test_a_good_workflow_has_no_mistakes() -> None:
    assert (
        mistakes(
            Schedule(name="hours", open="menu", closed="message"),
            Menu(name="menu", prompt="hello", options={"1": "queue", "9": "menu"}, on_timeout="queue"),
            Queue(name="queue", campaign="Support", max_wait_seconds=60, on_timeout="busy", options={"1": "back"}),
            # who waited is asked whether to go on; an agent may come at any round
            Prompt(name="busy", prompt="hello", next="queue"),
            Callback(name="back", campaign="Sales", list="Callbacks", prompt="hello", on_error="message"),
            Voicemail(name="message", prompt="hello", campaign="Support"),
        )
        == []
    )


def prompt(name: str, following: str | None) -> Step:
    return Prompt(name=name, prompt="hello", next=following)


@pytest.mark.parametrize(
    ("steps", "path", "said"),
    [
        ((prompt("a", "by"), BYE), "steps.0.next", "step by is not known; did you mean bye?"),
        ((prompt("a", None), BYE), "steps.1", "bye is never reached"),
        ((Prompt(name="a", prompt="helo"),), "steps.0.prompt", "prompt helo is not known; did you mean hello?"),
        ((Menu(name="a", prompt="hello", options={}),), "steps.0.options", "has none: write options = "),
        ((Menu(name="a", prompt="hello", options={"12": "a"}),), "steps.0.options.12", "must be one of the keys 0 to"),
        ((Menu(name="a", prompt="hello", options={"1": "b"}),), "steps.0.options.1", "step b is not known"),
        ((prompt("a", "b"), prompt("b", "a")), "steps.0", "a goes round without end for a caller who does nothing"),
        (
            (Menu(name="a", prompt="hello", options={"1": "bye"}, on_timeout="a"), BYE),
            "steps.0",
            "a goes round without end for a caller who does nothing",
        ),
        (
            # the whole day long
            (Schedule(name="a", open="b", closed="bye"), prompt("b", "a"), BYE),
            "steps.0",
            "a goes round without end for a caller who does nothing",
        ),
        (
            (Set(name="a", priority=1, next="b"), Schedule(name="b", open="a", closed="bye"), BYE),
            "steps.0",
            "a may come round to itself without a pause",
        ),
        (
            (
                Queue(name="a", campaign="Support", on_no_agents="b"),
                Queue(name="b", campaign="Support", on_no_agents="a"),
            ),
            "steps.0",
            "a may come round to itself without a pause",
        ),
        ((Set(name="a"),), "steps.0", "sets nothing: give priority or skills"),
        ((Set(name="a", skills={"germn": 1}),), "steps.0.skills.germn", "skill germn is not known; did you mean"),
        ((Queue(name="a", campaign="Suport"),), "steps.0.campaign", "inbound campaign Suport is not known; did you"),
        ((Queue(name="a", campaign="Support", max_wait_seconds=9),), "steps.0", "has maxWaitSeconds but no onTimeout"),
        ((Queue(name="a", campaign="Support", max_length=9),), "steps.0", "has maxLength but no onFull"),
        (
            (Callback(name="a", campaign="Support", list="x", prompt="hello"),),
            "steps.0.campaign",
            "outbound campaign Support is not known",
        ),
        (
            (Callback(name="a", campaign="Sales", list="Callback", prompt="hello"),),
            "steps.0.list",
            "list of Sales Callback is not known; did you mean Callbacks?",
        ),
        ((Function(name="a", url="https://example.com/", on_error="a"),), "steps.0", "leads nowhere"),
        ((Function(name="a", url="https://example.com/", next="bye"), BYE), "steps.0", "has no onError"),
        ((Survey(name="a", questions=()),), "steps.0.questions", "has none"),
    ],
)
def test_a_mistake_is_told_with_what_to_write_instead(steps: tuple[Step, ...], path: str, said: str) -> None:
    found = mistakes(*steps)
    assert any(where == path and said in message for where, message in found), found


def test_a_start_that_is_no_step_is_told() -> None:
    assert mistakes(BYE, start="by") == [("start", "step by is not known; did you mean bye?")]


@given(workflows())
def test_every_mistake_has_a_place_in_the_workflow(flow: Workflow) -> None:
    for mistake in check(flow, KNOWN):
        assert isinstance(mistake, Mistake)
        assert mistake.path == ("start",) or (
            mistake.path[0] == "steps" and isinstance(mistake.path[1], int) and mistake.path[1] < len(flow.steps)
        )
