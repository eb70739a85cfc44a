"""The audit, as auditors read it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from callfloor.contract.fields import Cursor, Id, Limit, Request, Struct, Timestamp

ActorType = Literal["user", "token", "shell", "system", "unknown"]
_Word = Annotated[str, Meta(max_length=100)]


class _Filters(Request):
    begin: Annotated[Timestamp, Meta(description="From then on.")] | None = msgspec.field(default=None, name="from")
    end: Annotated[Timestamp, Meta(description="Until then; a bare date with all its day.")] | None = msgspec.field(
        default=None, name="to"
    )
    action: (
        Annotated[str, Meta(max_length=100, description="Such as `lead.read`; `lead` for every one of leads.")] | None
    ) = None
    actor_id: Annotated[Id, Meta(description="A user, or a program's token.")] | None = None
    actor_type: ActorType | None = None
    object_type: Annotated[str, Meta(max_length=100, description="Such as `lead`, `campaign`.")] | None = None
    object_id: Id | None = None
    object_name: Annotated[str, Meta(max_length=200, description="Of what has no id.")] | None = None
    request_id: Annotated[UUID, Meta(description="The `X-Request-Id` of an answer.")] | None = None


class AuditQuery(_Filters):
    cursor: Cursor | None = None
    limit: Limit | None = None


class AuditExportQuery(_Filters):
    format: Annotated[Literal["csv", "jsonl"], Meta(description="Default: csv.")] | None = None


class AuditActor(Struct):
    """`id`: of a user, or of a program's token; `token_id`: the token or session that a user came by; `name`: of the
    operating system's user who typed a command (`shell`), else of the user or token as it is called today."""

    type: ActorType
    id: int | None
    name: str | None
    token_id: int | None


class AuditObject(Struct):
    type: _Word
    ids: list[int]
    name: str | None


class AuditEntry(Struct):
    """Something that was done. `details`: `before` and `after` of a change, counts, ids; nothing of a customer.
    `position` and `hash`: its place in the chain; null for some seconds."""

    entry_id: int
    timestamp: datetime
    actor: AuditActor
    address: str | None
    request_id: UUID | None
    action: _Word
    object: AuditObject
    # as PostgreSQL wrote it
    details: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object", "additionalProperties": True})]
    position: int | None
    hash: str | None


class AuditFault(Struct):
    """`position`, `entry_id`: of the entry that shows it; null: it is of a day, or of the chain's end."""

    position: int | None
    entry_id: int | None
    reason: str


class AuditVerification(Struct):
    """`whole`: nothing was changed, removed or moved. `entries`: how many were checked, from position `first` to
    `last`; `unsealed`: younger ones without a place yet. `faults`: the first hundred of `fault_count`. `public_keys`:
    Ed25519, in base64, that may have signed."""

    whole: bool
    entries: int
    first: int
    last: int
    days: int
    unsealed: int
    fault_count: int
    faults: list[AuditFault]
    public_keys: list[str]
