"""The user behind a provider's word: found, linked or made, with roles and teams as the provider has them now."""

from __future__ import annotations

from dataclasses import replace

from asyncpg import Record

from callfloor.api.call import Call
from callfloor.contract.centre import User
from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.rules.people.single_sign_on import NotVouchedError, Vouched, type_of
from callfloor.store.people import identities
from callfloor.store.setup import centres


async def person_behind(call: Call, organisation: int, provider: SingleSignOn, person: Vouched) -> Record:
    """Id, and whether the account is active. Nothing of an account that is closed is changed. Raises
    `NotVouchedError`."""
    async with call.db.transaction():
        row = await identities.linked(call.db, organisation, provider.issuer, person.subject)
        if row is None:
            row = await _linked_anew(call, organisation, provider, person)
        if row["account_active"]:
            await identities.used(call.db, organisation, provider.issuer, person.subject, call.now)
            await _decide(call, organisation, provider, person, row)
        await call.audit.write()
    return row


async def _linked_anew(call: Call, organisation: int, provider: SingleSignOn, person: Vouched) -> Record:
    row = await identities.meant(call.db, organisation, person.username, person.email)
    if row is None:
        row = await _made(call, organisation, provider, person)
    elif not row["account_active"]:
        return row
    if not await identities.link(
        call.db, organisation, provider.issuer, person.subject, row["user_id"], call.now
    ):  # fmt: skip
        raise NotVouchedError(
            "other-identity",
            f"Somebody else at {provider.name} signs in here with your name: ask your administrator"
            " (DELETE /auth/v1/users/{userId}/identities).",
        )
    _by(call, organisation, row["user_id"])
    call.audit.entry(row["user_id"], action="identity.link", object_type="user", issuer=provider.issuer)
    return row


async def _made(call: Call, organisation: int, provider: SingleSignOn, person: Vouched) -> Record:
    if not provider.create_people or person.roles is None:
        raise NotVouchedError("unknown-person", "Nobody here has your name: ask your administrator for an account.")
    username = person.username or person.email or ""
    user = User(username, type_of(person.roles), person.first_name, person.last_name, person.email, roles=person.roles)
    # as whoever applies a centre file: one at a time
    await centres.lock(call.db)
    row = await identities.meant(call.db, organisation, username, None)
    if row is None:
        user_id = await centres.insert_user(call.db, organisation, user)
        _by(call, organisation, user_id)
        call.audit.entry(user_id, action="user.create", object_type="user", after={"roles": list(person.roles)})
        row = await identities.meant(call.db, organisation, username, None)
    if row is None:
        raise AssertionError("a user who was made is there")
    return row


async def _decide(call: Call, organisation: int, provider: SingleSignOn, person: Vouched, row: Record) -> None:
    user_id: int = row["user_id"]
    _by(call, organisation, user_id)
    before = sorted(row["roles"])
    if person.roles is not None and before != list(person.roles):
        await identities.set_roles(call.db, organisation, user_id, person.roles)
        call.audit.entry(
            user_id, action="user.update", object_type="user",
            before={"roles": before}, after={"roles": list(person.roles)},
        )  # fmt: skip
    decided = set(provider.teams.values())
    if decided:
        leads = row["user_type"] != "agent"
        came, left = await identities.set_teams(call.db, organisation, user_id, decided, person.teams, leads=leads)
        if came or left:
            call.audit.entry(user_id, action="team.update", object_type="user", came=came, left=left)


def _by(call: Call, organisation: int, user_id: int) -> None:
    call.audit.belongs_to(organisation, replace(call.audit.by, type="user", id=user_id))
