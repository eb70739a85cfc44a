"""Setting up second factors, and taking them away."""

from __future__ import annotations

import secrets

from callfloor.api.audits import changes, own, unaudited
from callfloor.api.auth.me import person_of
from callfloor.api.auth.passkeys import shown_passkey
from callfloor.api.auth.people import others
from callfloor.api.auth.proof import count, expect_known, may_change, of_factor
from callfloor.api.call import Call, not_found
from callfloor.api.operation import operation
from callfloor.contract.auth import Factors, ProofOfPassword, RecoveryCodes, SecondFactorCode, TotpSecret
from callfloor.errors import (
    BeyondOwnScopes,
    FactorInPlace,
    NotAtThisStage,
    SignInAgain,
    SignInDelayed,
    Unauthenticated,
    WrongCode,
    WrongPassword,
)
from callfloor.rules.people.factors import SECRET_BYTES, demanded, otpauth_uri, secret_text, step_of
from callfloor.rules.people.passkeys import relying_party
from callfloor.rules.values.times import format_timestamp
from callfloor.store.people import factors, passkeys, passwords, users

_PROOF = [WrongPassword, SignInDelayed, SignInAgain, NotAtThisStage]
_CODES = ["m5zg-k3dp-nu4t-qy2l", "c7xw-2rvo-hb6j-ea3s"]


@operation(
    "GET",
    "/factors",
    scope="signing-in",
    summary="Own second factors",
    tag="factors",
    example={
        "totpTimestamp": "2021-08-01T13:55:06+10:00",
        "passkeys": [
            {
                "passkeyId": 1061,
                "name": "work laptop",
                "synced": False,
                "createdTimestamp": "2021-08-01T13:58:40+10:00",
                "lastUsedTimestamp": None,
            }
        ],
        "passkeysPossible": True,
        "recoveryCodes": 10,
        "demanded": True,
    },
)
async def get_factors(call: Call) -> Factors:
    """Which second factors you have, and whether the organisation demands one."""
    person = person_of(call.caller)
    own = await factors.own(call.db, call.organisation, person.user_id)
    keys = await passkeys.of_user(call.db, call.organisation, person.user_id)
    return Factors(
        totp_timestamp=None if own.totp_since is None else format_timestamp(own.totp_since, call.zone),
        passkeys=[shown_passkey(call, each) for each in keys],
        passkeys_possible=relying_party(call.services.settings.public_url) is not None,
        recovery_codes=own.recovery_codes,
        demanded=demanded(own.second_factor, person.roles),
    )


@operation(
    "POST",
    "/factors/totp",
    scope="signing-in",
    summary="Begin with an authenticator app",
    tag="factors",
    status=201,
    example={
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "uri": "otpauth://totp/Sample%20Centre:john.doe?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Sample%20Centre",
    },
    request={"currentPassword": "four words that rhyme not"},
    problems=[*_PROOF, FactorInPlace],
    secret=True,
    audits=unaudited("it counts, and is recorded, when it is confirmed"),
)
async def begin_totp(call: Call, body: ProofOfPassword) -> TotpSecret:
    """Make a secret for an authenticator app. It counts once a code of it was given (`/factors/totp/confirm`)."""
    await may_change(call, body.current_password)
    person, secret = person_of(call.caller), secrets.token_bytes(SECRET_BYTES)
    user = await users.get(call.db, call.organisation, person.user_id)
    if user is None:
        raise Unauthenticated("There is no such user any more.")
    if not await factors.begin_totp(call.db, call.organisation, person.user_id, secret, call.now):
        raise FactorInPlace("You have an authenticator app: remove it first.")
    uri = otpauth_uri(secret, call.caller.organisation.name, user["username"])
    return TotpSecret(secret=secret_text(secret), uri=uri)


@operation(
    "POST",
    "/factors/totp/confirm",
    scope="signing-in",
    summary="Confirm an authenticator app",
    tag="factors",
    example={"recoveryCodes": _CODES},
    request={"code": "492039"},
    problems=[WrongCode, SignInDelayed, FactorInPlace, NotAtThisStage],
    secret=True,
    audits=own("factor.add", "user"),
)
async def confirm_totp(call: Call, body: SecondFactorCode) -> RecoveryCodes:
    """Show by a code that the app has the secret. From now on signing in needs it. A session at the stage `enrol` is
    signed in by that. Keep the recovery codes apart from the device."""
    expect_known(call)
    user_id = person_of(call.caller).user_id
    secret = await factors.totp(call.db, call.organisation, user_id)
    if secret is None:
        raise not_found("secret to be confirmed")
    if secret.confirmed:
        raise FactorInPlace("Your authenticator app is confirmed already.")
    counted = of_factor(call)
    await count(call, counted)
    step = step_of(secret.secret, body.code, call.now)
    codes = None
    if step is not None:
        codes = await factors.spend_step(call.db, call.organisation, user_id, secret, step, call.now)
    if codes is None:
        raise WrongCode("That is not what the app shows now: is the device's clock right?")
    await passwords.count_success(call.db, counted, call.now)
    call.audit.entry(user_id, factor="totp")
    return RecoveryCodes(recovery_codes=list(codes))


@operation(
    "POST",
    "/factors/totp/remove",
    scope="signing-in",
    summary="Remove the authenticator app",
    tag="factors",
    status=204,
    request={"currentPassword": "four words that rhyme not"},
    problems=_PROOF,
    secret=True,
    audits=own("factor.remove", "user"),
)
async def remove_totp(call: Call, body: ProofOfPassword) -> None:
    """Sign in without the app from now on. With the last factor the recovery codes go too; where the organisation
    demands one, another has to be set up at once."""
    await may_change(call, body.current_password)
    if not await factors.remove_totp(call.db, call.organisation, person_of(call.caller).user_id):
        raise not_found("authenticator app")
    call.audit.entry(person_of(call.caller).user_id, factor="totp")


@operation(
    "POST",
    "/factors/recovery-codes",
    scope="signed-in",
    summary="Make new recovery codes",
    tag="factors",
    status=201,
    example={"recoveryCodes": _CODES},
    request={"currentPassword": "four words that rhyme not"},
    problems=_PROOF,
    secret=True,
    audits=own("factor.renew-codes", "user"),
)
async def renew_recovery_codes(call: Call, body: ProofOfPassword) -> RecoveryCodes:
    """Ten new recovery codes; those that you had are worth nothing any more."""
    await may_change(call, body.current_password)
    user_id = person_of(call.caller).user_id
    if not (await factors.own(call.db, call.organisation, user_id)).any:
        raise not_found("second factor that they would stand for")
    call.audit.entry(user_id)
    return RecoveryCodes(recovery_codes=list(await factors.renew_codes(call.db, call.organisation, user_id)))


@operation(
    "DELETE",
    "/users/{userId}/factors",
    scope="people:write",
    summary="Take a user's second factors away",
    tag="people",
    status=204,
    problems=[BeyondOwnScopes],
    audits=changes("factor.reset", "user"),
)
async def reset_user_factors(call: Call, user_id: int) -> None:
    """For whoever lost device and recovery codes: app, passkeys and codes are forgotten, and the user signs in with the
    password alone. Where the organisation demands a factor, a new one is then set up first. Be sure who asks."""
    await others(call, user_id)
    await factors.forget(call.db, call.organisation, user_id)
