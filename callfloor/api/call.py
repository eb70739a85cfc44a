"""What an operation is given: who calls, what the process offers, and the request's frame."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from callfloor.api.audits import Audit, actor_of
from callfloor.errors import FieldError, Invalid, LegalHold, NotFound, StaleVersion, Unauthenticated, UnusableVersion
from callfloor.rules.audit.entries import Actor
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.rules.values.times import TimestampError, parse_last, parse_timestamp
from callfloor.store.people.callers import Caller

if TYPE_CHECKING:
    from asyncpg import DataError

    from callfloor.api.answers import Answers
    from callfloor.api.auth.hashing import Hashing
    from callfloor.api.auth.providers import Providers
    from callfloor.api.read_log import ReadLog
    from callfloor.api.room import Room
    from callfloor.api.workspace.desk_heartbeats import DeskHeartbeats
    from callfloor.api.workspace.feed import Feed
    from callfloor.api.workspace.floor.readings import Readings
    from callfloor.disks import Disks
    from callfloor.media.blobs import Blobs
    from callfloor.settings import Settings
    from callfloor.store.db.coalesce import Coalesced
    from callfloor.store.db.pool import Database
    from callfloor.store.leads.leads import InsertOutcome, LeadRecord, NewLead

T = TypeVar("T")

_QUOTED = re.compile(rb'"[^"]*"')
ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Services:
    """What the process was composed of (see `app/`)."""

    db: Database
    blobs: Blobs
    settings: Settings
    lead_reads: Coalesced[int, LeadRecord | None]
    lead_inserts: Coalesced[NewLead, InsertOutcome | DataError]
    feed: Feed
    desks: DeskHeartbeats
    floors: Readings
    hashing: Hashing
    providers: Providers
    disks: Disks
    reads: ReadLog
    room: Room
    answers: Answers


@dataclass(slots=True)
class Answer(Generic[T]):
    """An answer whose status or headers differ from the operation's usual ones."""

    value: T
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    # the lead whose data the answer shows: an erasure finds a stored answer by it
    lead_id: int | None = None
    # what the ETag is of, where the answer says more than that
    version: msgspec.Struct | None = None


@dataclass(slots=True)
class Call:
    """One request to one operation."""

    # None: anybody may ask for this
    admitted: Caller | None
    services: Services
    # `/platform-api/v3.0` or `/v3.0`: links in the answer carry the prefix that the request came by
    prefix: str
    path: str
    headers: dict[bytes, bytes]
    query: dict[str, str]
    receive: Callable[[], Awaitable[Any]]
    # whence it comes; empty when it is not over a network
    address: str
    request_id: str
    # over TLS
    secure: bool
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    # of the body, once it is decoded
    body_bytes: int = 0
    recorded: Audit | None = None

    @property
    def db(self) -> Database:
        return self.services.db

    @property
    def caller(self) -> Caller:
        """Who calls. Raises `Unauthenticated` where anybody may."""
        if self.admitted is None:
            raise Unauthenticated("Nobody is signed in.")
        return self.admitted

    @property
    def organisation(self) -> int:
        return self.caller.organisation.organisation_id

    @property
    def actor(self) -> int:
        """Who calls: the person that the token signs in, else the token."""
        person = self.caller.person
        return self.caller.token_id if person is None else person.user_id

    @property
    def audit(self) -> Audit:
        """What this request records."""
        if self.recorded is None:
            known = self.admitted
            by = Actor("unknown", address=self.address, request_id=self.request_id)
            if known is not None:
                by = actor_of(known, self.address, self.request_id)
            organisation = None if known is None else known.organisation.organisation_id
            self.recorded = Audit(self.db, self.now, organisation, by)
        return self.recorded

    @property
    def zone(self) -> ZoneInfo:
        return self.caller.organisation.zone

    @property
    def api(self) -> str:
        """Which API was asked, whatever prefix it answers under."""
        return self.prefix.removeprefix("/platform-api")

    def expect_version(self, current: object) -> None:
        """Raise `StaleVersion` when If-Match names another version than `current`, `UnusableVersion` when it names
        none that can be compared."""
        if b"if-match" in self.headers:
            self.expect_tag(etag_of(ENCODE(current)))

    def expect_tag(self, *current: bytes) -> None:
        """The same of entity tags, each of which names what is there."""
        wanted = self.headers.get(b"if-match")
        if wanted is None or any(matches(wanted, each, weak=False) for each in current):
            return
        tags = [tag.strip() for tag in wanted.split(b",")]
        if any(tag.startswith((b"W/", b"w/")) for tag in tags):
            raise UnusableVersion(
                "If-Match has a weak tag (W/), and those never match: send the ETag as it came, without W/. A proxy"
                " that compresses answers may have weakened it."
            )
        if not all(_QUOTED.fullmatch(tag) for tag in tags):
            raise UnusableVersion('If-Match must be the ETag with its quotes, such as "5f3a…", or *.')
        raise StaleVersion("The object changed since the version named by If-Match; read it again.")

    def timestamp(self, text: str | None, name: str, *, in_body: bool = False) -> datetime | None:
        """Parse a timestamp of the request; without an offset it is in the organisation's zone."""
        if text is None:
            return None
        try:
            return parse_timestamp(text, self.zone)
        except TimestampError as error:
            raise invalid(name, "invalid-timestamp", str(error), in_body=in_body) from error

    def period_end(self, text: str | None, name: str) -> datetime | None:
        """Like `timestamp`, for an inclusive upper bound: a whole second with all of it, a bare date with all its
        day."""
        if text is None:
            return None
        try:
            return parse_last(text, self.zone)
        except TimestampError as error:
            raise invalid(name, "invalid-timestamp", str(error), in_body=False) from error


