"""The step after the password, with a passkey."""

from __future__ import annotations

from callfloor.api.audits import own, unaudited
from callfloor.api.auth.attempts import failed, succeeded
from callfloor.api.auth.me import person_of
from callfloor.api.auth.opening import raise_session
from callfloor.api.auth.passkeys import (
    CREDENTIAL,
    TIMEOUT_MS,
    answered,
    challenge_for,
    handle_of,
    known_to_browsers,
    party_of,
)
from callfloor.api.auth.proof import count, of_factor
from callfloor.api.auth.signing_in import SIGNED_IN
from callfloor.api.call import Answer, Call, not_found
from callfloor.api.operation import operation
from callfloor.contract.auth import SignedIn
from callfloor.contract.passkeys import PasskeyAnswer, PasskeyRequest
from callfloor.errors import NotAtThisStage, PasskeyCopied, PasskeysUnavailable, SignInDelayed, WrongPasskey
from callfloor.rules.people.passkey_answers import verify_shown
from callfloor.rules.people.passkeys import PasskeyError, challenge_of, packed, unpacked, went_back
from callfloor.store.people import challenges, passkeys, passwords

_SHOWN = {
    "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
    "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ",
    "signature": "MEUCIQDqZ0mFh3m7n7bqz2u3lY5m1h1Yw3kS8w0t9d2c5XvQeQ",
}


@operation(
    "POST",
    "/session/passkey/options",
    scope="signing-in",
    summary="Begin to go on with a passkey",
    tag="session",
    example={
        "challenge": "kP9ZtJ6hQv3m0x2c5XvQeRtAhTgJ0m7n7bqz2u3lY5m1h1Yw3kS8w0t9d2c5XvQeRtAhTgJ0",
        "timeout": TIMEOUT_MS,
        "rpId": "calls.example.com",
        "allowCredentials": [{"type": "public-key", "id": CREDENTIAL["id"], "transports": ["internal"]}],
        "userVerification": "required",
    },
    problems=[NotAtThisStage, PasskeysUnavailable],
    secret=True,
    audits=unaudited("signing in is recorded, with what was shown"),
)
async def begin_to_show_passkey(call: Call) -> PasskeyRequest:
    """What a browser asks a passkey (`PublicKeyCredential.parseRequestOptionsFromJSON`). Give what it gives to
    `POST /session/passkey`, in this session and within 5 minutes."""
    _expect_waiting(call)
    party = party_of(call)
    known = await passkeys.of_user(call.db, call.organisation, person_of(call.caller).user_id)
    if not known:
        raise not_found("passkey of yours")
    return PasskeyRequest(
        challenge=packed(challenge_for(call, "sign-in")),
        timeout=TIMEOUT_MS,
        rp_id=party.id,
        allow_credentials=known_to_browsers(known),
        user_verification="required",
    )


@operation(
    "POST",
    "/session/passkey",
    scope="signing-in",
    summary="Go on with a passkey",
    tag="session",
    example=SIGNED_IN,
    request={"credential": {"id": CREDENTIAL["id"], "type": "public-key", "response": _SHOWN}},
    problems=[WrongPasskey, PasskeyCopied, SignInDelayed, NotAtThisStage, PasskeysUnavailable],
    secret=True,
    audits=own("sign-in", "user"),
)
async def show_passkey(call: Call, body: PasskeyAnswer) -> Answer[SignedIn]:
    """Give what a passkey of yours answered. Each challenge is taken once. The cookie is another one then."""
    _expect_waiting(call)
    party_of(call)
    counted = of_factor(call)
    await count(call, counted)
    user_id = person_of(call.caller).user_id
    try:
        await _prove(call, user_id, body)
    except PasskeyError as error:
        failed(call, call.organisation, user_id, "passkey")
        raise WrongPasskey(f"The passkey was not accepted: {error}.") from error
    except PasskeyCopied:
        failed(call, call.organisation, user_id, "passkey-counter")
        raise
    await passwords.count_success(call.db, counted, call.now)
    answer = await raise_session(call, "passkey")
    succeeded(call, call.organisation, user_id, answer.value.stage, "passkey")
    return answer


async def _prove(call: Call, user_id: int, body: PasskeyAnswer) -> None:
    """Raises `PasskeyError`, `PasskeyCopied`."""
    given = body.credential
    challenge = challenge_of(given.response.client_data_json)
    until = answered(call, "sign-in", challenge)
    credential_id = unpacked(given.id)
    known = await passkeys.of_user(call.db, call.organisation, user_id)
    row = next((each for each in known if each["credential_id"] == credential_id), None)
    if row is None:
        raise PasskeyError("it is none of yours")
    counter = verify_shown(given, party_of(call), challenge, row["public_key"], handle_of(call))
    if not await challenges.spend(call.db, call.organisation, packed(challenge), until):
        raise PasskeyError("the challenge was answered before")
    copied = went_back(row["sign_count"], counter)
    # another use may come between
    if copied or not await passkeys.use(call.db, call.organisation, user_id, row["passkey_id"], counter, call.now):
        raise PasskeyCopied(
            "This passkey has been used more often than it says: there may be a copy of it. Sign in with another factor"
            " or a recovery code, and remove it."
        )


def _expect_waiting(call: Call) -> None:
    if call.caller.stage != "second-factor":
        raise NotAtThisStage("The session does not wait for a second factor.")
