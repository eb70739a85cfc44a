"""How long what is a customer's is kept, and legal holds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.fields import Cursor, Id, Limit, Request, Struct

RetentionKind = Literal["recordings", "voicemails", "emails", "calls", "leads", "audit"]
HeldObject = Literal["lead", "call", "campaign"]


class RetentionRule(Request):
    """`campaign_id`: null for the whole organisation; a campaign's own rule stands in its place."""

    kind: RetentionKind
    days: Annotated[int, Meta(ge=1, le=36_500, description="Older than this goes.")]
    campaign_id: Id | None = None


class Retention(Request):
    """All rules. What has none is kept for good."""

    rules: Annotated[list[RetentionRule], Meta(max_length=10_000)]


class RetentionStart(Request):
    dry_run: Annotated[bool, Meta(description="Only count.")] | None = None


class RetentionRun(Struct):
    """`counts`: of each kind; `calls` and `attempts` lost their personal fields, the others are gone. `finished` null:
    it goes on. A dry run has no id."""

    run_id: int | None
    dry_run: bool
    started: datetime
    finished: datetime | None
    counts: dict[str, int]


class RetentionRuns(Struct):
    """The last hundred, newest first."""

    items: list[RetentionRun]


class LegalHoldsQuery(Request):
    lifted: Annotated[bool, Meta(description="Those that were lifted too.")] | None = None
    cursor: Cursor | None = None
    limit: Limit | None = None


class NewLegalHold(Request):
    """`object_id`: a lead, a campaign, or a call's first activity (`rootActivityId`)."""

    object_type: HeldObject
    object_id: Id
    reason: Annotated[str, Meta(min_length=1, max_length=1000, description="Why, such as the number of a case.")]


class LegalHold(Struct):
    hold_id: int
    object_type: HeldObject
    object_id: int
    reason: str
    placed_by: int | None
    placed: datetime
    lifted: datetime | None
