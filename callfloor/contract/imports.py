"""Bulk import of leads."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from callfloor.contract.fields import Id, Request, Struct
from callfloor.contract.leads import LeadCreate

MOST_ROWS = 1_000_000
LARGEST_BODY = 1024**3

OnDuplicate = Literal["insert", "skip", "update", "updateOnly"]
OnDuplicatePhone = Literal["insert", "skip", "update"]
DuplicatePhoneIn = Literal["list", "campaign", "organisation"]
ImportStatus = Literal["queued", "running", "completed", "failed"]


class ImportQuery(Request):
    """Also the fields of a `multipart/form-data` body beside its file."""

    list_id: Annotated[Id | None, Meta(description="The list of every row that names none.")] = None
    on_duplicate: Annotated[
        OnDuplicate | None,
        Meta(
            description="What to do with a row whose customerKey is in the list; default insert. updateOnly: update it,"
            " and skip what is not there."
        ),
    ] = None
    on_duplicate_phone: Annotated[
        OnDuplicatePhone | None,
        Meta(description="What to do with a row one of whose phones another lead has; default insert."),
    ] = None
    duplicate_phone_in: Annotated[
        DuplicatePhoneIn | None, Meta(description="Where that lead is looked for; default list.")
    ] = None
    empty_clears: Annotated[
        bool | None, Meta(description="An empty cell of a table clears what the lead has, as null does in JSON.")
    ] = None
    lift_do_not_call: Annotated[
        bool | None,
        Meta(description="Rows may give a lead of status Do Not Call another; needs the scope `do-not-call:write`."),
    ] = None
    dry_run: Annotated[bool | None, Meta(description="Check every row and write nothing.")] = None
    map: (
        Annotated[
            str,
            Meta(
                max_length=8192,
                description="Which column of a table becomes which field: `Cell=phone1,Ref=customerKey`; `-` leaves one"
                " out, `leadData.NAME` keeps it as your own. Other columns go by their names.",
            ),
        ]
        | None
    ) = None
    delimiter: (
        Annotated[
            str,
            Meta(
                max_length=16,
                description="Between the cells of a CSV file: the character, or comma, semicolon, tab, pipe; else it is"
                " found.",
            ),
        ]
        | None
    ) = None
    encoding: (
        Annotated[str, Meta(max_length=40, description="Of CSV or JSON, such as windows-1252; also `charset=`.")] | None
    ) = None
    sheet: Annotated[str, Meta(max_length=100, description="Of a workbook; default its first.")] | None = None


class BulkLead(LeadCreate):
    is_completed: Annotated[bool | None, Meta(description="true: nobody calls any more.")] = None
    do_not_call: Annotated[bool | None, Meta(description="true: as statusCode 11.")] = None


class ImportLead(BulkLead):
    """A row, whose list may be the import's."""

    list_id: Id | None = None  # type: ignore[assignment]


class LeadsBulk(Request):
    """The JSON form of a bulk request. Served as a stream; this type only documents it."""

    leads: Annotated[list[BulkLead], Meta(min_length=1, max_length=MOST_ROWS)]


Columns = Annotated[
    dict[str, str | None] | None,
    Meta(
        description="What each column of a table became: a field, `leadData.NAME`, or null where it was left out. null:"
        " the body was no table."
    ),
]


class ImportAccepted(Struct):
    uuid: str
    status: ImportStatus
    columns: Columns


class ImportResult(Struct):
    rows: int
    inserted: int
    updated: int
    skipped: int
    invalid: int
    processed: int
    without_phone: Annotated[int, Meta(description="Of those inserted or updated: they have no phone to call.")]
    not_called: Annotated[
        int,
        Meta(
            description="Of those inserted or updated: they have phones, and none where the organisation calls"
            " (`destinations` of the centre file)."
        ),
    ]
    empty_rows: Annotated[int, Meta(description="Of those skipped: nothing stood in them.")]
    absent_phones: Annotated[int, Meta(description="Phones that were written as `n/a`, `-`, `none` or the like.")]
    duplicate_phones: Annotated[int, Meta(description="Phones that were left out: their lead has the number already.")]
    unknown_ranges: Annotated[
        int,
        Meta(description="Phones outside the ranges that are known of their country (newNumberRanges); kept."),
    ]
    columns: Columns
    failure: Annotated[str | None, Meta(description="Why the import failed.")]


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
    raw: Annotated[
        bool | None,
        Meta(description="Of text/csv: true leaves cells that begin as formulas do without the apostrophe in front."),
    ] = None


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
    lines: Annotated[
        dict[str, int], Meta(description="The line of the file (a sheet's row) from 1 on, by the same keys.")
    ]
    total_pages: int
    next_page_link: str | None
