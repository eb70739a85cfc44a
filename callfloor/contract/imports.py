"""Bulk import of leads."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.fields import Id, Request, Struct
from callfloor.contract.leads import LeadCreate

MOST_ROWS = 1_000_000
LARGEST_BODY = 1024**3

OnDuplicate = Literal["insert", "skip", "update"]
ImportStatus = Literal["queued", "running", "completed", "failed"]


class ImportQuery(Request):
    list_id: Annotated[Id | None, Meta(description="The list of every row that names none.")] = None
    on_duplicate: Annotated[
        OnDuplicate | None,
        Meta(description="What to do with a row whose customerKey is in the list; default insert."),
    ] = None
    dry_run: Annotated[bool | None, Meta(description="Check every row and write nothing.")] = None


class LeadsBulk(Request):
    """The JSON form of a bulk request. Served as a stream; this type only documents it."""

    leads: Annotated[list[LeadCreate], Meta(min_length=1, max_length=MOST_ROWS)]


class ImportAccepted(Struct):
    uuid: str
    status: ImportStatus


class ImportResult(Struct):
    rows: int
    inserted: int
    updated: int
    skipped: int
    invalid: int
    processed: int


class ErrorLink(Struct, omit_defaults=True):
    href: str | msgspec.UnsetType = msgspec.UNSET


class Import(msgspec.Struct, kw_only=True):
    uuid: str
    status: ImportStatus
    # S spells this one with an underscore
    error_link: ErrorLink
    result: ImportResult


class ImportErrorsQuery(Request):
    page_no: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] | None = None


class RowError(Struct):
    field: str | None
    code: str
    message: str


class ImportErrors(Struct):
    page_no: int
    limit: int
    error_list: Annotated[
        dict[str, list[RowError]], Meta(description="Keyed by the row's 0-based position in the request.")
    ]
    total_pages: int
    next_page_link: str | None
