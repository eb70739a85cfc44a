"""Opening sessions: their stages, and the cookie."""

from __future__ import annotations

from datetime import timedelta

from callfloor.api.admission import COOKIE, SECURE_PREFIX
from callfloor.api.auth.me import me_of, person_of
from callfloor.api.call import Answer, Call
from callfloor.contract.auth import Factor, SignedIn
from callfloor.errors import NotAtThisStage, SignInFailed
from callfloor.rules.people.factors import WAITS_AT_MOST
from callfloor.rules.people.passkeys import relying_party
from callfloor.store.people import factors, sessions
from callfloor.store.people.callers import Caller


async def open_session(
    call: Call, organisation: int, user_id: int, factor: str | None = None, sign_out_uri: str | None = None
) -> Answer[SignedIn]:
    """Open a session for somebody who has proved who it is. `factor`: the second one that was shown, if any; without
    one a user who has some is asked first. `sign_out_uri`: where one leaves the provider. Raises `SignInFailed`."""
    settings = call.services.settings
    waits = factor is None and (await factors.own(call.db, organisation, user_id)).any
    longest = WAITS_AT_MOST if waits else timedelta(hours=settings.session_hours)
    secret = await sessions.begin(
        call.db, organisation, user_id, call.now,
        idle=timedelta(minutes=settings.session_idle_minutes), longest=longest,
        address=call.address, user_agent=call.headers.get(b"user-agent", b"").decode("latin-1"),
        waits=waits, factor=factor, sign_out_uri=sign_out_uri,
    )  # fmt: skip
    key = sessions.key_of(secret)
    caller = None if key is None else await sessions.find(call.db, key)
    if caller is None:
        raise SignInFailed("The account was closed a moment ago.")
    headers = {"Set-Cookie": cookie(call, secret), "Cache-Control": "no-store"}
    return Answer(await signed_in(call, caller), headers=headers)


async def raise_session(call: Call, factor: Factor) -> Answer[SignedIn]:
    """A second factor was shown: a session with another secret takes the place of the one that waited. Raises
    `NotAtThisStage` where it is gone meanwhile."""
    user_id = person_of(call.caller).user_id
    async with call.db.transaction():
        if not await sessions.end(call.db, call.organisation, user_id, call.caller.token_id):
            raise NotAtThisStage("The session was ended a moment ago.")
        waited = call.caller.session
        elsewhere = None if waited is None else waited.sign_out_uri
        return await open_session(call, call.organisation, user_id, factor, elsewhere)


async def signed_in(call: Call, caller: Caller) -> SignedIn:
    """At which stage a session is, and what would lead on."""
    if caller.stage == "signed-in":
        return SignedIn(stage=caller.stage, factors=[], me=await me_of(call, caller))
    possible = relying_party(call.services.settings.public_url) is not None
    if caller.stage == "enrol":
        return SignedIn(stage=caller.stage, factors=["totp", "passkey"] if possible else ["totp"], me=None)
    own = await factors.own(call.db, caller.organisation.organisation_id, person_of(caller).user_id)
    has: dict[Factor, bool] = {
        "passkey": possible and own.passkeys > 0,
        "totp": own.totp_since is not None,
        "recovery": own.recovery_codes > 0,
    }
    return SignedIn(stage=caller.stage, factors=[each for each, there in has.items() if there], me=None)


def cookie(call: Call, value: str) -> str:
    """Of a session: it lives as long as the browser does, and for no other site."""
    return named_cookie(call, COOKIE, value)


def named_cookie(call: Call, name: str, value: str) -> str:
    if over_tls(call):
        return f"{SECURE_PREFIX}{name}={value}; Path=/; Secure; HttpOnly; SameSite=Strict"
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Strict"


def over_tls(call: Call) -> bool:
    """Whether people reach the server over TLS, so that its cookies have the name that only it can set."""
    return call.secure or (call.services.settings.public_url or "").startswith("https:")
