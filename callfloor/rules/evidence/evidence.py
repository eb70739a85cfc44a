"""Evidence: why each dialling attempt was allowed, in a chain that nobody can change unseen.

A record's hash is the SHA-256 of `callfloor evidence record v1`, a line feed, and the record as canonical JSON: ASCII,
sorted keys, no spaces (`json.dumps(fields, sort_keys=True, separators=(",", ":"))` in Python). The record holds the
hash before it. Personal fields stand beside the record, which holds only a commitment to each: SHA-256 of `callfloor
evidence field v1`, a line feed, and `[name, salt, value]` in the same form. A field that is erased with its salt can
neither be guessed back nor missed. docs/evidence.md says what a file of evidence looks like; `evidence_file` reads it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

RECORD_DOMAIN = b"callfloor evidence record v1\n"
FIELD_DOMAIN = b"callfloor evidence field v1\n"
SIGNED_DOMAIN = b"callfloor evidence signature v1\n"
COMMITMENTS = "commitments"
LEAST_SALT = 16
NO_HASH = bytes(32)

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class Link(NamedTuple):
    """The place of a record in its organisation's chain. `hash`: 32 bytes."""

    position: int
    hash: bytes


START = Link(0, NO_HASH)


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """What the dialler inserts for an attempt; `public` and `personal` are JSON objects."""

    attempt_id: int
    public: str
    personal: str


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A record without a place yet. `public`: decoded JSON."""

    attempt_id: int
    dialled_at: datetime
    public: Any


@dataclass(frozen=True, slots=True)
class Sealed:
    record: Unsealed
    previous: bytes
    link: Link


class Day(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """A stretch of the chain that is signed when the day (UTC) is over. `previous` and `head`: hashes, in hex, before
    the first record and of the last."""

    day: date
    first: int
    last: int
    previous: str
    head: str
    count: int
    signed_at: str


def canonical(value: object) -> bytes:
    """The one way to write a JSON value. Raises `ValueError` for a number that is not finite."""
    return _canonical(value).encode("ascii")


def moment(at: datetime) -> str:
    """A time in UTC with microseconds, always as long, so that times sort as texts."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def commitment(name: str, salt: str, value: str) -> str:
    # over the salt as it is written: another way to write the same bytes is a change too
    return hashlib.sha256(FIELD_DOMAIN + canonical([name, salt, value])).hexdigest()


def record(
    attempt_id: int, public: Mapping[str, Any], personal: Mapping[str, str], salts: Mapping[str, bytes]
) -> EvidenceRow:
    """What is kept of an attempt.

    `public`: facts without anything personal; dataclasses, Structs, enums and times may stand in it. `salts`: for each
    personal field at least 16 random bytes, never used twice. Raises `ValueError` for a salt that is too short, for a
    number that is not finite, and for a public fact called `commitments`; `KeyError` for a field without salt.
    """
    if COMMITMENTS in public:
        raise ValueError(f"{COMMITMENTS} is not a fact: it holds the commitments")
    fields: dict[str, dict[str, str]] = {}
    commitments: dict[str, str] = {}
    for name, value in personal.items():
        if len(salts[name]) < LEAST_SALT:
            raise ValueError(f"the salt of {name} has fewer than {LEAST_SALT} bytes")
        salt = salts[name].hex()
        fields[name] = {"salt": salt, "value": value}
        commitments[name] = commitment(name, salt, value)
    facts = msgspec.to_builtins({**public, COMMITMENTS: commitments}, str_keys=True)
    return EvidenceRow(attempt_id, _canonical(facts), _canonical(fields))


def record_fields(sealed: Sealed) -> dict[str, Any]:
    """The record that is hashed."""
    given = sealed.record
    return {
        "attemptId": given.attempt_id,
        "dialledAt": moment(given.dialled_at),
        "position": sealed.link.position,
        "previous": sealed.previous.hex(),
        "public": given.public,
    }


def record_hash(fields: bytes) -> bytes:
    """The hash of a record in canonical JSON."""
    return hashlib.sha256(RECORD_DOMAIN + fields).digest()


def chain(end: Link, records: Iterable[Unsealed]) -> Iterator[Sealed]:
    """Give records their places behind `end`, in the order given."""
    for each in records:
        place = Sealed(each, end.hash, Link(end.position + 1, NO_HASH))
        end = Link(end.position + 1, record_hash(canonical(record_fields(place))))
        yield Sealed(each, place.previous, end)


def day_to_seal(signed: date | None, first_at: datetime, until: datetime) -> date:
    """The day under which records are sealed now; only those dialled before it ends are.

    `signed`: the last day that was signed. `first_at`: when the first record behind it was dialled. `until`: the time
    up to which records are sealed. A record that comes when its day is signed already belongs to the next one.
    """
    today = until.astimezone(UTC).date()
    # a first record from the future is a clock's that ran ahead, and must not hold the signing up until then
    day = first_at.astimezone(UTC).date() if first_at <= until else today - timedelta(days=1)
    return day if signed is None else max(day, signed + timedelta(days=1))


def end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def day_of(day: date, before: Link, end: Link, signed_at: datetime) -> Day:
    """The stretch behind `before` up to `end`."""
    return Day(
        day=day,
        first=before.position + 1,
        last=end.position,
        previous=before.hash.hex(),
        head=end.hash.hex(),
        count=end.position - before.position,
        signed_at=moment(signed_at),
    )


def signed_bytes(name: str, fields: object) -> bytes:
    """What the signature of a line in a file of evidence is over. `name`: what kind of line it is."""
    return SIGNED_DOMAIN + canonical({name: fields})


def sign(name: str, content: msgspec.Struct, signing_key: bytes) -> bytes:
    """Sign what a line says. `signing_key`: the raw 32 bytes of an Ed25519 private key."""
    key = Ed25519PrivateKey.from_private_bytes(signing_key)
    return key.sign(signed_bytes(name, msgspec.to_builtins(content)))


def sign_day(day: Day, signing_key: bytes) -> bytes:
    return sign("day", day, signing_key)
