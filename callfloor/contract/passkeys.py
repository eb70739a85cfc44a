"""Passkeys, in the JSON of WebAuthn level 3: what `parseCreationOptionsFromJSON` takes and `toJSON` gives."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.fields import Request, Struct

Base64Url = Annotated[str, Meta(min_length=1, max_length=1400, description="base64url without padding.")]
Long = Annotated[str, Meta(min_length=1, max_length=16_384, description="base64url without padding.")]
PasskeyName = Annotated[str, Meta(min_length=1, max_length=100, description="By which you know it again.")]
Kind = Literal["public-key"]


class Passkey(Struct):
    """`synced`: may be copied to other devices of yours, as the maker of the device does it."""

    passkey_id: int
    name: str
    synced: bool
    created_timestamp: str
    last_used_timestamp: str | None


class PasskeyParty(Struct):
    id: str
    name: str


class PasskeyOwner(Struct):
    id: str
    name: str
    display_name: str


class PasskeyAlgorithm(Struct):
    type: Kind
    alg: int


class KnownPasskey(Struct):
    type: Kind
    id: str
    transports: list[str]


class AuthenticatorSelection(Struct):
    resident_key: Literal["discouraged"]
    user_verification: Literal["required"]


class PasskeyCreation(Struct):
    """What `navigator.credentials.create` is given. `timeout`: milliseconds."""

    rp: PasskeyParty
    user: PasskeyOwner
    challenge: str
    pub_key_cred_params: list[PasskeyAlgorithm]
    timeout: int
    exclude_credentials: list[KnownPasskey]
    authenticator_selection: AuthenticatorSelection
    attestation: Literal["none"]


class PasskeyRequest(Struct):
    """What `navigator.credentials.get` is given. `timeout`: milliseconds."""

    challenge: str
    timeout: int
    rp_id: str
    allow_credentials: list[KnownPasskey]
    user_verification: Literal["required"]


class MadeResponse(Struct):
    client_data_json: Base64Url = msgspec.field(name="clientDataJSON")
    attestation_object: Long
    transports: Annotated[list[Annotated[str, Meta(max_length=40)]], Meta(max_length=20)] = msgspec.field(
        default_factory=list[str]
    )


class MadePasskey(Struct):
    """What `navigator.credentials.create` gave, by `toJSON()`; what else stands in it is not read."""

    id: Base64Url
    type: Kind
    response: MadeResponse


class ShownResponse(Struct):
    client_data_json: Base64Url = msgspec.field(name="clientDataJSON")
    authenticator_data: Base64Url
    signature: Base64Url
    user_handle: Annotated[str, Meta(max_length=100)] | None = None


class ShownPasskey(Struct):
    """What `navigator.credentials.get` gave, by `toJSON()`; what else stands in it is not read."""

    id: Base64Url
    type: Kind
    response: ShownResponse


class NewPasskey(Request):
    name: PasskeyName
    credential: MadePasskey


class PasskeyAnswer(Request):
    credential: ShownPasskey


class AddedPasskey(Struct):
    """`recoveryCodes`: shown now and never again; empty: those that you have hold still."""

    passkey_id: int
    recovery_codes: list[str]
