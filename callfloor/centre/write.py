"""A centre written as a centre file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from callfloor.centre import keys, mailboxes, people, toml
from callfloor.contract.centre import Campaign, Centre
from callfloor.contract.codes import LEAD_STATUS_NAMES
from callfloor.contract.dialling import Dialling, Strategy
from callfloor.contract.workflows import QueueSettings, Step

# one to whom no role was given
_USUAL_USER = {key: name for key, name in keys.USER.items() if key != "roles"}


def centre_file(centre: Centre) -> str:
    """TOML that, applied to this centre, changes nothing, and, applied to an empty database, makes it."""
    return "\n".join(_lines(centre)).strip("\n") + "\n"


def _lines(centre: Centre) -> Iterator[str]:
    yield "[organisation]"
    usual = {"doNotCall"} if centre.organisation.do_not_call == "organisation" else set[str]()
    usual |= {"destinations"} if centre.organisation.second_factor else {"destinations", "secondFactor"}
    yield from _pairs(centre.organisation, {key: name for key, name in keys.ORGANISATION.items() if key not in usual})
    policy: dict[str, toml.Value] = msgspec.to_builtins(centre.organisation.destinations)
    if policy:
        yield from ("", "[organisation.destinations]")
        yield from (f"{key} = {toml.value(value)}" for key, value in policy.items())
    for user in centre.users.values():
        yield from ("", "[[users]]")
        yield from _pairs(user, keys.USER if user.roles else _USUAL_USER)
    yield from people.lines(centre.roles, centre.teams)
    yield from _described("leadStatuses", centre.lead_statuses)
    for strategy in centre.strategies.values():
        yield from ("", "[[strategies]]", f"name = {toml.value(strategy.name)}")
        yield from _outcomes(strategy)
    for campaign in centre.campaigns.values():
        yield from ("", "[[campaigns]]")
        yield from _campaign(campaign)
    for mailbox in centre.mailboxes.values():
        yield from mailboxes.lines(mailbox)
    for prompt in centre.prompts.values():
        yield from ("", "[[prompts]]")
        yield from _pairs(prompt, keys.PROMPT)
    for workflow in centre.workflows.values():
        yield from ("", "[[workflows]]")
        yield from _pairs(workflow, keys.WORKFLOW)
        for step in workflow.steps:
            yield from ("", "[[workflows.steps]]")
            yield from _step(step)


def _step(step: Step) -> Iterator[str]:
    given: dict[str, toml.Value] = msgspec.to_builtins(step)
    given = {"name": given.pop("name"), **given}
    return (f"{key} = {toml.value(value)}" for key, value in given.items())


def _outcomes(strategy: Strategy) -> Iterator[str]:
    for status, outcome in strategy.outcomes.items():
        shown = LEAD_STATUS_NAMES.get(status, status)
        yield from ("", "[[strategies.outcomes]]", f"status = {toml.value(shown)}")
        if outcome.recycle_minutes is None:
            yield 'recycleMinutes = "never"'
        yield from _pairs(outcome, keys.OUTCOME)


def _campaign(campaign: Campaign) -> Iterator[str]:
    # tables come after all pairs
    plain = {key: name for key, name in keys.CAMPAIGN.items() if key != "callingHours"}
    yield from _pairs(campaign, plain)
    yield from _pairs(campaign.dialling, _set(campaign.dialling))
    yield from _queue(campaign.queue)
    yield f"agents = {toml.value(sorted(campaign.agents))}"
    if not campaign.wrap_codes:
        yield "wrapCodes = []"
    tables = {"callingHours": campaign.calling_hours, "contactHours": campaign.dialling.contact_hours}
    for key, hours in tables.items():
        if hours is not None:
            yield from ("", f"[campaigns.{key}]")
            yield from (f"{toml.key(day)} = {toml.value(windows)}" for day, windows in hours.items())
    for each in campaign.lists.values():
        yield from ("", "[[campaigns.lists]]")
        yield from _pairs(each, keys.LIST)
    yield from _described("campaigns.wrapCodes", campaign.wrap_codes)


def _set(dialling: Dialling) -> dict[str, str]:
    """The keys whose values differ from what they are when nobody says anything."""
    usual = Dialling()
    return {
        key: name
        for key, name in keys.DIALLING.items()
        if key != "contactHours" and getattr(dialling, name) != getattr(usual, name)
    }


def _queue(queue: QueueSettings) -> Iterator[str]:
    usual = QueueSettings()
    for key, name in keys.QUEUE.items():
        found = getattr(queue, name)
        if found != getattr(usual, name):
            yield f"{key} = {toml.value('' if found is None else found)}"


def _pairs(thing: object, attributes: Mapping[str, str]) -> Iterator[str]:
    for key, attribute in attributes.items():
        found = getattr(thing, attribute)
        if isinstance(found, msgspec.Struct):
            found = msgspec.to_builtins(found)
        if found is not None and found != {}:
            yield f"{key} = {toml.value(found)}"


def _described(table: str, descriptions: Mapping[int, str]) -> Iterator[str]:
    for code, description in descriptions.items():
        yield from ("", f"[[{table}]]", f"code = {code}", f"description = {toml.string(description)}")
