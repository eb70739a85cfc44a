"""What callers left for a queue to do."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from callfloor.contract.fields import Struct
from callfloor.contract.workspace_emails import WorkMoved


class Task(Struct):
    """A message to listen to, or a caller who is to be called back. `leadId`: a callback is this lead, whose own
    callback it is once it is taken, and which is done when the caller was helped in any way. `agentId`: who has taken
    it. `number`: the caller's, null: withheld or erased. `messageUri`: the message, null: there is none, or it was
    deleted.
    """

    task_id: int
    kind: Literal["voicemail", "callback"]
    campaign_id: int
    activity_id: int
    created: datetime
    agent_id: int | None
    number: str | None
    message_uri: str | None
    done: bool
    lead_id: int | None
    moved: WorkMoved | None


class Tasks(Struct):
    """At most 100, oldest first: nobody's, and your own."""

    tasks: list[Task]
