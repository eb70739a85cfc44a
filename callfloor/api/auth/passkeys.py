"""Setting up passkeys, and taking them away."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asyncpg import Record

from callfloor.api.audits import own, unaudited
from callfloor.api.auth.me import person_of
from callfloor.api.auth.proof import count, expect_known, may_change, of_factor
from callfloor.api.call import Call, not_found
from callfloor.api.operation import operation
from callfloor.contract.auth import ProofOfPassword
from callfloor.contract.passkeys import (
    AddedPasskey,
    AuthenticatorSelection,
    KnownPasskey,
    NewPasskey,
    Passkey,
    PasskeyAlgorithm,
    PasskeyCreation,
    PasskeyOwner,
    PasskeyParty,
)
from callfloor.errors import (
    FactorInPlace,
    NotAtThisStage,
    PasskeysUnavailable,
    SignInAgain,
    SignInDelayed,
    Unauthenticated,
    WrongPasskey,
    WrongPassword,
)
from callfloor.rules.people.passkey_answers import verify_made
from callfloor.rules.people.passkeys import (
    ALGORITHMS,
    ANSWERED_WITHIN,
    MOST,
    RANDOM_BYTES,
    Bound,
    PasskeyError,
    Purpose,
    RelyingParty,
    challenge_end,
    challenge_of,
    make_challenge,
    packed,
    relying_party,
    user_handle,
)
from callfloor.rules.values.times import format_timestamp
from callfloor.store.people import challenges, passkeys, passwords, users

TIMEOUT_MS = int(ANSWERED_WITHIN.total_seconds() * 1000)
CREDENTIAL: dict[str, Any] = {
    "id": "pQECAyYgASFYIGx1bHp5",
    "type": "public-key",
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0",
        "attestationObject": "o2NmbXRkbm9uZWdhdHRTdG10oA",
        "transports": ["internal"],
    },
}


@operation(
    "POST",
    "/factors/passkeys/options",
    scope="signing-in",
    summary="Begin with a passkey",
    tag="factors",
    example={
        "rp": {"id": "calls.example.com", "name": "Sample Centre"},
        "user": {"id": "mbSWY3DPEHPK3PXPJBSWYw", "name": "john.doe", "displayName": "John Doe"},
        "challenge": "kP9ZtJ6hQv3m0x2c5XvQeRtAhTgJ0m7n7bqz2u3lY5m1h1Yw3kS8w0t9d2c5XvQeRtAhTgJ0",
        "pubKeyCredParams": [{"type": "public-key", "alg": each} for each in ALGORITHMS],
        "timeout": TIMEOUT_MS,
        "excludeCredentials": [],
        "authenticatorSelection": {"residentKey": "discouraged", "userVerification": "required"},
        "attestation": "none",
    },
    request={"currentPassword": "four words that rhyme not"},
    problems=[WrongPassword, SignInDelayed, SignInAgain, NotAtThisStage, PasskeysUnavailable, FactorInPlace],
    secret=True,
    audits=unaudited("a passkey counts, and is recorded, when it is added"),
)
async def begin_passkey(call: Call, body: ProofOfPassword) -> PasskeyCreation:
    """What a browser makes a passkey of (`PublicKeyCredential.parseCreationOptionsFromJSON`). Give what it makes to
    `POST /factors/passkeys`, in this session and within 5 minutes."""
    party = party_of(call)
    await may_change(call, body.current_password)
    user_id = person_of(call.caller).user_id
    user = await users.get(call.db, call.organisation, user_id)
    if user is None:
        raise Unauthenticated("There is no such user any more.")
    known = await _own(call)
    return PasskeyCreation(
        rp=PasskeyParty(id=party.id, name=call.caller.organisation.name),
        user=PasskeyOwner(id=packed(handle_of(call)), name=user["username"], display_name=user["full_name"]),
        challenge=packed(challenge_for(call, "register")),
        pub_key_cred_params=[PasskeyAlgorithm(type="public-key", alg=each) for each in ALGORITHMS],
        timeout=TIMEOUT_MS,
        exclude_credentials=known_to_browsers(known),
        authenticator_selection=AuthenticatorSelection(resident_key="discouraged", user_verification="required"),
        attestation="none",
    )


@operation(
    "POST",
    "/factors/passkeys",
    scope="signing-in",
    summary="Add a passkey",
    tag="factors",
    status=201,
    example={"passkeyId": 1061, "recoveryCodes": ["m5zg-k3dp-nu4t-qy2l", "c7xw-2rvo-hb6j-ea3s"]},
    request={"name": "work laptop", "credential": CREDENTIAL},
    problems=[WrongPasskey, SignInDelayed, FactorInPlace, NotAtThisStage, PasskeysUnavailable],
    secret=True,
    audits=own("factor.add", "user"),
)
async def add_passkey(call: Call, body: NewPasskey) -> AddedPasskey:
    """Keep a passkey that the browser made. From now on signing in needs it, or another factor that you have. A session
    at the stage `enrol` is signed in by that. Keep the recovery codes apart from the device."""
    party = party_of(call)
    expect_known(call)
    user_id = person_of(call.caller).user_id
    counted = of_factor(call)
    await count(call, counted)
    try:
        challenge = challenge_of(body.credential.response.client_data_json)
        until = answered(call, "register", challenge)
        made = verify_made(body.credential, party, challenge)
    except PasskeyError as error:
        raise WrongPasskey(f"The passkey was not added: {error}.") from error
    await _own(call)
    async with call.db.transaction():
        if not await challenges.spend(call.db, call.organisation, packed(challenge), until):
            raise WrongPasskey("The passkey was not added: the challenge was answered before.")
        added = await passkeys.add(call.db, call.organisation, user_id, body.name, made, call.now)
        if added is None:
            raise FactorInPlace("This passkey was added already.")
    await passwords.count_success(call.db, counted, call.now)
    passkey_id, codes = added
    call.audit.entry(user_id, factor="passkey", passkey=passkey_id)
    return AddedPasskey(passkey_id=passkey_id, recovery_codes=list(codes))


@operation(
    "POST",
    "/factors/passkeys/{passkeyId}/remove",
    scope="signing-in",
    summary="Remove a passkey",
    tag="factors",
    status=204,
    request={"currentPassword": "four words that rhyme not"},
    problems=[WrongPassword, SignInDelayed, SignInAgain, NotAtThisStage],
    secret=True,
    audits=own("factor.remove", "user"),
)
async def remove_passkey(call: Call, passkey_id: int, body: ProofOfPassword) -> None:
    """Sign in without this passkey from now on. With the last factor the recovery codes go too; where the organisation
    demands one, another has to be set up at once."""
    await may_change(call, body.current_password)
    user_id = person_of(call.caller).user_id
    if not await passkeys.remove(call.db, call.organisation, user_id, passkey_id):
        raise not_found("passkey of yours")
    call.audit.entry(user_id, factor="passkey", passkey=passkey_id)


def party_of(call: Call) -> RelyingParty:
    """For whom passkeys are made here. Raises `PasskeysUnavailable`."""
    party = relying_party(call.services.settings.public_url)
    if party is None:
        raise PasskeysUnavailable(
            "Passkeys need a public address with a name and TLS: the operator sets CALLFLOOR_PUBLIC_URL to https://NAME."
        )
    return party


def handle_of(call: Call) -> bytes:
    person, key = person_of(call.caller), call.caller.organisation.hash_key
    return user_handle(key, call.organisation, person.user_id)


def challenge_for(call: Call, purpose: Purpose) -> bytes:
    """A new challenge for the session that asks."""
    until, random = call.now + ANSWERED_WITHIN, secrets.token_bytes(RANDOM_BYTES)
    return make_challenge(call.caller.organisation.hash_key, _bound(call, purpose), until, random)


def answered(call: Call, purpose: Purpose, challenge: bytes) -> datetime:
    """Until when a challenge of the session that asks may be answered. Raises `PasskeyError`."""
    return challenge_end(call.caller.organisation.hash_key, _bound(call, purpose), challenge, call.now)


def known_to_browsers(rows: Sequence[Record]) -> list[KnownPasskey]:
    return [
        KnownPasskey(type="public-key", id=packed(row["credential_id"]), transports=list(row["transports"]))
        for row in rows
    ]


def shown_passkey(call: Call, row: Record) -> Passkey:
    used: datetime | None = row["last_used_at"]
    return Passkey(
        passkey_id=row["passkey_id"],
        name=row["name"],
        synced=row["synced"],
        created_timestamp=format_timestamp(row["created_at"], call.zone),
        last_used_timestamp=None if used is None else format_timestamp(used, call.zone),
    )


async def _own(call: Call) -> list[Record]:
    """Raises `FactorInPlace` for whoever has as many as one may."""
    known = await passkeys.of_user(call.db, call.organisation, person_of(call.caller).user_id)
    if len(known) >= MOST:
        raise FactorInPlace(f"You have {MOST} passkeys: remove one first.")
    return known


def _bound(call: Call, purpose: Purpose) -> Bound:
    return Bound(purpose, call.organisation, person_of(call.caller).user_id, call.caller.token_id)
