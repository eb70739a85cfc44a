"""What an emergency closure does to a workflow: its schedules send callers another way, where they come to one."""

from __future__ import annotations

from dataclasses import dataclass

from callfloor.contract.workflows import Queue, Schedule, Voicemail, Workflow
from callfloor.rules.workflow.workflow_check import following


@dataclass(frozen=True, slots=True)
class Closing:
    """`refused`: no schedule sends its callers anywhere, so that the call is not taken. `left_open`: steps where people
    are kept waiting or recorded that callers come to without passing a schedule."""

    refused: bool
    left_open: tuple[str, ...]


def closing(workflow: Workflow) -> Closing:
    """What a closure of the workflow means."""
    steps = {step.name: step for step in workflow.steps}
    if not any(isinstance(step, Schedule) for step in workflow.steps):
        return Closing(refused=True, left_open=())
    reached, ahead = set[str](), [workflow.start]
    while ahead:
        name = ahead.pop()
        if name in steps and name not in reached:
            reached.add(name)
            if not isinstance(steps[name], Schedule):
                ahead += following(steps[name])
    left = (name for name, step in steps.items() if name in reached and isinstance(step, Queue | Voicemail))
    return Closing(refused=False, left_open=tuple(left))
