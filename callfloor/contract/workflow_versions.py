"""Versions and drafts of workflows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.fields import Request, Struct, Timestamp
from callfloor.contract.setup import WorkflowSettings

DraftFormat = Literal["toml", "json"]
DraftText = Annotated[
    str,
    Meta(
        max_length=500_000,
        description="`numbers`, `start` and `steps` of the workflow, as in a centre file: `[[steps]]` in TOML.",
    ),
]


class Author(Struct):
    """Who did it: a user, a program's token, or somebody in the server's shell (`name` is of the system then)."""

    type: str
    id: int | None
    name: str | None


class WorkflowVersion(Struct):
    """A version that was in force. `restored`: the earlier one that it brought back. `current`: callers who come now
    go through it."""

    version: int
    made: datetime
    by: Author
    restored: int | None
    current: bool


class WholeWorkflowVersion(WorkflowVersion):
    """`toml`: the same as `workflow`, as the text that a draft begins with."""

    workflow: WorkflowSettings
    toml: str


class NewWorkflowDraft(Request):
    content: DraftText
    format: DraftFormat | None = None


class WorkflowDraft(Struct):
    """What is being written, right or wrong. `based_on`: the version that was in force when it was begun; `current`:
    the one that is now."""

    content: str
    format: DraftFormat
    based_on: int
    current: int
    saved: datetime
    by: Author


class DraftFault(Struct):
    """`pointer`: into the draft; `line`: of TOML."""

    message: str
    pointer: str | None
    line: int | None


class DraftCheck(Struct):
    """`changes`: what publishing would change, where there are no faults; none: it is what is in force."""

    faults: list[DraftFault]
    changes: list[str]
    based_on: int
    current: int


class Publication(Request):
    """`over`: the version that the draft may take the place of; left out, the one that it was begun with."""

    over: Annotated[int, Meta(ge=1)] | None = None


class WorkflowText(Request):
    """The text of a draft, saved or not."""

    content: DraftText
    format: DraftFormat | None = None


class DrawnExit(Struct):
    """A way out of a step. `by`: its key, such as `next`; `choice`: which of `options` or `outcomes`. `to` null: the
    call ends there."""

    by: str
    choice: str | None
    to: str | None
    line: int | None


class DrawnStep(Struct):
    """`name` and `type` as they stand in the text, right or wrong; empty: there is none. `line`: of TOML."""

    name: str
    type: str
    line: int | None
    exits: list[DrawnExit]


class WorkflowPicture(Struct):
    """`start`: the name of the first step. `faults`: as of a draft's check; their pointers have the steps' numbers."""

    start: str
    steps: list[DrawnStep]
    faults: list[DraftFault]


class WorkflowTestCall(WorkflowText, kw_only=True):
    """A caller, and what it meets. `keys`: keys and pauses from the answer on, such as `2s,1,#`."""

    keys: Annotated[str, Meta(max_length=300)] = ""
    hang_up_after_seconds: Annotated[float, Meta(ge=0, le=3600)] | None = None
    at: Annotated[Timestamp, Meta(description="When the call comes in; left out: now.")] | None = None
    closed: Annotated[bool, Meta(description="The workflow is closed at once.")] = False
    prompt_seconds: Annotated[float, Meta(ge=0.1, le=600, description="How long each prompt lasts.")] = 5.0
    agent_after_seconds: (
        Annotated[
            float, Meta(ge=0, le=3600, description="An agent answers after so long in a queue; null: nobody is there.")
        ]
        | None
    ) = None
    answers: Annotated[
        Mapping[str, Annotated[str, Meta(max_length=100)]],
        Meta(
            max_length=200,
            description="By function step, the `next` that its service answers (empty: none). Others fail: no service"
            " is asked.",
        ),
    ] = msgspec.field(default_factory=dict[str, str])


class PassedStep(Struct):
    """`seconds` after the answer the caller came to the step; or was in it and pressed `digit`."""

    seconds: float
    step: str
    digit: str | None


class WorkflowTestResult(Struct):
    """`end`: an `agent` has the caller, the workflow `ended` the call, the caller hung up, or it was still there after
    an hour."""

    passed: list[PassedStep]
    end: Literal["agent", "ended", "caller-hung-up", "still-there"]
    seconds: float
