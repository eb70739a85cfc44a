"""What callers left for a queue to do: messages, and wishes to be called back."""

from __future__ import annotations

from typing import Any

from asyncpg import Record
from starlette.responses import Response

from callfloor.api.audits import reads, unaudited
from callfloor.api.call import Call, not_found
from callfloor.api.downloads import OCTETS
from callfloor.api.operation import operation
from callfloor.api.platform.media import download_media
from callfloor.api.workspace.people import OWN, agent_of, moved_of
from callfloor.contract.workspace_tasks import Task, Tasks
from callfloor.errors import MediaDeleted, RangeNotSatisfiable, TaskNotFree
from callfloor.rules.dialling.callbacks import Moved
from callfloor.rules.values.times import local_time
from callfloor.store.calls import tasks
from callfloor.store.email.emails import moving
from callfloor.store.leads import callbacks

MOST = 100
TASK_EXAMPLE: dict[str, Any] = {
    "taskId": 12,
    "kind": "voicemail",
    "campaignId": 1,
    "activityId": 7001,
    "created": "2021-08-01T13:55:06+10:00",
    "agentId": None,
    "number": "+61491570156",
    "messageUri": "/workspace/v1/tasks/12/message",
    "done": False,
    "leadId": None,
    "moved": None,
}
_TAKEN = TASK_EXAMPLE | {"agentId": 1002}


async def _task(call: Call, agent_id: int, task_id: int) -> Record:
    """A task of the agent's queues. Raises `NotFound`."""
    row = await tasks.get(call.db, call.organisation, agent_id, task_id)
    if row is None:
        raise not_found("task")
    return row


async def _replayable(call: Call, arguments: dict[str, Any], answer: Any) -> None:
    """Of a task of a queue that the agent has left, nothing is shown again."""
    await _task(call, agent_of(call.caller), arguments["task_id"])


_WORKED = unaudited("who took and finished it stands in the task")


@operation(
    "GET",
    "/tasks",
    scope="workspace",
    summary="What callers left to do",
    tag="tasks",
    example={"tasks": [TASK_EXAMPLE]},
    problems=OWN,
)
async def list_tasks(call: Call) -> Tasks:
    """Messages to listen to and callers to call back, of your queues."""
    rows = await tasks.of_agent(call.db, call.organisation, agent_of(call.caller), MOST)
    return Tasks(tasks=[shown_task(call, row) for row in rows])


@operation(
    "POST",
    "/tasks/{taskId}/take",
    scope="workspace",
    summary="Take a task",
    tag="tasks",
    example=_TAKEN,
    replayable=_replayable,
    problems=[*OWN, TaskNotFree],
    audits=_WORKED,
)
async def take_task(call: Call, task_id: int) -> Task:
    """It is yours from now on, and nobody else sees it. A callback is your own callback then, which the dialler makes
    for you, or you by hand; you have to belong to the campaign that it is dialled from."""
    agent_id = agent_of(call.caller)
    await _task(call, agent_id, task_id)
    refused = await tasks.take(call.db, call.organisation, task_id, agent_id, call.now)
    if refused is not None:
        raise TaskNotFree(_REFUSED[refused])
    return shown_task(call, await _task(call, agent_id, task_id))


@operation(
    "POST",
    "/tasks/{taskId}/finish",
    scope="workspace",
    summary="Finish a task",
    tag="tasks",
    example=_TAKEN | {"done": True},
    replayable=_replayable,
    problems=[*OWN, TaskNotFree],
    audits=_WORKED,
)
async def finish_task(call: Call, task_id: int) -> Task:
    """The task that you took is done; of a callback: the caller was helped, and is not called back any more."""
    agent_id = agent_of(call.caller)
    await _task(call, agent_id, task_id)
    if not await tasks.finish(call.db, call.organisation, task_id, agent_id, call.now):
        raise TaskNotFree("Take the task first; or it is somebody else's, or done.")
    return shown_task(call, await _task(call, agent_id, task_id))


@operation(
    "POST",
    "/tasks/{taskId}/return",
    scope="workspace",
    summary="Give a task back",
    tag="tasks",
    example=TASK_EXAMPLE,
    problems=[*OWN, TaskNotFree],
    audits=_WORKED,
)
async def return_task(call: Call, task_id: int) -> Task:
    """A task that you took is the queue's again."""
    agent_id, db, organisation = agent_of(call.caller), call.db, call.organisation
    row = await _task(call, agent_id, task_id)
    if row["agent_id"] != agent_id or row["done"]:
        raise TaskNotFree("The task is not yours, or it is done.")
    if row["lead_id"] is None:
        await tasks.move(db, organisation, task_id, None, Moved.AGENT, call.now)
    else:
        await callbacks.to_queue(db, organisation, agent_id, Moved.AGENT, call.now, only=[row["lead_id"]])
    return shown_task(call, await _task(call, agent_id, task_id))


@operation(
    "GET",
    "/tasks/{taskId}/message",
    scope="workspace",
    summary="Listen to a message",
    tag="tasks",
    example="UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA=",
    answers=(OCTETS, "*/*"),
    problems=[*OWN, MediaDeleted, RangeNotSatisfiable],
    audits=reads("media.read", "media"),
)
async def download_message(call: Call, task_id: int) -> Response:
    """The WAV file that the caller left; ranges as in the download of media."""
    row = await _task(call, agent_of(call.caller), task_id)
    if row["media_id"] is None:
        raise not_found("message")
    return await download_media.handler(call, row["media_id"])


_REFUSED: dict[tasks.Refused, str] = {
    "not-free": "Somebody else has taken the task, or it is done.",
    "being-called": "The caller is being called back at this moment.",
    "not-in-campaign": "This caller is called back by a campaign that you do not work in.",
}


def shown_task(call: Call, row: Record) -> Task:
    """A row of `store.calls.tasks` as the API shows it."""
    uri = f"{call.prefix}/tasks/{row['task_id']}/message"
    return Task(
        task_id=row["task_id"],
        kind=row["kind"],
        campaign_id=row["campaign_id"],
        activity_id=row["activity_id"],
        created=local_time(row["created_at"], call.zone),
        agent_id=row["agent_id"],
        number=row["contact"],
        message_uri=None if row["media_id"] is None else uri,
        done=row["done"],
        lead_id=row["lead_id"],
        moved=moved_of(moving(row), call.zone),
    )
