"""`callfloor user`."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from asyncpg import Record

from callfloor.api.auth.hashing import HASHER
from callfloor.cli import recorded, session
from callfloor.cli.failures import CommandError
from callfloor.cli.tables import print_table
from callfloor.contract.centre import User
from callfloor.contract.users import UserType
from callfloor.rules.audit.entries import Entry, difference
from callfloor.rules.people.passwords import LINK_LIVES, PasswordError, check_password, link_address
from callfloor.rules.people.roles import READY_MADE, roles_of
from callfloor.rules.values.names import plain_name, unknown
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import factors, passwords, teams, users
from callfloor.store.setup import centres

LONGEST_NAME = 200
# Where the password comes from: a link that its owner opens, or standard input.
Source = Literal["link", "stdin"]


def create(
    settings: Settings,
    organisation: str | None,
    username: str,
    user_type: UserType,
    names: tuple[str, str],
    roles: Sequence[str],
    source: Source,
) -> None:
    """Make a user or agent with a password. `names`: first and last."""
    username, first, last = (plain_name(name) for name in (username, *names))
    if not username or not first or max(map(len, (username, first, last))) > LONGEST_NAME:
        raise CommandError(f"names have 1 to {LONGEST_NAME} characters")

    async def work(db: Database) -> str:
        row = await session.organisation(db, organisation)
        number = row["organisation_id"]
        known = [*READY_MADE, *await teams.roles(db, number)]
        wrong = [f"role {role} {unknown(role, known)}" for role in roles if role not in known]
        if wrong:
            raise CommandError("; ".join(wrong))
        async with db.transaction():
            if await users.by_name(db, number, username) is not None:
                raise CommandError(f"{row['name']} has a user {username} already")
            user_id = await centres.insert_user(db, number, User(username, user_type, first, last, roles=tuple(roles)))
            made = {"username": username, "type": user_type, "roles": sorted(roles)}
            await recorded.record(db, number, Entry("user.create", "user", (user_id,), None, difference(None, made)))
            return await _password(settings, db, number, user_id, source)

    print(session.run(settings, work))


def set_password(settings: Settings, organisation: str | None, username: str, source: Source) -> None:
    """Give a user another password, or print a link by which it chooses one."""

    async def work(db: Database) -> str:
        number, user = await _user(db, organisation, username)
        return await _password(settings, db, number, user["user_id"], source)

    print(session.run(settings, work))


async def _password(settings: Settings, db: Database, organisation: int, user_id: int, source: Source) -> str:
    now = datetime.now(UTC)
    if source == "link":
        async with db.transaction():
            token = await passwords.add_link(db, organisation, user_id, now + LINK_LIVES)
            await recorded.record(db, organisation, Entry("password.link", "user", (user_id,)))
        # not among what a program takes for the link
        print(f"good once, within {LINK_LIVES.total_seconds() / 3600:.0f} hours:", file=sys.stderr)
        host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - is told apart
        return link_address(settings.public_url or f"http://{host}:{settings.port}", token)
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    try:
        check_password(password, await passwords.known_words(db, organisation, user_id))
    except PasswordError as error:
        raise CommandError(f"the password {error}") from error
    hashed = HASHER.hash(password)
    async with db.transaction():
        await passwords.put(db, organisation, user_id, hashed, now)
        await recorded.record(db, organisation, Entry("password.set", "user", (user_id,)))
    return "the password is set; every session of the user has ended"


def switch(settings: Settings, organisation: str | None, username: str, *, active: bool) -> None:
    """Close an account, at once in every server, or open it again."""

    async def work(db: Database) -> str:
        number, user = await _user(db, organisation, username)
        before = {"accountActive": user["account_active"]}
        details = difference(before, {"accountActive": active})
        async with db.transaction():
            await users.set_active(db, number, user["user_id"], active, datetime.now(UTC))
            await recorded.record(db, number, Entry("user.update", "user", (user["user_id"],), None, details))
        return username

    print(f"{'opened' if active else 'closed'} the account of {session.run(settings, work)}")


def reset_factors(settings: Settings, organisation: str | None, username: str) -> None:
    """Forget a user's second factors: the password alone is enough, or a new one has to be set up."""

    async def work(db: Database) -> str:
        number, user = await _user(db, organisation, username)
        async with db.transaction():
            await factors.forget(db, number, user["user_id"])
            await recorded.record(db, number, Entry("factor.reset", "user", (user["user_id"],)))
        return username

    print(f"forgot the second factors of {session.run(settings, work)}")


async def _user(db: Database, organisation: str | None, username: str) -> tuple[int, Record]:
    row = await session.organisation(db, organisation)
    user = await users.by_name(db, row["organisation_id"], username)
    if user is None:
        raise CommandError(f"{row['name']} has no user or agent {username}")
    return row["organisation_id"], user


def show(settings: Settings, organisation: str | None, *, as_json: bool) -> None:
    """Print users and agents, as a table or as JSON."""

    async def work(db: Database) -> list[Record]:
        row = await session.organisation(db, organisation)
        return await users.overview(db, row["organisation_id"])

    shown = [
        {
            "userId": row["user_id"],
            "username": row["username"],
            "type": row["user_type"],
            "roles": list(roles_of(row["roles"], row["user_type"])),
            "active": row["account_active"],
            "hasPassword": row["has_password"],
            "sessions": row["sessions"],
        }
        for row in session.run(settings, work)
    ]
    if as_json:
        json.dump(shown, sys.stdout, indent=2, ensure_ascii=False)
        print()
        return
    columns = ("id", "name", "type", "roles", "state", "password", "sessions")
    print_table(columns, map(_cells, shown), folded=("name", "roles"))


def _cells(each: Mapping[str, object]) -> tuple[object, ...]:
    state = "active" if each["active"] else "closed"
    entry = "set" if each["hasPassword"] else "none"
    roles = " ".join(map(str, each["roles"])) or "-"  # pyright: ignore[reportArgumentType]
    return each["userId"], each["username"], each["type"], roles, state, entry, each["sessions"]
