"""Do-not-call lists: entries, what was lifted, and the registers that were washed against."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from callfloor.contract.fields import LARGEST_ID, Id, PageQuery, Phone, Request, Struct, Timestamp

# By which way a number came onto a list, or off it.
Source = Literal[
    "command-line", "api", "upload", "register", "wrap-up", "desk", "lead-status", "import", "lead-update"
]  # fmt: skip
LONGEST_REASON = 500
MOST_ROWS = 100_000
LARGEST_UPLOAD = 16 * 1024 * 1024

Reason = Annotated[str, Meta(min_length=1, max_length=LONGEST_REASON)]
WashState = Literal["fresh", "due", "overdue"]


class DoNotCallQuery(PageQuery):
    phone_number: Phone | None = None
    campaign_id: (
        Annotated[int, Meta(ge=0, le=LARGEST_ID, description="Entries of this campaign's list; 0: of everybody's.")]
        | None
    ) = None


class DoNotCallLiftedQuery(PageQuery):
    phone_number: Phone | None = None


class DoNotCallUploadQuery(Request):
    """Of `text/csv` bodies."""

    campaign_id: Annotated[Id | None, Meta(description="The campaign's own list; absent: everybody's.")] = None
    register: (
        Annotated[
            str,
            Meta(max_length=100, description="The national register that the file was washed against, such as `DNCR`."),
        ]
        | None
    ) = None
    new_register: Annotated[
        bool | None, Meta(description="`register` is one that no regime names and that was not used before.")
    ] = None
    skip_bad: Annotated[bool | None, Meta(description="Take the other rows of a file with mistakes.")] = None


class DoNotCallAdd(Request):
    phone_number: Phone
    campaign_id: Annotated[Id | None, Meta(description="The campaign's own list; absent: everybody's.")] = None
    reason: Reason | None = None
    expires_timestamp: Annotated[
        Timestamp | None, Meta(description="Until then; a bare date is its last day. Absent: for good.")
    ] = None


class DoNotCallLiftQuery(Request):
    phone_number: Phone
    reason: Annotated[Reason, Meta(description="Why the number may be called again; kept as evidence.")]
    campaign_id: Annotated[Id | None, Meta(description="Off the campaign's own list; absent: off everybody's.")] = None


class DoNotCallLiftEntryQuery(Request):
    reason: Annotated[Reason, Meta(description="Why the number may be called again; kept as evidence.")]


class Actor(Struct):
    """Who did it: a user, an agent, or a token that signs nobody in."""

    actor_id: int
    type: Literal["agent", "user", "token"] | None
    name: str | None


class DoNotCallTimestamps(Struct):
    created: str
    expires: str | None


class DoNotCallEntry(Struct):
    entry_id: int
    phone_number: Annotated[str | None, Meta(description="null: the customer was erased; the number stays blocked.")]
    number_hash: Annotated[str, Meta(description="Keyed hash by which the number is found, in hex.")]
    campaign_id: Annotated[int | None, Meta(description="null: the whole organisation.")]
    campaign_name: str | None
    register: Annotated[str | None, Meta(description="The national register that has it; null: the customer's wish.")]
    reason: str | None
    source: Source
    added_by: Actor | None
    lead_id: int | None
    activity_id: int | None
    active: Annotated[bool, Meta(description="false: its time is over and it blocks no more.")]
    timestamps: DoNotCallTimestamps


class DoNotCallLifting(Struct):
    timestamp: str
    reason: str
    source: Source
    lifted_by: Actor | None


class DoNotCallLiftedEntry(DoNotCallEntry):
    lifted: DoNotCallLifting


class UploadFault(Struct):
    line: Annotated[int, Meta(description="1-based line of the file.")]
    message: str


class DoNotCallAdded(Struct):
    """`entry`: of a JSON body. A file says how many `rows` it had: added + already_listed + invalid."""

    entry: DoNotCallEntry | None
    rows: int
    added: int
    already_listed: int
    invalid: int
    errors: Annotated[list[UploadFault], Meta(description="The first 100 rows that were skipped.")]


class DoNotCallLifted(Struct):
    lifted: Annotated[int, Meta(description="Entries that were taken off.")]
    still_blocked: Annotated[list[DoNotCallEntry], Meta(description="What blocks the number all the same.")]
    leads_of_status: Annotated[
        int, Meta(description="Leads of the number whose status is Do Not Call: they are not dialled until it changes.")
    ]


class RegisterWash(Struct):
    """A register, and how the regimes of the organisation's campaigns look at it."""

    register: str
    last_washed: str | None
    age_days: Annotated[int | None, Meta(description="Whole days since then; null: never.")]
    warns_after_days: int | None
    refuses_after_days: Annotated[
        int | None, Meta(description="Campaigns whose regime asks for it dial no more after so long; null: none does.")
    ]
    state: Annotated[WashState | None, Meta(description="null: never washed, or no regime asks for it.")]
    campaigns: Annotated[list[int], Meta(description="Outbound campaigns whose regime asks for it.")]


class RegisterWashes(Struct):
    items: list[RegisterWash]
