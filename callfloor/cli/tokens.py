"""`callfloor token`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from asyncpg import Record

from callfloor.cli import recorded, session
from callfloor.cli.failures import CommandError
from callfloor.cli.tables import print_table
from callfloor.contract.codes import SCOPES
from callfloor.rules.audit.entries import Entry
from callfloor.rules.people.token_lives import USUAL_LIFE
from callfloor.rules.values.names import unknown
from callfloor.rules.values.times import format_timestamp, zone
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens, users

LONGEST_NAME = 200
LONGEST_LIFE = timedelta(days=36_500)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
State = Literal["active", "expired", "revoked"]


def parse_scopes(text: str) -> tuple[str, ...]:
    """Scopes separated by commas; `all` is every one. Raises `CommandError`."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == ("all",):
        return SCOPES
    if not names:
        raise CommandError(f"--scopes is empty; known are {', '.join(SCOPES)} and all")
    wrong = [f"scope {name} {unknown(name, SCOPES)}" for name in names if name not in SCOPES]
    if wrong:
        raise CommandError("; ".join(wrong))
    return names


def end_of_life(text: str | None, now: datetime, *, of_person: bool) -> datetime | None:
    """When a token ends that is made now; None: never. `text` None: a person's after its usual life, others never.
    Raises `CommandError`."""
    if text == "never" or (text is None and not of_person):
        return None
    return now + (USUAL_LIFE if text is None else parse_life(text))


def parse_life(text: str) -> timedelta:
    """`90d`, `12h` or `4w`. Raises `CommandError`."""
    given = re.fullmatch(r"([1-9][0-9]{0,6})([hdw])", text)
    life = int(given[1]) * _UNITS[given[2]] if given else timedelta(0)
    if not timedelta(0) < life <= LONGEST_LIFE:
        raise CommandError(
            "--expires must be a number of hours, days or weeks such as 12h, 90d or 4w, up to 36500d, or never"
        )
    return life


def create(
    settings: Settings,
    organisation: str | None,
    name: str | None,
    scopes: str | None,
    expires: str | None,
    requests_per_second: int | None,
    user: str | None = None,
) -> None:
    """Make a token and print it, alone. `user`: the username of whom it signs in."""
    name = name or user
    if name is None:
        raise CommandError("--name is missing")
    if scopes is None and user is None:
        raise CommandError("--scopes is missing")
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise CommandError(f"--name must have 1 to {LONGEST_NAME} printable characters")
    granted = None if scopes is None else parse_scopes(scopes)
    expires_at = end_of_life(expires, datetime.now(UTC), of_person=user is not None)

    async def work(db: Database) -> str:
        row = await session.organisation(db, organisation)
        person = None if user is None else await _person(db, row["organisation_id"], user)
        scopes, user_id = granted or _scopes_of(person), None if person is None else person["user_id"]
        said = Entry("token.create", "token", (), name, {"scopes": scopes, "userId": user_id, "expires": expires_at})
        async with db.transaction():
            await recorded.record(db, row["organisation_id"], said)
            return await tokens.create(
                db,
                row["organisation_id"],
                name,
                scopes,
                requests_per_second=requests_per_second,
                expires_at=expires_at,
                user_id=user_id,
            )

    print(session.run(settings, work))


async def _person(db: Database, organisation: int, username: str) -> Record:
    found = await users.by_name(db, organisation, username)
    if found is None or not found["account_active"]:
        raise CommandError(f"there is no active user or agent {username}")
    return found


def _scopes_of(person: Record | None) -> tuple[str, ...]:
    """What somebody needs at a desk: an agent its own, a user who is no agent those of others."""
    agent = person is not None and person["user_type"] == "agent"
    return ("workspace",) if agent else ("workspace", "workspace:supervise")


def show(settings: Settings, organisation: str | None, *, as_json: bool) -> None:
    """Print all tokens of an organisation, as a table or as JSON."""

    async def work(db: Database) -> tuple[Record, list[Record]]:
        row = await session.organisation(db, organisation)
        return row, await tokens.every(db, row["organisation_id"])

    owner, rows = session.run(settings, work)
    shown = [_shown(row, owner["timezone"]) for row in rows]
    if as_json:
        json.dump(shown, sys.stdout, indent=2, ensure_ascii=False)
        print()
    else:
        columns = ("id", "name", "scopes", "created", "expires", "state")
        print_table(columns, map(_cells, shown), folded=("name", "scopes"))


def _state(row: Record) -> State:
    if row["revoked_at"] is not None:
        return "revoked"
    expired = row["expires_at"] is not None and row["expires_at"] <= datetime.now(UTC)
    return "expired" if expired else "active"


def _shown(row: Record, timezone: str) -> dict[str, object]:
    def moment(name: str) -> str | None:
        return None if row[name] is None else format_timestamp(row[name], zone(timezone))

    return {
        "tokenId": row["token_id"],
        "name": row["name"],
        "userId": row["user_id"],
        "scopes": list(row["scopes"]),
        "requestsPerSecond": row["requests_per_second"],
        "created": moment("created_at"),
        "expires": moment("expires_at"),
        "revoked": moment("revoked_at"),
        "state": _state(row),
    }


def _to_the_minute(moment: object) -> str:
    return str(moment)[:16].replace("T", " ")


def _said(scopes: list[str]) -> str:
    return "all" if set(scopes) == set(SCOPES) else " ".join(scopes)


def _cells(each: Mapping[str, object]) -> tuple[object, ...]:
    scopes, expires = each["scopes"], each["expires"]
    return (
        each["tokenId"],
        each["name"],
        _said(scopes) if isinstance(scopes, list) else "",  # pyright: ignore[reportUnknownArgumentType]
        _to_the_minute(each["created"]),
        "never" if expires is None else _to_the_minute(expires),
        each["state"],
    )


def revoke(settings: Settings, organisation: str | None, token_id: int) -> None:
    """Revoke a token. Raises `CommandError` when there is no such live token."""

    async def work(db: Database) -> str:
        row = await session.organisation(db, organisation)
        async with db.transaction():
            if not await tokens.revoke(db, row["organisation_id"], token_id):
                raise CommandError(f"{row['name']} has no token {token_id} that is not revoked yet")
            said = Entry("token.revoke", "token", (token_id,))
            await recorded.record(db, row["organisation_id"], said)
        return row["name"]

    print(f"revoked token {token_id} of {session.run(settings, work)}")
