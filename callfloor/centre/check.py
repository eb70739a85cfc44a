"""From a centre file, and the centre as it is, to the centre that the file asks for; every mistake is found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, cast

import msgspec

from callfloor import regimes
from callfloor.centre import alerts, inbound, keys, mailboxes, people, removal, single_sign_on, values
from callfloor.centre.destinations import destinations
from callfloor.centre.lines import Path
from callfloor.centre.new_leads import check_new_leads, new_leads
from callfloor.centre.source import Report, Source
from callfloor.centre.values import WRONG, Table, Wrong
from callfloor.contract.centre import Campaign, Centre, Direction, List, Organisation, User
from callfloor.contract.codes import FIRST_OWN_LEAD_STATUS
from callfloor.contract.dialling import Dialling, Outcome, Strategy
from callfloor.contract.workflows import QueueSettings, Workflow
from callfloor.rules.dialling.holidays import has_calendar
from callfloor.rules.dialling.hours import Hours, HoursError, beyond, format_hours, parse_hours
from callfloor.rules.dialling.regimes import Regime
from callfloor.rules.privacy.retention import KINDS, MOST_DAYS
from callfloor.rules.routing.desks import LEAST_GONE_S
from callfloor.rules.values.names import plain_name, unknown
from callfloor.rules.values.phones import PhoneError, normalise

_DAYS = values.or_word("never", values.whole(1, MOST_DAYS))


def _retention(kinds: Iterable[str]) -> values.Check:
    """Days by kind; a kind that is left out, or "never", is kept for good."""
    table = values.table(dict.fromkeys(kinds, _DAYS))

    def check(report: Report, path: Path, value: object) -> dict[str, int] | values.Wrong:
        found = table(report, path, value)
        if found is WRONG or WRONG in found.values():
            return WRONG
        return {kind: days for kind, days in sorted(found.items()) if days is not None}

    return check


T = TypeVar("T", User, List, Campaign, Organisation)

_ORGANISATION: dict[str, values.Check] = {
    "name": values.text,
    "timezone": values.zone_name,
    "country": values.country,
    "newNumberRanges": values.countries,
    "doNotCall": values.choice("organisation", "campaign"),
    "destinations": destinations,
    "secondFactor": values.texts,
    "singleSignOn": values.clearable(single_sign_on.single_sign_on),
    "deskGoneSeconds": values.or_word("never", values.whole(LEAST_GONE_S, 3600)),
    "tellOfMonitoring": values.flag,
    "reportRecipients": values.recipients,
    "retention": _retention(KINDS),
}
_USER: dict[str, values.Check] = {
    "username": values.text,
    "firstName": values.text,
    "lastName": values.text_or_empty,
    "emailAddress": values.clearable(values.email),
    "type": values.choice("agent", "user"),
    "timezone": values.clearable(values.zone_name),
    "accountActive": values.flag,
    "skills": inbound.LEVELS,
    "roles": values.texts,
    "phoneWithoutDesk": values.flag,
}
_LIST: dict[str, values.Check] = {
    "name": values.text,
    "inDialler": values.flag,
    "weight": values.whole(0, 100),
    "strategy": values.clearable(values.text),
}
_DIALLING: dict[str, values.Check] = {
    "regime": values.clearable(values.choice(*regimes.names())),
    "contactHours": values.clearable(values.calling_hours),
    "holidays": values.clearable(values.calendar),
    "strategy": values.clearable(values.text),
    "maxAttemptsPerNumber": values.clearable(values.whole(1)),
    "maxAttemptsPerDay": values.clearable(values.whole(1)),
    "abandonmentCap": values.clearable(values.number(0, 1)),
    "graceSeconds": values.clearable(values.number(0, 60)),
    "ringSeconds": values.number(5, 120),
    "wrapUpSeconds": values.number(0, 3600),
    "wrapUpExtensionSeconds": values.number(0, 3600),
    "wrapUpExtensions": values.whole(0, 100),
    "transferWaitSeconds": values.number(0, 3600),
    "returnAfterMinutes": values.number(0, 7 * 24 * 60),
    "defaultWrapCode": values.clearable(values.whole(1)),
    "conversionWrapCodes": values.wholes(1),
    "previewSeconds": values.number(1, 3600),
    "previewTimeout": values.choice("dial", "skip", "pause"),
    "answeringMachines": values.choice("connect", "hang-up"),
    "personsTakenForMachines": values.number(0, 0.5),
    "record": values.flag,
    "maxLines": values.clearable(values.whole(1)),
    "newLeads": values.clearable(new_leads),
    "doNotCall": values.clearable(values.choice("organisation", "campaign")),
    "registerWash": values.choice("whenWashed", "required", "off"),
}
_OUTCOME: dict[str, values.Check] = {
    "status": values.lead_status,
    "recycleMinutes": values.or_word("never", values.number(0, 366 * 24 * 60)),
    "completeAfter": values.clearable(values.whole(1)),
    "priority": values.whole(-1000, 1000),
    "recycleOnStart": values.flag,
}
_CAMPAIGN: dict[str, values.Check] = {
    "name": values.text,
    "direction": values.choice("inbound", "outbound"),
    "timezone": values.zone_name,
    "mode": values.clearable(values.choice("preview", "progressive", "predictive")),
    "active": values.flag,
    "agents": values.texts,
    "numbers": values.texts,
    "maxAttempts": values.whole(1),
    "callingHours": values.clearable(values.calling_hours),
    # the audit is the organisation's
    "retention": _retention(kind for kind in KINDS if kind != "audit"),
    "lists": values.tables(_LIST, "name"),
    "wrapCodes": values.tables({"code": values.whole(1), "description": values.text}, "code"),
    **_DIALLING,
    **inbound.QUEUE,
}
_CENTRE: dict[str, values.Check] = {
    "organisation": values.table(_ORGANISATION),
    "users": values.tables(_USER, "username"),
    "leadStatuses": values.tables({"code": values.whole(FIRST_OWN_LEAD_STATUS), "description": values.text}, "code"),
    "strategies": values.tables({"name": values.text, "outcomes": values.tables(_OUTCOME, "status")}, "name"),
    "campaigns": values.tables(_CAMPAIGN, "name"),
    "roles": people.ROLES,
    "teams": people.TEAMS,
    "mailboxes": mailboxes.CHECK,
    "prompts": values.tables(inbound.PROMPT, "name"),
    "workflows": values.tables(inbound.WORKFLOW, "name"),
    "alerts": alerts.CHECK,
    "remove": removal.CHECK,
}


def organisation_name(source: Source) -> str | None:
    """The organisation that the file is about; None when it names none."""
    found = source.tree.get("organisation")
    name = cast(dict[str, object], found).get("name") if isinstance(found, dict) else None
    return plain_name(name) or None if isinstance(name, str) and "\x00" not in name else None


def check(source: Source, current: Centre | None, taken: Collection[str] = ()) -> Centre:
    """The centre that the file asks for. `current`: the organisation as it is; None: there is none of that name.
    `taken`: numbers that lead to other organisations.

    Raises `CentreError` with every mistake in the file.
    """
    report = Report(source, _country(source, current))
    read = values.table(_CENTRE)(report, (), source.tree)
    target = _Merge(report, source, current).centre(read, taken) if isinstance(read, Table) else None
    report.finish()
    if target is None:
        raise AssertionError("a file without mistakes describes a centre")
    return target


def _country(source: Source, current: Centre | None) -> str:
    """The organisation's country as far as it is known before the file is checked."""
    table = source.tree.get("organisation")
    found = cast(dict[str, object], table).get("country") if isinstance(table, dict) else None
    if isinstance(found, str):
        return found
    return "" if current is None else current.organisation.country


