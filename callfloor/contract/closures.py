"""Closures of workflows: by hand at once, or for a while that is known beforehand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.fields import Cursor, Id, Limit, Request, Struct, Timestamp

ClosureKind = Literal["holiday", "emergency"]


class ClosureMeaning(Struct):
    """What a closure does to whoever calls the numbers of a workflow. `refused`: no schedule step says where they
    would go, so the call is not taken. `left_open`: steps that they come to all the same, no schedule being before
    them."""

    workflow: str
    numbers: list[str]
    refused: bool
    left_open: list[str]


class Closure(Struct):
    """Closed by hand. `workflow_id` null: every workflow, and the numbers of inbound campaigns."""

    workflow_id: int | None
    workflow: str | None
    since: datetime
    meaning: list[ClosureMeaning]


class Closures(Struct):
    """All that are closed by hand now."""

    items: list[Closure]


class ClosureChange(Request):
    """`workflow_id` null: every workflow. One that is closed with every workflow stays closed with it."""

    closed: bool
    workflow_id: Id | None = None


class PlannedClosuresQuery(Request):
    past: Annotated[bool, Meta(description="Those that are over too.")] | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class PlannedClosureSettings(Request):
    """`kind`: which way of their schedules callers are sent. `workflow_id` null: of every workflow."""

    name: Annotated[str, Meta(min_length=1, max_length=200, description="Such as the occasion.")]
    begins: Timestamp
    ends: Timestamp
    kind: ClosureKind | None = None
    workflow_id: Id | None = None


class PlannedClosure(Struct):
    """From `begins` until `ends`, in the organisation's zone."""

    closure_id: int
    name: str
    kind: ClosureKind
    workflow_id: int | None
    workflow: str | None
    begins: str
    ends: str
