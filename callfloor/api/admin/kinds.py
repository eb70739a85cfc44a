"""The kinds of things that administrators set: where each stands in a centre file, its types, and who may change it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from callfloor.centre.plan import Kind
from callfloor.centre.tree import thing_of
from callfloor.contract import setup
from callfloor.contract.centre import Campaign, Centre, List, Team, User
from callfloor.contract.codes import Access
from callfloor.contract.fields import Request, Struct
from callfloor.store.setup.centres import Stored

Blank = Callable[[Centre, str, str | None], Centre]


@dataclass(frozen=True, slots=True)
class ThingKind:
    """`key`: in a centre file, and in paths. `identity`: what tells things of the kind apart. `number`: the name of the
    id that they have besides it, by which paths name them then. `inside`: they are of a campaign. `blank`: the centre
    with a thing as if nobody had set anything of it, which a PUT begins with."""

    key: str
    kind: Kind
    settings: type[Request]
    identity: str
    blank: Blank
    example: Mapping[str, Any]
    one: str
    number: str | None = None
    inside: bool = False
    scope: Access = "setup:write"

    @property
    def path(self) -> str:
        around = "/campaigns/{campaignId}" if self.inside else ""
        return f"{around}/{_dashed(self.key)}"

    @property
    def named(self) -> str:
        """What paths name a thing by."""
        return self.number or self.identity

    def names(self, centre: Centre, within: str | None) -> list[str | int]:
        """Of all things of the kind, in the order of a centre file."""
        if self.inside:
            campaign = centre.campaigns[within or ""]
            return list(campaign.lists if self.kind == "list" else campaign.wrap_codes)
        attribute = "lead_statuses" if self.kind == "lead status" else self.key
        return list(getattr(centre, attribute))

    def id_of(self, stored: Stored, key: str | int, within: str | None) -> int | None:
        """The id of a thing; None: it has none."""
        if self.kind == "list":
            return stored.lists[within or "", str(key)]
        ids = {"user": stored.users, "campaign": stored.campaigns, "workflow": stored.workflows, "team": stored.teams}
        return None if self.number is None else ids[self.kind][str(key)]

    def shown(self, stored: Stored, key: str | int, within: str | None) -> dict[str, Any] | None:
        """The thing with its id, as the API says it; None: it is not there."""
        found = thing_of(stored.centre, self.kind, key, within)
        if found is None:
            return None
        number = {} if self.number is None else {self.number: self.id_of(stored, key, within)}
        return number | found

    def entry(self, tree: Mapping[str, Any], within: str | None) -> dict[str, Any]:
        """The tree of a centre file that has this of a thing."""
        if self.inside:
            return {"campaigns": [{"name": within, self.key: [tree]}]}
        return {self.key: [tree]}

    @property
    def place(self) -> tuple[str | int, ...]:
        """Where a thing stands in the tree of `entry`."""
        return ("campaigns", 0, self.key, 0) if self.inside else (self.key, 0)

    @property
    def answer(self) -> type[msgspec.Struct]:
        fields: list[Any] = [] if self.number is None else [(_snake(self.number), int)]
        for field in msgspec.structs.fields(self.settings):
            asked = field.name == self.identity
            fields.append((field.name, field.type) if asked else (field.name, field.type | None | UnsetType, UNSET))
        return msgspec.defstruct(
            self.one, fields, bases=(Struct,), module=__name__, kw_only=True, rename="camel",
            namespace={"__doc__": self.settings.__doc__},
        )  # fmt: skip

    @property
    def change(self) -> type[msgspec.Struct]:
        """What a PATCH takes: what is left out stays."""
        fields: list[Any] = [
            (field.name, field.type | None | UnsetType, UNSET)
            for field in msgspec.structs.fields(self.settings)
            if field.name != self.identity
        ]
        return msgspec.defstruct(
            f"{self.one}Update", fields, bases=(Request,), module=__name__, kw_only=True, rename="camel",
            forbid_unknown_fields=True, namespace={"__doc__": f"{self.settings.__doc__} What is left out stays."},
        )  # fmt: skip


def _dashed(key: str) -> str:
    return "".join(f"-{each.lower()}" if each.isupper() else each for each in key)


def _snake(key: str) -> str:
    return _dashed(key).replace("-", "_")


def _without(attribute: str) -> Blank:
    def blank(centre: Centre, key: str, _: str | None) -> Centre:
        things: Mapping[Any, Any] = getattr(centre, attribute)
        return replace(centre, **{attribute: {name: each for name, each in things.items() if str(name) != key}})

    return blank


def _user(centre: Centre, key: str, _: str | None) -> Centre:
    was = centre.users[key]
    return replace(centre, users={**centre.users, key: User(key, was.user_type, "", "")})


def _team(centre: Centre, key: str, _: str | None) -> Centre:
    return replace(centre, teams={**centre.teams, key: Team(key)})


def _campaign(centre: Centre, key: str, _: str | None) -> Centre:
    """Its lists and wrap codes are things of their own."""
    was = centre.campaigns[key]
    new = Campaign(key, was.direction, centre.organisation.timezone, lists=was.lists, wrap_codes=was.wrap_codes)
    return replace(centre, campaigns={**centre.campaigns, key: new})


def _list(centre: Centre, key: str, within: str | None) -> Centre:
    around = centre.campaigns[within or ""]
    campaign = replace(around, lists={**around.lists, key: List(key)})
    return replace(centre, campaigns={**centre.campaigns, around.name: campaign})


def _nothing(centre: Centre, _: str, __: str | None) -> Centre:
    return centre


PEOPLE: Access = "people:write"
_STEP = {"name": "bye", "type": "hangup"}
KINDS: tuple[ThingKind, ...] = (
    ThingKind(
        "users", "user", setup.UserSettings, "username", _user,
        {"username": "jane.doe", "type": "agent", "firstName": "Jane", "lastName": "Doe"}, "AdminUser", "userId",
        scope=PEOPLE,
    ),
    ThingKind(
        "roles", "role", setup.RoleSettings, "name", _without("roles"),
        {"name": "team lead", "scopes": ["workspace", "workspace:supervise"]}, "AdminRole", scope=PEOPLE,
    ),
    ThingKind(
        "teams", "team", setup.TeamSettings, "name", _team,
        {"name": "Day shift", "leaders": ["sam.lead"], "members": ["jane.doe"]}, "AdminTeam", "teamId", scope=PEOPLE,
    ),
    ThingKind(
        "leadStatuses", "lead status", setup.LeadStatusSettings, "code", _without("lead_statuses"),
        {"code": 100, "description": "Asked for a brochure"}, "LeadStatus",
    ),
    ThingKind(
        "strategies", "strategy", setup.StrategySettings, "name", _without("strategies"),
        {"name": "patient", "outcomes": [{"status": "No Answer", "recycleMinutes": 90}]}, "Strategy",
    ),
    ThingKind(
        "campaigns", "campaign", setup.CampaignSettings, "name", _campaign,
        {"name": "Sales", "direction": "outbound", "mode": "progressive", "agents": ["jane.doe"]}, "Campaign",
        "campaignId",
    ),
    ThingKind(
        "lists", "list", setup.ListSettings, "name", _list, {"name": "List One", "inDialler": True, "weight": 3},
        "CampaignList", "listId", inside=True,
    ),
    ThingKind(
        "wrapCodes", "wrap code", setup.WrapCodeSettings, "code", _nothing, {"code": 1, "description": "Sale"},
        "WrapCode", inside=True,
    ),
    ThingKind(
        "mailboxes", "mailbox", setup.MailboxSettings, "name", _without("mailboxes"),
        {"name": "Care", "address": "care@example.com", "campaign": "Support"}, "Mailbox",
    ),
    ThingKind(
        "prompts", "prompt", setup.PromptSettings, "name", _without("prompts"), {"name": "welcome", "text": "Welcome."},
        "StoredPrompt",
    ),
    ThingKind(
        "workflows", "workflow", setup.WorkflowSettings, "name", _without("workflows"),
        {"name": "Main line", "numbers": ["+61255500200"], "start": "bye", "steps": [_STEP]}, "Workflow", "workflowId",
    ),
    ThingKind(
        "alerts", "alert", setup.AlertSettings, "name", _without("alerts"),
        {"name": "Support waits", "kind": "longest-wait", "campaign": "Support", "threshold": 120}, "AlertRule",
    ),
)  # fmt: skip
