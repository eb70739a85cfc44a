"""Dialler calls (attempts) and why a lead may or may not be dialled."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.fields import Id, PageQuery, Phone, Struct, Timestamp

DialStatusId = Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


class AttemptsQuery(PageQuery):
    campaign_id: Id | None = None
    lead_id: Id | None = None
    phone_number: Annotated[Phone, Meta(description="The number that was dialled, in any form.")] | None = None
    agent_id: Annotated[Id, Meta(description="Who dialled it, or joined it when it was answered.")] | None = None
    dial_status_id: DialStatusId | None = None
    dialled_timestamp_from: Timestamp | None = None
    dialled_timestamp_to: Timestamp | None = None


class AttemptTimestamps(Struct):
    dialled: str
    answered: str | None
    hang_up: str | None


class Attempt(Struct):
    attempt_id: int
    dial_status_id: int
    dial_status_name: str
    phone_index: Literal[1, 2, 3] | None
    phone_number: Annotated[str | None, Meta(description="E.164; null once the customer was erased.")]
    lead_id: int | None
    timestamps: AttemptTimestamps
    type: Literal["call.outbound", "call.manual"]
    campaign_id: int
    campaign_name: str
    activity_id: int | None
    parent_activity_id: int | None
    root_activity_id: int | None


class RuleResult(Struct):
    rule: str
    passed: bool
    detail: str


class Explanation(Struct):
    lead_id: int
    dialable: bool
    next_dial_timestamp: str | None
    phone_index: Literal[1, 2, 3] | None
    position: Annotated[
        int | None,
        Meta(description="Place in the list's dialling order, 1 is next; null when not dialable or beyond 1,000."),
    ]
    rules: list[RuleResult]
