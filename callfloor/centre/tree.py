"""A centre as the keys and values of its file: what is written as TOML, and what the API says and takes as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, assert_never, cast

import msgspec

from callfloor.centre import keys
from callfloor.centre.alerts import ALERT
from callfloor.centre.mailboxes import MAILBOX
from callfloor.centre.people import ROLE, TEAM
from callfloor.centre.plan import Kind
from callfloor.contract.alerts import AlertRule
from callfloor.contract.centre import USUAL_DESK_GONE_S, Campaign, Centre, Organisation, User
from callfloor.contract.codes import LEAD_STATUS_NAMES
from callfloor.contract.destinations import USUAL
from callfloor.contract.dialling import Dialling, Outcome, Strategy
from callfloor.contract.mailboxes import Mailbox
from callfloor.contract.workflows import QueueSettings, Step, Workflow

Tree = dict[str, Any]


def tree(centre: Centre) -> Tree:
    """The whole centre. What is as usual is left out, and so is a kind of which there is nothing."""
    every: dict[str, Iterable[Tree]] = {
        "users": map(_usual_user, centre.users.values()),
        "roles": (_pairs(each, ROLE) for each in centre.roles.values()),
        "teams": (_pairs(each, TEAM) for each in centre.teams.values()),
        "leadStatuses": described(centre.lead_statuses),
        "strategies": map(strategy, centre.strategies.values()),
        "campaigns": map(_usual_campaign, centre.campaigns.values()),
        "mailboxes": map(mailbox, centre.mailboxes.values()),
        "prompts": (_pairs(each, keys.PROMPT) for each in centre.prompts.values()),
        "workflows": map(workflow, centre.workflows.values()),
        "alerts": map(_usual_alert, centre.alerts.values()),
    }
    listed = {kind: list(things) for kind, things in every.items()}
    found: Tree = {"organisation": _usual_organisation(centre.organisation)}
    return found | {kind: things for kind, things in listed.items() if things}


# One thing with every key, as the API shows it: what nobody set is null


def thing_of(centre: Centre, kind: Kind, key: str | int, within: str | None = None) -> Tree | None:
    """The thing of a kind by its name, username or code; None: it is not there. `within`: the campaign of a list, a
    wrap code or an agent."""
    name, code = str(key), int(key) if isinstance(key, int) else -1
    around = centre.campaigns.get(within or "")
    match kind:
        case "organisation":
            return _all(centre.organisation, keys.ORGANISATION) | _desk_gone(centre.organisation)
        case "user":
            return _shown(centre.users.get(name), keys.USER)
        case "role":
            return _shown(centre.roles.get(name), ROLE)
        case "team":
            return _shown(centre.teams.get(name), TEAM)
        case "alert":
            return _shown(centre.alerts.get(name), ALERT)
        case "prompt":
            return _shown(centre.prompts.get(name), keys.PROMPT)
        case "mailbox":
            return _shown(centre.mailboxes.get(name), MAILBOX)
        case "lead status":
            return _described(centre.lead_statuses, code)
        case "strategy":
            found = centre.strategies.get(name)
            return None if found is None else strategy(found)
        case "campaign":
            found = centre.campaigns.get(name)
            return None if found is None else campaign(found)
        case "workflow":
            found = centre.workflows.get(name)
            return None if found is None else workflow(found)
        case "list":
            return None if around is None else _shown(around.lists.get(name), keys.LIST)
        case "wrap code":
            return None if around is None else _described(around.wrap_codes, code)
        case "agent":
            return {"username": name} if around is not None and name in around.agents else None
        case _:
            assert_never(kind)


def _shown(thing: object | None, attributes: Mapping[str, str]) -> Tree | None:
    return None if thing is None else _all(thing, attributes)


def _described(descriptions: Mapping[int, str], code: int) -> Tree | None:
    return {"code": code, "description": descriptions[code]} if code in descriptions else None


def strategy(thing: Strategy) -> Tree:
    return {"name": thing.name, "outcomes": [_outcome(*each) for each in thing.outcomes.items()]}


def campaign(thing: Campaign) -> Tree:
    """Without lists and wrap codes, which are things of their own. Of an inbound one with its queue's keys, of an
    outbound one with those of the dialler."""
    found = _all(thing, keys.CAMPAIGN) | _all(thing.dialling, _dialling(thing))
    if thing.direction == "inbound":
        found |= _all(thing.queue, keys.QUEUE)
    return found | {"agents": sorted(thing.agents)}


def mailbox(thing: Mailbox) -> Tree:
    """Passwords stand elsewhere."""
    return _pairs(thing, MAILBOX)


def _usual_alert(thing: AlertRule) -> Tree:
    usual = AlertRule(thing.name, thing.kind)
    return {
        key: value
        for key, value in _pairs(thing, ALERT).items()
        if key in ("name", "kind") or getattr(thing, ALERT[key]) != getattr(usual, ALERT[key])
    }


def workflow(thing: Workflow) -> Tree:
    return _pairs(thing, keys.WORKFLOW) | {"steps": list(map(_step, thing.steps))}


def described(descriptions: Mapping[int, str]) -> list[Tree]:
    """Wrap codes or lead statuses."""
    return [{"code": code, "description": description} for code, description in descriptions.items()]


def _usual_organisation(thing: Organisation) -> Tree:
    usual = {"doNotCall"} if thing.do_not_call == "organisation" else set[str]()
    usual |= {"destinations"} if thing.destinations == USUAL else set()
    usual |= set() if thing.second_factor else {"secondFactor"}
    usual |= set() if thing.report_recipients else {"reportRecipients"}
    usual |= {"tellOfMonitoring"} if thing.tell_of_monitoring else set()
    usual |= {"deskGoneSeconds"} if thing.desk_gone_s == USUAL_DESK_GONE_S else set()
    found = _pairs(thing, {key: name for key, name in keys.ORGANISATION.items() if key not in usual})
    return found | _desk_gone(thing)


def _desk_gone(thing: Organisation) -> Tree:
    return {"deskGoneSeconds": "never"} if thing.desk_gone_s is None else {}


def _usual_user(thing: User) -> Tree:
    # one to whom no role was given, and who needs a desk
    usual = {"roles": thing.roles, "phoneWithoutDesk": thing.phone_without_desk}
    return _pairs(thing, {key: name for key, name in keys.USER.items() if usual.get(key, True)})


def _usual_campaign(thing: Campaign) -> Tree:
    found = _pairs(thing, keys.CAMPAIGN)
    hours = {"callingHours": found.pop("callingHours", None)}
    found |= _unusual(thing.dialling, Dialling(), _dialling(thing))
    hours["contactHours"] = found.pop("contactHours", None)
    if thing.direction == "inbound":
        found |= _unusual(thing.queue, QueueSettings(), keys.QUEUE)
    found["agents"] = sorted(thing.agents)
    if not thing.wrap_codes:
        found["wrapCodes"] = []
    found |= {key: value for key, value in hours.items() if value is not None}
    parts = {"lists": [_pairs(each, keys.LIST) for each in thing.lists.values()]}
    parts["wrapCodes"] = described(thing.wrap_codes)
    return found | {key: things for key, things in parts.items() if things}


def _dialling(thing: Campaign) -> dict[str, str]:
    """The keys of dialling that a campaign has."""
    outbound = thing.direction == "outbound"
    return {key: name for key, name in keys.DIALLING.items() if outbound or key in keys.OF_EVERY_CALL}


def _unusual(settings: Dialling | QueueSettings, usual: object, attributes: Mapping[str, str]) -> Tree:
    """The keys whose values differ from what they are when nobody says anything; "" for those that are cleared."""
    found: Tree = {}
    for key, name in attributes.items():
        value = getattr(settings, name)
        if value != getattr(usual, name):
            found[key] = "" if value is None else _plain(value)
    return found


def _outcome(status: int, outcome: Outcome) -> Tree:
    found: Tree = {"status": LEAD_STATUS_NAMES.get(status, status)}
    if outcome.recycle_minutes is None:
        found["recycleMinutes"] = "never"
    usual = Outcome()
    unusual = {key: name for key, name in keys.OUTCOME.items() if getattr(outcome, name) != getattr(usual, name)}
    return found | _pairs(outcome, unusual)


def _step(step: Step) -> Tree:
    given: Tree = _struct(step)
    return {"name": given.pop("name"), **given}


def _pairs(thing: object, attributes: Mapping[str, str]) -> Tree:
    """Without what is not there."""
    found = _all(thing, attributes)
    # hours without a day say that nobody is called; skills that nobody has say nothing
    return {key: value for key, value in found.items() if value is not None and (value != {} or key in _HOURS)}


_HOURS = frozenset({"callingHours", "contactHours"})


def _all(thing: object, attributes: Mapping[str, str]) -> Tree:
    return {key: _plain(getattr(thing, attribute)) for key, attribute in attributes.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _struct(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in cast("Iterable[Any]", value)]
    # 28 reads better than 28.0 and means the same
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _struct(value: msgspec.Struct) -> Tree:
    return cast(Tree, _plain(msgspec.to_builtins(value)))
