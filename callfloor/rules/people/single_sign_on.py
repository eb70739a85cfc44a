"""Single sign-on: what belongs to one attempt, and what the claims of a provider make of a person here."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.contract.users import UserType
from callfloor.rules.privacy.identifiers import EmailError, normalise_email
from callfloor.rules.values.names import plain_name

# From the press on the button to the way back, with whatever the provider asks in between.
LASTS = timedelta(minutes=10)
RANDOM_BYTES = 32
LONGEST_NAME = 200
# Of a provider that holds thousands of groups; more are not looked at.
MOST_GROUPS = 1000
_FORM = re.compile(r"([1-9][0-9]{0,17})\.([0-9]{1,10})\.([A-Za-z0-9_-]{43})")

Claims = Mapping[str, Any]


class NotVouchedError(ValueError):
    """The provider's word is not enough to sign in; the message says why and what to do. `code`: a word for which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the browser keeps of an attempt, in a cookie that only we can read out of it."""

    organisation: int
    until: datetime
    random: bytes

    def text(self) -> str:
        return f"{self.organisation}.{int(self.until.timestamp())}.{_packed(self.random)}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is told apart at the provider: `state` comes back with the code, `nonce` stands in its token, `verifier`
    (PKCE, RFC 7636) shows that who spends the code is who asked for it."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Vouched:
    """A person as the provider tells. `roles` None: they are as they are set here. `teams`: which of those that the
    provider decides about."""

    subject: str
    username: str | None
    email: str | None
    first_name: str
    last_name: str
    roles: tuple[str, ...] | None
    teams: frozenset[str]


def ticket_of(text: str) -> Ticket | None:
    """None: it has not the form of one."""
    form = _FORM.fullmatch(text) if len(text) <= 80 else None
    if form is None:
        return None
    return Ticket(int(form[1]), datetime.fromtimestamp(int(form[2]), UTC), urlsafe_b64decode(form[3] + "="))


def attempt_of(key: bytes, ticket: Ticket, provider: SingleSignOn) -> Attempt:
    """Of a ticket, with the organisation's key: nothing has to be kept, and nobody else can make a ticket that fits a
    state. Another provider, or another client there, makes another attempt of it."""
    said = f"callfloor single sign-on v1\n{ticket.text()}\n{provider.issuer}\n{provider.client_id}\n"
    state, nonce, verifier = (_packed(hmac.digest(key, f"{said}{what}".encode(), sha256)) for what in _PARTS)
    return Attempt(state, nonce, verifier)


_PARTS = ("state", "nonce", "verifier")


def expect_own(attempt: Attempt, ticket: Ticket, state: str, now: datetime) -> None:
    """Raises `NotVouchedError` unless whoever comes back went out from this browser, lately."""
    if not hmac.compare_digest(attempt.state.encode(), state.encode()) or ticket.until <= now:
        raise NotVouchedError("begin-again", "This sign-in was begun elsewhere, or too long ago: begin it again here.")


def vouched(claims: Claims, provider: SingleSignOn) -> Vouched:
    """Raises `NotVouchedError`."""
    groups = _groups(claims, provider.groups_claim)
    roles = None
    if provider.roles:
        roles = tuple(sorted({role for group, role in provider.roles.items() if group in groups}))
        if not roles:
            raise NotVouchedError(
                "no-role", f"{provider.name} gives you none of the groups that may work here: ask your administrator."
            )
    email = _email(claims)
    by_email = provider.person_claim == "email"
    username = None if by_email else _name(claims, provider.person_claim)
    if (email if by_email else username) is None:
        wanted = "a verified e-mail address" if by_email else provider.person_claim
        raise NotVouchedError("no-name", f"{provider.name} does not tell {wanted} of you: ask your administrator.")
    first, last = _name(claims, "given_name"), _name(claims, "family_name") or ""
    first = first or _name(claims, "name") or username or email or ""
    teams = frozenset(team for group, team in provider.teams.items() if group in groups)
    return Vouched(str(claims["sub"]), username, email, first, last, roles, teams)


def type_of(roles: tuple[str, ...]) -> UserType:
    """Of a person who is made: an agent, where that is all."""
    return "agent" if roles == ("agent",) else "user"


def claim(claims: Claims, name: str) -> Any:
    """By its name, else by the way to it, such as `realm_access.roles`; None: it is not there."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = cast("Mapping[str, Any]", found).get(part) if isinstance(found, Mapping) else None
    return found


def _groups(claims: Claims, name: str) -> frozenset[str]:
    found = claim(claims, name)
    listed = cast("list[Any]", found) if isinstance(found, list) else [found]
    return frozenset(each for each in listed[:MOST_GROUPS] if isinstance(each, str))


def _name(claims: Claims, name: str) -> str | None:
    found = claim(claims, name)
    plain = plain_name(found) if isinstance(found, str) and "\x00" not in found else ""
    return plain if 0 < len(plain) <= LONGEST_NAME else None


def _email(claims: Claims) -> str | None:
    """One that the provider has verified: anybody can write another's address into a profile."""
    found = claims.get("email")
    if not isinstance(found, str) or claims.get("email_verified") is not True:
        return None
    try:
        return normalise_email(found)
    except EmailError:
        return None


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
