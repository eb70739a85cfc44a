"""Reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from callfloor.contract.codes import AgentState
from callfloor.contract.fields import Request, Struct, Timestamp


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
