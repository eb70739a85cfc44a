"""Setting passwords: one's own, by a link, and links for others."""

from __future__ import annotations

from dataclasses import replace

from callfloor.api.audits import changes, own
from callfloor.api.auth.me import person_of
from callfloor.api.auth.people import others
from callfloor.api.auth.proof import prove_password
from callfloor.api.call import Call, invalid
from callfloor.api.operation import operation
from callfloor.contract.auth import PasswordByLink, PasswordChange, PasswordLink
from callfloor.errors import BeyondOwnScopes, LinkSpent, SignInDelayed, WrongPassword
from callfloor.rules.people.passwords import LINK_LIVES, PasswordError, link_address
from callfloor.rules.values.times import format_timestamp
from callfloor.store.db.pool import act_for
from callfloor.store.people import passwords


@operation(
    "PUT",
    "/password",
    scope="signed-in",
    summary="Change one's password",
    tag="password",
    status=204,
    request={"currentPassword": "four words that rhyme not", "newPassword": "another row of odd words"},
    problems=[WrongPassword, SignInDelayed],
    secret=True,
    audits=own("password.change", "user"),
)
async def change_password(call: Call, body: PasswordChange) -> None:
    """Set another password. Every other session of yours ends."""
    user_id = person_of(call.caller).user_id
    await prove_password(call, body.current_password)
    new = await _hashed(call, call.organisation, user_id, body.new_password)
    kept = call.caller.token_id if call.caller.session is not None else None
    await passwords.put(call.db, call.organisation, user_id, new, call.now, but=kept)
    call.audit.entry(user_id)


@operation(
    "POST",
    "/password/link",
    scope="anyone",
    summary="Set a password by a link",
    tag="password",
    status=204,
    request={"token": "cl_1_b1946ac92492d2347c6235b4d2611184x9Qm2kT0zRw", "newPassword": "another row of odd words"},
    problems=[LinkSpent],
    secret=True,
    audits=own("password.set-by-link", "user"),
)
async def set_password_by_link(call: Call, body: PasswordByLink) -> None:
    """Set the password of whom the link was made for. The link is spent then, and every session of that user ends."""
    key = passwords.link_key(body.token)
    if key is not None:
        act_for(key.organisation)
    user_id = None if key is None else await passwords.linked(call.db, key, call.now)
    if key is None or user_id is None:
        raise LinkSpent("This link was used already, or is too old; ask for another.")
    new = await _hashed(call, key.organisation, user_id, body.new_password)
    if await passwords.put_by_link(call.db, key, new, call.now) is None:
        raise LinkSpent("This link was used a moment ago; ask for another.")
    call.audit.belongs_to(key.organisation, replace(call.audit.by, type="user", id=user_id))
    call.audit.entry(user_id)


@operation(
    "POST",
    "/users/{userId}/link",
    scope="people:write",
    summary="Make a link to set a password",
    tag="people",
    status=201,
    example={
        "token": "cl_1_b1946ac92492d2347c6235b4d2611184x9Qm2kT0zRw",
        "uri": "https://calls.example.com/#/set-password/cl_1_b1946ac92492d2347c6235b4d2611184x9Qm2kT0zRw",
        "expiresTimestamp": "2021-08-04T13:55:06+10:00",
    },
    problems=[BeyondOwnScopes],
    secret=True,
    audits=changes("password.link", "user"),
)
async def create_password_link(call: Call, user_id: int) -> PasswordLink:
    """A link by which the user sets a password, once, within 72 hours. The present password stays until then."""
    await others(call, user_id)
    expires_at = call.now + LINK_LIVES
    token = await passwords.add_link(call.db, call.organisation, user_id, expires_at)
    host = call.headers.get(b"host", b"").decode("latin-1")
    address = call.services.settings.public_url or f"{'https' if call.secure else 'http'}://{host}"
    uri = link_address(address, token)
    return PasswordLink(token=token, uri=uri, expires_timestamp=format_timestamp(expires_at, call.zone))


async def _hashed(call: Call, organisation: int, user_id: int, password: str) -> str:
    """Raises `Invalid` for a password that is not taken."""
    known = await passwords.known_words(call.db, organisation, user_id)
    try:
        await call.services.hashing.check(password, known)
    except PasswordError as error:
        raise invalid("newPassword", error.code, str(error)) from error
    return await call.services.hashing.hash(password)
