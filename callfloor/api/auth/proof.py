"""Showing once more who one is, before what would outlast a stolen session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from callfloor.api.auth.me import person_of
from callfloor.api.call import Call, invalid
from callfloor.errors import NotAtThisStage, SignInAgain, SignInDelayed, WrongPassword
from callfloor.rules.people.delays import OF_ADDRESS, OF_FACTOR, OF_USER
from callfloor.store.people import passwords
from callfloor.store.people.passwords import Counted

# Whoever has no password, but signs in elsewhere, has shown it so lately.
LATELY = timedelta(minutes=10)


async def count(call: Call, counted: Sequence[Counted]) -> None:
    """Count a try as failed before it is made. Raises `SignInDelayed`."""
    wait = await passwords.count_failure(call.db, counted, call.now)
    if wait:
        raise SignInDelayed(f"Too many tries have failed; wait {wait} s.", headers={"Retry-After": str(wait)})


def of_factor(call: Call) -> Sequence[Counted]:
    """Against whom a wrong code of whoever has the session is counted."""
    user_id = person_of(call.caller).user_id
    return [(call.organisation, f"factor {user_id}", OF_FACTOR), (0, f"address {call.address}", OF_ADDRESS)]


async def prove_password(call: Call, password: str) -> None:
    """Raises `WrongPassword`, `SignInDelayed`."""
    user_id = person_of(call.caller).user_id
    counted = [(call.organisation, f"user {user_id}", OF_USER)]
    await count(call, counted)
    known = await passwords.hash_of_user(call.db, call.organisation, user_id)
    if not await call.services.hashing.verify(password, known):
        raise WrongPassword("That is not your password.")
    await passwords.count_success(call.db, counted, call.now)


async def prove_again(call: Call, password: str | None) -> None:
    """Before something changes that lets one in. Raises `Invalid`, `WrongPassword`, `SignInDelayed`, `SignInAgain`."""
    if call.caller.stage == "enrol":
        return
    if password is not None:
        await prove_password(call, password)
        return
    if await passwords.hash_of_user(call.db, call.organisation, person_of(call.caller).user_id) is not None:
        raise invalid("currentPassword", "missing", "is needed for this")
    session = call.caller.session
    if session is None or call.now - session.created_at > LATELY:
        raise SignInAgain("You have no password: sign in again, then do this within 10 minutes.")


def expect_known(call: Call) -> None:
    """Raises `NotAtThisStage` for who has factors and has not shown one yet."""
    if call.caller.stage == "second-factor":
        raise NotAtThisStage("Give the second factor that you have first.")


async def may_change(call: Call, password: str | None) -> None:
    """Whether factors may be changed by whom asks. Raises `NotAtThisStage` and what `prove_again` does."""
    expect_known(call)
    await prove_again(call, password)
