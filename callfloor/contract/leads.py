"""Leads."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from callfloor.contract.codes import MovedReason, OutcomeType
from callfloor.contract.fields import Id, Note, PageQuery, Phone, Request, Scalar, Struct, Timestamp, TimezoneName

MOST_FIELDS = 200
LARGEST_LEAD_DATA = 64 * 1024

CustomerKey = Annotated[str, Meta(max_length=255, description="Your own identifier of the customer.")]
LeadData = Annotated[
    dict[str, Scalar],
    Meta(
        max_length=MOST_FIELDS,
        description="The campaign's own fields: JSON scalars, at most 200 fields and 64 KiB.",
    ),
]
StatusCode = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Lead status, see the code table.")]


class LeadsQuery(PageQuery):
    campaign_id: Id | None = None
    list_id: Id | None = None
    status_code: StatusCode | None = None
    uploaded_timestamp_from: Timestamp | None = None
    uploaded_timestamp_to: Timestamp | None = None
    customer_key: CustomerKey | None = None
    phone_number: Annotated[Phone, Meta(description="phone1, 2 or 3, in any form that is taken.")] | None = None
    agent_id: Id | None = None
    completed: bool | None = None
    updated_timestamp_from: Timestamp | None = None
    updated_timestamp_to: Timestamp | None = None


class LeadCreate(Request):
    list_id: Id
    customer_key: CustomerKey | None = None
    timezone: TimezoneName | None = None
    phone1: Phone | None = None
    phone2: Phone | None = None
    phone3: Phone | None = None
    next_attempt_timestamp: Timestamp | None = None
    lead_data: LeadData | None = None
    status_code: StatusCode | None = None
    agent_id: Id | None = None


class LeadUpdate(Request):
    """Absent fields stay as they are; null, or an empty text, clears a field that can be empty."""

    list_id: Id | None | UnsetType = UNSET
    customer_key: CustomerKey | None | UnsetType = UNSET
    timezone: TimezoneName | None | UnsetType = UNSET
    phone1: Phone | None | UnsetType = UNSET
    phone2: Phone | None | UnsetType = UNSET
    phone3: Phone | None | UnsetType = UNSET
    is_completed: bool | None | UnsetType = UNSET
    lead_data: LeadData | None | UnsetType = UNSET
    status_code: StatusCode | None | UnsetType = UNSET
    agent_id: Id | None | UnsetType = UNSET
    next_attempt_timestamp: Timestamp | None | UnsetType = UNSET


class LeadUpdateQuery(Request):
    lift_do_not_call: (
        Annotated[
            bool,
            Meta(description="Let a lead of status Do Not Call be called again; needs the scope `do-not-call:write`."),
        ]
        | None
    ) = None


Notes = Annotated[
    list[Note] | UnsetType,
    Meta(
        description="About phones that were taken: outside the known ranges, or left out as the lead has them already."
    ),
]


class LeadCreated(Struct):
    lead_id: int
    in_dialler: Annotated[bool, Meta(description="The list is set to dial and nothing on the lead keeps it out.")]
    warnings: Notes = UNSET


class LeadPhone(Struct):
    phone_index: Literal[1, 2, 3]
    phone_number: str
    attempts: int
    last_dial_status_id: int | None
    last_dial_status_name: str | None


class OutcomesInfo(Struct):
    attempts: int
    last_attempt_id: int | None
    last_dial_status_id: int | None
    last_dial_status_name: str | None
    wrap_code: int | None
    wrap_description: str | None


class LeadTimestamps(Struct):
    uploaded: str
    updated: str
    last_attempt: str | None
    next_attempt: str | None
    completed: str | None


class CallbackMoved(Struct):
    """A callback that was another agent's: whose, why, and since when it is not."""

    agent_id: int
    reason: MovedReason
    timestamp: str


class Lead(Struct):
    lead_id: int
    campaign_id: int
    campaign_name: str
    list_id: int
    list_name: str
    timezone: str | None
    completed: bool
    customer_key: str | None
    agent_id: int | None
    agent_full_name: str | None
    # an object of scalars, passed on as PostgreSQL wrote it
    data_fields: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object", "additionalProperties": True})]
    last_status_code: int
    last_status_description: str | None
    phones: list[LeadPhone]
    outcome_type: OutcomeType | None
    outcomes_info: OutcomesInfo
    timestamps: LeadTimestamps
    callback_moved: CallbackMoved | None
    # in the answer to a change only, and no part of the ETag
    warnings: Notes = UNSET


class OwnCallback(Lead, kw_only=True):
    """A lead that waits for one's call. `next_dial_timestamp`: when it can be made, as `explain` says; null: at no time
    as things are, because of the campaign, the list or the number."""

    next_dial_timestamp: str | None
