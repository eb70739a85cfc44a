"""Activities: calls and e-mails."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from asyncpg import Record

from callfloor.api.audits import batched
from callfloor.api.call import Call, not_found, phone_filter
from callfloor.api.cursors import page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.platform.media_items import attachment_of, recording_of, voicemail_of
from callfloor.contract.activities import (
    ActivitiesQuery,
    Activity,
    Email,
    EmailTimestamps,
    InboundActivity,
    InboundCall,
    InboundDurations,
    InboundEmailActivity,
    InboundTimestamps,
    ManualActivity,
    OutboundActivity,
    OutboundCall,
    OutboundDurations,
    OutboundEmailActivity,
    OutboundTimestamps,
    Survey,
)
from callfloor.contract.codes import ACTIVITY_STATUS_NAMES, DIAL_STATUS_NAMES
from callfloor.contract.fields import Page
from callfloor.contract.media import Recording
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.store.calls import activities

ACTIVITY_EXAMPLE: dict[str, Any] = {
    "type": "call.inbound",
    "data": {
        "activityId": 110,
        "parentActivityId": None,
        "rootActivityId": 110,
        "activityStatusId": 3,
        "activityStatusName": "Answered",
        "source": "+61491570156",
        "destination": "+61255501234",
        "campaignId": 1,
        "campaignName": "Support Inbound",
        "agentInteractionId": 71,
        "agentId": 1002,
        "agentFullName": "John Doe",
        "legType": "first",
        "outsideNumber": None,
        "phoneLosses": 0,
        "phoneLostSeconds": 0,
        "wrapCode": 1,
        "wrapDescription": "Resolved",
        "durations": {"ivr": 6, "queue": 18, "hold": 20, "interaction": 290, "wrap": 30, "talk": 240},
        "timestamps": {
            "created": "2021-08-01T13:55:06+10:00",
            "joinQueue": "2021-08-01T13:55:12+10:00",
            "answered": "2021-08-01T13:55:30+10:00",
            "hangUp": "2021-08-01T13:59:50+10:00",
            "wrapUp": "2021-08-01T14:00:20+10:00",
        },
        "recordingStatus": "enabled",
        "recordingMetadata": {
            "mediaId": 5364,
            "mediaUri": "/platform-api/v3.0/media/5364",
            "duration": 260,
            "deleted": False,
            "deletedTimestamp": None,
            "deletedBy": None,
            "deletionReason": None,
            "contentType": "audio/wav",
            "size": 4160044,
            "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "activityId": 110,
        },
        "voicemailMetadata": [],
        "survey": None,
        "callQualityScore": 4.5,
    },
}


@operation(
    "GET",
    "/activities/{activityId}",
    scope="activities:read",
    summary="Activity details",
    tag="activities",
    etag=True,
    example=ACTIVITY_EXAMPLE,
    audits=batched("activity.read", "activity"),
)
async def get_activity(call: Call, activity_id: int) -> Activity:
    """One leg of a call, or one e-mail. A step that never happened is null."""
    row = await activities.get(call.db, call.organisation, activity_id)
    if row is None:
        raise not_found("activity")
    media = await activities.media_of(call.db, call.organisation, [activity_id])
    return _activity_of(row, media.get(activity_id, ()), call.prefix)


@operation(
    "GET",
    "/activities",
    scope="activities:read",
    summary="List of activities",
    tag="activities",
    example={"metadata": {"nextUri": None}, "items": [ACTIVITY_EXAMPLE]},
    query={"campaignId": 1, "activityType": "call.inbound", "limit": 50},
    audits=batched("activity.read", "activity"),
)
async def list_activities(call: Call, query: ActivitiesQuery) -> Page[Activity]:
    """Activities, newest first by creation."""
    filters = {
        "campaign_id": query.campaign_id,
        "type": query.activity_type,
        "lead_id": query.lead_id,
        "contact": phone_filter(call, query.phone_number),
        "agent_id": query.agent_id,
        "wrap_code": query.wrap_code,
        "created_from": call.timestamp(query.created_timestamp_from, "createdTimestampFrom"),
        "created_to": call.period_end(query.created_timestamp_to, "createdTimestampTo"),
    }
    given = {name: value for name, value in filters.items() if value is not None}
    after = page_start(call, query)
    rows = await activities.page(call.db, call.organisation, given, after, page_limit(query) + 1)
    ids = [row["activity_id"] for row in rows]
    media = await activities.media_of(call.db, call.organisation, ids) if ids else {}

    def shown(row: Record) -> Activity:
        return _activity_of(row, media.get(row["activity_id"], ()), call.prefix)

    return page_of(call, query, rows, shown, lambda row: (row["created_at"], row["activity_id"]))


def _activity_of(row: Record, media: Sequence[Record], prefix: str) -> Activity:
    """The contract's activity from a row of the store and its media."""
    kind: str = row["type"]
    if kind == "call.inbound":
        return InboundActivity(data=_inbound_of(row, media, prefix))
    if kind == "call.outbound":
        return OutboundActivity(data=_outbound_of(row, media, prefix))
    if kind == "call.manual":
        return ManualActivity(data=_outbound_of(row, media, prefix))
    email = _email_of(row, media, prefix)
    return InboundEmailActivity(data=email) if kind == "email.inbound" else OutboundEmailActivity(data=email)


