"""Texts of workflows that need not be saved: drawn while they are written, and tried by a caller who is none."""

from __future__ import annotations

from callfloor import centre
from callfloor.api.admin.bodies import about, refused
from callfloor.api.admin.rights import allow
from callfloor.api.admin.workflow_drafts import fault, read
from callfloor.api.admin.workflow_versions import name_of, without
from callfloor.api.audits import unaudited
from callfloor.api.call import Call, invalid
from callfloor.api.operation import operation
from callfloor.centre.drafts import PLACE
from callfloor.centre.source import CentreError, Source
from callfloor.contract.workflow_versions import (
    DrawnExit,
    DrawnStep,
    PassedStep,
    WorkflowPicture,
    WorkflowTestCall,
    WorkflowTestResult,
    WorkflowText,
)
from callfloor.rules.workflow.caller_script import ScriptError, parse_script
from callfloor.rules.workflow.picture import picture
from callfloor.rules.workflow.rehearsal import World, rehearse

_TEXT = """\
[[steps]]
name = "menu"
type = "menu"
prompt = "Welcome"
options = { 1 = "bye" }

[[steps]]
name = "bye"
type = "hangup"
"""
# Australia's numbers for fiction
_CALLER = "+61491570156"


@operation(
    "POST",
    "/workflows/{workflowId}/picture",
    scope="setup:read",
    summary="Draw a text",
    tag="workflows",
    example={
        "start": "menu",
        "steps": [
            {
                "name": "menu",
                "type": "menu",
                "line": 1,
                "exits": [
                    {"by": "options", "choice": "1", "to": "bye", "line": 5},
                    {"by": "onTimeout", "choice": None, "to": None, "line": 1},
                ],
            },
            {"name": "bye", "type": "hangup", "line": 7, "exits": []},
        ],
        "faults": [{"message": "prompt Welcome is not known", "pointer": "/steps/0/prompt", "line": 4}],
    },
    request={"content": _TEXT},
    audits=unaudited("nothing is changed"),
)
async def draw_workflow(call: Call, workflow_id: int, body: WorkflowText) -> WorkflowPicture:
    """The steps of a text as they are, right or wrong, where each leads, and all faults. Nothing is saved. A text that
    cannot be read at all has no steps, and one fault with its line."""
    name = await name_of(call, workflow_id)
    try:
        source = await read(name, body.content, body.format or "toml")
    except CentreError as error:
        return WorkflowPicture(start="", steps=[], faults=[fault(each) for each in error.found])
    start, steps = picture(source.tree["workflows"][0])
    faults = []
    try:
        await _plan(call, name, source)
    except CentreError as error:
        faults = [fault(each) for each in error.found]
    return WorkflowPicture(
        start=start,
        steps=[
            DrawnStep(
                name=step.name,
                type=step.type,
                line=source.at((*PLACE, "steps", step.index)),
                exits=[
                    DrawnExit(
                        by=way.by[0],
                        choice=way.by[1] if len(way.by) > 1 else None,
                        to=way.to,
                        line=source.at((*PLACE, *way.path)),
                    )
                    for way in step.exits
                ],
            )
            for step in steps
        ],
        faults=faults,
    )


@operation(
    "POST",
    "/workflows/{workflowId}/test-call",
    scope="setup:read",
    summary="A test call through a text",
    tag="workflows",
    example={
        "passed": [
            {"seconds": 0.0, "step": "menu", "digit": None},
            {"seconds": 2.3, "step": "menu", "digit": "1"},
            {"seconds": 2.3, "step": "bye", "digit": None},
        ],
        "end": "ended",
        "seconds": 2.3,
    },
    request={"content": _TEXT, "keys": "2s,1"},
    audits=unaudited("nothing is changed, and nobody is rung"),
)
async def try_workflow(call: Call, workflow_id: int, body: WorkflowTestCall) -> WorkflowTestResult:
    """Which steps a caller goes through, and when: by the rules that real callers go through, on a clock that waits for
    nobody. Nothing rings, no prompt plays, no service of a `function` step is asked, and nothing is written. A text
    with faults is refused with all of them."""
    try:
        script = parse_script(body.keys, body.hang_up_after_seconds)
    except ScriptError as error:
        raise invalid("keys", "unreadable", str(error)) from error
    name = await name_of(call, workflow_id)
    try:
        plan = await _plan(call, name, await read(name, body.content, body.format or "toml"))
    except CentreError as error:
        raise refused(error, PLACE) from error
    world = World(
        at=call.timestamp(body.at, "at", in_body=True) or call.now,
        zone=call.zone,
        emergency=body.closed,
        prompt_s=body.prompt_seconds,
        agent_s=body.agent_after_seconds,
        answers=body.answers,
        caller=_CALLER,
    )
    found = rehearse(plan.after.workflows[name], script, world)
    return WorkflowTestResult(
        passed=[PassedStep(seconds=round(each.seconds, 1), step=each.step, digit=each.digit) for each in found.passed],
        end=found.end,
        seconds=found.seconds,
    )


async def _plan(call: Call, name: str, source: Source) -> centre.Plan:
    """What publishing the text would do. Raises `CentreError`, and where the caller may not, its problem."""
    plan = await centre.plan_of(call.db, about(source, call.caller.organisation.name), without(name))
    allow(call.caller, plan)
    return plan
