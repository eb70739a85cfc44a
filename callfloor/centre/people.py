"""Roles and teams in a centre file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from callfloor.centre import values
from callfloor.centre.source import Report
from callfloor.centre.values import Table
from callfloor.contract.centre import Role, Team, User
from callfloor.contract.codes import SCOPES
from callfloor.rules.people.factors import EVERYONE
from callfloor.rules.people.roles import READY_MADE
from callfloor.rules.values.names import unknown

ROLE = {"name": "name", "scopes": "scopes"}
TEAM = {"name": "name", "leaders": "leaders", "members": "members"}
ROLES = values.tables({"name": values.text, "scopes": values.texts}, "name")
TEAMS = values.tables({"name": values.text, "leaders": values.texts, "members": values.texts}, "name")


def roles(report: Report, given: Iterable[Table], known: Mapping[str, Role]) -> dict[str, Role]:
    """The organisation's own roles with those of the file; one that is given has the scopes that are given."""
    found = dict(known)
    for table in given:
        name = table["name"]
        if name in READY_MADE:
            report.wrong((*table.path, "name"), "is a ready-made role, which cannot be changed; choose another name")
        if name == EVERYONE:
            report.wrong((*table.path, "name"), "stands for everybody under secondFactor; choose another name")
        if "scopes" not in table and name not in known:
            report.wrong(table.path, "has no scopes, which a new one needs")
        scopes: tuple[str, ...] | None = table.right("scopes")
        for index, scope in enumerate(scopes or ()):
            if scope not in SCOPES:
                report.wrong((*table.path, "scopes", index), unknown(scope, SCOPES))
        if scopes is not None:
            found[name] = Role(name, tuple(sorted(scopes)))
    return found


def check_user_roles(report: Report, given: Iterable[Table], known: Mapping[str, Role]) -> None:
    """Every role that the file gives to a user is one."""
    for table in given:
        for index, role in enumerate(table.right("roles") or ()):
            if role not in known and role not in READY_MADE:
                report.wrong((*table.path, "roles", index), unknown(role, [*READY_MADE, *known]))


def check_second_factor(report: Report, given: Table | None, known: Mapping[str, Role]) -> None:
    """Every role of which the file demands a second factor is one."""
    for index, role in enumerate((given and given.right("secondFactor")) or ()):
        if role != EVERYONE and role not in known and role not in READY_MADE:
            report.wrong(("organisation", "secondFactor", index), unknown(role, [EVERYONE, *READY_MADE, *known]))


def teams(
    report: Report, given: Iterable[Table], known: Mapping[str, Team], users: Mapping[str, User]
) -> dict[str, Team]:
    """Teams with those of the file; of one that is given, who leads it and who is in it is what is given."""
    found = dict(known)
    for table in given:
        named: dict[str, Any] = {}
        for key in ("leaders", "members"):
            listed: tuple[str, ...] | None = table.right(key)
            for index, username in enumerate(listed or ()):
                user = users.get(username)
                path = (*table.path, key, index)
                if user is None:
                    report.wrong(path, unknown(username, users))
                elif key == "members" and user.user_type != "agent":
                    report.wrong(path, "is a user, not an agent: name who supervises under leaders")
                elif key == "leaders" and user.user_type == "agent":
                    report.wrong(path, "is an agent: a supervisor is a user who is none")
            if listed is not None:
                named[key] = tuple(sorted(listed))
        was = found.get(table["name"], Team(table["name"]))
        found[table["name"]] = replace(was, **named)
    return found
