"""Work of the floor for supervisors: e-mails, tasks and callbacks, who has them, and moving them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.call import Call, not_found, unknown_id
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.workspace.people import SUPERVISED, expect_work, moved_of, reach, supervisor_of
from callfloor.api.workspace.tasks import TASK_EXAMPLE, shown_task
from callfloor.contract.fields import Page
from callfloor.contract.workspace_tasks import Task
from callfloor.contract.workspace_work import CallbacksQuery, WorkCallback, WorkEmail, WorkMove, WorkQuery
from callfloor.errors import WorkNotMovable
from callfloor.rules.dialling.callbacks import Moved
from callfloor.rules.values.times import local_time
from callfloor.store.agents import desk_events, requeue
from callfloor.store.calls import tasks
from callfloor.store.email.emails import Moving, message_of, moving
from callfloor.store.leads import callbacks
from callfloor.store.people import users

_FIRST = (EPOCH, 0)
_OVER = "It is over, or nobody waits for it any more."
_BEING_CALLED = "The customer is being called at this moment: look again when the call is over."
_NOT_A_MEMBER = "The agent does not work in the campaign that this belongs to."
_EMAIL: dict[str, Any] = {
    "activityId": 7001,
    "campaignId": 1,
    "agentId": 1002,
    "created": "2021-08-01T13:55:06+10:00",
    "taken": "2021-08-01T14:00:00+10:00",
    "answered": None,
    "from": "Jane <jane@example.com>",
    "subject": "My bill",
    "draft": True,
    "moved": None,
}
_CALLBACK: dict[str, Any] = {
    "leadId": 999,
    "listId": 5,
    "campaignId": 2,
    "campaignName": "Sales Outbound",
    "agentId": None,
    "callbackTimestamp": "2021-08-01T13:55:06+10:00",
    "overdue": True,
    "customerKey": "C-17",
    "phones": ["+61491570156"],
    "moved": {"agentId": 1002, "reason": "agent-signed-out", "timestamp": "2021-08-01T14:10:06+10:00"},
}
_MOVES = (*SUPERVISED, WorkNotMovable)


async def _replayable(call: Call, arguments: dict[str, Any], answer: Any) -> None:
    """Whoever may not make the move any more is not told that it was made."""
    supervisor_of(call.caller)
    await _agent(call, arguments["body"])


def _page(item: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"nextUri": None}, "items": [item]}


@operation(
    "GET",
    "/work/emails",
    scope="workspace:supervise",
    summary="E-mails and who has them",
    tag="supervision",
    example=_page(_EMAIL),
    query={"agentId": 1002},
    problems=SUPERVISED,
)
async def list_work_emails(call: Call, query: WorkQuery) -> Page[WorkEmail]:
    """E-mails that wait or that an agent has, oldest first."""
    supervisor_of(call.caller)
    after = page_start(call, query) or _FIRST
    count = page_limit(query) + 1
    rows = await requeue.open_emails(
        call.db, call.organisation, query.agent_id, query.campaign_id, after, count, call.caller.supervised
    )
    return page_of(
        call, query, rows, lambda row: _email(call, row), lambda row: (row["created_at"], row["activity_id"])
    )


@operation(
    "GET",
    "/work/tasks",
    scope="workspace:supervise",
    summary="Tasks and who has them",
    tag="supervision",
    example=_page(TASK_EXAMPLE),
    query={"campaignId": 1},
    problems=SUPERVISED,
)
async def list_work_tasks(call: Call, query: WorkQuery) -> Page[Task]:
    """What callers left to do in any queue, oldest first."""
    supervisor_of(call.caller)
    after = page_start(call, query) or _FIRST
    count = page_limit(query) + 1
    rows = await tasks.open_tasks(
        call.db, call.organisation, query.agent_id, query.campaign_id, after, count, call.caller.supervised
    )
    return page_of(
        call, query, rows, lambda row: shown_task(call, row), lambda row: (row["created_at"], row["task_id"])
    )


@operation(
    "GET",
    "/work/callbacks",
    scope="workspace:supervise",
    summary="Callbacks, and those that are overdue",
    tag="supervision",
    example=_page(_CALLBACK),
    query={"overdue": True},
    problems=SUPERVISED,
)
async def list_work_callbacks(call: Call, query: CallbacksQuery) -> Page[WorkCallback]:
    """Callbacks that are to be made, agents' own and the queue's, soonest first; with `overdue=true` those whose time
    has passed."""
    supervisor_of(call.caller)
    after, by = page_start(call, query) or _FIRST, call.now if query.overdue else None
    count = page_limit(query) + 1
    rows = await callbacks.waiting(
        call.db, call.organisation, query.agent_id, query.campaign_id, by, after, count, call.caller.supervised
    )
    return page_of(
        call, query, rows, lambda row: _callback(call, row), lambda row: (row["next_attempt_at"], row["lead_id"])
    )


@operation(
    "POST",
    "/work/emails/{activityId}/move",
    scope="workspace:supervise",
    summary="Move an e-mail",
    tag="supervision",
    status=204,
    request={"agentId": 1003},
    problems=_MOVES,
    replayable=_replayable,
    audits=changes("email.move", "activity"),
)
async def move_email(call: Call, activity_id: int, body: WorkMove) -> None:
    """Give an e-mail, waiting or taken, to an agent of its campaign, or put it back into the queue; its draft goes with
    it."""
    supervisor_of(call.caller)
    db, organisation = call.db, call.organisation
    async with db.transaction():
        await _agent(call, body)
        active = await callbacks.members(db, organisation, [] if body.agent_id is None else [body.agent_id])
        email = await requeue.open_email(db, organisation, activity_id)
        if email is None:
            await _known_email(call, activity_id)
            raise WorkNotMovable(_OVER)
        holder: int | None = email["agent_id"]
        expect_work(call.caller, "e-mail", holder, email["campaign_id"])
        if holder == body.agent_id:
            return
        if body.agent_id is None:
            if email["answered"]:
                raise WorkNotMovable("It was answered, and nobody has to look at it again: have it closed.")
            await requeue.to_queue(db, organisation, email, Moved.SUPERVISOR, call.now)
        elif (email["campaign_id"], body.agent_id) not in active:
            raise WorkNotMovable(_NOT_A_MEMBER)
        else:
            await requeue.to_agent(db, organisation, email, body.agent_id, call.now)
        if holder is not None:
            await desk_events.publish(db, organisation, holder, "session", None, call.now, emails=True)
        if body.agent_id is not None:
            await desk_events.publish(db, organisation, body.agent_id, "email.offered", None, call.now, emails=True)


@operation(
    "POST",
    "/work/tasks/{taskId}/move",
    scope="workspace:supervise",
    summary="Move a task",
    tag="supervision",
    status=204,
    request={"agentId": None},
    problems=_MOVES,
    replayable=_replayable,
    audits=changes("task.move", "task"),
)
async def move_task(call: Call, task_id: int, body: WorkMove) -> None:
    """Give a task to an agent of its queue, or put it back. A callback is moved as the lead that it is: to an agent of
    the campaign that it is dialled from."""
    supervisor_of(call.caller)
    await _agent(call, body)
    async with call.db.transaction():
        agents = [] if body.agent_id is None else [body.agent_id]
        active = await callbacks.members(call.db, call.organisation, agents)
        row = await tasks.find(call.db, call.organisation, task_id)
        if row is None:
            raise not_found("task")
        expect_work(call.caller, "task", row["agent_id"], row["campaign_id"])
        if row["done"]:
            raise WorkNotMovable(_OVER)
        if row["lead_id"] is not None:
            await _move_callback(call, row["lead_id"], body.agent_id)
        elif body.agent_id is not None and (row["campaign_id"], body.agent_id) not in active:
            raise WorkNotMovable(_NOT_A_MEMBER)
        else:
            await tasks.move(call.db, call.organisation, task_id, body.agent_id, Moved.SUPERVISOR, call.now)


@operation(
    "POST",
    "/work/callbacks/{leadId}/move",
    scope="workspace:supervise",
    summary="Move a callback",
    tag="supervision",
    status=204,
    request={"agentId": 1003},
    problems=_MOVES,
    replayable=_replayable,
    audits=changes("callback.move", "lead"),
)
async def move_callback(call: Call, lead_id: int, body: WorkMove) -> None:
    """Give a callback to an agent of its campaign, or to whoever is free there; its time stays."""
    supervisor_of(call.caller)
    await _agent(call, body)
    lead = await call.services.lead_reads.get(call.organisation, lead_id)
    if lead is None:
        raise not_found("lead")
    expect_work(call.caller, "lead", lead["agent_id"], lead["campaign_id"])
    await _move_callback(call, lead_id, body.agent_id)


async def _move_callback(call: Call, lead_id: int, agent_id: int | None) -> None:
    refused = await callbacks.move(call.db, call.organisation, lead_id, agent_id, call.now)
    if refused is not None:
        why = {"none": _OVER, "being-called": _BEING_CALLED, "not-a-member": _NOT_A_MEMBER}
        raise WorkNotMovable(why[refused])


async def _agent(call: Call, body: WorkMove) -> None:
    """Raise `Invalid` when the body names no agent, or one of other teams."""
    if body.agent_id is None:
        return
    agents = reach(call.caller)
    others = agents is not None and body.agent_id not in agents
    if others or not await users.is_agent(call.db, call.organisation, body.agent_id):
        raise unknown_id("agentId", "agent of your teams" if others else "agent")


async def _known_email(call: Call, activity_id: int) -> None:
    if not await requeue.is_email(call.db, call.organisation, activity_id):
        raise not_found("e-mail")


def _email(call: Call, row: Record) -> WorkEmail:
    message = message_of(row)
    taken: datetime | None = row["left_queue_at"]
    answered: datetime | None = row["answered_at"]
    return WorkEmail(
        activity_id=row["activity_id"],
        campaign_id=row["campaign_id"],
        agent_id=row["agent_id"],
        created=local_time(row["created_at"], call.zone),
        taken=None if taken is None else local_time(taken, call.zone),
        answered=None if answered is None else local_time(answered, call.zone),
        from_=message and message.from_,
        subject=message and message.subject,
        draft=row["has_draft"],
        moved=moved_of(moving(row), call.zone),
    )


def _callback(call: Call, row: Record) -> WorkCallback:
    was_of: int | None = row["callback_was_of"]
    moved = None if was_of is None else Moving(was_of, row["callback_moved_at"], Moved(row["callback_moved_why"]))
    return WorkCallback(
        lead_id=row["lead_id"],
        list_id=row["list_id"],
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"],
        agent_id=row["agent_id"],
        callback_timestamp=local_time(row["next_attempt_at"], call.zone),
        overdue=row["next_attempt_at"] < call.now,
        customer_key=row["customer_key"],
        phones=[number for number in (row["phone1"], row["phone2"], row["phone3"]) if number is not None],
        moved=moved_of(moved, call.zone),
    )
