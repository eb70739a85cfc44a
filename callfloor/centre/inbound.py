"""What a centre file says of callers: prompts, workflows and the queues of inbound campaigns."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from callfloor.centre import keys, sounds, values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report, Source
from callfloor.centre.steps import steps
from callfloor.centre.values import WRONG, Check, Table, Wrong
from callfloor.contract.centre import Campaign, User
from callfloor.contract.workflows import (
    LEAST_LEVEL,
    LEAST_PRIORITY,
    MOST_LEVEL,
    MOST_PRIORITY,
    QueueSettings,
    Sound,
    Workflow,
)
from callfloor.rules.values.names import unknown
from callfloor.rules.workflow.workflow_check import Names, check
from callfloor.telephony.speech import LONGEST_TEXT, is_language


def _file(report: Report, path: Path, value: object) -> str | Wrong:
    found = values.text(report, path, value)
    if found is WRONG or sounds.is_inside(found):
        return found
    report.wrong(path, "must be a path from the folder of this file, such as prompts/welcome.wav")
    return WRONG


def _language(report: Report, path: Path, value: object) -> str | Wrong:
    found = values.text(report, path, value)
    if found is WRONG or is_language(found):
        return found
    report.wrong(path, "must be a language such as en, en-gb or de")
    return WRONG


PROMPT: dict[str, Check] = {
    "name": values.text,
    "text": values.long_text(LONGEST_TEXT),
    "language": values.clearable(_language),
    "file": _file,
}
WORKFLOW: dict[str, Check] = {
    "name": values.text,
    "numbers": values.texts,
    "start": values.text,
    "steps": steps,
}
LEVELS = values.mapping(values.whole(LEAST_LEVEL, MOST_LEVEL))
QUEUE: dict[str, Check] = {
    "skills": LEVELS,
    "relaxSkillsSeconds": values.clearable(values.number(1, 24 * 3600)),
    "serviceLevelSeconds": values.whole(1, 3600),
    "maxWaitSeconds": values.clearable(values.number(1, 24 * 3600)),
    "maxLength": values.clearable(values.whole(1, 100_000)),
    "overflow": values.clearable(values.text),
    "priority": values.whole(LEAST_PRIORITY, MOST_PRIORITY),
    "agingSeconds": values.clearable(values.number(1, 3600)),
    "announceSeconds": values.clearable(values.number(5, 3600)),
    "announcePosition": values.flag,
    "announceWait": values.flag,
    "agentRingSeconds": values.number(5, 120),
    "survey": values.clearable(values.text),
    "music": values.clearable(values.text),
    "shortestVoicemailSeconds": values.number(0, 60),
}


def prompts(report: Report, source: Source, given: Iterable[Table], known: Mapping[str, Sound]) -> dict[str, Sound]:
    """The prompts that were known, and those that are given."""
    found = dict(known)
    for table in given:
        was = known.get(table["name"])
        prompt = _prompt(report, source, table, was)
        if prompt is not None:
            found[table["name"]] = prompt
    return found


def _prompt(report: Report, source: Source, given: Table, was: Sound | None) -> Sound | None:
    name, text, file = given["name"], given.get("text"), given.get("file")
    language = given.get("language", was.language if was else None)
    if text is not None and file is not None:
        report.wrong(given.path, "has both a text and a file; leave one out")
    elif file is not None and given.get("language") is not None:
        report.wrong((*given.path, "language"), "is for a text only")
    elif file is not None:
        return None if file is WRONG else _of_file(report, source, given, was)
    elif text is None and was is None:
        report.wrong(given.path, "has no text and no file: write one of them")
    elif text is None and was is not None and was.file is not None:
        return was
    elif text is not WRONG and language is not WRONG:
        return Sound(name=name, text=text or (was.text if was else None), language=language)
    return None


def _of_file(report: Report, source: Source, given: Table, was: Sound | None) -> Sound | None:
    file: str = given["file"]
    content = source.sounds.get(file)
    if isinstance(content, bytes):
        return Sound(name=given["name"], file=file, sha256=hashlib.sha256(content).hexdigest())
    if content is None and was is not None and was.file == file:
        # an exported file stands where the sounds are not
        return was
    report.wrong((*given.path, "file"), content or f"there is no file {file} beside this one")
    return None


def workflows(report: Report, given: Iterable[Table], known: Mapping[str, Workflow]) -> dict[str, Workflow]:
    """The workflows that were known, and those that are given. `given`: with numbers in E.164."""
    found = dict(known)
    for table in given:
        was, name = known.get(table["name"]), table["name"]
        if was is None and "steps" not in table:
            report.wrong(table.path, "has no steps, which a new one needs: write [[workflows.steps]]")
            continue
        new = table.get("steps", was.steps if was else WRONG)
        numbers = table.get("numbers", was.numbers if was else ())
        if WRONG in (new, numbers, table.get("start")):
            continue
        start = table.get("start") or (was.start if was and "steps" not in table else new[0].name)
        found[name] = Workflow(name=name, numbers=numbers, start=start, steps=new)
    return found


def queue(report: Report, given: Table, was: QueueSettings, direction: str | None) -> QueueSettings:
    """The settings of a campaign's queue."""
    if direction == "outbound":
        for key in given.keys() & keys.QUEUE.keys():
            report.wrong((*given.path, key), "is for inbound campaigns only")
        return was
    found: dict[str, Any] = {
        keys.QUEUE[key]: value for key, value in given.items() if key in keys.QUEUE and value is not WRONG
    }
    return msgspec.structs.replace(was, **found)


