"""Work of a floor as supervisors see and move it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, field

from callfloor.contract.fields import Id, PageQuery, Request, Struct
from callfloor.contract.workspace_emails import WorkMoved


class WorkQuery(PageQuery):
    agent_id: Annotated[Id, Meta(description="Only what this agent has.")] | None = None
    campaign_id: Annotated[Id, Meta(description="Only of this campaign.")] | None = None


class CallbacksQuery(WorkQuery):
    overdue: Annotated[bool, Meta(description="Only those whose time has passed.")] | None = None


class WorkEmail(Struct):
    """An e-mail that waits (`agentId` null), or that an agent has since `taken`. `answered`: when an answer was
    written; then it only has to be closed."""

    activity_id: int
    campaign_id: int
    agent_id: int | None
    created: datetime
    taken: datetime | None
    answered: datetime | None
    from_: str | None = field(name="from")
    subject: str | None
    draft: bool
    moved: WorkMoved | None


class WorkCallback(Struct):
    """A callback that is to be made: `agentId` by this agent alone, null by whoever is free. `overdue`: the time that
    was promised has passed."""

    lead_id: int
    list_id: int
    campaign_id: int
    campaign_name: str
    agent_id: int | None
    callback_timestamp: datetime
    overdue: bool
    customer_key: str | None
    phones: list[str]
    moved: WorkMoved | None


class WorkMove(Request):
    """To this agent, or, null, to the queue."""

    agent_id: Id | None
