"""Who may apply which plan: nobody hands out, or takes over, what it may not do itself, or reads others' secrets."""

from __future__ import annotations

from collections.abc import Iterator

from callfloor.centre import CentreError, Plan
from callfloor.centre.lines import Path
from callfloor.centre.places import Places
from callfloor.centre.source import Mistake
from callfloor.contract.centre import Centre
from callfloor.contract.mailboxes import Account
from callfloor.errors import BeyondOwnScopes, ScopeMissing
from callfloor.rules.people.roles import roles_of, scopes_of, within
from callfloor.store.people.callers import Caller

_PEOPLE = frozenset({"user", "role", "team"})


def allow(caller: Caller, plan: Plan) -> None:
    """Raises `ScopeMissing` for changes of people without the scope for them, `BeyondOwnScopes` for users and roles
    that may do, before or after, what the caller may not, `CentreError` for passwords of others."""
    if not caller.may("people:write") and any(change.kind in _PEOPLE for change in plan.changes):
        raise ScopeMissing("The token lacks the scope people:write, which changes of users, roles and teams need.")
    before = None if plan.before is None else plan.before.organisation.single_sign_on
    if plan.after.organisation.single_sign_on != before and not caller.may("admin"):
        raise BeyondOwnScopes("Who vouches for people decides who is an administrator: one has to change it.")
    if not caller.may("retention:write") and any(was != now for was, now in _kept(plan)):
        raise ScopeMissing("The token lacks the scope retention:write, which changes of retention need.")
    _keep_secrets(plan)
    for what, scopes in _handed_out(plan):
        if not within(scopes, caller.scopes):
            raise BeyondOwnScopes(f"The {what} may do more than you: somebody who may do as much has to change it.")


def _handed_out(plan: Plan) -> Iterator[tuple[str, frozenset[str]]]:
    for change in plan.changes:
        name = str(change.key)
        for centre in (plan.before, plan.after):
            if centre is None:
                continue
            if change.kind == "role" and name in centre.roles:
                yield f"role {name}", frozenset(centre.roles[name].scopes)
            if change.kind == "user" and name in centre.users:
                yield f"user {name}", _scopes(centre, name)


def _kept(plan: Plan) -> Iterator[tuple[object, object]]:
    """How long what is kept, of the organisation and of each campaign, before and after."""
    before, after = plan.before, plan.after
    yield {} if before is None else before.organisation.retention, after.organisation.retention
    for name in {*after.campaigns, *(() if before is None else before.campaigns)}:
        was = None if before is None else before.campaigns.get(name)
        now = after.campaigns.get(name)
        if now is not None:
            yield {} if was is None else was.retention, now.retention


def _scopes(centre: Centre, username: str) -> frozenset[str]:
    user = centre.users[username]
    roles = roles_of(user.roles, user.user_type)
    own = (scope for role in roles if role in centre.roles for scope in centre.roles[role].scopes)
    return scopes_of(roles, own)


def _keep_secrets(plan: Plan) -> None:
    """The folder of passwords is the whole server's: over HTTP an account is given those of its organisation alone, or
    keeps what an operator gave it on the same server."""
    found: list[Mistake] = []
    places, prefix = Places(plan.source), f"organisation-{plan.organisation}."
    variable = f"CALLFLOOR_SECRET_{plan.organisation}_"

    def look(path: Path, keys: tuple[str, str], file: str | None, named: str | None) -> None:
        if file is not None and not file.rpartition("/")[2].startswith(prefix):
            found.append(Mistake(f"must begin with {prefix}", (*path, keys[0])))
        if named is not None and not named.startswith(variable):
            found.append(Mistake(f"must begin with {variable}", (*path, keys[1])))

    vouching = plan.after.organisation.single_sign_on
    if vouching is not None and (plan.before is None or vouching != plan.before.organisation.single_sign_on):
        path = ("organisation", "singleSignOn")
        look(path, ("secretFile", "secretVariable"), vouching.secret_file, vouching.secret_variable)
    for change in plan.changes:
        if change.kind != "mailbox" or change.sign == "-":
            continue
        was = None if plan.before is None else plan.before.mailboxes.get(str(change.key))
        now = plan.after.mailboxes[str(change.key)]
        path = places.of(change) or ()
        for kind in ("imap", "send"):
            account: Account | None = getattr(now, kind)
            if account is None or (was is not None and account == getattr(was, kind)):
                continue
            keys = "passwordFile", "passwordVariable"
            look((*path, kind), keys, account.password_file, account.password_variable)
    if found:
        found = [Mistake(each.message, each.path, plan.source.at(each.path)) for each in found]
        raise CentreError([each.message for each in found], found)
