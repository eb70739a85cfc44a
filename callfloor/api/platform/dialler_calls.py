"""Dialler calls, and why a lead may or may not be dialled."""

from __future__ import annotations

from typing import Any, Literal

from asyncpg import Record

from callfloor.api.audits import batched
from callfloor.api.call import Call, not_found, phone_filter
from callfloor.api.cursors import page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.attempts import Attempt, AttemptsQuery, AttemptTimestamps, Explanation, RuleResult
from callfloor.contract.codes import DIAL_STATUS_NAMES
from callfloor.contract.fields import Page
from callfloor.engine.leads.explain import explain
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.store.calls import attempts

ATTEMPT_EXAMPLE: dict[str, Any] = {
    "attemptId": 999,
    "dialStatusId": 1,
    "dialStatusName": "Answered",
    "phoneIndex": 1,
    "phoneNumber": "+61491570156",
    "leadId": 9999,
    "timestamps": {
        "dialled": "2021-08-01T13:54:51+10:00",
        "answered": "2021-08-01T13:55:06+10:00",
        "hangUp": "2021-08-01T13:58:12+10:00",
    },
    "type": "call.outbound",
    "campaignId": 2,
    "campaignName": "Sales Outbound",
    "activityId": 110,
    "parentActivityId": 109,
    "rootActivityId": 108,
}
EXPLANATION_EXAMPLE: dict[str, Any] = {
    "leadId": 9999,
    "dialable": False,
    "nextDialTimestamp": "2021-08-02T09:00:00+10:00",
    "phoneIndex": 1,
    "position": None,
    "rules": [
        {"rule": "completion", "passed": True, "detail": "The lead is not completed."},
        {"rule": "attempts", "passed": True, "detail": "1 of at most 10 attempts were made."},
        {
            "rule": "window",
            "passed": False,
            "detail": "It is 2021-08-01T21:55:06+10:00 in the campaign's zone Australia/Sydney, outside the calling"
            " hours; they open at 2021-08-02T09:00:00+10:00.",
        },
    ],
}
_INDEXES: tuple[Literal[1, 2, 3], ...] = (1, 2, 3)


@operation(
    "GET",
    "/dialler/calls/{attemptId}",
    scope="dialler:read",
    summary="Dialler call information",
    tag="dialler",
    etag=True,
    example=ATTEMPT_EXAMPLE,
    audits=batched("attempt.read", "attempt"),
)
async def get_attempt(call: Call, attempt_id: int) -> Attempt:
    """One attempt to reach a lead."""
    row = await attempts.get(call.db, call.organisation, attempt_id)
    if row is None:
        raise not_found("attempt")
    return _attempt_of(row)


@operation(
    "GET",
    "/dialler/calls",
    scope="dialler:read",
    summary="List of the dialler calls",
    tag="dialler",
    example={"metadata": {"nextUri": None}, "items": [ATTEMPT_EXAMPLE]},
    query={"campaignId": 2, "limit": 50},
    audits=batched("attempt.read", "attempt"),
)
async def list_attempts(call: Call, query: AttemptsQuery) -> Page[Attempt]:
    """Attempts, newest first by the time they were dialled."""
    filters = {
        "campaign_id": query.campaign_id,
        "lead_id": query.lead_id,
        "phone_number": phone_filter(call, query.phone_number),
        "agent_id": query.agent_id,
        **attempts.of_status(query.dial_status_id),
        "dialled_from": call.timestamp(query.dialled_timestamp_from, "dialledTimestampFrom"),
        "dialled_to": call.period_end(query.dialled_timestamp_to, "dialledTimestampTo"),
    }
    given = {name: value for name, value in filters.items() if value is not None}
    rows = await attempts.page(call.db, call.organisation, given, page_start(call, query), page_limit(query) + 1)
    return page_of(call, query, rows, _attempt_of, lambda row: (row["dialled_at"], row["attempt_id"]))


@operation(
    "GET",
    "/dialler/leads/{leadId}/explain",
    scope="dialler:read",
    summary="Why a lead may or may not be dialled now",
    tag="dialler",
    ours=True,
    example=EXPLANATION_EXAMPLE,
    audits=batched("lead.explain", "lead"),
)
async def explain_lead(call: Call, lead_id: int) -> Explanation:
    """Every rule that decides whether the dialler may call this lead now, whether it holds, and why.

    They are the dialler's own rules, and suppose that the campaign's agents are free. `nextDialTimestamp` is null when
    something other than the time must change first. `position` is the lead's place among those of its list that may be
    dialled now, 1 is next; null when it may not, or when it is not among the first 1,000 that are due.
    """
    explained = await explain(call.db, call.organisation, lead_id, call.now)
    if explained is None:
        raise not_found("lead")
    verdict, at = explained.verdict, zone(explained.zone)
    return Explanation(
        lead_id=lead_id,
        dialable=verdict.dialable,
        next_dial_timestamp=None if verdict.next_dial_at is None else format_timestamp(verdict.next_dial_at, at),
        phone_index=verdict.phone_index,
        position=explained.position,
        rules=[RuleResult(rule=each.rule, passed=each.passed, detail=each.detail) for each in verdict.rules],
    )


def _attempt_of(row: Record) -> Attempt:
    at = zone(row["campaign_timezone"])
    return Attempt(
        attempt_id=row["attempt_id"],
        dial_status_id=row["dial_status"],
        dial_status_name=DIAL_STATUS_NAMES[row["dial_status"]],
        phone_index=row["phone_index"],
        phone_number=row["phone_number"],
        lead_id=row["lead_id"],
        timestamps=AttemptTimestamps(
            dialled=format_timestamp(row["dialled_at"], at),
            answered=None if row["answered_at"] is None else format_timestamp(row["answered_at"], at),
            hang_up=None if row["hang_up_at"] is None else format_timestamp(row["hang_up_at"], at),
        ),
        type="call.manual" if row["mode"] == "manual" else "call.outbound",
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"],
        activity_id=row["activity_id"],
        parent_activity_id=row["parent_activity_id"],
        root_activity_id=row["root_activity_id"],
    )
