"""Dialler calls, and why a lead may or may not be dialled."""

from __future__ import annotations

from typing import Any

from asyncpg import Record

from callfloor.api.call import Call, not_found
from callfloor.api.cursors import page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.attempts import Attempt, AttemptsQuery, AttemptTimestamps
from callfloor.contract.codes import DIAL_STATUS_NAMES
from callfloor.contract.fields import Page
from callfloor.rules.times import format_timestamp, zone
from callfloor.store import attempts

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


@operation(
    "GET",
    "/dialler/calls/{attemptId}",
    scope="dialler:read",
    summary="Dialler call information",
    tag="dialler",
    etag=True,
    example=ATTEMPT_EXAMPLE,
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
)
async def list_attempts(call: Call, query: AttemptsQuery) -> Page[Attempt]:
    """Attempts, newest first by the time they were dialled."""
    filters = {
        "campaign_id": query.campaign_id,
        "lead_id": query.lead_id,
        "dialled_from": call.timestamp(query.dialled_timestamp_from, "dialledTimestampFrom"),
        "dialled_to": call.period_end(query.dialled_timestamp_to, "dialledTimestampTo"),
    }
    given = {name: value for name, value in filters.items() if value is not None}
    rows = await attempts.page(call.db, call.organisation, given, page_start(call, query), page_limit(query) + 1)
    return page_of(call, query, rows, _attempt_of, lambda row: (row["dialled_at"], row["attempt_id"]))


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