class _Merge:
    def __init__(self, report: Report, source: Source, current: Centre | None) -> None:
        self._report, self._source, self._current = report, source, current

    def centre(self, given: Table, taken: Collection[str]) -> Centre | None:
        organisation = self._organisation(given.get("organisation"))
        current = self._current
        users = dict(current.users) if current else {}
        statuses = dict(current.lead_statuses) if current else {}
        campaigns = dict(current.campaigns) if current else {}
        agents = {user.username for user in users.values() if user.user_type == "agent"}
        for table in given.right("users") or ():
            username = table["username"]
            self._fixed(table, "type", users.get(username), "user_type")
            user = self._merged(table, users.get(username), User, keys.USER, _NEW_USER)
            _put(users, username, user)
            # whatever is wrong with a user is said once, not again where it is listed
            if user is None or user.user_type == "agent" or table.get("type") is WRONG:
                agents.add(username)
        self._described(given.right("leadStatuses") or (), statuses)
        strategies = self._strategies(given.right("strategies") or ())
        for table in given.right("campaigns") or ():
            was = campaigns.get(table["name"])
            self._fixed(table, "direction", was, "direction")
            campaign = self._campaign(table, was, organisation, users, agents)
            self._check_strategies(table, strategies)
            _put(campaigns, table["name"], campaign)
        check_new_leads(self._report, given.right("campaigns") or (), campaigns)
        boxes = dict(current.mailboxes) if current else {}
        boxes = mailboxes.merge(self._report, given.right("mailboxes") or (), boxes, campaigns)
        prompts = inbound.prompts(
            self._report, self._source, given.right("prompts") or (), current.prompts if current else {}
        )
        workflows = self._workflows(given.right("workflows") or [], organisation)
        inbound.References(self._report, given, users, campaigns, prompts, workflows).check(taken)
        roles = people.roles(self._report, given.right("roles") or (), current.roles if current else {})
        people.check_user_roles(self._report, given.right("users") or (), roles)
        people.check_second_factor(self._report, given.right("organisation"), roles)
        teams = people.teams(self._report, given.right("teams") or (), current.teams if current else {}, users)
        rules = dict(current.alerts) if current else {}
        rules = alerts.merge(self._report, given.right("alerts") or (), rules, campaigns, boxes, organisation, users)
        if organisation is None:
            return None
        single_sign_on.check_named(self._report, organisation.single_sign_on, roles, teams)
        things = users, campaigns, statuses, strategies, boxes, prompts, workflows, roles, teams, rules
        whole = Centre(organisation, *things)
        return removal.without(self._report, given, whole)

    def _workflows(self, given: list[Table], organisation: Organisation | None) -> dict[str, Workflow]:
        if organisation is not None:
            for table in given:
                self._normalise(table, organisation)
        return inbound.workflows(self._report, given, self._current.workflows if self._current else {})

    def _strategies(self, given: Iterable[Table]) -> dict[str, Strategy]:
        """A strategy that is given has the outcomes that are given and no others."""
        strategies = dict(self._current.strategies) if self._current else {}
        for table in given:
            outcomes: dict[int, Outcome] = {}
            for each in table.right("outcomes") or ():
                found = {keys.OUTCOME[key]: value for key, value in each.items() if key != "status"}
                if WRONG not in found.values():
                    outcomes[each["status"]] = Outcome(**found)
            strategies[table["name"]] = Strategy(table["name"], outcomes)
        return strategies

    def _check_strategies(self, given: Table, strategies: Mapping[str, Strategy]) -> None:
        for table in (given, *(given.right("lists") or ())):
            name = table.right("strategy")
            if name is not None and name not in strategies:
                self._report.wrong((*table.path, "strategy"), unknown(name, strategies))

    def _organisation(self, given: Table | Wrong | None) -> Organisation | None:
        if given is None:
            self._report.wrong((), "[organisation] is missing")
        if not isinstance(given, Table):
            return None
        if "name" not in given:
            self._report.wrong(given.path, "has no name")
        if not given.right("name"):
            return None
        was = self._current.organisation if self._current else None
        return self._merged(given, was, Organisation, keys.ORGANISATION, ("name", "timezone", "country"))

    def _campaign(
        self,
        given: Table,
        was: Campaign | None,
        organisation: Organisation | None,
        users: Mapping[str, User],
        agents: set[str],
    ) -> Campaign | None:
        if was is None:
            given.setdefault("timezone", organisation.timezone if organisation else WRONG)
        direction = given.right("direction") or (was.direction if was else None)
        if given.right("mode") and direction == "inbound":
            self._report.wrong((*given.path, "mode"), "is for outbound campaigns only")
        if organisation is not None:
            self._normalise(given, organisation)
        campaign = self._merged(given, was, Campaign, keys.CAMPAIGN, ("direction", "timezone"))
        lists = dict(was.lists) if was else {}
        for table in given.right("lists") or ():
            name = table["name"]
            _put(lists, name, self._merged(table, lists.get(name), List, keys.LIST, ()))
        listed = self._agents(given, users, agents)
        wrap_codes = dict(was.wrap_codes) if was else {}
        if "wrapCodes" in given:
            tables: list[Table] = given.right("wrapCodes") or []
            wrap_codes = {table["code"]: wrap_codes.get(table["code"], "") for table in tables}
            self._described(tables, wrap_codes)
        dialling = self._dialling(given, was, direction, organisation, wrap_codes)
        queue = inbound.queue(self._report, given, was.queue if was else QueueSettings(), direction)
        if campaign is None:
            return None
        kept = campaign.agents if listed is None else listed
        return replace(campaign, lists=lists, agents=kept, wrap_codes=wrap_codes, dialling=dialling, queue=queue)

    def _dialling(
        self,
        given: Table,
        was: Campaign | None,
        direction: Direction | None,
        organisation: Organisation | None,
        wrap_codes: Mapping[int, str],
    ) -> Dialling:
        if direction == "inbound":
            for key in given.keys() & keys.DIALLING.keys() - keys.OF_EVERY_CALL:
                self._report.wrong((*given.path, key), "is for outbound campaigns only")
        found = {
            keys.DIALLING[key]: value for key, value in given.items() if key in keys.DIALLING and value is not WRONG
        }
        dialling = msgspec.structs.replace(was.dialling if was else Dialling(), **found)
        by_default = () if dialling.default_wrap_code is None else (dialling.default_wrap_code,)
        for key, codes in (("defaultWrapCode", by_default), ("conversionWrapCodes", dialling.conversion_wrap_codes)):
            for code in codes:
                if code not in wrap_codes:
                    listed = f"it has {', '.join(map(str, wrap_codes))}" if wrap_codes else "it has none"
                    self._report.wrong((*given.path, key), f"{code} is no wrap code of this campaign: {listed}")
        if organisation is not None:
            regime = regimes.regime_of(dialling.regime, organisation.country)
            self._check_contact(given, dialling, regime, organisation.country)
            for key, asked, most in (
                ("abandonmentCap", dialling.abandonment_cap, regime.abandonment_cap),
                ("graceSeconds", dialling.grace_seconds, regime.grace_s),
            ):
                if asked is not None and asked > most:
                    self._report.wrong((*given.path, key), f"must be at most {most:g}, as regime {regime.name} says")
        return dialling

    def _check_contact(self, given: Table, dialling: Dialling, regime: Regime, country: str) -> None:
        """When people are called is for the regime to widen."""
        hours = None if dialling.contact_hours is None else _readable(dialling.contact_hours)
        allowed = format_hours(regime.hours)
        for day in beyond(hours, regime.hours) if hours is not None else ():
            windows = ", ".join(allowed.get(day, ())) or "no calls"
            path = (*given.path, "contactHours", day)
            self._report.wrong(path, f"goes beyond the hours of regime {regime.name}, which allows {windows} then")
        calendar = regime.name if has_calendar(regime.name) else country
        if dialling.holidays is None or not regime.closed_on_holidays or not has_calendar(calendar):
            return
        if dialling.holidays.partition("-")[0] != calendar:
            why = f"must be {calendar} or a part of it, whose holidays regime {regime.name} keeps free"
            self._report.wrong((*given.path, "holidays"), why)

    def _agents(self, given: Table, users: Mapping[str, User], agents: set[str]) -> frozenset[str] | None:
        listed: tuple[str, ...] | None = given.right("agents")
        for index, username in enumerate(listed or ()):
            if username in agents:
                continue
            why = "is a user, not an agent" if username in users else unknown(username, agents)
            self._report.wrong((*given.path, "agents", index), why)
        return None if listed is None else frozenset(listed)

    def _normalise(self, given: Table, organisation: Organisation) -> None:
        """Put the numbers into E.164."""
        found: list[str] = []
        for index, number in enumerate(given.right("numbers") or ()):
            path: Path = (*given.path, "numbers", index)
            try:
                normal = normalise(number, organisation.country, organisation.new_number_ranges)
            except PhoneError as error:
                self._report.wrong(path, str(error))
                continue
            if normal in found:
                self._report.wrong(path, "stands here twice")
            found.append(normal)
        if given.right("numbers") is not None:
            given["numbers"] = tuple(found)

    def _merged(
        self,
        given: Table,
        was: T | None,
        make: Callable[..., T],
        attributes: Mapping[str, str],
        needed: Iterable[str],
    ) -> T | None:
        """`was` with what is given, or a new one; None when something that a new one needs is missing or wrong."""
        found: dict[str, Any] = {
            attributes[key]: value for key, value in given.items() if key in attributes and value is not WRONG
        }
        if was is not None:
            return replace(was, **found)
        for key in needed:
            if key not in given:
                self._report.wrong(given.path, f"has no {key}, which a new one needs")
        return make(**found) if all(attributes[key] in found for key in needed) else None

    def _described(self, given: Iterable[Table], known: dict[int, str]) -> None:
        for table in given:
            if not known.get(table["code"]) and "description" not in table:
                self._report.wrong(table.path, "has no description, which a new one needs")
            known[table["code"]] = table.right("description") or known.get(table["code"], "")

    def _fixed(self, given: Table, key: str, was: object, attribute: str) -> None:
        """Refuse a change of what cannot change."""
        before = None if was is None else getattr(was, attribute)
        if before is not None and given.right(key) not in (None, before):
            self._report.wrong((*given.path, key), f"is {before} in the database and cannot be changed")


_NEW_USER = ("username", "type", "firstName", "lastName")


def _put(known: dict[str, T], name: str, thing: T | None) -> None:
    if thing is not None:
        known[name] = thing


def _readable(hours: Mapping[str, tuple[str, ...]]) -> Hours | None:
    """None: some of it cannot be read, which is said elsewhere."""
    try:
        return parse_hours(hours)
    except HoursError:
        return None