class References:
    """Finds what a file names and what is not there. Things that the file gives and that are wrong in themselves
    (`given`) are not missed again."""

    def __init__(
        self,
        report: Report,
        given: Table,
        users: Mapping[str, User],
        campaigns: Mapping[str, Campaign],
        prompts: Mapping[str, Sound],
        workflows: Mapping[str, Workflow],
    ) -> None:
        self._report, self._given = report, given
        self._workflows, self._campaigns = workflows, campaigns
        tables: list[Table] = given.right("campaigns") or []
        wrong = {table["name"] for table in tables} - campaigns.keys()
        inbound = {name for name, each in campaigns.items() if each.direction == "inbound"}
        self._names = Names(
            prompts={*prompts, *self._named("prompts")},
            queues=inbound | wrong,
            lists={name: campaigns[name].lists for name in campaigns.keys() - inbound},
            skills={skill for user in users.values() if user.user_type == "agent" for skill in user.skills},
        )

    def _named(self, key: str) -> set[str]:
        return {table["name"] for table in self._given.right(key) or ()}

    def check(self, taken: Collection[str]) -> None:
        """`taken`: numbers of other organisations' workflows."""
        owners: dict[str, str] = {}
        for workflow in self._workflows.values():
            owners.update(dict.fromkeys(workflow.numbers, workflow.name))
        for table in self._given.right("workflows") or ():
            workflow = self._workflows.get(table["name"])
            if workflow is None:
                continue
            for mistake in check(workflow, self._names):
                self._report.wrong((*table.path, *mistake.path), mistake.message)
            for index, number in enumerate(workflow.numbers):
                owner = owners[number]
                if owner != workflow.name:
                    self._report.wrong((*table.path, "numbers", index), f"leads to workflow {owner} already")
                elif number in taken:
                    self._report.wrong((*table.path, "numbers", index), "leads to another organisation already")
        for table in self._given.right("campaigns") or ():
            campaign = self._campaigns.get(table["name"])
            if campaign is not None and campaign.direction == "inbound":
                self._queue(table, campaign)

    def _queue(self, given: Table, campaign: Campaign) -> None:
        settings = campaign.queue
        known: dict[str, Collection[str]] = {
            "overflow": sorted(self._names.queues),
            "survey": sorted({*self._workflows, *self._named("workflows")}),
            "music": sorted(self._names.prompts),
        }
        for key, names in known.items():
            name = given.right(key)
            if name is not None and name not in names:
                self._report.wrong((*given.path, key), unknown(name, names))
        for skill in given.right("skills") or ():
            if skill not in self._names.skills:
                why = unknown(skill, sorted(self._names.skills))
                self._report.wrong((*given.path, "skills", skill), f"{why}, of the skills that agents have")
        if given.right("overflow") and self._comes_back(campaign.name, settings):
            self._report.wrong((*given.path, "overflow"), "comes back to this campaign: lead it to another")

    def _comes_back(self, name: str, settings: QueueSettings) -> bool:
        seen: set[str] = set()
        following = settings.overflow
        while following is not None and following not in seen and following in self._campaigns:
            seen.add(following)
            following = self._campaigns[following].queue.overflow
        return name in seen
