"""A test call: the steps that the rules lead a scripted caller through, with times; and what is drawn of a text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor.contract.workflows import Hangup, Menu, Prompt, Queue, Schedule, Voicemail, Workflow
from callfloor.rules.workflow.caller_script import CallerScript, parse_script
from callfloor.rules.workflow.picture import picture
from callfloor.rules.workflow.rehearsal import LONGEST_S, World, rehearse
from callfloor.rules.workflow.workflow_check import check
from tests.rules.random_workflows import KNOWN, workflows

ZONE = ZoneInfo("Australia/Sydney")
# a Wednesday at noon in Sydney
NOON = datetime(2021, 8, 4, 2, 0, tzinfo=UTC)
LINE = Workflow(
    name="Main line",
    start="hours",
    steps=(
        Schedule(name="hours", hours={"wednesday": ("09:00-17:00",)}, open="menu", closed="sorry"),
        Menu(name="menu", prompt="hello", options={"1": "support", "2": "message"}, retries=1, on_timeout="bye"),
        Queue(name="support", campaign="Support", max_wait_seconds=60, on_timeout="message", on_no_agents="message"),
        Voicemail(name="message", prompt="hello", campaign="Support", next="bye"),
        Prompt(name="sorry", prompt="hello", next="bye"),
        Hangup(name="bye"),
    ),
)


def went(
    keys: str = "", hang_up_s: float | None = None, **world: Any
) -> tuple[list[tuple[float, str, str | None]], str]:
    given = {"at": NOON, "zone": ZONE, **world}
    found = rehearse(LINE, parse_script(keys, hang_up_s), World(**given))
    return [(round(each.seconds, 1), each.step, each.digit) for each in found.passed], found.end


def test_a_caller_goes_where_keys_hours_and_agents_lead() -> None:
    begin = [(0.0, "hours", None), (0.0, "menu", None)]
    assert went("2s,1", agent_s=10) == ([*begin, (2.3, "menu", "1"), (2.3, "support", None)], "agent")
    # nobody is signed in: a message, ended by #
    message = [(2.3, "menu", "1"), (2.3, "support", None), (2.3, "message", None)]
    assert went("2s,1,8s,#") == ([*begin, *message, (10.6, "message", "#"), (10.6, "bye", None)], "ended")
    # an agent who comes too late is as none
    late = [(2.3, "menu", "1"), (2.3, "support", None), (62.3, "message", None), (77.3, "bye", None)]
    assert went("2s,1", agent_s=90) == ([*begin, *late], "ended")
    # nothing pressed: prompt and wait, twice
    assert went() == ([*begin, (20.0, "bye", None)], "ended")
    assert went(hang_up_s=3) == (begin, "caller-hung-up")
    closed = [(0.0, "hours", None), (0.0, "sorry", None), (5.0, "bye", None)]
    assert went(at=datetime(2021, 8, 4, 12, 0, tzinfo=UTC)) == (closed, "ended")
    assert went(emergency=True) == (closed, "ended")


SCRIPTS = st.lists(st.tuples(st.floats(0, 90), st.sampled_from("0123456789*#")), max_size=8).map(
    lambda keys: CallerScript(tuple(sorted(keys)))
)


@settings(max_examples=40)
@given(workflows(), SCRIPTS, st.none() | st.floats(0, 100))
def test_every_workflow_without_mistakes_comes_to_an_end_and_times_never_run_back(
    workflow: Workflow, script: CallerScript, agent_s: float | None
) -> None:
    if check(workflow, KNOWN):
        return
    found = rehearse(workflow, script, World(NOON, ZONE, agent_s=agent_s))
    times = [each.seconds for each in found.passed]
    assert times == sorted(times)
    assert 0 <= found.seconds <= LONGEST_S
    assert {each.step for each in found.passed} <= {step.name for step in workflow.steps}


def test_a_text_is_drawn_right_or_wrong() -> None:
    steps = [
        {"name": "menu", "type": "menu", "options": {"1": "bye", "2": 7}},
        {"name": "hello", "type": "prompt"},
        {"name": 3},
        "no step",
        {"name": "bye", "type": "hangup"},
    ]
    start, drawn = picture({"steps": steps})
    assert start == "menu"
    assert [(each.index, each.name, each.type) for each in drawn] == [
        (0, "menu", "menu"), (1, "hello", "prompt"), (2, "", ""), (3, "", ""), (4, "bye", "hangup"),
    ]  # fmt: skip
    ways = [(way.by, way.to) for each in drawn for way in each.exits]
    assert ways == [(("options", "1"), "bye"), (("options", "2"), None), (("onTimeout",), None), (("next",), None)]
    assert picture({"steps": 3}) == ("", ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "type", "next", "options"]), inner)
    ),
    max_leaves=20,
)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(["start", "steps"]), JSON))
def test_nothing_that_is_no_workflow_is_too_much_for_the_picture(tree: dict[str, Any]) -> None:
    start, drawn = picture(tree)
    assert isinstance(start, str)
    assert all(isinstance(each.name, str) for each in drawn)
