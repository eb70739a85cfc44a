"""Who has a dump of the database can sign nothing, and puts no key of its own in place of another."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from callfloor import installation_keys, master_key
from callfloor.master_key import MasterKeys
from callfloor.rules.evidence.evidence import Link, Unsealed, chain, day_of, sign_day
from callfloor.rules.evidence.evidence_file import EvidenceError, EvidenceFile, check, head_line, heads
from callfloor.rules.privacy.wrapping import KeyUnusable, about, fingerprint, parse, unwrap, wrap
from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from callfloor.store.privacy import keys
from callfloor.store.setup import organisations, workflows
from tests.conftest import Centre

AT = datetime(2026, 3, 4, tzinfo=UTC)


def of(*given: bytes) -> MasterKeys:
    return MasterKeys(fingerprint(given[0]), {fingerprint(each): each for each in given})


@pytest.fixture(autouse=True)
def usual() -> object:
    """The master key of all other tests is back afterwards."""
    before = master_key.current()
    yield before
    master_key.use(before)


async def test_no_column_of_the_database_holds_a_key_in_clear(db: Database, centre: Centre) -> None:
    found = [await keys.current(db, centre.organisation, purpose) for purpose in keys.PURPOSES]
    for table in ("organisations", "organisation_keys"):
        dump = await db.fetchval(
            f"SELECT json_agg(t)::text FROM {table} t WHERE organisation_id = $1", centre.organisation
        )
        for each in found:
            assert each.secret.hex() not in dump
            assert repr(each).find(each.secret.hex()) < 0
    row = await db.fetchrow(
        "SELECT signing_key, function_key FROM organisations WHERE organisation_id = $1", centre.organisation
    )
    assert tuple(row or ()) == (None, None)


async def test_a_wrapped_key_is_bound_to_its_organisation_its_purpose_and_its_id(
    db: Database, centre: Centre, other_centre: Centre
) -> None:
    """Somebody who writes to the database moves a key that it knows to another organisation."""
    await db.execute(
        "UPDATE organisation_keys k SET wrapped = o.wrapped FROM organisation_keys o"
        " WHERE k.organisation_id = $1 AND o.organisation_id = $2 AND k.purpose = o.purpose",
        *(centre.organisation, other_centre.organisation),
    )
    for purpose in keys.PURPOSES:
        with pytest.raises(KeyUnusable, match="changed in the database"):
            await keys.current(db, centre.organisation, purpose)
    # nobody else is kept from being called
    routes = await workflows.load(db)
    assert routes[centre.organisation].function_key is None
    assert routes[other_centre.organisation].function_key is not None
    await db.execute("DELETE FROM organisation_keys WHERE organisation_id = $1", centre.organisation)


CHANGES: list[Callable[[bytes], bytes]] = [
    lambda wrapped: wrapped[:-1], lambda wrapped: wrapped[:-1] + bytes([wrapped[-1] ^ 1]), lambda _: b"",
    lambda wrapped: wrapped[:12], lambda wrapped: bytes([wrapped[0] ^ 1]) + wrapped[1:],
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_byte_that_was_changed_is_noticed(change: Callable[[bytes], bytes]) -> None:
    master, bound = secrets.token_bytes(32), about(1, "signing", "a")
    wrapped = wrap(master, b"k" * 32, bound, secrets.token_bytes(12))
    assert unwrap(master, wrapped, bound) == b"k" * 32
    for other in (about(2, "signing", "a"), about(1, "function", "a"), about(1, "signing", "b")):
        with pytest.raises(KeyUnusable):
            unwrap(master, wrapped, other)
    with pytest.raises(KeyUnusable):
        unwrap(master, change(wrapped), bound)


async def test_without_the_master_key_nothing_is_signed_and_it_is_said_what_to_do(db: Database, centre: Centre) -> None:
    master_key.use(of(secrets.token_bytes(32)))
    with pytest.raises(KeyUnusable, match=r"does not have: give it the master\.key"):
        await keys.current(db, centre.organisation, "signing")


async def test_keys_that_stand_in_clear_are_wrapped_once_and_sign_as_before(db: Database) -> None:
    secret, function = Ed25519PrivateKey.generate().private_bytes_raw(), b"f" * 32
    organisation = await db.fetchval(
        "INSERT INTO organisations (name, timezone, country, hash_key, signing_key, function_key)"
        " VALUES ($1, 'UTC', 'AU', $2, $3, $4) RETURNING organisation_id",
        *(f"Old {secrets.token_hex(4)}", b"h" * 32, secret, function),
    )

    async def plain() -> bool:
        return await db.fetchval(
            "SELECT signing_key IS NOT NULL FROM organisations WHERE organisation_id = $1", organisation
        )

    # the process dies in the middle: nothing was changed
    async def dies() -> None:
        async with db.transaction():
            await keys.wrap_plain(db)
            assert not await plain()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await dies()
    assert await plain()
    assert await keys.wrap_plain(db) >= 1
    assert await keys.wrap_plain(db) == 0
    assert not await plain()
    assert (await keys.current(db, organisation, "signing")).secret == secret
    assert (await keys.current(db, organisation, "function")).secret == function


async def test_a_key_in_clear_is_adopted_and_not_replaced_by_who_asks_for_it_first(db: Database) -> None:
    secret = Ed25519PrivateKey.generate().private_bytes_raw()
    organisation = await db.fetchval(
        "INSERT INTO organisations (name, timezone, country, hash_key, signing_key)"
        " VALUES ($1, 'UTC', 'AU', $2, $3) RETURNING organisation_id",
        *(f"Old {secrets.token_hex(4)}", b"h" * 32, secret),
    )
    assert (await keys.current(db, organisation, "signing")).secret == secret


async def test_a_key_that_was_replaced_checks_what_it_signed_and_is_forgotten(db: Database, centre: Centre) -> None:
    old = await keys.current(db, centre.organisation, "signing")
    new = await keys.rotate(db, centre.organisation, "signing", AT)
    assert new != old
    assert await keys.public(db, centre.organisation) == [keys.public_of(new.secret), keys.public_of(old.secret)]
    rows = await keys.every(db, centre.organisation)
    retired = [row for row in rows if row["retired_at"] is not None]
    assert [(row["key_id"], row["master_id"]) for row in retired] == [(old.id, None)]
    left = await db.fetchval(
        "SELECT wrapped FROM organisation_keys WHERE organisation_id = $1 AND key_id = $2",
        *(centre.organisation, old.id),
    )
    assert left is None


async def test_another_master_key_takes_over_all_keys_at_once(db: Database, centre: Centre, usual: MasterKeys) -> None:
    before = await keys.current(db, centre.organisation, "signing")
    new = secrets.token_bytes(32)
    master_key.use(of(new, *usual.known.values()))
    assert await keys.rewrap(db) >= 2
    assert await keys.rewrap(db) == 0
    master_key.use(of(new))
    assert await keys.current(db, centre.organisation, "signing") == before
    # as it was, for the other tests
    master_key.use(of(*usual.known.values(), new))
    await keys.rewrap(db)


# The file


def test_the_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", master_key=None)
    settings = settings.model_copy(update={"master_key": None})
    assert master_key.read(settings) is None
    made = master_key.make(settings)
    file = tmp_path / "data" / master_key.FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert master_key.make(settings) == made == master_key.read(settings)
    assert os.listdir(tmp_path / "data") == [master_key.FILE]
    assert made.key.hex() not in repr(made)


@pytest.mark.parametrize("content", ["", "none", "AAAA", "00" * 31])
def test_a_file_that_is_no_key_is_said_and_left_alone(tmp_path: Path, content: str) -> None:
    settings = Settings(data=tmp_path).model_copy(update={"master_key": None})
    (tmp_path / master_key.FILE).write_text(content)
    with pytest.raises(KeyUnusable, match="put the one of the backup there"):
        master_key.read(settings)
    assert (tmp_path / master_key.FILE).read_text() == content


def test_several_keys_of_the_setting_are_read_and_the_first_one_wraps() -> None:
    one, two = secrets.token_bytes(32), secrets.token_bytes(32)
    settings = Settings().model_copy(update={"master_key": f"{one.hex()}, {two.hex()}"})
    found = master_key.read(settings)
    assert found is not None
    assert (found.key, set(found.known.values())) == (one, {one, two})
    with pytest.raises(KeyUnusable, match="CALLFLOOR_MASTER_KEY"):
        master_key.read(settings.model_copy(update={"master_key": "secret"}))
    assert parse(one.hex()) == one


async def test_a_host_without_the_key_of_the_others_does_not_start(
    db: Database, centre: Centre, tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path).model_copy(update={"master_key": None})
    with pytest.raises(KeyUnusable, match=r"put the master\.key of the backup"):
        await installation_keys.prepare(settings, db)
    assert not (tmp_path / master_key.FILE).exists()
    strange = settings.model_copy(update={"master_key": "11" * 32})
    with pytest.raises(KeyUnusable, match="give it the one that wrapped them"):
        await installation_keys.prepare(strange, db)


async def test_a_new_organisation_has_its_keys_wrapped(db: Database) -> None:
    organisation = await organisations.create(db, f"New {secrets.token_hex(4)}", "UTC", "AU")
    rows = await keys.every(db, organisation)
    assert [(row["purpose"], row["master_id"]) for row in rows] == [
        ("function", master_key.current().current), ("signing", master_key.current().current)
    ]  # fmt: skip


# Evidence that was signed by several keys, and heads


def _evidence(first: bytes, second: bytes) -> tuple[list[bytes], list[bytes]]:
    """Two days of one record each, the first signed before the key was replaced; and their heads."""
    rows = [Unsealed(number, datetime(2026, 3, number, 12, tzinfo=UTC), {"commitments": {}}) for number in (1, 2)]
    file = EvidenceFile("One", second, [keys.public_of(first)])
    lines, given, before = [file.header(Link(0, bytes(32)), None, None, AT)], list[bytes](), Link(0, bytes(32))
    for sealed, key in zip(chain(before, rows), (first, second), strict=True):
        lines.append(file.record(sealed, {}))
        day = day_of(sealed.record.dialled_at.date(), before, sealed.link, AT)
        lines.append(file.day(day, sign_day(day, key)))
        given.append(head_line(day, sign_day(day, key)))
        before = sealed.link
    return [*lines, file.end()], given


FIRST, SECOND = (Ed25519PrivateKey.generate().private_bytes_raw() for _ in range(2))
PUBLIC = [keys.public_of(FIRST), keys.public_of(SECOND)]


def test_days_that_a_replaced_key_signed_are_checked_with_it() -> None:
    lines, _ = _evidence(FIRST, SECOND)
    assert check(lines, [PUBLIC[1]]).days == 2
    with pytest.raises(EvidenceError, match="another key"):
        check(lines, [PUBLIC[0]])
    header = json.loads(lines[0])
    del header["evidence"]["olderKeys"]
    with pytest.raises(EvidenceError, match="signature does not fit"):
        check([json.dumps(header, sort_keys=True, separators=(",", ":")).encode() + b"\n", *lines[1:]], PUBLIC)


def test_a_history_that_was_written_anew_differs_from_the_heads_that_were_given_away() -> None:
    lines, given = _evidence(FIRST, SECOND)
    known = heads(given, PUBLIC)
    assert check(lines, PUBLIC, known).compared == 2
    # who has all keys signs another history, which is whole by itself
    forged = EvidenceFile("One", SECOND)
    rows = [Unsealed(9, datetime(2026, 3, 1, 12, tzinfo=UTC), {"commitments": {}})]
    (sealed,) = chain(Link(0, bytes(32)), rows)
    day = day_of(date(2026, 3, 1), Link(0, bytes(32)), sealed.link, AT)
    other = [
        forged.header(Link(0, bytes(32)), None, None, AT),
        forged.record(sealed, {}),
        forged.day(day, sign_day(day, SECOND)),
        forged.end(),
    ]
    assert check(other, PUBLIC).days == 1
    with pytest.raises(EvidenceError, match="another than the one whose head was given away"):
        check(other, PUBLIC, known)


def test_heads_that_a_stranger_signed_are_no_heads() -> None:
    _, given = _evidence(FIRST, SECOND)
    with pytest.raises(EvidenceError, match="none of the expected keys"):
        heads(given, [PUBLIC[0]])
    assert len(heads(given, PUBLIC)) == 2
