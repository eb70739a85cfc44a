"""Reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.codes import ActivityType, AgentState
from callfloor.contract.fields import Id, PageQuery, Request, Struct, Timestamp, TimezoneName

Interval = Literal["none", "quarter-hour", "hour", "day", "week", "month"]
Group = Literal[
    "none", "hourOfDay", "campaign", "queue", "list", "agent", "team", "wrapCode", "dialStatus", "number",
]  # fmt: skip
Unit = Literal["count", "seconds", "milliseconds", "ratio"]


class AgentTimesQuery(Request):
    begin: Annotated[Timestamp, Meta(description="Beginning of the period.")] = msgspec.field(name="from")
    end: Annotated[Timestamp, Meta(description="End of the period, not part of it; at most 31 days later.")] = (
        msgspec.field(name="to")
    )


class AgentTime(Struct):
    """A state from `begin` to `end` (null: it goes on), and how many `seconds` of it are in the period. `campaign_id`:
    of a call, preview or wrap-up; `reason`: of a pause."""

    state: AgentState
    reason: str | None
    campaign_id: int | None
    begin: datetime
    end: datetime | None
    seconds: int


class PauseTime(Struct):
    """Seconds paused for one reason; null: none was given."""

    reason: str | None
    seconds: int


class AgentTimes(Struct):
    """`seconds` by state add up to `signed_in_seconds`, and those of `pauses` to the seconds paused."""

    agent_id: int
    begin: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    signed_in_seconds: int
    seconds: dict[str, int]
    pauses: list[PauseTime]
    times: list[AgentTime]


class FiguresQuery(Request):
    begin: Annotated[
        Timestamp, Meta(description="Beginning of the period: that of a quarter-hour. A date alone is its midnight.")
    ] = msgspec.field(name="from")
    end: Annotated[Timestamp, Meta(description="End of the period, not part of it; at most 400 days later.")] = (
        msgspec.field(name="to")
    )
    interval: Annotated[
        Interval, Meta(description="What the period is cut into, by the clock of the zone; weeks begin on Monday.")
    ] = "none"
    group_by: Annotated[
        Group,
        Meta(
            description="What else rows are told apart by. `queue`: campaigns that callers wait for; `number`: ours"
            " that was called or shown; `wrapCode`: each of a campaign; `hourOfDay`: 0 to 23, with interval `none`."
        ),
    ] = "none"
    measures: (
        Annotated[
            str,
            Meta(
                max_length=2048,
                description="Names with commas between them (`GET /measures`); absent: all that go with the group.",
            ),
        ]
        | None
    ) = None
    zone: Annotated[
        Literal["organisation", "campaign"],
        Meta(description="Whose clock it is. `campaign`: of the one that `campaignId` names."),
    ] = "organisation"
    campaign_id: Id | None = None
    agent_id: Id | None = None
    team_id: Id | None = None
    format: Annotated[
        Literal["json", "csv", "xlsx"],
        Meta(description="Of the answer; `Accept: text/csv`, or a workbook's type, asks for the same."),
    ] = "json"


Period = Literal["today", "yesterday", "last7Days", "last30Days", "thisWeek", "lastWeek", "thisMonth", "lastMonth"]


class SavedQuery(Request):
    """What a saved report asks for, as `GET /figures`; its period goes with the day on which it is made."""

    period: Annotated[
        Period,
        Meta(description="Days of the zone; `last7Days`, `last30Days` end with yesterday, weeks with Sunday."),
    ]
    interval: Interval = "none"
    group_by: Group = "none"
    measures: Annotated[str, Meta(max_length=2048)] | None = None
    zone: Literal["organisation", "campaign"] = "organisation"
    campaign_id: Id | None = None
    agent_id: Id | None = None
    team_id: Id | None = None


class MeasureInfo(Struct):
    """`groups`: what it goes with; `calls`: it counts calls or e-mails that `GET /calls` lists."""

    name: str
    title: str
    unit: Unit
    groups: list[Group]
    calls: bool


class Measures(Struct):
    measures: list[MeasureInfo]


class PausedFor(Struct):
    """Seconds paused for one reason; null: none was given."""

    reason: str | None
    seconds: int


Figure = int | float | None | list[PausedFor]


class FigureRow(Struct):
    """One interval, and one of what is grouped by. `key`: its id, wrap code, dial status, number or hour; null: what
    belongs to none. `name`: what people call it. `campaign_id`: of a wrap code. `figures`: by measure; null: there is
    nothing to be a share or an average of. `final`: the interval is over, and so are its calls and e-mails;
    `revised_timestamp`: when something in the interval last came to something else after that, as by a deletion.
    `calls_template` (RFC 6570): lists what a measure of this row counts, once `measure` is filled in; null for hours of
    a day, and for what belongs to none."""

    begin: datetime
    end: datetime
    key: int | str | None
    name: str | None
    campaign_id: int | None
    final: bool
    revised_timestamp: datetime | None
    calls_template: str | None
    figures: dict[str, Figure]


class Figures(Struct):
    """`total`: of the whole period and all rows, each call and second once. `measures`: the columns, in their order."""

    begin: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    zone: TimezoneName
    interval: Interval
    group_by: Group
    as_of: datetime
    measures: list[MeasureInfo]
    rows: list[FigureRow]
    total: dict[str, Figure]


class CountedQuery(PageQuery, kw_only=True):
    measure: Annotated[str, Meta(max_length=64, description="One that counts: `calls` of `GET /measures` says so.")]
    begin: Annotated[Timestamp, Meta(description="Beginning of the period.")] = msgspec.field(name="from")
    end: Annotated[Timestamp, Meta(description="End of the period, not part of it.")] = msgspec.field(name="to")
    campaign_id: Id | None = None
    agent_id: Id | None = None
    team_id: Id | None = None
    list_id: Id | None = None
    wrap_code: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    dial_status_id: Annotated[int, Meta(ge=0, le=99)] | None = None
    number: Annotated[str, Meta(max_length=320, description="Ours, as a row of `groupBy=number` has it.")] | None = None


class CountedCall(Struct):
    """A leg or an e-mail. `activity_uri`: all of it, with the scope `activities:read`."""

    activity_id: int
    activity_type: ActivityType
    created: datetime
    campaign_id: int
    agent_id: int | None
    attempt_id: int | None
    activity_uri: str
