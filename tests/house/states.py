"""The lives of calls and agents as Mermaid, found by trying every input in every state of the tables in code.

`python -m tests.house.states` writes docs/states.md anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from callfloor.contract.codes import AgentState
from callfloor.contract.imports import ImportStatus
from callfloor.rules.routing import agents, calls

DOCUMENT = Path(__file__).parents[2] / "docs/states.md"
# (from, to, why)
Arrow = tuple[str, str, str]


def of_calls() -> list[Arrow]:
    return [
        (state.value, after.state.value, happened.value)
        for state in calls.CallState
        for happened in calls.CallInput
        for detect in (False, True)
        for after, _ in [calls.advance(calls.CallFacts(state, detect), happened)]
        if after.state is not state
    ]


def of_agents() -> list[Arrow]:
    states: tuple[AgentState, ...] = get_args(AgentState)
    return [
        (state, after.state, happened.value)
        for state in states
        for wanted in (None, "paused", "signed-out")
        for happened in agents.AgentInput
        for after in [agents.advance(agents.AgentFacts(state, wanted), happened)]
        if after.state != state
    ]


# by the statements of store/leads/imports.py and store/email/
IMPORT: list[Arrow] = [
    ("queued", "running", "a worker takes its first chunk"),
    ("running", "completed", "every chunk is in"),
    ("running", "failed", "the database refused a chunk again and again"),
    ("queued", "failed", "the database refused a chunk again and again"),
]
assert {state for arrow in IMPORT for state in arrow[:2]} == set(get_args(ImportStatus))
EMAIL: list[Arrow] = [
    ("waiting", "taken", "an agent takes it"),
    ("taken", "waiting", "it is given back, moved, or its holder is gone"),
    ("taken", "closed", "the agent closes it, answered or not"),
]


def mermaid(arrows: Iterable[Arrow]) -> str:
    reasons: dict[tuple[str, str], list[str]] = {}
    for source, target, why in arrows:
        known = reasons.setdefault((source, target), [])
        if why not in known:
            known.append(why)
    lines = [
        f"    {a.replace('-', '_')} --> {b.replace('-', '_')}: {', '.join(why)}" for (a, b), why in reasons.items()
    ]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def document() -> str:
    return f"""# States

Drawn from the tables in code: `python -m tests.house.states` writes this page, and a test holds it.

## A dialled call
`rules/routing/calls.py`: every event has a meaning in every state, most often none.

{mermaid(of_calls())}

## An agent
`rules/routing/agents.py`. What is asked for during a call takes effect when it and its wrap-up end.

{mermaid(of_agents())}

## An import
`store/leads/imports.py`. A body that is still being received is not seen.

{mermaid(IMPORT)}

## An e-mail
`store/email/emails.py`.

{mermaid(EMAIL)}
"""


if __name__ == "__main__":
    DOCUMENT.write_text(document(), "utf-8")
