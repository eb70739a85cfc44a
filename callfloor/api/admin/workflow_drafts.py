"""Drafts of workflows: kept whether they are right or wrong, checked, and published as the next version."""

from __future__ import annotations

from typing import Any

from callfloor import centre
from callfloor.api.admin.bodies import about, pointer, refused
from callfloor.api.admin.rights import allow
from callfloor.api.admin.things import locked
from callfloor.api.admin.workflow_versions import AUTHOR, VERSION, author, in_force, name_of, named, put, without
from callfloor.api.audits import changes
from callfloor.api.call import ENCODE, Call, etag_of, not_found
from callfloor.api.operation import operation
from callfloor.api.threads import beside
from callfloor.centre.drafts import PLACE, source_of
from callfloor.centre.source import CentreError, Mistake, Source
from callfloor.contract.workflow_versions import (
    DraftCheck,
    DraftFault,
    DraftFormat,
    NewWorkflowDraft,
    Publication,
    WorkflowDraft,
    WorkflowVersion,
)
from callfloor.errors import PlanBroken, StaleVersion
from callfloor.store.setup import workflow_versions as versions

_TEXT = '[[steps]]\nname = "bye"\ntype = "hangup"\n'
_DRAFT: dict[str, Any] = {
    "content": _TEXT,
    "format": "toml",
    "basedOn": 3,
    "current": 3,
    "saved": "2021-08-01T03:55:06.123456Z",
    "by": AUTHOR,
}
_FAULT = {"message": "names no step; known are bye", "pointer": "/steps/0/next", "line": 4}


@operation(
    "GET",
    "/workflows/{workflowId}/draft",
    scope="setup:read",
    summary="The draft of a workflow",
    tag="workflows",
    etag=True,
    example=_DRAFT,
)
async def get_workflow_draft(call: Call, workflow_id: int) -> WorkflowDraft:
    """What is being written of the next version; 404 while there is none."""
    await name_of(call, workflow_id)
    return await _draft(call, workflow_id)


@operation(
    "PUT",
    "/workflows/{workflowId}/draft",
    scope="setup:write",
    summary="Save the draft of a workflow",
    tag="workflows",
    etag=True,
    example=_DRAFT,
    request={"content": _TEXT, "format": "toml"},
    problems=[StaleVersion],
    audits=changes("workflow.draft", "workflow"),
    keeps=True,
)
async def put_workflow_draft(call: Call, workflow_id: int, body: NewWorkflowDraft) -> WorkflowDraft:
    """Keep a text, TOML unless `format` says JSON, whether it is right or wrong; calls know nothing of it. Begin with
    `toml` of a version. With `If-Match` it is not written over what somebody else saved meanwhile."""
    await versions.lock(call.db, call.organisation, workflow_id)
    await name_of(call, workflow_id)
    was = await versions.draft(call.db, call.organisation, workflow_id)
    if b"if-match" in call.headers:
        call.expect_tag(b"" if was is None else etag_of(ENCODE(await _draft(call, workflow_id))))
    based_on = await versions.newest(call.db, call.organisation, workflow_id)
    given = body.content, body.format or "toml", based_on, call.audit.by, call.now
    await versions.save_draft(call.db, call.organisation, workflow_id, *given)
    call.audit.entry(workflow_id, basedOn=based_on if was is None else was["based_on"])
    return await _draft(call, workflow_id)


@operation(
    "DELETE",
    "/workflows/{workflowId}/draft",
    scope="setup:write",
    summary="Throw a draft away",
    tag="workflows",
    status=204,
    audits=changes("workflow.draft.remove", "workflow"),
)
async def delete_workflow_draft(call: Call, workflow_id: int) -> None:
    """What is in force stays as it is."""
    await name_of(call, workflow_id)
    if not await versions.drop_draft(call.db, call.organisation, workflow_id):
        raise not_found("draft")


@operation(
    "GET",
    "/workflows/{workflowId}/draft/check",
    scope="setup:read",
    summary="Check a draft",
    tag="workflows",
    example={"faults": [_FAULT], "changes": [], "basedOn": 3, "current": 3},
)
async def check_workflow_draft(call: Call, workflow_id: int) -> DraftCheck:
    """All faults of the draft at once, each with its pointer and, in TOML, its line; and what publishing it would
    change. It is checked against the centre as it is now: prompts, queues and lists that it names have to be there."""
    name, draft = await name_of(call, workflow_id), await _draft(call, workflow_id)
    faults: list[DraftFault] = []
    changed: list[str] = []
    try:
        source = about(await read(name, draft.content, draft.format), call.caller.organisation.name)
        plan = await centre.plan_of(call.db, source, without(name))
        allow(call.caller, plan)
        changed = [str(change) for change in plan.changes]
    except CentreError as error:
        faults = [fault(each) for each in error.found]
    return DraftCheck(faults=faults, changes=changed, based_on=draft.based_on, current=draft.current)


@operation(
    "POST",
    "/workflows/{workflowId}/draft/publish",
    scope="setup:write",
    summary="Publish a draft",
    tag="workflows",
    example=VERSION,
    request={},
    problems=[PlanBroken],
    audits=changes("workflow.publish", "workflow"),
    keeps=True,
)
async def publish_workflow_draft(call: Call, workflow_id: int, body: Publication) -> WorkflowVersion:
    """Make the draft the version in force, for the calls that come from then on; the draft is gone then. With faults
    nothing happens (422). When the workflow was changed since the draft was begun, 409 `plan-broken`: look at what is
    in force, and publish with `over` its version."""
    stored = await locked(call)
    name = named(stored, workflow_id)
    # what is saved while this publishes comes before it or after it, and is not thrown away
    await versions.lock(call.db, call.organisation, workflow_id)
    draft = await _draft(call, workflow_id)
    expected = draft.based_on if body.over is None else body.over
    if draft.current != expected:
        raise PlanBroken(
            f"Version {draft.current} is in force, not {expected}, which the draft would take the place of. Look at it,"
            f' and publish with "over": {draft.current}.'
        )
    try:
        source = await read(name, draft.content, draft.format)
    except CentreError as error:
        raise refused(error, PLACE) from error
    await put(call, name, source)
    await versions.drop_draft(call.db, call.organisation, workflow_id)
    made = await in_force(call, workflow_id)
    call.audit.entry(workflow_id, version=made.version, over=draft.current)
    return made


async def _draft(call: Call, workflow_id: int) -> WorkflowDraft:
    row = await versions.draft(call.db, call.organisation, workflow_id)
    if row is None:
        raise not_found("draft")
    return WorkflowDraft(
        content=row["content"],
        format=row["format"],
        based_on=row["based_on"],
        current=await versions.newest(call.db, call.organisation, workflow_id),
        saved=row["saved_at"],
        by=author(row),
    )


async def read(name: str, content: str, form: DraftFormat) -> Source:
    """The centre file that the text of a draft is a part of. Raises `CentreError`."""
    return await beside(len(content), source_of, name, content, form)


def fault(mistake: Mistake) -> DraftFault:
    """The mistake, as seen from the draft."""
    path = mistake.path[len(PLACE) :] if mistake.path[: len(PLACE)] == PLACE else mistake.path
    return DraftFault(message=mistake.message, pointer=pointer(path) or None, line=mistake.line)
