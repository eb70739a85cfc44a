"""Single sign-on: to the provider, and back with its word."""

from __future__ import annotations

import re
import secrets

import structlog
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # pyright: ignore[reportUnknownVariableType]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # pyright: ignore[reportUnknownVariableType]

from callfloor.api.admission import cookie
from callfloor.api.audits import changes, own, unaudited
from callfloor.api.auth.attempts import failed, succeeded
from callfloor.api.auth.opening import named_cookie, open_session, over_tls
from callfloor.api.auth.people import others
from callfloor.api.auth.proof import count
from callfloor.api.auth.providers import ProviderError
from callfloor.api.auth.signing_in import SIGNED_IN
from callfloor.api.auth.vouched_people import person_behind
from callfloor.api.call import Answer, Call, not_found
from callfloor.api.operation import operation
from callfloor.contract.auth import BeginSingleSignOn, SignedIn, SingleSignOnAddress, SingleSignOnReturn
from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.errors import (
    BeyondOwnScopes,
    ProviderUnavailable,
    SignInDelayed,
    SingleSignOnRefused,
    SingleSignOnUnavailable,
)
from callfloor.mail.secret_files import SecretFileError
from callfloor.mail.secret_files import read as read_secret
from callfloor.rules.people.delays import OF_ADDRESS
from callfloor.rules.people.id_tokens import IdTokenError, UnknownKeyError, claims_of
from callfloor.rules.people.single_sign_on import (
    LASTS,
    RANDOM_BYTES,
    Attempt,
    Claims,
    NotVouchedError,
    Ticket,
    attempt_of,
    claim,
    expect_own,
    ticket_of,
    vouched,
)
from callfloor.settings import secret_of
from callfloor.store.db.pool import act_for
from callfloor.store.people import challenges, identities, passwords

COOKIE = "callfloor_sign_in"
# The page of the console to which providers send people back.
PAGE = "/sign-in"
log = structlog.get_logger("callfloor.sign_in")
_WORD = re.compile(r"[a-z_]{1,60}")


@operation(
    "POST",
    "/single-sign-on",
    scope="anyone",
    summary="Begin to sign in with a provider",
    tag="session",
    example={
        "uri": "https://login.example.com/authorize?response_type=code&client_id=callfloor&state=f3Jm&nonce=Qz1k",
    },
    request={"organisation": "Sample Centre"},
    problems=[SingleSignOnUnavailable, ProviderUnavailable],
    secret=True,
    audits=unaudited("nobody is known yet; signing in is recorded, and failing to"),
)
async def begin_single_sign_on(call: Call, body: BeginSingleSignOn) -> Answer[SingleSignOnAddress]:
    """Where the browser goes on: the provider sends it back to `/sign-in` of this server, with `code` and `state` for
    `POST /single-sign-on/finish`. The answer sets a cookie that ties both to this browser, for 10 minutes.
    `organisation` is needed only where the server has several."""
    found = await identities.provider(call.db, body.organisation)
    if found is None:
        raise not_found("provider to sign in with")
    organisation, provider = found
    act_for(organisation)
    known = await identities.settings(call.db, organisation)
    if known is None:
        raise not_found("provider to sign in with")
    back = _back(call)
    try:
        discovery = await call.services.providers.discovery(provider)
    except ProviderError as error:
        raise _unavailable(provider) from error
    ticket = Ticket(organisation, call.now + LASTS, secrets.token_bytes(RANDOM_BYTES))
    attempt = attempt_of(known[1], ticket, provider)
    challenge = str(create_s256_code_challenge(attempt.verifier))  # pyright: ignore[reportUnknownArgumentType]
    uri = prepare_grant_uri(  # pyright: ignore[reportUnknownVariableType]
        discovery.authorization_endpoint, provider.client_id, "code", back, list(provider.scopes), attempt.state,
        nonce=attempt.nonce, code_challenge=challenge, code_challenge_method="S256",
    )  # fmt: skip
    address = str(uri)  # pyright: ignore[reportUnknownArgumentType]
    return Answer(SingleSignOnAddress(uri=address), headers=_keeping(call, ticket.text()))


@operation(
    "POST",
    "/single-sign-on/finish",
    scope="anyone",
    summary="Sign in with a provider's word",
    tag="session",
    example=SIGNED_IN,
    request={"code": "SplxlOBeZQQYbYS6WxSbIA", "state": "f3Jm2k"},
    problems=[SingleSignOnRefused, SingleSignOnUnavailable, ProviderUnavailable, SignInDelayed],
    secret=True,
    audits=own("sign-in", "user"),
)
async def finish_single_sign_on(call: Call, body: SingleSignOnReturn) -> Answer[SignedIn]:
    """Give what the provider sent the browser back with: `code` and `state`, or `error` and `state`, and `iss` where it
    is there. Each is taken once, from the browser that began. What then follows is as with `POST /session`. Roles and
    teams are read anew from what the provider says."""
    ticket = ticket_of(cookie(call.headers, COOKIE, secure=over_tls(call)) or "")
    if ticket is None:
        raise SingleSignOnRefused("begin-again", "This sign-in was not begun in this browser: begin it here.")
    act_for(ticket.organisation)
    known = await identities.settings(call.db, ticket.organisation)
    provider, key = known if known is not None else (None, b"")
    if provider is None:
        raise SingleSignOnRefused("begin-again", "Single sign-on was switched off meanwhile.")
    counted = [(0, f"address {call.address}", OF_ADDRESS)]
    await count(call, counted)
    try:
        attempt = attempt_of(key, ticket, provider)
        expect_own(attempt, ticket, body.state, call.now)
        if not await challenges.spend(call.db, ticket.organisation, body.state, ticket.until):
            raise NotVouchedError("begin-again", "This sign-in was finished already: begin it again.")
        claims, sign_out = await _claims(call, provider, attempt, body)
        person = vouched(claims, provider)
        row = await person_behind(call, ticket.organisation, provider, person)
    except NotVouchedError as error:
        raise SingleSignOnRefused(error.code, str(error)) from error
    except IdTokenError as error:
        raise SingleSignOnRefused("token-unproven", f"{provider.name} did not prove who you are: {error}.") from error
    except ProviderError as error:
        raise _unavailable(provider) from error
    user_id: int = row["user_id"]
    if not row["account_active"]:
        failed(call, ticket.organisation, user_id, "single-sign-on")
        raise SingleSignOnRefused("account-closed", "Your account here is closed: ask your administrator.")
    await passwords.count_success(call.db, counted, call.now)
    factor = "provider" if provider.second_factor else None
    answer = await open_session(call, ticket.organisation, user_id, factor, sign_out)
    succeeded(call, ticket.organisation, user_id, answer.value.stage, via="single-sign-on")
    return answer


