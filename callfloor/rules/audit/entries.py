"""Entries of the audit: who did what, in a chain that nobody can change unseen.

An entry's hash is the SHA-256 of `callfloor audit entry v1`, a line feed, and the entry as canonical JSON
(`rules.evidence.evidence.canonical`); the entry holds the hash before it. What an entry says is the operator's: ids,
counts, settings. Nothing of a customer is in it, so it needs no erasure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from callfloor.rules.evidence.evidence import Day, Link, canonical, moment, sign

ENTRY_DOMAIN = b"callfloor audit entry v1\n"
# What the signed parts of this chain are called, so that none can be taken for one of evidence.
DAY, HEAD = "auditDay", "auditHead"
# What retention records of the entries that it took away.
REMOVED = "audit.remove"
# `shell`: whoever typed a command on the server; `system`: a job; `unknown`: nobody who is signed in.
ActorType = Literal["user", "token", "shell", "system", "unknown"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `id`: of a user, or of a program's token. `name`: the operating system's user, of `shell` only.
    `token_id`: the token or session that a user came by. `address`: whence, empty when not over a network."""

    type: ActorType
    id: int | None = None
    name: str | None = None
    token_id: int | None = None
    address: str = ""
    request_id: str | None = None


SYSTEM = Actor("system")


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done. `action`: `campaign.stop`. `object_ids`: of the `object_type`; `object_name` where it has none.
    `details`: JSON of the operator's values, ids and counts; never anything of a customer."""

    action: str
    object_type: str
    object_ids: Sequence[int] = ()
    object_name: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it stands in the audit. `details`: decoded JSON."""

    entry_id: int
    at: datetime
    by: Actor
    entry: Entry


@dataclass(frozen=True, slots=True)
class Linked:
    """An entry with its place in the chain."""

    written: Written
    previous: bytes
    link: Link


class Head(msgspec.Struct, frozen=True, rename="camel"):
    """Where a chain ended. `hash`: in hex."""

    position: int
    hash: str
    signed_at: str


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, Any]:
    """Details of a change: what is other, before and after. None: it was, or is, not there."""
    was, now = before or {}, after or {}
    changed = [name for name in {**was, **now} if name not in was or name not in now or was[name] != now[name]]
    return {
        "before": None if before is None else {name: was[name] for name in changed if name in was},
        "after": None if after is None else {name: now[name] for name in changed if name in now},
    }


def fields_of(linked: Linked) -> dict[str, Any]:
    """The entry that is hashed, as an export shows it."""
    written, entry, by = linked.written, linked.written.entry, linked.written.by
    return {
        "action": entry.action,
        "actor": {"id": by.id, "name": by.name, "tokenId": by.token_id, "type": by.type},
        "address": by.address or None,
        "at": moment(written.at),
        "details": entry.details,
        "entryId": written.entry_id,
        "object": {"ids": list(entry.object_ids), "name": entry.object_name, "type": entry.object_type},
        "position": linked.link.position,
        "previous": linked.previous.hex(),
        "requestId": by.request_id,
    }


def hash_of(fields: Mapping[str, Any]) -> bytes:
    """The hash of an entry as `fields_of` gives it."""
    return hashlib.sha256(ENTRY_DOMAIN + canonical(fields)).digest()


def chain(end: Link, entries: Iterable[Written]) -> Iterator[Linked]:
    """Give entries their places behind `end`, in the order given."""
    for each in entries:
        place = Linked(each, end.hash, Link(end.position + 1, b""))
        end = Link(end.position + 1, hash_of(fields_of(place)))
        yield Linked(each, place.previous, end)


def sign_day(day: Day, signing_key: bytes) -> bytes:
    return sign(DAY, day, signing_key)


def sign_head(head: Head, signing_key: bytes) -> bytes:
    return sign(HEAD, head, signing_key)
