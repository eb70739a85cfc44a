"""Organisations: each is a centre of its own; nothing of one is ever seen from another."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from asyncpg import Record

from callfloor.contract.centre import USUAL_DESK_GONE_S
from callfloor.contract.destinations import USUAL, Destinations
from callfloor.contract.dialling import DoNotCallList
from callfloor.contract.single_sign_on import SingleSignOn
from callfloor.rules.dialling.destinations import Policy, policy_of
from callfloor.store.db.pool import Database
from callfloor.store.people import tokens
from callfloor.store.privacy import keys

_SHOWN = """organisation_id, name, timezone, country, new_number_ranges, do_not_call, destinations, second_factor,
    desk_gone_s, tell_of_monitoring, report_recipients, single_sign_on::text AS single_sign_on"""
EVERY_SQL = f"SELECT {_SHOWN} FROM organisations ORDER BY name"
NAMED_SQL = f"SELECT {_SHOWN} FROM organisations WHERE name = $1"
SEVERAL_SQL = "SELECT several_organisations()"
INSERT_SQL = """
INSERT INTO organisations (name, timezone, country, new_number_ranges, do_not_call, destinations,
    second_factor, desk_gone_s, tell_of_monitoring, report_recipients, single_sign_on, hash_key)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10, $11::text::jsonb, $12)
RETURNING organisation_id"""
UPDATE_SQL = """
UPDATE organisations SET timezone = $2, country = $3, new_number_ranges = $4, do_not_call = $5,
    destinations = $6::text::jsonb, second_factor = $7, desk_gone_s = $8, tell_of_monitoring = $9,
    report_recipients = $10, single_sign_on = $11::text::jsonb, updated_at = now()
WHERE organisation_id = $1"""


_DESTINATIONS = msgspec.json.Decoder(Destinations)
_SINGLE_SIGN_ON = msgspec.json.Decoder(SingleSignOn)


def _encoded(destinations: Destinations) -> str:
    return msgspec.json.encode(destinations).decode()


def _said(single_sign_on: SingleSignOn | None) -> str | None:
    return None if single_sign_on is None else msgspec.json.encode(single_sign_on).decode()


def single_sign_on(row: Record | Mapping[str, Any]) -> SingleSignOn | None:
    """Of a row that has the column, as text."""
    return None if row["single_sign_on"] is None else _SINGLE_SIGN_ON.decode(row["single_sign_on"])


def destinations(row: Record | Mapping[str, Any]) -> Destinations:
    """Of a row that has the column."""
    return _DESTINATIONS.decode(row["destinations"])


def policy(row: Record | Mapping[str, Any]) -> Policy:
    """Where the organisation of a row with `destinations`, `country` and `new_number_ranges` may call."""
    return policy_of(destinations(row), row["country"], row["new_number_ranges"])


async def every(db: Database) -> list[Record]:
    return await db.fetch(EVERY_SQL)


async def several(db: Database) -> bool:
    """Whether there is more than one; whoever asks need not stand for any."""
    return await db.fetchval(SEVERAL_SQL)


async def named(db: Database, name: str) -> Record | None:
    return await db.fetchrow(NAMED_SQL, name)


async def create(
    db: Database,
    name: str,
    timezone: str,
    country: str,
    new_ranges: Sequence[str] = (),
    do_not_call: DoNotCallList = "organisation",
    destinations: Destinations = USUAL,
    second_factor: Sequence[str] = (),
    desk_gone_s: int | None = USUAL_DESK_GONE_S,
    tell_of_monitoring: bool = True,
    report_recipients: Sequence[str] = (),
    single_sign_on: SingleSignOn | None = None,
) -> int:
    """Make an organisation, with keys of its own; returns its id. `new_ranges`: countries of which numbers outside the
    known ranges are taken. `do_not_call`: whose list a customer's wish goes onto. `destinations`: where it may call.
    `second_factor` and what follows: as in `contract.centre.Organisation`."""
    given = (
        name,
        timezone,
        country,
        list(new_ranges),
        do_not_call,
        _encoded(destinations),
        list(second_factor),
        desk_gone_s,
        tell_of_monitoring,
        list(report_recipients),
        _said(single_sign_on),
    )
    async with db.transaction():
        organisation = int(await db.fetchval(INSERT_SQL, *given, secrets.token_bytes(32)))
        for purpose in keys.PURPOSES:
            await keys.current(db, organisation, purpose)
        return organisation


async def update(
    db: Database,
    organisation: int,
    timezone: str,
    country: str,
    new_ranges: Sequence[str] = (),
    do_not_call: DoNotCallList = "organisation",
    destinations: Destinations = USUAL,
    second_factor: Sequence[str] = (),
    desk_gone_s: int | None = USUAL_DESK_GONE_S,
    tell_of_monitoring: bool = True,
    report_recipients: Sequence[str] = (),
    single_sign_on: SingleSignOn | None = None,
) -> None:
    """Change an organisation; every process forgets what it knew of it when the transaction commits."""
    async with db.transaction():
        given = (
            timezone,
            country,
            list(new_ranges),
            do_not_call,
            _encoded(destinations),
            list(second_factor),
            desk_gone_s,
            tell_of_monitoring,
            list(report_recipients),
            _said(single_sign_on),
        )
        await db.execute(UPDATE_SQL, organisation, *given)
        await db.execute(tokens.CHANGED_SQL)
