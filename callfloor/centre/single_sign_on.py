"""What a centre file says of single sign-on: `[organisation.singleSignOn]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.secrets import secret_file, secret_variable
from callfloor.centre.source import Report
from callfloor.centre.values import WRONG, Table, Wrong
from callfloor.contract.centre import Role, Team
from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.rules.people.roles import READY_MADE
from callfloor.rules.values.names import unknown

KEYS = {
    "name": "name",
    "issuer": "issuer",
    "clientId": "client_id",
    "secretFile": "secret_file",
    "secretVariable": "secret_variable",
    "scopes": "scopes",
    "personClaim": "person_claim",
    "groupsClaim": "groups_claim",
    "roles": "roles",
    "teams": "teams",
    "createPeople": "create_people",
    "secondFactor": "second_factor",
    "passwords": "passwords",
    "signOut": "sign_out",
}
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def _issuer(report: Report, path: Path, value: object) -> str | Wrong:
    """An issuer is compared letter by letter with what tokens say, so that nothing of it is changed."""
    found = values.text(report, path, value)
    if found is WRONG:
        return WRONG
    try:
        parts = urlsplit(found)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in ("https", "http") or parts.query or parts.fragment or "@" in parts.netloc:
        report.wrong(path, "must be an address such as https://login.example.com/realms/centre")
        return WRONG
    if parts.scheme == "http" and host not in _OWN_MACHINE:
        report.wrong(path, "must begin with https://: what it says would not be private")
        return WRONG
    return found


def _scopes(report: Report, path: Path, value: object) -> tuple[str, ...] | Wrong:
    found: tuple[str, ...] | Wrong = values.texts(report, path, value)
    if found is not WRONG and "openid" not in found:
        report.wrong(path, "must have openid among them")
        return WRONG
    return found


_TABLE = values.table(
    {
        "name": values.text,
        "issuer": _issuer,
        "clientId": values.text,
        "secretFile": secret_file,
        "secretVariable": secret_variable,
        "scopes": _scopes,
        "personClaim": values.text,
        "groupsClaim": values.text,
        "roles": values.mapping(values.text),
        "teams": values.mapping(values.text),
        "createPeople": values.flag,
        "secondFactor": values.flag,
        "passwords": values.flag,
        "signOut": values.flag,
    }
)


def single_sign_on(report: Report, path: Path, value: object) -> SingleSignOn | Wrong:
    """The whole of it: what is left out is as if nobody had said anything."""
    given: Table | Wrong = _TABLE(report, path, value)
    if not isinstance(given, Table):
        return WRONG
    missing = [key for key in ("name", "issuer", "clientId") if key not in given]
    for key in missing:
        report.wrong(path, f"has no {key}")
    if "secretFile" in given and "secretVariable" in given:
        report.wrong(path, "has a secretFile and a secretVariable: name one")
        return WRONG
    if given.right("createPeople") and not given.get("roles"):
        report.wrong((*path, "createPeople"), "needs roles: whoever comes would have none")
        return WRONG
    if missing or WRONG in given.values():
        return WRONG
    found: dict[str, Any] = {KEYS[key]: each for key, each in given.items()}
    return SingleSignOn(**found)


def check_named(
    report: Report, given: SingleSignOn | None, roles: Mapping[str, Role], teams: Mapping[str, Team]
) -> None:
    """Every role and team that it gives is one."""
    path: Path = ("organisation", "singleSignOn")
    for group, role in () if given is None else given.roles.items():
        if role not in roles and role not in READY_MADE:
            report.wrong((*path, "roles", group), unknown(role, [*READY_MADE, *roles]))
    for group, team in () if given is None else given.teams.items():
        if team not in teams:
            report.wrong((*path, "teams", group), unknown(team, teams))
