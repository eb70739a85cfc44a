"""What turns one state of a centre into another, as changes that can be shown and applied one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

import msgspec

from callfloor.centre import toml
from callfloor.centre.alerts import ALERT
from callfloor.centre.keys import CAMPAIGN, DIALLING, LIST, ORGANISATION, PROMPT, QUEUE, USER, WORKFLOW
from callfloor.centre.mailboxes import MAILBOX
from callfloor.centre.people import ROLE, TEAM
from callfloor.contract.centre import Campaign, Centre
from callfloor.contract.codes import LEAD_STATUS_NAMES
from callfloor.contract.dialling import Strategy
from callfloor.contract.workflows import Sound, Step, Workflow

Kind = Literal[
    "organisation",
    "user",
    "lead status",
    "strategy",
    "campaign",
    "agent",
    "wrap code",
    "list",
    "mailbox",
    "prompt",
    "workflow",
    "role",
    "team",
    "alert",
]
Sign = Literal["+", "~", "-"]

_CAMPAIGN = (
    CAMPAIGN
    | {key: f"dialling.{attribute}" for key, attribute in DIALLING.items()}
    | {key: f"queue.{attribute}" for key, attribute in QUEUE.items()}
)


@dataclass(frozen=True, slots=True)
class Change:
    """`key`: a name, a username or a code. `campaign`: that of an agent, wrap code or list."""

    sign: Sign
    kind: Kind
    key: str | int
    campaign: str | None = None
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        key = str(self.key) if isinstance(self.key, int) else toml.string(self.key)
        of = "" if self.campaign is None else f" of {toml.string(self.campaign)}"
        details = f": {', '.join(self.details)}" if self.details else ""
        return f"{self.sign} {self.kind} {key}{of}{details}"


def diff(current: Centre | None, target: Centre) -> list[Change]:
    """The changes from `current` (None: nothing yet) to `target`, in an order in which each can be made.

    What `target` lacks is removed.
    """
    changes = list(_organisation(current, target))
    before = current or Centre(target.organisation)
    changes += _things("role", before.roles, target.roles, ROLE)
    changes += _things("user", before.users, target.users, USER)
    changes += _descriptions("lead status", before.lead_statuses, target.lead_statuses, None)
    changes += _strategies(before.strategies, target.strategies)
    for name, campaign in target.campaigns.items():
        was = before.campaigns.get(name)
        changes += _things("campaign", before.campaigns, {name: campaign}, _CAMPAIGN)
        changes += _inside(was or Campaign(name, campaign.direction, campaign.timezone), campaign)
    changes += _things("team", before.teams, target.teams, TEAM)
    changes += _things("mailbox", before.mailboxes, target.mailboxes, MAILBOX)
    changes += _things("alert", before.alerts, target.alerts, ALERT)
    changes += _prompts(before.prompts, target.prompts)
    changes += _workflows(before.workflows, target.workflows)
    changes += _removed(before, target)
    return changes


def _removed(before: Centre, target: Centre) -> Iterator[Change]:
    """In an order in which nothing is removed before what names it."""
    kinds: list[tuple[Kind, Mapping[Any, object], Mapping[Any, object]]] = [
        ("alert", before.alerts, target.alerts),
        ("workflow", before.workflows, target.workflows),
        ("mailbox", before.mailboxes, target.mailboxes),
        ("prompt", before.prompts, target.prompts),
        ("team", before.teams, target.teams),
    ]
    for kind, were, are in kinds:
        yield from (Change("-", kind, key) for key in were if key not in are)
    for name, campaign in before.campaigns.items():
        left = target.campaigns.get(name)
        yield from (
            Change("-", "list", each, name) for each in campaign.lists if left is None or each not in left.lists
        )
        if left is None:
            yield Change("-", "campaign", name)
    kinds = [
        ("strategy", before.strategies, target.strategies),
        ("lead status", before.lead_statuses, target.lead_statuses),
        ("user", before.users, target.users),
        ("role", before.roles, target.roles),
    ]
    for kind, were, are in kinds:
        yield from (Change("-", kind, key) for key in were if key not in are)


def _prompts(before: Mapping[str, Sound], after: Mapping[str, Sound]) -> Iterator[Change]:
    for name, prompt in after.items():
        was = before.get(name)
        if was is None:
            yield Change("+", "prompt", name)
        elif was != prompt:
            changed = [*_changed(was, prompt, PROMPT)]
            # the same file with another content
            yield Change("~", "prompt", name, details=tuple(changed) or ("its sound",))


def _workflows(before: Mapping[str, Workflow], after: Mapping[str, Workflow]) -> Iterator[Change]:
    for name, workflow in after.items():
        was = before.get(name)
        if was is None:
            yield Change("+", "workflow", name)
        elif was != workflow:
            changed = [*_changed(was, workflow, WORKFLOW), *_changed_steps(was.steps, workflow.steps)]
            yield Change("~", "workflow", name, details=tuple(changed) or ("the order of its steps",))


def _changed_steps(before: Iterable[Step], after: Iterable[Step]) -> Iterator[str]:
    was, now = {step.name: step for step in before}, {step.name: step for step in after}
    for name, step in now.items():
        if name not in was:
            yield f"+ step {toml.string(name)}"
        elif was[name] != step:
            yield f"~ step {toml.string(name)}"
    for name in was.keys() - now.keys():
        yield f"- step {toml.string(name)}"


def _strategies(before: Mapping[str, Strategy], after: Mapping[str, Strategy]) -> Iterator[Change]:
    for name, strategy in after.items():
        was = before.get(name)
        if was is None:
            yield Change("+", "strategy", name)
        elif was != strategy:
            changed = [
                LEAD_STATUS_NAMES.get(status, str(status))
                for status in sorted(was.outcomes.keys() | strategy.outcomes.keys())
                if was.outcomes.get(status) != strategy.outcomes.get(status)
            ]
            yield Change("~", "strategy", name, details=tuple(f"after {each}" for each in changed))


def _organisation(current: Centre | None, target: Centre) -> Iterator[Change]:
    name = target.organisation.name
    before = {} if current is None else {name: current.organisation}
    yield from _things("organisation", before, {name: target.organisation}, ORGANISATION)


def _inside(was: Campaign, campaign: Campaign) -> Iterator[Change]:
    for username in sorted(campaign.agents - was.agents):
        yield Change("+", "agent", username, campaign.name)
    for username in sorted(was.agents - campaign.agents):
        yield Change("-", "agent", username, campaign.name)
    yield from _descriptions("wrap code", was.wrap_codes, campaign.wrap_codes, campaign.name)
    for code, description in was.wrap_codes.items():
        if code not in campaign.wrap_codes:
            yield Change("-", "wrap code", code, campaign.name, (toml.string(description),))
    yield from _things("list", was.lists, campaign.lists, LIST, campaign.name)


def _things(
    kind: Kind,
    before: Mapping[str, object],
    after: Mapping[str, object],
    attributes: Mapping[str, str],
    campaign: str | None = None,
) -> Iterator[Change]:
    for key, thing in after.items():
        was = before.get(key)
        if was is None:
            yield Change("+", kind, key, campaign)
        elif details := tuple(_changed(was, thing, attributes)):
            yield Change("~", kind, key, campaign, details)


def _changed(was: object, thing: object, attributes: Mapping[str, str]) -> Iterator[str]:
    for key, attribute in attributes.items():
        read = attrgetter(attribute)
        old, new = read(was), read(thing)
        if old != new:
            yield f"{key} {_shown(old)} → {_shown(new)}"


def _shown(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    return "none" if value is None else toml.value(value)


def _descriptions(
    kind: Kind, before: Mapping[int, str], after: Mapping[int, str], campaign: str | None
) -> Iterator[Change]:
    shown: Callable[[str], str] = toml.string
    for code, description in after.items():
        was = before.get(code)
        if was is None:
            yield Change("+", kind, code, campaign, (shown(description),))
        elif was != description:
            yield Change("~", kind, code, campaign, (f"description {shown(was)} → {shown(description)}",))
