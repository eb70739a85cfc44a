"""What a scenario file says of people who call: how many, what they press, and where that leads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report
from callfloor.centre.steps import steps
from callfloor.centre.values import WRONG, Check, Table, Wrong
from callfloor.contract.workflows import Menu, Queue, Step, Survey, Workflow, straight
from callfloor.rules.workflow.caller_script import CallerScript, ScriptError, parse_script
from callfloor.rules.workflow.workflow_check import Names, check
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

# The queue of a scenario, as its steps name it.
CAMPAIGN = "inbound"
MOST_A_MINUTE = 6000.0


@dataclass(frozen=True, slots=True)
class Inbound:
    """`scripts`: what callers do, one of them each; none: they press nothing. `agents`: so many of the day's take
    callers too; None: all. `patience_s`, `talk_s` None: as those who are called."""

    workflow: Workflow = field(default_factory=lambda: straight(CAMPAIGN))
    scripts: tuple[CallerScript, ...] = ()
    agents: int | None = None
    patience_s: Distribution | None = None
    talk_s: Distribution | None = None
    prompt_s: float = 5.0
    service_level_s: float = 20.0

    def behaviour(self, called: Behaviour) -> Behaviour:
        """Of who calls, beside who is called."""
        return replace(
            called,
            patience_s=self.patience_s or called.patience_s,
            talk_s=self.talk_s or called.talk_s,
            prompt_s=self.prompt_s,
        )

    @property
    def prompts(self) -> set[str]:
        """The names of all prompts that steps play."""
        return _prompts(self.workflow.steps)


def _prompts(among: tuple[Step, ...]) -> set[str]:
    found = {prompt for step in among if (prompt := getattr(step, "prompt", None)) is not None}
    return found | {asked.prompt for step in among if isinstance(step, Survey) for asked in step.questions}


def _keys(report: Report, path: Path, value: object) -> tuple[str, ...] | Wrong:
    """One script, or several that are drawn from."""
    given = cast("list[object]", value) if isinstance(value, list) else [value]
    found = [values.text_or_empty(report, path, each) for each in given]
    return WRONG if WRONG in found else tuple(cast("list[str]", found))


def keys(number: Check, distribution: Check) -> dict[str, Check]:
    """The keys of `[inbound]`. `number`: of the rate; `distribution`: of a time."""
    return {
        "callsPerMinute": number,
        "keys": _keys,
        "hangUpAfterSeconds": values.number(0, 3600),
        "patienceSeconds": distribution,
        "talkSeconds": distribution,
        "promptSeconds": values.number(0.1, 600),
        "agents": values.whole(1, 2000),
        "serviceLevelSeconds": values.whole(1, 3600),
        "steps": steps,
    }


def inbound(report: Report, given: Table) -> Inbound:
    """What a right table says; what is wrong is reported."""
    workflow = _workflow(report, given)
    scripts = _scripts(report, given)
    if any(script.keys for script in scripts) and not any(_listens(step) for step in workflow.steps):
        if "steps" not in given:
            why = 'are heard by nobody: give a menu, [[inbound.steps]] with type = "menu", or leave them out'
            report.wrong((*given.path, "keys"), why)
        elif given.right("steps") is not None:
            report.wrong((*given.path, "keys"), "are heard by no step: give a menu, or leave them out")
    usual = Inbound()
    return Inbound(
        workflow=workflow,
        scripts=scripts,
        agents=given.right("agents"),
        patience_s=given.right("patienceSeconds"),
        talk_s=given.right("talkSeconds"),
        prompt_s=given.right("promptSeconds") or usual.prompt_s,
        service_level_s=float(given.right("serviceLevelSeconds") or usual.service_level_s),
    )


def _listens(step: Step) -> bool:
    return isinstance(step, Menu | Survey) or (isinstance(step, Queue) and bool(step.options))


def _scripts(report: Report, given: Mapping[str, Any]) -> tuple[CallerScript, ...]:
    if WRONG in (given.get("keys"), given.get("hangUpAfterSeconds")):
        return ()
    hang_up_s: float | None = given.get("hangUpAfterSeconds")
    pressed: tuple[str, ...] = given.get("keys", ("",))
    found: list[CallerScript] = []
    for each in pressed:
        try:
            found.append(parse_script(each, hang_up_s))
        except ScriptError as error:
            report.wrong(("inbound", "keys"), str(error))
    return tuple(found) if "keys" in given or hang_up_s is not None else ()


def _workflow(report: Report, given: Table) -> Workflow:
    found: tuple[Step, ...] | None = given.right("steps")
    if found is None:
        return straight(CAMPAIGN)
    workflow = Workflow(name=CAMPAIGN, start=found[0].name, steps=found)
    for mistake in check(workflow, Names(prompts=_prompts(found), queues=(CAMPAIGN,))):
        report.wrong((*given.path, *mistake.path), mistake.message)
    return workflow
