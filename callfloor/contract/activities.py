"""Activities: calls and e-mails, one object a leg."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from callfloor.contract.codes import ActivityType, LegType
from callfloor.contract.fields import Id, PageQuery, Phone, Struct, Timestamp
from callfloor.contract.media import Attachment, Recording, Voicemail

RecordingStatus = Literal["enabled", "disabled", "failed"]


class ActivitiesQuery(PageQuery):
    campaign_id: Id | None = None
    created_timestamp_from: Timestamp | None = None
    created_timestamp_to: Timestamp | None = None
    activity_type: ActivityType | None = None
    lead_id: Id | None = None
    phone_number: Annotated[Phone, Meta(description="The customer's number, in any form that is taken.")] | None = None
    agent_id: Id | None = None
    wrap_code: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None


class Survey(Struct):
    started: bool
    start_timestamp: str | None
    workflow_id: int | None
    workflow_name: str | None


class InboundDurations(Struct):
    ivr: int | None
    queue: int | None
    hold: int | None
    interaction: int | None
    wrap: int | None
    talk: int | None


class InboundTimestamps(Struct):
    created: str
    join_queue: str | None
    answered: str | None
    hang_up: str | None
    wrap_up: str | None


class OutboundDurations(Struct):
    dial: int | None
    interaction: int | None
    talk: int | None
    hold: int | None
    wrap: int | None


class OutboundTimestamps(Struct):
    created: str
    answered: str | None
    hang_up: str | None
    wrap_up: str | None


class EmailTimestamps(Struct):
    """`taken`: when the agent got it; `answered`: when the first answer was written."""

    created: str
    taken: str | None
    answered: str | None
    wrap_up: str | None


class ActivityData(Struct):
    """What every type has."""

    activity_id: int
    parent_activity_id: int | None
    root_activity_id: int
    activity_status_id: int
    activity_status_name: str
    campaign_id: int
    campaign_name: str
    agent_interaction_id: int | None
    agent_id: int | None
    agent_full_name: str | None
    wrap_code: int | None
    wrap_description: str | None


class CallData(ActivityData):
    """What every leg of a call has."""

    leg_type: Annotated[
        LegType,
        Meta(
            description="How the leg began: `first` the call itself, `transfer` given on by an agent, `overflow` out of"
            " another queue, `return` back from whoever did not take the call or whose phone was lost, `consult` of a"
            " second agent beside the first one's leg, or of a number outside, `outside` given to a number outside."
        ),
    ]
    outside_number: Annotated[
        str | None, Meta(description="The number outside that the leg called, E.164; null once erased.")
    ]
    phone_losses: Annotated[
        int,
        Meta(description="How often the agent's phone was lost in the leg: a reload, a crash, a network that went."),
    ]
    phone_lost_seconds: Annotated[
        int, Meta(description="How long the customer heard music for it; part of the talk in `durations`.")
    ]


class InboundCall(CallData):
    source: Annotated[str | None, Meta(description="The caller, E.164; null when withheld or erased.")]
    destination: Annotated[str | None, Meta(description="Our number, E.164.")]
    durations: InboundDurations
    timestamps: InboundTimestamps
    recording_status: RecordingStatus | None
    recording_metadata: Recording | None
    voicemail_metadata: list[Voicemail]
    survey: Survey | None
    call_quality_score: Annotated[float, Meta(ge=1, le=5)] | None


class OutboundCall(CallData):
    attempt_id: int | None
    dial_status_id: int | None
    dial_status_name: str | None
    phone_index: Literal[1, 2, 3] | None
    phone_number: Annotated[str | None, Meta(description="E.164; null once the customer was erased.")]
    lead_id: int | None
    durations: OutboundDurations
    timestamps: OutboundTimestamps
    connect_delay_ms: Annotated[int | None, Meta(description="Person answered to agent joined, milliseconds.")]
    recording_status: RecordingStatus | None
    recording_metadata: Recording | None
    call_quality_score: Annotated[float, Meta(ge=1, le=5)] | None


class Email(ActivityData):
    from_: str | None = field(name="from")
    to: str | None
    subject: str | None
    message_id: str | None
    in_reply_to: str | None
    timestamps: EmailTimestamps
    attachments: list[Attachment]


class InboundActivity(Struct, tag_field="type", tag="call.inbound"):
    data: InboundCall


class OutboundActivity(Struct, tag_field="type", tag="call.outbound"):
    data: OutboundCall


class ManualActivity(Struct, tag_field="type", tag="call.manual"):
    data: OutboundCall


class InboundEmailActivity(Struct, tag_field="type", tag="email.inbound"):
    data: Email


class OutboundEmailActivity(Struct, tag_field="type", tag="email.outbound"):
    data: Email


Activity = InboundActivity | OutboundActivity | ManualActivity | InboundEmailActivity | OutboundEmailActivity
