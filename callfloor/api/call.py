"""What an operation is given: who calls, what the process offers, and the request's frame."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from callfloor.errors import FieldError, Invalid, NotFound, StaleVersion
from callfloor.rules.phones import PhoneError, normalise
from callfloor.rules.times import TimestampError, parse_timestamp
from callfloor.store.tokens import Caller

if TYPE_CHECKING:
    from asyncpg import DataError

    from callfloor.api.workspace.feed import Feed
    from callfloor.media.blobs import Blobs
    from callfloor.settings import Settings
    from callfloor.store.coalesce import Coalesced
    from callfloor.store.leads import InsertOutcome, LeadRecord, NewLead
    from callfloor.store.pool import Database

T = TypeVar("T")

ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Services:
    """What the process was composed of (see app.py)."""

    db: Database
    blobs: Blobs
    settings: Settings
    lead_reads: Coalesced[tuple[int, int], LeadRecord | None]
    lead_inserts: Coalesced[NewLead, InsertOutcome | DataError]
    feed: Feed


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

    caller: Caller
    services: Services
    # `/platform-api/v3.0` or `/v3.0`: links in the answer carry the prefix that the request came by
    prefix: str
    path: str
    headers: dict[bytes, bytes]
    query: dict[str, str]
    receive: Callable[[], Awaitable[Any]]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def db(self) -> Database:
        return self.services.db

    @property
    def organisation(self) -> int:
        return self.caller.organisation.organisation_id

    @property
    def actor(self) -> int:
        """Who calls: the person that the token signs in, else the token."""
        person = self.caller.person
        return self.caller.token_id if person is None else person.user_id

    @property
    def zone(self) -> ZoneInfo:
        return self.caller.organisation.zone

    def expect_version(self, current: msgspec.Struct) -> None:
        """Raise `StaleVersion` when If-Match names another version than `current`."""
        wanted = self.headers.get(b"if-match")
        if wanted is not None and not matches(wanted, etag_of(ENCODE(current)), weak=False):
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
        """Like `timestamp`, for an inclusive upper bound: a bound in whole seconds includes that whole second,
        because answers show whole seconds."""
        at = self.timestamp(text, name)
        return at.replace(microsecond=999_999) if at is not None and at.microsecond == 0 else at


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


def not_found(what: str, pointer: str | None = None) -> NotFound:
    """A 404. `pointer` names the body field that refers to the missing object."""
    errors = [FieldError(code="not-found", message=f"There is no such {what}.", pointer=pointer)] if pointer else []
    return NotFound(f"There is no such {what} in this organisation.", errors=errors)


def phone_filter(call: Call, text: str | None) -> str | None:
    """The number (E.164) of `phoneNumber` in a query. Raises `Invalid`."""
    organisation = call.caller.organisation
    try:
        return None if text is None else normalise(text, organisation.country, organisation.new_number_ranges)
    except PhoneError as error:
        raise invalid("phoneNumber", error.code, str(error), in_body=False) from error
