"""Signing in: who one is, sessions, passwords, own tokens."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.centre import Direction
from callfloor.contract.fields import Request, Struct, Timestamp
from callfloor.contract.passkeys import Passkey
from callfloor.contract.users import UserType

Name = Annotated[str, Meta(min_length=1, max_length=200)]
# How long one may be, and how good it is, is said by the rule for passwords; more is not even read.
Secret = Annotated[str, Meta(min_length=1, max_length=1024)]
Stage = Literal["signed-in", "second-factor", "enrol"]
Factor = Literal["totp", "passkey", "recovery"]


class Provider(Struct):
    """A service that vouches for people: `POST /single-sign-on` begins there."""

    name: str


class SignInOptions(Struct):
    """`organisationNeeded`: the server has several, and a name may be in more than one. `passwordLength`: the least.
    `passwords`: they are taken. `singleSignOn`: of the only organisation, or of the one that is named."""

    organisation_needed: bool
    password_length: int
    passwords: bool
    single_sign_on: list[Provider]


class SignInOptionsQuery(Request):
    organisation: Name | None = None


class BeginSingleSignOn(Request):
    organisation: Name | None = None


class SingleSignOnAddress(Struct):
    """Where the browser goes on."""

    uri: str


class SingleSignOnReturn(Request):
    """What the provider gave the browser on its way back, by the names that it has in the address."""

    state: Annotated[str, Meta(min_length=1, max_length=200)]
    code: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    error: Annotated[str, Meta(max_length=200)] | None = None
    iss: Annotated[str, Meta(max_length=2048)] | None = None


class SignIn(Request):
    username: Name
    password: Secret
    organisation: Name | None = None


class MyOrganisation(Struct):
    organisation_id: int
    name: str
    timezone: str
    country: str


class MyCampaign(Struct):
    campaign_id: int
    name: str
    direction: Direction


class MyTeam(Struct):
    """`leads`: supervises it; else is one of its agents."""

    team_id: int
    name: str
    leads: bool


class MySession(Struct):
    """It ends at `expiresTimestamp`, or when nothing was asked with it for `idleMinutes`. `signOutUri`: where whoever
    leaves goes on, to leave the provider too; null: nowhere."""

    session_id: int
    created_timestamp: str
    expires_timestamp: str
    idle_minutes: int
    sign_out_uri: str | None


class SecondFactors(Struct):
    """`demanded`: the organisation wants one."""

    totp: bool
    passkeys: int
    recovery_codes: int
    demanded: bool


class Me(Struct):
    """Who is signed in. `scopes`: what one may do; `admin` is everything. `timezone`: one's own, else the
    organisation's. `campaigns`: those that an agent works for. `session`: null with a token."""

    user_id: int
    username: str
    first_name: str
    last_name: str
    full_name: str
    user_type: UserType
    email_address: str | None
    timezone: str
    organisation: MyOrganisation
    roles: list[str]
    scopes: list[str]
    campaigns: list[MyCampaign]
    teams: list[MyTeam]
    session: MySession | None
    second_factor: SecondFactors


class SignedIn(Struct):
    """`stage` other than `signed-in`: the session can do nothing yet but what leads there, with one of `factors`."""

    stage: Stage
    factors: list[Factor]
    me: Me | None


class SecondFactorCode(Request):
    """Six digits of an authenticator app, or a recovery code; spaces and hyphens do not matter."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]


class ProofOfPassword(Request):
    """`currentPassword`: not needed at the stage `enrol`, nor of somebody who has none and signed in within the last 10
    minutes."""

    current_password: Secret | None = None


class Factors(Struct):
    """Second factors of one's own. `totpTimestamp`: since when an authenticator app is used; null: none is.
    `passkeysPossible`: the server has an address that browsers make passkeys for. `recoveryCodes`: those that are left.
    `demanded`: the organisation wants a factor."""

    totp_timestamp: str | None
    passkeys: list[Passkey]
    passkeys_possible: bool
    recovery_codes: int
    demanded: bool


class TotpSecret(Struct):
    """`secret`: to be typed; `uri`: to be shown as a QR code. Shown now and never again."""

    secret: str
    uri: str


class RecoveryCodes(Struct):
    """Each takes the place of the second factor once. They are shown now and never again. Empty: those that you have
    hold still."""

    recovery_codes: list[str]


class PasswordChange(Request):
    current_password: Secret
    new_password: Secret


class PasswordByLink(Request):
    """`token`: the last part of the link."""

    token: Annotated[str, Meta(max_length=200)]
    new_password: Secret


class PasswordLink(Struct):
    """Sets the password once. It is shown now and never again."""

    token: str
    uri: str
    expires_timestamp: str


class OpenSession(Struct):
    """`current`: the one that asks."""

    session_id: int
    current: bool
    created_timestamp: str
    last_used_timestamp: str
    expires_timestamp: str
    address: str
    user_agent: str


class NewOwnToken(Request):
    """`scopes`: part of one's own [default: all of them]. `expiresTimestamp`: within a year [default: in 90 days]."""

    name: Name
    scopes: list[str] | None = None
    expires_timestamp: Timestamp | None = None


class OwnToken(Struct):
    token_id: int
    name: str
    scopes: list[str]
    created_timestamp: str
    expires_timestamp: str | None
    last_used_timestamp: str | None


class NewlyMadeToken(OwnToken):
    """`token` is shown now and never again."""

    token: str


class Role(Struct):
    """`readyMade`: of the program; others are the organisation's."""

    name: str
    scopes: list[str]
    ready_made: bool


class Team(Struct):
    """Ids of users: who supervises it, and its agents."""

    team_id: int
    name: str
    leaders: list[int]
    members: list[int]
