"""Versions and drafts of workflows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.fields import Request, Struct
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
