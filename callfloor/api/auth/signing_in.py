"""Signing in with a password, and out."""

from __future__ import annotations

from typing import Any

from callfloor.api.audits import changes, own
from callfloor.api.auth.attempts import failed, succeeded
from callfloor.api.auth.me import ME, person_of
from callfloor.api.auth.opening import cookie, open_session, signed_in
from callfloor.api.auth.proof import count
from callfloor.api.call import Answer, Call
from callfloor.api.operation import operation
from callfloor.contract.auth import Provider, SignedIn, SignIn, SignInOptions, SignInOptionsQuery
from callfloor.errors import PasswordsOff, SignInDelayed, SignInFailed
from callfloor.rules.people.delays import OF_ADDRESS, OF_USER
from callfloor.rules.people.passwords import SHORTEST
from callfloor.store.db.pool import act_for, acting_for
from callfloor.store.people import identities, passwords, sessions
from callfloor.store.setup import organisations

SIGNED_IN: dict[str, Any] = {"stage": "signed-in", "factors": [], "me": ME}


@operation(
    "GET",
    "/options",
    scope="anyone",
    summary="How one may sign in",
    tag="session",
    example={
        "organisationNeeded": False,
        "passwordLength": SHORTEST,
        "passwords": True,
        "singleSignOn": [{"name": "Example ID"}],
    },
    query={"organisation": "Sample Centre"},
)
async def get_sign_in_options(call: Call, query: SignInOptionsQuery) -> SignInOptions:
    """What the page to sign in on shows. `organisation` is needed only where the server has several."""
    several = await organisations.several(call.db)
    found = await identities.provider(call.db, query.organisation)
    provider = None if found is None else found[1]
    return SignInOptions(
        organisation_needed=several,
        password_length=SHORTEST,
        passwords=provider is None or provider.passwords,
        single_sign_on=[] if provider is None else [Provider(name=provider.name)],
    )


@operation(
    "POST",
    "/session",
    scope="anyone",
    summary="Sign in",
    tag="session",
    example=SIGNED_IN,
    request={"username": "john.doe", "password": "four words that rhyme not"},
    problems=[SignInFailed, SignInDelayed, PasswordsOff],
    secret=True,
    audits=own("sign-in", "user"),
)
async def sign_in(call: Call, body: SignIn) -> Answer[SignedIn]:
    """Open a session; the answer sets its cookie, which a page never sees.

    Unknown names, wrong passwords and closed accounts have the same answer after the same time. After some failures
    with a name, or from an address, one has to wait, longer each time: `Retry-After` says how long. `organisation` is
    needed only where the name is known in several. `stage` says whether that was all: with `second-factor` the session
    waits 10 minutes for one of `factors`, and with `enrol` one has to be set up; until then it can do nothing else.
    """
    organisation, user_id = await _proven(call, body)
    act_for(organisation)
    known = await identities.settings(call.db, organisation)
    provider = None if known is None else known[0]
    if provider is not None and not provider.passwords:
        raise PasswordsOff(f"Your organisation takes no passwords: sign in with {provider.name}.")
    answer = await open_session(call, organisation, user_id)
    succeeded(call, organisation, user_id, answer.value.stage)
    return answer


@operation("GET", "/session", scope="signing-in", summary="How far one has signed in", tag="session", example=SIGNED_IN)
async def get_sign_in_stage(call: Call) -> SignedIn:
    """At which stage this session is, and with which factors it goes on. 401: nobody is signed in."""
    return await signed_in(call, call.caller)


async def _proven(call: Call, body: SignIn) -> tuple[int, int]:
    """The organisation and the user whose password it is. Raises `SignInFailed`, `SignInDelayed`."""
    row = await passwords.find(call.db, body.username, body.organisation)
    of_organisation: int = 0 if row is None else row["organisation_id"]
    named = f"{body.organisation or ''}\n{body.username}" if row is None else f"user {row['user_id']}"
    counted = [(of_organisation, named, OF_USER), (0, f"address {call.address}", OF_ADDRESS)]
    await count(call, counted)
    known: str | None = None if row is None else row["password_hash"]
    right = await call.services.hashing.verify(body.password, known)
    if row is None or known is None or not right or not row["account_active"]:
        if row is not None:
            failed(call, of_organisation, row["user_id"], "password")
        raise SignInFailed("The name or the password is wrong, or the account is closed.")
    await passwords.count_success(call.db, counted, call.now)
    if call.services.hashing.outdated(known):
        new = await call.services.hashing.hash(body.password)
        with acting_for(of_organisation):
            await passwords.rehash(call.db, of_organisation, row["user_id"], known, new)
    return of_organisation, row["user_id"]


@operation(
    "DELETE",
    "/session",
    scope="signing-in",
    summary="Sign out",
    tag="session",
    status=204,
    secret=True,
    audits=changes("sign-out", "user"),
)
async def sign_out(call: Call) -> Answer[None]:
    """End this session: its cookie goes, and its WebSockets are closed. A token stays as it is: revoke it."""
    if call.caller.session is not None:
        user_id = person_of(call.caller).user_id
        await sessions.end(call.db, call.organisation, user_id, call.caller.token_id)
        call.audit.entry(user_id)
    return Answer(None, headers={"Set-Cookie": cookie(call, "") + "; Max-Age=0", "Clear-Site-Data": '"cache"'})
