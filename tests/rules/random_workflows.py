"""Workflows of every kind of step, led anywhere; most are full of mistakes."""

from __future__ import annotations

from hypothesis import strategies as st

from callfloor.contract.workflows import (
    Callback,
    Function,
    Hangup,
    Menu,
    Prompt,
    Question,
    Queue,
    Schedule,
    Set,
    Step,
    Survey,
    Voicemail,
    Workflow,
)
from callfloor.rules.workflow.workflow_check import Names

NAMES = ("a", "b", "c", "d", "e", "f")
KNOWN = Names(prompts=("hello",), queues=("Support",), lists={"Sales": ("Callbacks",)}, skills=("german",))

_ways = st.sampled_from(NAMES)
_ends = st.one_of(st.none(), _ways)
_options = st.dictionaries(st.sampled_from("0123456789*#"), _ways, max_size=3)
_seconds = st.sampled_from([1.0, 5.0])
_hours = st.sampled_from([None, {"monday": ("09:00-17:00",)}, {"friday": ("20:00-02:00",)}])


def _step(name: str) -> st.SearchStrategy[Step]:
    named = st.just(name)
    hello, support = st.just("hello"), st.just("Support")
    return st.one_of(
        st.builds(
            Schedule,
            name=named,
            hours=_hours,
            timezone=st.sampled_from([None, "Australia/Perth"]),
            holidays=st.sampled_from([None, "AU-NSW"]),
            open=_ways,
            closed=_ways,
            holiday=_ends,
            emergency=_ends,
        ),
        st.builds(Prompt, name=named, prompt=hello, next=_ends),
        st.builds(
            Menu,
            name=named,
            prompt=hello,
            options=_options,
            retries=st.integers(0, 2),
            timeout_seconds=_seconds,
            on_invalid=_ends,
            on_timeout=_ends,
        ),
        st.builds(
            Set,
            name=named,
            priority=st.sampled_from([None, 0, 5]),
            skills=st.sampled_from([{}, {"german": 5}, {"german": 0}]),
            next=_ends,
        ),
        st.builds(
            Queue,
            name=named,
            campaign=support,
            max_wait_seconds=st.sampled_from([None, 60.0]),
            max_length=st.sampled_from([None, 10]),
            announce_seconds=st.sampled_from([None, 30.0]),
            prompt=st.sampled_from([None, "hello"]),
            options=_options,
            on_full=_ends,
            on_timeout=_ends,
            on_no_agents=_ends,
        ),
        st.builds(Voicemail, name=named, prompt=hello, campaign=support, longest_seconds=_seconds, next=_ends),
        st.builds(
            Callback,
            name=named,
            campaign=st.just("Sales"),
            list=st.just("Callbacks"),
            prompt=hello,
            next=_ends,
            on_error=_ends,
        ),
        st.builds(
            Function,
            name=named,
            url=st.just("https://crm.example.com/route"),
            timeout_seconds=_seconds,
            outcomes=st.dictionaries(st.sampled_from(["vip", "normal"]), _ways),
            next=_ends,
            on_error=_ends,
        ),
        st.builds(
            Survey,
            name=named,
            questions=st.lists(
                st.builds(
                    Question,
                    name=st.sampled_from(["polite", "solved"]),
                    prompt=hello,
                    digits=st.sampled_from(["1-5", "0-1"]),
                ),
                max_size=3,
            ).map(tuple),
            retries=st.integers(0, 2),
            timeout_seconds=_seconds,
            next=_ends,
        ),
        st.builds(Hangup, name=named, prompt=st.sampled_from([None, "hello"])),
    )


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    names = NAMES[: draw(st.integers(1, len(NAMES)))]
    return Workflow(
        name="Main",
        numbers=("+61255500200",),
        start=draw(st.sampled_from(names)),
        steps=tuple(draw(_step(name)) for name in names),
    )
