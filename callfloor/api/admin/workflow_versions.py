"""Versions of workflows: which were in force, by whom, and the way back to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from asyncpg import Record

from callfloor import centre
from callfloor.api.admin.bodies import about, refused
from callfloor.api.admin.kinds import KINDS
from callfloor.api.admin.records import record
from callfloor.api.admin.rights import allow
from callfloor.api.admin.things import locked
from callfloor.api.audits import changes
from callfloor.api.call import Call, not_found
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.centre.drafts import PLACE, text_of
from callfloor.centre.source import Source
from callfloor.centre.tree import workflow
from callfloor.contract.centre import Centre
from callfloor.contract.fields import Page, PageQuery
from callfloor.contract.setup import WorkflowSettings
from callfloor.contract.workflow_versions import Author, WholeWorkflowVersion, WorkflowVersion
from callfloor.store.setup import workflow_versions as versions
from callfloor.store.setup import workflows
from callfloor.store.setup.centres import Stored

KIND = next(kind for kind in KINDS if kind.kind == "workflow")
LARGEST_VERSION = 2**31 - 1
AUTHOR: dict[str, Any] = {"type": "user", "id": 1001, "name": "jane.doe"}
VERSION: dict[str, Any] = {
    "version": 3,
    "made": "2021-08-01T03:55:06.123456Z",
    "by": AUTHOR,
    "restored": None,
    "current": True,
}
_CONTENT = {"numbers": ["+61255500200"], "start": "bye", "steps": [{"name": "bye", "type": "hangup"}]}
_TOML = 'numbers = ["+61255500200"]\nstart = "bye"\n\n[[steps]]\nname = "bye"\ntype = "hangup"\n'


@operation(
    "GET",
    "/workflows/{workflowId}/versions",
    scope="setup:read",
    summary="Versions of a workflow",
    tag="workflows",
    example={"metadata": {"nextUri": None}, "items": [VERSION]},
)
async def list_workflow_versions(call: Call, workflow_id: int, query: PageQuery) -> Page[WorkflowVersion]:
    """Every version that was in force, the newest first, with who made it and when. A version is made by whatever
    changes a workflow: a publication, a request, or a centre file. A call keeps the version that it began with."""
    await name_of(call, workflow_id)
    after, newest = page_start(call, query), await versions.newest(call.db, call.organisation, workflow_id)
    before = after[1] if after else None
    rows = await versions.page(call.db, call.organisation, workflow_id, before, page_limit(query) + 1)
    return page_of(call, query, rows, lambda row: _version(row, newest), lambda row: (EPOCH, row["version"]))


@operation(
    "GET",
    "/workflows/{workflowId}/versions/{version}",
    scope="setup:read",
    summary="A version of a workflow",
    tag="workflows",
    example=VERSION | {"workflow": {"name": "Main line", **_CONTENT}, "toml": _TOML},
)
async def get_workflow_version(call: Call, workflow_id: int, version: int) -> WholeWorkflowVersion:
    """What callers went through, whole."""
    name, row = await name_of(call, workflow_id), await _one(call, workflow_id, version)
    newest = await versions.newest(call.db, call.organisation, workflow_id)
    was, shown = versions.workflow_of(name, row), _version(row, newest)
    return WholeWorkflowVersion(
        version=shown.version,
        made=shown.made,
        by=shown.by,
        restored=shown.restored,
        current=shown.current,
        # it is written from a tree of the same keys; the type says what is in it
        workflow=cast(WorkflowSettings, workflow(was)),
        toml=text_of(was),
    )


@operation(
    "POST",
    "/workflows/{workflowId}/versions/{version}/restore",
    scope="setup:write",
    summary="Bring back a version of a workflow",
    tag="workflows",
    example=VERSION | {"restored": 1},
    audits=changes("workflow.restore", "workflow"),
    keeps=True,
)
async def restore_workflow_version(call: Call, workflow_id: int, version: int) -> WorkflowVersion:
    """Make a new version that says what this one said; it holds for the calls that come from then on. It is checked as
    any change is: an earlier version may name a prompt that is gone. What is in force already stays as it is."""
    stored = await locked(call)
    name = named(stored, workflow_id)
    row = await _one(call, workflow_id, version)
    source = Source("version", {"workflows": [workflow(versions.workflow_of(name, row))]}, None)
    before = await versions.newest(call.db, call.organisation, workflow_id)
    await put(call, name, source)
    newest = await versions.newest(call.db, call.organisation, workflow_id)
    if newest != before:
        await versions.restored(call.db, call.organisation, workflow_id, newest, version)
        call.audit.entry(workflow_id, version=newest, restored=version)
    return await in_force(call, workflow_id)


async def name_of(call: Call, workflow_id: int) -> str:
    """The name of a workflow. Raises `NotFound`."""
    known = await workflows.ids(call.db, call.organisation)
    found = next((name for name, each in known.items() if each == workflow_id), None)
    if found is None:
        raise not_found("workflow")
    return found


def named(stored: Stored, workflow_id: int) -> str:
    """The same of a centre that was read."""
    found = next((name for name, each in stored.workflows.items() if each == workflow_id), None)
    if found is None:
        raise not_found("workflow")
    return found


def without(name: str) -> Callable[[Centre], Centre]:
    """The centre as if nobody had set anything of a workflow: what is said of it then is all."""
    return lambda each: KIND.blank(each, name, None)


async def put(call: Call, name: str, source: Source) -> None:
    """Make a workflow what the source says of it, and nothing else. Raises `Invalid` with places in the source."""
    try:
        whole = about(source, call.caller.organisation.name)
        plan = await centre.apply_plan(
            call.db, whole, lambda each: allow(call.caller, each), without(name), call.audit.by
        )
        await record(call, plan)
    except centre.CentreError as error:
        raise refused(error, PLACE) from error


async def in_force(call: Call, workflow_id: int) -> WorkflowVersion:
    newest = await versions.newest(call.db, call.organisation, workflow_id)
    return _version(await _one(call, workflow_id, newest), newest)


async def _one(call: Call, workflow_id: int, version: int) -> Record:
    if not 0 < version <= LARGEST_VERSION:
        raise not_found("version")
    row = await versions.one(call.db, call.organisation, workflow_id, version)
    if row is None:
        raise not_found("version")
    return row


def author(row: Record) -> Author:
    return Author(type=row["actor_type"], id=row["actor_id"], name=row["actor_name"])


def _version(row: Record, newest: int) -> WorkflowVersion:
    return WorkflowVersion(
        version=row["version"],
        made=row["made_at"],
        by=author(row),
        restored=row["restored_version"],
        current=row["version"] == newest,
    )