def _identity(row: Record) -> dict[str, Any]:
    """What every type has."""
    return {
        "activity_id": row["activity_id"],
        "parent_activity_id": row["parent_activity_id"],
        "root_activity_id": row["root_activity_id"],
        "activity_status_id": row["status_id"],
        "activity_status_name": ACTIVITY_STATUS_NAMES[row["status_id"]],
        "campaign_id": row["campaign_id"],
        "campaign_name": row["campaign_name"],
        "agent_interaction_id": row["agent_interaction_id"],
        "agent_id": row["agent_id"],
        "agent_full_name": row["agent_full_name"],
        "wrap_code": row["wrap_code"],
        "wrap_description": row["wrap_description"],
    }


def _leg(row: Record) -> dict[str, Any]:
    first = "first" if row["parent_activity_id"] is None else "transfer"
    return {
        "leg_type": row["leg_type"] or first,
        "outside_number": row["outside_number"],
        "phone_losses": row["phone_losses"],
        "phone_lost_seconds": row["phone_lost_s"],
    }


def _seconds(earlier: datetime | None, later: datetime | None) -> int | None:
    """Whole seconds between two moments, both cut to the second, as the timestamps beside them are."""
    if earlier is None or later is None:
        return None
    return int((later.replace(microsecond=0) - earlier.replace(microsecond=0)).total_seconds())


def _spoken(row: Record) -> dict[str, int | None]:
    """talk + hold = hangUp - answered; interaction = talk + hold + wrap."""
    whole = _seconds(row["answered_at"], row["hang_up_at"])
    if whole is None:
        return {"talk": None, "hold": None, "wrap": None, "interaction": None}
    held = min(row["hold_s"], whole)
    wrap = _seconds(row["hang_up_at"], row["wrap_up_at"])
    return {"talk": whole - held, "hold": held, "wrap": wrap, "interaction": whole + (wrap or 0)}


def _shown(row: Record, name: str) -> str | None:
    return None if row[name] is None else format_timestamp(row[name], zone(row["campaign_timezone"]))


def _recording(row: Record, media: Sequence[Record], prefix: str) -> Recording | None:
    """The leg's newest recording; one that was deleted is still named."""
    made = [each for each in media if each["kind"] == "recording"]
    return recording_of(made[-1], prefix, zone(row["campaign_timezone"])) if made else None


def _score(row: Record) -> float | None:
    return None if row["call_quality_score"] is None else float(row["call_quality_score"])


