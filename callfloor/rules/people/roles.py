"""Roles: named sets of scopes. Some are ready-made; an organisation adds its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from callfloor.contract.codes import SCOPES, Scope
from callfloor.contract.users import UserType

READY_MADE: Mapping[str, tuple[Scope, ...]] = {
    "agent": ("workspace",),
    "supervisor": (
        "workspace",
        "workspace:supervise",
        "campaigns:read",
        "campaigns:control",
        "activities:read",
        "media:read",
        "leads:read",
        "dialler:read",
        "users:read",
        "agents:write",
        "do-not-call:read",
        "reports:read",
        "reports:write",
        "setup:read",
    ),
    "administrator": ("admin",),
    "integrator": (
        "activities:read",
        "campaigns:read",
        "media:read",
        "leads:read",
        "leads:write",
        "customers:erase",
        "dialler:read",
        "users:read",
        "agents:write",
        "do-not-call:read",
        "do-not-call:write",
    ),
    "auditor": (
        "audit:read",
        "reports:read",
        "setup:read",
        "users:read",
        "campaigns:read",
        "activities:read",
        "dialler:read",
        "do-not-call:read",
    ),
}


def roles_of(given: Iterable[str], user_type: UserType) -> tuple[str, ...]:
    """The roles that a user has: an agent to whom none was given is an agent."""
    named = tuple(given)
    return named or (("agent",) if user_type == "agent" else ())


def scopes_of(roles: Iterable[str], own: Iterable[str]) -> frozenset[str]:
    """The scopes of roles. `own`: those of the organisation's roles among them. A role that is not known gives none."""
    ready = {scope for role in roles for scope in READY_MADE.get(role, ())}
    # a scope that was given by another version of the program is none
    return frozenset(ready | (set(own) & set(SCOPES)))


def within(scopes: Iterable[str], held: frozenset[str]) -> bool:
    """Whether who holds `held` may hand out `scopes`: nobody gives what it has not."""
    return "admin" in held or set(scopes) <= held
