"""Pages: opaque, signed keyset cursors and the links that carry them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import msgspec

from callfloor.api.call import Call
from callfloor.contract.fields import Page, PageMetadata
from callfloor.errors import InvalidCursor

R = TypeVar("R")
I = TypeVar("I")  # noqa: E741 - an item

DEFAULT_LIMIT = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNATURE = 12

# Where a page ends: the sort time and id of its last item. Pages sorted by id alone carry the epoch.
Position = tuple[datetime, int]


class Paged(Protocol):
    """A query that names a page."""

    @property
    def cursor(self) -> str | None: ...
    @property
    def limit(self) -> int | None: ...


def _filters(path: str, query: Mapping[str, str]) -> bytes:
    kept = sorted((name, value) for name, value in query.items() if name not in ("cursor", "limit"))
    return hashlib.sha256(msgspec.msgpack.encode((path, kept))).digest()


def encode_cursor(key: bytes, path: str, query: Mapping[str, str], position: Position) -> str:
    """A cursor bound to the organisation (`key`), the path and its filters."""
    microseconds = (position[0] - EPOCH) // timedelta(microseconds=1)
    payload = msgspec.msgpack.encode((microseconds, position[1]))
    signature = hmac.digest(key, payload + _filters(path, query), "sha256")[:_SIGNATURE]
    return base64.urlsafe_b64encode(signature + payload).decode().rstrip("=")


def decode_cursor(key: bytes, path: str, query: Mapping[str, str], text: str) -> Position:
    """Raises `InvalidCursor` for a cursor that was altered or belongs to another path or other filters."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidCursor("The cursor is not one of ours; start again without it.") from error
    signature, payload = raw[:_SIGNATURE], raw[_SIGNATURE:]
    expected = hmac.digest(key, payload + _filters(path, query), "sha256")[:_SIGNATURE]
    # base64 has several spellings of the same bytes; only the one we gave is ours
    if not hmac.compare_digest(signature, expected) or base64.urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise InvalidCursor("The cursor was altered or belongs to other filters; start again without it.")
    microseconds, last_id = msgspec.msgpack.decode(payload, type=tuple[int, int])
    return EPOCH + timedelta(microseconds=microseconds), last_id


def page_start(call: Call, query: Paged) -> Position | None:
    """Where this page begins: behind this position; None: the first page."""
    if query.cursor is None:
        return None
    return decode_cursor(call.caller.organisation.hash_key, call.path, call.query, query.cursor)


def page_limit(query: Paged) -> int:
    return query.limit or DEFAULT_LIMIT


def page_of(
    call: Call,
    query: Paged,
    rows: Sequence[R],
    item: Callable[[R], I],
    position: Callable[[R], Position],
    *,
    full: bool = False,
) -> Page[I]:
    """A page from up to limit + 1 rows; a row too many says that there is a next page, and so does `full`."""
    limit = page_limit(query)
    shown = rows[:limit]
    if call.recorded is not None:
        call.recorded.shows([position(row)[1] for row in shown])
    next_uri: str | None = None
    if shown and (full or len(rows) > limit):
        cursor = encode_cursor(call.caller.organisation.hash_key, call.path, call.query, position(shown[-1]))
        kept: dict[str, Any] = {name: value for name, value in call.query.items() if name != "cursor"}
        next_uri = f"{call.prefix}{call.path}?{urlencode(kept | {'cursor': cursor})}"
    return Page(metadata=PageMetadata(next_uri=next_uri), items=[item(row) for row in shown])
