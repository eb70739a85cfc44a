"""Closures of workflows: by hand at once, and planned ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.call import Answer, Call, invalid, not_found, unknown_id
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.contract.closures import (
    Closure,
    ClosureChange,
    ClosureMeaning,
    Closures,
    PlannedClosure,
    PlannedClosureSettings,
    PlannedClosuresQuery,
)
from callfloor.contract.fields import Page
from callfloor.contract.workflows import Workflow, straight
from callfloor.errors import StaleVersion
from callfloor.rules.values.names import plain_name
from callfloor.rules.values.times import format_timestamp
from callfloor.rules.workflow.closing import closing
from callfloor.store.setup import centres, closures, organisations, workflows
from callfloor.store.setup.workflows import EVERY_WORKFLOW

_CLOSURES: dict[str, Any] = {
    "items": [
        {
            "workflowId": 1,
            "workflow": "Main line",
            "since": "2021-08-01T03:55:06.123456Z",
            "meaning": [
                {"workflow": "Main line", "numbers": ["+61255500200"], "refused": False, "leftOpen": []},
            ],
        }
    ]
}
_SETTINGS: dict[str, Any] = {
    "name": "Staff outing",
    "kind": "holiday",
    "workflowId": None,
    "begins": "2021-12-10T13:00:00+11:00",
    "ends": "2021-12-10T18:00:00+11:00",
}
_PLANNED = {"closureId": 4, "workflow": None} | _SETTINGS


@operation("GET", "/closures", scope="setup:read", summary="What is closed by hand", tag="closures", example=_CLOSURES)
async def get_closures(call: Call) -> Closures:
    """What is closed by hand now, since when, and what that means to callers of each number."""
    return await _closures(call)


@operation(
    "PUT",
    "/closures",
    scope="setup:write",
    summary="Close or open by hand",
    tag="closures",
    example=_CLOSURES,
    request={"workflowId": 1, "closed": True},
    audits=changes("closure.set", "closure"),
)
async def set_closure(call: Call, body: ClosureChange) -> Closures:
    """Close a workflow, or every one, in an emergency, or open it again. It holds within seconds, for callers who come
    from then on: they go the emergency way of the schedules that they come to. The answer has what is closed now."""
    workflow_id = await _workflow(call, body.workflow_id)
    if body.closed:
        done = await workflows.close(call.db, call.organisation, workflow_id, call.now)
    else:
        done = await workflows.reopen(call.db, call.organisation, workflow_id)
    if done:
        ids = () if workflow_id == EVERY_WORKFLOW else (workflow_id,)
        call.audit.entry(*ids, action="closure.close" if body.closed else "closure.open")
    else:
        call.audit.nothing()
    return await _closures(call)


@operation(
    "GET",
    "/planned-closures",
    scope="setup:read",
    summary="Planned closures",
    tag="closures",
    example={"metadata": {"nextUri": None}, "items": [_PLANNED]},
    query={"past": True},
)
async def list_planned_closures(call: Call, query: PlannedClosuresQuery) -> Page[PlannedClosure]:
    """Closures that are to come or going on, by id."""
    after, limit = page_start(call, query), page_limit(query)
    rows = await closures.page(
        call.db, call.organisation, after[1] if after else 0, limit + 1, past=bool(query.past), now=call.now
    )
    return page_of(call, query, rows, lambda row: _planned(call, row), lambda row: (EPOCH, row["closure_id"]))


@operation(
    "POST",
    "/planned-closures",
    scope="setup:write",
    summary="Plan a closure",
    tag="closures",
    status=201,
    example=_PLANNED,
    request=_SETTINGS,
    audits=changes("planned-closure.create", "planned-closure"),
    keeps=True,
)
async def plan_closure(call: Call, body: PlannedClosureSettings) -> Answer[PlannedClosure]:
    """Close a workflow, or every one, for a while: a holiday of the centre's own (`kind` left out), which sends callers
    the holiday way of the schedules that they come to, or an emergency. Callers of a workflow without a schedule step
    are refused meanwhile. Public holidays are kept by the schedule steps themselves."""
    number = await closures.add(call.db, call.organisation, await _values(call, body))
    made = await _one(call, number)
    call.audit.entry(number, after=made)
    return Answer(made, headers={"Location": f"{call.prefix}{call.path}/{number}"})


@operation(
    "GET",
    "/planned-closures/{closureId}",
    scope="setup:read",
    summary="A planned closure",
    tag="closures",
    etag=True,
    example=_PLANNED,
)
async def get_planned_closure(call: Call, closure_id: int) -> PlannedClosure:
    """One closure, whether it is over or not."""
    return await _one(call, closure_id)


@operation(
    "PUT",
    "/planned-closures/{closureId}",
    scope="setup:write",
    summary="Change a planned closure",
    tag="closures",
    etag=True,
    example=_PLANNED,
    request=_SETTINGS,
    problems=[StaleVersion],
    audits=changes("planned-closure.update", "planned-closure"),
)
async def replace_planned_closure(call: Call, closure_id: int, body: PlannedClosureSettings) -> PlannedClosure:
    """Set all of a closure. One that goes on ends when it is said to."""
    before = await _one(call, closure_id, locked=True)
    call.expect_version(before)
    await closures.update(call.db, call.organisation, closure_id, await _values(call, body))
    after = await _one(call, closure_id)
    call.audit.entry(before=before, after=after)
    return after


@operation(
    "DELETE",
    "/planned-closures/{closureId}",
    scope="setup:write",
    summary="Remove a planned closure",
    tag="closures",
    status=204,
    etag=True,
    problems=[StaleVersion],
    audits=changes("planned-closure.remove", "planned-closure"),
)
async def remove_planned_closure(call: Call, closure_id: int) -> None:
    """Callers are taken again within seconds, where it went on."""
    before = await _one(call, closure_id, locked=True)
    call.expect_version(before)
    await closures.remove(call.db, call.organisation, closure_id)
    call.audit.entry(before=before)


async def _workflow(call: Call, workflow_id: int | None) -> int:
    if workflow_id is None:
        return EVERY_WORKFLOW
    if workflow_id not in (await workflows.ids(call.db, call.organisation)).values():
        raise unknown_id("workflowId", "workflow")
    return workflow_id


async def _values(call: Call, body: PlannedClosureSettings) -> closures.Values:
    begins = call.timestamp(body.begins, "begins", in_body=True)
    ends = call.timestamp(body.ends, "ends", in_body=True)
    name = plain_name(body.name)
    if not name or "\x00" in name:
        raise invalid("name", "empty", "must have something to see in it")
    if begins is None or ends is None or ends <= begins:
        raise invalid("ends", "out-of-range", "must be after begins")
    return await _workflow(call, body.workflow_id), body.kind or "holiday", name, begins, ends


async def _one(call: Call, closure_id: int, *, locked: bool = False) -> PlannedClosure:
    row = await closures.one(call.db, call.organisation, closure_id, locked=locked)
    if row is None:
        raise not_found("planned closure")
    return _planned(call, row)


def _planned(call: Call, row: Record) -> PlannedClosure:
    return PlannedClosure(
        closure_id=row["closure_id"],
        name=row["name"],
        kind=row["kind"],
        workflow_id=row["workflow_id"] or None,
        workflow=row["workflow"],
        begins=format_timestamp(row["begins_at"], call.zone),
        ends=format_timestamp(row["ends_at"], call.zone),
    )


async def _closures(call: Call) -> Closures:
    rows = await workflows.closures(call.db, call.organisation)
    of_workflows, of_numbers = await _meaning(call) if rows else ([], [])
    return Closures(
        items=[
            Closure(
                workflow_id=row["workflow_id"] or None,
                workflow=row["name"],
                since=row["closed_at"],
                meaning=[*of_workflows, *of_numbers]
                if row["name"] is None
                else [each for each in of_workflows if each.workflow == row["name"]],
            )
            for row in rows
        ]
    )


async def _meaning(call: Call) -> tuple[list[ClosureMeaning], list[ClosureMeaning]]:
    """What a closure does to the callers of each workflow that has numbers; and, if it is of all, of the numbers of
    inbound campaigns that no workflow has, under the campaign's name, which a workflow may have too."""
    row: Any = await organisations.named(call.db, call.caller.organisation.name)
    found = (await centres.read(call.db, row)).centre
    taken = {number for each in found.workflows.values() for number in each.numbers}
    ways = [(each, each.numbers) for each in found.workflows.values()]
    numbers = [
        (straight(each.name), tuple(number for number in each.numbers if number not in taken))
        for each in found.campaigns.values()
        if each.direction == "inbound"
    ]
    return _meant(ways), _meant(numbers)


def _meant(ways: Iterable[tuple[Workflow, tuple[str, ...]]]) -> list[ClosureMeaning]:
    """Of those that have numbers."""
    meant = [(workflow, numbers, closing(workflow)) for workflow, numbers in ways if numbers]
    return [
        ClosureMeaning(
            workflow=workflow.name, numbers=sorted(numbers), refused=means.refused, left_open=list(means.left_open)
        )
        for workflow, numbers, means in meant
    ]