def _inbound_of(row: Record, media: Sequence[Record], prefix: str) -> InboundCall:
    voicemails = [each for each in media if each["kind"] == "voicemail" and each["deleted_at"] is None]
    left_queue: datetime | None = row["answered_at"] or row["left_queue_at"] or row["hang_up_at"]
    return InboundCall(
        **_identity(row),
        **_leg(row),
        source=row["contact"],
        destination=row["own_contact"],
        durations=InboundDurations(
            ivr=_seconds(row["created_at"], row["join_queue_at"]),
            queue=_seconds(row["join_queue_at"], left_queue),
            **_spoken(row),
        ),
        timestamps=InboundTimestamps(
            created=format_timestamp(row["created_at"], zone(row["campaign_timezone"])),
            join_queue=_shown(row, "join_queue_at"),
            answered=_shown(row, "answered_at"),
            hang_up=_shown(row, "hang_up_at"),
            wrap_up=_shown(row, "wrap_up_at"),
        ),
        recording_status=row["recording_status"],
        recording_metadata=_recording(row, media, prefix),
        voicemail_metadata=[voicemail_of(each, prefix) for each in voicemails],
        survey=_survey_of(row),
        call_quality_score=_score(row),
    )


def _survey_of(row: Record) -> Survey | None:
    if row["survey"] is None:
        return None
    survey = msgspec.json.decode(row["survey"], type=activities.Survey)
    started = survey.start_timestamp
    return Survey(
        started=survey.started,
        start_timestamp=None if started is None else format_timestamp(started, zone(row["campaign_timezone"])),
        workflow_id=survey.workflow_id,
        workflow_name=survey.workflow_name,
    )


def _outbound_of(row: Record, media: Sequence[Record], prefix: str) -> OutboundCall:
    dial_status: int | None = row["dial_status"]
    # a leg that a transfer made was not dialled itself
    rung_until: datetime | None = None if dial_status is None else row["answered_at"] or row["hang_up_at"]
    return OutboundCall(
        **_identity(row),
        **_leg(row),
        attempt_id=row["attempt_id"],
        dial_status_id=dial_status,
        dial_status_name=None if dial_status is None else DIAL_STATUS_NAMES[dial_status],
        phone_index=row["phone_index"],
        phone_number=row["contact"],
        lead_id=row["lead_id"],
        durations=OutboundDurations(dial=_seconds(row["created_at"], rung_until), **_spoken(row)),
        timestamps=OutboundTimestamps(
            created=format_timestamp(row["created_at"], zone(row["campaign_timezone"])),
            answered=_shown(row, "answered_at"),
            hang_up=_shown(row, "hang_up_at"),
            wrap_up=_shown(row, "wrap_up_at"),
        ),
        connect_delay_ms=row["connect_delay_ms"],
        recording_status=row["recording_status"],
        recording_metadata=_recording(row, media, prefix),
        call_quality_score=_score(row),
    )


def _email_of(row: Record, media: Sequence[Record], prefix: str) -> Email:
    ours, theirs = row["own_contact"], row["contact"]
    inbound = row["type"] == "email.inbound"
    # an erasure empties the message and the customer's address; our own stays
    sender, to = (theirs, ours) if inbound else (ours, theirs)
    message = None if row["email"] is None else msgspec.json.decode(row["email"], type=activities.Message)
    files = [each for each in media if each["kind"] == "attachment" and each["deleted_at"] is None]
    return Email(
        **_identity(row),
        from_=sender if message is None else message.from_ or sender,
        to=to if message is None else message.to or to,
        subject=None if message is None else message.subject,
        message_id=None if message is None else message.message_id,
        in_reply_to=None if message is None else message.in_reply_to,
        timestamps=EmailTimestamps(
            created=format_timestamp(row["created_at"], zone(row["campaign_timezone"])),
            taken=_shown(row, "left_queue_at") if inbound and row["agent_id"] is not None else None,
            answered=_shown(row, "answered_at"),
            wrap_up=_shown(row, "wrap_up_at"),
        ),
        attachments=[attachment_of(each, prefix) for each in files],
    )