def outlives(call: Call, expires_at: datetime | None) -> datetime | None:
    """When the token that asks ends, where one that ends at `expires_at` (None: never) would live longer: who took a
    token is not to keep what it opens by making another. A session makes what is to outlive it."""
    own = call.caller.expires_at if call.caller.session is None else None
    return own if own is not None and (expires_at is None or expires_at > own) else None


def etag_of(body: bytes) -> bytes:
    """A strong entity tag of an encoded answer."""
    return b'"' + hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b'"'


def matches(header: bytes, etag: bytes, *, weak: bool) -> bool:
    """Whether an If-Match (strong comparison) or If-None-Match (weak) header names the tag; RFC 9110 §13.1."""
    for candidate in header.split(b","):
        tag = candidate.strip()
        if tag == b"*" or tag == etag or (weak and tag.removeprefix(b"W/") == etag):
            return True
    return False


def invalid(name: str, code: str, message: str, *, in_body: bool = True) -> Invalid:
    """A 422 about one field (`in_body`) or parameter."""
    error = (
        FieldError(code=code, message=message, pointer=f"/{name}")
        if in_body
        else FieldError(code=code, message=message, parameter=name)
    )
    return Invalid(f"{name}: {message}", errors=[error])


def not_found(what: str) -> NotFound:
    """A 404: the address names what is not there. What a body names is `unknown_id`."""
    return NotFound(f"There is no such {what} in this organisation.")


def held(what: str, holds: Sequence[int]) -> LegalHold:
    """A 409: legal holds keep it."""
    named = ", ".join(map(str, holds))
    return LegalHold(f"{what} is under legal hold {named}; nothing was deleted. Lift it first (/admin/v1/legal-holds).")


def unknown_id(name: str, what: str) -> Invalid:
    """A 422: a field of the body (`to/agentId`) names what is not there."""
    return invalid(name, "not-found", f"names no {what} of this organisation")


def phone_filter(call: Call, text: str | None) -> str | None:
    """The number (E.164) of `phoneNumber` in a query. Raises `Invalid`."""
    organisation = call.caller.organisation
    try:
        return None if text is None else normalise(text, organisation.country, organisation.new_number_ranges)
    except PhoneError as error:
        raise invalid("phoneNumber", error.code, str(error), in_body=False) from error
