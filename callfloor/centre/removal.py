"""What a centre file removes: `[remove]`. A file that leaves something out removes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report
from callfloor.centre.values import WRONG, Check, Table, Wrong
from callfloor.contract.centre import Centre
from callfloor.contract.workflows import Callback, Queue, Survey, Voicemail, Workflow


def _codes(report: Report, path: Path, value: object) -> tuple[int, ...] | Wrong:
    if not isinstance(value, list):
        report.wrong(path, "must be an array of codes")
        return WRONG
    given = cast("list[Any]", value)
    found = [values.whole(0)(report, (*path, index), each) for index, each in enumerate(given)]
    return WRONG if WRONG in found else tuple(found)


_LISTS = values.table({"campaign": values.text, "name": values.text})


def _lists(report: Report, path: Path, value: object) -> tuple[Table, ...] | Wrong:
    if not isinstance(value, list):
        report.wrong(path, 'must be an array of tables such as { campaign = "Sales", name = "One" }')
        return WRONG
    given = cast("list[Any]", value)
    found: list[Any] = []
    for index, each in enumerate(given):
        table: Any = _LISTS(report, (*path, index), each)
        if table is not WRONG and table.keys() != {"campaign", "name"}:
            report.wrong((*path, index), "needs a campaign and a name")
            table = WRONG
        found.append(table)
    return WRONG if WRONG in found else tuple(found)


# The attribute of the model behind each key.
_ATTRIBUTES = {
    "users": "users",
    "roles": "roles",
    "teams": "teams",
    "leadStatuses": "lead_statuses",
    "strategies": "strategies",
    "campaigns": "campaigns",
    "mailboxes": "mailboxes",
    "prompts": "prompts",
    "workflows": "workflows",
    "alerts": "alerts",
}
_CHECKS: dict[str, Check] = dict.fromkeys(_ATTRIBUTES, values.texts) | {"leadStatuses": _codes, "lists": _lists}
CHECK = values.table(_CHECKS)


def without(report: Report, given: Table, centre: Centre) -> Centre:
    """The centre without what is to be removed. Something that is still used, or given by the same file, is a mistake;
    of what is not there nothing is said. A user who is removed leaves its teams and campaigns."""
    remove: Table | None = given.right("remove")
    if remove is None:
        return centre
    left = centre
    for key, attribute in _ATTRIBUTES.items():
        gone = frozenset(remove.right(key) or ())
        things: Mapping[Any, Any] = getattr(left, attribute)
        left = replace(left, **{attribute: {name: each for name, each in things.items() if name not in gone}})
    left = _without_lists(_without_users(left), remove.right("lists") or ())
    used = dict(_uses(left))
    for key in _ATTRIBUTES:
        named = {next((each[name] for name in ("name", "username", "code") if name in each), None)
                 for each in given.right(key) or ()}  # fmt: skip
        for index, name in enumerate(remove.right(key) or ()):
            path: Path = ("remove", key, index)
            if name in named:
                report.wrong(path, "stands in this file too")
            elif (key, name) in used:
                report.wrong(path, f"is still used by {used[key, name]}")
    for index, each in enumerate(remove.right("lists") or ()):
        if ("lists", (each["campaign"], each["name"])) in used:
            by = used["lists", (each["campaign"], each["name"])]
            report.wrong(("remove", "lists", index), f"is still used by {by}")
    return left


def _without_users(centre: Centre) -> Centre:
    there = centre.users.keys()
    teams = {
        name: replace(
            team,
            leaders=tuple(each for each in team.leaders if each in there),
            members=tuple(each for each in team.members if each in there),
        )
        for name, team in centre.teams.items()
    }
    campaigns = {name: replace(each, agents=each.agents & there) for name, each in centre.campaigns.items()}
    return replace(centre, teams=teams, campaigns=campaigns)


def _without_lists(centre: Centre, gone: tuple[Table, ...]) -> Centre:
    campaigns = dict(centre.campaigns)
    for each in gone:
        campaign = campaigns.get(each["campaign"])
        if campaign is not None:
            lists = {name: one for name, one in campaign.lists.items() if name != each["name"]}
            campaigns[campaign.name] = replace(campaign, lists=lists)
    return replace(centre, campaigns=campaigns)


def uses_of(centre: Centre, key: str, name: str) -> list[str]:
    """What names a thing of a kind (`prompts`)."""
    return list(dict.fromkeys(by for (kind, each), by in _uses(centre) if (kind, each) == (key, name)))


def _uses(centre: Centre) -> Iterator[tuple[tuple[str, Any], str]]:
    """What things of a centre name, and which does."""
    for user in centre.users.values():
        yield from ((("roles", role), f"user {user.username}") for role in user.roles)
    yield from ((("roles", role), "secondFactor") for role in centre.organisation.second_factor)
    vouching = centre.organisation.single_sign_on
    if vouching is not None:
        yield from ((("roles", role), "singleSignOn") for role in vouching.roles.values())
        yield from ((("teams", team), "singleSignOn") for team in vouching.teams.values())
    for name, strategy in centre.strategies.items():
        yield from ((("leadStatuses", status), f"strategy {name}") for status in strategy.outcomes)
    for name, campaign in centre.campaigns.items():
        by = f"campaign {name}"
        yield ("strategies", campaign.dialling.strategy), by
        yield from ((("strategies", each.strategy), f"list {each.name} of {by}") for each in campaign.lists.values())
        yield ("campaigns", campaign.queue.overflow), by
        yield ("workflows", campaign.queue.survey), by
        yield ("prompts", campaign.queue.music), by
        leads = campaign.dialling.new_leads
        if leads is not None:
            yield ("campaigns", leads.campaign), by
            yield ("lists", (leads.campaign or name, leads.list)), by
    for name, mailbox in centre.mailboxes.items():
        yield ("campaigns", mailbox.campaign), f"mailbox {name}"
    for name, alert in centre.alerts.items():
        yield ("campaigns", alert.campaign), f"alert {name}"
        yield ("mailboxes", alert.mailbox), f"alert {name}"
    for workflow in centre.workflows.values():
        yield from _uses_of(workflow)


def _uses_of(workflow: Workflow) -> Iterator[tuple[tuple[str, Any], str]]:
    for step in workflow.steps:
        by = f"step {step.name} of workflow {workflow.name}"
        yield ("prompts", getattr(step, "prompt", None)), by
        if isinstance(step, Survey):
            yield from ((("prompts", question.prompt), by) for question in step.questions)
        if isinstance(step, Queue | Voicemail | Callback):
            yield ("campaigns", step.campaign), by
        if isinstance(step, Callback):
            yield ("lists", (step.campaign, step.list)), by
