"""Field types that several groups share."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

import msgspec
from msgspec import Meta

LARGEST_ID = 2**63 - 1

Id = Annotated[int, Meta(gt=0, le=LARGEST_ID, description="Positive identifier.")]
# S types these as plain integers; an unknown one is refused by name once it is compared with what exists.
Timestamp = Annotated[
    str,
    Meta(
        max_length=64,
        description="ISO 8601: `2021-08-01T13:55:06+10:00`, `+1000`, `Z`; without offset: the organisation's zone.",
    ),
]
Phone = Annotated[
    str,
    Meta(
        max_length=64,
        description="E.164, the organisation's national form, or with an international prefix: see phone-numbers.md.",
    ),
]
TimezoneName = Annotated[str, Meta(max_length=64, description="IANA time zone, such as `Australia/Sydney`.")]
Scalar = str | int | float | bool | None

T = TypeVar("T")


class Struct(msgspec.Struct, rename="camel", kw_only=True):
    """An answer: names in camelCase."""


class Request(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """A request body or query: names in camelCase, unknown names refused."""


class Note(Struct):
    """Something about a field that was taken, which the sender should know."""

    field: str
    code: str
    message: str


class PageMetadata(Struct):
    next_uri: Annotated[str | None, Meta(description="Ready link to the next page; null on the last page.")]


class Page(msgspec.Struct, Generic[T]):
    metadata: PageMetadata
    items: list[T]


Cursor = Annotated[str, Meta(max_length=1024, description="Pagination cursor, from `nextUri`.")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Items a page, default 100.")]


class PageQuery(Request):
    cursor: Cursor | None = None
    limit: Limit | None = None
