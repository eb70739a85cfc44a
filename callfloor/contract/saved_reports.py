"""Reports that people keep, and send by e-mail on a schedule."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.fields import Id, PageQuery, Request, Struct
from callfloor.contract.reports import SavedQuery

Shared = Literal["nobody", "team", "organisation"]
DeliveryState = Literal["waiting", "ready", "sent", "failed"]
Every = Literal["day", "week", "month"]


class Schedule(Request, kw_only=True):
    """When a report is sent, by the clock of the organisation, and to whom."""

    every: Every
    weekday: Annotated[int, Meta(ge=1, le=7, description="Of `week`: 1 Monday to 7 Sunday.")] | None = None
    day: Annotated[int, Meta(ge=1, le=28, description="Of `month`.")] | None = None
    time: Annotated[
        str,
        Meta(
            pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
            description="Such as `07:30`. Where the clocks leave it out it is that much later; where they show it twice"
            " it is the first.",
        ),
    ]
    format: Literal["csv", "xlsx"] = "xlsx"
    mailbox: Annotated[str, Meta(max_length=200, description="Name of the mailbox that it is sent from.")]
    recipients: Annotated[
        list[Annotated[str, Meta(max_length=254)]],
        Meta(min_length=1, max_length=20, description="Addresses of its people, or among its `reportRecipients`."),
    ]


class SavedReportBody(Request, kw_only=True):
    """`shared`: who else may see and run it; `team_id`: of `team`."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    shared: Shared = "nobody"
    team_id: Id | None = None
    query: SavedQuery
    schedule: Schedule | None = None


class SavedReport(Struct):
    """`owner_id` null: a program's. `next_timestamp`: when it is sent next."""

    report_id: int
    name: str
    owner_id: int | None
    shared: Shared
    team_id: int | None
    query: SavedQuery
    schedule: Schedule | None
    next_timestamp: datetime | None
    created: datetime
    updated: datetime


class RunQuery(Request):
    format: Annotated[
        Literal["json", "csv", "xlsx"],
        Meta(description="Of the answer; `Accept: text/csv`, or a workbook's type, asks for the same."),
    ] = "json"


class DeliveriesQuery(PageQuery, kw_only=True):
    pass


class ReportDelivery(Struct):
    """`state`: `waiting` to be made, `ready` to be sent, `sent` to everybody, or `failed`, for `reason`. `sent_to`: who
    has it."""

    delivery_id: int
    due: datetime
    state: DeliveryState
    tries: int
    recipients: list[str]
    sent_to: list[str]
    reason: str | None
    finished: datetime | None