@operation(
    "DELETE",
    "/users/{userId}/identities",
    scope="people:write",
    summary="Forget who a user is at the provider",
    tag="people",
    status=204,
    problems=[BeyondOwnScopes],
    audits=changes("identity.forget", "user"),
)
async def forget_user_identities(call: Call, user_id: int) -> None:
    """For whoever has another account at the provider now: the next to come with this user's name is linked anew."""
    await others(call, user_id)
    await identities.forget(call.db, call.organisation, user_id)


async def _claims(
    call: Call, provider: SingleSignOn, attempt: Attempt, body: SingleSignOnReturn
) -> tuple[Claims, str | None]:
    """What the provider says of whoever came back, and where it signs out. Raises `ProviderError`, `IdTokenError`,
    `NotVouchedError`."""
    providers, back = call.services.providers, _back(call)
    discovery = await providers.discovery(provider)
    # RFC 9207: an answer of another provider is not given to this one
    if body.iss != provider.issuer and (
        body.iss is not None or discovery.authorization_response_iss_parameter_supported
    ):
        raise NotVouchedError("begin-again", "The answer is not of the provider that was asked: begin again.")
    if body.code is None:
        word = body.error if body.error is not None and _WORD.fullmatch(body.error) else "no code"
        raise NotVouchedError("provider-declined", f"{provider.name} did not sign you in ({word}).")
    secret = _secret(call, provider)
    tokens = await providers.tokens(provider, discovery, secret, body.code, attempt.verifier, back)

    async def read(*, anew: bool) -> Claims:
        return claims_of(
            tokens.id_token, await providers.keys(discovery, anew=anew), issuer=provider.issuer,
            client_id=provider.client_id, nonce=attempt.nonce, access_token=tokens.access_token, now=call.now,
        )  # fmt: skip

    try:
        claims = await read(anew=False)
    except UnknownKeyError:
        claims = await read(anew=True)
    wanted = [provider.person_claim, *([provider.groups_claim] if provider.roles or provider.teams else [])]
    if tokens.access_token is not None and any(claim(claims, each) is None for each in wanted):
        # the token's word goes before what was not signed
        claims = {**await providers.user_info(discovery, tokens.access_token, claims["sub"]), **claims}
    return claims, _sign_out(call, provider, discovery.end_session_endpoint)


def _sign_out(call: Call, provider: SingleSignOn, endpoint: str | None) -> str | None:
    if endpoint is None or not provider.sign_out:
        return None
    home = call.services.settings.public_url or ""
    return str(add_params_to_uri(endpoint, [("client_id", provider.client_id), ("post_logout_redirect_uri", home)]))


def _secret(call: Call, provider: SingleSignOn) -> str | None:
    """Raises `SingleSignOnUnavailable` where it is not there."""
    if provider.secret_file is not None:
        try:
            return read_secret(call.services.settings.secrets_folder, provider.secret_file)
        except SecretFileError as error:
            log.error("single-sign-on-secret", reason=str(error))
            raise _no_secret() from error
    if provider.secret_variable is None:
        return None
    found = secret_of(provider.secret_variable)
    if found is None:
        log.error("single-sign-on-secret", reason=f"the environment variable {provider.secret_variable} is not set")
        raise _no_secret()
    return found


def _no_secret() -> SingleSignOnUnavailable:
    return SingleSignOnUnavailable("The secret of single sign-on is not where the centre file says; the log says more.")


def _back(call: Call) -> str:
    """Where the provider sends people back to, as it is registered there. Raises `SingleSignOnUnavailable`."""
    public = call.services.settings.public_url
    if public is None:
        raise SingleSignOnUnavailable(
            "Single sign-on needs the server's address: the operator sets CALLFLOOR_PUBLIC_URL."
        )
    return public + PAGE


def _unavailable(provider: SingleSignOn) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"{provider.name} cannot be asked at the moment: try again in a moment, and tell your administrator if it stays"
        " so; the server's log says why.",
        headers={"Retry-After": "15"},
    )


def _keeping(call: Call, ticket: str) -> dict[str, str]:
    lasts = f"; Max-Age={int(LASTS.total_seconds())}"
    return {"Set-Cookie": named_cookie(call, COOKIE, ticket) + lasts, "Cache-Control": "no-store"}
