"""What a centre file says of a provider that vouches for people: OpenID Connect."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

USUAL_SCOPES = ("openid", "profile", "email")
USUAL_PERSON = "preferred_username"
USUAL_GROUPS = "groups"


class SingleSignOn(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """`name`: what the button says. Its secret is in a file or in an environment variable, and nowhere else; None: the
    provider knows us by the redirect address alone. `roles`, `teams`: by what `groups_claim` holds. `roles` empty: they
    are as they are set here."""

    name: str
    issuer: str
    client_id: str
    secret_file: str | None = None
    secret_variable: str | None = None
    scopes: tuple[str, ...] = USUAL_SCOPES
    # a username here, or `email`, an address that the provider has verified
    person_claim: str = USUAL_PERSON
    groups_claim: str = USUAL_GROUPS
    roles: Mapping[str, str] = {}
    teams: Mapping[str, str] = {}
    # of people whom nobody here knows
    create_people: bool = False
    # the provider asks for a second factor by itself
    second_factor: bool = False
    # passwords of ours are taken too
    passwords: bool = True
    # whoever leaves here is sent to the provider to leave there
    sign_out: bool = False
